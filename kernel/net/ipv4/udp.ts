/**
 * Datagrams: `net/ipv4/udp.c`, `net/ipv6/udp.c`.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import {
  EAFNOSUPPORT,
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  EPIPE,
  ERESTARTSYS,
} from "../../syscalls/errno.ts";
import { encodeAddress, htons, isAny, readAddress, unmapped } from "../address.ts";
import {
  AF_INET6,
  AF_UNSPEC,
  IPPROTO_UDP,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  SEND_SHUTDOWN,
  SKB_DROP_REASON_NO_SOCKET,
  SKB_DROP_REASON_SOCKET_RCVBUFF,
  TCP_CLOSE,
  TCP_ESTABLISHED,
} from "../constants.ts";
import { PACKET_WAIT_CALLS, waitForPacket } from "../core/receive_wait.ts";
import {
  __KFREE_SKB,
  ALLOC_SKB,
  allocSkb,
  dropRoute,
  GFP_KERNEL,
  KFREE_SKB_REASON,
  linearBytes,
  peek,
  queueTail,
  type Skb,
  SKB_PUT,
  skbOf,
  unlink,
} from "../core/skbuff.ts";
import {
  type Proto,
  receivesNoMore,
  SKB_SET_OWNER_W,
  type Sock,
  SOCK_DEF_ERROR_REPORT,
  SOCK_DEF_READABLE,
  sockError,
  sockOf,
  sockPut,
} from "../core/sock.ts";
import { MSG, SK, SKB } from "../fields.ts";
import { gatherMessage, messageFlags, msgIter, scatterIter, setMessageName } from "../msghdr.ts";
import { Host } from "../link/host.ts";
import { inject } from "../implied_data.ts";
import { conflicts, setLocal, setLocalPort, setRemote } from "./inet_hashtables.ts";
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
import { ipHeaderOf } from "./ip_input.ts";

const UDP_HEADER = 8;
const MAX_DATAGRAM = 65507;
/** Headers in front of a datagram: Ethernet, IPv6, UDP. */
const HEADROOM = 16 + 40 + UDP_HEADER;

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
const UDP_SENDMSG: FunctionRef = behaviour(
  "udp_sendmsg",
  SEND_CALLS,
  (k, sk = 0, msg = 0, length = 0) => sendmsg(k, sk, msg, length),
);
const UDPV6_SENDMSG: FunctionRef = behaviour(
  "udpv6_sendmsg",
  [...SEND_CALLS, IP6_MAKE_SKB, UDP_V6_SEND_SKB],
  (k, sk = 0, msg = 0, length = 0) => sendmsg(k, sk, msg, length),
);

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
const LIB_RCV_CALLS = [UNICAST, fn("icmp_send"), fn("__icmp_send"), KFREE_SKB_REASON, SOCK_DEF_ERROR_REPORT];
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
const UDP4_LIB_RCV: FunctionRef = behaviour("__udp4_lib_rcv", LIB_RCV_CALLS, (k, skb = 0) => receive(k, skb));
behaviour(
  "udp_rcv",
  [UDP4_LIB_RCV, ...LIB_RCV_CALLS],
  (k, skb = 0) => k.call(UDP4_LIB_RCV, skb, Number.NaN, IPPROTO_UDP),
);
const UDP6_LIB_RCV: FunctionRef = behaviour("__udp6_lib_rcv", LIB_RCV_CALLS, (k, skb = 0) => receive(k, skb));
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
