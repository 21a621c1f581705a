/**
 * What a segment brings: its data is queued in order or kept until it is, its FIN ends the stream, and it is acknowledged.
 * `net/ipv4/tcp_input.c`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import {
  RCV_SHUTDOWN,
  SKB_DROP_REASON_TCP_OLD_DATA,
  SKB_DROP_REASON_TCP_OVERWINDOW,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_SYN_RECV,
  TCP_TIME_WAIT,
  TCPHDR_FIN,
} from "../constants.ts";
import { __KFREE_SKB, dropRoute, KFREE_SKB_REASON, queueTail, skbOf } from "../core/skbuff.ts";
import { ownRead } from "../core/sock_memory.ts";
import { shutDown, type Sock, SOCK_DEF_READABLE, SOCK_DEF_WAKEUP, sockOf } from "../core/sock.ts";
import { SK, TCP } from "../fields.ts";
import { TCP_SET_STATE, TCP_TIME_WAIT_FN } from "./tcp_close.ts";
import { currentMss, enterQuickack, TCP_SEND_ACK, TCP_SEND_DELAYED_ACK, windowLeft } from "./tcp_output.ts";
import { after, before, plus, tcpOf } from "./tcp_sock.ts";

/** The peer sends no more. */
const TCP_FIN: FunctionRef = behaviour(
  "tcp_fin",
  [TCP_SET_STATE, TCP_SEND_ACK, TCP_TIME_WAIT_FN, SOCK_DEF_WAKEUP],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    tcp.ackPending = true;
    enterQuickack(tcp, 1);
    shutDown(k, sk, RCV_SHUTDOWN);
    switch (SK.state.get(k, address)) {
      case TCP_SYN_RECV:
      case TCP_ESTABLISHED:
        k.call(TCP_SET_STATE, address, TCP_CLOSE_WAIT);
        break;
      case TCP_FIN_WAIT1:
        k.call(TCP_SEND_ACK, address);
        k.call(TCP_SET_STATE, address, TCP_CLOSING);
        break;
      case TCP_FIN_WAIT2:
        k.call(TCP_SEND_ACK, address);
        k.call(TCP_TIME_WAIT_FN, address, TCP_TIME_WAIT, 0);
        break;
    }
    if (!sk.dead && k.net.socks.get(address) !== undefined) k.call(SOCK_DEF_WAKEUP, address);
    return Number.NaN;
  },
);

/** Appends data in order to what waits to be read: (sk, skb, fragstolen). */
export const TCP_QUEUE_RCV: FunctionRef = behaviour("tcp_queue_rcv", [], (k, address = 0, segment = 0) => {
  const sk = sockOf(k, address);
  const skb = skbOf(k, segment);
  const bytes = skb.payload?.length ?? 0;
  TCP.rcvNxt.set(k, address, skb.tcp.endSeq);
  TCP.bytesReceived.set(k, address, TCP.bytesReceived.get(k, address) + bytes);
  tcpOf(sk).unacked += bytes;
  queueTail(k, SK.receiveQueue.at(k, address), skb);
  ownRead(k, skb, sk);
  return 0;
});

/** Data was received: how soon to acknowledge. */
export const TCP_EVENT_DATA_RECV: FunctionRef = behaviour("tcp_event_data_recv", [], (k, address = 0) => {
  tcpOf(sockOf(k, address)).ackPending = true;
  return Number.NaN;
});

/** Tells a reader that there is data: (sk). */
export const TCP_DATA_READY: FunctionRef = behaviour(
  "tcp_data_ready",
  [SOCK_DEF_READABLE],
  (k, address = 0) => {
    k.call(SOCK_DEF_READABLE, address);
    return Number.NaN;
  },
);

/** Data behind a gap waits for what is missing. */
const TCP_DATA_QUEUE_OFO: FunctionRef = behaviour(
  "tcp_data_queue_ofo",
  [KFREE_SKB_REASON],
  (k, address = 0, segment = 0) => {
    const sk = sockOf(k, address);
    const { outOfOrder } = tcpOf(sk);
    const skb = skbOf(k, segment);
    const at = outOfOrder.findIndex((other) => !before(other.tcp.seq, skb.tcp.seq));
    if (at >= 0 && outOfOrder[at]?.tcp.seq === skb.tcp.seq) {
      k.call(KFREE_SKB_REASON, segment, 25);
      return Number.NaN;
    }
    if (at < 0) outOfOrder.push(skb);
    else outOfOrder.splice(at, 0, skb);
    ownRead(k, skb, sk);
    return Number.NaN;
  },
);

