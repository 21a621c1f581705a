/**
 * Reading and writing TCP sockets: `net/ipv4/tcp.c`.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import { SEND_SIG } from "../../signal/send.ts";
import { EAGAIN, EFAULT, ENOTCONN, EPIPE, ERESTARTSYS } from "../../syscalls/errno.ts";
import { tracepoint } from "../../tracing/reference.ts";
import {
  MSG_DONTWAIT,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_WAITALL,
  SEND_SHUTDOWN,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_ESTABLISHED,
  TCP_LISTEN,
  TCPHDR_ACK,
  TCPHDR_FIN,
} from "../constants.ts";
import { SKB_COPY_DATAGRAM_ITER } from "../core/datagram.ts";
import {
  GFP_KERNEL,
  nextIn,
  orphan,
  peek,
  queueTail,
  setPayload,
  type Skb,
  SKB_ATTEMPT_DEFER_FREE,
  skbOf,
  storeControl,
  unlink,
} from "../core/skbuff.ts";
import {
  LOCK_SOCK_NESTED,
  receivesNoMore,
  RELEASE_SOCK,
  type Sock,
  sockError,
  sockOf,
} from "../core/sock.ts";
import { SOCK_WAIT_CALLS, waitOnSock } from "../core/sock_wait.ts";
import { SK, SKB, TCP } from "../fields.ts";
import { receiveExpected } from "../implied_data.ts";
import { gatherMessage, messageFlags, msgIter } from "../msghdr.ts";
import { roomToWrite } from "./tcp_input.ts";
import {
  __TCP_PUSH_PENDING_FRAMES,
  currentMss,
  lastIn,
  TCP_SEND_ACK,
  TCP_STREAM_ALLOC_SKB,
  windowLeft,
  writeQueue,
} from "./tcp_output.ts";
import { plus, tcpOf } from "./tcp_sock.ts";

const SPACE_EVENT = tracepoint("tcp:tcp_rcv_space_adjust", "skaddr", "sport", "dport", "family");
const SIGPIPE = 13;
/** Bytes that one segment in the queue may hold on devices that split it themselves. */
const MAX_GSO = 65483;

/** Appends a fresh segment to the send queue: (sk, skb). */
const TCP_SKB_ENTAIL: FunctionRef = behaviour("tcp_skb_entail", [], (k, address = 0, segment = 0) => {
  const sk = sockOf(k, address);
  const skb = skbOf(k, segment);
  const seq = TCP.writeSeq.get(k, address);
  skb.tcp.seq = seq;
  skb.tcp.endSeq = seq;
  skb.tcp.flags = TCPHDR_ACK;
  storeControl(k, skb);
  queueTail(k, writeQueue(k, sk), skb);
  SK.wmemQueued.add(k, address, SKB.truesize.get(k, segment));
  return Number.NaN;
});

/** Sends what was queued: (sk, flags, mss, nonagle, size_goal). */
const TCP_PUSH: FunctionRef = behaviour(
  "tcp_push",
  [__TCP_PUSH_PENDING_FRAMES],
  (k, address = 0, _flags, mss = 0, nonagle = 0) => {
    k.call(__TCP_PUSH_PENDING_FRAMES, address, mss, nonagle);
    return Number.NaN;
  },
);

