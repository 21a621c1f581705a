/**
 * Sending segments: `net/ipv4/tcp_output.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { TCP_CLOSE, TCPHDR_ACK, TCPHDR_FIN, TCPHDR_PSH, TCPHDR_RST, TCPHDR_SYN } from "../constants.ts";
import { SK_RESET_TIMER, stopTimer, timerJiffies } from "../core/sk_timer.ts";
import {
  __KFREE_SKB,
  ALLOC_SKB,
  allocSkb,
  GFP_ATOMIC,
  GFP_KERNEL,
  MAX_TCP_HEADER,
  nextIn,
  peek,
  queueTail,
  type Skb,
  SKB_ALLOC_FCLONE,
  SKB_CLONE,
  SKB_PUSH,
  skbOf,
  storeControl,
  unlink,
} from "../core/skbuff.ts";
import { ownWrite } from "../core/sock_memory.ts";
import { type Sock, sockOf } from "../core/sock.ts";
import { ICSK, SK, SKB, TCP } from "../fields.ts";
import { INET6_CSK_XMIT, IP_QUEUE_XMIT, sendsIpv6 } from "./ip_output.ts";
import { headerLength, writeHeader } from "./tcp_header.ts";
import {
  after,
  before,
  plus,
  TCP_DELACK,
  TCP_HEADER,
  TCP_INIT_CWND,
  TCP_MAX_QUICKACKS,
  TCP_RTO_MAX,
  TCP_TIMEOUT_INIT,
  TCP_WSCALE,
  tcpOf,
  type TcpSock,
} from "./tcp_sock.ts";

/** A sock's send queue: data that waits for window. */
export function writeQueue(k: Kernel, sk: Sock): number {
  return SK.writeQueue.at(k, sk.address);
}

/** `tcp_current_mss`: payload bytes of a segment. */
export function currentMss(k: Kernel, sk: Sock): number {
  return TCP.mss.get(k, sk.address);
}

/** Bytes of a segment to an address: what the device takes, less headers. */
export function deviceMss(k: Kernel, remote: string): number {
  const { mtu } = k.net.route(remote).dev;
  return Math.min(mtu, 65535) - (sendsIpv6("::", remote) ? 60 : 40);
}

/** Sets the segment size by route and peer (`tcp_sync_mss`), with room for timestamps. */
export const TCP_SYNC_MSS: FunctionRef = behaviour("tcp_sync_mss", [], (k, address = 0, _pmtu) => {
  const sk = sockOf(k, address);
  const mss = Math.max(48, Math.min(deviceMss(k, sk.remote), tcpOf(sk).mssClamp) - (TCP_HEADER - 20));
  TCP.mss.set(k, address, mss);
  return mss;
});

/** The receive window that is offered now, in bytes. */
export const __TCP_SELECT_WINDOW: FunctionRef = behaviour(
  "__tcp_select_window",
  [],
  (k, address = 0) => selectWindow(k, sockOf(k, address)),
);

function selectWindow(k: Kernel, sk: Sock): number {
  const tcp = tcpOf(sk);
  const { address } = sk;
  const room = tcp.receiveBuffer / 2 - queued(k, sk);
  const offered = Math.max(0, windowLeft(k, sk));
  const mss = Math.min(TCP.advmss.get(k, address) || 536, tcp.receiveBuffer / 2);
  // Less than half is left, and less than a segment: none is better than a silly one.
  if (room < tcp.receiveBuffer / 4 && room < mss && offered === 0) return 0;
  const rounded = Math.max(0, room) >> TCP_WSCALE << TCP_WSCALE;
  // A window never shrinks.
  return Math.max(rounded, offered);
}

/** What is left of the window that was offered last. */
export function windowLeft(k: Kernel, sk: Sock): number {
  const edge = plus(TCP.rcvWup.get(k, sk.address), TCP.rcvWnd.get(k, sk.address));
  return Math.max(0, (edge - TCP.rcvNxt.get(k, sk.address)) | 0);
}

