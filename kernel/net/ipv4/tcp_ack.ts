/**
 * Incoming acknowledgements: what they free, what they say of round trips, windows and losses. `tcp_ack` in
 * `net/ipv4/tcp_input.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { TCPHDR_FIN, TCPHDR_SYN } from "../constants.ts";
import { __KFREE_SKB, skbOf } from "../core/skbuff.ts";
import { type Sock, sockOf } from "../core/sock.ts";
import { ICSK, TCP } from "../fields.ts";
import { freeSent, inFlight, setTimeoutOf, TCP_REARM_RTO, TCP_SYNC_MSS } from "./tcp_output.ts";
import { TCP_XMIT_RETRANSMIT_QUEUE } from "./tcp_retransmit.ts";
import { after, before, TCP_RTO_MAX, TCP_RTO_MIN, tcpOf, type TcpSock } from "./tcp_sock.ts";

/** Flags of `tcp_ack`. */
export const FLAG_SLOWPATH = 0x100;
export const FLAG_UPDATE_TS_RECENT = 0x4000;
const DUPACKS = 3;

/** Takes a measured round trip of `us` microseconds into the estimate (`tcp_rtt_estimator`), and sets the timeout. */
export function measure(k: Kernel, sk: Sock, us: number): void {
  const { address } = sk;
  let srtt = TCP.srtt.get(k, address);
  let mdev = TCP.mdev.get(k, address);
  if (srtt !== 0) {
    let m = us - (srtt >> 3);
    srtt += m;
    if (m < 0) {
      m = -m;
      m -= mdev >> 2;
      if (m > 0) m >>= 3;
    } else m -= mdev >> 2;
    mdev += m;
    if (mdev > TCP.mdevMax.get(k, address)) {
      TCP.mdevMax.set(k, address, mdev);
      if (mdev > TCP.rttvar.get(k, address)) TCP.rttvar.set(k, address, mdev);
    }
  } else {
    srtt = us << 3;
    mdev = us << 1;
    const rttvar = Math.max(mdev, TCP_RTO_MIN / 1000);
    TCP.rttvar.set(k, address, rttvar);
    TCP.mdevMax.set(k, address, rttvar);
  }
  TCP.srtt.set(k, address, Math.max(1, srtt));
  TCP.mdev.set(k, address, mdev);
  const rto = ((srtt >> 3) + TCP.rttvar.get(k, address)) * 1000;
  setTimeoutOf(k, sk, Math.min(TCP_RTO_MAX, Math.max(rto, TCP_RTO_MIN)));
  ICSK.backoff.set(k, address, 0);
}

const TCP_ACK_UPDATE_RTT: FunctionRef = behaviour(
  "tcp_ack_update_rtt",
  [],
  (k, address = 0, _flag, seqRtt = 0) => {
    measure(k, sockOf(k, address), Math.max(1, seqRtt));
    return 1;
  },
);

/** Slow start, then one segment more per round trip. */
const CUBICTCP_CONG_AVOID: FunctionRef = behaviour(
  "cubictcp_cong_avoid",
  [],
  (k, address = 0, _ack, acked = 0) => {
    const cwnd = TCP.cwnd.get(k, address);
    // A window that is not used up does not grow.
    if (TCP.packetsOut.get(k, address) + acked < cwnd) return Number.NaN;
    if (cwnd < TCP.ssthresh.get(k, address)) {
      TCP.cwnd.set(k, address, cwnd + acked);
      return Number.NaN;
    }
    const count = TCP.cwndCnt.get(k, address) + acked;
    if (count >= cwnd) TCP.cwnd.set(k, address, cwnd + 1);
    TCP.cwndCnt.set(k, address, count >= cwnd ? count - cwnd : count);
    return Number.NaN;
  },
);

