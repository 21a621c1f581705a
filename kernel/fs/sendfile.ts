/**
 * Bytes from a file to another through a pipe that nobody sees: `sendfile`. `fs/splice.c`, `fs/read_write.c`.
 *
 * @module
 */

import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { TASK_INTERRUPTIBLE } from "../process/task.ts";
import { WAKE_UP_SYNC_KEY } from "../sched/wait.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import { SEND_SIG } from "../signal/send.ts";
import { EAGAIN, EBADF, EINVAL, EPIPE, ERESTARTSYS, ESPIPE } from "../syscalls/errno.ts";
import { fileOf } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import type { OpenFile } from "./file.ts";
import { SOCKET } from "./fileops.ts";
import { fileAccessed, TOUCH_ATIME } from "./inode_times.ts";
import { FMODE_PREAD, FMODE_READ, FMODE_WRITE, O_APPEND, O_NONBLOCK, S_IFREG } from "./modes.ts";
import type { PipeInfo } from "./pipe_info.ts";
import { EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM } from "./poll.ts";
import { recorded } from "./recorded.ts";
import { GENERIC_FILE_SPLICE_READ, ITER_FILE_SPLICE_WRITE } from "./splice_pages.ts";
import { splicedBytes } from "./spliced.ts";

/** Most bytes that one call moves. */
export const MAX_RW_COUNT = 0x7ffff000;

/** Bytes that go through at a time: what the pipe between holds. */
const CHUNK = 65536;

/** Whether a file may be read or written there: (read_write, file, ppos, count). */
export const RW_VERIFY_AREA: FunctionRef = fn("rw_verify_area");

/** The pipe of a file: (file, for_splice). */
export const GET_PIPE_INFO: FunctionRef = fn("get_pipe_info");

/** What a pipe that nobody reads sends its writer. */
export const SIGPIPE = 13;

const GENERIC_SPLICE_SENDPAGE = fn("generic_splice_sendpage");

const WRITABLE = EPOLLOUT | EPOLLWRNORM;

const READABLE = EPOLLIN | EPOLLRDNORM;

/** Something is in a pipe. */
export function wakeReaders(k: Kernel, pipe: PipeInfo): void {
  k.call(WAKE_UP_SYNC_KEY, pipe.rdWait, TASK_INTERRUPTIBLE, READABLE);
}

/** There is room in a pipe. */
export function wakeWriters(k: Kernel, pipe: PipeInfo): void {
  k.call(WAKE_UP_SYNC_KEY, pipe.wrWait, TASK_INTERRUPTIBLE, WRITABLE);
}

/** Asks the file that is read from: (in, ppos, pipe, len, flags). */
export const DO_SPLICE_TO: FunctionRef = blocking(
  "do_splice_to",
  [RW_VERIFY_AREA, GENERIC_FILE_SPLICE_READ],
  (k, input = 0, ppos = 0, pipe = 0, len = 0, flags = 0) => {
    k.call(RW_VERIFY_AREA, 0, input, ppos, len);
    return k.calls.callOrWait(GENERIC_FILE_SPLICE_READ, input, ppos, pipe, len, flags);
  },
);

/** Hands the bytes on: to a file's pages, a pipe, or what else is written. (pipe, splice_desc) */
const DIRECT_SPLICE_ACTOR: FunctionRef = blocking(
  "direct_splice_actor",
  [ITER_FILE_SPLICE_WRITE, WAKE_UP_SYNC_KEY, ...WAIT_EVENT_CALLS],
  function* (k, pipe = 0, _sd = 0, output = 0, ppos = 0) {
    const inode = k.vfs.files.get(output)?.inode;
    const { bytes } = splicedBytes(k);
    if (inode?.pipe != null) return yield* fillPipe(k, inode.pipe, bytes, k.vfs.files.get(output));
    if (inode?.type === S_IFREG) {
      return yield* k.calls.callBlocking(ITER_FILE_SPLICE_WRITE, pipe, output, ppos, bytes.length, 0);
    }
    if (k.vfs.files.get(output)?.ops === SOCKET) {
      return yield* k.calls.callBlocking(GENERIC_SPLICE_SENDPAGE, pipe, output, ppos, bytes.length, 0);
    }
    // Devices take what they are given.
    return bytes.length;
  },
);

/** Puts bytes into a pipe, waiting for room: how many went in, or -errno. */
export function* fillPipe(
  k: Kernel,
  pipe: PipeInfo,
  bytes: Uint8Array,
  file: OpenFile | undefined,
): Blocking<number> {
  let done = 0;
  const nonblock = file !== undefined && (FILE.flags.get(k, file.address) & O_NONBLOCK) !== 0;
  while (done < bytes.length) {
    if (pipe.readers === 0) {
      k.call(SEND_SIG, SIGPIPE, k.current.address, 0);
      return done > 0 ? done : -EPIPE;
    }
    if (!pipe.full) {
      const empty = pipe.empty;
      done += pipe.append(bytes.subarray(done));
      if (empty) wakeReaders(k, pipe);
      continue;
    }
    if (nonblock) return done > 0 ? done : -EAGAIN;
    const error = yield* waitEvent(k, pipe.wrWait, () => !pipe.full || pipe.readers === 0, {
      exclusive: true,
    });
    if (error < 0) return done > 0 ? done : -ERESTARTSYS;
  }
  return done;
}

