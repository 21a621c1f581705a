/**
 * Pipes: `fs/pipe.c`. Readers wait for bytes, writers for room.
 *
 * @module
 */

import { behaviour, blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { signalPending } from "../process/signal.ts";
import { SIGPIPE } from "../signal/numbers.ts";
import { SEND_SIG } from "../signal/send.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { TASK_INTERRUPTIBLE } from "../process/task.ts";
import { WAKE_UP, WAKE_UP_SYNC_KEY } from "../sched/wait.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import { EAGAIN, EFAULT, EINVAL, EPIPE, ERESTARTSYS } from "../syscalls/errno.ts";
import { MemoryFault } from "../memory/fault.ts";
import { FD_INSTALL, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "./fdtable.ts";
import { FILE, INODE } from "./fields.ts";
import { newFile, openOn } from "./file.ts";
import { PIPE } from "./fileops.ts";
import { PLAIN_INODE } from "./inode.ts";
import { FILE_UPDATE_TIME, fileAccessed, madeNow, TOUCH_ATIME } from "./inode_times.ts";
import { O_CLOEXEC, O_NONBLOCK, O_WRONLY, S_IFIFO } from "./modes.ts";
import { PIPE_INFO, PipeInfo } from "./pipe_info.ts";
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDNORM,
  EPOLLWRNORM,
  pollWait,
  QUEUE_PROCS,
} from "./poll.ts";
import { advance, transferOf } from "./read_write.ts";
import { recorded } from "./recorded.ts";
import { gather, readOutcome, scatter } from "./shmem.ts";

const READABLE = EPOLLIN | EPOLLRDNORM;
const WRITABLE = EPOLLOUT | EPOLLWRNORM;
const FMODE_READ = 1;
const FMODE_WRITE = 2;

/** Reads from a pipe: bytes, 0 when all writers are gone, or -errno. */
export const PIPE_READ: FunctionRef = blocking(
  "pipe_read",
  [WAKE_UP_SYNC_KEY, ...WAIT_EVENT_CALLS, TOUCH_ATIME],
  function* (k, kiocb = 0, iter = 0) {
    const transfer = transferOf(k, kiocb, iter);
    const pipe = transfer?.file.inode?.pipe;
    if (transfer === undefined || !pipe) return -EINVAL;
    if (transfer.count === 0) return 0;
    const outcome = readOutcome(k);
    const ready = (): boolean => !pipe.empty || pipe.writers === 0;
    let wakesNext = false;
    if (outcome === undefined && !ready() && nonblocking(k, transfer.file.address)) return -EAGAIN;
    let wasFull = pipe.full;
    if (outcome !== undefined || !ready()) {
      const error = yield* waitEvent(k, pipe.rdWait, ready, { exclusive: true });
      if (error < 0) return -ERESTARTSYS;
      wasFull = pipe.full;
      wakesNext = true;
    }
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    const taken = pipe.take(outcome?.ret ?? transfer.count);
    const bytes = outcome?.data?.subarray(0, outcome.ret) ?? taken;
    if (!scatter(k, transfer, bytes) && outcome === undefined) return -EFAULT;
    if (wasFull) k.call(WAKE_UP_SYNC_KEY, pipe.wrWait, TASK_INTERRUPTIBLE, WRITABLE);
    if (wakesNext && !pipe.empty) k.call(WAKE_UP_SYNC_KEY, pipe.rdWait, TASK_INTERRUPTIBLE, READABLE);
    const count = outcome?.ret ?? taken.length;
    if (count > 0) {
      advance(k, kiocb, iter, count);
      fileAccessed(k, transfer.file.address);
    }
    return count;
  },
);

/** Writes to a pipe: bytes, or -EPIPE when nobody reads. */
export const PIPE_WRITE: FunctionRef = blocking(
  "pipe_write",
  [WAKE_UP_SYNC_KEY, SEND_SIG, ...WAIT_EVENT_CALLS, FILE_UPDATE_TIME],
  function* (k, kiocb = 0, iter = 0) {
    const transfer = transferOf(k, kiocb, iter);
    const pipe = transfer?.file.inode?.pipe;
    if (transfer === undefined || !pipe) return -EINVAL;
    const outcome = recorded(k);
    if (transfer.count === 0) return 0;
    const wakeReaders = (): void => {
      k.call(WAKE_UP_SYNC_KEY, pipe.rdWait, TASK_INTERRUPTIBLE, READABLE);
    };
    if (outcome !== undefined) {
      yield* waitEvent(k, pipe.wrWait, () => true, { exclusive: true });
      if (outcome.ret === -EPIPE) k.call(SEND_SIG, SIGPIPE, k.current.address, 0);
      if (outcome.ret < 0) return outcome.ret;
      const wasEmpty = pipe.empty;
      pipe.push(gather(k, transfer, outcome.ret) ?? new Uint8Array(outcome.ret));
      if (wasEmpty) wakeReaders();
      if (outcome.ret > 0) k.call(FILE_UPDATE_TIME, transfer.file.address);
      advance(k, kiocb, iter, outcome.ret);
      return outcome.ret;
    }
    if (pipe.readers === 0) {
      k.call(SEND_SIG, SIGPIPE, k.current.address, 0);
      return -EPIPE;
    }
    const bytes = gather(k, transfer, transfer.count);
    if (bytes === null) return -EFAULT;
    const nonblock = nonblocking(k, transfer.file.address);
    let wasEmpty = pipe.empty;
    let wakesNext = false;
    let error = 0;
    // What does not fill a page goes behind what is there, if it fits.
    const part = bytes.length % 4096;
    let written = part > 0 && pipe.merge(bytes.subarray(0, part)) ? part : 0;
    while (written < bytes.length) {
      if (pipe.readers === 0) {
        k.call(SEND_SIG, SIGPIPE, k.current.address, 0);
        error = -EPIPE;
        break;
      }
      const count = pipe.append(bytes.subarray(written));
      written += count;
      if (count > 0) continue;
      if (nonblock) {
        error = -EAGAIN;
        break;
      }
      if (signalPending(k, k.current)) {
        error = -ERESTARTSYS;
        break;
      }
      if (wasEmpty) wakeReaders();
      yield* waitEvent(k, pipe.wrWait, () => !pipe.full || pipe.readers === 0, { exclusive: true });
      wasEmpty = pipe.empty;
      wakesNext = true;
    }
    if (wasEmpty || PIPE_INFO.pollUsage.get(k, pipe.address) !== 0) wakeReaders();
    if (wakesNext && !pipe.full) k.call(WAKE_UP_SYNC_KEY, pipe.wrWait, TASK_INTERRUPTIBLE, WRITABLE);
    if (written === 0) return error;
    k.call(FILE_UPDATE_TIME, transfer.file.address);
    advance(k, kiocb, iter, written);
    return written;
  },
);

/** What a pipe end is ready for. (file, poll_table) */
export const PIPE_POLL: FunctionRef = behaviour("pipe_poll", QUEUE_PROCS, (k, address = 0, table = 0) => {
  const pipe = k.vfs.files.get(address)?.inode?.pipe;
  if (!pipe) return EPOLLERR;
  const mode = FILE.mode.get(k, address);
  PIPE_INFO.pollUsage.set(k, pipe.address, 1);
  if ((mode & FMODE_READ) !== 0) pollWait(k, address, pipe.rdWait, table);
  if ((mode & FMODE_WRITE) !== 0) pollWait(k, address, pipe.wrWait, table);
  let mask = 0;
  if ((mode & FMODE_READ) !== 0) {
    if (!pipe.empty) mask |= READABLE;
    if (pipe.writers === 0) mask |= EPOLLHUP;
  }
  if ((mode & FMODE_WRITE) !== 0) {
    if (!pipe.full) mask |= WRITABLE;
    if (pipe.readers === 0) mask |= EPOLLERR;
  }
  return mask;
});

/** One end is closed: those who wait for it are told. (inode, file) */
export const PIPE_RELEASE: FunctionRef = behaviour(
  "pipe_release",
  [WAKE_UP],
  (k, _inode, address = 0) => {
    const pipe = k.vfs.files.get(address)?.inode?.pipe;
    if (!pipe) return 0;
    const mode = FILE.mode.get(k, address);
    if ((mode & FMODE_READ) !== 0) pipe.readers--;
    if ((mode & FMODE_WRITE) !== 0) pipe.writers--;
    if ((pipe.readers === 0) !== (pipe.writers === 0)) {
      k.call(WAKE_UP, pipe.rdWait, TASK_INTERRUPTIBLE, 0, READABLE | EPOLLERR | EPOLLHUP);
      k.call(WAKE_UP, pipe.wrWait, TASK_INTERRUPTIBLE, 0, WRITABLE | EPOLLERR | EPOLLHUP);
    }
    return 0;
  },
);

/** Makes both ends of a pipe; their addresses go to `res[0]` and `res[1]`. */
export const CREATE_PIPE_FILES: FunctionRef = behaviour("create_pipe_files", [], (k, res = 0, flags = 0) => {
  const fs = k.vfs.pseudo("pipe");
  const inode = k.vfs.newInode({ mode: S_IFIFO | 0o600 }, PIPE, fs, PLAIN_INODE);
  madeNow(k, inode.address);
  const pipe = new PipeInfo(k);
  inode.pipe = pipe;
  INODE.pipe.set(k, inode.address, pipe.address);
  pipe.readers = 1;
  pipe.writers = 1;
  const dentry = k.vfs.newDentry("", null, fs.sb);
  dentry.inode = inode;
  [0, O_WRONLY].forEach((access, i) => {
    const file = newFile(k, access | (flags & O_NONBLOCK));
    openOn(k, file, dentry, fs.mnt);
    FILE.privateData.set(k, file.address, pipe.address);
    k.memory.writeWord(res + i * k.image.pointerSize, file.address);
  });
  k.vfs.settle(dentry);
  return 0;
});

/** Makes a pipe and reserves two descriptors for it, stored at `fds`. */
export const DO_PIPE_FLAGS: FunctionRef = behaviour(
  "__do_pipe_flags",
  [CREATE_PIPE_FILES, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD],
  (k, fds = 0, files = 0, flags = 0) => {
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK | 0o40000)) !== 0) return -EINVAL;
    const error = k.call(CREATE_PIPE_FILES, files, flags);
    if (error !== 0) return error;
    const word = k.image.pointerSize;
    const read = k.call(GET_UNUSED_FD_FLAGS, flags);
    const write = read < 0 ? read : k.call(GET_UNUSED_FD_FLAGS, flags);
    if (write < 0) {
      if (read >= 0) k.call(PUT_UNUSED_FD, read);
      for (const i of [0, 1]) k.vfs.putFile(k.memory.readPointer(files + i * word));
      return write;
    }
    k.memory.store(fds, 4, read);
    k.memory.store(fds + 4, 4, write);
    return 0;
  },
);