function queued(k: Kernel, sk: Sock): number {
  let bytes = (TCP.rcvNxt.get(k, sk.address) - TCP.copiedSeq.get(k, sk.address)) | 0;
  for (const skb of tcpOf(sk).outOfOrder) bytes += skb.payload?.length ?? 0;
  return bytes;
}

/** A buffer for data to send: (sk, size, gfp, force). */
export const TCP_STREAM_ALLOC_SKB: FunctionRef = behaviour(
  "tcp_stream_alloc_skb",
  [ALLOC_SKB, fn("sk_forced_mem_schedule")],
  (k, sk = 0, size = 0, gfp = 0) => {
    const skb = allocSkb(k, size + MAX_TCP_HEADER, MAX_TCP_HEADER, gfp, SKB_ALLOC_FCLONE);
    k.call(fn("sk_forced_mem_schedule"), sk, SKB.truesize.get(k, skb.address));
    return skb.address;
  },
);

/** Sends a segment, or with `clone` a clone of it: (sk, skb, clone, gfp, rcv_nxt). */
export const __TCP_TRANSMIT_SKB: FunctionRef = behaviour(
  "__tcp_transmit_skb",
  [
    SKB_CLONE,
    SKB_PUSH,
    __TCP_SELECT_WINDOW,
    fn("tcp_options_write"),
    fn("tcp_v4_send_check"),
    fn("tcp_v6_send_check"),
    IP_QUEUE_XMIT,
    INET6_CSK_XMIT,
    fn("tcp_update_skb_after_send"),
    fn("tcp_rate_skb_sent"),
  ],
  (k, address = 0, original = 0, clone = 0, gfp = 0, rcvNxt = 0) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    const skb = skbOf(k, clone !== 0 ? k.call(SKB_CLONE, original, gfp) : original);
    const { flags, seq } = skb.tcp;
    const data = skb.payload?.length ?? 0;
    const syn = (flags & TCPHDR_SYN) !== 0;
    const length = headerLength(flags, false);
    k.call(SKB_PUSH, skb.address, length);
    ownWrite(
      k,
      skb,
      sk,
      (flags & (TCPHDR_SYN | TCPHDR_FIN)) === 0 && data === 0 ? "__sock_wfree" : "tcp_wfree",
    );
    const window = syn ? Math.min(TCP.rcvWnd.get(k, address), 65535) : k.call(__TCP_SELECT_WINDOW, address);
    if (!syn) {
      TCP.rcvWnd.set(k, address, window);
      TCP.rcvWup.set(k, address, TCP.rcvNxt.get(k, address));
    }
    writeHeader(
      k,
      skb,
      {
        source: sk.localPort,
        dest: sk.remotePort,
        seq,
        ack: (flags & TCPHDR_ACK) !== 0 ? rcvNxt : 0,
        flags,
        window: syn ? window : window >> TCP_WSCALE,
        mss: TCP.advmss.get(k, address),
        wscale: TCP_WSCALE,
      },
      length,
    );
    k.call(fn("tcp_options_write"), SKB.data.get(k, skb.address), address, Number.NaN);
    const six = sendsIpv6(sk.local, sk.remote);
    k.call(fn(six ? "tcp_v6_send_check" : "tcp_v4_send_check"), address, skb.address);
    if ((flags & TCPHDR_ACK) !== 0) ackSent(k, tcp);
    if (data > 0) {
      TCP.dataSegsOut.add(k, address, 1);
      TCP.bytesSent.set(k, address, TCP.bytesSent.get(k, address) + data);
      // Data going out: acknowledgements can ride on it.
      if (tcp.pingpong < 3 && after(TCP.rcvNxt.get(k, address), plus(tcp.irs, 1))) tcp.pingpong++;
    }

    TCP.segsOut.add(k, address, 1);
    const error = six
      ? k.call(INET6_CSK_XMIT, address, skb.address, Number.NaN)
      : k.call(IP_QUEUE_XMIT, address, skb.address, Number.NaN);
    if (clone !== 0) {
      skbOf(k, original).tcp.sentAt = k.clock.now;
      k.call(fn("tcp_update_skb_after_send"), address, original, 0);
      k.call(fn("tcp_rate_skb_sent"), address, original);
    }
    return Number.isNaN(error) ? 0 : error;
  },
);

