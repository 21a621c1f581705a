/**
 * Messages with names, vectors and control data: `sendmsg`, `recvmsg`, `sendmmsg`, `recvmmsg`. `net/socket.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { EFAULT, EINVAL, EMSGSIZE } from "../syscalls/errno.ts";
import { MSG_DONTWAIT, MSG_WAITFORONE } from "./constants.ts";
import { MSG } from "./fields.ts";
import {
  limitMessage,
  messageCount,
  messageFlags,
  newMessage,
  type Range,
  SOCKADDR_STORAGE,
} from "./msghdr.ts";
import { __SOCK_SENDMSG, isError, SOCK_RECVMSG, socketOf, SOCKFD_LOOKUP_LIGHT } from "./socket.ts";
import { MOVE_ADDR_TO_KERNEL, MOVE_ADDR_TO_USER } from "./sys_socket.ts";
import { dropControl, readControl } from "./unix/scm.ts";

const UIO_MAXIOV = 1024;

/** Where the members of a `struct user_msghdr` lie. */
interface Layout {
  readonly name: number;
  readonly namelen: number;
  readonly iov: number;
  readonly iovlen: number;
  readonly control: number;
  readonly controllen: number;
  readonly flags: number;
  readonly size: number;
}
function layoutOf(k: Kernel): Layout {
  const w = k.image.pointerSize;
  return {
    name: 0,
    namelen: w,
    iov: 2 * w,
    iovlen: 3 * w,
    control: 4 * w,
    controllen: 5 * w,
    flags: 6 * w,
    size: 7 * w,
  };
}

/** The header that a program gave, read; null at a bad address. */
interface UserMessage {
  readonly name: Addr;
  readonly namelen: number;
  readonly ranges: readonly Range[];
  readonly control: Addr;
  readonly controllen: number;
}
function readUser(k: Kernel, at: Addr): UserMessage | number {
  const layout = layoutOf(k);
  const word = k.image.pointerSize;
  const load = (address: Addr, size: number): number => loadUser(k, address, size, size === 8);
  const iov = load(at + layout.iov, word);
  const count = load(at + layout.iovlen, word);
  if (count < 0 || count > UIO_MAXIOV) return -EMSGSIZE;
  const ranges: Range[] = [];
  for (let i = 0; i < count; i++) {
    const base = load(iov + i * 2 * word, word);
    const length = load(iov + i * 2 * word + word, word);
    if (Number.isNaN(base + length)) return -EFAULT;
    if (length < 0) return -EINVAL;
    ranges.push({ base, length });
  }
  const read = {
    name: load(at + layout.name, word),
    namelen: load(at + layout.namelen, 4) | 0,
    ranges,
    control: load(at + layout.control, word),
    controllen: load(at + layout.controllen, word),
  };
  return Number.isNaN(count + read.name + read.control + read.controllen) ? -EFAULT : read;
}

const COPY_MSGHDR: FunctionRef = behaviour(
  "__copy_msghdr",
  [MOVE_ADDR_TO_KERNEL],
  (k) => {
    const request = copying.get(k);
    return request === undefined || request.name === 0
      ? 0
      : k.call(MOVE_ADDR_TO_KERNEL, request.name, request.length, request.to);
  },
);
/** Copies a header in: (kmsg, umsg, save_addr, iov). */
const COPY_MSGHDR_FROM_USER: FunctionRef = behaviour(
  "copy_msghdr_from_user",
  [COPY_MSGHDR],
  (k, msg = 0, _umsg, save = 0) => k.call(COPY_MSGHDR, msg, Number.NaN, save),
);
/** The address that the header being copied has. */
const copying = new WeakMap<Kernel, { name: Addr; length: number; to: Addr }>();

