/**
 * Moving pages between files and pipes: `splice`, `tee`, `vmsplice`. `fs/splice.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Blocking, blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { WAKE_UP_SYNC_KEY } from "../sched/wait.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import { SEND_SIG } from "../signal/send.ts";
import { EAGAIN, EBADF, EFAULT, EINVAL, EPIPE, ERESTARTSYS, ESPIPE } from "../syscalls/errno.ts";
import { fileOf } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { FMODE_PREAD, FMODE_PWRITE, FMODE_READ, FMODE_WRITE, O_APPEND, S_IFREG } from "./modes.ts";
import type { PipeInfo } from "./pipe_info.ts";
import { recorded } from "./recorded.ts";
import {
  DO_SPLICE_TO,
  fillPipe,
  GET_PIPE_INFO,
  MAX_RW_COUNT,
  SIGPIPE,
  wakeReaders,
  wakeWriters,
} from "./sendfile.ts";
import { ITER_FILE_SPLICE_WRITE } from "./splice_pages.ts";
import { splicedBytes } from "./spliced.ts";

const SPLICE_F_NONBLOCK = 2;

const SPLICE_F_ALL = 15;

/** Waits until a pipe has bytes: 0 to go on, 1 at the end of all writers, or -errno. */
function* forBytes(k: Kernel, pipe: PipeInfo, flags: number): Blocking<number> {
  if (!pipe.empty) return 0;
  if (pipe.writers === 0) return 1;
  if ((flags & SPLICE_F_NONBLOCK) !== 0) return -EAGAIN;
  const error = yield* waitEvent(k, pipe.rdWait, () => !pipe.empty || pipe.writers === 0, {
    exclusive: true,
  });
  return error < 0 ? -ERESTARTSYS : pipe.empty ? 1 : 0;
}

/** Waits until a pipe has room: 0 to go on, or -errno. */
function* forRoom(k: Kernel, pipe: PipeInfo, flags: number): Blocking<number> {
  if (pipe.readers > 0 && !pipe.full) return 0;
  if (pipe.readers > 0 && (flags & SPLICE_F_NONBLOCK) !== 0) return -EAGAIN;
  if (pipe.readers > 0) {
    const error = yield* waitEvent(k, pipe.wrWait, () => !pipe.full || pipe.readers === 0, {
      exclusive: true,
    });
    if (error < 0) return -ERESTARTSYS;
  }
  if (pipe.readers > 0) return 0;
  k.call(SEND_SIG, SIGPIPE, k.current.address, 0);
  return -EPIPE;
}

/** Between two files of which one is a pipe: bytes, or -errno. (in, off in, out, off out, len, flags) */
const DO_SPLICE: FunctionRef = blocking(
  "do_splice",
  [GET_PIPE_INFO, WAKE_UP_SYNC_KEY, SEND_SIG, ...WAIT_EVENT_CALLS, DO_SPLICE_TO, ITER_FILE_SPLICE_WRITE],
  function* (k, input = 0, offIn = 0, output = 0, offOut = 0, len = 0, flags = 0) {
    const from = k.vfs.files.get(input);
    const to = k.vfs.files.get(output);
    if (from === undefined || to === undefined) return -EBADF;
    const replayed = recorded(k);
    const inMode = FILE.mode.get(k, input);
    const outMode = FILE.mode.get(k, output);
    if ((inMode & FMODE_READ) === 0 || (outMode & FMODE_WRITE) === 0) return replayed?.ret ?? -EBADF;
    k.call(GET_PIPE_INFO, input, 1);
    k.call(GET_PIPE_INFO, output, 1);
    const source = from.inode?.pipe ?? null;
    const sink = to.inode?.pipe ?? null;
    if (replayed !== undefined) return yield* replaySplice(k, replayed.ret, source, sink);
    if (source !== null && sink !== null) {
      if (offIn !== 0 || offOut !== 0) return -ESPIPE;
      if (source === sink) return -EINVAL;
      let error = yield* forBytes(k, source, flags);
      if (error !== 0) return error === 1 ? 0 : error;
      error = yield* forRoom(k, sink, flags);
      if (error !== 0) return error;
      const room = (sink.maxUsage - sink.used) * 4096;
      const taken = source.take(Math.min(len, room));
      sink.push(taken);
      wakeReaders(k, sink);
      wakeWriters(k, source);
      return taken.length;
    }
    if (source !== null) {
      if (offOut !== 0 && (outMode & FMODE_PWRITE) === 0) return -EINVAL;
      if ((FILE.flags.get(k, output) & O_APPEND) !== 0) return -EINVAL;
      const error = yield* forBytes(k, source, flags);
      if (error !== 0) return error === 1 ? 0 : error;
      splicedBytes(k).bytes = source.take(len);
      wakeWriters(k, source);
      const count = splicedBytes(k).bytes.length;
      if (to.inode?.type !== S_IFREG) return count;
      return yield* k.calls.callBlocking(
        ITER_FILE_SPLICE_WRITE,
        source.address,
        output,
        offOut,
        count,
        flags,
      );
    }
    if (sink !== null) {
      if (offIn !== 0 && (inMode & FMODE_PREAD) === 0) return -EINVAL;
      const error = yield* forRoom(k, sink, flags);
      if (error !== 0) return error;
      const mark = k.current.locals;
      const pos = offIn === 0 ? pushLocal(k, 8) : offIn;
      if (offIn === 0) k.memory.store(pos, 8, FILE.pos.get(k, input));
      const room = (sink.maxUsage - sink.used) * 4096;
      const most = Math.min(len, room);
      const read = yield* k.calls.callBlocking(DO_SPLICE_TO, input, pos, sink.address, most, flags);
      if (read > 0) {
        sink.push(splicedBytes(k).bytes);
        wakeReaders(k, sink);
        if (offIn === 0) FILE.pos.set(k, input, k.memory.load(pos, 8, true));
      }
      popLocals(k, mark);
      return read;
    }
    return -EINVAL;
  },
);