/** Duplicate acknowledgements or a loss: what to send again. */
const TCP_FASTRETRANS_ALERT: FunctionRef = behaviour(
  "tcp_fastretrans_alert",
  [],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    if (tcp.caState === "open" && tcp.dupAcks >= DUPACKS) {
      tcp.caState = "recovery";
      tcp.highSeq = TCP.sndNxt.get(k, address);
      const flight = Math.max(2, inFlight(k, sk) >> 1);
      TCP.ssthresh.set(k, address, flight);
      TCP.cwnd.set(k, address, flight + DUPACKS);
      const first = tcp.rtx[0];
      if (first !== undefined) {
        first.tcp.retransmitted = false;
        TCP.lostOut.set(k, address, 1);
      }
    }
    return Number.NaN;
  },
);
const TCP_XMIT_RECOVERY: FunctionRef = behaviour(
  "tcp_xmit_recovery",
  [TCP_XMIT_RETRANSMIT_QUEUE],
  (k, address = 0, rexmit = 0) => {
    if (rexmit !== 0) k.call(TCP_XMIT_RETRANSMIT_QUEUE, address);
    return Number.NaN;
  },
);

const TCP_ACK_CALLS = [
  TCP_SYNC_MSS,
  fn("tcp_replace_ts_recent"),
  fn("tcp_rack_advance"),
  fn("tcp_rate_skb_delivered"),
  fn("tcp_ack_tstamp"),
  __KFREE_SKB,
  TCP_ACK_UPDATE_RTT,
  fn("cubictcp_acked"),
  fn("tcp_rack_update_reo_wnd"),
  fn("tcp_in_ack_event"),
  fn("tcp_schedule_loss_probe"),
  TCP_REARM_RTO,
  TCP_FASTRETRANS_ALERT,
  fn("tcp_newly_delivered"),
  fn("tcp_rate_gen"),
  CUBICTCP_CONG_AVOID,
  fn("tcp_update_pacing_rate"),
  TCP_XMIT_RECOVERY,
];
/** Handles the acknowledgement of a segment: negative if it is none that this connection can get. */
export const TCP_ACK: FunctionRef = behaviour(
  "tcp_ack",
  TCP_ACK_CALLS,
  (k, address = 0, segment = 0, flag = 0) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    const skb = skbOf(k, segment);
    const ack = skb.tcp.ackSeq;
    const una = TCP.sndUna.get(k, address);
    if (before(ack, una)) return 0;
    if (after(ack, TCP.sndNxt.get(k, address))) return -1;
    if ((flag & FLAG_UPDATE_TS_RECENT) !== 0) k.call(fn("tcp_replace_ts_recent"), address, skb.tcp.seq);
    const advanced = after(ack, una);
    const windowChanged = updateWindow(k, sk, tcp, skb.tcp);
    if (advanced) {
      ICSK.retransmits.set(k, address, 0);
      const acked = (ack - una) | 0;
      TCP.bytesAcked.set(k, address, TCP.bytesAcked.get(k, address) + acked);
      TCP.sndUna.set(k, address, ack);
    }
    const prior = TCP.packetsOut.get(k, address);
    if (prior === 0) {
      k.call(fn("tcp_in_ack_event"), address, flag);
      if (tcp.pending === "probe" && TCP.sndWnd.get(k, address) > 0) {
        tcp.pending = "none";
        ICSK.backoff.set(k, address, 0);
      }
      return 1;
    }
    if (!advanced && isDuplicate(k, sk, skb.tcp, windowChanged)) tcp.dupAcks++;
    else if (advanced) tcp.dupAcks = 0;
    const freed = cleanQueue(k, sk, tcp, ack, segment);
    k.call(fn("tcp_rack_update_reo_wnd"), address, Number.NaN);
    k.call(fn("tcp_in_ack_event"), address, flag);
    const dubious = tcp.caState !== "open" || tcp.dupAcks > 0;
    if (dubious) recover(k, sk, tcp, ack);
    if (freed > 0) {
      k.call(fn("tcp_schedule_loss_probe"), address, 1);
      k.call(TCP_REARM_RTO, address);
    }
    k.call(fn("tcp_newly_delivered"), address, 0, flag);
    k.call(fn("tcp_rate_gen"), address, freed, 0, 0);
    if (freed > 0 && tcp.caState === "open" && TCP.srtt.get(k, address) > 0 && !isSyn(k, sk, ack)) {
      k.call(CUBICTCP_CONG_AVOID, address, ack, freed);
    }
    k.call(fn("tcp_update_pacing_rate"), address);
    const again = tcp.caState !== "open" && TCP.lostOut.get(k, address) > 0 ? 1 : 0;
    k.call(TCP_XMIT_RECOVERY, address, again);
    return 1;
  },
);

