/**
 * What a segment does to a connection: `net/ipv4/tcp_input.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { tracepoint } from "../../tracing/reference.ts";
import {
  SEND_SHUTDOWN,
  SKB_DROP_REASON_NOT_SPECIFIED,
  SKB_DROP_REASON_TCP_CLOSE,
  SKB_DROP_REASON_TCP_FLAGS,
  SKB_DROP_REASON_TCP_INVALID_SEQUENCE,
  SKB_DROP_REASON_TCP_OLD_DATA,
  SKB_DROP_REASON_TCP_RESET,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_LISTEN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
  TCPHDR_ACK,
  TCPHDR_FIN,
  TCPHDR_PSH,
  TCPHDR_RST,
  TCPHDR_SYN,
} from "../constants.ts";
import {
  __KFREE_SKB,
  CONSUME_SKB,
  dropRoute,
  KFREE_SKB_REASON,
  peek,
  type Skb,
  skbOf,
} from "../core/skbuff.ts";
import { shutDown, SK_STREAM_WRITE_SPACE, type Sock, SOCK_DEF_WAKEUP, sockOf } from "../core/sock.ts";
import { SK, SKB, TCP } from "../fields.ts";
import { FLAG_SLOWPATH, FLAG_UPDATE_TS_RECENT, TCP_ACK } from "./tcp_ack.ts";
import { INET_CSK_DESTROY_SOCK, TCP_DONE, TCP_SET_STATE, TCP_TIME_WAIT_FN } from "./tcp_close.ts";
import {
  __TCP_ACK_SND_CHECK,
  ackSendCheck,
  TCP_DATA_QUEUE,
  TCP_DATA_READY,
  TCP_EVENT_DATA_RECV,
  TCP_QUEUE_RCV,
} from "./tcp_data.ts";
import { readHeader } from "./tcp_header.ts";
import {
  __TCP_PUSH_PENDING_FRAMES,
  currentMss,
  enterQuickack,
  purgeWriteQueue,
  TCP_SEND_ACK,
  TCP_SEND_DELAYED_ACK,
  TCP_SYNC_MSS,
  windowLeft,
  writeQueue,
} from "./tcp_output.ts";
import { TCP_RESET } from "./tcp_reset.ts";
import { after, before, plus, TCP_TIMEWAIT_LEN, tcpOf } from "./tcp_sock.ts";

const PROBE_EVENT = tracepoint("tcp:tcp_probe", "sport", "dport", "family", "data_len", "snd_nxt", "snd_una");

/** A connection is there: buffers and congestion control start. */
const TCP_INIT_TRANSFER: FunctionRef = behaviour(
  "tcp_init_transfer",
  [fn("tcp_sndbuf_expand")],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    k.call(fn("tcp_sndbuf_expand"), address);
    // Room for twice the window that it may grow to.
    const room = Math.min(4 * 2 ** 20, Math.max(87040, 2 * 10 * (currentMss(k, sk) + 384) * 2));
    tcpOf(sk).sendBuffer = room;
    SK.sndbuf.set(k, address, room);
    return Number.NaN;
  },
);

/** The peer's SYN-ACK came. */
const TCP_FINISH_CONNECT: FunctionRef = behaviour(
  "tcp_finish_connect",
  [TCP_SET_STATE, fn("inet_sk_rx_dst_set"), TCP_INIT_TRANSFER],
  (k, address = 0, skb = 0) => {
    k.call(TCP_SET_STATE, address, TCP_ESTABLISHED);
    k.call(fn("inet_sk_rx_dst_set"), address, skb);
    k.call(TCP_INIT_TRANSFER, address, 4, skb);
    return Number.NaN;
  },
);

behaviour("tcp_write_queue_purge", [__KFREE_SKB], (k, address = 0) => {
  purgeWriteQueue(k, sockOf(k, address));
  return Number.NaN;
});

/** Whether sequence numbers and flags make sense: 0 where the segment was dropped. */
const TCP_VALIDATE_INCOMING: FunctionRef = behaviour(
  "tcp_validate_incoming",
  [TCP_RESET, TCP_SEND_ACK, KFREE_SKB_REASON],
  (k, address = 0, segment = 0) => {
    const sk = sockOf(k, address);
    const skb = skbOf(k, segment);
    const { seq, endSeq, flags } = skb.tcp;
    const next = TCP.rcvNxt.get(k, address);
    const edge = plus(next, Math.max(windowLeft(k, sk), 1));
    const acceptable = !before(endSeq, TCP.rcvWup.get(k, address)) && !after(seq, edge);
    if (!acceptable) {
      if ((flags & TCPHDR_RST) === 0) k.call(TCP_SEND_ACK, address);
      k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_TCP_INVALID_SEQUENCE);
      return 0;
    }
    if ((flags & TCPHDR_RST) !== 0) {
      k.call(TCP_RESET, address, segment);
      k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_TCP_RESET);
      return 0;
    }
    if ((flags & TCPHDR_SYN) !== 0) {
      // A challenge: who really opened this connection will answer with a reset.
      k.call(TCP_SEND_ACK, address);
      k.call(KFREE_SKB_REASON, segment, 29);
      return 0;
    }
    return 1;
  },
);

