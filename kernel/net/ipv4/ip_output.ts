/**
 * The way out: from a protocol to the device. `net/ipv4/ip_output.c`, `net/ipv6/ip6_output.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { addressBytes, htons, unmapped } from "../address.ts";
import { __DEV_QUEUE_XMIT, ETH_P_IP, ETH_P_IPV6, pushLinkHeader } from "../core/dev.ts";
import { type Skb, SKB_PUSH, skbOf } from "../core/skbuff.ts";
import { type Sock, sockOf } from "../core/sock.ts";
import { INET, SKB } from "../fields.ts";
import type { Route } from "../net.ts";

const IP_HEADER = 20;
const IPV6_HEADER = 40;
const TTL = 64;
/** Bit of `_skb_refdst`. */
const SKB_DST_NOREF = 1;

/** Whether a sock's packets are IPv6 ones: an IPv6 socket can be connected to a mapped IPv4 address. */
export function sendsIpv6(local: string, remote: string): boolean {
  return unmapped(remote).includes(":") || unmapped(local).includes(":") && unmapped(remote) === "::";
}

/** Where a packet goes: both addresses and the protocol. */
export interface IpPath {
  readonly local: string;
  readonly remote: string;
  readonly protocol: number;
}

/** Fills in the IPv4 header at `data`. */
export function writeIpHeader(k: Kernel, skb: number, path: IpPath, id: number): void {
  const at = SKB.data.get(k, skb);
  const bytes = new Uint8Array(IP_HEADER);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  view.setUint16(2, SKB.len.get(k, skb));
  view.setUint16(4, id);
  view.setUint16(6, 0x4000);
  bytes[8] = TTL;
  bytes[9] = path.protocol;
  bytes.set(addressBytes(unmapped(path.local)), 12);
  bytes.set(addressBytes(unmapped(path.remote)), 16);
  let sum = 0;
  for (let i = 0; i < IP_HEADER; i += 2) sum += view.getUint16(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~sum & 0xffff);
  k.memory.writeBytes(at, bytes);
  SKB.networkHeader.set(k, skb, at - SKB.head.get(k, skb));
  SKB.protocol.set(k, skb, htons(ETH_P_IP));
}

/** Fills in the IPv6 header at `data`. */
export function writeIpv6Header(k: Kernel, skb: number, path: IpPath): void {
  const at = SKB.data.get(k, skb);
  const bytes = new Uint8Array(IPV6_HEADER);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, SKB.len.get(k, skb) - IPV6_HEADER);
  bytes[6] = path.protocol;
  bytes[7] = TTL;
  bytes.set(addressBytes(path.local), 8);
  bytes.set(addressBytes(path.remote), 24);
  k.memory.writeBytes(at, bytes);
  SKB.networkHeader.set(k, skb, at - SKB.head.get(k, skb));
  SKB.protocol.set(k, skb, htons(ETH_P_IPV6));
}

/** Ties a packet to its route, without a reference on it. */
export function setRoute(k: Kernel, skb: Skb, route: Route): void {
  SKB.refdst.set(k, skb.address, route.rtable + SKB_DST_NOREF);
  SKB.dev.set(k, skb.address, route.dev.address);
}

const IP_FINISH_OUTPUT2: FunctionRef = behaviour(
  "ip_finish_output2",
  [__DEV_QUEUE_XMIT],
  (k, _net, _sk, skb = 0) => {
    pushLinkHeader(k, skb, ETH_P_IP);
    return k.call(__DEV_QUEUE_XMIT, skb, 0);
  },
);
const __IP_FINISH_OUTPUT: FunctionRef = behaviour(
  "__ip_finish_output",
  [IP_FINISH_OUTPUT2],
  (k, net = 0, sk = 0, skb = 0) => k.call(IP_FINISH_OUTPUT2, net, sk, skb),
);
const IP_FINISH_OUTPUT: FunctionRef = behaviour(
  "ip_finish_output",
  [__IP_FINISH_OUTPUT],
  (k, net = 0, sk = 0, skb = 0) => k.call(__IP_FINISH_OUTPUT, net, sk, skb),
);
/** Sends a packet that has its IPv4 header. */
const IP_OUTPUT: FunctionRef = behaviour(
  "ip_output",
  [fn("nf_hook_slow"), IP_FINISH_OUTPUT],
  (k, net = 0, sk = 0, skb = 0) => {
    k.call(fn("nf_hook_slow"), skb, Number.NaN, Number.NaN, 0);
    return k.call(IP_FINISH_OUTPUT, net, sk, skb);
  },
);
const __IP_LOCAL_OUT: FunctionRef = behaviour(
  "__ip_local_out",
  [fn("ip_send_check")],
  (k, _net, _sk, skb = 0) => {
    k.call(fn("ip_send_check"), SKB.data.get(k, skb));
    return 1;
  },
);
/** Sends a packet that this host made. */
export const IP_LOCAL_OUT: FunctionRef = behaviour(
  "ip_local_out",
  [__IP_LOCAL_OUT, IP_OUTPUT],
  (k, net = 0, sk = 0, skb = 0) => {
    k.call(__IP_LOCAL_OUT, net, sk, skb);
    return k.call(IP_OUTPUT, net, sk, skb);
  },
);

