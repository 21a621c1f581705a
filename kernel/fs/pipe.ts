/**
 * Pipes: `fs/pipe.c`. Readers wait for bytes, writers for room.
 *
 * @module
 */

import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { newObject } from "../process/alloc.ts";
import { recordedWake, waitFor } from "../process/sleep.ts";
import { sendSignal } from "../process/signal.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import type { Task } from "../process/task.ts";
import { EAGAIN, EFAULT, EINVAL, EPIPE, ERESTARTSYS } from "../syscalls/errno.ts";
import { MemoryFault } from "../memory/fault.ts";
import { FD_INSTALL, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "./fdtable.ts";
import { FILE, INODE } from "./fields.ts";
import { newFile, openOn } from "./file.ts";
import { PIPE } from "./fileops.ts";
import { PLAIN_INODE } from "./inode.ts";
import { O_CLOEXEC, O_NONBLOCK, O_WRONLY, S_IFIFO } from "./modes.ts";
import { PipeBuffer } from "./pipe_buffer.ts";
import { advance, transferOf } from "./read_write.ts";
import { recorded } from "./recorded.ts";
import { gather, readOutcome, scatter } from "./shmem.ts";

const WAKE_UP = fn("__wake_up_sync_key");

/** Reads from a pipe: bytes, 0 when all writers are gone, or -errno. */
export const PIPE_READ: FunctionRef = blocking("pipe_read", [WAKE_UP], function* (k, kiocb = 0, iter = 0) {
  const transfer = transferOf(k, kiocb, iter);
  const pipe = transfer?.file.inode?.pipe;
  if (transfer === undefined || !pipe) return -EINVAL;
  if (transfer.count === 0) return 0;
  const outcome = readOutcome(k);
  const ready = (): boolean => pipe.length > 0 || pipe.writers === 0;
  if (outcome === undefined && !ready() && nonblocking(k, transfer.file.address)) return -EAGAIN;
  const undisturbed = yield* waitOn(k, pipe.waitingReaders, ready);
  if (!undisturbed) return -ERESTARTSYS;
  if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
  const taken = pipe.take(outcome?.ret ?? transfer.count);
  const bytes = outcome?.data?.subarray(0, outcome.ret) ?? taken;
  if (!scatter(k, transfer, bytes) && outcome === undefined) return -EFAULT;
  wakeAll(k, pipe.waitingWriters);
  const count = outcome?.ret ?? taken.length;
  if (count > 0) advance(k, kiocb, iter, count);
  return count;
});

/** Writes to a pipe: bytes, or -EPIPE when nobody reads. */
export const PIPE_WRITE: FunctionRef = blocking("pipe_write", [WAKE_UP], function* (k, kiocb = 0, iter = 0) {
  const transfer = transferOf(k, kiocb, iter);
  const pipe = transfer?.file.inode?.pipe;
  if (transfer === undefined || !pipe) return -EINVAL;
  const outcome = recorded(k);
  if (outcome !== undefined) {
    yield* waitOn(k, pipe.waitingWriters, () => true);
    if (outcome.ret > 0) pipe.push(gather(k, transfer, outcome.ret) ?? new Uint8Array(outcome.ret));
    wakeAll(k, pipe.waitingReaders);
    if (outcome.ret > 0) advance(k, kiocb, iter, outcome.ret);
    return outcome.ret;
  }
  const bytes = gather(k, transfer, transfer.count);
  if (bytes === null) return -EFAULT;
  let written = 0;
  while (written < bytes.length) {
    if (pipe.readers === 0) {
      if (written > 0) break;
      sendSignal(k, k.current, SIGPIPE);
      return -EPIPE;
    }
    if (pipe.room === 0) {
      if (nonblocking(k, transfer.file.address)) break;
      if (!(yield* waitOn(k, pipe.waitingWriters, () => pipe.room > 0 || pipe.readers === 0))) break;
      continue;
    }
    written += pipe.push(bytes.subarray(written));
    wakeAll(k, pipe.waitingReaders);
  }
  if (written === 0 && bytes.length > 0) {
    return nonblocking(k, transfer.file.address) ? -EAGAIN : -ERESTARTSYS;
  }
  advance(k, kiocb, iter, written);
  return written;
});

/** One end is closed: those who wait for it are told. */
export const PIPE_RELEASE: FunctionRef = behaviour("pipe_release", [], () => 0);

/** Makes both ends of a pipe; their addresses go to `res[0]` and `res[1]`. */
export const CREATE_PIPE_FILES: FunctionRef = behaviour("create_pipe_files", [], (k, res = 0, flags = 0) => {
  const fs = k.vfs.pseudo("pipe");
  const inode = k.vfs.newInode({ mode: S_IFIFO | 0o600 }, PIPE, fs, PLAIN_INODE);
  const pipe = new PipeBuffer(newObject(k, "kmalloc-cg-192", "pipe_inode_info"));
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

/** Waits in a pipe's queue until `ready`; false if a signal came first. */
function* waitOn(
  k: Kernel,
  queue: Task[],
  ready: () => boolean,
): Generator<{ until?: number }, boolean, void> {
  const task = k.current;
  const wake = recordedWake(k);
  if (wake === wake ? wake <= k.clock.now : ready()) return true;
  queue.push(task);
  const undisturbed = yield* waitFor(k, ready);
  const at = queue.indexOf(task);
  if (at >= 0) queue.splice(at, 1);
  return undisturbed;
}

function wakeAll(k: Kernel, tasks: readonly Task[]): void {
  for (const task of [...tasks]) k.scheduler.wake(task);
}

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

const SIGPIPE = 13;
