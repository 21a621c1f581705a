/**
 * Streams between unix sockets: sent in segments, read across them. `net/unix/af_unix.c`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import {
  EAGAIN,
  EFAULT,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  ERESTARTSYS,
} from "../../syscalls/errno.ts";
import {
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_WAITALL,
  SEND_SHUTDOWN,
  TCP_ESTABLISHED,
  TCP_LISTEN,
} from "../constants.ts";
import { SKB_COPY_DATAGRAM_ITER } from "../core/datagram.ts";
import { PACKET_WAIT_CALLS, waitForPacket } from "../core/receive_wait.ts";
import {
  allocSkb,
  CONSUME_SKB,
  GFP_KERNEL,
  nextIn,
  peek,
  queueTail,
  type Skb,
  SKB_PUT,
  skbOf,
  unlink,
} from "../core/skbuff.ts";
import { ownWrite } from "../core/sock_memory.ts";
import { receivesNoMore, type Sock, SOCK_DEF_READABLE, sockError } from "../core/sock.ts";
import { MSG, SK, SKB } from "../fields.ts";
import { streamError } from "../ipv4/tcp.ts";
import { gatherMessage, messageFlags, msgIter } from "../msghdr.ts";
import { sockIn } from "../socket.ts";
import { attachRights, detachRights } from "./scm.ts";
import { unixOf } from "./unix_socket.ts";

/** Bytes that one stream segment holds at most, and datagrams that may wait at a socket. */
const SKB_MAX_DATA = 32640;

const ALLOC = fn("sock_alloc_send_pskb");

/** A packet with the caller's data; the first of a message carries its files and credentials. */
export function fill(k: Kernel, sk: Sock, bytes: Uint8Array, msg: Addr, at: number): Skb {
  const skb = skbOf(k, k.call(ALLOC, sk.address, bytes.length, 0, 0, Number.NaN, 0));
  // Made for datagrams of the Internet: their headroom stays unused.
  k.call(fn("unix_scm_to_skb"), Number.NaN, skb.address, 1);
  const data = k.call(SKB_PUT, skb.address, bytes.length);
  k.call(fn("skb_copy_datagram_from_iter"), skb.address, 0, msgIter(k, msg), bytes.length);
  k.memory.writeBytes(data, bytes);
  skb.destructor = null;
  SK.wmemAlloc.add(k, sk.address, -SKB.truesize.get(k, skb.address));
  ownWrite(k, skb, sk, "unix_wfree");
  if (at === 0) attachRights(k, skb, msg);
  return skb;
}

/** What `fill` and `deliver` call, and waiting for room. */
export const SEND_CALLS: readonly FunctionRef[] = [
  fn("wait_for_unix_gc"),
  ALLOC,
  fn("unix_scm_to_skb"),
  SKB_PUT,
  fn("skb_copy_datagram_from_iter"),
  fn("maybe_add_creds"),
  fn("skb_queue_tail"),
  SOCK_DEF_READABLE,
  ...PACKET_WAIT_CALLS,
];

/** Puts a packet into its receiver's queue. */
export function deliver(k: Kernel, peer: Sock, skb: Skb): void {
  k.call(fn("maybe_add_creds"), skb.address, Number.NaN, peer.address);
  k.call(fn("skb_queue_tail"), SK.receiveQueue.at(k, peer.address), skb.address);
  queueTail(k, SK.receiveQueue.at(k, peer.address), skb);
  k.call(SOCK_DEF_READABLE, peer.address);
}

