/**
 * System calls that open, read, write and close.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { ALLOC_FD, CLOSE_FD, FD_INSTALL, fileOf } from "../fs/fdtable.ts";
import { FILE } from "../fs/fields.ts";
import { SEEKERS } from "../fs/fileops.ts";
import {
  AT_FDCWD,
  FMODE_LSEEK,
  O_CREAT,
  O_PATH,
  O_TRUNC,
  O_WRONLY,
  openFlags,
  withLargefile,
} from "../fs/modes.ts";
import { DO_SYS_OPENAT2, exactHow, openHow } from "../fs/open.ts";
import { DO_PIPE2 } from "../fs/pipe.ts";
import { KSYS_PREAD64, KSYS_PWRITE64, KSYS_READ, KSYS_WRITE } from "../fs/read_write.ts";
import { recordedOr } from "../fs/recorded.ts";
import { DO_PREADV, DO_PWRITEV, DO_READV, DO_WRITEV } from "../fs/vectors.ts";
import type { Kernel } from "../kernel.ts";
import { maxDescriptors } from "../process/rlimit.ts";
import { popLocals } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { E2BIG, EBADF, EFAULT, EINVAL, EOPNOTSUPP, ESPIPE } from "./errno.ts";
import { storeUser } from "../process/user_store.ts";

/** `open` in all its forms. */
export const DO_SYS_OPEN: FunctionRef = behaviour(
  "do_sys_open",
  [DO_SYS_OPENAT2],
  (k, dfd = 0, filename = 0, flags = 0, mode = 0) => {
    const mark = k.current.locals;
    const how = openHow(k, flags, mode);
    // On x86 the flags that `how` was made of are still where a fourth argument would be.
    const fd = k.archName === "arm64"
      ? k.call(DO_SYS_OPENAT2, dfd, filename, how)
      : k.call(DO_SYS_OPENAT2, dfd, filename, how, flags);
    popLocals(k, mark);
    return fd;
  },
);

syscall(
  "openat",
  ["int", "ulong", "int", "uint"],
  [DO_SYS_OPEN],
  (k, dfd = 0, filename, flags = 0, mode) =>
    k.call(DO_SYS_OPEN, dfd, filename, withLargefile(k.image.arch, flags), mode),
);
syscall(
  "open",
  ["ulong", "int", "uint"],
  [DO_SYS_OPEN],
  (k, filename, flags = 0, mode) =>
    k.call(DO_SYS_OPEN, AT_FDCWD, filename, withLargefile(k.image.arch, flags), mode),
);
syscall(
  "creat",
  ["ulong", "uint"],
  [DO_SYS_OPEN],
  (k, filename, mode) =>
    k.call(DO_SYS_OPEN, AT_FDCWD, filename, withLargefile(k.image.arch, O_CREAT | O_WRONLY | O_TRUNC), mode),
);
/** Bytes of `struct open_how` that every caller has. */
const OPEN_HOW = 24;
syscall(
  "openat2",
  ["int", "ulong", "ulong", "ulong"],
  [DO_SYS_OPENAT2],
  (k, dfd, filename, how = 0, size = 0) => {
    const replayed = k.current.request?.recorded !== undefined;
    if (!replayed && size < OPEN_HOW) return -EINVAL;
    if (!replayed && size > 4096) return -E2BIG;
    const [flags = NaN, high = NaN, mode = NaN, resolve = NaN] = [0, 4, 8, 16].map((at) =>
      loadUser(k, how + at, at === 4 || at === 0 ? 4 : 8, false)
    );
    if (!replayed) {
      if (Number.isNaN(flags + mode + resolve)) return -EFAULT;
      // What a newer caller asks for must be nothing.
      for (let at = OPEN_HOW; at < size; at++) if (loadUser(k, how + at, 1, false) !== 0) return -E2BIG;
      if (high !== 0) return -EINVAL;
    }
    const mark = k.current.locals;
    const whole = (openFlags(k.image.arch, flags) & O_PATH) !== 0
      ? flags | 0
      : withLargefile(k.image.arch, flags | 0);
    const exact = exactHow(k, whole, Number.isNaN(mode) ? 0 : mode, Number.isNaN(resolve) ? 0 : resolve);
    const fd = k.call(DO_SYS_OPENAT2, dfd, filename, exact);
    popLocals(k, mark);
    return fd;
  },
);
syscall("close", ["int"], [CLOSE_FD], (k, fd) => k.call(CLOSE_FD, fd));