/** `pipe`, `pipe2`: the pair of descriptors goes to user memory. */
export const DO_PIPE2: FunctionRef = behaviour(
  "do_pipe2",
  [DO_PIPE_FLAGS, FD_INSTALL, PUT_UNUSED_FD],
  (k, fildes = 0, flags = 0) => {
    const word = k.image.pointerSize;
    const mark = k.current.locals;
    const files = pushLocal(k, 2 * word);
    const fds = pushLocal(k, 8);
    let error = k.call(DO_PIPE_FLAGS, fds, files, flags);
    if (error === 0) {
      const pair = [k.memory.load(fds, 4, true), k.memory.load(fds + 4, 4, true)] as const;
      error = storePair(k, fildes, pair);
      pair.forEach((fd, i) => {
        const file = k.memory.readPointer(files + i * word);
        if (error === 0) k.call(FD_INSTALL, fd, file);
        else {
          k.call(PUT_UNUSED_FD, fd);
          k.vfs.putFile(file);
        }
      });
    }
    popLocals(k, mark);
    return error;
  },
);

function nonblocking(k: Kernel, file: number): boolean {
  return (FILE.flags.get(k, file) & O_NONBLOCK) !== 0;
}

function storePair(k: Kernel, fildes: number, pair: readonly [number, number]): number {
  try {
    if (!k.memory.isUser(fildes)) return recorded(k) === undefined ? -EFAULT : 0;
    k.memory.store(fildes, 4, pair[0]);
    k.memory.store(fildes + 4, 4, pair[1]);
    return 0;
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return recorded(k) === undefined ? -EFAULT : 0;
  }
}