/** An acknowledgement went out: none is due any more (`tcp_event_ack_sent`). */
function ackSent(k: Kernel, tcp: TcpSock): void {
  if (tcp.quick > 0) tcp.quick--;
  tcp.ackPending = false;
  tcp.unacked = 0;
  if (tcp.delack.pending) stopTimer(k, tcp.delack);
}

/** Sends `skb`, which stays in a queue of its own: (sk, skb, clone). */
export function transmit(k: Kernel, sk: Sock, skb: Skb, clone: number, gfp: number): number {
  return k.call(
    __TCP_TRANSMIT_SKB,
    sk.address,
    skb.address,
    clone,
    gfp,
    TCP.rcvNxt.get(k, sk.address),
  );
}

/** Arms the retransmission timer: what waits for an acknowledgement is sent again then. */
export const TCP_REARM_RTO: FunctionRef = behaviour(
  "tcp_rearm_rto",
  [SK_RESET_TIMER],
  (k, address = 0) => {
    const tcp = tcpOf(sockOf(k, address));
    if (TCP.packetsOut.get(k, address) === 0) {
      tcp.pending = "none";
      ICSK.pending.set(k, address, 0);
      stopTimer(k, tcp.retransmit);
      return Number.NaN;
    }
    resetRetransmit(k, sockOf(k, address));
    return Number.NaN;
  },
);

/** Arms the retransmission timer with the timeout as it is. */
export function resetRetransmit(k: Kernel, sk: Sock): void {
  const tcp = tcpOf(sk);
  tcp.pending = "retransmit";
  ICSK.pending.set(k, sk.address, 1);
  const due = k.clock.now + timeoutOf(k, sk);
  ICSK.timeout.set(k, sk.address, timerJiffies(k, due));
  k.call(SK_RESET_TIMER, sk.address, tcp.retransmit.address, timerJiffies(k, due));
}

/** The retransmission timeout in nanoseconds; `icsk_rto` has it in ticks. */
export function timeoutOf(k: Kernel, sk: Sock): number {
  return Math.min(TCP_RTO_MAX, ICSK.rto.get(k, sk.address) * 4_000_000);
}

/** Sets the timeout. */
export function setTimeoutOf(k: Kernel, sk: Sock, ns: number): void {
  ICSK.rto.set(k, sk.address, Math.ceil(Math.min(ns, TCP_RTO_MAX) / 4_000_000));
}

/** A new segment was sent: it waits in the retransmission queue now. */
const TCP_EVENT_NEW_DATA_SENT: FunctionRef = behaviour(
  "tcp_event_new_data_sent",
  [fn("tcp_rbtree_insert"), TCP_REARM_RTO],
  (k, address = 0, segment = 0) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    const skb = skbOf(k, segment);
    const prior = TCP.packetsOut.get(k, address);
    TCP.sndNxt.set(k, address, skb.tcp.endSeq);
    unlink(k, writeQueue(k, sk), skb);
    k.call(fn("tcp_rbtree_insert"), Number.NaN, segment);
    tcp.rtx.push(skb);
    TCP.packetsOut.set(k, address, prior + 1);
    if (prior === 0 || tcp.pending === "none") k.call(TCP_REARM_RTO, address);
    return Number.NaN;
  },
);

/** Segments that are on their way. */
export function inFlight(k: Kernel, sk: Sock): number {
  const { address } = sk;
  return Math.max(
    0,
    TCP.packetsOut.get(k, address) - TCP.lostOut.get(k, address) - TCP.sackedOut.get(k, address) +
      TCP.retransOut.get(k, address),
  );
}

