/**
 * States of a connection, and how it ends: `tcp_set_state`, `tcp_done`, `tcp_time_wait`, `tcp_close`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import { LOCAL_BH_ENABLE, localBhDisable } from "../../irq/softirq.ts";
import type { Kernel } from "../../kernel.ts";
import { tracepoint } from "../../tracing/reference.ts";
import {
  SHUTDOWN_MASK,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_LISTEN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
} from "../constants.ts";
import { stopTimer } from "../core/sk_timer.ts";
import { __KFREE_SKB, GFP_KERNEL, peek, unlink } from "../core/skbuff.ts";
import {
  INET_SK_STATE_STORE,
  LOCK_SOCK_NESTED,
  RELEASE_SOCK,
  type Sock,
  SOCK_DEF_WAKEUP,
  sockOf,
  sockPut,
} from "../core/sock.ts";
import { SK, TCP } from "../fields.ts";
import { connectionKey } from "../net.ts";
import { INET_CSK_LISTEN_STOP } from "./listen_stop.ts";
import { purgeWriteQueue, TCP_SEND_ACTIVE_RESET, TCP_SEND_FIN } from "./tcp_output.ts";
import { SECOND, TCP_FIN_TIMEOUT, TCP_TIMEWAIT_LEN, tcpOf } from "./tcp_sock.ts";
import { hashTimeWait, TimeWaitSock } from "./timewait_sock.ts";

const DESTROY_EVENT = tracepoint(
  "tcp:tcp_destroy_sock",
  "skaddr",
  "sport",
  "dport",
  "family",
  "saddr",
  "daddr",
  "saddr_v6",
  "daddr_v6",
);
const NS_PER_JIFFY = 4_000_000;

/** Gives a sock's port back (`inet_put_port`), and takes it out of the tables. */
const INET_UNHASH: FunctionRef = behaviour("inet_unhash", [], (k, address = 0) => {
  unhash(k, sockOf(k, address));
  return Number.NaN;
});
const INET_PUT_PORT: FunctionRef = behaviour("inet_put_port", [], (k, address = 0) => {
  k.net.unbind(sockOf(k, address));
  return Number.NaN;
});

/** Takes a sock out of the tables of listeners and connections. */
export function unhash(k: Kernel, sk: Sock): void {
  const key = connectionKey(sk.local, sk.localPort, sk.remote, sk.remotePort);
  if (k.net.established.get(key) === sk) k.net.established.delete(key);
  const listeners = k.net.listening.get(sk.localPort);
  const at = listeners?.indexOf(sk) ?? -1;
  if (listeners === undefined || at < 0) return;
  listeners.splice(at, 1);
  if (listeners.length === 0) k.net.listening.delete(sk.localPort);
}

/** Puts a connection into another state: (sk, state). */
export const TCP_SET_STATE: FunctionRef = behaviour(
  "tcp_set_state",
  [INET_UNHASH, INET_PUT_PORT, INET_SK_STATE_STORE],
  (k, address = 0, state = 0) => {
    const sk = sockOf(k, address);
    if (state === TCP_CLOSE) {
      k.call(INET_UNHASH, address);
      // A port that the program asked for stays its own until it closes the socket.
      if (!sk.boundPort || sk.dead) k.call(INET_PUT_PORT, address);
    }
    k.call(INET_SK_STATE_STORE, address, state);
    return Number.NaN;
  },
);

const TCP_V4_DESTROY_SOCK: FunctionRef = behaviour(
  "tcp_v4_destroy_sock",
  [fn("tcp_cleanup_congestion_control"), INET_PUT_PORT, __KFREE_SKB],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    const tcp = tcpOf(sk);
    if (k.tracepoints.enabled(DESTROY_EVENT)) {
      const [saddr, daddr, saddr6, daddr6] = k.net.traceAddresses(sk);
      const { localPort, remotePort, family } = sk;
      k.tracepoints.fire(DESTROY_EVENT, address, localPort, remotePort, family, saddr, daddr, saddr6, daddr6);
    }
    for (const timer of [tcp.retransmit, tcp.delack, tcp.keepalive]) stopTimer(k, timer);
    k.call(fn("tcp_cleanup_congestion_control"), address);
    purgeWriteQueue(k, sk);
    for (let skb = tcp.outOfOrder.pop(); skb !== undefined; skb = tcp.outOfOrder.pop()) {
      k.call(__KFREE_SKB, skb.address);
    }
    k.call(INET_PUT_PORT, address);
    return Number.NaN;
  },
);
/** The timers' memory goes with the sock. */
export function dropTimers(k: Kernel, sk: Sock): void {
  if (sk.tcp === null) return;
  for (const timer of [sk.tcp.retransmit, sk.tcp.delack, sk.tcp.keepalive]) stopTimer(k, timer);
}

