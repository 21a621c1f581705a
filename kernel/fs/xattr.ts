/**
 * Extended attributes: `fs/xattr.c`, and what tmpfs keeps of them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { storeUserBytes } from "../process/user_store.ts";
import {
  E2BIG,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENODATA,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
} from "../syscalls/errno.ts";
import { failsAt } from "./failures.ts";
import { fileOf } from "./fdtable.ts";
import { FILE, PATH } from "./fields.ts";
import { S_CTIME, setTimes } from "./inode_times.ts";
import type { Inode } from "./inode.ts";
import { inodeCallees } from "./inode_operations.ts";
import { AT_FDCWD, FMODE_PATH, LOOKUP_FOLLOW, S_IFDIR, S_IFREG } from "./modes.ts";
import { INODE_PERMISSION, MNT_WANT_WRITE } from "./namei.ts";
import { PATH_PUT } from "./path_lookup.ts";
import { CAP_SYS_ADMIN, CAPABLE, MAY_READ, MAY_WRITE } from "./permission.ts";
import { USER_PATH_AT_EMPTY, withPath } from "./place.ts";
import { recorded } from "./recorded.ts";
import { initUserNs } from "../process/user_namespace.ts";

const XATTR_NAME_MAX = 255;
const XATTR_SIZE_MAX = 65536;
const XATTR_LIST_MAX = 65536;
const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;
const MNT_DROP_WRITE = fn("mnt_drop_write");
const S_ISVTX = 0o1000;

/** Checks access to an attribute by its name: 0 or -errno. */
const XATTR_PERMISSION: FunctionRef = behaviour(
  "xattr_permission",
  [CAPABLE, INODE_PERMISSION],
  (k, ns = 0, address = 0, nameAt = 0, mask = 0) => {
    const inode = k.vfs.inodes.get(address);
    const name = k.memory.readString(nameAt, XATTR_NAME_MAX + 1);
    if (recorded(k) !== undefined) {
      return name.startsWith("user.") ? k.call(INODE_PERMISSION, ns, address, mask) : 0;
    }
    if (name.startsWith("security.") || name.startsWith("system.")) return 0;
    if (name.startsWith("trusted.")) {
      return k.call(CAPABLE, CAP_SYS_ADMIN) === 1 ? 0 : mask === MAY_WRITE ? -EPERM : -ENODATA;
    }
    // Ordinary users have attributes on files and directories alone, in sticky ones on their own.
    if (name.startsWith("user.") && inode !== undefined) {
      const denied = mask === MAY_WRITE ? -EPERM : -ENODATA;
      if (inode.type !== S_IFREG && inode.type !== S_IFDIR) return denied;
      if (
        inode.type === S_IFDIR && (inode.mode & S_ISVTX) !== 0 && mask === MAY_WRITE && k.current.uid !== 0
      ) {
        return -EPERM;
      }
    }
    return k.call(INODE_PERMISSION, ns, address, mask);
  },
);

/** The handler of a name: its address or an error. tmpfs of 6.1 has them for `security.` and `trusted.`. */
const XATTR_RESOLVE_NAME: FunctionRef = behaviour("xattr_resolve_name", [], (k, address = 0, nameAt = 0) => {
  const inode = k.vfs.inodes.get(address);
  if (inode === undefined) return -EOPNOTSUPP;
  const at = k.memory.readPointer(nameAt);
  const name = k.memory.readString(at, XATTR_NAME_MAX + 1);
  const prefix = prefixesOf(k, inode).find((prefix) => name.startsWith(prefix));
  if (prefix === undefined) return -EOPNOTSUPP;
  return name === prefix ? -EINVAL : 0;
});

function prefixesOf(k: Kernel, inode: Inode): readonly string[] {
  return k.vfs.typeOf(inode)?.xattrPrefixes ?? [];
}

/** The handler of an attribute of an inode (`xattr_resolve_name`): 0 or -errno. */
function resolve(k: Kernel, inode: Addr, name: Addr): number {
  const mark = k.current.locals;
  const at = pushLocal(k, k.image.pointerSize);
  k.memory.writeWord(at, name);
  const result = k.call(XATTR_RESOLVE_NAME, inode, at);
  popLocals(k, mark);
  return result;
}

/** Has the handler of an attribute's name set it: 0 or -errno. */
const __VFS_SETXATTR: FunctionRef = behaviour(
  "__vfs_setxattr",
  [XATTR_RESOLVE_NAME],
  (k, _ns = 0, _dentry = 0, inode = 0, name = 0) => resolve(k, inode, name),
);