/** Sends what window, congestion and Nagle allow: whether nothing could be sent: (sk, mss, nonagle, push_one, gfp). */
export const TCP_WRITE_XMIT: FunctionRef = behaviour(
  "tcp_write_xmit",
  [
    fn("tcp_tso_segs"),
    fn("tcp_small_queue_check"),
    __TCP_TRANSMIT_SKB,
    TCP_EVENT_NEW_DATA_SENT,
    fn("tcp_schedule_loss_probe"),
  ],
  (k, address = 0, mss = 0, nonagle = 0, _pushOne = 0, gfp = GFP_ATOMIC) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    let sent = 0;
    for (let skb = peek(k, writeQueue(k, sk)); skb !== undefined; skb = peek(k, writeQueue(k, sk))) {
      k.call(fn("tcp_tso_segs"), address, mss);
      if (inFlight(k, sk) >= TCP.cwnd.get(k, address)) break;
      const edge = plus(TCP.sndUna.get(k, address), TCP.sndWnd.get(k, address));
      if (after(skb.tcp.endSeq, edge)) break;
      const last = nextIn(k, writeQueue(k, sk), skb) === undefined;
      if (last && nonagle === 0 && holdsBack(k, sk, tcp, skb, mss)) break;
      k.call(fn("tcp_small_queue_check"), address, skb.address, 0);
      if (last && (skb.payload?.length ?? 0) > 0) skb.tcp.flags |= TCPHDR_PSH;
      transmit(k, sk, skb, 1, gfp);
      k.call(TCP_EVENT_NEW_DATA_SENT, address, skb.address);
      sent++;
    }
    if (sent > 0) {
      k.call(fn("tcp_schedule_loss_probe"), address, 0);
      return 0;
    }
    return TCP.packetsOut.get(k, address) === 0 && peek(k, writeQueue(k, sk)) !== undefined ? 1 : 0;
  },
);

/** Nagle: a small segment waits while another one is out. */
function holdsBack(k: Kernel, sk: Sock, tcp: TcpSock, skb: Skb, mss: number): boolean {
  const length = skb.payload?.length ?? 0;
  if ((skb.tcp.flags & TCPHDR_FIN) !== 0 || length >= mss) return false;
  if (tcp.cork) return true;
  return !tcp.nodelay && TCP.packetsOut.get(k, sk.address) > 0 && smallOut(tcp, mss);
}

/** Whether a segment smaller than `mss` waits for its acknowledgement (Minshall's variant). */
function smallOut(tcp: TcpSock, mss: number): boolean {
  return tcp.rtx.some((skb) => (skb.payload?.length ?? 0) < mss && (skb.payload?.length ?? 0) > 0);
}

/** Sends what can be sent: (sk, mss, nonagle). */
export const __TCP_PUSH_PENDING_FRAMES: FunctionRef = behaviour(
  "__tcp_push_pending_frames",
  [TCP_WRITE_XMIT, SK_RESET_TIMER],
  (k, address = 0, mss = 0, nonagle = 0) => {
    const sk = sockOf(k, address);
    if (SK.state.get(k, address) === TCP_CLOSE) return Number.NaN;
    if (k.call(TCP_WRITE_XMIT, address, mss, nonagle, 0, GFP_ATOMIC) !== 0) probeLater(k, sk);
    return Number.NaN;
  },
);

/** The window is closed: asks again later (`tcp_check_probe_timer`). */
function probeLater(k: Kernel, sk: Sock): void {
  const tcp = tcpOf(sk);
  if (TCP.packetsOut.get(k, sk.address) > 0 || tcp.pending !== "none") return;
  tcp.pending = "probe";
  ICSK.pending.set(k, sk.address, 3);
  const due = k.clock.now + Math.max(timeoutOf(k, sk), 200_000_000) * 2 ** ICSK.backoff.get(k, sk.address);
  k.call(
    SK_RESET_TIMER,
    sk.address,
    tcp.retransmit.address,
    timerJiffies(k, Math.min(due, k.clock.now + TCP_RTO_MAX)),
  );
}