/** Room came free: who waits to write goes on. */
const TCP_CHECK_SPACE: FunctionRef = behaviour(
  "tcp_check_space",
  [SK_STREAM_WRITE_SPACE],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    if (!sk.dead && sk.writersWait && roomToWrite(k, sk)) {
      sk.writersWait = false;
      k.call(SK_STREAM_WRITE_SPACE, address);
    }
    return Number.NaN;
  },
);

/** Whether a third of the send buffer is free. */
export function roomToWrite(k: Kernel, sk: Sock): boolean {
  const queued = SK.wmemQueued.get(k, sk.address);
  return queued < SK.sndbuf.get(k, sk.address) && SK.sndbuf.get(k, sk.address) - queued >= queued >> 1;
}

/** Sends what a segment's acknowledgement has made room for (`tcp_data_snd_check`). */
function dataSendCheck(k: Kernel, sk: Sock): void {
  if (peek(k, writeQueue(k, sk)) !== undefined) {
    k.call(__TCP_PUSH_PENDING_FRAMES, sk.address, currentMss(k, sk), tcpOf(sk).nodelay ? 1 : 0);
  }
  k.call(TCP_CHECK_SPACE, sk.address);
}

const ESTABLISHED_CALLS = [
  fn("dst_release"),
  fn("tcp_mstamp_refresh"),
  fn("inet_sk_rx_dst_set"),
  TCP_VALIDATE_INCOMING,
  TCP_ACK,
  fn("tcp_urg"),
  TCP_DATA_QUEUE,
  __TCP_PUSH_PENDING_FRAMES,
  TCP_CHECK_SPACE,
  __TCP_ACK_SND_CHECK,
  __KFREE_SKB,
  TCP_QUEUE_RCV,
  TCP_EVENT_DATA_RECV,
  TCP_DATA_READY,
  KFREE_SKB_REASON,
];

/** A segment of a connection that is up. */
export const TCP_RCV_ESTABLISHED: FunctionRef = behaviour(
  "tcp_rcv_established",
  ESTABLISHED_CALLS,
  (k, address = 0, segment = 0) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    const skb = skbOf(k, segment);
    const header = readHeader(k, skb);
    pullHeader(k, skb, header.length);
    if (k.tracepoints.enabled(PROBE_EVENT)) {
      const [next, una] = [TCP.sndNxt.get(k, address), TCP.sndUna.get(k, address)];
      const bytes = skb.payload?.length ?? 0;
      k.tracepoints.fire(PROBE_EVENT, sk.localPort, sk.remotePort, sk.family, bytes, next, una);
    }
    k.call(fn("tcp_mstamp_refresh"), address);
    const { seq, endSeq, ackSeq, flags } = skb.tcp;
    const fast = (flags & ~TCPHDR_PSH) === TCPHDR_ACK && header.window === tcp.predicted &&
      seq === TCP.rcvNxt.get(k, address) && tcp.outOfOrder.length === 0 &&
      !after(ackSeq, TCP.sndNxt.get(k, address)) && tcp.caState === "open";
    if (fast && seq === endSeq) {
      k.call(TCP_ACK, address, segment, 0);
      k.call(__KFREE_SKB, segment);
      dataSendCheck(k, sk);
      return Number.NaN;
    }
    if (fast && windowLeft(k, sk) >= ((endSeq - seq) | 0)) {
      dropRoute(k, skb);
      k.call(TCP_QUEUE_RCV, address, segment, Number.NaN);
      k.call(TCP_EVENT_DATA_RECV, address, segment);
      if (ackSeq !== TCP.sndUna.get(k, address)) {
        k.call(TCP_ACK, address, segment, 2);
        dataSendCheck(k, sk);
      }
      if (tcp.ackPending) k.call(__TCP_ACK_SND_CHECK, address, 0);
      k.call(TCP_DATA_READY, address);
      return Number.NaN;
    }
    if ((flags & (TCPHDR_ACK | TCPHDR_RST | TCPHDR_SYN)) === 0) {
      k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_TCP_FLAGS);
      return Number.NaN;
    }
    if (k.call(TCP_VALIDATE_INCOMING, address, segment, Number.NaN, 1) === 0) return Number.NaN;
    if (k.call(TCP_ACK, address, segment, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT) < 0) {
      k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_NOT_SPECIFIED);
      return Number.NaN;
    }
    k.call(fn("tcp_urg"), address, segment, Number.NaN);
    k.call(TCP_DATA_QUEUE, address, segment);
    if (k.net.socks.get(address) === undefined) return Number.NaN;
    dataSendCheck(k, sk);
    ackSendCheck(k, sk);
    return Number.NaN;
  },
);

