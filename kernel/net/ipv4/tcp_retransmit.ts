/**
 * Sending again: `tcp_retransmit_skb`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { tracepoint } from "../../tracing/reference.ts";
import { GFP_ATOMIC, type Skb, skbOf } from "../core/skbuff.ts";
import { type Sock, sockOf } from "../core/sock.ts";
import { SK, TCP } from "../fields.ts";
import { __TCP_TRANSMIT_SKB, transmit } from "./tcp_output.ts";
import { tcpOf } from "./tcp_sock.ts";

const RETRANSMIT_EVENT = tracepoint(
  "tcp:tcp_retransmit_skb",
  "skbaddr",
  "skaddr",
  "state",
  "sport",
  "dport",
  "family",
  "saddr",
  "daddr",
  "saddr_v6",
  "daddr_v6",
);

/** Sends a segment again, without the accounting: (sk, skb, segs). */
const __TCP_RETRANSMIT_SKB: FunctionRef = behaviour(
  "__tcp_retransmit_skb",
  [__TCP_TRANSMIT_SKB],
  (k, address = 0, segment = 0) => {
    const sk = sockOf(k, address);
    const skb = skbOf(k, segment);
    TCP.totalRetrans.add(k, address, 1);
    TCP.bytesRetrans.set(k, address, TCP.bytesRetrans.get(k, address) + (skb.payload?.length ?? 0));
    fire(k, sk, skb);
    return transmit(k, sk, skb, 1, GFP_ATOMIC);
  },
);

/** Sends a segment again: (sk, skb, segs). */
export const TCP_RETRANSMIT_SKB: FunctionRef = behaviour(
  "tcp_retransmit_skb",
  [__TCP_RETRANSMIT_SKB],
  (k, address = 0, segment = 0, segs = 1) => {
    const error = k.call(__TCP_RETRANSMIT_SKB, address, segment, segs);
    const skb = skbOf(k, segment);
    if (error === 0) {
      if (!skb.tcp.retransmitted) TCP.retransOut.add(k, address, 1);
      skb.tcp.retransmitted = true;
      const tcp = tcpOf(sockOf(k, address));
      if (tcp.retransStamp === 0) tcp.retransStamp = skb.tcp.sentAt;
    }
    return error;
  },
);

/** Sends again what is taken for lost. */
export const TCP_XMIT_RETRANSMIT_QUEUE: FunctionRef = behaviour(
  "tcp_xmit_retransmit_queue",
  [TCP_RETRANSMIT_SKB],
  (k, address = 0) => {
    const tcp = tcpOf(sockOf(k, address));
    let room = TCP.cwnd.get(k, address);
    const lost = tcp.caState === "loss" ? tcp.rtx : tcp.rtx.slice(0, 1);
    for (const skb of lost) {
      if (skb.tcp.retransmitted) continue;
      if (room-- <= 0) break;
      k.call(TCP_RETRANSMIT_SKB, address, skb.address, 1);
    }
    TCP.lostOut.set(k, address, 0);
    return Number.NaN;
  },
);

function fire(k: Kernel, sk: Sock, skb: Skb): void {
  if (!k.tracepoints.enabled(RETRANSMIT_EVENT)) return;
  const [saddr, daddr, saddr6, daddr6] = k.net.traceAddresses(sk);
  const state = SK.state.get(k, sk.address);
  const { localPort, remotePort, family } = sk;
  k.tracepoints.fire(
    RETRANSMIT_EVENT,
    skb.address,
    sk.address,
    state,
    localPort,
    remotePort,
    family,
    saddr,
    daddr,
    saddr6,
    daddr6,
  );
}
