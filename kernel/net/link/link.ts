/**
 * The link of `eth0`: what is sent arrives at another host after a while, or is lost; what comes back raises an
 * interrupt.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import { IRQ_HANDLED, type IrqLine } from "../../irq/irq_desc.ts";
import type { Kernel } from "../../kernel.ts";
import { keyOf } from "../../time/random.ts";
import { addressText } from "../address.ts";
import { ETH_P_IP, ETH_P_IPV6, ETH_TYPE_TRANS, NETIF_RX, pushLinkHeader } from "../core/dev.ts";
import type { NetDevice } from "../core/net_device.ts";
import { allocSkb, GFP_ATOMIC, setPayload, type Skb, SKB_PUT, skbBytes } from "../core/skbuff.ts";
import { SKB } from "../fields.ts";

/** How a link is. */
export interface LinkOptions {
  /** Nanoseconds that a packet travels one way. */
  readonly latency: number;
  /** Bits per second. */
  readonly bandwidth: number;
  /** Share of packets that are lost, 0 to 1, each way. */
  readonly loss: number;
  /** Nothing goes out: connecting fails at once. */
  readonly down?: boolean;
}

const LOSS_KEY = keyOf("link loss");
const ETH_HLEN = 14;
const HEADERS = 64;

/** One kernel's end of the link. */
interface LinkState {
  readonly line: IrqLine;
  /** Packets that arrived and wait for the interrupt. */
  readonly ring: Uint8Array[];
  /** When the last packet was sent whole, each way. */
  freeOut: number;
  freeIn: number;
  packets: number;
}

const links = new WeakMap<Kernel, LinkState>();

/** The driver's interrupt handler; it takes what arrived. */
const RECEIVE_INTERRUPT: FunctionRef = behaviour(
  "eth_receive_interrupt",
  [fn("__alloc_skb"), SKB_PUT, fn("eth_type_trans"), fn("netif_rx")],
  (k) => {
    const { ring } = stateOf(k);
    for (let packet = ring.shift(); packet !== undefined; packet = ring.shift()) {
      k.call(NETIF_RX, receivedSkb(k, packet).address);
    }
    return IRQ_HANDLED;
  },
);

function stateOf(k: Kernel): LinkState {
  let state = links.get(k);
  if (state === undefined) {
    const line = k.irqs.request({ name: "eth0", handler: RECEIVE_INTERRUPT, devId: k.net.eth0.address });
    links.set(k, state = { line, ring: [], freeOut: 0, freeIn: 0, packets: 0 });
  }
  return state;
}

/** A buffer for a packet that arrived: headers in memory, TCP's data in fragments. */
export function receivedSkb(k: Kernel, packet: Uint8Array): Skb {
  const six = (packet[0] ?? 0) >> 4 === 6;
  const tcp = packet[six ? 6 : 9] === 6;
  const ip = six ? 40 : 20;
  const split = tcp ? ip + ((packet[ip + 12] ?? 0x50) >> 4) * 4 : packet.length;
  const skb = allocSkb(k, split + HEADERS + ETH_HLEN, HEADERS, GFP_ATOMIC);
  const at = k.call(SKB_PUT, skb.address, split);
  k.memory.writeBytes(at, packet.subarray(0, split));
  if (split < packet.length) setPayload(k, skb, packet.slice(split));
  pushLinkHeader(k, skb.address, six ? ETH_P_IPV6 : ETH_P_IP);
  SKB.protocol.set(k, skb.address, k.call(ETH_TYPE_TRANS, skb.address, k.net.eth0.address));
  SKB.dev.set(k, skb.address, k.net.eth0.address);
  return skb;
}

/** Sends a packet over the link: (its buffer still has the Ethernet header). */
export function transmit(k: Kernel, _dev: NetDevice, skb: Skb): void {
  const state = stateOf(k);
  const frame = skbBytes(k, skb);
  const packet = frame.slice(ETH_HLEN);
  const six = (packet[0] ?? 0) >> 4 === 6;
  const target = addressText(packet.subarray(six ? 24 : 16, six ? 40 : 20));
  const host = k.net.hosts.get(target);
  const { latency, bandwidth } = k.net.link;
  const start = Math.max(k.clock.now, state.freeOut);
  state.freeOut = start + Math.ceil(frame.length * 8e9 / bandwidth);
  if (host === undefined || lost(k, state)) return;
  k.events.at(state.freeOut + (host.latency ?? latency), () => host.receive(k, packet));
}

/** A host sends a packet to this one. */
export function sendFromHost(k: Kernel, packet: Uint8Array, latency: number): void {
  const state = stateOf(k);
  const start = Math.max(k.clock.now, state.freeIn);
  state.freeIn = start + Math.ceil((packet.length + ETH_HLEN) * 8e9 / k.net.link.bandwidth);
  if (lost(k, state)) return;
  const at = state.freeIn + latency;
  k.events.at(at, () => {
    state.ring.push(packet);
    if (state.ring.length === 1) k.interrupts.raise(state.line, 0, at);
  });
}

function lost(k: Kernel, state: LinkState): boolean {
  const { loss } = k.net.link;
  return loss > 0 && k.random.float(LOSS_KEY, state.packets++) < loss;
}