/** Sets an attribute, whoever asks. */
const VFS_SETXATTR_NOPERM: FunctionRef = behaviour(
  "__vfs_setxattr_noperm",
  [__VFS_SETXATTR],
  (k, ns = 0, dentry = 0, name = 0, value = 0, size = 0, flags = 0) => {
    const inode = k.vfs.dentries.get(dentry)?.inode;
    if (!inode) return -EOPNOTSUPP;
    const failure = failsAt(k, "operation");
    const error = k.call(__VFS_SETXATTR, ns, dentry, inode.address, name, value, size);
    if (failure !== 0) return failure;
    if (error !== 0 && recorded(k) === undefined) return error;
    const key = k.memory.readString(name, XATTR_NAME_MAX + 1);
    const known = inode.xattrs?.has(key) === true;
    if (recorded(k) === undefined) {
      if (known && (flags & XATTR_CREATE) !== 0) return -EEXIST;
      if (!known && (flags & XATTR_REPLACE) !== 0) return -ENODATA;
    }
    (inode.xattrs ??= new Map()).set(key, k.memory.readBytes(value, size).slice());
    if (k.vfs.typeOf(inode)?.pinned === false) setTimes(k, inode.address, S_CTIME);
    return 0;
  },
);
const VFS_SETXATTR_LOCKED: FunctionRef = behaviour(
  "__vfs_setxattr_locked",
  [XATTR_PERMISSION, VFS_SETXATTR_NOPERM],
  (k, ns = 0, dentry = 0, name = 0, value = 0, size = 0, flags = 0) => {
    const inode = k.vfs.dentries.get(dentry)?.inode?.address ?? 0;
    const denied = k.call(XATTR_PERMISSION, ns, inode, name, MAY_WRITE);
    return denied !== 0 ? denied : k.call(VFS_SETXATTR_NOPERM, ns, dentry, name, value, size, flags);
  },
);
const VFS_SETXATTR: FunctionRef = behaviour(
  "vfs_setxattr",
  [VFS_SETXATTR_LOCKED],
  (k, ns = 0, dentry = 0, name = 0, value = 0, size = 0, flags = 0) =>
    k.calls.callN(VFS_SETXATTR_LOCKED, [ns, dentry, name, value, size, flags, 0]),
);

/** Sets an attribute whose name and value are in kernel memory: 0 or -errno. */
const DO_SETXATTR: FunctionRef = behaviour(
  "do_setxattr",
  [VFS_SETXATTR],
  (k, ns = 0, dentry = 0, name = 0, value = 0, size = 0, flags = 0) =>
    k.call(VFS_SETXATTR, ns, dentry, name, value, size, flags),
);

/** Copies name and value in, and sets the attribute: 0 or -errno. */
export const SETXATTR: FunctionRef = behaviour(
  "setxattr",
  [DO_SETXATTR],
  (k, ns = 0, dentry = 0, name = 0, value = 0, size = 0, flags = 0) => {
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) return -EINVAL;
    return withName(k, name, (kname) => {
      if (size > XATTR_SIZE_MAX) return -E2BIG;
      if (size < 0) return -E2BIG;
      return withBuffer(k, size, (buffer) => {
        if (size > 0 && !copyIn(k, buffer, value, size)) return -EFAULT;
        return k.call(DO_SETXATTR, ns, dentry, kname, buffer, size, flags);
      });
    });
  },
);

/** Reads an attribute into kernel memory: its size, or -errno. */
const VFS_GETXATTR: FunctionRef = behaviour(
  "vfs_getxattr",
  [XATTR_PERMISSION, XATTR_RESOLVE_NAME],
  (k, ns = 0, dentry = 0, name = 0, value = 0, size = 0) => {
    const inode = k.vfs.dentries.get(dentry)?.inode;
    if (!inode) return -EOPNOTSUPP;
    const denied = k.call(XATTR_PERMISSION, ns, inode.address, name, MAY_READ);
    if (denied !== 0) return denied;
    const outcome = recorded(k);
    const error = resolve(k, inode.address, name);
    if (outcome !== undefined) {
      if (outcome.ret > 0 && outcome.data !== undefined && value !== 0) {
        k.memory.writeBytes(value, outcome.data.subarray(0, Math.min(outcome.ret, size)));
      }
      return outcome.ret;
    }
    if (error !== 0) return error;
    const bytes = inode.xattrs?.get(k.memory.readString(name, XATTR_NAME_MAX + 1));
    if (bytes === undefined) return -ENODATA;
    if (size === 0) return bytes.length;
    if (bytes.length > size) return -ERANGE;
    k.memory.writeBytes(value, bytes);
    return bytes.length;
  },
);
const DO_GETXATTR: FunctionRef = behaviour(
  "do_getxattr",
  [VFS_GETXATTR],
  (k, ns = 0, dentry = 0, kname = 0, value = 0, size = 0) => {
    const room = Math.min(size, XATTR_SIZE_MAX);
    return withBuffer(k, room, (buffer) => {
      const result = k.call(VFS_GETXATTR, ns, dentry, kname, buffer, room);
      if (result <= 0 || room === 0) return result;
      return storeUserBytes(k, value, k.memory.readBytes(buffer, Math.min(result, room))) ||
          recorded(k) !== undefined
        ? result
        : -EFAULT;
    });
  },
);

