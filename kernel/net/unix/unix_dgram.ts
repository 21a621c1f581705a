/**
 * Datagrams and sequenced packets between unix sockets. `net/unix/af_unix.c`.
 *
 * @module
 */

import { type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import { WAKE_UP } from "../../sched/wait.ts";
import {
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EFAULT,
  EMSGSIZE,
  ENOTCONN,
  EPIPE,
  ERESTARTSYS,
} from "../../syscalls/errno.ts";
import { encodeAddress } from "../address.ts";
import {
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  SEND_SHUTDOWN,
  TCP_ESTABLISHED,
} from "../constants.ts";
import { SKB_COPY_DATAGRAM_ITER } from "../core/datagram.ts";
import { PACKET_WAIT_CALLS, waitForPacket } from "../core/receive_wait.ts";
import { KFREE_SKB_REASON, peek, queueLength, type Skb, unlink } from "../core/skbuff.ts";
import { receivesNoMore, sleepQueue, sockOf } from "../core/sock.ts";
import { MSG, SK, SKB } from "../fields.ts";
import { streamError } from "../ipv4/tcp.ts";
import { gatherMessage, messageFlags, msgIter, setMessageName } from "../msghdr.ts";
import { sockIn } from "../socket.ts";
import { detachRights } from "./scm.ts";
import { UNIX_FIND_OTHER } from "./unix_names.ts";
import { EPOLLOUT_EVENTS, unixOf } from "./unix_socket.ts";
import { deliver, fill, imply, SEND_CALLS } from "./unix_stream.ts";

/** Sends a datagram: (sock, msg, length). */
export const UNIX_DGRAM_SENDMSG: FunctionRef = blocking(
  "unix_dgram_sendmsg",
  [...SEND_CALLS, UNIX_FIND_OTHER, fn("sk_filter_trim_cap"), KFREE_SKB_REASON],
  function* (k, sock = 0, msg = 0, length = 0): Blocking<number> {
    const sk = sockIn(k, sock);
    const flags = messageFlags(k, msg);
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    k.call(fn("wait_for_unix_gc"), Number.NaN);
    if ((SK.shutdown.get(k, sk.address) & SEND_SHUTDOWN) !== 0) {
      return streamError(k, sk, flags | MSG_NOSIGNAL, -EPIPE);
    }
    let peer = unixOf(sk).peer;
    const name = MSG.name.get(k, msg);
    if (name === 0 && peer === null) return outcome?.ret ?? -ENOTCONN;
    if (length > SK.sndbuf.get(k, sk.address) - 32) return -EMSGSIZE;
    const bytes = gatherMessage(k, msg, length);
    if (bytes === null) return -EFAULT;
    const skb = fill(k, sk, bytes, msg, 0);
    if (name !== 0) {
      const found = k.call(UNIX_FIND_OTHER, Number.NaN, name, MSG.namelen.get(k, msg), sk.type);
      if (found < 0 && found >= -4095) {
        k.call(KFREE_SKB_REASON, skb.address, 1);
        return outcome?.ret ?? found;
      }
      peer = sockOf(k, found);
    }
    if (peer === null || peer.dead) {
      k.call(KFREE_SKB_REASON, skb.address, 1);
      return outcome?.ret ?? (name === 0 ? -ECONNREFUSED : -EDESTADDRREQ);
    }
    const to = peer;
    const room = () =>
      queueLength(k, SK.receiveQueue.at(k, to.address)) <= SK.maxAckBacklog.get(k, to.address) || to.dead;
    if (!room() && outcome === undefined) {
      if ((flags & MSG_DONTWAIT) !== 0) {
        k.call(KFREE_SKB_REASON, skb.address, 1);
        return -EAGAIN;
      }
      yield* waitForPacket(k, sk, room);
    }
    k.call(fn("sk_filter_trim_cap"), to.address, skb.address, 1);
    sender.set(skb, unixOf(sk).path ?? new Uint8Array(0));
    deliver(k, to, skb);
    return bytes.length;
  },
);

/** Name of a datagram's sender. */
const sender = new WeakMap<Skb, Uint8Array>();

const __UNIX_DGRAM_RECVMSG: FunctionRef = blocking(
  "__unix_dgram_recvmsg",
  [fn("__skb_try_recv_datagram"), SKB_COPY_DATAGRAM_ITER, fn("skb_free_datagram"), ...PACKET_WAIT_CALLS],
  function* (k, address = 0, msg = 0, size = 0, flags = 0): Blocking<number> {
    const sk = sockOf(k, address);
    const outcome = recorded(k);
    const queue = SK.receiveQueue.at(k, address);
    k.call(fn("__skb_try_recv_datagram"), address, queue, flags, Number.NaN, Number.NaN, Number.NaN);
    if (peek(k, queue) === undefined) {
      if (receivesNoMore(k, sk) && outcome === undefined) return 0;
      if ((flags & MSG_DONTWAIT) !== 0 && (outcome === undefined || outcome.ret === -EAGAIN)) return -EAGAIN;
      const undisturbed = yield* waitForPacket(
        k,
        sk,
        () => peek(k, queue) !== undefined || receivesNoMore(k, sk),
      );
      if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
      if (peek(k, queue) === undefined && outcome !== undefined) imply(k, sk, outcome.ret, outcome.data, 0);
      if (peek(k, queue) === undefined) {
        return undisturbed ? 0 : SK.rcvtimeo.get(k, address) > 0 ? -EAGAIN : -ERESTARTSYS;
      }
    }
    const skb = peek(k, queue);
    if (skb === undefined) return -EAGAIN;
    const length = SKB.len.get(k, skb.address);
    const copied = Math.min(size, length);
    if (length > size) MSG.flags.set(k, msg, messageFlags(k, msg) | MSG_TRUNC);
    const from = sender.get(skb);
    if (from !== undefined && from.length > 0) {
      setMessageName(k, msg, encodeAddress({ family: AF_UNIX, address: "", port: 0, path: from }));
    }
    const error = k.call(SKB_COPY_DATAGRAM_ITER, skb.address, 0, msgIter(k, msg), copied);
    if ((flags & MSG_PEEK) === 0) {
      unlink(k, queue, skb);
      detachRights(k, skb, msg, flags);
      const wq = sleepQueue(k, sk);
      if (wq !== 0 && k.net.sleepers(wq)) k.call(WAKE_UP, wq, 1, 1, EPOLLOUT_EVENTS);
      k.call(fn("skb_free_datagram"), address, skb.address);
    }
    if (error !== 0 && outcome === undefined) return -EFAULT;
    return (flags & MSG_TRUNC) !== 0 ? length : copied;
  },
);

/** Receives a datagram: (sock, msg, size, flags). */
export const UNIX_DGRAM_RECVMSG: FunctionRef = blocking(
  "unix_dgram_recvmsg",
  [__UNIX_DGRAM_RECVMSG],
  function* (k, sock = 0, msg = 0, size = 0, flags = 0) {
    return yield* k.calls.callBlocking(__UNIX_DGRAM_RECVMSG, sockIn(k, sock).address, msg, size, flags);
  },
);

/** Sends a packet: (sock, msg, length). */
export const SEQPACKET_SENDMSG: FunctionRef = blocking(
  "unix_seqpacket_sendmsg",
  [UNIX_DGRAM_SENDMSG],
  function* (k, sock = 0, msg = 0, size = 0) {
    if (SK.state.get(k, sockIn(k, sock).address) !== TCP_ESTABLISHED) return -ENOTCONN;
    return yield* k.calls.callBlocking(UNIX_DGRAM_SENDMSG, sock, msg, size);
  },
);

/** Receives a packet: (sock, msg, size, flags). */
export const SEQPACKET_RECVMSG: FunctionRef = blocking(
  "unix_seqpacket_recvmsg",
  [UNIX_DGRAM_RECVMSG],
  function* (k, sock = 0, msg = 0, size = 0, flags = 0) {
    if (SK.state.get(k, sockIn(k, sock).address) !== TCP_ESTABLISHED) return -ENOTCONN;
    return yield* k.calls.callBlocking(UNIX_DGRAM_RECVMSG, sock, msg, size, flags);
  },
);
