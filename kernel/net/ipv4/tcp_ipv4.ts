/**
 * TCP's part that knows of addresses: connecting, receiving, answering. `net/ipv4/tcp_ipv4.c`, `net/ipv6/tcp_ipv6.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { popLocals, pushLocal } from "../../process/stack.ts";
import { keyOf } from "../../time/random.ts";
import { EAFNOSUPPORT, EINVAL, ENETUNREACH } from "../../syscalls/errno.ts";
import { tracepoint } from "../../tracing/reference.ts";
import { isAny, readAddress, unmapped } from "../address.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  SKB_DROP_REASON_NO_SOCKET,
  SKB_DROP_REASON_NOT_SPECIFIED,
  SKB_DROP_REASON_SOCKET_BACKLOG,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT2,
  TCP_LISTEN,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
  TCPHDR_ACK,
  TCPHDR_FIN,
  TCPHDR_RST,
  TCPHDR_SYN,
} from "../constants.ts";
import {
  allocSkb,
  dropRoute,
  GFP_ATOMIC,
  KFREE_SKB_REASON,
  MAX_TCP_HEADER,
  type Skb,
  SKB_PUSH,
  skbOf,
} from "../core/skbuff.ts";
import { type Sock, SOCK_DEF_READABLE, sockOf } from "../core/sock.ts";
import { SK, SKB, TCP } from "../fields.ts";
import { type ConnectionEnd, connectionKey } from "../net.ts";
import { INET_HASH_CONNECT, setLocal, setRemote } from "./inet_hashtables.ts";
import {
  IP6_OUTPUT,
  LOCAL_OUT_CALLS,
  localOut,
  sendsIpv6,
  setRoute,
  writeIpHeader,
  writeIpv6Header,
} from "./ip_output.ts";
import { ipHeaderOf } from "./ip_input.ts";
import { RequestSock } from "./request_sock.ts";
import { TCP_SET_STATE } from "./tcp_close.ts";
import { fillControl, readHeader, writeHeader } from "./tcp_header.ts";
import { TCP_RCV_ESTABLISHED, TCP_RCV_STATE_PROCESS } from "./tcp_input.ts";
import { TCP_CHECK_REQ } from "./tcp_minisocks.ts";
import { TCP_CONNECT } from "./tcp_output.ts";
import { after, before, tcpOf } from "./tcp_sock.ts";
import { hashTimeWait, INET_TWSK_DESCHEDULE_PUT, type TimeWaitSock } from "./timewait_sock.ts";

const SEQ_KEY = keyOf("secure_tcp_seq");
const RESET_EVENT = tracepoint(
  "tcp:tcp_send_reset",
  "skbaddr",
  "skaddr",
  "state",
  "sport",
  "dport",
  "family",
);
/** Bytes that may wait in a backlog, as a multiple of the buffers. */
const BACKLOG_ROOM = 64 * 1024;
const IP_HEADER = 20;
const IPV6_HEADER = 40;

/** A first sequence number for a connection: the same in every run. */
export function secureSequence(
  k: Kernel,
  local: string,
  localPort: number,
  remote: string,
  port: number,
): number {
  return k.random.u32(
    SEQ_KEY,
    localPort * 65536 + port,
    keyOf(local + remote),
    Math.floor(k.clock.now / 1e6),
  );
}

/** `tcp_v4_connect` and `tcp_v6_connect` once the address is known. */
export function connectTo(k: Kernel, sk: Sock, address: string, port: number): number {
  const { local } = sk;
  const to = isAny(address) ? (address === "::" ? "::1" : "127.0.0.1") : address;
  const route = k.net.route(to);
  if (!route.dev.loopback && k.net.link.down === true) return -ENETUNREACH;
  if (isAny(local)) {
    setLocal(
      k,
      sk,
      sk.family === AF_INET6 && !route.source.includes(":") ? `::ffff:${route.source}` : route.source,
    );
  }
  setRemote(k, sk, to, port);
  tcpOf(sk).mssClamp = 0xffff;
  k.call(TCP_SET_STATE, sk.address, TCP_SYN_SENT);
  const error = k.call(INET_HASH_CONNECT, Number.NaN, sk.address);
  if (error !== 0) {
    k.call(TCP_SET_STATE, sk.address, TCP_CLOSE);
    return error;
  }
  const seq = secureSequence(k, sk.local, sk.localPort, to, port);
  TCP.writeSeq.set(k, sk.address, seq);
  return k.call(TCP_CONNECT, sk.address);
}