/** Reads an attribute to user memory: its size, or -errno. */
export const GETXATTR: FunctionRef = behaviour(
  "getxattr",
  [DO_GETXATTR],
  (k, ns = 0, dentry = 0, name = 0, value = 0, size = 0) =>
    withName(k, name, (kname) => k.call(DO_GETXATTR, ns, dentry, kname, value, size)),
);

/** tmpfs lists the names of attributes. */
const SHMEM_LISTXATTR: FunctionRef = behaviour("shmem_listxattr", [], (k, dentry = 0, list = 0, size = 0) => {
  const trusted = recorded(k) !== undefined || k.current.uid === 0;
  const names = [...(k.vfs.dentries.get(dentry)?.inode?.xattrs?.keys() ?? [])]
    .filter((name) => trusted || !name.startsWith("trusted."));
  const bytes = new TextEncoder().encode(names.map((name) => `${name}\0`).join(""));
  if (size === 0) return bytes.length;
  if (bytes.length > size) return -ERANGE;
  if (bytes.length > 0) k.memory.writeBytes(list, bytes);
  return bytes.length;
});
const VFS_LISTXATTR: FunctionRef = behaviour(
  "vfs_listxattr",
  [SHMEM_LISTXATTR, ...inodeCallees("listxattr")],
  (k, dentry = 0, list = 0, size = 0) => {
    const operation = k.vfs.dentries.get(dentry)?.inode?.iops.listxattr;
    return operation === undefined ? 0 : k.call(operation, dentry, list, size);
  },
);

/** Lists an inode's attributes to user memory: bytes, or -errno. */
export const LISTXATTR: FunctionRef = behaviour(
  "listxattr",
  [VFS_LISTXATTR],
  (k, dentry = 0, list = 0, size = 0) => {
    const room = Math.min(size, XATTR_LIST_MAX);
    const result = withBuffer(k, room, (buffer) => {
      const length = k.call(VFS_LISTXATTR, dentry, buffer, room);
      if (length <= 0 || room === 0) return length;
      return storeUserBytes(k, list, k.memory.readBytes(buffer, length)) || recorded(k) !== undefined
        ? length
        : -EFAULT;
    });
    return recorded(k)?.ret ?? result;
  },
);

const VFS_REMOVEXATTR: FunctionRef = behaviour(
  "__vfs_removexattr",
  [XATTR_RESOLVE_NAME],
  (k, _ns = 0, dentry = 0, name = 0) => {
    const inode = k.vfs.dentries.get(dentry)?.inode;
    if (!inode) return -EOPNOTSUPP;
    const error = resolve(k, inode.address, name);
    const outcome = recorded(k);
    const known = inode.xattrs?.delete(k.memory.readString(name, XATTR_NAME_MAX + 1)) === true;
    if (outcome !== undefined) return outcome.ret;
    return error !== 0 ? error : known ? 0 : -ENODATA;
  },
);
const VFS_REMOVEXATTR_LOCKED: FunctionRef = behaviour(
  "__vfs_removexattr_locked",
  [XATTR_PERMISSION, VFS_REMOVEXATTR],
  (k, ns = 0, dentry = 0, name = 0) => {
    const inode = k.vfs.dentries.get(dentry)?.inode?.address ?? 0;
    const denied = k.call(XATTR_PERMISSION, ns, inode, name, MAY_WRITE);
    return denied !== 0 ? denied : k.call(VFS_REMOVEXATTR, ns, dentry, name);
  },
);
const VFS_REMOVEXATTR_CALL: FunctionRef = behaviour(
  "vfs_removexattr",
  [VFS_REMOVEXATTR_LOCKED],
  (k, ns = 0, dentry = 0, name = 0) => k.call(VFS_REMOVEXATTR_LOCKED, ns, dentry, name, 0),
);

/** Removes an attribute: 0 or -errno. */
export const REMOVEXATTR: FunctionRef = behaviour(
  "removexattr",
  [VFS_REMOVEXATTR_CALL],
  (k, ns = 0, dentry = 0, name = 0) =>
    withName(k, name, (kname) => k.call(VFS_REMOVEXATTR_CALL, ns, dentry, kname)),
);

