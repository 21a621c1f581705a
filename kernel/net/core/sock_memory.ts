/**
 * Whose memory a packet takes: a sock's that sends it, or that is to read it. `net/core/sock.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { symbolAddress } from "../../process/objects.ts";
import { SK, SKB } from "../fields.ts";
import { type Skb, skbOf } from "./skbuff.ts";
import { __SK_FREE, SK_FREE, type Sock } from "./sock.ts";

/** Accounts a packet to its sender, until it is freed. */
export const SKB_SET_OWNER_W: FunctionRef = behaviour("skb_set_owner_w", [], (k, skb = 0, sk = 0) => {
  const owner = k.net.socks.get(sk);
  if (owner !== undefined) ownWrite(k, skbOf(k, skb), owner, "sock_wfree");
  return Number.NaN;
});

/** The same without a call to see. */
export function ownWrite(
  k: Kernel,
  skb: Skb,
  sk: Sock,
  destructor: "sock_wfree" | "tcp_wfree" | "__sock_wfree" | "unix_wfree",
): void {
  skb.sk = sk;
  skb.destructor = destructor;
  SKB.sk.set(k, skb.address, sk.address);
  SKB.destructor.set(k, skb.address, symbolAddress(k, destructor));
  SK.wmemAlloc.add(k, sk.address, SKB.truesize.get(k, skb.address));
}

/** Accounts a packet to its receiver, until it is read. */
export function ownRead(k: Kernel, skb: Skb, sk: Sock): void {
  skb.sk = sk;
  skb.destructor = "sock_rfree";
  SKB.sk.set(k, skb.address, sk.address);
  SKB.destructor.set(k, skb.address, symbolAddress(k, "sock_rfree"));
  SK.rmemAlloc.add(k, sk.address, SKB.truesize.get(k, skb.address));
}

/** A sent packet is gone: there is room again. */
export const SOCK_WFREE: FunctionRef = behaviour(
  "sock_wfree",
  [fn("sock_def_write_space"), fn("unix_write_space"), __SK_FREE],
  (k, address = 0) => {
    const skb = skbOf(k, address);
    const { sk } = skb;
    if (sk === null) return Number.NaN;
    k.call(fn(sk.unix === null ? "sock_def_write_space" : "unix_write_space"), sk.address);
    releaseWrite(k, skb, sk, __SK_FREE);
    return Number.NaN;
  },
);

/** The same for TCP, whose clones go before the data does. */
export const TCP_WFREE: FunctionRef = behaviour("tcp_wfree", [SK_FREE], (k, address = 0) => {
  const skb = skbOf(k, address);
  const { sk } = skb;
  if (sk === null) return Number.NaN;
  // All but one byte; `sk_free` drops that, and frees the sock if it was the last.
  SK.wmemAlloc.add(k, sk.address, 1 - SKB.truesize.get(k, address));
  k.call(SK_FREE, sk.address);
  return Number.NaN;
});

/** Pure acknowledgements. */
export const __SOCK_WFREE: FunctionRef = behaviour("__sock_wfree", [__SK_FREE], (k, address = 0) => {
  const skb = skbOf(k, address);
  if (skb.sk !== null) releaseWrite(k, skb, skb.sk, __SK_FREE);
  return Number.NaN;
});

/** A received packet was read. */
export const SOCK_RFREE: FunctionRef = behaviour("sock_rfree", [], (k, address = 0) => {
  const { sk } = skbOf(k, address);
  if (sk !== null) SK.rmemAlloc.add(k, sk.address, -SKB.truesize.get(k, address));
  return Number.NaN;
});

function releaseWrite(k: Kernel, skb: Skb, sk: Sock, free: FunctionRef): void {
  if (SK.wmemAlloc.add(k, sk.address, -SKB.truesize.get(k, skb.address)) === 0) k.call(free, sk.address);
}
