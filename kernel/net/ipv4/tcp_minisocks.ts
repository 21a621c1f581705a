/**
 * From a SYN to a connection: requests, SYN-ACKs, children. `tcp_conn_request`, `net/ipv4/tcp_minisocks.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import { functionPointer } from "../../calls/function_pointer.ts";
import type { Kernel } from "../../kernel.ts";
import { tracepoint } from "../../tracing/reference.ts";
import { keyOf } from "../../time/random.ts";
import { TCP_LISTEN, TCP_SYN_RECV, TCPHDR_ACK, TCPHDR_RST, TCPHDR_SYN } from "../constants.ts";
import { startTimer, stopTimer } from "../core/sk_timer.ts";
import {
  ALLOC_SKB,
  allocSkb,
  CONSUME_SKB,
  GFP_ATOMIC,
  MAX_TCP_HEADER,
  SKB_PUSH,
  skbOf,
} from "../core/skbuff.ts";
import { cloneSock, INET_SK_STATE_STORE, sockOf } from "../core/sock.ts";
import { ICSK, INET, REQ, SK, SKB, TCP } from "../fields.ts";
import { htons } from "../address.ts";
import { connectionKey } from "../net.ts";
import { setLocal, setRemote } from "./inet_hashtables.ts";
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
import {
  freeRequest,
  hashRequest,
  INET_CSK_REQSK_QUEUE_DROP,
  newRequest,
  type RequestSock,
} from "./request_sock.ts";
import { initTcpSock } from "./tcp_init.ts";
import { readHeader, writeHeader } from "./tcp_header.ts";
import { deviceMss, initWindows, setTimeoutOf, TCP_SYNC_MSS } from "./tcp_output.ts";
import { plus, TCP_SYN_HEADER, TCP_SYNACK_RETRIES, TCP_TIMEOUT_INIT, TCP_WSCALE, tcpOf } from "./tcp_sock.ts";

const SYNACK_EVENT = tracepoint(
  "tcp:tcp_retransmit_synack",
  "skaddr",
  "req",
  "sport",
  "dport",
  "family",
  "saddr",
  "daddr",
  "saddr_v6",
  "daddr_v6",
);
const SEQ_KEY = keyOf("tcp_v4_init_seq");
const IP_HEADER = 20;
const IPV6_HEADER = 40;

/** The SYN-ACK for a request: (sk, dst, req, …). */
const TCP_MAKE_SYNACK: FunctionRef = behaviour(
  "tcp_make_synack",
  [ALLOC_SKB, fn("skb_set_owner_w"), SKB_PUSH, fn("tcp_options_write")],
  (k, _sk, _dst, request = 0) => {
    const req = k.net.requests.get(request);
    const skb = allocSkb(k, MAX_TCP_HEADER, MAX_TCP_HEADER, GFP_ATOMIC);
    if (req === undefined) return skb.address;
    k.call(fn("skb_set_owner_w"), skb.address, request);
    k.call(SKB_PUSH, skb.address, TCP_SYN_HEADER);
    const header = {
      source: req.localPort,
      dest: req.remotePort,
      seq: req.sndIsn,
      ack: plus(req.rcvIsn, 1),
      flags: TCPHDR_SYN | TCPHDR_ACK,
      window: 65535,
      mss: deviceMss(k, req.remote),
      wscale: TCP_WSCALE,
    };
    writeHeader(k, skb, header, TCP_SYN_HEADER);
    k.call(fn("tcp_options_write"), SKB.data.get(k, skb.address), 0, Number.NaN);
    return skb.address;
  },
);

