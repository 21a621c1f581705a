/**
 * Sending datagrams: one packet made of the caller's bytes, and on its way. `net/ipv4/udp.c`, `net/ipv6/udp.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import {
  EAFNOSUPPORT,
  EDESTADDRREQ,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  EPIPE,
} from "../../syscalls/errno.ts";
import { htons, isAny, readAddress } from "../address.ts";
import { AF_INET6, AF_UNSPEC, IPPROTO_UDP, SEND_SHUTDOWN, TCP_ESTABLISHED } from "../constants.ts";
import { ALLOC_SKB, allocSkb, GFP_KERNEL, type Skb, SKB_PUT, skbOf } from "../core/skbuff.ts";
import { type Sock, sockError, sockOf } from "../core/sock.ts";
import { SKB_SET_OWNER_W } from "../core/sock_memory.ts";
import { MSG, SK, SKB } from "../fields.ts";
import { gatherMessage } from "../msghdr.ts";
import {
  IP6_OUTPUT,
  LOCAL_OUT_CALLS,
  localOut,
  nextId,
  sendsIpv6,
  setRoute,
  writeIpHeader,
  writeIpv6Header,
} from "./ip_output.ts";

/** Bytes of a datagram's header. */
export const UDP_HEADER = 8;

const MAX_DATAGRAM = 65507;

/** Headers in front of a datagram: Ethernet, IPv6, UDP. */
const HEADROOM = 16 + 40 + UDP_HEADER;

/** A datagram's buffer, with the caller's data in it. */
const SOCK_ALLOC_SEND_PSKB: FunctionRef = behaviour(
  "sock_alloc_send_pskb",
  [fn("alloc_skb_with_frags"), ALLOC_SKB, SKB_SET_OWNER_W],
  (k, sk = 0, size = 0) => {
    const skb = k.call(ALLOC_SKB_WITH_FRAGS, size, 0, 0, Number.NaN, GFP_KERNEL);
    k.call(SKB_SET_OWNER_W, skb, sk);
    return skb;
  },
);

const ALLOC_SKB_WITH_FRAGS: FunctionRef = behaviour("alloc_skb_with_frags", [ALLOC_SKB], (k, size = 0) => {
  return allocSkb(k, size, HEADROOM, GFP_KERNEL).address;
});

const __IP_APPEND_DATA: FunctionRef = behaviour(
  "__ip_append_data",
  [SOCK_ALLOC_SEND_PSKB, SKB_PUT, fn("ip_generic_getfrag")],
  (k, sk = 0, _fl4, _queue, _cork, _pfrag, _getfrag) => append(k, sk),
);

const __IP6_APPEND_DATA: FunctionRef = behaviour(
  "__ip6_append_data",
  [SOCK_ALLOC_SEND_PSKB, SKB_PUT, fn("ip_generic_getfrag")],
  (k, sk = 0) => append(k, sk),
);

/** What the datagram that is being made holds; its address comes out. */
const contents = new WeakMap<Kernel, { bytes: Uint8Array; skb: number }>();

function append(k: Kernel, sk: number): number {
  const content = contents.get(k);
  if (content === undefined) return -EINVAL;
  const { bytes } = content;
  content.skb = k.call(SOCK_ALLOC_SEND_PSKB, sk, HEADROOM + bytes.length + UDP_HEADER, 0, 0, Number.NaN, 0);
  const at = k.call(SKB_PUT, content.skb, bytes.length);
  k.call(fn("ip_generic_getfrag"), Number.NaN, at, 0, bytes.length, 0, content.skb);
  k.memory.writeBytes(at, bytes);
  return 0;
}

const IP_MAKE_SKB: FunctionRef = behaviour(
  "ip_make_skb",
  [__IP_APPEND_DATA, fn("__ip_make_skb")],
  (k, sk = 0) => {
    k.call(__IP_APPEND_DATA, sk, Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN);
    k.call(fn("__ip_make_skb"), sk, Number.NaN, Number.NaN, Number.NaN);
    return contents.get(k)?.skb ?? 0;
  },
);

const IP6_MAKE_SKB: FunctionRef = behaviour(
  "ip6_make_skb",
  [__IP6_APPEND_DATA, fn("__ip6_make_skb")],
  (k, sk = 0) => {
    k.call(__IP6_APPEND_DATA, sk);
    k.call(fn("__ip6_make_skb"), sk, Number.NaN, Number.NaN, Number.NaN);
    return contents.get(k)?.skb ?? 0;
  },
);

/** The IP header, and out: (net, skb). */
const IP_SEND_SKB: FunctionRef = behaviour("ip_send_skb", LOCAL_OUT_CALLS, (k, net = 0, skb = 0) => {
  return localOut(k, net, SKB.sk.get(k, skb), skb);
});