/** Takes the TCP header off: `data` then points behind it, to no byte of the model's where data lies in fragments. */
function pullHeader(k: Kernel, skb: Skb, length: number): void {
  SKB.data.add(k, skb.address, length);
  SKB.len.add(k, skb.address, -length);
}

const PROCESS_CALLS = [
  fn("tcp_mstamp_refresh"),
  fn("tcp_parse_options"),
  fn("tcp_v4_conn_request"),
  fn("tcp_v6_conn_request"),
  TCP_ACK,
  TCP_SYNC_MSS,
  TCP_FINISH_CONNECT,
  SOCK_DEF_WAKEUP,
  TCP_SEND_ACK,
  TCP_SEND_DELAYED_ACK,
  TCP_RESET,
  TCP_VALIDATE_INCOMING,
  TCP_INIT_TRANSFER,
  TCP_SET_STATE,
  TCP_TIME_WAIT_FN,
  TCP_DONE,
  fn("tcp_update_metrics"),
  fn("tcp_urg"),
  TCP_DATA_QUEUE,
  CONSUME_SKB,
  __KFREE_SKB,
  __TCP_PUSH_PENDING_FRAMES,
  TCP_CHECK_SPACE,
  __TCP_ACK_SND_CHECK,
  KFREE_SKB_REASON,
  INET_CSK_DESTROY_SOCK,
  fn("sk_reset_timer"),
];

/** A segment in any other state: 1 where the peer has to get a reset. */
export const TCP_RCV_STATE_PROCESS: FunctionRef = behaviour(
  "tcp_rcv_state_process",
  PROCESS_CALLS,
  (k, address = 0, segment = 0) => {
    const sk = sockOf(k, address);
    const skb = skbOf(k, segment);
    const { flags } = skb.tcp;
    const state = SK.state.get(k, address);
    if (state === TCP_CLOSE) return drop(k, skb, SKB_DROP_REASON_TCP_CLOSE);
    if (state === TCP_LISTEN) {
      if ((flags & TCPHDR_ACK) !== 0) return 1;
      if ((flags & TCPHDR_RST) !== 0) return drop(k, skb, SKB_DROP_REASON_TCP_RESET);
      if ((flags & TCPHDR_SYN) === 0 || (flags & TCPHDR_FIN) !== 0) {
        return drop(k, skb, SKB_DROP_REASON_TCP_FLAGS);
      }
      k.call(fn(isV6(k, skb) ? "tcp_v6_conn_request" : "tcp_v4_conn_request"), address, segment);
      k.call(CONSUME_SKB, segment);
      return 0;
    }
    k.call(fn("tcp_mstamp_refresh"), address);
    const header = readHeader(k, skb);
    if (state === TCP_SYN_SENT) {
      const result = synSent(k, sk, skb);
      if (result !== 0) return result > 0 ? 1 : 0;
      k.call(fn("tcp_urg"), address, segment, Number.NaN);
      k.call(__KFREE_SKB, segment);
      dataSendCheck(k, sk);
      return 0;
    }
    pullHeader(k, skb, header.length);
    if (k.call(TCP_VALIDATE_INCOMING, address, segment, Number.NaN, 0) === 0) return 0;
    const acked = k.call(TCP_ACK, address, segment, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT);
    if (acked < 0) {
      if (state === TCP_SYN_RECV) return 1;
      return drop(k, skb, SKB_DROP_REASON_NOT_SPECIFIED);
    }
    const over = stateStep(k, sk, skb, state);
    if (over) return 0;
    k.call(fn("tcp_urg"), address, segment, Number.NaN);
    switch (SK.state.get(k, address)) {
      case TCP_CLOSE_WAIT:
      case TCP_CLOSING:
      case TCP_LAST_ACK:
        if (!before(skb.tcp.seq, TCP.rcvNxt.get(k, address))) break;
        k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_TCP_OLD_DATA);
        dataSendCheck(k, sk);
        return 0;
      case TCP_FIN_WAIT1:
      case TCP_FIN_WAIT2:
        // Nobody will read what comes now.
        if (sk.dead && (skb.payload?.length ?? 0) > 0) {
          k.call(TCP_RESET, address, segment);
          return 1;
        }
    }
    k.call(TCP_DATA_QUEUE, address, segment);
    if (k.net.socks.get(address) === undefined) return 0;
    dataSendCheck(k, sk);
    ackSendCheck(k, sk);
    return 0;
  },
);