const SEND_SYNACK_CALLS = [
  TCP_MAKE_SYNACK,
  fn("ip_build_and_send_pkt"),
  ...LOCAL_OUT_CALLS,
  IP6_OUTPUT,
  SKB_PUSH,
];
/** Sends it: (sk, dst, fl, req, …). */
const TCP_V4_SEND_SYNACK: FunctionRef = behaviour(
  "tcp_v4_send_synack",
  SEND_SYNACK_CALLS,
  (k, sk = 0, dst = 0, _fl, req = 0) => {
    const skb = k.call(TCP_MAKE_SYNACK, sk, dst, req, Number.NaN, 0, Number.NaN);
    k.call(IP_BUILD_AND_SEND_PKT, skb, sk, Number.NaN, Number.NaN);
    return 0;
  },
);
const TCP_V6_SEND_SYNACK: FunctionRef = behaviour(
  "tcp_v6_send_synack",
  SEND_SYNACK_CALLS,
  (k, sk = 0, dst = 0, _fl, request = 0) => {
    const skb = k.call(TCP_MAKE_SYNACK, sk, dst, request, Number.NaN, 0, Number.NaN);
    const req = k.net.requests.get(request);
    if (req === undefined) return 0;
    const object = skbOf(k, skb);
    setRoute(k, object, k.net.route(req.remote));
    k.call(SKB_PUSH, skb, IPV6_HEADER);
    writeIpv6Header(k, skb, { local: req.local, remote: req.remote, protocol: 6 });
    k.call(IP6_OUTPUT, Number.NaN, sk, skb);
    return 0;
  },
);
/** The request whose SYN-ACK is being sent. */
const sending = new WeakMap<Kernel, RequestSock>();
const IP_BUILD_AND_SEND_PKT: FunctionRef = behaviour(
  "ip_build_and_send_pkt",
  [SKB_PUSH, ...LOCAL_OUT_CALLS],
  (k, skb = 0, sk = 0) => {
    const req = sending.get(k);
    if (req === undefined) return 0;
    setRoute(k, skbOf(k, skb), k.net.route(req.remote));
    k.call(SKB_PUSH, skb, IP_HEADER);
    writeIpHeader(k, skb, { local: req.local, remote: req.remote, protocol: 6 }, 0);
    return localOut(k, Number.NaN, sk, skb);
  },
);

function sendSynAck(k: Kernel, req: RequestSock): void {
  sending.set(k, req);
  const send = sendsIpv6(req.local, req.remote) ? TCP_V6_SEND_SYNACK : TCP_V4_SEND_SYNACK;
  k.call(send, req.listener.address, k.net.route(req.remote).rtable, Number.NaN, req.address, Number.NaN, 0);
}

/** Counts a request as the listening sock's, and arms its timer: (sk, req, timeout in ticks). */
const HASH_ADD: FunctionRef = behaviour(
  "inet_csk_reqsk_queue_hash_add",
  [fn("init_timer_key"), fn("mod_timer"), fn("inet_ehash_insert")],
  (k, _sk, request = 0) => {
    const req = k.net.requests.get(request);
    if (req === undefined) return Number.NaN;
    k.call(
      fn("init_timer_key"),
      req.timer.address,
      functionPointer(k, fn("reqsk_timer_handler")),
      0x100000,
      0,
      0,
    );
    startTimer(k, req.timer, k.clock.now + TCP_TIMEOUT_INIT);
    k.call(fn("inet_ehash_insert"), request, 0, Number.NaN);
    hashRequest(k, req);
    return Number.NaN;
  },
);

/** Whether nobody can be added to those that wait to be accepted (`sk_acceptq_is_full`). */
function acceptQueueFull(k: Kernel, address: number): boolean {
  return SK.ackBacklog.get(k, address) > SK.maxAckBacklog.get(k, address);
}

