/**
 * Sending to a device and receiving from one: `net/core/dev.c`, `drivers/net/loopback.c`.
 *
 * What is received waits in the CPU's backlog until the NET_RX softirq takes it: right behind the sender's
 * `__dev_queue_xmit` for the loopback device, behind the interrupt for others.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import {
  LOCAL_BH_ENABLE,
  localBhDisable,
  RAISE_SOFTIRQ_NOTRACE,
  raiseSoftirq,
  SOFTIRQ,
} from "../../irq/softirq.ts";
import type { Kernel } from "../../kernel.ts";
import { tracepoint } from "../../tracing/reference.ts";
import { htons } from "../address.ts";
import { DEV, SKB } from "../fields.ts";
import { transmit } from "../link/link.ts";
import { CONSUME_SKB, orphan, type Skb, skbOf } from "./skbuff.ts";
import type { NetDevice } from "./net_device.ts";

/** Protocols of Ethernet frames. */
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;
const ETH_HLEN = 14;
/** Packets that one poll of the backlog takes at most. */
const WEIGHT = 64;
const BUDGET = 300;

const QUEUE_EVENT = tracepoint("net:net_dev_queue", "skbaddr", "len", "name");
const START_XMIT_EVENT = tracepoint(
  "net:net_dev_start_xmit",
  "name",
  "skbaddr",
  "protocol",
  "len",
  "data_len",
  "network_offset",
);
const XMIT_EVENT = tracepoint("net:net_dev_xmit", "skbaddr", "len", "rc", "name");
const NETIF_RX_EVENT = tracepoint("net:netif_rx", "skbaddr", "len", "name");
const RECEIVE_EVENT = tracepoint("net:netif_receive_skb", "skbaddr", "len", "name");
const POLL_EVENT = tracepoint("napi:napi_poll", "napi", "dev_name", "work", "budget");

/** What waits on each CPU: `softnet_data`. */
interface Softnet {
  readonly backlog: Skb[];
  /** The poll of the backlog is scheduled. */
  scheduled: boolean;
}

const softnets = new WeakMap<Kernel, Softnet[]>();

function softnet(k: Kernel): Softnet {
  let all = softnets.get(k);
  if (all === undefined) {
    softnets.set(k, all = []);
    k.softirqs.open(SOFTIRQ.NET_RX, NET_RX_ACTION);
  }
  return all[k.cpu] ??= { backlog: [], scheduled: false };
}

/** The device that a packet is on. */
export function deviceOf(k: Kernel, skb: number): NetDevice {
  return SKB.dev.get(k, skb) === k.net.eth0.address ? k.net.eth0 : k.net.lo;
}

const ENQUEUE_TO_BACKLOG: FunctionRef = behaviour(
  "enqueue_to_backlog",
  [],
  (k, skb = 0) => {
    const data = softnet(k);
    data.backlog.push(skbOf(k, skb));
    if (!data.scheduled) {
      data.scheduled = true;
      raiseSoftirq(k, SOFTIRQ.NET_RX);
    }
    return 0;
  },
);
const NETIF_RX_INTERNAL: FunctionRef = behaviour("netif_rx_internal", [ENQUEUE_TO_BACKLOG], (k, skb = 0) => {
  if (k.tracepoints.enabled(NETIF_RX_EVENT)) {
    k.tracepoints.fire(NETIF_RX_EVENT, skb, SKB.len.get(k, skb), deviceOf(k, skb).name);
  }
  return k.call(ENQUEUE_TO_BACKLOG, skb, k.cpu, Number.NaN);
});
/** Takes a packet in, with softirqs off. */
const __NETIF_RX: FunctionRef = behaviour(
  "__netif_rx",
  [NETIF_RX_INTERNAL],
  (k, skb = 0) => k.call(NETIF_RX_INTERNAL, skb),
);
/** Takes a packet in, from an interrupt of a device. */
export const NETIF_RX: FunctionRef = behaviour(
  "netif_rx",
  [NETIF_RX_INTERNAL, LOCAL_BH_ENABLE],
  (k, skb = 0) => k.call(NETIF_RX_INTERNAL, skb),
);

