/**
 * The `stat` family.
 *
 * @module
 */

import type { FunctionRef } from "../calls/function.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "../fs/modes.ts";
import { GETNAME_FLAGS, PUTNAME } from "../fs/names.ts";
import {
  CP_NEW_STAT,
  CP_NEW_STAT64,
  DO_STATX,
  statxLookup,
  VFS_FSTAT,
  VFS_FSTATAT,
  withKstat,
} from "../fs/stat.ts";
import type { Kernel } from "../kernel.ts";
import { syscall } from "./define.ts";

function pathStat(
  k: Kernel,
  copy: FunctionRef,
  dfd: number,
  filename: number,
  buf: number,
  flags: number,
): number {
  return withKstat(k, (stat) => {
    const error = k.call(VFS_FSTATAT, dfd, filename, stat, flags);
    return error === 0 ? k.call(copy, stat, buf) : error;
  });
}

function fdStat(k: Kernel, copy: FunctionRef, fd: number, buf: number): number {
  return withKstat(k, (stat) => {
    const error = k.call(VFS_FSTAT, fd, stat);
    return error === 0 ? k.call(copy, stat, buf) : error;
  });
}

for (const [suffix, copy] of [["new", CP_NEW_STAT], ["64", CP_NEW_STAT64]] as const) {
  const [stat, lstat, fstat, fstatat] = suffix === "new"
    ? ["newstat", "newlstat", "newfstat", "newfstatat"]
    : ["stat64", "lstat64", "fstat64", "fstatat64"];
  syscall(
    stat,
    ["ulong", "ulong"],
    [VFS_FSTATAT, copy],
    (k, filename = 0, buf = 0) => pathStat(k, copy, AT_FDCWD, filename, buf, 0),
  );
  syscall(
    lstat,
    ["ulong", "ulong"],
    [VFS_FSTATAT, copy],
    (k, filename = 0, buf = 0) => pathStat(k, copy, AT_FDCWD, filename, buf, AT_SYMLINK_NOFOLLOW),
  );
  syscall(fstat, ["int", "ulong"], [VFS_FSTAT, copy], (k, fd = 0, buf = 0) => fdStat(k, copy, fd, buf));
  syscall(
    fstatat,
    ["int", "ulong", "ulong", "int"],
    [VFS_FSTATAT, copy],
    (k, dfd = 0, filename = 0, buf = 0, flags = 0) => pathStat(k, copy, dfd, filename, buf, flags),
  );
}

syscall(
  "statx",
  ["int", "ulong", "uint", "uint", "ulong"],
  [GETNAME_FLAGS, DO_STATX, PUTNAME],
  (k, dfd, filename, flags = 0, mask, buf) => {
    const name = k.call(GETNAME_FLAGS, filename, statxLookup(flags), 0);
    const error = k.call(DO_STATX, dfd, name, flags, mask, buf);
    k.call(PUTNAME, name);
    return error;
  },
);
