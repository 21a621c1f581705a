/**
 * Datagrams: `net/ipv4/udp.c`, `net/ipv6/udp.c`.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import { EAFNOSUPPORT, EAGAIN, EFAULT, EINVAL, ENETUNREACH, ERESTARTSYS } from "../../syscalls/errno.ts";
import { encodeAddress, isAny, readAddress, unmapped } from "../address.ts";
import {
  AF_INET6,
  AF_UNSPEC,
  IPPROTO_UDP,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  TCP_CLOSE,
  TCP_ESTABLISHED,
} from "../constants.ts";
import { PACKET_WAIT_CALLS, waitForPacket } from "../core/receive_wait.ts";
import { __KFREE_SKB, linearBytes, peek, skbOf, unlink } from "../core/skbuff.ts";
import { type Proto, receivesNoMore, type Sock, sockError, sockOf, sockPut } from "../core/sock.ts";
import { MSG, SK, SKB } from "../fields.ts";
import { inject } from "../implied_data.ts";
import { Host } from "../link/host.ts";
import { messageFlags, msgIter, scatterIter, setMessageName } from "../msghdr.ts";
import { conflicts, setLocal, setLocalPort, setRemote } from "./inet_hashtables.ts";
import { LIB_RCV_CALLS, UDP4_LIB_RCV, UDP6_LIB_RCV } from "./udp_input.ts";
import { UDP_SENDMSG, UDPV6_SENDMSG } from "./udp_output.ts";

/** Gives a sock a port: 0, or 1 where it is taken: (sk, port). */
const UDP_LIB_GET_PORT: FunctionRef = behaviour(
  "udp_lib_get_port",
  [],
  (k, address = 0, wanted = 0) => {
    const sk = sockOf(k, address);
    const port = wanted !== 0 ? wanted : k.net.ephemeralPort(IPPROTO_UDP, (p) => conflicts(k, sk, p));
    if (port === 0 || conflicts(k, sk, port)) return 1;
    setLocalPort(k, sk, port);
    k.net.bind(sk);
    return 0;
  },
);

const UDP_V4_GET_PORT: FunctionRef = behaviour(
  "udp_v4_get_port",
  [UDP_LIB_GET_PORT],
  (k, sk = 0, port = 0) => {
    return k.call(UDP_LIB_GET_PORT, sk, port, Number.NaN);
  },
);

const UDP_V6_GET_PORT: FunctionRef = behaviour(
  "udp_v6_get_port",
  [UDP_LIB_GET_PORT],
  (k, sk = 0, port = 0) => {
    return k.call(UDP_LIB_GET_PORT, sk, port, Number.NaN);
  },
);

/** Sends to and receives from one address from now on: (sk, address, length). */
function connect(k: Kernel, address: number, uaddr: number, length: number): number {
  const sk = sockOf(k, address);
  const target = readAddress(k, uaddr, length);
  if (target === null) return -EINVAL;
  if (target.family === AF_UNSPEC) return disconnect(k, sk);
  if (target.family !== sk.family) return -EAFNOSUPPORT;
  const failure = recorded(k)?.ret ?? 0;
  if (failure < 0) return failure;
  const to = isAny(target.address) ? (target.address === "::" ? "::1" : "127.0.0.1") : target.address;
  const route = k.net.route(to);
  if (!route.dev.loopback && k.net.link.down === true) return -ENETUNREACH;
  if (isAny(sk.local)) setLocal(k, sk, route.source);
  setRemote(k, sk, to, target.port);
  SK.state.set(k, address, TCP_ESTABLISHED);
  return 0;
}

function disconnect(k: Kernel, sk: Sock): number {
  SK.state.set(k, sk.address, TCP_CLOSE);
  setRemote(k, sk, sk.family === AF_INET6 ? "::" : "0.0.0.0", 0);
  if (!sk.boundAddress) setLocal(k, sk, sk.family === AF_INET6 ? "::" : "0.0.0.0");
  return 0;
}

const IP4_DATAGRAM_CONNECT: FunctionRef = behaviour(
  "ip4_datagram_connect",
  [],
  (k, sk = 0, uaddr = 0, length = 0) => connect(k, sk, uaddr, length),
);