/** Reads the Ethernet header: the protocol, in network order. */
export const ETH_TYPE_TRANS: FunctionRef = behaviour("eth_type_trans", [], (k, skb = 0, dev = 0) => {
  SKB.dev.set(k, skb, dev);
  const data = SKB.data.get(k, skb);
  const protocol = k.memory.load(data + 12, 2, false);
  SKB.macHeader.set(k, skb, data - SKB.head.get(k, skb));
  SKB.data.set(k, skb, data + ETH_HLEN);
  SKB.len.add(k, skb, -ETH_HLEN);
  return protocol;
});

const LOOPBACK_XMIT: FunctionRef = behaviour(
  "loopback_xmit",
  [
    fn("skb_clone_tx_timestamp"),
    fn("tcp_wfree"),
    fn("sock_wfree"),
    fn("__sock_wfree"),
    ETH_TYPE_TRANS,
    __NETIF_RX,
  ],
  (k, address = 0, dev = 0) => {
    k.call(fn("skb_clone_tx_timestamp"), address);
    const skb = skbOf(k, address);
    orphan(k, skb);
    // From here on the packet holds a reference on its route (`skb_dst_force`).
    const route = SKB.refdst.get(k, address);
    if (route !== 0) {
      skb.dst = Math.floor(route / 2) * 2;
      SKB.refdst.set(k, address, skb.dst);
    }
    SKB.protocol.set(k, address, k.call(ETH_TYPE_TRANS, address, dev));
    k.call(__NETIF_RX, address);
    return 0;
  },
);

/** Hands a packet to its device's driver. */
const DEV_HARD_START_XMIT: FunctionRef = behaviour(
  "dev_hard_start_xmit",
  [LOOPBACK_XMIT, CONSUME_SKB],
  (k, skb = 0, dev = 0) => {
    const device = deviceOf(k, skb);
    const length = SKB.len.get(k, skb);
    if (k.tracepoints.enabled(START_XMIT_EVENT)) {
      const data = SKB.data.get(k, skb);
      const offset = SKB.head.get(k, skb) + SKB.networkHeader.get(k, skb) - data;
      const protocol = htons(SKB.protocol.get(k, skb));
      k.tracepoints.fire(
        START_XMIT_EVENT,
        device.name,
        skb,
        protocol,
        length,
        SKB.dataLen.get(k, skb),
        offset,
      );
    }
    if (device.loopback) k.call(LOOPBACK_XMIT, skb, dev);
    else transmit(k, device, skbOf(k, skb));
    if (k.tracepoints.enabled(XMIT_EVENT)) k.tracepoints.fire(XMIT_EVENT, skb, length, 0, device.name);
    if (!device.loopback) {
      orphan(k, skbOf(k, skb));
      k.call(CONSUME_SKB, skb);
    }
    return 0;
  },
);

/** Sends a packet that has its link-level header. */
export const __DEV_QUEUE_XMIT: FunctionRef = behaviour(
  "__dev_queue_xmit",
  [fn("netdev_core_pick_tx"), fn("validate_xmit_skb"), DEV_HARD_START_XMIT, LOCAL_BH_ENABLE],
  (k, skb = 0, sbDev = 0) => {
    const dev = SKB.dev.get(k, skb);
    localBhDisable(k);
    k.call(fn("netdev_core_pick_tx"), dev, skb, sbDev);
    if (k.tracepoints.enabled(QUEUE_EVENT)) {
      k.tracepoints.fire(QUEUE_EVENT, skb, SKB.len.get(k, skb), deviceOf(k, skb).name);
    }
    k.call(fn("validate_xmit_skb"), skb, dev, Number.NaN);
    k.call(DEV_HARD_START_XMIT, skb, dev, Number.NaN, Number.NaN);
    k.call(LOCAL_BH_ENABLE, Number.NaN, 0x200);
    return 0;
  },
);

