/**
 * System calls on extended attributes, and those that tell of file systems.
 *
 * @module
 */

import type { FunctionRef } from "../calls/function.ts";
import { LOOKUP_FOLLOW } from "../fs/modes.ts";
import { DO_STATFS64, DO_STATFS_NATIVE, FD_STATFS, statfs, USER_STATFS } from "../fs/statfs.ts";
import {
  GETXATTR,
  LISTXATTR,
  onDescriptor,
  PATH_GETXATTR,
  PATH_LISTXATTR,
  PATH_REMOVEXATTR,
  PATH_SETXATTR,
  REMOVEXATTR,
  SETXATTR,
} from "../fs/xattr.ts";
import type { Kernel } from "../kernel.ts";
import { fn } from "../calls/function.ts";
import { MNT_WANT_WRITE } from "../fs/namei.ts";
import { fileOf } from "../fs/fdtable.ts";
import { FILE } from "../fs/fields.ts";
import { syscall } from "./define.ts";

for (const [prefix, lookup] of [["", LOOKUP_FOLLOW], ["l", 0]] as const) {
  syscall(
    `${prefix}setxattr`,
    ["ulong", "ulong", "ulong", "ulong", "int"],
    [PATH_SETXATTR],
    (k, path = 0, name = 0, value = 0, size = 0, flags = 0) =>
      k.calls.callN(PATH_SETXATTR, [path, name, value, size, flags, lookup]),
  );
  syscall(
    `${prefix}getxattr`,
    ["ulong", "ulong", "ulong", "ulong"],
    [PATH_GETXATTR],
    (k, path, name, value, size) => k.call(PATH_GETXATTR, path, name, value, size, lookup),
  );
  syscall(
    `${prefix}listxattr`,
    ["ulong", "ulong", "ulong"],
    [PATH_LISTXATTR],
    (k, path, list, size) => k.call(PATH_LISTXATTR, path, list, size, lookup),
  );
  syscall(
    `${prefix}removexattr`,
    ["ulong", "ulong"],
    [PATH_REMOVEXATTR],
    (k, path, name) => k.call(PATH_REMOVEXATTR, path, name, lookup),
  );
}

const MNT_DROP_WRITE_FILE = fn("mnt_drop_write_file");
/** A change through a descriptor asks for write access to the mount of its file. */
function changing(k: Kernel, fd: number, body: (ns: number, dentry: number) => number): number {
  return onDescriptor(k, fd, (ns, dentry) => {
    const file = fileOf(k, fd)?.address ?? 0;
    const denied = k.call(MNT_WANT_WRITE, FILE.mnt.get(k, file));
    if (denied !== 0) return denied;
    const result = body(ns, dentry);
    k.call(MNT_DROP_WRITE_FILE, file);
    return result;
  });
}
syscall(
  "fsetxattr",
  ["int", "ulong", "ulong", "ulong", "int"],
  [MNT_WANT_WRITE, SETXATTR, MNT_DROP_WRITE_FILE],
  (k, fd = 0, name = 0, value = 0, size = 0, flags = 0) =>
    changing(k, fd, (ns, dentry) => k.call(SETXATTR, ns, dentry, name, value, size, flags)),
);
syscall(
  "fgetxattr",
  ["int", "ulong", "ulong", "ulong"],
  [GETXATTR],
  (k, fd = 0, name = 0, value = 0, size = 0) =>
    onDescriptor(k, fd, (ns, dentry) => k.call(GETXATTR, ns, dentry, name, value, size)),
);
syscall(
  "flistxattr",
  ["int", "ulong", "ulong"],
  [LISTXATTR],
  (k, fd = 0, list = 0, size = 0) =>
    onDescriptor(k, fd, (_ns, dentry) => k.call(LISTXATTR, dentry, list, size)),
);
syscall(
  "fremovexattr",
  ["int", "ulong"],
  [MNT_WANT_WRITE, REMOVEXATTR, MNT_DROP_WRITE_FILE],
  (k, fd = 0, name = 0) => changing(k, fd, (ns, dentry) => k.call(REMOVEXATTR, ns, dentry, name)),
);

for (
  const [name, ask, kind] of [["statfs", USER_STATFS, "ulong"], ["fstatfs", FD_STATFS, "uint"]] as const
) {
  const calls: FunctionRef[] = [ask, DO_STATFS_NATIVE];
  syscall(
    name,
    [kind, "ulong"],
    calls,
    (k, what = 0, buf = 0) => statfs(k, ask, what, DO_STATFS_NATIVE, buf),
  );
  syscall(
    `${name}64`,
    [kind, "ulong", "ulong"],
    [ask, DO_STATFS64],
    (k, what = 0, size = 0, buf = 0) => statfs(k, ask, what, DO_STATFS64, buf, size),
  );
}