const SEND_CALLS = [
  fn("tcp_rate_check_app_limited"),
  fn("tcp_send_mss"),
  TCP_STREAM_ALLOC_SKB,
  TCP_SKB_ENTAIL,
  fn("tcp_wmem_schedule"),
  fn("tcp_tx_timestamp"),
  TCP_PUSH,
  __TCP_PUSH_PENDING_FRAMES,
  fn("sk_stream_wait_memory"),
  fn("sk_stream_wait_connect"),
  fn("sk_stream_error"),
  ...SOCK_WAIT_CALLS,
];
/** Sends on a locked sock: (sk, msg, size). */
const TCP_SENDMSG_LOCKED: FunctionRef = blocking(
  "tcp_sendmsg_locked",
  SEND_CALLS,
  function* (k, address = 0, msg = 0, size = 0): Blocking<number> {
    const sk = sockOf(k, address);
    const flags = messageFlags(k, msg);
    const nonblocking = (flags & MSG_DONTWAIT) !== 0;
    const state = SK.state.get(k, address);
    if (state !== TCP_ESTABLISHED && state !== TCP_CLOSE_WAIT) {
      const connecting = state === 2 || state === 3;
      if (connecting && !nonblocking) yield* waitOnSock(k, sk, () => !isConnecting(k, sk));
      else if (connecting) return -EAGAIN;
      const now = SK.state.get(k, address);
      if (now !== TCP_ESTABLISHED && now !== TCP_CLOSE_WAIT) {
        return streamError(k, sk, flags, sockError(k, sk) || -EPIPE);
      }
    }
    k.call(fn("tcp_rate_check_app_limited"), address);
    const bytes = gatherMessage(k, msg, size);
    if (bytes === null) return -EFAULT;
    return yield* sendBytes(k, sk, bytes, flags);
  },
);

/** Queues bytes and sends what can be sent; waits for room as long as the socket may. */
function* sendBytes(k: Kernel, sk: Sock, bytes: Uint8Array, flags: number): Blocking<number> {
  const { address } = sk;
  const tcp = tcpOf(sk);
  const nonblocking = (flags & MSG_DONTWAIT) !== 0;
  k.call(fn("tcp_send_mss"), address, Number.NaN, flags);
  const mss = currentMss(k, sk);
  const goal = k.net.route(sk.remote).dev.loopback ? Math.max(mss, Math.min(MAX_GSO, mss)) : mss;
  let done = 0;
  while (done < bytes.length) {
    if (SK.err.get(k, address) !== 0 || (SK.shutdown.get(k, address) & SEND_SHUTDOWN) !== 0) {
      if (done > 0) break;
      return streamError(k, sk, flags, sockError(k, sk) || -EPIPE);
    }
    let skb = lastIn(k, sk);
    if (skb === undefined || (skb.payload?.length ?? 0) >= goal || (skb.tcp.flags & TCPHDR_FIN) !== 0) {
      if (SK.wmemQueued.get(k, address) >= SK.sndbuf.get(k, address)) {
        if (done > 0) k.call(TCP_PUSH, address, flags, mss, 1, goal);
        if (!roomToWrite(k, sk)) {
          if (nonblocking && recorded(k) === undefined) break;
          sk.writersWait = true;
          const undisturbed = yield* waitOnSock(k, sk, () => roomToWrite(k, sk) || hasFailed(k, sk));
          if (!undisturbed) {
            if (done === 0) return -ERESTARTSYS;
            break;
          }
          // In a replay the call ends when it was recorded to, whether there is room or not.
          if (recorded(k) === undefined) continue;
        }
      }
      skb = skbOf(k, k.call(TCP_STREAM_ALLOC_SKB, address, 0, GFP_KERNEL, 0));
      k.call(TCP_SKB_ENTAIL, address, skb.address);
    }
    const room = goal - (skb.payload?.length ?? 0);
    const part = bytes.subarray(done, done + room);
    k.call(fn("tcp_wmem_schedule"), address, part.length);
    append(k, sk, skb, part);
    done += part.length;
  }
  if (done > 0) {
    k.call(fn("tcp_tx_timestamp"), address, 0);
    const hold = (flags & MSG_MORE) !== 0;
    const corked = tcp.cork;
    if (hold) tcp.cork = true;
    k.call(TCP_PUSH, address, flags, mss, tcp.nodelay && !hold ? 1 : 0, goal);
    tcp.cork = corked;
  }
  return done > 0 || bytes.length === 0 ? done : -EAGAIN;
}

/** Sends bytes that lie in pages of the kernel: (sk, page, offset, size, flags). */
export const DO_TCP_SENDPAGES: FunctionRef = blocking(
  "do_tcp_sendpages",
  SEND_CALLS,
  function* (k, address = 0, _page, _offset, size = 0, flags = 0): Blocking<number> {
    const sk = sockOf(k, address);
    const bytes = pages.get(k.current) ?? new Uint8Array(size);
    return yield* sendBytes(k, sk, bytes, flags);
  },
);
/** What lies in the page that a task sends. */
const pages = new WeakMap<object, Uint8Array>();

