/**
 * What happens when no answer comes: `net/ipv4/tcp_timer.c`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { ETIMEDOUT } from "../../syscalls/errno.ts";
import { TCP_CLOSE, TCP_FIN_WAIT2, TCP_SYN_RECV, TCP_SYN_SENT, TCPHDR_ACK } from "../constants.ts";
import { startTimer, timerJiffies } from "../core/sk_timer.ts";
import { allocSkb, GFP_ATOMIC, MAX_TCP_HEADER, peek } from "../core/skbuff.ts";
import type { Sock } from "../core/sock.ts";
import { ICSK, SK, TCP } from "../fields.ts";
import { TCP_TIME_WAIT_FN } from "./tcp_close.ts";
import {
  __TCP_TRANSMIT_SKB,
  inFlight,
  resetRetransmit,
  setTimeoutOf,
  TCP_SEND_ACK,
  timeoutOf,
  transmit,
  writeQueue,
} from "./tcp_output.ts";
import { TCP_RETRANSMIT_SKB } from "./tcp_retransmit.ts";
import {
  plus,
  TCP_DELACK,
  TCP_FIN_TIMEOUT,
  TCP_ORPHAN_RETRIES,
  TCP_RETRIES2,
  TCP_RTO_MAX,
  TCP_SYN_RETRIES,
  tcpOf,
} from "./tcp_sock.ts";

/** The sock that a timer belongs to (`from_timer`). */
function ownerOf(k: Kernel, timer: Addr, offset: number): Sock | undefined {
  return k.net.socks.get(timer - offset);
}

/** Gives a connection up (`tcp_write_err`). */
function giveUp(k: Kernel, sk: Sock): void {
  const { address } = sk;
  k.call(fn("tcp_done_with_error"), address, SK.errSoft.get(k, address) || ETIMEDOUT);
}

/** Nothing was acknowledged in time: sends the first segment again, waits twice as long. */
const TCP_RETRANSMIT_TIMER: FunctionRef = behaviour(
  "tcp_retransmit_timer",
  [fn("tcp_enter_loss"), TCP_RETRANSMIT_SKB, fn("tcp_done_with_error"), fn("sk_reset_timer")],
  (k, address = 0) => {
    const sk = k.net.socks.get(address);
    const first = sk === undefined ? undefined : tcpOf(sk).rtx[0];
    if (sk === undefined || first === undefined) return Number.NaN;
    const tcp = tcpOf(sk);
    const state = SK.state.get(k, address);
    const retransmits = ICSK.retransmits.get(k, address);
    const limit = state === TCP_SYN_SENT || state === TCP_SYN_RECV
      ? TCP_SYN_RETRIES
      : sk.dead
      ? TCP_ORPHAN_RETRIES
      : TCP_RETRIES2;
    if (retransmits >= limit) {
      giveUp(k, sk);
      return Number.NaN;
    }
    // Everything that is out counts as lost: begin anew with one segment.
    k.call(fn("tcp_enter_loss"), address);
    if (state !== TCP_SYN_SENT) {
      if (tcp.caState !== "loss") TCP.ssthresh.set(k, address, Math.max(2, inFlight(k, sk) >> 1));
      tcp.caState = "loss";
      tcp.highSeq = TCP.sndNxt.get(k, address);
      TCP.cwnd.set(k, address, 1);
      TCP.lostOut.set(k, address, TCP.packetsOut.get(k, address));
      TCP.retransOut.set(k, address, 0);
      for (const skb of tcp.rtx) skb.tcp.retransmitted = false;
    }
    ICSK.retransmits.set(k, address, retransmits + 1);
    k.call(TCP_RETRANSMIT_SKB, address, first.address, 1);
    ICSK.backoff.add(k, address, 1);
    setTimeoutOf(k, sk, Math.min(timeoutOf(k, sk) * 2, TCP_RTO_MAX));
    resetRetransmit(k, sk);
    return Number.NaN;
  },
);