/** Connects over IPv4: (sk, address, length). */
export const TCP_V4_CONNECT: FunctionRef = behaviour(
  "tcp_v4_connect",
  [TCP_SET_STATE, INET_HASH_CONNECT, TCP_CONNECT],
  (k, address = 0, uaddr = 0, length = 0) => {
    const target = readAddress(k, uaddr, length);
    if (target === null || length < 16) return -EINVAL;
    if (target.family !== AF_INET) return target.family === AF_UNSPEC ? -EINVAL : -EAFNOSUPPORT;
    return connectTo(k, sockOf(k, address), target.address, target.port);
  },
);
/** Connects over IPv6, or over IPv4 to a mapped address. */
export const TCP_V6_CONNECT: FunctionRef = behaviour(
  "tcp_v6_connect",
  [TCP_SET_STATE, TCP_CONNECT, TCP_V4_CONNECT],
  (k, address = 0, uaddr = 0, length = 0) => {
    const target = readAddress(k, uaddr, length);
    if (target === null || length < 24) return -EINVAL;
    if (target.family !== AF_INET6) return -EAFNOSUPPORT;
    const sk = sockOf(k, address);
    if (!unmapped(target.address).includes(":")) {
      // The IPv4 function is given an address of its kind.
      const mark = k.current.locals;
      const four = pushLocal(k, 16);
      k.memory.store(four, 2, AF_INET);
      k.memory.writeBytes(four + 2, k.memory.readBytes(uaddr + 2, 2));
      k.memory.writeBytes(four + 4, k.memory.readBytes(uaddr + 20, 4));
      const result = k.call(TCP_V4_CONNECT, address, four, 16);
      popLocals(k, mark);
      return result;
    }
    return connectTo(k, sk, target.address, target.port);
  },
);

/** Answers a segment that belongs to nothing with a reset: (sk, skb). */
function reset(k: Kernel, address: number, segment: number): number {
  const skb = skbOf(k, segment);
  const header = readHeader(k, skb);
  if ((header.flags & TCPHDR_RST) !== 0) return Number.NaN;
  const ip = ipHeaderOf(k, segment);
  if (k.tracepoints.enabled(RESET_EVENT)) {
    const state = address === 0 ? 0 : SK.state.get(k, address);
    const family = isV6(k, segment) ? AF_INET6 : AF_INET;
    k.tracepoints.fire(RESET_EVENT, segment, address, state, header.dest, header.source, family);
  }
  const acked = (header.flags & TCPHDR_ACK) !== 0;
  answer(k, ip, {
    source: header.dest,
    dest: header.source,
    seq: acked ? header.ack : 0,
    ack: acked ? 0 : skb.tcp.endSeq,
    flags: acked ? TCPHDR_RST : TCPHDR_RST | TCPHDR_ACK,
    window: 0,
  }, 20);
  return Number.NaN;
}

/** Sends a segment that no sock stands behind (`ip_send_unicast_reply`). */
function answer(
  k: Kernel,
  ip: { readonly source: string; readonly target: string },
  header: Parameters<typeof writeHeader>[2],
  length: number,
): void {
  const skb = allocSkb(k, MAX_TCP_HEADER, MAX_TCP_HEADER, GFP_ATOMIC);
  k.call(SKB_PUSH, skb.address, length);
  writeHeader(k, skb, header, length);
  const path = { local: ip.target, remote: ip.source, protocol: 6 };
  setRoute(k, skb, k.net.route(ip.source));
  const six = sendsIpv6(path.local, path.remote);
  k.call(SKB_PUSH, skb.address, six ? IPV6_HEADER : IP_HEADER);
  if (six) {
    writeIpv6Header(k, skb.address, path);
    k.call(IP6_OUTPUT, Number.NaN, 0, skb.address);
  } else {
    writeIpHeader(k, skb.address, path, 0);
    localOut(k, Number.NaN, 0, skb.address);
  }
}

const REPLY: FunctionRef = fn("ip_send_unicast_reply");
const ANSWER_CALLS = [fn("__alloc_skb"), SKB_PUSH, IP6_OUTPUT, ...LOCAL_OUT_CALLS, REPLY];
const TCP_V4_SEND_RESET: FunctionRef = behaviour(
  "tcp_v4_send_reset",
  ANSWER_CALLS,
  (k, sk = 0, skb = 0) => reset(k, sk, skb),
);
const TCP_V6_SEND_RESET: FunctionRef = behaviour(
  "tcp_v6_send_reset",
  ANSWER_CALLS,
  (k, sk = 0, skb = 0) => reset(k, sk, skb),
);