/** Sends on a stream: (sock, msg, length). */
export const UNIX_STREAM_SENDMSG: FunctionRef = blocking(
  "unix_stream_sendmsg",
  SEND_CALLS,
  function* (k, sock = 0, msg = 0, length = 0): Blocking<number> {
    const sk = sockIn(k, sock);
    const flags = messageFlags(k, msg);
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    k.call(fn("wait_for_unix_gc"), Number.NaN);
    const { peer } = unixOf(sk);
    if (MSG.name.get(k, msg) !== 0 && MSG.namelen.get(k, msg) > 0) {
      return SK.state.get(k, sk.address) === TCP_ESTABLISHED ? -EISCONN : -EOPNOTSUPP;
    }
    if (peer === null) return -ENOTCONN;
    if ((SK.shutdown.get(k, sk.address) & SEND_SHUTDOWN) !== 0 && outcome === undefined) {
      return streamError(k, sk, flags, -EPIPE);
    }
    const bytes = gatherMessage(k, msg, length);
    if (bytes === null) return -EFAULT;
    let sent = 0;
    do {
      const limit = Math.min(SKB_MAX_DATA, (SK.sndbuf.get(k, sk.address) >> 1) - 64);
      const part = bytes.subarray(sent, sent + limit);
      const room = () => SK.wmemAlloc.get(k, sk.address) < SK.sndbuf.get(k, sk.address) || peer.dead;
      if (!room() && outcome === undefined) {
        if ((flags & MSG_DONTWAIT) !== 0) return sent > 0 ? sent : -EAGAIN;
        if (!(yield* waitForPacket(k, sk, room))) return sent > 0 ? sent : -ERESTARTSYS;
      }
      if (peer.dead || receivesNoMore(k, peer)) {
        if (outcome === undefined) return sent > 0 ? sent : streamError(k, sk, flags, -EPIPE);
        return outcome.ret;
      }
      deliver(k, peer, fill(k, sk, part, msg, sent));
      sent += part.length;
    } while (sent < bytes.length);
    return sent;
  },
);

const UNIX_STREAM_READ_ACTOR: FunctionRef = behaviour(
  "unix_stream_read_actor",
  [SKB_COPY_DATAGRAM_ITER],
  (k, skb = 0, skip = 0, chunk = 0) => {
    const msg = reading.get(k) ?? 0;
    return k.call(SKB_COPY_DATAGRAM_ITER, skb, skip, msgIter(k, msg), chunk) === 0 ? chunk : -EFAULT;
  },
);

/** The message that is being read into. */
const reading = new WeakMap<Kernel, Addr>();

/** Bytes of a stream's first packet that were read already. */
const consumed = new WeakMap<Skb, number>();

const READ_CALLS = [
  UNIX_STREAM_READ_ACTOR,
  CONSUME_SKB,
  fn("skb_unlink"),
  fn("unix_stream_data_wait"),
  ...PACKET_WAIT_CALLS,
];