/** What was missing came: data behind it follows. */
const TCP_OFO_QUEUE: FunctionRef = behaviour("tcp_ofo_queue", [__KFREE_SKB, TCP_FIN], (k, address = 0) => {
  const sk = sockOf(k, address);
  const tcp = tcpOf(sk);
  for (let skb = tcp.outOfOrder[0]; skb !== undefined; skb = tcp.outOfOrder[0]) {
    const next = TCP.rcvNxt.get(k, address);
    if (after(skb.tcp.seq, next)) break;
    tcp.outOfOrder.shift();
    if (!after(skb.tcp.endSeq, next)) {
      k.call(__KFREE_SKB, skb.address);
      continue;
    }
    const bytes = ((skb.tcp.endSeq - next) | 0) - ((skb.tcp.flags & TCPHDR_FIN) !== 0 ? 1 : 0);
    TCP.rcvNxt.set(k, address, skb.tcp.endSeq);
    TCP.bytesReceived.set(k, address, TCP.bytesReceived.get(k, address) + bytes);
    queueTail(k, SK.receiveQueue.at(k, address), skb);
    if ((skb.tcp.flags & TCPHDR_FIN) !== 0) k.call(TCP_FIN, address);
    if (k.net.socks.get(address) === undefined) break;
  }
  return Number.NaN;
});

/** Sorts a segment's data into the queues. */
export const TCP_DATA_QUEUE: FunctionRef = behaviour(
  "tcp_data_queue",
  [__KFREE_SKB, TCP_QUEUE_RCV, TCP_FIN, TCP_OFO_QUEUE, TCP_DATA_QUEUE_OFO, TCP_DATA_READY, KFREE_SKB_REASON],
  (k, address = 0, segment = 0) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    const skb = skbOf(k, segment);
    const { seq, endSeq, flags } = skb.tcp;
    if (seq === endSeq) {
      k.call(__KFREE_SKB, segment);
      return Number.NaN;
    }
    dropRoute(k, skb);
    const next = TCP.rcvNxt.get(k, address);
    if (seq === next || before(seq, next) && after(endSeq, next)) {
      if (windowLeft(k, sk) === 0 && (skb.payload?.length ?? 0) > 0) {
        tcp.ackPending = true;
        enterQuickack(tcp, 1);
        k.call(KFREE_SKB_REASON, segment, 22);
        return Number.NaN;
      }
      k.call(TCP_QUEUE_RCV, address, segment, Number.NaN);
      if ((skb.payload?.length ?? 0) > 0) k.call(TCP_EVENT_DATA_RECV, address, segment);
      if ((flags & TCPHDR_FIN) !== 0) k.call(TCP_FIN, address);
      if (k.net.socks.get(address) === undefined) return Number.NaN;
      if (tcp.outOfOrder.length > 0) {
        k.call(TCP_OFO_QUEUE, address);
        if (k.net.socks.get(address) === undefined) return Number.NaN;
        enterQuickack(tcp, 1);
      }
      if (!sk.dead) k.call(TCP_DATA_READY, address);
      return Number.NaN;
    }
    if (!after(endSeq, next)) {
      // Sent again though it was received: the acknowledgement got lost.
      tcp.ackPending = true;
      enterQuickack(tcp, 2);
      k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_TCP_OLD_DATA);
      return Number.NaN;
    }
    if (!before(seq, plus(next, windowLeft(k, sk)))) {
      tcp.ackPending = true;
      enterQuickack(tcp, 1);
      k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_TCP_OVERWINDOW);
      return Number.NaN;
    }
    tcp.ackPending = true;
    enterQuickack(tcp, 1);
    k.call(TCP_DATA_QUEUE_OFO, address, segment);
    return Number.NaN;
  },
);

/** Acknowledges now or later: (sk, ofo_possible). */
export const __TCP_ACK_SND_CHECK: FunctionRef = behaviour(
  "__tcp_ack_snd_check",
  [TCP_SEND_ACK, TCP_SEND_DELAYED_ACK],
  (k, address = 0, ofoPossible = 0) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    const now = tcp.unacked > currentMss(k, sk) || tcp.quick > 0 && tcp.pingpong < 3 ||
      ofoPossible !== 0 && tcp.outOfOrder.length > 0;
    k.call(now ? TCP_SEND_ACK : TCP_SEND_DELAYED_ACK, address);
    return Number.NaN;
  },
);

/** Acknowledges what came, at once or soon, where that is due. */
export function ackSendCheck(k: Kernel, sk: Sock): void {
  if (tcpOf(sk).ackPending) k.call(__TCP_ACK_SND_CHECK, sk.address, 1);
}