const IP6_DATAGRAM_CONNECT: FunctionRef = behaviour(
  "ip6_datagram_connect",
  [],
  (k, sk = 0, uaddr = 0, length = 0) => connect(k, sk, uaddr, length),
);

behaviour("udp_disconnect", [], (k, sk = 0) => disconnect(k, sockOf(k, sk)));

/** The datagram that is read next, or 0 with the error at `err`: (sk, flags, off, err). */
const __SKB_RECV_UDP: FunctionRef = blocking(
  "__skb_recv_udp",
  [fn("__skb_try_recv_from_queue"), fn("udp_rmem_release"), ...PACKET_WAIT_CALLS],
  function* (k, address = 0, flags = 0): Blocking<number> {
    const sk = sockOf(k, address);
    const queue = SK.receiveQueue.at(k, address);
    const outcome = recorded(k);
    const nonblocking = (flags & MSG_DONTWAIT) !== 0;
    const look = fn("__skb_try_recv_from_queue");
    for (let i = 0; i < 2; i++) k.call(look, address, queue, flags, Number.NaN, Number.NaN, Number.NaN);
    if (peek(k, queue) === undefined) {
      const error = sockError(k, sk);
      if (error !== 0 && outcome === undefined) return error;
      if (receivesNoMore(k, sk) && outcome === undefined) return 0;
      if (nonblocking && (outcome === undefined || outcome.ret === -EAGAIN)) return -EAGAIN;
      const ready = () =>
        peek(k, queue) !== undefined || SK.err.get(k, address) !== 0 || receivesNoMore(k, sk);
      const undisturbed = yield* waitForPacket(k, sk, ready);
      if (peek(k, queue) === undefined && outcome !== undefined && outcome.ret >= 0) impliedDatagram(k, sk);
      if (peek(k, queue) === undefined) {
        if (outcome !== undefined) return outcome.ret;
        return sockError(k, sk) ||
          (undisturbed ? 0 : SK.rcvtimeo.get(k, address) > 0 ? -EAGAIN : -ERESTARTSYS);
      }
    }
    const skb = peek(k, queue);
    if (skb === undefined) return -EAGAIN;
    if ((flags & MSG_PEEK) === 0) {
      unlink(k, queue, skb);
      k.call(fn("udp_rmem_release"), address, SKB.truesize.get(k, skb.address), 1, 1);
      SK.rmemAlloc.add(k, address, -SKB.truesize.get(k, skb.address));
    }
    return skb.address;
  },
);

/** A recorded datagram that nobody here has sent. */
function impliedDatagram(k: Kernel, sk: Sock): void {
  const outcome = recorded(k);
  const peer = outcome?.peer;
  const from = peer !== undefined && peer.address !== ""
    ? unmapped(peer.address)
    : isAny(sk.remote)
    ? "127.0.0.1"
    : unmapped(sk.remote);
  const bytes = new Uint8Array(Math.max(0, outcome?.ret ?? 0));
  if (outcome?.data !== undefined) bytes.set(outcome.data.subarray(0, bytes.length));
  const host = new Host({ address: from, ports: {} });
  const to = isAny(sk.local) ? k.net.route(from).source : unmapped(sk.local);
  inject(k, host.datagramPacket(peer?.port || sk.remotePort || 53, to, sk.localPort, bytes));
}

const SKB_CONSUME_UDP: FunctionRef = behaviour(
  "skb_consume_udp",
  [fn("__consume_stateless_skb"), fn("skb_release_data"), fn("kfree_skbmem")],
  (k, _sk, skb = 0) => {
    k.call(fn("__consume_stateless_skb"), skb);
    return Number.NaN;
  },
);

behaviour("__consume_stateless_skb", [fn("skb_release_data"), fn("kfree_skbmem")], (k, skb = 0) => {
  k.call(fn("skb_release_data"), skb);
  k.call(fn("kfree_skbmem"), skb);
  return Number.NaN;
});

const RECV_CALLS = [__SKB_RECV_UDP, SKB_CONSUME_UDP];

