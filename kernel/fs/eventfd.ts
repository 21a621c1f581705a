/**
 * Counters to wait for: `fs/eventfd.c`.
 *
 * @module
 */

import { behaviour, blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { loadUser } from "../process/user_load.ts";
import { TASK_NORMAL } from "../sched/wake_up.ts";
import { initWaitQueueHead, waitQueueActive, WAKE_UP_LOCKED_KEY } from "../sched/wait.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import { EAGAIN, EFAULT, EINVAL, ERESTARTSYS } from "../syscalls/errno.ts";
import { anonInodeGetfile, GETFILE } from "./anon_inodes.ts";
import { FD_INSTALL, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { EVENTFD } from "./fileops.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from "./modes.ts";
import { isErr } from "./names.ts";
import { EPOLLERR, EPOLLIN, EPOLLOUT, pollWait, QUEUE_PROCS } from "./poll.ts";
import { advance, transferOf } from "./read_write.ts";
import { recorded } from "./recorded.ts";
import { readOutcome, scatter } from "./shmem.ts";

const CTX = {
  wqh: field("eventfd_ctx", "wqh"),
  count: field("eventfd_ctx", "count"),
  flags: field("eventfd_ctx", "flags"),
  id: field("eventfd_ctx", "id"),
} as const;
const EFD_SEMAPHORE = 1;
const MAX = 0xffffffffffffffffn;

/** Makes one: a descriptor, or -errno. (count, flags) */
export const DO_EVENTFD: FunctionRef = behaviour(
  "do_eventfd",
  [GET_UNUSED_FD_FLAGS, GETFILE, FD_INSTALL, PUT_UNUSED_FD],
  (k, count = 0, flags = 0) => {
    if ((flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
    const ctx = kzalloc(k, sizeOfStruct(k, "eventfd_ctx"));
    initWaitQueueHead(k, CTX.wqh.at(k, ctx));
    setCount(k, ctx, BigInt(count >>> 0));
    CTX.flags.set(k, ctx, flags);
    CTX.id.set(k, ctx, ctxIds.next(k));
    const fd = k.call(GET_UNUSED_FD_FLAGS, flags & O_CLOEXEC);
    if (fd < 0) {
      kfree(k, ctx);
      return fd;
    }
    const file = anonInodeGetfile(k, "[eventfd]", EVENTFD, ctx, O_RDWR | (flags & O_NONBLOCK));
    if (isErr(file)) {
      k.call(PUT_UNUSED_FD, fd);
      return file;
    }
    k.call(FD_INSTALL, fd, file);
    return fd;
  },
);

/** Takes the count, or one of it. (kiocb, iter) */
export const EVENTFD_READ: FunctionRef = blocking(
  "eventfd_read",
  [...WAIT_EVENT_CALLS, WAKE_UP_LOCKED_KEY],
  function* (k, kiocb = 0, iter = 0) {
    const transfer = transferOf(k, kiocb, iter);
    if (transfer === undefined) return -EINVAL;
    if (transfer.count < 8) return -EINVAL;
    const ctx = FILE.privateData.get(k, transfer.file.address);
    const outcome = readOutcome(k);
    if (ctx === 0) return outcome?.ret ?? -EINVAL;
    const ready = (): boolean => countOf(k, ctx) > 0n;
    if (outcome === undefined && !ready() && nonblocking(k, transfer.file.address)) return -EAGAIN;
    const error = yield* waitEvent(k, CTX.wqh.at(k, ctx), ready);
    if (error < 0) return -ERESTARTSYS;
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    const count = countOf(k, ctx);
    const taken = (CTX.flags.get(k, ctx) & EFD_SEMAPHORE) !== 0 ? (count > 0n ? 1n : 0n) : count;
    setCount(k, ctx, count - taken);
    if (waitQueueActive(k, CTX.wqh.at(k, ctx))) {
      k.call(WAKE_UP_LOCKED_KEY, CTX.wqh.at(k, ctx), TASK_NORMAL, EPOLLOUT);
    }
    const bytes = outcome?.data ?? bytesOf(taken);
    if (!scatter(k, transfer, bytes) && outcome === undefined) return -EFAULT;
    advance(k, kiocb, iter, 8);
    return outcome?.ret ?? 8;
  },
);

/** Adds to the count. (file, buf, count, pos) */
export const EVENTFD_WRITE: FunctionRef = blocking(
  "eventfd_write",
  [...WAIT_EVENT_CALLS, WAKE_UP_LOCKED_KEY],
  function* (k, address = 0, buf = 0, size = 0) {
    const outcome = recorded(k);
    if (size < 8) return -EINVAL;
    if (Number.isNaN(loadUser(k, buf, 8, false))) return outcome?.ret ?? -EFAULT;
    const more = k.memory.readBig(buf, 8, false);
    if (more === MAX) return -EINVAL;
    const ctx = FILE.privateData.get(k, address);
    if (ctx === 0) return outcome?.ret ?? -EINVAL;
    const fits = (): boolean => MAX - countOf(k, ctx) > more;
    if (outcome === undefined && !fits() && nonblocking(k, address)) return -EAGAIN;
    const error = yield* waitEvent(k, CTX.wqh.at(k, ctx), fits);
    if (error < 0) return -ERESTARTSYS;
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    setCount(k, ctx, fits() ? countOf(k, ctx) + more : countOf(k, ctx));
    if (waitQueueActive(k, CTX.wqh.at(k, ctx))) {
      k.call(WAKE_UP_LOCKED_KEY, CTX.wqh.at(k, ctx), TASK_NORMAL, EPOLLIN);
    }
    return outcome?.ret ?? 8;
  },
);

/** What it is ready for. (file, poll_table) */
export const EVENTFD_POLL: FunctionRef = behaviour(
  "eventfd_poll",
  QUEUE_PROCS,
  (k, address = 0, table = 0) => {
    const ctx = FILE.privateData.get(k, address);
    pollWait(k, address, CTX.wqh.at(k, ctx), table);
    const count = countOf(k, ctx);
    let mask = 0;
    if (count > 0n) mask |= EPOLLIN;
    if (count === MAX) mask |= EPOLLERR;
    if (MAX - 1n > count) mask |= EPOLLOUT;
    return mask;
  },
);

/** The last descriptor is closed. (inode, file) */
export const EVENTFD_RELEASE: FunctionRef = behaviour("eventfd_release", [], (k, _inode, address = 0) => {
  const ctx = FILE.privateData.get(k, address);
  if (ctx !== 0) kfree(k, ctx);
  FILE.privateData.set(k, address, 0);
  return 0;
});

/** Numbers of `eventfd-count` lines, from 0 in each kernel. */
const ctxIds = {
  of: new WeakMap<Kernel, number>(),
  next(k: Kernel): number {
    const id = this.of.get(k) ?? 0;
    this.of.set(k, id + 1);
    return id;
  },
};

function countOf(k: Kernel, ctx: number): bigint {
  return k.memory.readBig(CTX.count.at(k, ctx), 8, false);
}

function setCount(k: Kernel, ctx: number, count: bigint): void {
  k.memory.writeBig(CTX.count.at(k, ctx), 8, count);
}

function bytesOf(count: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, count, true);
  return bytes;
}

function nonblocking(k: Kernel, file: number): boolean {
  return (FILE.flags.get(k, file) & O_NONBLOCK) !== 0;
}