/** A segment for a sock that nobody holds the lock of: (sk, skb). */
function deliver(k: Kernel, address: number, segment: number, sendReset: FunctionRef): number {
  const state = SK.state.get(k, address);
  if (state === TCP_ESTABLISHED) {
    k.call(TCP_RCV_ESTABLISHED, address, segment);
    return 0;
  }
  if (k.call(TCP_RCV_STATE_PROCESS, address, segment) === 1) {
    k.call(sendReset, address, segment);
    k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_NOT_SPECIFIED);
  }
  return 0;
}
/** Handles a segment of a sock: (sk, skb). */
export const TCP_V4_DO_RCV: FunctionRef = behaviour(
  "tcp_v4_do_rcv",
  [TCP_RCV_ESTABLISHED, TCP_RCV_STATE_PROCESS, TCP_V4_SEND_RESET, KFREE_SKB_REASON],
  (k, sk = 0, skb = 0) => deliver(k, sk, skb, TCP_V4_SEND_RESET),
);
/** The same for IPv6 socks. */
export const TCP_V6_DO_RCV: FunctionRef = behaviour(
  "tcp_v6_do_rcv",
  [TCP_V4_DO_RCV, TCP_RCV_ESTABLISHED, TCP_RCV_STATE_PROCESS, TCP_V6_SEND_RESET, KFREE_SKB_REASON],
  (k, sk = 0, skb = 0) =>
    isV6(k, skb) ? deliver(k, sk, skb, TCP_V6_SEND_RESET) : k.call(TCP_V4_DO_RCV, sk, skb),
);

/** The child of a listening sock gets the segment that completed it: (parent, child, skb). */
const TCP_CHILD_PROCESS: FunctionRef = behaviour(
  "tcp_child_process",
  [TCP_RCV_STATE_PROCESS, SOCK_DEF_READABLE],
  (k, parent = 0, child = 0, segment = 0) => {
    const state = SK.state.get(k, child);
    TCP.segsIn.add(k, child, 1);
    const result = k.call(TCP_RCV_STATE_PROCESS, child, segment);
    if (k.net.socks.get(child) !== undefined && SK.state.get(k, child) !== state) {
      k.call(SOCK_DEF_READABLE, parent);
    }
    return result;
  },
);

/** Who a segment belongs to. */
function lookup(k: Kernel, skb: Skb): ConnectionEnd | undefined {
  const ip = ipHeaderOf(k, skb.address);
  const { source, dest } = readHeader(k, skb);
  return k.net.established.get(connectionKey(ip.target, dest, ip.source, source)) ??
    listenerFor(k, ip.target, dest);
}

/** The sock that listens at an address and port: one bound to the address before one bound to any. */
export function listenerFor(k: Kernel, address: string, port: number): Sock | undefined {
  const socks = k.net.listening.get(port);
  if (socks === undefined) return undefined;
  const plain = unmapped(address);
  const six = plain.includes(":");
  return socks.find((sk) => unmapped(sk.local) === plain) ??
    socks.find((sk) => isAny(sk.local) && (sk.family === AF_INET6) === six) ??
    socks.find((sk) => sk.local === "::" && !six && !sk.v6only);
}

const RCV_CALLS = [
  fn("__inet_lookup_established"),
  fn("__inet_lookup_listener"),
  TCP_CHECK_REQ,
  TCP_CHILD_PROCESS,
  fn("sk_filter_trim_cap"),
  fn("tcp_filter"),
  fn("dst_release"),
  fn("tcp_timewait_state_process"),
  INET_TWSK_DESCHEDULE_PUT,
  KFREE_SKB_REASON,
];

