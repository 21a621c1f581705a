/**
 * Connections that are over and remembered: `struct inet_timewait_sock`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { sizeIfKnown } from "../../process/objects.ts";
import { htons, storeAddress } from "../address.ts";
import { AF_INET6, TCP_TIME_WAIT } from "../constants.ts";
import { SkTimer, startTimer, stopTimer } from "../core/sk_timer.ts";
import type { Sock } from "../core/sock.ts";
import { TCP, TW } from "../fields.ts";
import { connectionKey } from "../net.ts";
import { fourOf } from "./request_sock.ts";

const TCP_PART = 32;

/** What the model keeps beside a `struct inet_timewait_sock`. */
export class TimeWaitSock {
  readonly kind = "timewait";
  readonly address: Addr;
  readonly family: number;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  /** FIN_WAIT2, while the peer's FIN has not come; then TIME_WAIT. */
  substate: number;
  rcvNxt: number;
  readonly sndNxt: number;
  readonly timer: SkTimer;

  constructor(k: Kernel, sk: Sock, substate: number) {
    const size = sizeIfKnown(k, "tcp_timewait_sock") || sizeIfKnown(k, "inet_timewait_sock") + TCP_PART;
    this.address = k.slab.alloc(sk.family === AF_INET6 ? "tw_sock_TCPv6" : "tw_sock_TCP", size);
    this.family = sk.family;
    this.local = sk.local;
    this.localPort = sk.localPort;
    this.remote = sk.remote;
    this.remotePort = sk.remotePort;
    this.substate = substate;
    this.rcvNxt = TCP.rcvNxt.get(k, sk.address);
    this.sndNxt = TCP.sndNxt.get(k, sk.address);
    const at = this.address;
    storeAddress(k, TW.daddr.at(k, at), fourOf(sk.remote));
    storeAddress(k, TW.rcvSaddr.at(k, at), fourOf(sk.local));
    TW.dport.set(k, at, htons(sk.remotePort));
    TW.sport.set(k, at, htons(sk.localPort));
    TW.num.set(k, at, sk.localPort);
    TW.family.set(k, at, sk.family);
    TW.state.set(k, at, TCP_TIME_WAIT);
    TW.substate.set(k, at, substate);
    this.timer = new SkTimer(k, TW.timer.at(k, at), TW_TIMER_HANDLER);
    k.net.timeWaits.set(at, this);
    k.net.timeWaits.set(this.timer.address, this);
  }

  /** By which packets of the connection find it. */
  get key(): string {
    return connectionKey(this.local, this.localPort, this.remote, this.remotePort);
  }
}

/** Forgets a connection. */
const INET_TWSK_KILL: FunctionRef = behaviour(
  "inet_twsk_kill",
  [],
  (k, address = 0) => {
    const tw = k.net.timeWaits.get(address);
    if (tw === undefined) return Number.NaN;
    if (k.net.established.get(tw.key) === tw) k.net.established.delete(tw.key);
    k.net.timeWaits.delete(address);
    k.net.timeWaits.delete(tw.timer.address);
    stopTimer(k, tw.timer);
    k.slab.free(tw.family === AF_INET6 ? "tw_sock_TCPv6" : "tw_sock_TCP", address);
    return Number.NaN;
  },
);
/** A connection was remembered long enough. */
const TW_TIMER_HANDLER: FunctionRef = behaviour("tw_timer_handler", [INET_TWSK_KILL], (k, timer = 0) => {
  const tw = k.net.timeWaits.get(timer);
  if (tw !== undefined) k.call(INET_TWSK_KILL, tw.address);
  return Number.NaN;
});
/** Forgets a connection early: a reset, or a new one in its place. */
export const INET_TWSK_DESCHEDULE_PUT: FunctionRef = behaviour(
  "inet_twsk_deschedule_put",
  [INET_TWSK_KILL],
  (k, address = 0) => {
    k.call(INET_TWSK_KILL, address);
    return Number.NaN;
  },
);

/** Puts a remembered connection in the place of its sock, for `timeout` nanoseconds. */
export function hashTimeWait(k: Kernel, tw: TimeWaitSock, timeout: number): void {
  k.net.established.set(tw.key, tw);
  startTimer(k, tw.timer, k.clock.now + timeout);
}
