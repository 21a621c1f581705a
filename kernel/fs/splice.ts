/**
 * Moving bytes between files without user space: `sendfile`, `copy_file_range`, `splice`, `tee`, `vmsplice`; `fs/splice.c`
 * and part of `fs/read_write.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { SEND_SIG } from "../signal/send.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { TASK_INTERRUPTIBLE } from "../process/task.ts";
import { WAKE_UP_SYNC_KEY } from "../sched/wait.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import {
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EISDIR,
  EOVERFLOW,
  EPIPE,
  ERESTARTSYS,
  ESPIPE,
  EXDEV,
} from "../syscalls/errno.ts";
import { fileOf } from "./fdtable.ts";
import { fileAccessed, TOUCH_ATIME } from "./inode_times.ts";
import { FILE, INODE } from "./fields.ts";
import { SOCKET } from "./fileops.ts";
import { splicedBytes } from "./spliced.ts";
import type { OpenFile } from "./file.ts";
import {
  FMODE_PREAD,
  FMODE_PWRITE,
  FMODE_READ,
  FMODE_WRITE,
  O_APPEND,
  O_NONBLOCK,
  S_IFDIR,
  S_IFREG,
} from "./modes.ts";
import type { PipeInfo } from "./pipe_info.ts";
import { EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM } from "./poll.ts";
import { recorded } from "./recorded.ts";
import { GENERIC_FILE_SPLICE_READ, ITER_FILE_SPLICE_WRITE } from "./splice_pages.ts";

const MAX_RW_COUNT = 0x7ffff000;
/** Bytes that go through at a time: what the pipe between holds. */
const CHUNK = 65536;
const RW_VERIFY_AREA = fn("rw_verify_area");
const GET_PIPE_INFO = fn("get_pipe_info");
const SPLICE_F_NONBLOCK = 2;
const SPLICE_F_ALL = 15;
const SIGPIPE = 13;

const GENERIC_SPLICE_SENDPAGE = fn("generic_splice_sendpage");
const WRITABLE = EPOLLOUT | EPOLLWRNORM;
const READABLE = EPOLLIN | EPOLLRDNORM;

function wakeReaders(k: Kernel, pipe: PipeInfo): void {
  k.call(WAKE_UP_SYNC_KEY, pipe.rdWait, TASK_INTERRUPTIBLE, READABLE);
}

function wakeWriters(k: Kernel, pipe: PipeInfo): void {
  k.call(WAKE_UP_SYNC_KEY, pipe.wrWait, TASK_INTERRUPTIBLE, WRITABLE);
}

/** Asks the file that is read from: (in, ppos, pipe, len, flags). */
const DO_SPLICE_TO: FunctionRef = blocking(
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

function* fillPipe(
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
function growTo(_k: Kernel, file: OpenFile, size: number): void {
  // A position that nothing tells of may be anything.
  if (size > Number.MAX_SAFE_INTEGER) return;
  if (file.inode?.type === S_IFREG && file.inode.size < size) file.inode.size = size;
}

/** `copy_file_range`: bytes, or -errno. (in, pos in, out, pos out, len, flags) */
export const VFS_COPY_FILE_RANGE: FunctionRef = blocking(
  "vfs_copy_file_range",
  [fn("generic_file_rw_checks"), fn("generic_write_check_limits"), RW_VERIFY_AREA, DO_SPLICE_DIRECT],
  function* (k, input = 0, posIn = 0, output = 0, posOut = 0, len = 0, flags = 0) {
    if (flags !== 0) return -EINVAL;
    const replayed = recorded(k);
    const from = k.vfs.files.get(input);
    const to = k.vfs.files.get(output);
    if (from?.inode == null || to?.inode == null) return -EBADF;
    k.call(fn("generic_file_rw_checks"), input, output);
    if (replayed === undefined) {
      const error = copyError(k, from, posIn, to, posOut, len);
      if (error !== 0) return error;
    }
    k.call(RW_VERIFY_AREA, 0, input, NaN, len);
    k.call(RW_VERIFY_AREA, 1, output, NaN, len);
    if (replayed !== undefined) {
      if (replayed.ret < 0) return replayed.ret;
      growTo(k, from, posIn + replayed.ret);
    }
    const count = replayed?.ret ?? Math.min(len, Math.max(0, from.inode.size - posIn), MAX_RW_COUNT);
    if (count === 0) return 0;
    const mark = k.current.locals;
    const [pos, outPos] = [pushLocal(k, 8), pushLocal(k, 8)];
    k.memory.store(pos, 8, posIn);
    k.memory.store(outPos, 8, posOut);
    const result = yield* k.calls.callBlocking(DO_SPLICE_DIRECT, input, pos, output, outPos, count, 0);
    popLocals(k, mark);
    return replayed?.ret ?? result;
  },
);

function copyError(
  k: Kernel,
  from: OpenFile,
  posIn: number,
  to: OpenFile,
  posOut: number,
  len: number,
): number {
  if (from.inode?.type === S_IFDIR || to.inode?.type === S_IFDIR) return -EISDIR;
  if (from.inode?.type !== S_IFREG || to.inode?.type !== S_IFREG) return -EINVAL;
  if (
    (FILE.mode.get(k, from.address) & FMODE_READ) === 0 ||
    (FILE.mode.get(k, to.address) & FMODE_WRITE) === 0 ||
    (FILE.flags.get(k, to.address) & O_APPEND) !== 0
  ) return -EBADF;
  const sb = INODE.sb.get(k, from.inode.address);
  if (sb !== INODE.sb.get(k, to.inode.address)) return -EXDEV;
  if (posIn + len > Number.MAX_SAFE_INTEGER || posOut + len > Number.MAX_SAFE_INTEGER) return -EOVERFLOW;
  // A file into itself must not overlap.
  if (from.inode === to.inode && posOut + len > posIn && posOut < posIn + len) return -EINVAL;
  return 0;
}

/** `copy_file_range`, with offsets in user memory or the files' own positions. */
export function* copyFileRange(
  k: Kernel,
  fdIn: number,
  offIn: Addr,
  fdOut: number,
  offOut: Addr,
  len: number,
  flags: number,
): Blocking<number> {
  const from = fileOf(k, fdIn);
  const to = fileOf(k, fdOut);
  if (from === undefined || to === undefined) return -EBADF;
  const posIn = offsetOf(k, from, offIn);
  const posOut = offsetOf(k, to, offOut);
  if (posIn === null || posOut === null) return recorded(k)?.ret ?? -EFAULT;
  const result = yield* k.calls.callBlocking(
    VFS_COPY_FILE_RANGE,
    from.address,
    posIn,
    to.address,
    posOut,
    len,
    flags,
  );
  if (result > 0) {
    setOffset(k, from, offIn, posIn + result);
    setOffset(k, to, offOut, posOut + result);
  }
  return result;
}

function offsetOf(k: Kernel, file: OpenFile, at: Addr): number | null {
  if (at === 0) return FILE.pos.get(k, file.address);
  try {
    return k.memory.isUser(at) ? k.memory.load(at, 8, true) : null;
  } catch (error) {
    if (error instanceof MemoryFault) return null;
    throw error;
  }
}

function setOffset(k: Kernel, file: OpenFile, at: Addr, pos: number): void {
  if (at === 0) FILE.pos.set(k, file.address, pos);
  else {
    try {
      k.memory.store(at, 8, pos);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
    }
  }
}

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

/** What `copy_file_range` calls. */
export const COPY_CALLS: readonly FunctionRef[] = [VFS_COPY_FILE_RANGE];
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
