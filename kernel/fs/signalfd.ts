/**
 * Signals to be read: `fs/signalfd.c`.
 *
 * @module
 */

import { behaviour, blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { TASK } from "../process/task.ts";
import { storeUserBytes } from "../process/user_store.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import { pendingSet, privatePending, sharedPending, SIGHAND, writeSet } from "../signal/fields.ts";
import {
  CLD_EXITED,
  SI_QUEUE,
  SI_TIMER,
  SIG_KERNEL_ONLY,
  SIGCHLD,
  type Sigset,
  SYNCHRONOUS,
} from "../signal/numbers.ts";
import { DEQUEUE_SIGNAL } from "../signal/pending.ts";
import {
  siAddr,
  siCode,
  siErrno,
  siginfoSize,
  siPid,
  siSigno,
  siStatus,
  siUid,
  siValue,
} from "../signal/siginfo.ts";
import { EAGAIN, EBADF, EFAULT, EINVAL, ERESTARTSYS } from "../syscalls/errno.ts";
import { anonInodeGetfd, GETFD } from "./anon_inodes.ts";
import { fileOf } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { SIGNALFD } from "./fileops.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from "./modes.ts";
import { EPOLLIN, pollWait, QUEUE_PROCS } from "./poll.ts";
import { readOutcome } from "./shmem.ts";

/** `struct signalfd_siginfo`. */
const SIZE = 128;

/** Makes one, or changes what it takes: a descriptor, or -errno. The set is in kernel memory. (ufd, mask, flags) */
export const DO_SIGNALFD4: FunctionRef = behaviour(
  "do_signalfd4",
  [GETFD],
  (k, ufd = 0, mask = 0, flags = 0) => {
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
    // What it keeps is what it does not take.
    const ignored = ALL & ~(k.memory.readBig(mask, 8, false) & ~SIG_KERNEL_ONLY);
    if (ufd === -1) {
      const ctx = kzalloc(k, 8);
      writeSet(k, ctx, ignored);
      const fd = anonInodeGetfd(k, "[signalfd]", SIGNALFD, ctx, O_RDWR | flags);
      if (fd < 0) kfree(k, ctx);
      return fd;
    }
    const file = fileOf(k, ufd);
    if (file === undefined) return -EBADF;
    if (file.ops !== SIGNALFD) return -EINVAL;
    writeSet(k, FILE.privateData.get(k, file.address), ignored);
    return ufd;
  },
);
const ALL: Sigset = (1n << 64n) - 1n;

/** Takes signals, as many as fit. (file, buf, count, pos) */
export const SIGNALFD_READ: FunctionRef = blocking(
  "signalfd_read",
  [DEQUEUE_SIGNAL, ...WAIT_EVENT_CALLS],
  function* (k, address = 0, buf = 0, count = 0) {
    const outcome = readOutcome(k);
    let room = Math.floor(count / SIZE);
    if (room === 0) return -EINVAL;
    const ctx = FILE.privateData.get(k, address);
    const task = k.current;
    const nonblock = (FILE.flags.get(k, address) & O_NONBLOCK) !== 0;
    const head = SIGHAND.signalfdWqh.at(k, TASK.sighand.get(k, task.address));
    if (outcome !== undefined) {
      yield* waitEvent(k, head, () => true);
      for (let i = 0; i < Math.floor(outcome.ret / SIZE); i++) take(k, ctx);
      if (outcome.data !== undefined && outcome.ret > 0) {
        storeUserBytes(k, buf, outcome.data.subarray(0, outcome.ret));
      }
      return outcome.ret;
    }
    let done = 0;
    while (room-- > 0) {
      let bytes = take(k, ctx);
      if (bytes === null && done === 0) {
        if (nonblock) return -EAGAIN;
        const error = yield* waitEvent(k, head, () => takes(k, ctx));
        if (error < 0) return -ERESTARTSYS;
        bytes = take(k, ctx);
      }
      if (bytes === null) break;
      if (!storeUserBytes(k, buf + done, bytes)) return done > 0 ? done : -EFAULT;
      done += SIZE;
    }
    return done > 0 ? done : -EAGAIN;
  },
);

/** Readable when a signal waits that it takes. (file, poll_table) */
export const SIGNALFD_POLL: FunctionRef = behaviour(
  "signalfd_poll",
  QUEUE_PROCS,
  (k, address = 0, table = 0) => {
    const head = SIGHAND.signalfdWqh.at(k, TASK.sighand.get(k, k.current.address));
    pollWait(k, address, head, table);
    return takes(k, FILE.privateData.get(k, address)) ? EPOLLIN : 0;
  },
);

/** The last descriptor is closed. (inode, file) */
export const SIGNALFD_RELEASE: FunctionRef = behaviour("signalfd_release", [], (k, _inode, address = 0) => {
  const ctx = FILE.privateData.get(k, address);
  if (ctx !== 0) kfree(k, ctx);
  return 0;
});

function takes(k: Kernel, ctx: number): boolean {
  if (ctx === 0) return false;
  const { address } = k.current;
  const waiting = pendingSet(k, privatePending(k, address)) | pendingSet(k, sharedPending(k, address));
  return (waiting & ~k.memory.readBig(ctx, 8, false)) !== 0n;
}

/** Takes one signal as a `signalfd_siginfo`; null if none waits. */
function take(k: Kernel, ctx: number): Uint8Array | null {
  if (!takes(k, ctx)) return null;
  const mark = k.current.locals;
  const info = pushLocal(k, siginfoSize(k));
  k.call(DEQUEUE_SIGNAL, k.current.address, ctx, info, 0);
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  const signal = siSigno(k, info);
  const code = siCode(k, info);
  view.setUint32(0, signal, true);
  view.setInt32(4, siErrno(k, info), true);
  view.setInt32(8, code, true);
  const isFault = (SYNCHRONOUS >> BigInt(signal - 1) & 1n) !== 0n && code > 0 && code < 0x80;
  if (isFault) view.setBigInt64(72, BigInt(siAddr(k, info)), true);
  else if (code === SI_TIMER) {
    view.setUint32(24, siPid(k, info), true);
    view.setUint32(32, siUid(k, info), true);
  } else {
    view.setUint32(12, siPid(k, info), true);
    view.setUint32(16, siUid(k, info), true);
  }
  if (signal === SIGCHLD && code >= CLD_EXITED) view.setInt32(40, siStatus(k, info), true);
  if (code === SI_QUEUE || code === SI_TIMER) {
    view.setInt32(44, siValue(k, info) | 0, true);
    view.setBigInt64(48, BigInt(siValue(k, info)), true);
  }
  popLocals(k, mark);
  return bytes;
}