blockingSyscall(
  "read",
  ["int", "ulong", "ulong"],
  [KSYS_READ],
  (k, fd, buf, count) => k.calls.callOrWait(KSYS_READ, fd, buf, count),
);
blockingSyscall(
  "write",
  ["int", "ulong", "ulong"],
  [KSYS_WRITE],
  (k, fd, buf, count) => k.calls.callOrWait(KSYS_WRITE, fd, buf, count),
);
for (const [name, operation] of [["pread64", KSYS_PREAD64], ["pwrite64", KSYS_PWRITE64]] as const) {
  blockingSyscall(
    name,
    ["int", "ulong", "ulong", "long"],
    [operation],
    (k, fd, buf, count, pos) => k.calls.callOrWait(operation, fd, buf, count, pos),
  );
  // i386 passes the position in two registers.
  blockingSyscall(
    `ia32_${name}`,
    ["int", "ulong", "ulong", "uint", "uint"],
    [operation],
    (k, fd, buf, count, low = 0, high = 0) => k.calls.callOrWait(operation, fd, buf, count, wide(low, high)),
  );
}
for (const [name, operation] of [["readv", DO_READV], ["writev", DO_WRITEV]] as const) {
  blockingSyscall(
    name,
    ["int", "ulong", "ulong"],
    [operation],
    (k, fd, vec, vlen) => k.calls.callOrWait(operation, fd, vec, vlen, 0),
  );
}
for (const [name, operation] of [["preadv", DO_PREADV], ["pwritev", DO_PWRITEV]] as const) {
  blockingSyscall(
    name,
    ["int", "ulong", "ulong", "ulong", "ulong"],
    [operation],
    (k, fd, vec, vlen, low = 0, high = 0) => {
      const pos = k.image.pointerSize === 4 ? wide(low >>> 0, high) : low;
      return k.calls.callOrWait(operation, fd, vec, vlen, pos, 0);
    },
  );
}

/** Flags that `preadv2` and `pwritev2` take; what is transferred is the same with them. */
const RWF_SUPPORTED = 0x1f;
for (
  const [name, placed, here] of [["preadv2", DO_PREADV, DO_READV], [
    "pwritev2",
    DO_PWRITEV,
    DO_WRITEV,
  ]] as const
) {
  blockingSyscall(
    name,
    ["int", "ulong", "ulong", "ulong", "ulong", "int"],
    [placed, here],
    (k, fd, vec, vlen, low = 0, high = 0, flags = 0) => {
      if ((flags & ~RWF_SUPPORTED) !== 0) return recordedOr(k, -EOPNOTSUPP);
      const pos = k.image.pointerSize === 4 ? wide(low >>> 0, high) : low;
      // -1 is the file's own position.
      return pos === -1
        ? k.calls.callOrWait(here, fd, vec, vlen, flags)
        : k.calls.callOrWait(placed, fd, vec, vlen, pos, flags);
    },
  );
}

/** Moves a descriptor's position: the new one, or -errno. */
export const KSYS_LSEEK: FunctionRef = behaviour(
  "ksys_lseek",
  SEEKERS,
  (k, fd = 0, offset = 0, whence = 0) => seek(k, fd, offset, whence),
);
syscall(
  "lseek",
  ["int", "long", "uint"],
  [KSYS_LSEEK],
  (k, fd, offset, whence) => k.call(KSYS_LSEEK, fd, offset, whence),
);
syscall(
  "llseek",
  ["int", "uint", "uint", "ulong", "uint"],
  SEEKERS,
  (k, fd = 0, high = 0, low = 0, result = 0, whence = 0) => {
    const pos = seek(k, fd, wide(low, high), whence);
    if (pos < 0) return pos;
    return storeUser(k, result, 8, pos) ? 0 : recordedOr(k, -EFAULT);
  },
);

syscall("pipe2", ["ulong", "int"], [DO_PIPE2], (k, fds, flags) => k.call(DO_PIPE2, fds, flags));
syscall("pipe", ["ulong"], [DO_PIPE2], (k, fds) => k.call(DO_PIPE2, fds, 0));

syscall("dup", ["int"], [ALLOC_FD, FD_INSTALL], (k, fd = 0) => {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  const copy = k.call(ALLOC_FD, 0, maxDescriptors(k), 0);
  if (copy < 0) return copy;
  FILE.count.add(k, file.address, 1);
  k.call(FD_INSTALL, copy, file.address);
  return copy;
});

/** A 64-bit argument out of two registers. */
export function wide(low: number, high: number): number {
  return (high | 0) * 0x100000000 + (low >>> 0);
}

function seek(k: Kernel, fd: number, offset: number, whence: number): number {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  const llseek = file.ops?.llseek;
  if (!Number.isSafeInteger(offset)) return -EINVAL;
  if (llseek === undefined || (FILE.mode.get(k, file.address) & FMODE_LSEEK) === 0) return -ESPIPE;
  const pos = k.call(llseek, file.address, offset, whence);
  // i386's _llseek stores the position apart and was recorded to return 0.
  if (k.current.request?.name === "_llseek" || Number.isNaN(pos)) return Number.isNaN(pos) ? 0 : pos;
  const recorded = recordedOr(k, pos);
  if (recorded >= 0) FILE.pos.set(k, file.address, recorded);
  return recorded;
}