const CONN_REQUEST_CALLS = [
  fn("inet_reqsk_alloc"),
  fn("tcp_parse_options"),
  fn("tcp_syn_flood_action"),
  fn("tcp_v4_route_req"),
  fn("tcp_v4_init_seq"),
  fn("tcp_openreq_init_rwin"),
  HASH_ADD,
  TCP_V4_SEND_SYNACK,
  TCP_V6_SEND_SYNACK,
  CONSUME_SKB,
  ...SEND_SYNACK_CALLS,
];
/** A SYN for a listening sock: (request_sock_ops, af_ops, sk, skb). */
const TCP_CONN_REQUEST: FunctionRef = behaviour(
  "tcp_conn_request",
  CONN_REQUEST_CALLS,
  (k, _ops, _afOps, address = 0, segment = 0) => {
    const sk = sockOf(k, address);
    const skb = skbOf(k, segment);
    // A full queue of requests would be answered with cookies; they need room in the accept queue all the same.
    if (
      acceptQueueFull(k, address) || ICSK.queueLen.get(k, address) >= SK.maxAckBacklog.get(k, address) + 1
    ) {
      SK.drops.add(k, address, 1);
      return 0;
    }
    const ip = ipHeaderOf(k, segment);
    const header = readHeader(k, skb);
    const key = connectionKey(ip.target, header.dest, ip.source, header.source);
    if (k.net.established.has(key)) return 0;
    k.call(fn("inet_reqsk_alloc"), Number.NaN, address, 1);
    const mapped = (text: string) => sk.family === 10 && !text.includes(":") ? `::ffff:${text}` : text;
    const req = newRequest(k, sk, {
      local: mapped(ip.target),
      localPort: header.dest,
      remote: mapped(ip.source),
      remotePort: header.source,
      rcvIsn: header.seq,
      sndIsn: k.random.u32(SEQ_KEY, header.source * 65536 + header.dest, header.seq),
      mss: header.mss ?? 536,
      wscale: header.wscale ?? 0,
      window: header.window,
    });
    k.call(fn("tcp_parse_options"), Number.NaN, segment, Number.NaN, 0, Number.NaN);
    k.call(HASH_ADD, address, req.address, Number.NaN);
    sendSynAck(k, req);
    return 0;
  },
);
/** A SYN over IPv4: (sk, skb). */
behaviour("tcp_v4_conn_request", [TCP_CONN_REQUEST], (k, sk = 0, skb = 0) => {
  return k.call(TCP_CONN_REQUEST, Number.NaN, Number.NaN, sk, skb);
});
/** A SYN over IPv6. */
behaviour("tcp_v6_conn_request", [TCP_CONN_REQUEST], (k, sk = 0, skb = 0) => {
  return k.call(TCP_CONN_REQUEST, Number.NaN, Number.NaN, sk, skb);
});

/** Nobody has answered the SYN-ACK. */
behaviour(
  "reqsk_timer_handler",
  [fn("tcp_rtx_synack"), INET_CSK_REQSK_QUEUE_DROP, fn("mod_timer"), TCP_V4_SEND_SYNACK, TCP_V6_SEND_SYNACK],
  (k, timer = 0) => {
    const req = k.net.requests.get(timer);
    if (req === undefined) return Number.NaN;
    const { listener } = req;
    if (req.timeouts >= TCP_SYNACK_RETRIES || SK.state.get(k, listener.address) !== TCP_LISTEN) {
      k.call(INET_CSK_REQSK_QUEUE_DROP, listener.address, req.address);
      freeRequest(k, req);
      return Number.NaN;
    }
    if (req.timeouts === 0) ICSK.queueYoung.add(k, listener.address, -1);
    req.timeouts++;
    REQ.numTimeout.set(k, req.address, req.timeouts);
    k.call(TCP_RTX_SYNACK, listener.address, req.address);
    startTimer(k, req.timer, k.clock.now + TCP_TIMEOUT_INIT * 2 ** req.timeouts);
    return Number.NaN;
  },
);
const TCP_RTX_SYNACK: FunctionRef = behaviour(
  "tcp_rtx_synack",
  [TCP_V4_SEND_SYNACK, TCP_V6_SEND_SYNACK],
  (k, sk = 0, request = 0) => {
    const req = k.net.requests.get(request);
    if (req === undefined) return 0;
    sendSynAck(k, req);
    if (k.tracepoints.enabled(SYNACK_EVENT)) {
      const [saddr, daddr, saddr6, daddr6] = k.net.traceAddresses(req);
      const { localPort, remotePort, family } = req;
      k.tracepoints.fire(
        SYNACK_EVENT,
        sk,
        request,
        localPort,
        remotePort,
        family,
        saddr,
        daddr,
        saddr6,
        daddr6,
      );
    }
    return 0;
  },
);

