/**
 * The way in: from the device to a protocol. `net/ipv4/ip_input.c`, `net/ipv6/ip6_input.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { addressText } from "../address.ts";
import { deviceOf } from "../core/dev.ts";
import { KFREE_SKB_REASON, skbOf } from "../core/skbuff.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../constants.ts";
import { SKB } from "../fields.ts";
import { setRoute } from "./ip_output.ts";

const IP_HEADER = 20;
const IPV6_HEADER = 40;
/** `SKB_DROP_REASON_IP_NOPROTO`. */
const IP_NOPROTO = 14;

/** Addresses and protocol of a received packet, read from its header. */
export interface IpHeader {
  readonly source: string;
  readonly target: string;
  readonly protocol: number;
}

/** The header at `network_header`. */
export function ipHeaderOf(k: Kernel, skb: number): IpHeader {
  const at = SKB.head.get(k, skb) + SKB.networkHeader.get(k, skb);
  if ((k.memory.load(at, 1, false) >> 4) === 6) {
    return {
      source: addressText(k.memory.readBytes(at + 8, 16)),
      target: addressText(k.memory.readBytes(at + 24, 16)),
      protocol: k.memory.load(at + 6, 1, false),
    };
  }
  return {
    source: addressText(k.memory.readBytes(at + 12, 4)),
    target: addressText(k.memory.readBytes(at + 16, 4)),
    protocol: k.memory.load(at + 9, 1, false),
  };
}

/** Takes the network header off: `__skb_pull(skb, skb_network_header_len(skb))`. */
function pull(k: Kernel, skb: number, length: number): void {
  SKB.data.add(k, skb, length);
  SKB.len.add(k, skb, -length);
  SKB.transportHeader.set(k, skb, SKB.data.get(k, skb) - SKB.head.get(k, skb));
}

const PROTOCOLS = [
  fn("raw_local_deliver"),
  fn("tcp_v4_rcv"),
  fn("udp_rcv"),
  fn("icmp_rcv"),
  KFREE_SKB_REASON,
];
/** Gives a packet to its protocol: (net, skb, protocol). */
const IP_PROTOCOL_DELIVER_RCU: FunctionRef = behaviour(
  "ip_protocol_deliver_rcu",
  PROTOCOLS,
  (k, _net, skb = 0, protocol = 0) => {
    k.call(fn("raw_local_deliver"), skb, protocol);
    if (protocol === IPPROTO_TCP) k.call(fn("tcp_v4_rcv"), skb);
    else if (protocol === IPPROTO_UDP) k.call(fn("udp_rcv"), skb);
    else if (protocol === 1) k.call(fn("icmp_rcv"), skb);
    else k.call(KFREE_SKB_REASON, skb, IP_NOPROTO);
    return Number.NaN;
  },
);
const IP_LOCAL_DELIVER_FINISH: FunctionRef = behaviour(
  "ip_local_deliver_finish",
  [IP_PROTOCOL_DELIVER_RCU],
  (k, net = 0, _sk, skb = 0) => {
    const { protocol } = ipHeaderOf(k, skb);
    pull(k, skb, IP_HEADER);
    k.call(IP_PROTOCOL_DELIVER_RCU, net, skb, protocol);
    return 0;
  },
);
const IP_LOCAL_DELIVER: FunctionRef = behaviour(
  "ip_local_deliver",
  [IP_LOCAL_DELIVER_FINISH],
  (k, skb = 0) => k.call(IP_LOCAL_DELIVER_FINISH, Number.NaN, 0, skb),
);
/** Finds the packet's route and follows it: (net, sk, skb, dev). Only arm64 has it as a function of its own. */
const IP_RCV_FINISH: FunctionRef = behaviour(
  "ip_rcv_finish",
  [fn("ip_rcv_finish_core"), IP_LOCAL_DELIVER],
  (k, _net, _sk, skb = 0, dev = 0) => {
    finish(k, skb, dev);
    return 0;
  },
);
function finish(k: Kernel, skb: number, dev: number): void {
  k.call(fn("ip_rcv_finish_core"), Number.NaN, 0, skb, dev, Number.NaN);
  if (SKB.refdst.get(k, skb) === 0) {
    setRoute(k, skbOf(k, skb), { ...k.net.route(ipHeaderOf(k, skb).target), dev: deviceOf(k, skb) });
  }
  k.call(IP_LOCAL_DELIVER, skb);
}
/** Receives an IPv4 packet: (skb, dev, packet_type, orig_dev). */
behaviour(
  "ip_rcv",
  [fn("ip_rcv_core"), fn("ip_rcv_finish_core"), IP_LOCAL_DELIVER, IP_RCV_FINISH],
  (k, skb = 0, dev = 0) => {
    k.call(fn("ip_rcv_core"), skb, Number.NaN);
    if (k.archName === "arm64") k.call(IP_RCV_FINISH, Number.NaN, 0, skb, dev);
    else finish(k, skb, dev);
    return 0;
  },
);

const PROTOCOLS_6 = [fn("tcp_v6_rcv"), fn("udpv6_rcv"), KFREE_SKB_REASON];
/** Gives a packet to its protocol: (net, skb, nexthdr, have_final). */
const IP6_PROTOCOL_DELIVER_RCU: FunctionRef = behaviour(
  "ip6_protocol_deliver_rcu",
  PROTOCOLS_6,
  (k, _net, skb = 0) => {
    const { protocol } = ipHeaderOf(k, skb);
    pull(k, skb, IPV6_HEADER);
    if (protocol === IPPROTO_TCP) k.call(fn("tcp_v6_rcv"), skb);
    else if (protocol === IPPROTO_UDP) k.call(fn("udpv6_rcv"), skb);
    else k.call(KFREE_SKB_REASON, skb, IP_NOPROTO);
    return Number.NaN;
  },
);
const IP6_INPUT_FINISH: FunctionRef = behaviour(
  "ip6_input_finish",
  [IP6_PROTOCOL_DELIVER_RCU],
  (k, net = 0, _sk, skb = 0) => {
    k.call(IP6_PROTOCOL_DELIVER_RCU, net, skb, 0, 0);
    return 0;
  },
);
const IP6_INPUT: FunctionRef = behaviour(
  "ip6_input",
  [IP6_INPUT_FINISH],
  (k, skb = 0) => k.call(IP6_INPUT_FINISH, Number.NaN, 0, skb),
);
/** Receives an IPv6 packet. */
behaviour("ipv6_rcv", [fn("ip6_rcv_core"), fn("ip6_rcv_finish_core"), IP6_INPUT], (k, skb = 0, dev = 0) => {
  k.call(fn("ip6_rcv_core"), skb, dev, Number.NaN);
  k.call(fn("ip6_rcv_finish_core"), Number.NaN, 0, skb);
  const object = skbOf(k, skb);
  if (SKB.refdst.get(k, skb) === 0) {
    setRoute(k, object, { ...k.net.route(ipHeaderOf(k, skb).target), dev: deviceOf(k, skb) });
  }
  k.call(IP6_INPUT, skb);
  return 0;
});
