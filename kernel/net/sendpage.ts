/**
 * `sendfile` to a socket: pages go to the protocol one by one. `generic_splice_sendpage`, `sock_sendpage`.
 *
 * @module
 */

import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { splicedBytes } from "../fs/spliced.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { popLocals } from "../process/stack.ts";
import { EINVAL } from "../syscalls/errno.ts";
import { MSG_DONTWAIT, MSG_MORE } from "./constants.ts";
import { sendingPage, TCP_SENDPAGE } from "./ipv4/tcp.ts";
import { newMessage } from "./msghdr.ts";
import { __SOCK_SENDMSG, socketOf, socketOfFile, sockIn } from "./socket.ts";

const PAGE = 4096;

/** (sock, page, offset, size, flags) */
const INET_SENDPAGE: FunctionRef = blocking(
  "inet_sendpage",
  [TCP_SENDPAGE],
  (k, sock = 0, page = 0, offset = 0, size = 0, flags = 0) => {
    return k.calls.callOrWait(TCP_SENDPAGE, sockIn(k, sock).address, page, offset, size, flags);
  },
);
/** Protocols that take no pages get a copy: (sock, page, offset, size, flags). */
const SOCK_NO_SENDPAGE: FunctionRef = blocking(
  "sock_no_sendpage",
  [__SOCK_SENDMSG],
  function* (k, sock = 0, _page, _offset, size = 0, flags = 0): Blocking<number> {
    const bytes = splicedBytes(k).current;
    const copy = kzalloc(k, Math.max(size, 1));
    k.memory.writeBytes(copy, bytes);
    const mark = k.current.locals;
    const msg = newMessage(k, [{ base: copy, length: size }], flags & ~MSG_MORE);
    const result = yield* k.calls.callBlocking(__SOCK_SENDMSG, sock, msg);
    popLocals(k, mark);
    kfree(k, copy);
    return result;
  },
);
const KERNEL_SENDPAGE: FunctionRef = blocking(
  "kernel_sendpage",
  [INET_SENDPAGE, SOCK_NO_SENDPAGE],
  (k, sock = 0, page = 0, offset = 0, size = 0, flags = 0) => {
    const to = sockIn(k, sock).tcp !== null ? INET_SENDPAGE : SOCK_NO_SENDPAGE;
    return k.calls.callOrWait(to, sock, page, offset, size, flags);
  },
);
/** (file, page, offset, size, ppos, more) */
const SOCK_SENDPAGE: FunctionRef = blocking(
  "sock_sendpage",
  [KERNEL_SENDPAGE],
  (k, address = 0, page = 0, offset = 0, size = 0, _ppos, more = 0) => {
    const file = k.vfs.files.get(address);
    const socket = file === undefined ? undefined : socketOfFile(k, file);
    if (socket === undefined) return -EINVAL;
    const flags = (more !== 0 ? MSG_MORE : 0) | (socketOf(k, socket.address).nonblocking ? MSG_DONTWAIT : 0);
    return k.calls.callOrWait(KERNEL_SENDPAGE, socket.address, page, offset, size, flags);
  },
);
const PIPE_TO_SENDPAGE: FunctionRef = blocking(
  "pipe_to_sendpage",
  [SOCK_SENDPAGE],
  (k, _pipe, file = 0, size = 0, more = 0) => {
    return k.calls.callOrWait(SOCK_SENDPAGE, file, Number.NaN, 0, size, Number.NaN, more);
  },
);
/** Sends what a splice holds: (pipe, out, ppos, length, flags). */
export const GENERIC_SPLICE_SENDPAGE: FunctionRef = blocking(
  "generic_splice_sendpage",
  [fn("__splice_from_pipe"), PIPE_TO_SENDPAGE],
  function* (k, pipe = Number.NaN, output = 0, _ppos, length = 0): Blocking<number> {
    const spliced = splicedBytes(k);
    const { bytes } = spliced;
    let done = 0;
    while (done < Math.min(length, bytes.length)) {
      const part = bytes.subarray(done, Math.min(done + PAGE, length));
      spliced.current = part;
      sendingPage(k, part);
      const more = done + part.length < length ? 1 : 0;
      const sent = yield* k.calls.callBlocking(PIPE_TO_SENDPAGE, pipe, output, part.length, more);
      if (!(sent > 0)) return done > 0 ? done : sent;
      done += sent;
      if (sent < part.length) break;
    }
    return done;
  },
);