/** The sock of a connection: a copy of the listening one. */
const INET_CSK_CLONE_LOCK: FunctionRef = behaviour(
  "inet_csk_clone_lock",
  [fn("sk_prot_alloc"), fn("inet_sk_set_state"), INET_SK_STATE_STORE],
  (k, listener = 0, request = 0, priority = 0) => {
    const req = k.net.requests.get(request);
    const from = sockOf(k, listener);
    const child = cloneSock(k, from, priority);
    if (req === undefined) return 0;
    SK.state.set(k, child.address, TCP_LISTEN);
    setLocal(k, child, req.local);
    child.localPort = req.localPort;
    SK.num.set(k, child.address, req.localPort);
    INET.sport.set(k, child.address, htons(req.localPort));
    setRemote(k, child, req.remote, req.remotePort);
    k.call(SET_STATE, child.address, TCP_SYN_RECV);
    return child.address;
  },
);
const SET_STATE: FunctionRef = behaviour(
  "inet_sk_set_state",
  [INET_SK_STATE_STORE],
  (k, sk = 0, state = 0) => {
    return k.call(INET_SK_STATE_STORE, sk, state);
  },
);
const TCP_CREATE_OPENREQ_CHILD: FunctionRef = behaviour(
  "tcp_create_openreq_child",
  [INET_CSK_CLONE_LOCK, fn("tcp_init_xmit_timers")],
  (k, listener = 0, request = 0, _skb) => {
    const address = k.call(INET_CSK_CLONE_LOCK, listener, request, GFP_ATOMIC);
    const req = k.net.requests.get(request);
    if (address === 0 || req === undefined) return 0;
    const child = sockOf(k, address);
    k.call(fn("tcp_init_xmit_timers"), address);
    const tcp = initTcpSock(k, child);
    const parent = tcpOf(req.listener);
    tcp.nodelay = parent.nodelay;
    tcp.sndWscale = req.wscale;
    tcp.mssClamp = req.mss;
    tcp.irs = req.rcvIsn;
    const next = plus(req.rcvIsn, 1);
    for (const field of [TCP.rcvNxt, TCP.rcvWup, TCP.copiedSeq]) field.set(k, address, next);
    const seq = plus(req.sndIsn, 1);
    for (const field of [TCP.sndUna, TCP.sndNxt, TCP.writeSeq]) field.set(k, address, seq);
    initWindows(k, child, deviceMss(k, req.remote));
    TCP.sndWnd.set(k, address, req.window);
    TCP.segsIn.set(k, address, 1);
    setTimeoutOf(k, child, TCP_TIMEOUT_INIT);
    return address;
  },
);

/** `tcp_v4_syn_recv_sock` and its twin: a full accept queue makes no child. */
function synRecvSock(k: Kernel, listener: number, segment: number, request: number): number {
  if (acceptQueueFull(k, listener)) return 0;
  const address = k.call(TCP_CREATE_OPENREQ_CHILD, listener, request, segment);
  if (address === 0) return 0;
  const child = sockOf(k, address);
  k.call(TCP_SYNC_MSS, address, k.net.route(child.remote).dev.mtu);
  k.call(fn("tcp_initialize_rcv_mss"), address);
  k.call(fn("inet_ehash_nolisten"), address, request, Number.NaN);
  const req = k.net.requests.get(request);
  if (req !== undefined) k.net.established.set(req.key, child);
  k.net.bind(child);
  return address;
}
const SYN_RECV_CALLS = [
  TCP_CREATE_OPENREQ_CHILD,
  TCP_SYNC_MSS,
  fn("tcp_initialize_rcv_mss"),
  fn("inet_ehash_nolisten"),
];
/** Makes the connection of a request: (sk, skb, req, dst, req_unhash, own_req). */
export const TCP_V4_SYN_RECV_SOCK: FunctionRef = behaviour(
  "tcp_v4_syn_recv_sock",
  SYN_RECV_CALLS,
  (k, sk = 0, skb = 0, req = 0) => synRecvSock(k, sk, skb, req),
);
/** The same for IPv6. */
export const TCP_V6_SYN_RECV_SOCK: FunctionRef = behaviour(
  "tcp_v6_syn_recv_sock",
  [...SYN_RECV_CALLS, TCP_V4_SYN_RECV_SOCK],
  (k, sk = 0, skb = 0, request = 0, dst = 0, unhash = 0, own = Number.NaN) => {
    const req = k.net.requests.get(request);
    if (req !== undefined && !sendsIpv6(req.local, req.remote)) {
      return k.call(TCP_V4_SYN_RECV_SOCK, sk, skb, request, dst, unhash, own);
    }
    return synRecvSock(k, sk, skb, request);
  },
);