/** Sends a page's bytes on a connection that is not locked yet. */
export const TCP_SENDPAGE: FunctionRef = blocking(
  "tcp_sendpage",
  [LOCK_SOCK_NESTED, fn("tcp_sendpage_locked"), DO_TCP_SENDPAGES, RELEASE_SOCK],
  function* (k, sk = 0, page = Number.NaN, offset = 0, size = 0, flags = 0): Blocking<number> {
    k.call(LOCK_SOCK_NESTED, sk, 0);
    const result = yield* k.calls.callBlocking(DO_TCP_SENDPAGES, sk, page, offset, size, flags);
    k.call(RELEASE_SOCK, sk);
    return result;
  },
);

/** Names the bytes of the page that the running task is about to send. */
export function sendingPage(k: Kernel, bytes: Uint8Array): void {
  pages.set(k.current, bytes);
}

/** Adds bytes to the last segment of the send queue. */
function append(k: Kernel, sk: Sock, skb: Skb, part: Uint8Array): void {
  const old = skb.payload;
  const whole = new Uint8Array((old?.length ?? 0) + part.length);
  if (old !== null) whole.set(old);
  whole.set(part, old?.length ?? 0);
  const before = SKB.truesize.get(k, skb.address);
  setPayload(k, skb, whole);
  SK.wmemQueued.add(k, sk.address, SKB.truesize.get(k, skb.address) - before);
  skb.tcp.endSeq = plus(skb.tcp.endSeq, part.length);
  storeControl(k, skb);
  TCP.writeSeq.set(k, sk.address, plus(TCP.writeSeq.get(k, sk.address), part.length));
}

function isConnecting(k: Kernel, sk: Sock): boolean {
  const state = SK.state.get(k, sk.address);
  return state === 2 || state === 3;
}

function hasFailed(k: Kernel, sk: Sock): boolean {
  return SK.err.get(k, sk.address) !== 0 || (SK.shutdown.get(k, sk.address) & SEND_SHUTDOWN) !== 0;
}

/** An error of a stream; one whose other end is closed also gets a signal (`sk_stream_error`). */
export function streamError(k: Kernel, _sk: Sock, flags: number, error: number): number {
  if (error === -EPIPE && (flags & MSG_NOSIGNAL) === 0 && recorded(k) === undefined) {
    k.call(SEND_SIG, SIGPIPE, k.current.address, 0);
  }
  return error;
}

/** Sends: (sk, msg, size). */
export const TCP_SENDMSG: FunctionRef = blocking(
  "tcp_sendmsg",
  [LOCK_SOCK_NESTED, TCP_SENDMSG_LOCKED, RELEASE_SOCK],
  function* (k, sk = 0, msg = 0, size = 0) {
    k.call(LOCK_SOCK_NESTED, sk, 0);
    const result = yield* k.calls.callBlocking(TCP_SENDMSG_LOCKED, sk, msg, size);
    k.call(RELEASE_SOCK, sk);
    return result;
  },
);

/** Data was read: if the window is larger than the peer knows, or an acknowledgement is due, it is told: (sk, copied). */
const __TCP_CLEANUP_RBUF: FunctionRef = behaviour(
  "__tcp_cleanup_rbuf",
  [TCP_SEND_ACK],
  (k, address = 0, copied = 0) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    const mss = Math.min(TCP.advmss.get(k, address) || 536, tcp.receiveBuffer / 2);
    let now = false;
    if (tcp.ackPending) {
      const emptied = SK.rmemAlloc.get(k, address) === 0;
      now = tcp.unacked > mss || copied > 0 && emptied && tcp.quick > 0 && tcp.pingpong < 3;
    }
    if (!now && copied > 0 && !receivesNoMore(k, sk) && SK.state.get(k, address) !== TCP_CLOSE) {
      const left = windowLeft(k, sk);
      const room = tcp.receiveBuffer / 2 - ((TCP.rcvNxt.get(k, address) - TCP.copiedSeq.get(k, address)) | 0);
      now = 2 * left <= tcp.receiveBuffer / 2 && room >= 2 * left && room > 0;
    }
    if (now) k.call(TCP_SEND_ACK, address);
    return Number.NaN;
  },
);
/** The same, and checks that nothing read waits still. */
export const TCP_CLEANUP_RBUF: FunctionRef = behaviour(
  "tcp_cleanup_rbuf",
  [__TCP_CLEANUP_RBUF],
  (k, sk = 0, copied = 0) => {
    k.call(__TCP_CLEANUP_RBUF, sk, copied);
    return Number.NaN;
  },
);