/** Moves up to `len` bytes by way of a pipe that the task keeps for that: (in, splice_desc, actor, …). */
const SPLICE_DIRECT_TO_ACTOR: FunctionRef = blocking(
  "splice_direct_to_actor",
  [DO_SPLICE_TO, DIRECT_SPLICE_ACTOR, TOUCH_ATIME],
  function* (k, input = 0, sd = 0, _actor = 0, ...more) {
    const [ppos = 0, output = 0, opos = 0, len = 0, flags = 0] = more;
    let done = 0;
    let error = 0;
    while (done < len) {
      const start = k.memory.load(ppos, 8, true);
      const chunk = Math.min(len - done, CHUNK);
      const read = yield* k.calls.callBlocking(DO_SPLICE_TO, input, ppos, NaN, chunk, flags);
      if (read <= 0) {
        error = read;
        break;
      }
      const written = yield* k.calls.callBlocking(DIRECT_SPLICE_ACTOR, NaN, sd, output, opos);
      if (!(written > 0)) {
        k.memory.store(ppos, 8, start);
        error = written;
        break;
      }
      done += written;
      if (written < read) {
        k.memory.store(ppos, 8, start + written);
        break;
      }
    }
    if (done > 0) fileAccessed(k, input);
    return done > 0 ? done : error;
  },
);

/** From one file to another: bytes, or -errno. (in, ppos, out, opos, len, flags) */
export const DO_SPLICE_DIRECT: FunctionRef = blocking(
  "do_splice_direct",
  [RW_VERIFY_AREA, SPLICE_DIRECT_TO_ACTOR],
  function* (k, input = 0, ppos = 0, output = 0, opos = 0, len = 0, flags = 0) {
    k.call(RW_VERIFY_AREA, 1, output, opos, len);
    const mark = k.current.locals;
    const sd = pushLocal(k, sizeOfStruct(k, "splice_desc"));
    const result = yield* k.calls.callBlocking(
      SPLICE_DIRECT_TO_ACTOR,
      input,
      sd,
      NaN,
      ppos,
      output,
      opos,
      len,
      flags,
    );
    popLocals(k, mark);
    return result;
  },
);

/** `sendfile`: bytes, or -errno. `ppos` is the kernel's copy of the offset, 0 for the file's own position. */
export const DO_SENDFILE: FunctionRef = blocking(
  "do_sendfile",
  [RW_VERIFY_AREA, GET_PIPE_INFO, DO_SPLICE_DIRECT, WAKE_UP_SYNC_KEY, ...WAIT_EVENT_CALLS],
  function* (k, outFd = 0, inFd = 0, ppos = 0, count = 0) {
    const input = fileOf(k, inFd);
    const inMode = input === undefined ? 0 : FILE.mode.get(k, input.address);
    if (input === undefined || (inMode & FMODE_READ) === 0) return -EBADF;
    if (ppos !== 0 && (inMode & FMODE_PREAD) === 0) return -ESPIPE;
    const length = Math.min(count, MAX_RW_COUNT);
    k.call(RW_VERIFY_AREA, 0, input.address, ppos, length);
    const output = fileOf(k, outFd);
    if (output === undefined || (FILE.mode.get(k, output.address) & FMODE_WRITE) === 0) return -EBADF;
    const replayed = recorded(k);
    if (replayed === undefined) {
      if (input.inode?.type !== S_IFREG) return -EINVAL;
      if ((FILE.flags.get(k, output.address) & O_APPEND) !== 0) return -EINVAL;
    }
    k.call(GET_PIPE_INFO, output.address, 1);
    k.call(RW_VERIFY_AREA, 1, output.address, 0, length);
    const mark = k.current.locals;
    const pos = pushLocal(k, 8);
    const outPos = pushLocal(k, 8);
    k.memory.store(pos, 8, ppos === 0 ? FILE.pos.get(k, input.address) : k.memory.load(ppos, 8, true));
    k.memory.store(outPos, 8, FILE.pos.get(k, output.address));
    if (replayed !== undefined) growTo(k, input, k.memory.load(pos, 8, true) + Math.max(0, replayed.ret));
    const result = yield* k.calls.callBlocking(
      DO_SPLICE_DIRECT,
      input.address,
      pos,
      output.address,
      outPos,
      replayed === undefined ? length : Math.max(0, replayed.ret),
      0,
    );
    if (result > 0) {
      if (ppos === 0) FILE.pos.set(k, input.address, k.memory.load(pos, 8, true));
      else k.memory.store(ppos, 8, k.memory.load(pos, 8, true));
      if (output.ops?.seekable === true) FILE.pos.set(k, output.address, k.memory.load(outPos, 8, true));
    }
    popLocals(k, mark);
    return replayed?.ret ?? result;
  },
);

/** A recorded transfer shows how much there was. */
export function growTo(_k: Kernel, file: OpenFile, size: number): void {
  // A position that nothing tells of may be anything.
  if (size > Number.MAX_SAFE_INTEGER) return;
  if (file.inode?.type === S_IFREG && file.inode.size < size) file.inode.size = size;
}