function* recvmsg(k: Kernel, address: number, msg: number, length: number, flags: number): Blocking<number> {
  const sk = sockOf(k, address);
  const found = yield* k.calls.callBlocking(__SKB_RECV_UDP, address, flags, Number.NaN, Number.NaN);
  if (found === 0 || found >= -4095 && found < 0) return found;
  const skb = skbOf(k, found);
  const bytes = linearBytes(k, found);
  const outcome = recorded(k);
  const copied = Math.min(length, bytes.length);
  const fault = !scatterIter(k, msgIter(k, msg), bytes.subarray(0, copied)) && outcome === undefined;
  if (bytes.length > length) MSG.flags.set(k, msg, messageFlags(k, msg) | MSG_TRUNC);
  if (skb.from !== null) {
    const { port } = skb.from;
    const from = sk.family === AF_INET6 && !skb.from.address.includes(":")
      ? `::ffff:${skb.from.address}`
      : skb.from.address;
    setMessageName(k, msg, encodeAddress({ family: sk.family, address: from, port }));
  }
  if ((flags & MSG_PEEK) === 0) k.call(SKB_CONSUME_UDP, address, found, copied);
  if (fault) return -EFAULT;
  return (flags & MSG_TRUNC) !== 0 ? bytes.length : copied;
}

/** Receives a datagram: (sk, msg, length, flags, addr_len). */
const UDP_RECVMSG: FunctionRef = blocking(
  "udp_recvmsg",
  RECV_CALLS,
  (k, sk = 0, msg = 0, length = 0, flags = 0) => recvmsg(k, sk, msg, length, flags),
);

const UDPV6_RECVMSG: FunctionRef = blocking(
  "udpv6_recvmsg",
  RECV_CALLS,
  (k, sk = 0, msg = 0, length = 0, flags = 0) => recvmsg(k, sk, msg, length, flags),
);

behaviour(
  "udp_rcv",
  [UDP4_LIB_RCV, ...LIB_RCV_CALLS],
  (k, skb = 0) => k.call(UDP4_LIB_RCV, skb, Number.NaN, IPPROTO_UDP),
);

behaviour(
  "udpv6_rcv",
  [UDP6_LIB_RCV, ...LIB_RCV_CALLS],
  (k, skb = 0) => k.call(UDP6_LIB_RCV, skb, Number.NaN, IPPROTO_UDP),
);

/** Nobody has it open any more. */
const SK_COMMON_RELEASE: FunctionRef = behaviour(
  "sk_common_release",
  [__KFREE_SKB, fn("udp_lib_unhash"), fn("sk_free")],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    sk.dead = true;
    k.call(fn("udp_lib_unhash"), address);
    k.net.unbind(sk);
    SK.socket.set(k, address, 0);
    SK.wq.set(k, address, 0);
    const queue = SK.receiveQueue.at(k, address);
    for (let skb = peek(k, queue); skb !== undefined; skb = peek(k, queue)) {
      unlink(k, queue, skb);
      k.call(__KFREE_SKB, skb.address);
    }
    sockPut(k, sk);
    return Number.NaN;
  },
);

const UDP_LIB_CLOSE: FunctionRef = behaviour("udp_lib_close", [SK_COMMON_RELEASE], (k, sk = 0) => {
  k.call(SK_COMMON_RELEASE, sk);
  return Number.NaN;
});

/** UDP over IPv4. */
export const UDP_PROTO: Proto = {
  name: "UDP",
  type: "udp_sock",
  symbol: "udp_prot",
  init: fn("udp_init_sock"),
  close: UDP_LIB_CLOSE,
  connect: IP4_DATAGRAM_CONNECT,
  sendmsg: UDP_SENDMSG,
  recvmsg: UDP_RECVMSG,
  getPort: UDP_V4_GET_PORT,
  destruct: fn("inet_sock_destruct"),
};

/** UDP over IPv6. */
export const UDPV6_PROTO: Proto = {
  ...UDP_PROTO,
  name: "UDPv6",
  type: "udp6_sock",
  symbol: "udpv6_prot",
  init: fn("udpv6_init_sock"),
  connect: IP6_DATAGRAM_CONNECT,
  sendmsg: UDPV6_SENDMSG,
  recvmsg: UDPV6_RECVMSG,
  getPort: UDP_V6_GET_PORT,
};
