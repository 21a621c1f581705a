/**
 * What the model keeps beside a `struct tcp_sock`, and arithmetic of sequence numbers.
 *
 * @module
 */

import type { Skb } from "../core/skbuff.ts";
import type { SkTimer } from "../core/sk_timer.ts";
import type { Sock } from "../core/sock.ts";
import type { RequestSock } from "./request_sock.ts";

/** Nanoseconds of a millisecond and of a second. */
export const MS = 1_000_000;
/** Nanoseconds of a second. */
export const SECOND = 1_000_000_000;
/** First timeout of a retransmission, and its least and greatest value. */
export const TCP_TIMEOUT_INIT: number = SECOND;
export const TCP_RTO_MIN: number = 200 * MS;
export const TCP_RTO_MAX: number = 120 * SECOND;
/** How long an acknowledgement is delayed at most. */
export const TCP_DELACK: number = 40 * MS;
/** How long a closed connection is remembered. */
export const TCP_TIMEWAIT_LEN: number = 60 * SECOND;
/** `net.ipv4.tcp_fin_timeout`. */
export const TCP_FIN_TIMEOUT: number = 60 * SECOND;
/** `tcp_syn_retries`, `tcp_synack_retries`, `tcp_retries2`, `tcp_orphan_retries`. */
export const TCP_SYN_RETRIES = 6;
export const TCP_SYNACK_RETRIES = 5;
export const TCP_RETRIES2 = 15;
export const TCP_ORPHAN_RETRIES = 8;
/** Congestion window to begin with, in packets. */
export const TCP_INIT_CWND = 10;
/** Acknowledgements that a fresh connection sends without delay. */
export const TCP_MAX_QUICKACKS = 16;
/** Header with timestamps, and that of a SYN. */
export const TCP_HEADER = 32;
export const TCP_SYN_HEADER = 40;
/** Window scale that this host asks for. */
export const TCP_WSCALE = 7;

/** The transmission state that lives outside of memory. */
export class TcpSock {
  /** Sent and not acknowledged, in order: `tcp_rtx_queue`. */
  readonly rtx: Skb[] = [];
  /** Received ahead of a gap, by sequence number: `out_of_order_queue`. */
  readonly outOfOrder: Skb[] = [];
  /** Connections to accept, oldest first: the children of a listening sock. */
  readonly accepted: RequestSock[] = [];
  /** The peer's window scale, and the window in its last header: of which header prediction expects more. */
  sndWscale = 0;
  predicted = -1;
  /** Largest segment that the peer takes. */
  mssClamp = 536;
  nodelay = false;
  cork = false;
  /** Acknowledgements still to be sent at once; `pingpong`: data goes both ways, they wait for it. */
  quick = 0;
  pingpong = 0;
  ackPending = false;
  /** Bytes received since an acknowledgement was sent last. */
  unacked = 0;
  /** `icsk_pending`. */
  pending: "none" | "retransmit" | "probe" = "none";
  dupAcks = 0;
  /** The peer has everything, the FIN too. */
  finAcked = false;
  /** The peer's first sequence number. */
  irs = 0;
  /** Recovering from a loss: up to this sequence number. */
  highSeq = 0;
  caState: "open" | "recovery" | "loss" = "open";
  /** Segments of a scoreboard that were acknowledged selectively by duplicate acknowledgements. */
  readonly retransmit: SkTimer;
  readonly delack: SkTimer;
  readonly keepalive: SkTimer;
  /** When the first retransmission of what waits was sent, 0: none. */
  retransStamp = 0;
  /** Receive window as it was offered last: right edge. */
  receiveBuffer = 131072;
  sendBuffer = 16384;
  /** When the connection was made; the request that it came from. */
  keepaliveFor: "none" | "fin_wait2" = "none";

  constructor(timers: {
    readonly retransmit: SkTimer;
    readonly delack: SkTimer;
    readonly keepalive: SkTimer;
  }) {
    this.retransmit = timers.retransmit;
    this.delack = timers.delack;
    this.keepalive = timers.keepalive;
  }
}

/** The transmission state of a TCP sock. */
export function tcpOf(sk: Sock): TcpSock {
  if (sk.tcp === null) throw new Error("Cannot use a sock of another protocol as TCP's");
  return sk.tcp;
}

/** Whether sequence number `a` comes before `b`. */
export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Whether sequence number `a` comes after `b`. */
export function after(a: number, b: number): boolean {
  return before(b, a);
}

/** A sequence number `by` further on. */
export function plus(seq: number, by: number): number {
  return (seq + by) >>> 0;
}

/** How far sequence number `a` lies behind `b`. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}
