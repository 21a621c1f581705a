/**
 * Making unix sockets, pairs of them, and what becomes of one that nobody has open any more. `net/unix/af_unix.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { kfree } from "../../process/alloc.ts";
import { WAKE_UP } from "../../sched/wait.ts";
import { ECONNRESET, EINVAL } from "../../syscalls/errno.ts";
import {
  AF_UNIX,
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  SHUTDOWN_MASK,
  SOCK_DGRAM,
  SOCK_STREAM,
  SS_CONNECTED,
  TCP_CLOSE,
  TCP_ESTABLISHED,
} from "../constants.ts";
import { KFREE_SKB_REASON, peek, unlink } from "../core/skbuff.ts";
import {
  newSock,
  type Proto,
  shutDown,
  sleepQueue,
  type Sock,
  SOCK_DEF_WAKEUP,
  SOCK_INIT_DATA,
  sockOf,
  sockPut,
} from "../core/sock.ts";
import { SK, UNIX } from "../fields.ts";
import { socketOf, sockIn } from "../socket.ts";
import { UnixSock } from "./unix_sock.ts";

const MAX_DGRAM_QLEN = 10;

/** `EPOLLOUT`, `EPOLLWRNORM` and `EPOLLWRBAND`. */
export const EPOLLOUT_EVENTS = 0x304;

/** The unix part of a sock. */
export function unixOf(sk: Sock): UnixSock {
  if (sk.unix === null) throw new Error("Cannot use a sock of another family as a unix one");
  return sk.unix;
}

const UNIX_SOCK_DESTRUCTOR: FunctionRef = behaviour(
  "unix_sock_destructor",
  [KFREE_SKB_REASON],
  (k, address = 0) => {
    const addr = UNIX.addr.get(k, address);
    if (addr !== 0) kfree(k, addr);
    UNIX.addr.set(k, address, 0);
    return Number.NaN;
  },
);

const UNIX_CLOSE: FunctionRef = fn("unix_close");

function proto(name: string, symbol: string): Proto {
  return {
    name,
    type: "unix_sock",
    symbol,
    close: UNIX_CLOSE,
    sendmsg: fn("unix_stream_sendmsg"),
    recvmsg: fn("unix_stream_recvmsg"),
    destruct: UNIX_SOCK_DESTRUCTOR,
  };
}

/** Streams and sequenced packets. */
export const STREAM_PROTO: Proto = proto("UNIX-STREAM", "unix_stream_proto");

const DGRAM_PROTO = proto("UNIX", "unix_dgram_proto");

/** Makes a sock: its address: (net, sock, kern, type). */
export const UNIX_CREATE1: FunctionRef = behaviour(
  "unix_create1",
  [fn("get_max_files"), fn("sk_alloc"), SOCK_INIT_DATA],
  (k, _net, socket = 0, kern = 0, type = 0) => {
    k.call(fn("get_max_files"));
    const sk = newSock(k, type === SOCK_STREAM ? STREAM_PROTO : DGRAM_PROTO, AF_UNIX, type, 0, kern);
    sk.unix = new UnixSock(sk);
    k.call(SOCK_INIT_DATA, socket, sk.address);
    SK.maxAckBacklog.set(k, sk.address, MAX_DGRAM_QLEN);
    return sk.address;
  },
);

/** Ties two sockets together: (socka, sockb). */
export const UNIX_SOCKETPAIR: FunctionRef = behaviour(
  "unix_socketpair",
  [fn("init_peercred")],
  (k, one = 0, two = 0) => {
    const [a, b] = [sockIn(k, one), sockIn(k, two)];
    join(k, a, b);
    for (const sk of [a, b]) {
      k.call(fn("init_peercred"), sk.address);
      unixOf(sk).credentials = credentialsOf(k);
      SK.state.set(k, sk.address, TCP_ESTABLISHED);
    }
    socketOf(k, one).state = SS_CONNECTED;
    socketOf(k, two).state = SS_CONNECTED;
    return 0;
  },
);