function receive(k: Kernel, segment: number, doRcv: FunctionRef, sendReset: FunctionRef): number {
  const skb = skbOf(k, segment);
  const header = readHeader(k, skb);
  fillControl(k, skb, header);
  let end = lookup(k, skb);
  if (end !== undefined && "kind" in end && end.kind === "timewait") {
    end = remembered(k, end, skb, header.flags);
    if (end === undefined) return 0;
  }
  if (end === undefined) {
    k.call(sendReset, 0, segment);
    k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_NO_SOCKET);
    return 0;
  }
  if (end instanceof RequestSock) {
    const { listener } = end;
    k.call(fn("sk_filter_trim_cap"), listener.address, segment, header.length);
    const child = k.call(TCP_CHECK_REQ, listener.address, segment, end.address, 0, Number.NaN);
    if (child === 0) k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_NOT_SPECIFIED);
    else if (
      child !== listener.address && k.call(TCP_CHILD_PROCESS, listener.address, child, segment) === 1
    ) {
      k.call(sendReset, child, segment);
      k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_NOT_SPECIFIED);
    }
    return 0;
  }
  const sk = end as Sock;
  k.call(fn("sk_filter_trim_cap"), sk.address, segment, header.length);
  SKB.dev.set(k, segment, 0);
  TCP.segsIn.add(k, sk.address, 1);
  if ((skb.payload?.length ?? 0) > 0) TCP.dataSegsIn.add(k, sk.address, 1);
  if (!sk.owned || SK.state.get(k, sk.address) === TCP_LISTEN) {
    k.call(doRcv, sk.address, segment);
    return 0;
  }
  dropRoute(k, skb);
  const room = SK.rcvbuf.get(k, sk.address) + SK.sndbuf.get(k, sk.address) + BACKLOG_ROOM;
  if (SK.backlogLen.get(k, sk.address) > room) {
    k.call(KFREE_SKB_REASON, segment, SKB_DROP_REASON_SOCKET_BACKLOG);
    return 0;
  }
  SK.backlogLen.add(k, sk.address, SKB.truesize.get(k, segment));
  sk.backlog.push(skb);
  return 0;
}

/** A segment for a connection that is over: a new one in its place, or nothing to go on with. */
function remembered(k: Kernel, tw: TimeWaitSock, skb: Skb, flags: number): ConnectionEnd | undefined {
  const { seq, endSeq } = skb.tcp;
  k.call(fn("tcp_timewait_state_process"), tw.address, skb.address, Number.NaN);
  if ((flags & TCPHDR_RST) !== 0) {
    k.call(INET_TWSK_DESCHEDULE_PUT, tw.address);
    k.call(KFREE_SKB_REASON, skb.address, SKB_DROP_REASON_NOT_SPECIFIED);
    return undefined;
  }
  const ip = ipHeaderOf(k, skb.address);
  if ((flags & TCPHDR_SYN) !== 0 && (flags & TCPHDR_ACK) === 0 && after(seq, tw.rcvNxt)) {
    const listener = listenerFor(k, ip.target, readHeader(k, skb).dest);
    if (listener !== undefined) {
      k.call(INET_TWSK_DESCHEDULE_PUT, tw.address);
      return listener;
    }
  }
  const acked = { source: tw.localPort, dest: tw.remotePort, seq: tw.sndNxt, flags: TCPHDR_ACK, window: 502 };
  if (tw.substate === TCP_FIN_WAIT2 && seq === tw.rcvNxt && (flags & TCPHDR_FIN) !== 0) {
    tw.substate = TCP_TIME_WAIT;
    tw.rcvNxt = endSeq;
    hashTimeWait(k, tw, 60e9);
    answer(k, ip, { ...acked, ack: endSeq }, 32);
  } else if (tw.substate === TCP_FIN_WAIT2 && (skb.payload?.length ?? 0) > 0) {
    // Data that nobody will read.
    k.call(INET_TWSK_DESCHEDULE_PUT, tw.address);
    reset(k, 0, skb.address);
  } else if (seq !== endSeq || before(seq, tw.rcvNxt)) answer(k, ip, { ...acked, ack: tw.rcvNxt }, 32);
  k.call(KFREE_SKB_REASON, skb.address, SKB_DROP_REASON_NOT_SPECIFIED);
  return undefined;
}

/** Receives a segment: (skb). */
export const TCP_V4_RCV: FunctionRef = behaviour(
  "tcp_v4_rcv",
  [...RCV_CALLS, TCP_V4_DO_RCV, TCP_V4_SEND_RESET],
  (k, skb = 0) =>
    receive(k, skb, fn(ownerIsV6(k, skb) ? "tcp_v6_do_rcv" : "tcp_v4_do_rcv"), TCP_V4_SEND_RESET),
);
/** Receives a segment over IPv6. */
export const TCP_V6_RCV: FunctionRef = behaviour(
  "tcp_v6_rcv",
  [...RCV_CALLS, TCP_V6_DO_RCV, TCP_V6_SEND_RESET],
  (k, skb = 0) => receive(k, skb, TCP_V6_DO_RCV, TCP_V6_SEND_RESET),
);

/** Whether the IPv4 segment is for an IPv6 socket that is connected to a mapped address: it has functions of its own. */
function ownerIsV6(k: Kernel, segment: number): boolean {
  const end = lookup(k, skbOf(k, segment));
  return end !== undefined && !("kind" in end) && end.family === AF_INET6;
}

function isV6(k: Kernel, segment: number): boolean {
  return SKB.protocol.get(k, segment) === 0xdd86;
}