/** Puts the Ethernet header in front of a packet. */
export function pushLinkHeader(k: Kernel, skb: number, protocol: number): void {
  const data = SKB.data.add(k, skb, -ETH_HLEN);
  SKB.len.add(k, skb, ETH_HLEN);
  k.memory.fill(data, 12, 0);
  k.memory.store(data + 12, 2, htons(protocol));
}

const RECEIVE_CORE: FunctionRef = behaviour("__netif_receive_skb_core", [], (k, _pskb, _pfmemalloc, ppt) => {
  void ppt;
  if (k.tracepoints.enabled(RECEIVE_EVENT)) {
    const skb = receiving.get(k) ?? 0;
    k.tracepoints.fire(RECEIVE_EVENT, skb, SKB.len.get(k, skb), deviceOf(k, skb).name);
  }
  return 0;
});
/** The packet that `__netif_receive_skb_core` was given through a pointer to a pointer. */
const receiving = new WeakMap<Kernel, number>();

const RECEIVE_ONE_CORE: FunctionRef = behaviour(
  "__netif_receive_skb_one_core",
  [RECEIVE_CORE, fn("ip_rcv"), fn("ipv6_rcv")],
  (k, skb = 0, pfmemalloc = 0) => {
    const dev = SKB.dev.get(k, skb);
    receiving.set(k, skb);
    SKB.skbIif.set(k, skb, DEV.ifindex.get(k, dev));
    SKB.networkHeader.set(k, skb, SKB.data.get(k, skb) - SKB.head.get(k, skb));
    SKB.transportHeader.set(k, skb, SKB.networkHeader.get(k, skb));
    k.call(RECEIVE_CORE, Number.NaN, pfmemalloc, Number.NaN);
    const six = SKB.protocol.get(k, skb) === htons(ETH_P_IPV6);
    return k.call(fn(six ? "ipv6_rcv" : "ip_rcv"), skb, dev, Number.NaN, dev);
  },
);
const RECEIVE_SKB: FunctionRef = behaviour(
  "__netif_receive_skb",
  [RECEIVE_ONE_CORE],
  (k, skb = 0) => k.call(RECEIVE_ONE_CORE, skb, 0),
);

const PROCESS_BACKLOG: FunctionRef = behaviour(
  "process_backlog",
  [RECEIVE_SKB],
  (k, _napi, quota = WEIGHT) => {
    const data = softnet(k);
    let work = 0;
    for (let skb = data.backlog.shift(); skb !== undefined; skb = data.backlog.shift()) {
      k.call(RECEIVE_SKB, skb.address);
      if (++work >= quota) return work;
    }
    data.scheduled = false;
    return work;
  },
);
const NAPI_POLL: FunctionRef = behaviour("__napi_poll", [PROCESS_BACKLOG], (k, napi = 0) => {
  const work = k.call(PROCESS_BACKLOG, napi, WEIGHT);
  if (k.tracepoints.enabled(POLL_EVENT)) k.tracepoints.fire(POLL_EVENT, napi, "(no_device)", work, WEIGHT);
  return work;
});

/** The NET_RX softirq. */
const NET_RX_ACTION: FunctionRef = behaviour(
  "net_rx_action",
  [NAPI_POLL, RAISE_SOFTIRQ_NOTRACE],
  (k) => {
    const data = softnet(k);
    for (let budget = BUDGET; data.scheduled; budget -= WEIGHT) {
      if (budget <= 0) {
        k.call(RAISE_SOFTIRQ_NOTRACE, SOFTIRQ.NET_RX);
        break;
      }
      k.call(NAPI_POLL, Number.NaN, Number.NaN);
    }
    return Number.NaN;
  },
);