/** `ip_local_out` where the compiler put it into its caller. */
export const LOCAL_OUT_CALLS: readonly FunctionRef[] = [__IP_LOCAL_OUT, IP_OUTPUT, IP_LOCAL_OUT];

/** What those callers do: (net, sk, skb). */
export function localOut(k: Kernel, net: number, sk: number, skb: number): number {
  k.call(__IP_LOCAL_OUT, net, sk, skb);
  return k.call(IP_OUTPUT, net, sk, skb);
}

const __IP_QUEUE_XMIT: FunctionRef = behaviour(
  "__ip_queue_xmit",
  [fn("__sk_dst_check"), SKB_PUSH, IP_LOCAL_OUT],
  (k, address = 0, skb = 0) => {
    const sk = sockOf(k, address);
    k.call(fn("__sk_dst_check"), address, 0);
    setRoute(k, skbOf(k, skb), k.net.route(sk.remote));
    k.call(SKB_PUSH, skb, IP_HEADER);
    writeIpHeader(k, skb, sk, nextId(k, sk));
    return k.call(IP_LOCAL_OUT, Number.NaN, address, skb);
  },
);
/** Sends a packet of a connected sock over IPv4: (sk, skb, fl). */
export const IP_QUEUE_XMIT: FunctionRef = behaviour(
  "ip_queue_xmit",
  [__IP_QUEUE_XMIT],
  (k, sk = 0, skb = 0, fl = 0) => k.call(__IP_QUEUE_XMIT, sk, skb, fl, 0),
);

const IP6_FINISH_OUTPUT2: FunctionRef = behaviour(
  "ip6_finish_output2",
  [__DEV_QUEUE_XMIT],
  (k, _net, _sk, skb = 0) => {
    pushLinkHeader(k, skb, ETH_P_IPV6);
    return k.call(__DEV_QUEUE_XMIT, skb, 0);
  },
);
const IP6_FINISH_OUTPUT: FunctionRef = behaviour(
  "ip6_finish_output",
  [IP6_FINISH_OUTPUT2],
  (k, net = 0, sk = 0, skb = 0) => k.call(IP6_FINISH_OUTPUT2, net, sk, skb),
);
/** Sends a packet that has its IPv6 header: (net, sk, skb). */
export const IP6_OUTPUT: FunctionRef = behaviour(
  "ip6_output",
  [IP6_FINISH_OUTPUT],
  (k, net = 0, sk = 0, skb = 0) => k.call(IP6_FINISH_OUTPUT, net, sk, skb),
);
/** Sends a packet of a sock over IPv6: (sk, skb, fl6, …). */
const IP6_XMIT: FunctionRef = behaviour("ip6_xmit", [SKB_PUSH, IP6_OUTPUT], (k, address = 0, skb = 0) => {
  const sk = sockOf(k, address);
  k.call(SKB_PUSH, skb, IPV6_HEADER);
  writeIpv6Header(k, skb, sk);
  return k.call(IP6_OUTPUT, Number.NaN, address, skb);
});
/** Sends a packet of a connected sock over IPv6: (sk, skb). */
export const INET6_CSK_XMIT: FunctionRef = behaviour(
  "inet6_csk_xmit",
  [IP6_XMIT],
  (k, address = 0, skb = 0) => {
    const sk = sockOf(k, address);
    setRoute(k, skbOf(k, skb), k.net.route(sk.remote));
    return k.call(IP6_XMIT, address, skb, Number.NaN, 0, 0, 0);
  },
);

/** The next value of a sock's packet counter. */
export function nextId(k: Kernel, sk: Sock): number {
  const id = INET.id.get(k, sk.address);
  INET.id.set(k, sk.address, id + 1 & 0xffff);
  return id;
}