/** The running task's, as its peer is told them. */
export function credentialsOf(k: Kernel): { pid: number; uid: number; gid: number } {
  return { pid: k.current.tgid, uid: k.current.uid, gid: k.current.gid };
}

/** Makes two socks each other's peers. */
export function join(k: Kernel, a: Sock, b: Sock): void {
  for (const [sk, peer] of [[a, b], [b, a]] as const) {
    unixOf(sk).peer = peer;
    UNIX.peer.set(k, sk.address, peer.address);
    SK.refcnt.add(k, peer.address, 1);
  }
}

/** Ends one or both directions: (sock, how). */
export const UNIX_SHUTDOWN: FunctionRef = behaviour(
  "unix_shutdown",
  [SOCK_DEF_WAKEUP],
  (k, sock = 0, how = 0) => {
    const sk = sockIn(k, sock);
    if (how < 0 || how > 2) return -EINVAL;
    const mode = how + 1;
    shutDown(k, sk, mode);
    k.call(SOCK_DEF_WAKEUP, sk.address);
    const { peer } = unixOf(sk);
    if (peer !== null && sk.type !== SOCK_DGRAM) {
      shutDown(
        k,
        peer,
        ((mode & RCV_SHUTDOWN) !== 0 ? SEND_SHUTDOWN : 0) | ((mode & SEND_SHUTDOWN) !== 0 ? RCV_SHUTDOWN : 0),
      );
      k.call(SOCK_DEF_WAKEUP, peer.address);
    }
    return 0;
  },
);

/** Nobody has a socket open any more: (sk, embrion). */
const UNIX_RELEASE_SOCK: FunctionRef = behaviour(
  "unix_release_sock",
  [WAKE_UP, SOCK_DEF_WAKEUP, KFREE_SKB_REASON, fn("sk_free")],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    const unix = unixOf(sk);
    sk.dead = true;
    if (k.net.unixByInode.get(unix.inode) === unix) k.net.unixByInode.delete(unix.inode);
    if (unix.abstract !== null && k.net.unixByName.get(unix.abstract) === unix) {
      k.net.unixByName.delete(unix.abstract);
    }
    const wq = sleepQueue(k, sk);
    SK.shutdown.set(k, address, SHUTDOWN_MASK);
    SK.state.set(k, address, TCP_CLOSE);
    if (wq !== 0) k.call(WAKE_UP, wq, 1, 0, 0);
    SK.socket.set(k, address, 0);
    SK.wq.set(k, address, 0);
    const { peer } = unix;
    const queue = SK.receiveQueue.at(k, address);
    if (peer !== null) {
      if (sk.type !== SOCK_DGRAM) {
        shutDown(k, peer);
        // What was not read is lost: the peer is told.
        if (peek(k, queue) !== undefined) SK.err.set(k, peer.address, ECONNRESET);
        k.call(SOCK_DEF_WAKEUP, peer.address);
      }
      unix.peer = null;
      UNIX.peer.set(k, address, 0);
      sockPut(k, peer);
    }
    for (const child of unix.accepted.splice(0)) k.call(UNIX_RELEASE_SOCK, child.address, 1);
    for (let skb = peek(k, queue); skb !== undefined; skb = peek(k, queue)) {
      unlink(k, queue, skb);
      k.call(KFREE_SKB_REASON, skb.address, 1);
    }
    sockPut(k, sk);
    return Number.NaN;
  },
);

/** Nobody has the socket open any more: (sock). */
export const UNIX_RELEASE: FunctionRef = behaviour("unix_release", [UNIX_RELEASE_SOCK], (k, sock = 0) => {
  const { sk } = socketOf(k, sock);
  if (sk !== null) k.call(UNIX_RELEASE_SOCK, sk.address, 0);
  return 0;
});
