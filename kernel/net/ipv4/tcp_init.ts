/**
 * A TCP sock's beginning: `tcp_init_sock`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { SkTimer } from "../core/sk_timer.ts";
import { type Sock, sockOf } from "../core/sock.ts";
import { ICSK, SK, TCP } from "../fields.ts";
import { setTimeoutOf } from "./tcp_output.ts";
import { TCP_DELACK_TIMER, TCP_KEEPALIVE_TIMER, TCP_WRITE_TIMER } from "./tcp_timer.ts";
import { TCP_INIT_CWND, TCP_TIMEOUT_INIT, TcpSock } from "./tcp_sock.ts";

/** `net.ipv4.tcp_rmem` and `tcp_wmem`: what buffers begin with. */
const RCVBUF = 131072;
const SNDBUF = 16384;

/** Gives a sock its transmission state. */
export function initTcpSock(k: Kernel, sk: Sock): TcpSock {
  const { address } = sk;
  const tcp = new TcpSock({
    retransmit: new SkTimer(k, ICSK.retransmitTimer.at(k, address), TCP_WRITE_TIMER),
    delack: new SkTimer(k, ICSK.delackTimer.at(k, address), TCP_DELACK_TIMER),
    keepalive: new SkTimer(k, SK.timer.at(k, address), TCP_KEEPALIVE_TIMER),
  });
  sk.tcp = tcp;
  SK.rcvbuf.set(k, address, RCVBUF);
  SK.sndbuf.set(k, address, SNDBUF);
  setTimeoutOf(k, sk, TCP_TIMEOUT_INIT);
  TCP.cwnd.set(k, address, TCP_INIT_CWND);
  TCP.ssthresh.set(k, address, 0x7fffffff);
  TCP.mss.set(k, address, 536);
  return tcp;
}

const TCP_INIT_SOCK: FunctionRef = behaviour(
  "tcp_init_sock",
  [fn("tcp_init_xmit_timers"), fn("tcp_assign_congestion_control")],
  (k, address = 0) => {
    k.call(fn("tcp_init_xmit_timers"), address);
    k.call(fn("tcp_assign_congestion_control"), address);
    initTcpSock(k, sockOf(k, address));
    return Number.NaN;
  },
);
/** Prepares a fresh sock: (sk). */
export const TCP_V4_INIT_SOCK: FunctionRef = behaviour("tcp_v4_init_sock", [TCP_INIT_SOCK], (k, sk = 0) => {
  k.call(TCP_INIT_SOCK, sk);
  return 0;
});
/** The same for IPv6. */
export const TCP_V6_INIT_SOCK: FunctionRef = behaviour("tcp_v6_init_sock", [TCP_INIT_SOCK], (k, sk = 0) => {
  k.call(TCP_INIT_SOCK, sk);
  return 0;
});