/** Data was copied: how large the buffer should be. */
const TCP_RCV_SPACE_ADJUST: FunctionRef = behaviour("tcp_rcv_space_adjust", [], (k, address = 0) => {
  if (k.tracepoints.enabled(SPACE_EVENT)) {
    const sk = sockOf(k, address);
    k.tracepoints.fire(SPACE_EVENT, address, sk.localPort, sk.remotePort, sk.family);
  }
  return Number.NaN;
});

const RECV_CALLS = [
  TCP_CLEANUP_RBUF,
  fn("sk_wait_data"),
  SKB_COPY_DATAGRAM_ITER,
  TCP_RCV_SPACE_ADJUST,
  fn("sock_rfree"),
  SKB_ATTEMPT_DEFER_FREE,
];
/** Waits for data: (sk, timeo, skb). */
const SK_WAIT_DATA: FunctionRef = blocking("sk_wait_data", SOCK_WAIT_CALLS, function* (k, address = 0) {
  const sk = sockOf(k, address);
  const wanted = wantedBytes.get(k.current) ?? 1;
  const until = timeout.get(k.current);
  const ready = () => available(k, sk) >= wanted || isOver(k, sk);
  return (yield* waitOnSock(k, sk, ready, until)) ? 1 : 0;
});
/** How much the waiting task needs, and until when it waits; both are on its stack. */
const wantedBytes = new WeakMap<object, number>();
const timeout = new WeakMap<object, number | undefined>();

/** Bytes in order that were not read. */
function available(k: Kernel, sk: Sock): number {
  const fin = receivesNoMore(k, sk) ? 1 : 0;
  return Math.max(0, ((TCP.rcvNxt.get(k, sk.address) - TCP.copiedSeq.get(k, sk.address)) | 0) - fin);
}

function isOver(k: Kernel, sk: Sock): boolean {
  return receivesNoMore(k, sk) || SK.err.get(k, sk.address) !== 0 ||
    SK.state.get(k, sk.address) === TCP_CLOSE;
}