/** Asks for the window again: a segment that the peer has already. */
const TCP_XMIT_PROBE_SKB: FunctionRef = behaviour(
  "tcp_xmit_probe_skb",
  [fn("__alloc_skb"), __TCP_TRANSMIT_SKB],
  (k, address = 0) => {
    const sk = k.net.socks.get(address);
    if (sk === undefined) return -1;
    const skb = allocSkb(k, MAX_TCP_HEADER, MAX_TCP_HEADER, GFP_ATOMIC);
    skb.tcp.flags = TCPHDR_ACK;
    skb.tcp.seq = plus(TCP.sndUna.get(k, address), -1);
    skb.tcp.endSeq = skb.tcp.seq;
    return transmit(k, sk, skb, 0, GFP_ATOMIC);
  },
);
const TCP_WRITE_WAKEUP: FunctionRef = behaviour(
  "tcp_write_wakeup",
  [TCP_XMIT_PROBE_SKB],
  (k, sk = 0, mib = 0) => k.call(TCP_XMIT_PROBE_SKB, sk, 0, mib),
);
const TCP_SEND_PROBE0: FunctionRef = behaviour(
  "tcp_send_probe0",
  [TCP_WRITE_WAKEUP, fn("sk_reset_timer")],
  (k, address = 0) => {
    const sk = k.net.socks.get(address);
    if (sk === undefined) return Number.NaN;
    k.call(TCP_WRITE_WAKEUP, address, 0);
    ICSK.backoff.set(k, address, Math.min(ICSK.backoff.get(k, address) + 1, 8));
    const due = k.clock.now + Math.min(timeoutOf(k, sk) * 2 ** ICSK.backoff.get(k, address), TCP_RTO_MAX);
    const tcp = tcpOf(sk);
    tcp.pending = "probe";
    k.call(fn("sk_reset_timer"), address, tcp.retransmit.address, timerJiffies(k, due));
    return Number.NaN;
  },
);
const TCP_PROBE_TIMER: FunctionRef = behaviour("tcp_probe_timer", [TCP_SEND_PROBE0], (k, address = 0) => {
  const sk = k.net.socks.get(address);
  if (sk === undefined || peek(k, writeQueue(k, sk)) === undefined) return Number.NaN;
  k.call(TCP_SEND_PROBE0, address);
  return Number.NaN;
});

const TCP_WRITE_TIMER_HANDLER: FunctionRef = behaviour(
  "tcp_write_timer_handler",
  [TCP_RETRANSMIT_TIMER, TCP_PROBE_TIMER],
  (k, address = 0) => {
    const sk = k.net.socks.get(address);
    if (sk === undefined || SK.state.get(k, address) === TCP_CLOSE) return Number.NaN;
    const { pending } = tcpOf(sk);
    tcpOf(sk).pending = "none";
    if (pending === "retransmit") k.call(TCP_RETRANSMIT_TIMER, address);
    else if (pending === "probe") k.call(TCP_PROBE_TIMER, address);
    return Number.NaN;
  },
);
/** The retransmission timer. */
export const TCP_WRITE_TIMER: FunctionRef = behaviour(
  "tcp_write_timer",
  [TCP_WRITE_TIMER_HANDLER],
  (k, timer = 0) => {
    const sk = ownerOf(k, timer, ICSK.retransmitTimer.offset(k));
    if (sk === undefined) return Number.NaN;
    // Its owner is in a system call: it is looked at again when that lets go.
    if (sk.owned) startTimer(k, tcpOf(sk).retransmit, k.clock.now + 4_000_000);
    else k.call(TCP_WRITE_TIMER_HANDLER, sk.address);
    return Number.NaN;
  },
);

const TCP_DELACK_TIMER_HANDLER: FunctionRef = behaviour(
  "tcp_delack_timer_handler",
  [TCP_SEND_ACK],
  (k, address = 0) => {
    const sk = k.net.socks.get(address);
    if (sk === undefined || SK.state.get(k, address) === TCP_CLOSE || !tcpOf(sk).ackPending) {
      return Number.NaN;
    }
    tcpOf(sk).pingpong = 0;
    k.call(TCP_SEND_ACK, address);
    return Number.NaN;
  },
);
/** The timer of delayed acknowledgements. */
export const TCP_DELACK_TIMER: FunctionRef = behaviour(
  "tcp_delack_timer",
  [TCP_DELACK_TIMER_HANDLER],
  (k, timer = 0) => {
    const sk = ownerOf(k, timer, ICSK.delackTimer.offset(k));
    if (sk === undefined) return Number.NaN;
    if (sk.owned) startTimer(k, tcpOf(sk).delack, k.clock.now + TCP_DELACK);
    else k.call(TCP_DELACK_TIMER_HANDLER, sk.address);
    return Number.NaN;
  },
);
/** The timer of orphans that wait for the peer's FIN. */
export const TCP_KEEPALIVE_TIMER: FunctionRef = behaviour(
  "tcp_keepalive_timer",
  [TCP_TIME_WAIT_FN],
  (k, timer = 0) => {
    const sk = ownerOf(k, timer, SK.timer.offset(k));
    if (sk === undefined || SK.state.get(k, sk.address) !== TCP_FIN_WAIT2 || !sk.dead) return Number.NaN;
    k.call(TCP_TIME_WAIT_FN, sk.address, TCP_FIN_WAIT2, TCP_FIN_TIMEOUT / 4_000_000);
    return Number.NaN;
  },
);
