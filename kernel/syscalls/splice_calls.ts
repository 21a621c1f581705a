/**
 * System calls that move bytes between descriptors, and those that write out what is in memory.
 *
 * @module
 */

import { fileOf } from "../fs/fdtable.ts";
import { recorded } from "../fs/recorded.ts";
import { COPY_CALLS, copyFileRange } from "../fs/copy_file_range.ts";
import { DO_SENDFILE } from "../fs/sendfile.ts";
import { splice, SPLICE_CALLS, tee, TEE_CALLS, vmsplice, VMSPLICE_CALLS } from "../fs/splice.ts";
import { fsync, FSYNC_CALLS, KSYS_SYNC, SYNC_FILESYSTEM } from "../fs/sync.ts";
import type { Blocking } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import { blockingSyscall } from "./define.ts";
import { EBADF, EFAULT } from "./errno.ts";
import { flock, FLOCK_CALLS } from "../fs/locks.ts";

/** `sendfile` with an offset of `size` bytes in user memory, or without. */
function* sendfile(
  k: Kernel,
  out: number,
  input: number,
  offset: number,
  count: number,
  size: number,
): Blocking<number> {
  if (offset === 0) return yield* k.calls.callBlocking(DO_SENDFILE, out, input, 0, count);
  const pos = loadUser(k, offset, size, true);
  if (Number.isNaN(pos) && recorded(k) === undefined) return -EFAULT;
  const mark = k.current.locals;
  const at = pushLocal(k, 8);
  k.memory.store(at, 8, Number.isNaN(pos) ? 0 : pos);
  const result = yield* k.calls.callBlocking(DO_SENDFILE, out, input, at, count);
  const stored = storeUser(k, offset, size, k.memory.load(at, 8, true)) || recorded(k) !== undefined;
  popLocals(k, mark);
  return stored ? result : -EFAULT;
}
blockingSyscall(
  "sendfile64",
  ["int", "int", "ulong", "ulong"],
  [DO_SENDFILE],
  (k, out = 0, input = 0, offset = 0, count = 0) => sendfile(k, out, input, offset, count, 8),
);
blockingSyscall(
  "sendfile",
  ["int", "int", "ulong", "ulong"],
  [DO_SENDFILE],
  (k, out = 0, input = 0, offset = 0, count = 0) => sendfile(k, out, input, offset, count, 4),
);
blockingSyscall(
  "copy_file_range",
  ["int", "ulong", "int", "ulong", "ulong", "uint"],
  COPY_CALLS,
  (k, fdIn = 0, offIn = 0, fdOut = 0, offOut = 0, len = 0, flags = 0) =>
    copyFileRange(k, fdIn, offIn, fdOut, offOut, len, flags),
);
blockingSyscall(
  "splice",
  ["int", "ulong", "int", "ulong", "ulong", "uint"],
  SPLICE_CALLS,
  (k, fdIn = 0, offIn = 0, fdOut = 0, offOut = 0, len = 0, flags = 0) =>
    splice(k, fdIn, offIn, fdOut, offOut, len, flags),
);
blockingSyscall(
  "tee",
  ["int", "int", "ulong", "uint"],
  TEE_CALLS,
  (k, fdIn = 0, fdOut = 0, len = 0, flags = 0) => tee(k, fdIn, fdOut, len, flags),
);
blockingSyscall(
  "vmsplice",
  ["int", "ulong", "ulong", "uint"],
  VMSPLICE_CALLS,
  (k, fd = 0, iov = 0, segments = 0, flags = 0) => vmsplice(k, fd, iov, segments, flags),
);

for (const [name, datasync] of [["fsync", 0], ["fdatasync", 1]] as const) {
  blockingSyscall(name, ["uint"], FSYNC_CALLS, (k, fd = 0) => fsync(k, fd, datasync));
}
blockingSyscall("sync", [], [KSYS_SYNC], function* (k) {
  yield* k.calls.callBlocking(KSYS_SYNC);
  return 0;
});
blockingSyscall("syncfs", ["int"], [SYNC_FILESYSTEM], function* (k, fd = 0) {
  const dentry = fileOf(k, fd)?.dentry;
  return dentry == null ? -EBADF : yield* k.calls.callBlocking(SYNC_FILESYSTEM, dentry.sb);
});

blockingSyscall(
  "flock",
  ["uint", "uint"],
  FLOCK_CALLS,
  (k, fd = 0, cmd = 0) => flock(k, fd, cmd, (kernel, number) => fileOf(kernel, number)?.address ?? 0),
);