/** A fresh segment without data. */
function control(k: Kernel, flags: number, seq: number, gfp: number, fclone: boolean): Skb {
  const skb = allocSkb(k, MAX_TCP_HEADER, MAX_TCP_HEADER, gfp, fclone ? SKB_ALLOC_FCLONE : 0);
  skb.tcp.flags = flags;
  skb.tcp.seq = seq;
  skb.tcp.endSeq = plus(seq, (flags & (TCPHDR_SYN | TCPHDR_FIN)) !== 0 ? 1 : 0);
  storeControl(k, skb);
  return skb;
}

const TCP_CONNECT_CALLS = [
  TCP_SYNC_MSS,
  fn("tcp_initialize_rcv_mss"),
  fn("tcp_select_initial_window"),
  TCP_STREAM_ALLOC_SKB,
  fn("tcp_rbtree_insert"),
  __TCP_TRANSMIT_SKB,
  SK_RESET_TIMER,
];
/** Sends the SYN: 0, or -errno. */
export const TCP_CONNECT: FunctionRef = behaviour("tcp_connect", TCP_CONNECT_CALLS, (k, address = 0) => {
  const sk = sockOf(k, address);
  const tcp = tcpOf(sk);
  k.call(TCP_SYNC_MSS, address, k.net.route(sk.remote).dev.mtu);
  initWindows(k, sk, deviceMss(k, sk.remote));
  k.call(fn("tcp_initialize_rcv_mss"), address);
  k.call(fn("tcp_select_initial_window"), address, 65536, TCP.advmss.get(k, address));
  const seq = TCP.writeSeq.get(k, address);
  TCP.sndUna.set(k, address, seq);
  TCP.sndNxt.set(k, address, seq);
  setTimeoutOf(k, sk, TCP_TIMEOUT_INIT);
  const skb = skbOf(k, k.call(TCP_STREAM_ALLOC_SKB, address, 0, GFP_KERNEL, 1));
  skb.tcp.flags = TCPHDR_SYN;
  skb.tcp.seq = seq;
  skb.tcp.endSeq = plus(seq, 1);
  storeControl(k, skb);
  TCP.writeSeq.set(k, address, plus(seq, 1));
  SK.wmemQueued.add(k, address, SKB.truesize.get(k, skb.address));
  k.call(fn("tcp_rbtree_insert"), Number.NaN, skb.address);
  tcp.rtx.push(skb);
  TCP.packetsOut.set(k, address, 1);
  TCP.sndNxt.set(k, address, plus(seq, 1));
  transmit(k, sk, skb, 1, GFP_KERNEL);
  resetRetransmit(k, sk);
  return 0;
});

/** Windows and counters of a connection that begins. */
export function initWindows(k: Kernel, sk: Sock, advmss: number): void {
  const { address } = sk;
  TCP.advmss.set(k, address, advmss);
  TCP.rcvWnd.set(k, address, tcpOf(sk).receiveBuffer / 2);
  TCP.cwnd.set(k, address, TCP_INIT_CWND);
  TCP.ssthresh.set(k, address, 0x7fffffff);
}

/** Acknowledges at once. */
export const TCP_SEND_ACK: FunctionRef = behaviour(
  "tcp_send_ack",
  [fn("__tcp_send_ack.part.0")],
  (k, address = 0) => {
    if (SK.state.get(k, address) === TCP_CLOSE) return Number.NaN;
    k.call(fn("__tcp_send_ack.part.0"), address, TCP.rcvNxt.get(k, address));
    return Number.NaN;
  },
);
/** The same with a sequence number of the receiver's: (sk, rcv_nxt). */
behaviour("__tcp_send_ack.part.0", [ALLOC_SKB, __TCP_TRANSMIT_SKB], (k, address = 0) => {
  sendAck(k, sockOf(k, address));
  return Number.NaN;
});
function sendAck(k: Kernel, sk: Sock): void {
  const skb = control(k, TCPHDR_ACK, TCP.sndNxt.get(k, sk.address), GFP_ATOMIC, false);
  transmit(k, sk, skb, 0, GFP_ATOMIC);
}

