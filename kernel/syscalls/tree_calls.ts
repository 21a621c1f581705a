/**
 * System calls that change and list the tree of files.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { DO_DUP2, KSYS_DUP3 } from "../fs/dup.ts";
import { fcntl, FCNTL_CALLS } from "../fs/fcntl.ts";
import { fileOf } from "../fs/fdtable.ts";
import { FILE, PATH } from "../fs/fields.ts";
import { fdFile } from "../fs/files_struct.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  LOOKUP_EMPTY,
  LOOKUP_FOLLOW,
} from "../fs/modes.ts";
import { forget } from "../fs/lookup.ts";
import { INODE_PERMISSION } from "../fs/namei.ts";
import { PATH_PUT } from "../fs/path_lookup.ts";
import {
  DO_MKDIRAT,
  DO_RMDIR,
  DO_SYMLINKAT,
  DO_UNLINKAT,
  FILENAME_CREATE,
  VFS_LINK,
} from "../fs/namei_ops.ts";
import { DO_RENAMEAT2 } from "../fs/rename.ts";
import { GETNAME, GETNAME_FLAGS, isErr, PUTNAME } from "../fs/names.ts";
import {
  CHDIR_LOOKUP,
  chdirTo,
  DO_FACCESSAT,
  DO_READLINKAT,
  getcwd,
  SET_FS_PWD,
  USER_PATH_AT_EMPTY,
  withPath,
} from "../fs/place.ts";
import { getdents64, READDIR_CALLS } from "../fs/readdir.ts";
import { recorded } from "../fs/recorded.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { DO_SYS_FTRUNCATE, DO_SYS_TRUNCATE } from "../fs/truncate.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { EBADF, EINVAL, EXDEV } from "./errno.ts";
import { wide } from "./io_calls.ts";
import { initUserNs } from "../process/user_namespace.ts";

const MKDIR = [GETNAME, DO_MKDIRAT];
syscall(
  "mkdir",
  ["ulong", "uint"],
  MKDIR,
  (k, path, mode) => k.call(DO_MKDIRAT, AT_FDCWD, k.call(GETNAME, path), mode),
);
syscall(
  "mkdirat",
  ["int", "ulong", "uint"],
  MKDIR,
  (k, dfd, path, mode) => k.call(DO_MKDIRAT, dfd, k.call(GETNAME, path), mode),
);
syscall(
  "rmdir",
  ["ulong"],
  [GETNAME, DO_RMDIR],
  (k, path) => k.call(DO_RMDIR, AT_FDCWD, k.call(GETNAME, path)),
);
syscall(
  "unlink",
  ["ulong"],
  [GETNAME, DO_UNLINKAT],
  (k, path) => k.call(DO_UNLINKAT, AT_FDCWD, k.call(GETNAME, path)),
);
syscall("unlinkat", ["int", "ulong", "int"], [GETNAME, DO_UNLINKAT, DO_RMDIR], (k, dfd, path, flag = 0) => {
  if ((flag & ~AT_REMOVEDIR) !== 0) return -EINVAL;
  return k.call((flag & AT_REMOVEDIR) !== 0 ? DO_RMDIR : DO_UNLINKAT, dfd, k.call(GETNAME, path));
});

const RENAME = [GETNAME, DO_RENAMEAT2];
function rename(k: Kernel, fromDfd: number, from: number, toDfd: number, to: number, flags: number): number {
  const source = k.call(GETNAME, from);
  return k.call(DO_RENAMEAT2, fromDfd, source, toDfd, k.call(GETNAME, to), flags);
}
syscall(
  "rename",
  ["ulong", "ulong"],
  RENAME,
  (k, from = 0, to = 0) => rename(k, AT_FDCWD, from, AT_FDCWD, to, 0),
);
syscall(
  "renameat",
  ["int", "ulong", "int", "ulong"],
  RENAME,
  (k, fromDfd = 0, from = 0, toDfd = 0, to = 0) => {
    return rename(k, fromDfd, from, toDfd, to, 0);
  },
);
syscall(
  "renameat2",
  ["int", "ulong", "int", "ulong", "uint"],
  RENAME,
  (k, fromDfd = 0, from = 0, toDfd = 0, to = 0, flags = 0) => rename(k, fromDfd, from, toDfd, to, flags),
);

const SYMLINK = [GETNAME, DO_SYMLINKAT];
function symlink(k: Kernel, from: number, dfd: number, to: number): number {
  const target = k.call(GETNAME, from);
  return k.call(DO_SYMLINKAT, target, dfd, k.call(GETNAME, to));
}
syscall("symlink", ["ulong", "ulong"], SYMLINK, (k, from = 0, to = 0) => symlink(k, from, AT_FDCWD, to));
syscall(
  "symlinkat",
  ["ulong", "int", "ulong"],
  SYMLINK,
  (k, from = 0, dfd = 0, to = 0) => symlink(k, from, dfd, to),
);

/** `link`: 0 or -errno. */
const DO_LINKAT: FunctionRef = behaviour(
  "do_linkat",
  [FILENAME_CREATE, VFS_LINK, PATH_PUT, fn("filename_lookup"), PUTNAME],
  (k, fromDfd = 0, from = 0, toDfd = 0, to = 0, flags = 0) => {
    if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
    if (isErr(from)) return from;
    if (isErr(to)) return to;
    const mark = k.current.locals;
    const old = pushLocal(k, sizeOfStruct(k, "path"));
    const parent = pushLocal(k, sizeOfStruct(k, "path"));
    const follow = ((flags & AT_SYMLINK_FOLLOW) !== 0 ? LOOKUP_FOLLOW : 0) |
      ((flags & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
    let error = k.call(fn("filename_lookup"), fromDfd, from, follow, old, 0);
    if (error === 0) {
      const dentry = k.call(FILENAME_CREATE, toDfd, to, parent, 0);
      // Between mounts nothing is linked.
      const elsewhere = !isErr(dentry) && PATH.mnt.get(k, old) !== PATH.mnt.get(k, parent);
      error = isErr(dentry)
        ? dentry
        : (recorded(k) === undefined ? elsewhere : recorded(k)?.ret === -EXDEV)
        ? -EXDEV
        : 0;
      if (error === 0) {
        const dir = k.vfs.dentries.get(PATH.dentry.get(k, parent))?.inode?.address ?? 0;
        error = k.call(VFS_LINK, PATH.dentry.get(k, old), initUserNs(k), dir, dentry, 0);
      }
      if (!isErr(dentry) && error !== 0) forget(k, dentry);
      k.call(PATH_PUT, old);
    }
    popLocals(k, mark);
    k.call(PUTNAME, from);
    k.call(PUTNAME, to);
    return error;
  },
);
const LINK = [GETNAME, GETNAME_FLAGS, DO_LINKAT];
function link(k: Kernel, fromDfd: number, from: number, toDfd: number, to: number, flags: number): number {
  const source = (flags & AT_EMPTY_PATH) !== 0
    ? k.call(GETNAME_FLAGS, from, LOOKUP_EMPTY, 0)
    : k.call(GETNAME, from);
  return k.call(DO_LINKAT, fromDfd, source, toDfd, k.call(GETNAME, to), flags);
}
syscall("link", ["ulong", "ulong"], LINK, (k, from = 0, to = 0) => link(k, AT_FDCWD, from, AT_FDCWD, to, 0));
syscall(
  "linkat",
  ["int", "ulong", "int", "ulong", "int"],
  LINK,
  (k, fromDfd = 0, from = 0, toDfd = 0, to = 0, flags = 0) => link(k, fromDfd, from, toDfd, to, flags),
);

syscall(
  "getdents64",
  ["int", "ulong", "uint"],
  READDIR_CALLS,
  (k, fd = 0, buf = 0, count = 0) => getdents64(k, fd, buf, count),
);

syscall("dup2", ["int", "int"], [KSYS_DUP3, DO_DUP2], (k, oldfd = 0, newfd = 0) => {
  if (oldfd !== newfd) return k.call(KSYS_DUP3, oldfd, newfd, 0);
  return fdFile(k, k.current.files, oldfd) === 0 ? -EBADF : oldfd;
});
syscall(
  "dup3",
  ["int", "int", "int"],
  [KSYS_DUP3],
  (k, oldfd, newfd, flags) => k.call(KSYS_DUP3, oldfd, newfd, flags),
);
for (const [name, wide] of [["fcntl", false], ["fcntl64", true]] as const) {
  blockingSyscall(
    name,
    ["int", "uint", "ulong"],
    FCNTL_CALLS,
    (k, fd = 0, cmd = 0, arg = 0) => fcntl(k, fd, cmd, arg, wide),
  );
}
syscall(
  "chdir",
  ["ulong"],
  [USER_PATH_AT_EMPTY, INODE_PERMISSION, SET_FS_PWD, PATH_PUT],
  (k, filename = 0) => {
    return withPath(k, AT_FDCWD, filename, CHDIR_LOOKUP, (path) => chdirTo(k, path));
  },
);
syscall("fchdir", ["int"], [INODE_PERMISSION, SET_FS_PWD], (k, fd = 0) => {
  const file = fileOf(k, fd);
  return file === undefined ? -EBADF : chdirTo(k, FILE.path.at(k, file.address));
});
syscall("getcwd", ["ulong", "ulong"], [fn("prepend_path")], (k, buf = 0, size = 0) => getcwd(k, buf, size));

const ACCESS = [DO_FACCESSAT];
syscall("access", ["ulong", "int"], ACCESS, (k, path, mode) => k.call(DO_FACCESSAT, AT_FDCWD, path, mode, 0));
syscall(
  "faccessat",
  ["int", "ulong", "int"],
  ACCESS,
  (k, dfd, path, mode) => k.call(DO_FACCESSAT, dfd, path, mode, 0),
);
syscall(
  "faccessat2",
  ["int", "ulong", "int", "int"],
  ACCESS,
  (k, dfd, path, mode, flags) => k.call(DO_FACCESSAT, dfd, path, mode, flags),
);
const READLINK = [DO_READLINKAT];
syscall(
  "readlink",
  ["ulong", "ulong", "int"],
  READLINK,
  (k, path, buf, size) => k.call(DO_READLINKAT, AT_FDCWD, path, buf, size),
);
syscall(
  "readlinkat",
  ["int", "ulong", "ulong", "int"],
  READLINK,
  (k, dfd, path, buf, size) => k.call(DO_READLINKAT, dfd, path, buf, size),
);

const FTRUNCATE = [DO_SYS_FTRUNCATE];
syscall("ftruncate", ["int", "long"], FTRUNCATE, (k, fd, length) => k.call(DO_SYS_FTRUNCATE, fd, length, 1));
syscall("ia32_ftruncate64", ["int", "uint", "uint"], FTRUNCATE, (k, fd, low = 0, high = 0) => {
  return k.call(DO_SYS_FTRUNCATE, fd, wide(low, high), 0);
});
const TRUNCATE = [DO_SYS_TRUNCATE];
syscall(
  "truncate",
  ["ulong", "long"],
  TRUNCATE,
  (k, filename = 0, length = 0) => k.call(DO_SYS_TRUNCATE, filename, length),
);
syscall("ia32_truncate64", ["ulong", "uint", "uint"], TRUNCATE, (k, filename = 0, low = 0, high = 0) => {
  return k.call(DO_SYS_TRUNCATE, filename, wide(low, high));
});
