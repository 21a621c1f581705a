/**
 * Connections of unix sockets: listening, connecting, accepting. `net/unix/af_unix.c`.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import { WAKE_UP } from "../../sched/wait.ts";
import { EAGAIN, ECONNREFUSED, EINVAL, EISCONN, EOPNOTSUPP, ERESTARTSYS } from "../../syscalls/errno.ts";
import { readAddress, type SocketAddress } from "../address.ts";
import {
  AF_UNIX,
  AF_UNSPEC,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SS_CONNECTED,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_LISTEN,
} from "../constants.ts";
import { PACKET_WAIT_CALLS, waitForPacket } from "../core/receive_wait.ts";
import {
  ALLOC_SKB,
  CONSUME_SKB,
  GFP_KERNEL,
  KFREE_SKB_REASON,
  peek,
  queueTail,
  skbOf,
  unlink,
} from "../core/skbuff.ts";
import {
  graft,
  newSock,
  receivesNoMore,
  sleepQueue,
  type Sock,
  SOCK_DEF_READABLE,
  sockOf,
  sockPut,
} from "../core/sock.ts";
import { SKB_SET_OWNER_W } from "../core/sock_memory.ts";
import { SK, UNIX } from "../fields.ts";
import { socketOf, sockIn } from "../socket.ts";
import { storeName, UNIX_FIND_OTHER } from "./unix_names.ts";
import { UnixSock } from "./unix_sock.ts";
import { credentialsOf, join, UNIX_CREATE1, unixOf } from "./unix_socket.ts";

/** Begins to listen: (sock, backlog). */
export const UNIX_LISTEN: FunctionRef = behaviour(
  "unix_listen",
  [fn("init_peercred"), WAKE_UP],
  (k, sock = 0, backlog = 0) => {
    const sk = sockIn(k, sock);
    if (sk.type !== SOCK_STREAM && sk.type !== SOCK_SEQPACKET) return -EOPNOTSUPP;
    if (unixOf(sk).path === null) return -EINVAL;
    const state = SK.state.get(k, sk.address);
    if (state !== TCP_CLOSE && state !== TCP_LISTEN) return -EINVAL;
    SK.maxAckBacklog.set(k, sk.address, Math.min(backlog >>> 0, 4096));
    SK.state.set(k, sk.address, TCP_LISTEN);
    k.call(fn("init_peercred"), sk.address);
    unixOf(sk).credentials = credentialsOf(k);
    return 0;
  },
);

/** Connects a stream: (sock, uaddr, length, flags). */
export const UNIX_STREAM_CONNECT: FunctionRef = blocking(
  "unix_stream_connect",
  [
    UNIX_CREATE1,
    fn("sock_wmalloc"),
    ALLOC_SKB,
    SKB_SET_OWNER_W,
    UNIX_FIND_OTHER,
    fn("init_peercred"),
    SOCK_DEF_READABLE,
  ],
  function* (k, sock = 0, uaddr = 0, length = 0, flags = 0): Blocking<number> {
    const sk = sockIn(k, sock);
    const outcome = recorded(k);
    const name = readAddress(k, uaddr, length);
    if (name === null || name.family !== AF_UNIX) return -EINVAL;
    if (outcome !== undefined && outcome.ret < 0 && outcome.ret !== -EAGAIN) return outcome.ret;
    const state = SK.state.get(k, sk.address);
    if (state === TCP_ESTABLISHED) return -EISCONN;
    if (state !== TCP_CLOSE) return -EINVAL;
    const made = sockOf(k, k.call(UNIX_CREATE1, Number.NaN, 0, 0, sk.type));
    const skb = skbOf(k, k.call(fn("sock_wmalloc"), made.address, 1, 1, GFP_KERNEL));
    let found = k.call(UNIX_FIND_OTHER, Number.NaN, uaddr, length, sk.type);
    if (found < 0 && found >= -4095 && outcome?.ret === 0) found = phantom(k, sk, name);
    const giveUp = (error: number): number => {
      k.call(KFREE_SKB_REASON, skb.address, 1);
      made.dead = true;
      sockPut(k, made);
      return error;
    };
    if (found < 0 && found >= -4095) return giveUp(found);
    const listener = sockOf(k, found);
    if (SK.state.get(k, found) !== TCP_LISTEN) return giveUp(-ECONNREFUSED);
    while (unixOf(listener).accepted.length > SK.maxAckBacklog.get(k, found) && outcome === undefined) {
      if ((flags & 0o4000) !== 0) return giveUp(-EAGAIN);
      yield* waitForPacket(k, sk, () => unixOf(listener).accepted.length <= SK.maxAckBacklog.get(k, found));
      if (SK.state.get(k, found) !== TCP_LISTEN) return giveUp(-ECONNREFUSED);
    }
    join(k, sk, made);
    const [mine, theirs] = [unixOf(sk), unixOf(made)];
    theirs.path = unixOf(listener).path;
    mine.credentials = unixOf(listener).credentials;
    theirs.credentials = credentialsOf(k);
    k.call(fn("init_peercred"), made.address);
    for (const end of [sk, made]) SK.state.set(k, end.address, TCP_ESTABLISHED);
    socketOf(k, sock).state = SS_CONNECTED;
    unixOf(listener).accepted.push(made);
    queueTail(k, SK.receiveQueue.at(k, found), skb);
    k.call(SOCK_DEF_READABLE, found);
    return 0;
  },
);