const UDP_SEND_SKB: FunctionRef = behaviour(
  "udp_send_skb",
  [fn("udp4_hwcsum"), IP_SEND_SKB],
  (k, skb = 0) => {
    k.call(fn("udp4_hwcsum"), skb, Number.NaN, Number.NaN);
    k.call(IP_SEND_SKB, Number.NaN, skb);
    return 0;
  },
);

const UDP_V6_SEND_SKB: FunctionRef = behaviour(
  "udp_v6_send_skb",
  [IP6_OUTPUT],
  (k, skb = 0) => {
    k.call(IP6_OUTPUT, Number.NaN, SKB.sk.get(k, skb), skb);
    return 0;
  },
);

const SEND_CALLS = [IP_MAKE_SKB, UDP_SEND_SKB];

/** Sends a datagram: its bytes, or -errno: (sk, msg, length). */
function sendmsg(k: Kernel, address: number, msg: number, length: number): number {
  const sk = sockOf(k, address);
  const failure = recorded(k)?.ret ?? 0;
  if (failure < 0) return failure;
  if (length > 65535) return -EMSGSIZE;
  if ((SK.shutdown.get(k, address) & SEND_SHUTDOWN) !== 0) return -EPIPE;
  const name = MSG.name.get(k, msg);
  let to = sk.remote;
  let port = sk.remotePort;
  if (name !== 0) {
    const target = readAddress(k, name, MSG.namelen.get(k, msg));
    if (target === null || MSG.namelen.get(k, msg) < 16) return -EINVAL;
    if (target.family !== sk.family && target.family !== AF_UNSPEC) {
      return sk.family === AF_INET6 && target.family === 2
        ? sendTo(k, sk, msg, length, target.address, target.port)
        : -EAFNOSUPPORT;
    }
    to = target.address;
    port = target.port;
    if (port === 0) return -EINVAL;
  } else if (SK.state.get(k, address) !== TCP_ESTABLISHED) return -EDESTADDRREQ;
  const error = sockError(k, sk);
  if (error !== 0 && name === 0 && recorded(k) === undefined) return error;
  return sendTo(k, sk, msg, length, isAny(to) ? (to === "::" ? "::1" : "127.0.0.1") : to, port);
}

function sendTo(k: Kernel, sk: Sock, msg: number, length: number, to: string, port: number): number {
  if (length > MAX_DATAGRAM) return -EMSGSIZE;
  const bytes = gatherMessage(k, msg, length);
  if (bytes === null) return -EFAULT;
  const route = k.net.route(to);
  if (!route.dev.loopback && k.net.link.down === true) return -ENETUNREACH;
  const local = isAny(sk.local) ? route.source : sk.local;
  const six = sendsIpv6(local, to);
  contents.set(k, { bytes, skb: 0 });
  const address = k.call(
    six ? IP6_MAKE_SKB : IP_MAKE_SKB,
    sk.address,
    Number.NaN,
    Number.NaN,
    msg,
    length + UDP_HEADER,
    UDP_HEADER,
  );
  contents.delete(k);
  const skb = skbOf(k, address);
  setRoute(k, skb, route);
  push(k, skb, UDP_HEADER);
  const data = SKB.data.get(k, address);
  k.memory.store(data, 2, htons(sk.localPort));
  k.memory.store(data + 2, 2, htons(port));
  k.memory.store(data + 4, 2, htons(bytes.length + UDP_HEADER));
  k.memory.store(data + 6, 2, 0);
  SKB.transportHeader.set(k, address, data - SKB.head.get(k, address));
  const path = { local, remote: to, protocol: IPPROTO_UDP };
  push(k, skb, six ? 40 : 20);
  if (six) writeIpv6Header(k, address, path);
  else writeIpHeader(k, address, path, nextId(k, sk));
  k.call(six ? UDP_V6_SEND_SKB : UDP_SEND_SKB, address, Number.NaN, Number.NaN);
  return bytes.length;
}

function push(k: Kernel, skb: Skb, length: number): void {
  SKB.data.add(k, skb.address, -length);
  SKB.len.add(k, skb.address, length);
}

/** Sends over IPv4: (sk, msg, length). */
export const UDP_SENDMSG: FunctionRef = behaviour(
  "udp_sendmsg",
  SEND_CALLS,
  (k, sk = 0, msg = 0, length = 0) => sendmsg(k, sk, msg, length),
);

/** Sends over IPv6: (sk, msg, length). */
export const UDPV6_SENDMSG: FunctionRef = behaviour(
  "udpv6_sendmsg",
  [...SEND_CALLS, IP6_MAKE_SKB, UDP_V6_SEND_SKB],
  (k, sk = 0, msg = 0, length = 0) => sendmsg(k, sk, msg, length),
);
