/**
 * Datagrams that arrive: whose they are, and where they wait to be read. `net/ipv4/udp.c`, `net/ipv6/udp.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { ECONNREFUSED } from "../../syscalls/errno.ts";
import { htons, isAny, unmapped } from "../address.ts";
import {
  AF_INET6,
  IPPROTO_UDP,
  SKB_DROP_REASON_NO_SOCKET,
  SKB_DROP_REASON_SOCKET_RCVBUFF,
} from "../constants.ts";
import { dropRoute, KFREE_SKB_REASON, queueTail, skbOf } from "../core/skbuff.ts";
import { type Sock, SOCK_DEF_ERROR_REPORT, SOCK_DEF_READABLE, sockOf } from "../core/sock.ts";
import { SK, SKB } from "../fields.ts";
import { ipHeaderOf } from "./ip_input.ts";
import { UDP_HEADER } from "./udp_output.ts";

/** The sock that a datagram is for. */
function receiver(k: Kernel, target: string, dest: number, source: string, port: number): Sock | undefined {
  let best: Sock | undefined;
  let score = -1;
  for (const sk of k.net.boundTo(IPPROTO_UDP, dest)) {
    const [local, remote] = [unmapped(sk.local), unmapped(sk.remote)];
    const six = target.includes(":");
    if (isAny(local) && (sk.family === AF_INET6) !== six && (six || sk.v6only)) continue;
    if (!isAny(local) && local !== target) continue;
    if (sk.remotePort !== 0 && (sk.remotePort !== port || remote !== source)) continue;
    const points = (isAny(local) ? 0 : 2) + (sk.remotePort === 0 ? 0 : 4);
    if (points > score) [best, score] = [sk, points];
  }
  return best;
}

const ENQUEUE: FunctionRef = behaviour(
  "__udp_enqueue_schedule_skb",
  [SOCK_DEF_READABLE],
  (k, address = 0, segment = 0) => {
    const sk = sockOf(k, address);
    const skb = skbOf(k, segment);
    const size = SKB.truesize.get(k, segment);
    if (SK.rmemAlloc.get(k, address) + size > SK.rcvbuf.get(k, address)) {
      SK.drops.add(k, address, 1);
      return -12;
    }
    SK.rmemAlloc.add(k, address, size);
    queueTail(k, SK.receiveQueue.at(k, address), skb);
    if (!sk.dead) k.call(SOCK_DEF_READABLE, address);
    return 0;
  },
);

const QUEUE_ONE: FunctionRef = behaviour(
  "udp_queue_rcv_one_skb",
  [fn("sk_filter_trim_cap"), fn("dst_release"), ENQUEUE, KFREE_SKB_REASON],
  (k, sk = 0, skb = 0) => {
    k.call(fn("sk_filter_trim_cap"), sk, skb, UDP_HEADER);
    dropRoute(k, skbOf(k, skb));
    if (k.call(ENQUEUE, sk, skb) === 0) return 0;
    k.call(KFREE_SKB_REASON, skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
    return -1;
  },
);

const QUEUE: FunctionRef = behaviour(
  "udp_queue_rcv_skb",
  [QUEUE_ONE],
  (k, sk = 0, skb = 0) => k.call(QUEUE_ONE, sk, skb),
);

const UNICAST: FunctionRef = behaviour("udp_unicast_rcv_skb", [QUEUE], (k, sk = 0, skb = 0) => {
  k.call(QUEUE, sk, skb);
  return 0;
});

/** What receiving a datagram calls. */
export const LIB_RCV_CALLS: readonly FunctionRef[] = [
  UNICAST,
  fn("icmp_send"),
  fn("__icmp_send"),
  KFREE_SKB_REASON,
  SOCK_DEF_ERROR_REPORT,
];

function receive(k: Kernel, segment: number): number {
  const skb = skbOf(k, segment);
  const ip = ipHeaderOf(k, segment);
  const data = SKB.data.get(k, segment);
  const source = htons(k.memory.load(data, 2, false));
  const dest = htons(k.memory.load(data + 2, 2, false));
  const sk = receiver(k, ip.target, dest, ip.source, source);
  if (sk !== undefined) {
    SKB.data.add(k, segment, UDP_HEADER);
    SKB.len.add(k, segment, -UDP_HEADER);
    skb.from = { address: ip.source, port: source };
    return k.call(UNICAST, sk.address, segment, Number.NaN);
  }
  k.call(fn("__icmp_send"), segment, 3, 3, 0, Number.NaN);
  // What the ICMP error does to a sender on this host, without the packet.
  const sender = receiver(k, ip.source, source, ip.target, dest);
  if (sender !== undefined && sender.remotePort === dest) {
    SK.err.set(k, sender.address, ECONNREFUSED);
    k.call(SOCK_DEF_ERROR_REPORT, sender.address);
  }
  k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_NO_SOCKET);
  return 0;
}

/** A datagram came over IPv4: (skb, udptable, proto). */
export const UDP4_LIB_RCV: FunctionRef = behaviour(
  "__udp4_lib_rcv",
  LIB_RCV_CALLS,
  (k, skb = 0) => receive(k, skb),
);

/** A datagram came over IPv6: (skb, udptable, proto). */
export const UDP6_LIB_RCV: FunctionRef = behaviour(
  "__udp6_lib_rcv",
  LIB_RCV_CALLS,
  (k, skb = 0) => receive(k, skb),
);