/** A recorded splice or tee moves what it moved; what a pipe of the model lacks is zeros. */
function* replaySplice(
  k: Kernel,
  ret: number,
  source: PipeInfo | null,
  sink: PipeInfo | null,
  keeps = false,
): Blocking<number> {
  if (recorded(k)?.interrupted === true && source !== null) yield* waitEvent(k, source.rdWait, () => true);
  if (ret <= 0) return ret;
  const known = source === null ? new Uint8Array(0) : keeps ? source.peek(ret) : source.take(ret);
  const bytes = new Uint8Array(ret);
  bytes.set(known);
  if (sink !== null) {
    sink.push(bytes);
    wakeReaders(k, sink);
  }
  if (source !== null && !keeps) wakeWriters(k, source);
  return ret;
}

/** Copies the offsets in and out around `do_splice`. */
const __DO_SPLICE: FunctionRef = blocking(
  "__do_splice",
  [GET_PIPE_INFO, DO_SPLICE],
  function* (k, input = 0, offIn = 0, output = 0, offOut = 0, len = 0, flags = 0) {
    const pipeIn = k.vfs.files.get(input)?.inode?.pipe != null;
    const pipeOut = k.vfs.files.get(output)?.inode?.pipe != null;
    k.call(GET_PIPE_INFO, input, 1);
    k.call(GET_PIPE_INFO, output, 1);
    const replayed = recorded(k) !== undefined;
    if ((pipeIn && offIn !== 0 || pipeOut && offOut !== 0) && !replayed) return -ESPIPE;
    const mark = k.current.locals;
    const [inAt, outAt] = [offIn, offOut].map((at) => at === 0 || replayed ? 0 : pushLocal(k, 8)) as [
      number,
      number,
    ];
    for (const [user, own] of [[offIn, inAt], [offOut, outAt]] as const) {
      if (own === 0) continue;
      const value = userOffset(k, user);
      if (value === null) {
        popLocals(k, mark);
        return -EFAULT;
      }
      k.memory.store(own, 8, value);
    }
    const result = yield* k.calls.callBlocking(DO_SPLICE, input, inAt, output, outAt, len, flags);
    for (const [user, own] of [[offIn, inAt], [offOut, outAt]] as const) {
      if (own !== 0) k.memory.store(user, 8, k.memory.load(own, 8, true));
    }
    popLocals(k, mark);
    return result;
  },
);

function userOffset(k: Kernel, at: Addr): number | null {
  try {
    return k.memory.isUser(at) ? k.memory.load(at, 8, true) : null;
  } catch (error) {
    if (error instanceof MemoryFault) return null;
    throw error;
  }
}

/** `splice`: bytes, or -errno. */
export function* splice(
  k: Kernel,
  fdIn: number,
  offIn: Addr,
  fdOut: number,
  offOut: Addr,
  len: number,
  flags: number,
): Blocking<number> {
  if (len === 0) return 0;
  if ((flags & ~SPLICE_F_ALL) !== 0) return -EINVAL;
  const from = fileOf(k, fdIn);
  const to = fileOf(k, fdOut);
  if (from === undefined || to === undefined) return -EBADF;
  const count = Math.min(len, MAX_RW_COUNT);
  return yield* k.calls.callBlocking(__DO_SPLICE, from.address, offIn, to.address, offOut, count, flags);
}

