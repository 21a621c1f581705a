/**
 * Changing a file's size: `do_truncate` and the calls that end there.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { EACCES, EBADF, EFBIG, EINVAL, EISDIR } from "../syscalls/errno.ts";
import {
  ATTR_CTIME,
  ATTR_FILE,
  ATTR_FORCE,
  ATTR_KILL_PRIV,
  ATTR_MTIME,
  ATTR_SIZE,
  changeAttributes,
  IATTR,
  NOTIFY_CHANGE,
  privilegesLost,
} from "./attr.ts";
import { failsAt } from "./failures.ts";
import { MAY_WRITE } from "./permission.ts";
import { FILE, PATH } from "./fields.ts";
import { fileOf } from "./fdtable.ts";
import { MAX_POS } from "./read_write.ts";
import { AT_FDCWD, LOOKUP_FOLLOW } from "./modes.ts";
import { DECISIVE, INODE_PERMISSION, MNT_WANT_WRITE } from "./namei.ts";
import { PATH_PUT } from "./path_lookup.ts";
import { USER_PATH_AT_EMPTY, withPath } from "./place.ts";
import { FMODE_WRITE, S_IFDIR, S_IFREG } from "./modes.ts";
import { initUserNs } from "../process/user_namespace.ts";

const MNT_DROP_WRITE = fn("mnt_drop_write");

/** Cuts or extends the file behind a dentry. `timeAttrs` are `ATTR_` bits that go with it. */
export const DO_TRUNCATE: FunctionRef = behaviour(
  "do_truncate",
  [NOTIFY_CHANGE],
  (k, _userns, dentry = 0, length = 0, timeAttrs = 0, file = 0) => {
    const inode = k.vfs.dentries.get(dentry)?.inode;
    if (length < 0) return -EINVAL;
    if (length > MAX_POS) return -EFBIG;
    const failure = failsAt(k, "operation") || failsAt(k, "create");
    if (failure !== 0) return failure;
    const lost = inode ? privilegesLost(inode) & ~ATTR_KILL_PRIV : 0;
    const kills = inode !== null && inode !== undefined && (inode.mode & 0o6000) !== 0
      ? lost | ATTR_FORCE
      : 0;
    const valid = ATTR_SIZE | ATTR_MTIME | ATTR_CTIME | timeAttrs | kills | (file === 0 ? 0 : ATTR_FILE);
    return changeAttributes(k, dentry, valid, (attr) => {
      IATTR.size.set(k, attr, length);
      IATTR.file.set(k, attr, file);
    });
  },
);

/** `ftruncate`: 0 or -errno. */
export const DO_SYS_FTRUNCATE: FunctionRef = behaviour(
  "do_sys_ftruncate",
  [DO_TRUNCATE],
  (k, fd = 0, length = 0) => {
    if (length < 0) return -EINVAL;
    const file = fileOf(k, fd);
    if (file === undefined) return -EBADF;
    if (file.inode?.type !== S_IFREG || (FILE.mode.get(k, file.address) & FMODE_WRITE) === 0) return -EINVAL;
    return k.call(
      DO_TRUNCATE,
      initUserNs(k),
      file.dentry?.address ?? 0,
      length,
      0x2060,
      file.address,
    );
  },
);

/** Checks that the inode at the end of a path may be truncated, and does it. */
export const VFS_TRUNCATE: FunctionRef = behaviour(
  "vfs_truncate",
  [INODE_PERMISSION, MNT_WANT_WRITE, DO_TRUNCATE, MNT_DROP_WRITE],
  (k, path = 0, length = 0) => {
    const dentry = k.vfs.dentries.get(k.memory.readPointer(path + k.image.pointerSize));
    const inode = dentry?.inode ?? null;
    if (inode === null || dentry === undefined) return -EACCES;
    if (inode.type === S_IFDIR) return -EISDIR;
    if (inode.type !== S_IFREG) return -EINVAL;
    const ns = initUserNs(k);
    const mnt = PATH.mnt.get(k, path);
    let error = k.call(MNT_WANT_WRITE, mnt);
    if (error !== 0) return error;
    error = k.call(INODE_PERMISSION, ns, inode.address, MAY_WRITE, DECISIVE) || failsAt(k, "rights");
    if (error === 0) error = k.call(DO_TRUNCATE, ns, dentry.address, length, 0, 0);
    k.call(MNT_DROP_WRITE, mnt);
    return error;
  },
);

/** `truncate` in all its forms. */
export const DO_SYS_TRUNCATE: FunctionRef = behaviour(
  "do_sys_truncate",
  [USER_PATH_AT_EMPTY, VFS_TRUNCATE, PATH_PUT],
  (k, filename = 0, length = 0) => {
    if (length < 0) return -EINVAL;
    return withPath(
      k,
      AT_FDCWD,
      filename,
      LOOKUP_FOLLOW,
      (path) => k.call(VFS_TRUNCATE, path, length),
    );
  },
);