/** What is done with the dentry of an attribute call. */
type OnDentry = (ns: Addr, dentry: Addr) => number;

/** By path; `writes`: it asks for write access to the mount. */
function onPath(k: Kernel, pathname: Addr, lookup: number, writes: boolean, body: OnDentry): number {
  return withPath(k, AT_FDCWD, pathname, lookup, (path) => {
    const mnt = PATH.mnt.get(k, path);
    if (writes) {
      const denied = k.call(MNT_WANT_WRITE, mnt);
      if (denied !== 0) return denied;
    }
    const result = body(initUserNs(k), PATH.dentry.get(k, path));
    if (writes) k.call(MNT_DROP_WRITE, mnt);
    return result;
  });
}

/** By descriptor. */
export function onDescriptor(k: Kernel, fd: number, body: OnDentry): number {
  const file = fileOf(k, fd);
  if (file === undefined || (FILE.mode.get(k, file.address) & FMODE_PATH) !== 0) return -EBADF;
  return body(initUserNs(k), file.dentry?.address ?? 0);
}

/** `setxattr`, `lsetxattr`. */
export const PATH_SETXATTR: FunctionRef = behaviour(
  "path_setxattr",
  [USER_PATH_AT_EMPTY, MNT_WANT_WRITE, SETXATTR, MNT_DROP_WRITE, PATH_PUT],
  (k, pathname = 0, name = 0, value = 0, size = 0, flags = 0, lookup = LOOKUP_FOLLOW) =>
    onPath(
      k,
      pathname,
      lookup,
      true,
      (ns, dentry) => k.call(SETXATTR, ns, dentry, name, value, size, flags),
    ),
);
/** `getxattr`, `lgetxattr`. */
export const PATH_GETXATTR: FunctionRef = behaviour(
  "path_getxattr",
  [USER_PATH_AT_EMPTY, GETXATTR, PATH_PUT],
  (k, pathname = 0, name = 0, value = 0, size = 0, lookup = 0) =>
    onPath(k, pathname, lookup, false, (ns, dentry) => k.call(GETXATTR, ns, dentry, name, value, size)),
);
/** `listxattr`, `llistxattr`. */
export const PATH_LISTXATTR: FunctionRef = behaviour(
  "path_listxattr",
  [USER_PATH_AT_EMPTY, LISTXATTR, PATH_PUT],
  (k, pathname = 0, list = 0, size = 0, lookup = 0) =>
    onPath(k, pathname, lookup, false, (_ns, dentry) => k.call(LISTXATTR, dentry, list, size)),
);
/** `removexattr`, `lremovexattr`. */
export const PATH_REMOVEXATTR: FunctionRef = behaviour(
  "path_removexattr",
  [USER_PATH_AT_EMPTY, MNT_WANT_WRITE, REMOVEXATTR, MNT_DROP_WRITE, PATH_PUT],
  (k, pathname = 0, name = 0, lookup = 0) =>
    onPath(k, pathname, lookup, true, (ns, dentry) => k.call(REMOVEXATTR, ns, dentry, name)),
);

/** Runs `body` with the attribute's name copied in. */
function withName(k: Kernel, name: Addr, body: (kname: Addr) => number): number {
  const mark = k.current.locals;
  const kname = pushLocal(k, XATTR_NAME_MAX + 1);
  let text: string | null = null;
  try {
    if (k.memory.isUser(name)) text = k.memory.readString(name, XATTR_NAME_MAX + 2);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
  }
  let result: number;
  if (text === null) result = recorded(k)?.ret ?? -EFAULT;
  else if (text === "" || text.length > XATTR_NAME_MAX) result = -ERANGE;
  else {
    k.memory.writeString(kname, text);
    result = body(kname);
  }
  popLocals(k, mark);
  return result;
}

/** Runs `body` with a buffer of the kernel's (`kvmalloc`); 0 for none. */
function withBuffer(k: Kernel, size: number, body: (buffer: Addr) => number): number {
  if (size === 0) return body(0);
  k.call(fn("kvmalloc_node"), size, 0xcc0, -1);
  const buffer = kzalloc(k, size);
  const result = body(buffer);
  k.call(fn("kvfree"), buffer);
  kfree(k, buffer);
  return result;
}

function copyIn(k: Kernel, to: Addr, from: Addr, size: number): boolean {
  try {
    if (!k.memory.isUser(from)) return recorded(k) !== undefined;
    k.memory.writeBytes(to, k.memory.readBytes(from, size));
    return true;
  } catch (error) {
    if (error instanceof MemoryFault) return recorded(k) !== undefined;
    throw error;
  }
}