/** Frees what is left in a sock's queues. */
export const SK_STREAM_KILL_QUEUES: FunctionRef = behaviour(
  "sk_stream_kill_queues",
  [__KFREE_SKB],
  (k, address = 0) => {
    const queue = SK.receiveQueue.at(k, address);
    for (let skb = peek(k, queue); skb !== undefined; skb = peek(k, queue)) {
      unlink(k, queue, skb);
      k.call(__KFREE_SKB, skb.address);
    }
    return Number.NaN;
  },
);

/** The last of a connection that nobody has open. */
export const INET_CSK_DESTROY_SOCK: FunctionRef = behaviour(
  "inet_csk_destroy_sock",
  [TCP_V4_DESTROY_SOCK, SK_STREAM_KILL_QUEUES, fn("sk_free")],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    k.call(TCP_V4_DESTROY_SOCK, address);
    k.call(SK_STREAM_KILL_QUEUES, address);
    sockPut(k, sk);
    return Number.NaN;
  },
);

/** A connection is over. */
export const TCP_DONE: FunctionRef = behaviour(
  "tcp_done",
  [TCP_SET_STATE, SOCK_DEF_WAKEUP, INET_CSK_DESTROY_SOCK],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    k.call(TCP_SET_STATE, address, TCP_CLOSE);
    stopTimer(k, tcpOf(sk).retransmit);
    stopTimer(k, tcpOf(sk).delack);
    SK.shutdown.set(k, address, SHUTDOWN_MASK);
    if (!sk.dead) k.call(SOCK_DEF_WAKEUP, address);
    else k.call(INET_CSK_DESTROY_SOCK, address);
    return Number.NaN;
  },
);

/** Remembers a connection without its sock: (sk, state, timeout in ticks). */
export const TCP_TIME_WAIT_FN: FunctionRef = behaviour(
  "tcp_time_wait",
  [fn("inet_twsk_alloc"), fn("inet_twsk_hashdance"), TCP_DONE],
  (k, address = 0, state = 0, timeout = 0) => {
    const sk = sockOf(k, address);
    k.call(fn("inet_twsk_alloc"), address, Number.NaN, state);
    const tw = new TimeWaitSock(k, sk, state);
    k.call(fn("inet_twsk_hashdance"), tw.address, address, Number.NaN);
    k.call(TCP_DONE, address);
    hashTimeWait(
      k,
      tw,
      state === TCP_TIME_WAIT ? TCP_TIMEWAIT_LEN : Math.max(timeout * NS_PER_JIFFY, SECOND),
    );
    return Number.NaN;
  },
);

/** What the sending side's end makes of a state; whether a FIN has to go out. */
const CLOSING: Readonly<Record<number, readonly [state: number, fin: boolean]>> = {
  [TCP_ESTABLISHED]: [TCP_FIN_WAIT1, true],
  [TCP_SYN_SENT]: [TCP_CLOSE, false],
  [TCP_SYN_RECV]: [TCP_FIN_WAIT1, true],
  [TCP_FIN_WAIT1]: [TCP_FIN_WAIT1, false],
  [TCP_FIN_WAIT2]: [TCP_FIN_WAIT2, false],
  [TCP_CLOSE_WAIT]: [TCP_LAST_ACK, true],
  [TCP_LAST_ACK]: [TCP_LAST_ACK, false],
  [TCP_LISTEN]: [TCP_CLOSE, false],
  [TCP_CLOSING]: [TCP_CLOSING, false],
};

/** Goes on to the next state of closing (`tcp_close_state`): whether a FIN has to go out. */
function closeState(k: Kernel, sk: Sock): boolean {
  const [next, fin] = CLOSING[SK.state.get(k, sk.address)] ?? [TCP_CLOSE, false];
  k.call(TCP_SET_STATE, sk.address, next);
  return fin;
}

/** Ends the sending side: (sk, how). */
export const TCP_SHUTDOWN: FunctionRef = behaviour(
  "tcp_shutdown",
  [TCP_SET_STATE, TCP_SEND_FIN],
  (k, address = 0, how = 0) => {
    const state = SK.state.get(k, address);
    const open = [TCP_ESTABLISHED, TCP_SYN_SENT, TCP_SYN_RECV, TCP_CLOSE_WAIT];
    if ((how & 2) !== 0 && open.includes(state) && closeState(k, sockOf(k, address))) {
      k.call(TCP_SEND_FIN, address);
    }
    return Number.NaN;
  },
);