/** Doubles bytes from one pipe to another: how many, or -errno. (in, out, len, flags) */
const DO_TEE: FunctionRef = blocking(
  "do_tee",
  [GET_PIPE_INFO, WAKE_UP_SYNC_KEY, SEND_SIG, ...WAIT_EVENT_CALLS],
  function* (k, input = 0, output = 0, len = 0, flags = 0) {
    const replayed = recorded(k);
    if ((FILE.mode.get(k, input) & FMODE_READ) === 0 || (FILE.mode.get(k, output) & FMODE_WRITE) === 0) {
      return replayed?.ret ?? -EBADF;
    }
    k.call(GET_PIPE_INFO, input, 0);
    k.call(GET_PIPE_INFO, output, 0);
    const source = k.vfs.files.get(input)?.inode?.pipe ?? null;
    const sink = k.vfs.files.get(output)?.inode?.pipe ?? null;
    if (replayed !== undefined) return yield* replaySplice(k, replayed.ret, source, sink, true);
    if (source === null || sink === null || source === sink) return -EINVAL;
    let error = yield* forBytes(k, source, flags);
    if (error !== 0) return error === 1 ? 0 : error;
    error = yield* forRoom(k, sink, flags);
    if (error !== 0) return error;
    const count = sink.push(source.peek(Math.min(len, (sink.maxUsage - sink.used) * 4096)));
    wakeReaders(k, sink);
    return count;
  },
);

/** `tee`: bytes, or -errno. */
export function* tee(k: Kernel, fdIn: number, fdOut: number, len: number, flags: number): Blocking<number> {
  if ((flags & ~SPLICE_F_ALL) !== 0) return -EINVAL;
  if (len === 0) return 0;
  const from = fileOf(k, fdIn);
  const to = fileOf(k, fdOut);
  if (from === undefined || to === undefined) return -EBADF;
  return yield* k.calls.callBlocking(DO_TEE, from.address, to.address, Math.min(len, MAX_RW_COUNT), flags);
}

/** `vmsplice`: user memory into a pipe, or a pipe into user memory: bytes, or -errno. */
export function* vmsplice(
  k: Kernel,
  fd: number,
  iov: Addr,
  segments: number,
  flags: number,
): Blocking<number> {
  if ((flags & ~SPLICE_F_ALL) !== 0) return -EINVAL;
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  const pipe = file.inode?.pipe ?? null;
  const replayed = recorded(k);
  k.call(GET_PIPE_INFO, file.address, 1);
  const mode = FILE.mode.get(k, file.address);
  if (replayed !== undefined) {
    const fills = (mode & FMODE_WRITE) !== 0;
    return yield* replaySplice(k, replayed.ret, fills ? null : pipe, fills ? pipe : null);
  }
  if (pipe === null || (mode & (FMODE_READ | FMODE_WRITE)) === 0) return -EBADF;
  if (!(segments >= 0 && segments <= 1024)) return -EINVAL;
  const word = k.image.pointerSize;
  let done = 0;
  try {
    for (let i = 0; i < segments; i++) {
      const at = iov + i * 2 * word;
      if (!k.memory.isUser(at)) return done > 0 ? done : -EFAULT;
      const base = k.memory.readPointer(at);
      const length = k.memory.load(at + word, word, false);
      if (length === 0) continue;
      if ((mode & FMODE_WRITE) !== 0) {
        if (!k.memory.isUser(base)) return done > 0 ? done : -EFAULT;
        const bytes = k.memory.readBytes(base, length).slice();
        const count = yield* fillPipe(k, pipe, bytes, file);
        if (count < 0) return done > 0 ? done : count;
        done += count;
      } else {
        const error = yield* forBytes(k, pipe, flags);
        if (error !== 0) return done > 0 || error === 1 ? done : error;
        const bytes = pipe.take(length);
        if (!k.memory.isUser(base)) return done > 0 ? done : -EFAULT;
        k.memory.writeBytes(base, bytes);
        wakeWriters(k, pipe);
        done += bytes.length;
      }
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return done > 0 ? done : -EFAULT;
  }
  return done;
}

/** What `splice` calls. */
export const SPLICE_CALLS: readonly FunctionRef[] = [__DO_SPLICE];

/** What `tee` calls. */
export const TEE_CALLS: readonly FunctionRef[] = [DO_TEE];

/** What `vmsplice` calls. */
export const VMSPLICE_CALLS: readonly FunctionRef[] = [
  GET_PIPE_INFO,
  WAKE_UP_SYNC_KEY,
  SEND_SIG,
  ...WAIT_EVENT_CALLS,
];