/** What an acknowledgement makes of a state on the way up or down: true where the segment is done with. */
function stateStep(k: Kernel, sk: Sock, skb: Skb, state: number): boolean {
  const { address } = sk;
  const tcp = tcpOf(sk);
  const allAcked = TCP.sndUna.get(k, address) === TCP.writeSeq.get(k, address);
  switch (state) {
    case TCP_SYN_RECV:
      k.call(TCP_INIT_TRANSFER, address, 5, skb.address);
      TCP.copiedSeq.set(k, address, TCP.rcvNxt.get(k, address));
      k.call(TCP_SET_STATE, address, TCP_ESTABLISHED);
      k.call(SOCK_DEF_WAKEUP, address);
      enterQuickack(tcp);
      return false;
    case TCP_FIN_WAIT1: {
      if (!allAcked) return false;
      k.call(TCP_SET_STATE, address, TCP_FIN_WAIT2);
      shutDown(k, sk, SEND_SHUTDOWN);
      if (!sk.dead) {
        k.call(SOCK_DEF_WAKEUP, address);
        return false;
      }
      if ((skb.payload?.length ?? 0) > 0) return false;
      if ((skb.tcp.flags & TCPHDR_FIN) === 0) {
        k.call(TCP_TIME_WAIT_FN, address, TCP_FIN_WAIT2, 60 * 250);
        k.call(CONSUME_SKB, skb.address);
        return true;
      }
      return false;
    }
    case TCP_CLOSING:
      if (!allAcked) return false;
      k.call(TCP_TIME_WAIT_FN, address, TCP_TIME_WAIT, TCP_TIMEWAIT_LEN / 4e6);
      k.call(CONSUME_SKB, skb.address);
      return true;
    case TCP_LAST_ACK:
      if (!allAcked) return false;
      k.call(fn("tcp_update_metrics"), address);
      k.call(TCP_DONE, address);
      k.call(CONSUME_SKB, skb.address);
      return true;
    default:
      return false;
  }
}

/** A segment for a sock that has sent its SYN: 0 to go on, 1 for a reset, -1 where it is done with. */
function synSent(k: Kernel, sk: Sock, skb: Skb): number {
  const { address } = sk;
  const tcp = tcpOf(sk);
  const { flags, seq, ackSeq } = skb.tcp;
  k.call(fn("tcp_parse_options"), Number.NaN, skb.address, Number.NaN, 0, Number.NaN);
  if ((flags & TCPHDR_ACK) !== 0) {
    if (!after(ackSeq, TCP.sndUna.get(k, address)) || after(ackSeq, TCP.sndNxt.get(k, address))) return 1;
    if ((flags & TCPHDR_RST) !== 0) {
      k.call(TCP_RESET, address, skb.address);
      drop(k, skb, SKB_DROP_REASON_TCP_RESET);
      return -1;
    }
    if ((flags & TCPHDR_SYN) === 0) {
      drop(k, skb, SKB_DROP_REASON_TCP_FLAGS);
      return -1;
    }
    const header = readHeader(k, skb);
    k.call(TCP_ACK, address, skb.address, FLAG_SLOWPATH);
    tcp.irs = seq;
    tcp.sndWscale = header.wscale ?? 0;
    tcp.mssClamp = header.mss ?? 536;
    TCP.rcvNxt.set(k, address, plus(seq, 1));
    TCP.rcvWup.set(k, address, plus(seq, 1));
    TCP.copiedSeq.set(k, address, plus(seq, 1));
    k.call(TCP_SYNC_MSS, address, k.net.route(sk.remote).dev.mtu);
    k.call(TCP_FINISH_CONNECT, address, skb.address);
    enterQuickack(tcp);
    if (!sk.dead) k.call(SOCK_DEF_WAKEUP, address);
    k.call(TCP_SEND_ACK, address);
    return 0;
  }
  if ((flags & TCPHDR_RST) !== 0) {
    drop(k, skb, SKB_DROP_REASON_TCP_RESET);
    return -1;
  }
  // Both sides connect at once: no recording of it, nothing here does it.
  drop(k, skb, SKB_DROP_REASON_TCP_FLAGS);
  return -1;
}

function isV6(k: Kernel, skb: Skb): boolean {
  return SKB.protocol.get(k, skb.address) === 0xdd86;
}

function drop(k: Kernel, skb: Skb, reason: number): number {
  k.call(KFREE_SKB_REASON, skb.address, reason);
  return 0;
}