const __TCP_CLOSE_CALLS = [
  INET_CSK_LISTEN_STOP,
  TCP_SET_STATE,
  TCP_SEND_ACTIVE_RESET,
  TCP_SEND_FIN,
  __KFREE_SKB,
  fn("__release_sock"),
  TCP_TIME_WAIT_FN,
  INET_CSK_DESTROY_SOCK,
  LOCAL_BH_ENABLE,
  fn("tcp_disconnect"),
];
/** Closes a locked sock. What `SO_LINGER` asks to be waited for is not: closing happens on the way to user space. */
const __TCP_CLOSE: FunctionRef = behaviour(
  "__tcp_close",
  __TCP_CLOSE_CALLS,
  (k, address = 0) => {
    const sk = sockOf(k, address);
    SK.shutdown.set(k, address, SHUTDOWN_MASK);
    if (SK.state.get(k, address) === TCP_LISTEN) {
      k.call(TCP_SET_STATE, address, TCP_CLOSE);
      k.call(INET_CSK_LISTEN_STOP, address);
    } else {
      let unread = 0;
      const queue = SK.receiveQueue.at(k, address);
      for (let skb = peek(k, queue); skb !== undefined; skb = peek(k, queue)) {
        const end = skb.tcp.endSeq - ((skb.tcp.flags & 1) !== 0 ? 1 : 0);
        if (((end - TCP.copiedSeq.get(k, address)) | 0) > 0) unread++;
        unlink(k, queue, skb);
        k.call(__KFREE_SKB, skb.address);
      }
      const state = SK.state.get(k, address);
      if (state !== TCP_CLOSE) {
        if (unread > 0) {
          // Data was lost for good: the peer must not believe that it arrived.
          k.call(TCP_SET_STATE, address, TCP_CLOSE);
          k.call(TCP_SEND_ACTIVE_RESET, address, GFP_KERNEL);
        } else if (sk.linger === 0) {
          k.call(fn("tcp_disconnect"), address, 0);
        } else if (closeState(k, sk)) {
          k.call(TCP_SEND_FIN, address);
        }
      }
    }
    adjudgeToDeath(k, sk);
    return Number.NaN;
  },
);

/** Nobody has it open any more: what is still to be done is done without an owner. */
function adjudgeToDeath(k: Kernel, sk: Sock): void {
  const { address } = sk;
  const before = SK.state.get(k, address);
  sk.dead = true;
  sk.socket = null;
  SK.socket.set(k, address, 0);
  SK.wq.set(k, address, 0);
  localBhDisable(k);
  if (sk.backlog.length > 0) k.call(fn("__release_sock"), address);
  sk.owned = false;
  SK.owned.set(k, address, 0);
  const state = SK.state.get(k, address);
  // A connection that was closed by what came meanwhile is gone already.
  if (state === TCP_FIN_WAIT2) {
    k.call(TCP_TIME_WAIT_FN, address, TCP_FIN_WAIT2, TCP_FIN_TIMEOUT / NS_PER_JIFFY);
  } else if (state === TCP_CLOSE && before === TCP_CLOSE) k.call(INET_CSK_DESTROY_SOCK, address);
  k.call(LOCAL_BH_ENABLE, Number.NaN, 0x200);
}

/** Closes a sock: (sk, timeout). */
export const TCP_CLOSE_FN: FunctionRef = behaviour(
  "tcp_close",
  [LOCK_SOCK_NESTED, __TCP_CLOSE, RELEASE_SOCK, fn("sk_free")],
  (k, address = 0, timeout = 0) => {
    const sk = sockOf(k, address);
    // The kernel holds the sock until it is done with it.
    SK.refcnt.add(k, address, 1);
    k.call(LOCK_SOCK_NESTED, address, 0);
    k.call(__TCP_CLOSE, address, timeout);
    k.call(RELEASE_SOCK, address);
    sockPut(k, sk);
    return Number.NaN;
  },
);

/** Breaks a connection off: (sk, flags). */
export const TCP_DISCONNECT: FunctionRef = behaviour(
  "tcp_disconnect",
  [TCP_SET_STATE],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    const state = SK.state.get(k, address);
    if (state !== TCP_CLOSE) k.call(TCP_SET_STATE, address, TCP_CLOSE);
    if (state === TCP_LISTEN) k.call(INET_CSK_LISTEN_STOP, address);
    else if ([TCP_ESTABLISHED, TCP_SYN_RECV, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_CLOSE_WAIT].includes(state)) {
      k.call(TCP_SEND_ACTIVE_RESET, address, GFP_KERNEL);
    }
    stopTimer(k, tcpOf(sk).retransmit);
    purgeWriteQueue(k, sk);
    sk.remotePort = 0;
    SK.dport.set(k, address, 0);
    SK.shutdown.set(k, address, 0);
    return 0;
  },
);
