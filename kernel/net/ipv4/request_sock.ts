/**
 * Connections being made: `struct request_sock`, from the SYN to the accept queue.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { sizeIfKnown } from "../../process/objects.ts";
import { addressBytes, htons, storeAddress, unmapped } from "../address.ts";
import { AF_INET6, TCP_NEW_SYN_RECV } from "../constants.ts";
import { SkTimer, stopTimer } from "../core/sk_timer.ts";
import type { Sock } from "../core/sock.ts";
import { ICSK, REQ } from "../fields.ts";
import { connectionKey } from "../net.ts";

/** Bytes of a `struct tcp_request_sock` beyond the `struct request_sock` that it begins with. */
const TCP_PART = 72;

/** What the model keeps beside a `struct request_sock`. */
export class RequestSock {
  readonly kind = "request";
  readonly address: Addr;
  readonly listener: Sock;
  readonly family: number;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  /** Sequence numbers of both SYNs. */
  readonly rcvIsn: number;
  readonly sndIsn: number;
  /** What the peer's SYN offered. */
  readonly mss: number;
  readonly wscale: number;
  readonly window: number;
  /** Retransmits the SYN-ACK. */
  readonly timer: SkTimer;
  /** When the SYN-ACK went out first. */
  readonly sentAt: number;
  timeouts = 0;
  /** The connection, once the peer has acknowledged. */
  child: Sock | null = null;

  constructor(k: Kernel, address: Addr, listener: Sock, syn: SynFacts) {
    this.address = address;
    this.listener = listener;
    this.family = listener.family;
    this.local = syn.local;
    this.localPort = syn.localPort;
    this.remote = syn.remote;
    this.remotePort = syn.remotePort;
    this.rcvIsn = syn.rcvIsn;
    this.sndIsn = syn.sndIsn;
    this.mss = syn.mss;
    this.wscale = syn.wscale;
    this.window = syn.window;
    this.sentAt = k.clock.now;
    this.timer = new SkTimer(k, REQ.timer.at(k, address), fn("reqsk_timer_handler"));
    k.net.requests.set(address, this);
    k.net.requests.set(this.timer.address, this);
  }

  /** By which packets of the connection find it. */
  get key(): string {
    return connectionKey(this.local, this.localPort, this.remote, this.remotePort);
  }
}

/** What a SYN says. */
export interface SynFacts {
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly rcvIsn: number;
  readonly sndIsn: number;
  readonly mss: number;
  readonly wscale: number;
  readonly window: number;
}

/** Makes a request for a SYN to a listening sock. */
export function newRequest(k: Kernel, listener: Sock, syn: SynFacts): RequestSock {
  const size = sizeIfKnown(k, "tcp_request_sock") || sizeIfKnown(k, "request_sock") + TCP_PART;
  const address = k.slab.alloc(
    listener.family === AF_INET6 ? "request_sock_TCPv6" : "request_sock_TCP",
    size,
  );
  const req = new RequestSock(k, address, listener, syn);
  storeAddress(k, REQ.daddr.at(k, address), fourOf(syn.remote));
  storeAddress(k, REQ.rcvSaddr.at(k, address), fourOf(syn.local));
  if (listener.family === AF_INET6) {
    k.memory.writeBytes(REQ.v6Daddr.at(k, address), sixOf(syn.remote));
    k.memory.writeBytes(REQ.v6RcvSaddr.at(k, address), sixOf(syn.local));
  }
  REQ.dport.set(k, address, htons(syn.remotePort));
  REQ.num.set(k, address, syn.localPort);
  REQ.family.set(k, address, listener.family);
  REQ.state.set(k, address, TCP_NEW_SYN_RECV);
  REQ.refcnt.set(k, address, 1);
  REQ.listener.set(k, address, listener.address);
  REQ.mss.set(k, address, syn.mss);
  return req;
}

/** Frees a request. */
export function freeRequest(k: Kernel, req: RequestSock): void {
  stopTimer(k, req.timer);
  k.net.requests.delete(req.address);
  k.net.requests.delete(req.timer.address);
  k.slab.free(req.family === AF_INET6 ? "request_sock_TCPv6" : "request_sock_TCP", req.address);
}

/** Adds a request to the listening sock's counts and to the table. */
export function hashRequest(k: Kernel, req: RequestSock): void {
  k.net.established.set(req.key, req);
  ICSK.queueLen.add(k, req.listener.address, 1);
  ICSK.queueYoung.add(k, req.listener.address, 1);
}

/** Takes it out again: false if it was out already. */
export function unhashRequest(k: Kernel, req: RequestSock): boolean {
  if (k.net.established.get(req.key) !== req) return false;
  k.net.established.delete(req.key);
  ICSK.queueLen.add(k, req.listener.address, -1);
  if (req.timeouts === 0) ICSK.queueYoung.add(k, req.listener.address, -1);
  return true;
}

/** An IPv4 address, or any where it is an IPv6 one. */
export function fourOf(address: string): string {
  const plain = unmapped(address);
  return plain.includes(":") ? "0.0.0.0" : plain;
}

/** An address as 16 bytes. */
export function sixOf(address: string): Uint8Array {
  return addressBytes(address.includes(":") ? address : `::ffff:${address}`);
}

/** Takes the request's timer and memory: a child has taken its place, or nobody wants it. */
export const INET_CSK_REQSK_QUEUE_DROP: FunctionRef = behaviour(
  "inet_csk_reqsk_queue_drop",
  [],
  (k, _sk, address = 0) => {
    const req = k.net.requests.get(address);
    if (req === undefined) return 0;
    stopTimer(k, req.timer);
    return unhashRequest(k, req) ? 1 : 0;
  },
);