/** The kernel's header of a program's: on the stack; or -errno. */
function copyIn(k: Kernel, user: Addr, flags: number, sending: boolean): Addr | number {
  const read = readUser(k, user);
  if (typeof read === "number" && recorded(k) === undefined) return read;
  const known: UserMessage = typeof read === "number"
    ? { name: 0, namelen: 0, ranges: [], control: 0, controllen: 0 }
    : read;
  const msg = newMessage(k, known.ranges, flags);
  const name = pushLocal(k, SOCKADDR_STORAGE);
  const wanted = known.name !== 0 && (!sending || known.namelen > 0);
  copying.set(k, { name: sending && wanted ? known.name : 0, length: known.namelen, to: name });
  const error = k.call(COPY_MSGHDR_FROM_USER, msg, user, sending ? 0 : name, Number.NaN);
  copying.delete(k);
  if (error < 0) return error;
  if (wanted) {
    MSG.name.set(k, msg, name);
    MSG.namelen.set(k, msg, sending ? known.namelen : 0);
  }
  MSG.control.set(k, msg, known.control);
  MSG.controllen.set(k, msg, known.controllen);
  return msg;
}

const __SYS_SENDMSG_INNER: FunctionRef = blocking(
  "____sys_sendmsg",
  [__SOCK_SENDMSG],
  function* (k, sock = 0, msg = 0): Blocking<number> {
    const error = readControl(k, msg);
    if (error < 0) return error;
    const result = yield* k.calls.callBlocking(__SOCK_SENDMSG, sock, msg);
    dropControl(k, msg);
    return result;
  },
);
/** Sends one message: (sock, umsg, kmsg, flags). */
const ___SYS_SENDMSG: FunctionRef = blocking(
  "___sys_sendmsg",
  [COPY_MSGHDR_FROM_USER, __SYS_SENDMSG_INNER],
  function* (k, sock = 0, user = 0, _msg, flags = 0): Blocking<number> {
    const mark = k.current.locals;
    const msg = copyIn(k, user, flags | (socketOf(k, sock).nonblocking ? MSG_DONTWAIT : 0), true);
    const result = isError(msg)
      ? msg
      : yield* k.calls.callBlocking(__SYS_SENDMSG_INNER, sock, msg, flags, Number.NaN, 0);
    popLocals(k, mark);
    return result;
  },
);
/** `sendmsg`: (fd, msg, flags, forbid_cmsg_compat). */
export const __SYS_SENDMSG: FunctionRef = blocking(
  "__sys_sendmsg",
  [SOCKFD_LOOKUP_LIGHT, ___SYS_SENDMSG],
  function* (k, fd = 0, user = 0, flags = 0): Blocking<number> {
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    return yield* k.calls.callBlocking(___SYS_SENDMSG, socket, user, Number.NaN, flags, 0, 0);
  },
);
/** `sendmmsg`: (fd, mmsg, vlen, flags). */
export const __SYS_SENDMMSG: FunctionRef = blocking(
  "__sys_sendmmsg",
  [SOCKFD_LOOKUP_LIGHT, ___SYS_SENDMSG],
  function* (k, fd = 0, vector = 0, vlen = 0, flags = 0): Blocking<number> {
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    return yield* each(k, vector, vlen, function* (at) {
      return yield* k.calls.callBlocking(___SYS_SENDMSG, socket, at, Number.NaN, flags, Number.NaN, 1);
    });
  },
);