/** A server that was not recorded: bound and listening, with nobody to accept. */
function phantom(k: Kernel, like: Sock, name: SocketAddress): number {
  const sk = newSock(k, like.prot, AF_UNIX, like.type, 0, 1);
  sk.unix = new UnixSock(sk);
  SK.maxAckBacklog.set(k, sk.address, 4096);
  SK.state.set(k, sk.address, like.type === SOCK_DGRAM ? TCP_CLOSE : TCP_LISTEN);
  storeName(k, sk, name.path ?? new Uint8Array(0));
  return sk.address;
}

/** Connects datagrams: where they go. */
export const UNIX_DGRAM_CONNECT: FunctionRef = behaviour(
  "unix_dgram_connect",
  [UNIX_FIND_OTHER],
  (k, sock = 0, uaddr = 0, length = 0) => {
    const sk = sockIn(k, sock);
    const outcome = recorded(k);
    const name = readAddress(k, uaddr, length);
    if (name === null) return -EINVAL;
    const unix = unixOf(sk);
    if (name.family === AF_UNSPEC) {
      unix.peer = null;
      UNIX.peer.set(k, sk.address, 0);
      SK.state.set(k, sk.address, TCP_CLOSE);
      return 0;
    }
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    let found = k.call(UNIX_FIND_OTHER, Number.NaN, uaddr, length, sk.type);
    if (found < 0 && found >= -4095) {
      if (outcome === undefined) return found;
      found = phantom(k, sk, name);
    }
    unix.peer = sockOf(k, found);
    UNIX.peer.set(k, sk.address, found);
    SK.refcnt.add(k, found, 1);
    SK.state.set(k, sk.address, TCP_ESTABLISHED);
    return 0;
  },
);

/** Accepts a connection: (sock, newsock, flags, kern). */
export const UNIX_ACCEPT: FunctionRef = blocking(
  "unix_accept",
  [
    fn("skb_recv_datagram"),
    fn("skb_free_datagram"),
    CONSUME_SKB,
    WAKE_UP,
    fn("unix_update_edges"),
    fn("security_sock_graft"),
    ...PACKET_WAIT_CALLS,
  ],
  function* (k, sock = 0, newSocket = 0, flags = 0): Blocking<number> {
    const sk = sockIn(k, sock);
    const outcome = recorded(k);
    if (sk.type !== SOCK_STREAM && sk.type !== SOCK_SEQPACKET) return -EOPNOTSUPP;
    if (SK.state.get(k, sk.address) !== TCP_LISTEN) return -EINVAL;
    const { accepted } = unixOf(sk);
    if (accepted.length === 0) {
      if ((flags & 0o4000) !== 0 && outcome === undefined || outcome?.ret === -EAGAIN) return -EAGAIN;
      yield* waitForPacket(k, sk, () => accepted.length > 0 || receivesNoMore(k, sk));
      if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
      if (accepted.length === 0 && outcome !== undefined) phantomConnect(k, sk);
      if (accepted.length === 0) return receivesNoMore(k, sk) ? -EINVAL : -ERESTARTSYS;
    }
    k.call(fn("skb_recv_datagram"), sk.address, 0, Number.NaN);
    const child = accepted.shift();
    const skb = peek(k, SK.receiveQueue.at(k, sk.address));
    if (skb !== undefined) {
      unlink(k, SK.receiveQueue.at(k, sk.address), skb);
      k.call(fn("skb_free_datagram"), sk.address, skb.address);
    }
    const wq = sleepQueue(k, sk);
    if (wq !== 0) k.call(WAKE_UP, wq, 1, 1, 0);
    if (child === undefined) return -EAGAIN;
    const fresh = socketOf(k, newSocket);
    fresh.state = SS_CONNECTED;
    k.call(fn("unix_update_edges"), child.address);
    graft(k, child, fresh);
    k.call(fn("security_sock_graft"), child.address, newSocket);
    return 0;
  },
);

/** A client that was not recorded. */
function phantomConnect(k: Kernel, listener: Sock): void {
  const ends = [0, 1].map(() => {
    const sk = newSock(k, listener.prot, AF_UNIX, listener.type, 0, 1);
    sk.unix = new UnixSock(sk);
    SK.state.set(k, sk.address, TCP_ESTABLISHED);
    return sk;
  });
  const [client, server] = ends;
  if (client === undefined || server === undefined) return;
  join(k, client, server);
  unixOf(listener).accepted.push(server);
}