/** Reads from a stream: (state, freezable). */
const READ_GENERIC: FunctionRef = blocking(
  "unix_stream_read_generic",
  READ_CALLS,
  function* (k): Blocking<number> {
    const request = requests.get(k.current);
    if (request === undefined) return -EINVAL;
    const { sk, msg, length, flags } = request;
    const outcome = recorded(k);
    if (
      SK.state.get(k, sk.address) !== TCP_ESTABLISHED && unixOf(sk).peer === null &&
      peek(k, SK.receiveQueue.at(k, sk.address)) === undefined && !receivesNoMore(k, sk)
    ) {
      return outcome?.ret ?? -EINVAL;
    }
    const queue = SK.receiveQueue.at(k, sk.address);
    const replayed = outcome === undefined ? undefined : Math.max(0, outcome.ret);
    const target = replayed ?? ((flags & MSG_WAITALL) !== 0 ? length : Math.min(1, length));
    const limit = replayed === undefined ? length : Math.min(length, replayed);
    let copied = 0;
    let waited = false;
    let next: Skb | undefined = peek(k, queue);
    for (;;) {
      if (next !== undefined && copied < limit) {
        const skip = consumed.get(next) ?? 0;
        const size = SKB.len.get(k, next.address);
        const chunk = Math.min(size - skip, limit - copied);
        reading.set(k, msg);
        // Held while it is read; let go of behind that.
        SKB.users.add(k, next.address, 1);
        if (
          k.call(UNIX_STREAM_READ_ACTOR, next.address, skip, chunk, Number.NaN) < 0 && outcome === undefined
        ) {
          SKB.users.add(k, next.address, -1);
          return copied > 0 ? copied : -EFAULT;
        }
        k.call(CONSUME_SKB, next.address);
        copied += chunk;
        if ((flags & MSG_PEEK) !== 0) {
          next = nextIn(k, queue, next);
          continue;
        }
        const carries = next.files !== null;
        detachRights(k, next, msg, flags);
        consumed.set(next, skip + chunk);
        if (skip + chunk >= size) {
          k.call(fn("skb_unlink"), next.address, queue);
          unlink(k, queue, next);
          k.call(CONSUME_SKB, next.address);
        }
        // Files mark a boundary: what follows is another message.
        if (carries) break;
        next = peek(k, queue);
        continue;
      }
      if (
        copied >= target && (copied > 0 || limit === 0 && (outcome === undefined || receivesNoMore(k, sk)))
      ) break;
      if (copied === 0) {
        const error = sockError(k, sk);
        if (error !== 0 && outcome === undefined) return error;
      }
      if (receivesNoMore(k, sk)) break;
      if ((flags & MSG_DONTWAIT) !== 0 && (outcome === undefined || outcome.ret === -EAGAIN)) {
        return copied > 0 ? copied : -EAGAIN;
      }
      if (waited) {
        if (outcome !== undefined && outcome.ret > copied) {
          imply(k, sk, outcome.ret - copied, outcome.data, copied);
          next = peek(k, queue);
          if (next !== undefined) continue;
        }
        if (outcome !== undefined && copied === 0) return outcome.ret;
        break;
      }
      const undisturbed = yield* waitForPacket(
        k,
        sk,
        () => available(k, sk) + copied >= Math.max(1, target) || receivesNoMore(k, sk),
      );
      waited = outcome !== undefined;
      if (!undisturbed && outcome === undefined) {
        return copied > 0 ? copied : SK.rcvtimeo.get(k, sk.address) > 0 ? -EAGAIN : -ERESTARTSYS;
      }
      next = peek(k, queue);
    }
    return copied;
  },
);

const requests = new WeakMap<object, { sk: Sock; msg: Addr; length: number; flags: number }>();

function available(k: Kernel, sk: Sock): number {
  let bytes = 0;
  const queue = SK.receiveQueue.at(k, sk.address);
  for (let skb = peek(k, queue); skb !== undefined; skb = nextIn(k, queue, skb)) {
    bytes += SKB.len.get(k, skb.address) - (consumed.get(skb) ?? 0);
  }
  return bytes;
}

/** A recorded message that nobody here has sent. */
export function imply(
  k: Kernel,
  sk: Sock,
  count: number,
  data: Uint8Array | undefined,
  offset: number,
): void {
  const bytes = new Uint8Array(count);
  if (data !== undefined) bytes.set(data.subarray(offset, offset + count));
  const skb = allocSkb(k, count, 0, GFP_KERNEL);
  k.memory.writeBytes(k.call(SKB_PUT, skb.address, count), bytes);
  queueTail(k, SK.receiveQueue.at(k, sk.address), skb);
}

/** Receives from a stream: (sock, msg, length, flags). */
export const UNIX_STREAM_RECVMSG: FunctionRef = blocking(
  "unix_stream_recvmsg",
  [READ_GENERIC],
  function* (k, sock = 0, msg = 0, length = 0, flags = 0) {
    const sk = sockIn(k, sock);
    if (SK.state.get(k, sk.address) === TCP_LISTEN) return -EINVAL;
    requests.set(k.current, { sk, msg, length, flags });
    return yield* k.calls.callBlocking(READ_GENERIC, Number.NaN, 1);
  },
);