/** Acknowledges later, or with the next data: at the latest when the timer fires. */
export const TCP_SEND_DELAYED_ACK: FunctionRef = behaviour(
  "tcp_send_delayed_ack",
  [SK_RESET_TIMER],
  (k, address = 0) => {
    const tcp = tcpOf(sockOf(k, address));
    tcp.ackPending = true;
    if (tcp.delack.pending) return Number.NaN;
    k.call(SK_RESET_TIMER, address, tcp.delack.address, timerJiffies(k, k.clock.now + TCP_DELACK));
    return Number.NaN;
  },
);

/** Ends the sending side: the FIN goes behind all data. */
export const TCP_SEND_FIN: FunctionRef = behaviour(
  "tcp_send_fin",
  [ALLOC_SKB, fn("sk_forced_mem_schedule"), fn("tcp_current_mss"), __TCP_PUSH_PENDING_FRAMES],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    const seq = TCP.writeSeq.get(k, address);
    const last = lastIn(k, sk);
    if (last !== undefined) {
      // It rides on the last segment that was not sent yet.
      last.tcp.flags |= TCPHDR_FIN;
      last.tcp.endSeq = plus(last.tcp.endSeq, 1);
      storeControl(k, last);
    } else {
      const skb = control(k, TCPHDR_ACK | TCPHDR_FIN, seq, GFP_KERNEL, true);
      k.call(fn("sk_forced_mem_schedule"), address, SKB.truesize.get(k, skb.address));
      SK.wmemQueued.add(k, address, SKB.truesize.get(k, skb.address));
      queueTail(k, writeQueue(k, sk), skb);
    }
    TCP.writeSeq.set(k, address, plus(seq, 1));
    const mss = currentMss(k, sk);
    k.call(fn("tcp_current_mss"), address);
    k.call(__TCP_PUSH_PENDING_FRAMES, address, mss, 1);
    return Number.NaN;
  },
);

/** Gives a connection up: the peer is told with a reset. */
export const TCP_SEND_ACTIVE_RESET: FunctionRef = behaviour(
  "tcp_send_active_reset",
  [ALLOC_SKB, __TCP_TRANSMIT_SKB],
  (k, address = 0, gfp = GFP_KERNEL) => {
    const sk = sockOf(k, address);
    const skb = control(k, TCPHDR_ACK | TCPHDR_RST, TCP.sndNxt.get(k, address), gfp, false);
    transmit(k, sk, skb, 0, gfp);
    return Number.NaN;
  },
);

/** The last segment in a sock's send queue. */
export function lastIn(k: Kernel, sk: Sock): Skb | undefined {
  const queue = writeQueue(k, sk);
  const last = SKB.prev.get(k, queue);
  return last === queue ? undefined : skbOf(k, last);
}

/** Drops everything that was not acknowledged, as when a connection ends. */
export function purgeWriteQueue(k: Kernel, sk: Sock): void {
  const tcp = tcpOf(sk);
  const queue = writeQueue(k, sk);
  for (let skb = peek(k, queue); skb !== undefined; skb = peek(k, queue)) {
    unlink(k, queue, skb);
    freeSent(k, sk, skb);
  }
  for (let skb = tcp.rtx.shift(); skb !== undefined; skb = tcp.rtx.shift()) freeSent(k, sk, skb);
  TCP.packetsOut.set(k, sk.address, 0);
}

/** A segment is acknowledged or given up (`tcp_wmem_free_skb`). */
export function freeSent(k: Kernel, sk: Sock, skb: Skb): void {
  SK.wmemQueued.add(k, sk.address, -SKB.truesize.get(k, skb.address));
  k.call(__KFREE_SKB, skb.address);
}

/** Whether a connection's sequence numbers allow to send a segment again. */
export function stillOut(k: Kernel, sk: Sock, skb: Skb): boolean {
  return !before(skb.tcp.endSeq, TCP.sndUna.get(k, sk.address));
}

/** Enters the mode in which acknowledgements are sent at once. */
export function enterQuickack(tcp: TcpSock, count: number = TCP_MAX_QUICKACKS): void {
  tcp.quick = Math.max(tcp.quick, count);
  tcp.pingpong = 0;
}
