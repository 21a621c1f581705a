/**
 * What a recording knows and the model does not: servers, clients and hosts that were not recorded, and what they sent.
 * They are put in place where a recorded result shows that they were there.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { fn } from "../calls/function.ts";
import { LOCAL_BH_ENABLE, localBhDisable } from "../irq/softirq.ts";
import { EINPROGRESS } from "../syscalls/errno.ts";
import type { RecordedOutcome, RecordedPeer } from "../syscalls/request.ts";
import { isAny, type SocketAddress, unmapped } from "./address.ts";
import { AF_INET6, SOCK_STREAM, TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN, TCPHDR_ACK } from "./constants.ts";
import { NETIF_RX } from "./core/dev.ts";
import { GFP_KERNEL, queueTail, setPayload, skbOf, storeControl } from "./core/skbuff.ts";
import { LOCK_SOCK_NESTED, newSock, RELEASE_SOCK, type Sock } from "./core/sock.ts";
import { SK, SKB, TCP } from "./fields.ts";
import { setLocal, setLocalPort } from "./ipv4/inet_hashtables.ts";
import { connectTo, listenerFor } from "./ipv4/tcp_ipv4.ts";
import {
  __TCP_PUSH_PENDING_FRAMES,
  currentMss,
  TCP_STREAM_ALLOC_SKB,
  writeQueue,
} from "./ipv4/tcp_output.ts";
import { initTcpSock } from "./ipv4/tcp_init.ts";
import { plus } from "./ipv4/tcp_sock.ts";
import { Host } from "./link/host.ts";
import { receivedSkb } from "./link/link.ts";
import { connectionKey } from "./net.ts";

/** Ports of the peers that listening socks are known to accept next. */
const expected = new WeakMap<Kernel, Map<Sock, number[]>>();

/** An `accept` waits whose peer is known: a connection that comes meanwhile gets that peer's port. */
export function expectPeer(k: Kernel, listener: Sock, outcome: RecordedOutcome | undefined): () => void {
  const peer = outcome?.peer;
  if (peer === undefined || peer.port === 0) return () => {};
  let all = expected.get(k);
  if (all === undefined) expected.set(k, all = new Map());
  const ports = all.get(listener) ?? [];
  ports.push(peer.port);
  all.set(listener, ports);
  const map = all;
  return () => {
    const at = ports.indexOf(peer.port);
    if (at >= 0) ports.splice(at, 1);
    if (ports.length === 0) map.delete(listener);
  };
}

/** The port that a connecting sock is known to get, 0 where nothing tells. */
export function expectedPort(k: Kernel, sk: Sock): number {
  const known = k.syscalls.recordedPort?.(sk.remotePort) ?? 0;
  if (known !== 0) return known;
  const listener = listenerFor(k, sk.remote, sk.remotePort);
  return listener === undefined ? 0 : expected.get(k)?.get(listener)?.[0] ?? 0;
}

/** A recorded `getsockname` tells which port the kernel chose: the sock has that one from now on. */
export function adoptPort(k: Kernel, sk: Sock, outcome: RecordedOutcome | undefined): void {
  const port = outcome?.ret === 0 ? outcome.peer?.port ?? 0 : 0;
  const state = SK.state.get(k, sk.address);
  if (port === 0 || port === sk.localPort || sk.localPort === 0 || sk.boundPort) return;
  // A connection is known by its ports, at both ends.
  if (state !== TCP_CLOSE && state !== TCP_LISTEN) return;
  const listening = k.net.listening.get(sk.localPort);
  k.net.unbind(sk);
  if (listening?.includes(sk) === true) {
    k.net.listening.set(sk.localPort, listening.filter((one) => one !== sk));
    k.net.listening.set(port, [...(k.net.listening.get(port) ?? []), sk]);
  }
  setLocalPort(k, sk, port);
  k.net.bind(sk);
}

/** Before a recorded `connect`: who answered it is there. */
export function prepareConnect(
  k: Kernel,
  sk: Sock,
  target: SocketAddress,
  outcome: RecordedOutcome | undefined,
): void {
  if (outcome === undefined || outcome.ret !== 0 && outcome.ret !== -EINPROGRESS || sk.tcp === null) return;
  const address = unmapped(target.address);
  if (k.net.isLocal(address)) {
    if (outcome.ret === 0 && listenerFor(k, address, target.port) === undefined) {
      phantomListener(k, sk, isAny(address) ? sk.local : target.address, target.port);
    }
    return;
  }
  if (k.net.hosts.has(address)) return;
  // As far away as the recorded time allows.
  const latency = Math.min(k.net.link.latency, Math.floor(outcome.durationNs / 4));
  k.net.hosts.set(address, new Host({ address, ports: { default: "discard" }, latency }));
}