/** A connection is there: it waits to be accepted: (sk, req, child). */
const INET_CSK_REQSK_QUEUE_ADD: FunctionRef = behaviour(
  "inet_csk_reqsk_queue_add",
  [],
  (k, address = 0, request = 0, child = 0) => {
    const req = k.net.requests.get(request);
    if (req === undefined) return 0;
    const { accepted } = tcpOf(sockOf(k, address));
    const last = accepted.at(-1);
    if (last === undefined) ICSK.acceptHead.set(k, address, request);
    else REQ.next.set(k, last.address, request);
    ICSK.acceptTail.set(k, address, request);
    REQ.sk.set(k, request, child);
    req.child = sockOf(k, child);
    accepted.push(req);
    SK.ackBacklog.add(k, address, 1);
    return child;
  },
);
const INET_CSK_COMPLETE_HASHDANCE: FunctionRef = behaviour(
  "inet_csk_complete_hashdance",
  [INET_CSK_REQSK_QUEUE_DROP, INET_CSK_REQSK_QUEUE_ADD],
  (k, address = 0, request = 0, child = 0) => {
    const req = k.net.requests.get(request);
    if (req === undefined) return 0;
    stopTimer(k, req.timer);
    // The child has taken the request's place in the table.
    ICSK.queueLen.add(k, address, -1);
    if (req.timeouts === 0) ICSK.queueYoung.add(k, address, -1);
    return k.call(INET_CSK_REQSK_QUEUE_ADD, address, request, child);
  },
);

/** A segment for a request: the child that it makes, the listening sock, or 0: (sk, skb, req, fastopen, req_stolen). */
export const TCP_CHECK_REQ: FunctionRef = behaviour(
  "tcp_check_req",
  [
    fn("tcp_parse_options"),
    TCP_RTX_SYNACK,
    TCP_V4_SYN_RECV_SOCK,
    TCP_V6_SYN_RECV_SOCK,
    fn("tcp_ack_update_rtt"),
    INET_CSK_COMPLETE_HASHDANCE,
    INET_CSK_REQSK_QUEUE_DROP,
  ],
  (k, address = 0, segment = 0, request = 0) => {
    const req = k.net.requests.get(request);
    const sk = sockOf(k, address);
    if (req === undefined) return 0;
    const { flags, ackSeq, seq } = skbOf(k, segment).tcp;
    k.call(fn("tcp_parse_options"), Number.NaN, segment, Number.NaN, 0, 0);
    if ((flags & TCPHDR_RST) !== 0) {
      k.call(INET_CSK_REQSK_QUEUE_DROP, address, request);
      freeRequest(k, req);
      return 0;
    }
    if ((flags & TCPHDR_SYN) !== 0) {
      // The SYN came again: so does the answer.
      if (seq === req.rcvIsn) k.call(TCP_RTX_SYNACK, address, request);
      return 0;
    }
    if ((flags & TCPHDR_ACK) === 0 || ackSeq !== plus(req.sndIsn, 1)) return 0;
    const make = sk.family === 10 ? TCP_V6_SYN_RECV_SOCK : TCP_V4_SYN_RECV_SOCK;
    const child = k.call(make, address, segment, request, 0, request, Number.NaN);
    // The accept queue is full: the acknowledgement is as good as lost.
    if (child === 0) return 0;
    k.call(fn("tcp_ack_update_rtt"), child, 0x10, rtt(k, req), Number.NaN, rtt(k, req), Number.NaN);
    return k.call(INET_CSK_COMPLETE_HASHDANCE, address, request, child, 1);
  },
);

function rtt(k: Kernel, req: RequestSock): number {
  return Math.max(1, Math.round((k.clock.now - req.sentAt) / 1000));
}