/** The acknowledgement of a SYN moves no congestion window. */
function isSyn(k: Kernel, sk: Sock, ack: number): boolean {
  return TCP.bytesAcked.get(k, sk.address) <= 1 && ack === TCP.sndUna.get(k, sk.address);
}

/** A duplicate: no data, no new window, and something is out. */
function isDuplicate(
  k: Kernel,
  sk: Sock,
  control: { readonly seq: number; readonly endSeq: number },
  windowChanged: boolean,
): boolean {
  return control.seq === control.endSeq && !windowChanged && TCP.packetsOut.get(k, sk.address) > 0;
}

/** Recovery goes on, or is over when everything sent before it is acknowledged. */
function recover(k: Kernel, sk: Sock, tcp: TcpSock, ack: number): void {
  const { address } = sk;
  if (tcp.caState !== "open" && !before(ack, tcp.highSeq)) {
    tcp.caState = "open";
    tcp.dupAcks = 0;
    TCP.lostOut.set(k, address, 0);
    TCP.retransOut.set(k, address, 0);
    TCP.cwnd.set(k, address, Math.max(2, TCP.ssthresh.get(k, address)));
    tcp.retransStamp = 0;
    return;
  }
  k.call(TCP_FASTRETRANS_ALERT, address, ack, tcp.dupAcks, Number.NaN, Number.NaN);
  if (tcp.caState === "open") return;
  // A partial acknowledgement: the next one is lost too.
  const first = tcp.rtx[0];
  if (first !== undefined && !first.tcp.retransmitted) TCP.lostOut.set(k, address, 1);
}

/** Frees what is acknowledged (`tcp_clean_rtx_queue`): how many segments. */
function cleanQueue(k: Kernel, sk: Sock, tcp: TcpSock, ack: number, segment: number): number {
  const { address } = sk;
  let freed = 0;
  let sent = Number.NaN;
  let data = false;
  for (let skb = tcp.rtx[0]; skb !== undefined && !after(skb.tcp.endSeq, ack); skb = tcp.rtx[0]) {
    tcp.rtx.shift();
    freed++;
    // A segment that was sent twice says nothing of the round trip (Karn).
    sent = skb.tcp.retransmitted ? Number.NaN : skb.tcp.sentAt;
    if (skb.tcp.retransmitted) {
      TCP.retransOut.set(k, address, Math.max(0, TCP.retransOut.get(k, address) - 1));
    }
    data ||= (skb.tcp.flags & TCPHDR_SYN) === 0;
    k.call(fn("tcp_rack_advance"), address, 0, skb.tcp.endSeq, Number.NaN);
    k.call(fn("tcp_rate_skb_delivered"), address, skb.address, Number.NaN);
    k.call(fn("tcp_ack_tstamp"), address, skb.address, segment, ack);
    if ((skb.tcp.flags & TCPHDR_FIN) !== 0) tcp.finAcked = true;
    freeSent(k, sk, skb);
  }
  if (freed === 0) return 0;
  TCP.packetsOut.set(k, address, Math.max(0, TCP.packetsOut.get(k, address) - freed));
  TCP.delivered.add(k, address, freed);
  if (TCP.lostOut.get(k, address) > 0) TCP.lostOut.set(k, address, 0);
  if (sent === sent) {
    const us = Math.max(1, Math.round((k.clock.now - sent) / 1000));
    k.call(TCP_ACK_UPDATE_RTT, address, 0x10, us, Number.NaN, us, Number.NaN);
  }
  if (data) k.call(fn("cubictcp_acked"), address, Number.NaN);
  return freed;
}

/** Takes the window of a segment, if it is a newer one (`tcp_ack_update_window`): whether it changed. */
function updateWindow(
  k: Kernel,
  sk: Sock,
  tcp: TcpSock,
  control: { readonly flags: number; readonly window: number; readonly ackSeq: number },
): boolean {
  // A SYN's window is not scaled.
  const scale = (control.flags & TCPHDR_SYN) !== 0 ? 0 : tcp.sndWscale;
  const window = control.window * 2 ** scale;
  const old = TCP.sndWnd.get(k, sk.address);
  if (window === old) {
    if (tcp.predicted < 0 && scale === tcp.sndWscale) tcp.predicted = control.window;
    return false;
  }
  TCP.sndWnd.set(k, sk.address, window);
  tcp.predicted = (control.flags & TCPHDR_SYN) !== 0 ? -1 : control.window;
  return true;
}