/** A server that was not recorded. */
function phantomListener(k: Kernel, like: Sock, address: string, port: number): void {
  const sk = newSock(k, like.prot, like.family, SOCK_STREAM, like.protocol, 1);
  initTcpSock(k, sk);
  setLocal(k, sk, address);
  sk.remote = like.family === AF_INET6 ? "::" : "0.0.0.0";
  sk.boundPort = true;
  setLocalPort(k, sk, port);
  k.net.bind(sk);
  SK.maxAckBacklog.set(k, sk.address, 4096);
  k.call(fn("inet_sk_state_store"), sk.address, 10);
  k.net.listening.set(port, [...(k.net.listening.get(port) ?? []), sk]);
}

/** A recorded `accept` had a connection that nobody here made: it is made now. */
export function acceptExpected(k: Kernel, listener: Sock, peer: RecordedPeer | undefined): void {
  const address = peer?.address === undefined || peer.address === "" ? listener.local : peer.address;
  const plain = isAny(address) ? "127.0.0.1" : unmapped(address);
  const port = peer?.port || k.net.ephemeralPort(listener.protocol, () => false);
  const local = isAny(listener.local)
    ? (plain.includes(":") ? "::1" : k.net.route(plain).source)
    : unmapped(listener.local);
  if (k.net.isLocal(plain)) phantomClient(k, listener, local, plain, port);
  else {
    let host = k.net.hosts.get(plain);
    if (host === undefined) {
      k.net.hosts.set(plain, host = new Host({ address: plain, ports: { default: "discard" } }));
    }
    const seq = k.random.u32(port, listener.localPort);
    inject(k, host.syn(k, local, listener.localPort, port, seq));
    const end = k.net.established.get(connectionKey(local, listener.localPort, plain, port));
    if (end !== undefined && "kind" in end && end.kind === "request") {
      inject(k, host.opened(k, local, listener.localPort, port, seq, plus(end.sndIsn, 1)));
    }
  }
}

function phantomClient(k: Kernel, listener: Sock, to: string, from: string, port: number): void {
  const sk = newSock(k, listener.prot, listener.family, SOCK_STREAM, listener.protocol, 1);
  initTcpSock(k, sk);
  setLocal(k, sk, from);
  setLocalPort(k, sk, port);
  k.net.bind(sk);
  // As a system call does: what comes back at once waits until the lock is let go.
  k.call(LOCK_SOCK_NESTED, sk.address, 0);
  connectTo(k, sk, to, listener.localPort);
  k.call(RELEASE_SOCK, sk.address);
}

/** Takes a packet in as the device would. */
export function inject(k: Kernel, packet: Uint8Array): void {
  localBhDisable(k);
  k.call(NETIF_RX, receivedSkb(k, packet).address);
  k.call(LOCAL_BH_ENABLE, Number.NaN, 0x200);
}

/**
 * The recording knows of data that nobody here has sent: the peer sends it now. `data` are its bytes as far as they are
 * known, from `offset` on. False where there is no peer to send it.
 */
export function receiveExpected(
  k: Kernel,
  sk: Sock,
  count: number,
  data: Uint8Array | undefined,
  offset: number,
): boolean {
  if (SK.state.get(k, sk.address) !== TCP_ESTABLISHED) return false;
  const bytes = new Uint8Array(count);
  if (data !== undefined) bytes.set(data.subarray(offset, offset + count));
  const before = TCP.rcvNxt.get(k, sk.address);
  k.call(RELEASE_SOCK, sk.address);
  const host = k.net.hosts.get(unmapped(sk.remote));
  if (host !== undefined) {
    for (const packet of host.segments(k, unmapped(sk.local), sk.localPort, sk.remotePort, bytes)) {
      inject(k, packet);
    }
  } else {
    const end = k.net.established.get(connectionKey(sk.remote, sk.remotePort, sk.local, sk.localPort));
    if (end !== undefined && !("kind" in end) && !end.owned) say(k, end, bytes);
  }
  k.call(LOCK_SOCK_NESTED, sk.address, 0);
  return TCP.rcvNxt.get(k, sk.address) !== before;
}

/** A sock that nobody has open sends bytes. */
function say(k: Kernel, sk: Sock, bytes: Uint8Array): void {
  k.call(LOCK_SOCK_NESTED, sk.address, 0);
  const mss = currentMss(k, sk);
  for (let at = 0; at < bytes.length; at += mss) {
    const part = bytes.slice(at, at + mss);
    const skb = skbOf(k, k.call(TCP_STREAM_ALLOC_SKB, sk.address, 0, GFP_KERNEL, 1));
    const seq = TCP.writeSeq.get(k, sk.address);
    skb.tcp.seq = seq;
    skb.tcp.endSeq = plus(seq, part.length);
    skb.tcp.flags = TCPHDR_ACK;
    setPayload(k, skb, part);
    storeControl(k, skb);
    queueTail(k, writeQueue(k, sk), skb);
    SK.wmemQueued.add(k, sk.address, SKB.truesize.get(k, skb.address));
    TCP.writeSeq.set(k, sk.address, plus(seq, part.length));
  }
  k.call(__TCP_PUSH_PENDING_FRAMES, sk.address, mss, 1);
  k.call(RELEASE_SOCK, sk.address);
}