/** Receives on a locked sock: (sk, msg, length, flags). */
const TCP_RECVMSG_LOCKED: FunctionRef = blocking(
  "tcp_recvmsg_locked",
  RECV_CALLS,
  function* (k, address = 0, msg = 0, length = 0, flags = 0): Blocking<number> {
    const sk = sockOf(k, address);
    if (SK.state.get(k, address) === TCP_LISTEN) return -ENOTCONN;
    const outcome = recorded(k);
    const wait = (flags & MSG_DONTWAIT) === 0;
    const peeking = (flags & MSG_PEEK) !== 0;
    const replayed = outcome === undefined ? undefined : Math.max(0, outcome.ret);
    const target = replayed ?? ((flags & MSG_WAITALL) !== 0 ? length : Math.min(length, 1));
    const limit = replayed === undefined ? length : Math.min(length, replayed);
    let copied = 0;
    let seq = TCP.copiedSeq.get(k, address);
    let waited = false;
    while (copied < limit || copied === 0) {
      const next = copyable(k, sk, seq);
      if (next !== undefined && limit > 0) {
        const offset = (seq - next.tcp.seq) | 0;
        const used = Math.min((next.payload?.length ?? 0) - offset, limit - copied);
        const error = k.call(SKB_COPY_DATAGRAM_ITER, next.address, offset, msgIter(k, msg), used);
        if (error !== 0) {
          if (copied === 0 && outcome === undefined) return -EFAULT;
          break;
        }
        seq = plus(seq, used);
        copied += used;
        if (!peeking) TCP.copiedSeq.set(k, address, seq);
        k.call(TCP_RCV_SPACE_ADJUST, address);
        if (!peeking) eat(k, sk, seq);
        continue;
      }
      if (!peeking) eat(k, sk, seq);
      if (copied >= target && (copied > 0 || replayed === 0 && isOver(k, sk))) break;
      if (copied > 0 && (isOver(k, sk) || !wait)) break;
      if (copied === 0) {
        if (receivesNoMore(k, sk) && SK.err.get(k, address) === 0) break;
        const error = sockError(k, sk);
        if (error !== 0) return error;
        if (SK.state.get(k, address) === TCP_CLOSE) return outcome === undefined ? -ENOTCONN : outcome.ret;
        if (outcome === undefined && !wait) return -EAGAIN;
        if (outcome !== undefined && outcome.ret === -EAGAIN && !wait) return -EAGAIN;
      }
      if (waited && outcome !== undefined) {
        // The recording knows of data that nobody here has sent.
        if (outcome.ret <= 0) return outcome.ret;
        if (!receiveExpected(k, sk, limit - copied, outcome.data, copied)) break;
        continue;
      }
      k.call(TCP_CLEANUP_RBUF, address, copied);
      wantedBytes.set(k.current, Math.max(1, target - copied));
      const seconds = SK.rcvtimeo.get(k, address);
      timeout.set(k.current, seconds > 0 && seconds < 2 ** 40 ? k.clock.now + seconds * 4e6 : undefined);
      const woken = yield* k.calls.callBlocking(SK_WAIT_DATA, address, Number.NaN, 0);
      waited = true;
      if (woken === 0) {
        if (copied > 0) break;
        return timeout.get(k.current) === undefined ? -ERESTARTSYS : -EAGAIN;
      }
    }
    k.call(TCP_CLEANUP_RBUF, address, copied);
    return copied;
  },
);

/** The first segment with data at a sequence number. */
function copyable(k: Kernel, sk: Sock, seq: number): Skb | undefined {
  const queue = SK.receiveQueue.at(k, sk.address);
  for (let skb = peek(k, queue); skb !== undefined; skb = nextIn(k, queue, skb)) {
    const offset = (seq - skb.tcp.seq) | 0;
    if (offset >= 0 && offset < (skb.payload?.length ?? 0)) return skb;
  }
  return undefined;
}

/** Frees the segments that were read to their end (`tcp_eat_recv_skb`). */
function eat(k: Kernel, sk: Sock, seq: number): void {
  const queue = SK.receiveQueue.at(k, sk.address);
  for (let skb = peek(k, queue); skb !== undefined; skb = peek(k, queue)) {
    const end = plus(skb.tcp.seq, skb.payload?.length ?? 0);
    if (((end - seq) | 0) > 0) return;
    if ((skb.tcp.flags & TCPHDR_FIN) !== 0) TCP.copiedSeq.set(k, sk.address, skb.tcp.endSeq);
    unlink(k, queue, skb);
    orphan(k, skb);
    k.call(SKB_ATTEMPT_DEFER_FREE, skb.address);
  }
}

/** Receives: (sk, msg, length, flags, addr_len). */
export const TCP_RECVMSG: FunctionRef = blocking(
  "tcp_recvmsg",
  [LOCK_SOCK_NESTED, TCP_RECVMSG_LOCKED, RELEASE_SOCK],
  function* (k, sk = 0, msg = 0, length = 0, flags = 0) {
    k.call(LOCK_SOCK_NESTED, sk, 0);
    const result = yield* k.calls.callBlocking(
      TCP_RECVMSG_LOCKED,
      sk,
      msg,
      length,
      flags,
      Number.NaN,
      Number.NaN,
    );
    k.call(RELEASE_SOCK, sk);
    return result;
  },
);