const ____SYS_RECVMSG: FunctionRef = blocking(
  "____sys_recvmsg",
  [SOCK_RECVMSG, MOVE_ADDR_TO_USER],
  function* (k, sock = 0, msg = 0, user = 0, uaddr = 0, flags = 0): Blocking<number> {
    const layout = layoutOf(k);
    const control = MSG.control.get(k, msg);
    const how = flags | (socketOf(k, sock).nonblocking ? MSG_DONTWAIT : 0);
    const result = yield* k.calls.callBlocking(SOCK_RECVMSG, sock, msg, how);
    if (result < 0) return result;
    const length = MSG.namelen.get(k, msg);
    if (uaddr !== 0 && MSG.name.get(k, msg) !== 0) {
      const moved = k.call(MOVE_ADDR_TO_USER, MSG.name.get(k, msg), length, uaddr, user + layout.namelen);
      if (moved < 0) return moved;
    }
    try {
      k.memory.store(user + layout.flags, 4, messageFlags(k, msg) & ~MSG_DONTWAIT);
      k.memory.store(user + layout.controllen, k.image.pointerSize, MSG.control.get(k, msg) - control);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
    }
    return result;
  },
);
/** Receives one message: (sock, umsg, kmsg, flags). */
const ___SYS_RECVMSG: FunctionRef = blocking(
  "___sys_recvmsg",
  [COPY_MSGHDR_FROM_USER, ____SYS_RECVMSG],
  function* (k, sock = 0, user = 0, _msg, flags = 0): Blocking<number> {
    const mark = k.current.locals;
    const msg = copyIn(k, user, 0, false);
    let result: number;
    if (isError(msg)) result = msg;
    else {
      const outcome = recorded(k);
      // A vector that a recording printed shorter than it was.
      if (outcome !== undefined && messageCount(k, msg) < outcome.ret) limitMessage(k, msg, outcome.ret);
      const uaddr = MSG.name.get(k, msg) === 0
        ? 0
        : loadUser(k, user, k.image.pointerSize, k.image.pointerSize === 8);
      result = yield* k.calls.callBlocking(____SYS_RECVMSG, sock, msg, user, uaddr, flags, 0);
    }
    popLocals(k, mark);
    return result;
  },
);
/** `recvmsg`: (fd, msg, flags, forbid_cmsg_compat). */
export const __SYS_RECVMSG: FunctionRef = blocking(
  "__sys_recvmsg",
  [SOCKFD_LOOKUP_LIGHT, ___SYS_RECVMSG],
  function* (k, fd = 0, user = 0, flags = 0): Blocking<number> {
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    return yield* k.calls.callBlocking(___SYS_RECVMSG, socket, user, Number.NaN, flags, 0);
  },
);
/** `recvmmsg`: (fd, mmsg, vlen, flags, timeout). */
export const __SYS_RECVMMSG: FunctionRef = blocking(
  "__sys_recvmmsg",
  [fn("do_recvmmsg"), SOCKFD_LOOKUP_LIGHT, ___SYS_RECVMSG],
  function* (k, fd = 0, vector = 0, vlen = 0, flags = 0): Blocking<number> {
    return yield* k.calls.callBlocking(DO_RECVMMSG, fd, vector, vlen, flags, 0);
  },
);
const DO_RECVMMSG: FunctionRef = blocking(
  "do_recvmmsg",
  [SOCKFD_LOOKUP_LIGHT, ___SYS_RECVMSG],
  function* (k, fd = 0, vector = 0, vlen = 0, flags = 0): Blocking<number> {
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    let how = flags & ~MSG_WAITFORONE;
    return yield* each(k, vector, vlen, function* (at) {
      const result = yield* k.calls.callBlocking(___SYS_RECVMSG, socket, at, Number.NaN, how, 0);
      if ((flags & MSG_WAITFORONE) !== 0) how |= MSG_DONTWAIT;
      return result;
    });
  },
);

/** Does one message after the other, until one fails: how many were done, or the first one's -errno. */
function* each(
  k: Kernel,
  vector: Addr,
  vlen: number,
  one: (at: Addr) => Blocking<number>,
): Blocking<number> {
  const { size } = layoutOf(k);
  const word = k.image.pointerSize;
  const stride = Math.ceil((size + 4) / word) * word;
  const limit = recorded(k)?.ret ?? Math.min(vlen, UIO_MAXIOV);
  let done = 0;
  while (done < Math.max(limit, 1)) {
    const result = yield* one(vector + done * stride);
    if (result < 0) return done > 0 ? done : result;
    try {
      k.memory.store(vector + done * stride + size, 4, result);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      return done > 0 ? done : -EFAULT;
    }
    done++;
  }
  return done;
}
