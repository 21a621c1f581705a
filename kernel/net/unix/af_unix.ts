/**
 * Sockets between processes of one host: streams, sequenced packets and datagrams, by path, by abstract name or as pairs.
 * `net/unix/af_unix.c`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Dentry } from "../../fs/dentry.ts";
import { FS } from "../../fs/fs_struct.ts";
import { S_IFMT, S_IFSOCK } from "../../fs/modes.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import { kfree, kzalloc } from "../../process/alloc.ts";
import {
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EDESTADDRREQ,
  EFAULT,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOENT,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  EPROTONOSUPPORT,
  EPROTOTYPE,
  ERESTARTSYS,
  ESOCKTNOSUPPORT,
} from "../../syscalls/errno.ts";
import { encodeAddress, readAddress, type SocketAddress } from "../address.ts";
import {
  AF_UNIX,
  AF_UNSPEC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  SHUTDOWN_MASK,
  SOCK_DGRAM,
  SOCK_RAW,
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
  allocSkb,
  CONSUME_SKB,
  GFP_KERNEL,
  KFREE_SKB_REASON,
  nextIn,
  peek,
  queueLength,
  queueTail,
  type Skb,
  SKB_PUT,
  skbOf,
  unlink,
} from "../core/skbuff.ts";
import { SKB_COPY_DATAGRAM_ITER } from "../core/datagram.ts";
import {
  graft,
  newSock,
  ownWrite,
  type Proto,
  receivesNoMore,
  shutDown,
  SKB_SET_OWNER_W,
  sleepQueue,
  type Sock,
  SOCK_DEF_READABLE,
  SOCK_DEF_WAKEUP,
  SOCK_INIT_DATA,
  sockError,
  sockOf,
  sockPut,
} from "../core/sock.ts";
import { WAKE_UP, WAKE_UP_SYNC_KEY } from "../../sched/wait.ts";
import { MSG, SK, SKB, UNIX } from "../fields.ts";
import { gatherMessage, messageFlags, msgIter, setMessageName } from "../msghdr.ts";
import { netFamily, type ProtoOps, setOps, socketOf, sockIn } from "../socket.ts";
import { streamError } from "../ipv4/tcp.ts";
import { attachRights, detachRights } from "./scm.ts";
import { UnixSock } from "./unix_sock.ts";

/** Bytes that one stream segment holds at most, and datagrams that may wait at a socket. */
const SKB_MAX_DATA = 32640;
const MAX_DGRAM_QLEN = 10;
const EPOLLOUT_EVENTS = 0x304;

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
/** There is room at the receiver again. */
behaviour("unix_write_space", [WAKE_UP_SYNC_KEY], (k, address = 0) => {
  const sk = k.net.socks.get(address);
  const wq = sk === undefined ? 0 : sleepQueue(k, sk);
  if (wq !== 0 && k.net.sleepers(wq)) k.call(WAKE_UP_SYNC_KEY, wq, 1, EPOLLOUT_EVENTS);
  return Number.NaN;
});
/** What a sender's packet does when it is freed: credentials and files it carried go, and there is room. */
behaviour("unix_wfree", [fn("sock_wfree"), fn("fput")], (k, address = 0) => {
  const skb = skbOf(k, address);
  for (const file of skb.files ?? []) k.call(fn("fput"), file);
  skb.files = null;
  k.call(fn("sock_wfree"), address);
  return Number.NaN;
});

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
const UNIX_CREATE1: FunctionRef = behaviour(
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
const UNIX_CREATE: FunctionRef = behaviour(
  "unix_create",
  [UNIX_CREATE1],
  (k, net = 0, sock = 0, protocol = 0, kern = 0) => {
    if (protocol !== 0 && protocol !== AF_UNIX) return -EPROTONOSUPPORT;
    const socket = socketOf(k, sock);
    const type = socket.type === SOCK_RAW ? SOCK_DGRAM : socket.type;
    const ops = OPS[type];
    if (ops === undefined) return -ESOCKTNOSUPPORT;
    setOps(k, socket, ops);
    k.call(UNIX_CREATE1, net, sock, kern, type);
    return 0;
  },
);
netFamily(AF_UNIX, UNIX_CREATE);

/** Ties two sockets together: (socka, sockb). */
const UNIX_SOCKETPAIR: FunctionRef = behaviour(
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

function credentialsOf(k: Kernel): { pid: number; uid: number; gid: number } {
  return { pid: k.current.tgid, uid: k.current.uid, gid: k.current.gid };
}

/** Makes two socks each other's peers. */
function join(k: Kernel, a: Sock, b: Sock): void {
  for (const [sk, peer] of [[a, b], [b, a]] as const) {
    unixOf(sk).peer = peer;
    UNIX.peer.set(k, sk.address, peer.address);
    SK.refcnt.add(k, peer.address, 1);
  }
}

/** Stores a sock's name where probes find it: `struct unix_address`. */
function storeName(k: Kernel, sk: Sock, path: Uint8Array): void {
  const bytes = encodeAddress({ family: AF_UNIX, address: "", port: 0, path });
  const addr = kzalloc(k, 8 + bytes.length);
  k.memory.store(addr, 4, 1);
  k.memory.store(addr + 4, 4, bytes.length);
  k.memory.writeBytes(addr + 8, bytes);
  UNIX.addr.set(k, sk.address, addr);
  unixOf(sk).path = path;
}

/** Gives a socket its name: (sock, uaddr, length). */
const UNIX_BIND: FunctionRef = behaviour(
  "unix_bind",
  [],
  (k, sock = 0, uaddr = 0, length = 0) => {
    const sk = sockIn(k, sock);
    const unix = unixOf(sk);
    const name = readAddress(k, uaddr, length);
    const failure = recorded(k)?.ret ?? 0;
    if (name === null || name.family !== AF_UNIX || length < 2) return -EINVAL;
    if (failure < 0) return failure;
    if (unix.path !== null) return -EINVAL;
    const path = name.path ?? new Uint8Array(0);
    if (path.length === 0 || path[0] === 0) {
      const abstract = path.length === 0 ? autoName(k) : path;
      const key = String(abstract);
      if (k.net.unixByName.has(key)) return -EADDRINUSE;
      k.net.unixByName.set(key, unix);
      unix.abstract = key;
      storeName(k, sk, abstract);
      return 0;
    }
    const text = new TextDecoder().decode(path);
    const from = workingDirectory(k);
    if (k.vfs.lookup(text, from, false) !== null) {
      if (recorded(k) === undefined) return -EADDRINUSE;
      const old = k.vfs.lookup(text, from, false);
      if (old !== null && !old.isRoot) k.vfs.remove(old);
    }
    const slash = text.lastIndexOf("/");
    if (
      slash > 0 && k.vfs.lookup(text.slice(0, slash), from, true) === null && recorded(k) === undefined
    ) return -ENOENT;
    const dentry = k.vfs.makePath(text, { mode: S_IFSOCK | 0o755 }, from);
    if (dentry.inode !== null) {
      unix.inode = dentry.inode.address;
      k.net.unixByInode.set(dentry.inode.address, unix);
    }
    storeName(k, sk, path);
    return 0;
  },
);

function workingDirectory(k: Kernel): Dentry {
  return k.vfs.dentries.get(FS.pwdDentry.get(k, k.current.fs)) ?? k.vfs.root;
}

/** A name that nobody has, for who asks for any. */
function autoName(k: Kernel): Uint8Array {
  const serial = k.net.unixByName.size + 1;
  return new TextEncoder().encode(`\0${serial.toString(16).padStart(5, "0")}`);
}

/** Who is bound to a name: the sock, or -errno: (net, sunaddr, length, type). */
const UNIX_FIND_OTHER: FunctionRef = behaviour(
  "unix_find_other",
  [],
  (k, _net, uaddr = 0, length = 0, type = 0) => {
    const name = readAddress(k, uaddr, length);
    return name === null ? -EFAULT : find(k, name, type);
  },
);
function find(k: Kernel, name: SocketAddress, type: number): number {
  const path = name.path ?? new Uint8Array(0);
  let unix: UnixSock | undefined;
  if (path[0] === 0) unix = k.net.unixByName.get(String(path));
  else {
    const dentry = k.vfs.lookup(new TextDecoder().decode(path), workingDirectory(k), true);
    if (dentry === null) return -ENOENT;
    if (((dentry.inode?.mode ?? 0) & S_IFMT) !== S_IFSOCK) return -ECONNREFUSED;
    unix = k.net.unixByInode.get(dentry.inode?.address ?? 0);
  }
  if (unix === undefined) return -ECONNREFUSED;
  return unix.sk.type !== type ? -EPROTOTYPE : unix.sk.address;
}

/** Begins to listen: (sock, backlog). */
const UNIX_LISTEN: FunctionRef = behaviour(
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
const UNIX_STREAM_CONNECT: FunctionRef = blocking(
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
behaviour("sock_wmalloc", [ALLOC_SKB, SKB_SET_OWNER_W], (k, sk = 0, size = 0, _force, gfp = 0) => {
  const skb = allocSkb(k, size, 0, gfp);
  k.call(SKB_SET_OWNER_W, skb.address, sk);
  return skb.address;
});

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
const UNIX_DGRAM_CONNECT: FunctionRef = behaviour(
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
const UNIX_ACCEPT: FunctionRef = blocking(
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
behaviour("skb_free_datagram", [CONSUME_SKB], (k, _sk, skb = 0) => {
  k.call(CONSUME_SKB, skb);
  return Number.NaN;
});

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

/** Stores a name at `uaddr`: its bytes: (sock, uaddr, peer). */
const UNIX_GETNAME: FunctionRef = behaviour("unix_getname", [], (k, sock = 0, uaddr = 0, peer = 0) => {
  const own = sockIn(k, sock);
  const sk = peer !== 0 ? unixOf(own).peer : own;
  if (sk === null) return peer === 1 ? -ENOTCONN : 2;
  const bytes = encodeAddress({
    family: AF_UNIX,
    address: "",
    port: 0,
    path: unixOf(sk).path ?? new Uint8Array(0),
  });
  k.memory.writeBytes(uaddr, bytes);
  return bytes.length;
});

/** Ends one or both directions: (sock, how). */
const UNIX_SHUTDOWN: FunctionRef = behaviour("unix_shutdown", [SOCK_DEF_WAKEUP], (k, sock = 0, how = 0) => {
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
});

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
const UNIX_RELEASE: FunctionRef = behaviour("unix_release", [UNIX_RELEASE_SOCK], (k, sock = 0) => {
  const { sk } = socketOf(k, sock);
  if (sk !== null) k.call(UNIX_RELEASE_SOCK, sk.address, 0);
  return 0;
});

/** A packet with the caller's data: (sk, length, …). */
const ALLOC = fn("sock_alloc_send_pskb");
function fill(k: Kernel, sk: Sock, bytes: Uint8Array, msg: Addr, at: number): Skb {
  const skb = skbOf(k, k.call(ALLOC, sk.address, bytes.length, 0, 0, Number.NaN, 0));
  // Made for datagrams of the Internet: their headroom stays unused.
  k.call(fn("unix_scm_to_skb"), Number.NaN, skb.address, 1);
  const data = k.call(SKB_PUT, skb.address, bytes.length);
  k.call(fn("skb_copy_datagram_from_iter"), skb.address, 0, msgIter(k, msg), bytes.length);
  k.memory.writeBytes(data, bytes);
  skb.destructor = null;
  SK.wmemAlloc.add(k, sk.address, -SKB.truesize.get(k, skb.address));
  ownWrite(k, skb, sk, "unix_wfree");
  if (at === 0) attachRights(k, skb, msg);
  return skb;
}

const SEND_CALLS = [
  fn("wait_for_unix_gc"),
  ALLOC,
  fn("unix_scm_to_skb"),
  SKB_PUT,
  fn("skb_copy_datagram_from_iter"),
  fn("maybe_add_creds"),
  fn("skb_queue_tail"),
  SOCK_DEF_READABLE,
  ...PACKET_WAIT_CALLS,
];
function deliver(k: Kernel, peer: Sock, skb: Skb): void {
  k.call(fn("maybe_add_creds"), skb.address, Number.NaN, peer.address);
  k.call(fn("skb_queue_tail"), SK.receiveQueue.at(k, peer.address), skb.address);
  queueTail(k, SK.receiveQueue.at(k, peer.address), skb);
  k.call(SOCK_DEF_READABLE, peer.address);
}

/** Sends on a stream: (sock, msg, length). */
const UNIX_STREAM_SENDMSG: FunctionRef = blocking(
  "unix_stream_sendmsg",
  SEND_CALLS,
  function* (k, sock = 0, msg = 0, length = 0): Blocking<number> {
    const sk = sockIn(k, sock);
    const flags = messageFlags(k, msg);
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    k.call(fn("wait_for_unix_gc"), Number.NaN);
    const { peer } = unixOf(sk);
    if (MSG.name.get(k, msg) !== 0 && MSG.namelen.get(k, msg) > 0) {
      return SK.state.get(k, sk.address) === TCP_ESTABLISHED ? -EISCONN : -EOPNOTSUPP;
    }
    if (peer === null) return -ENOTCONN;
    if ((SK.shutdown.get(k, sk.address) & SEND_SHUTDOWN) !== 0 && outcome === undefined) {
      return streamError(k, sk, flags, -EPIPE);
    }
    const bytes = gatherMessage(k, msg, length);
    if (bytes === null) return -EFAULT;
    let sent = 0;
    do {
      const limit = Math.min(SKB_MAX_DATA, (SK.sndbuf.get(k, sk.address) >> 1) - 64);
      const part = bytes.subarray(sent, sent + limit);
      const room = () => SK.wmemAlloc.get(k, sk.address) < SK.sndbuf.get(k, sk.address) || peer.dead;
      if (!room() && outcome === undefined) {
        if ((flags & MSG_DONTWAIT) !== 0) return sent > 0 ? sent : -EAGAIN;
        if (!(yield* waitForPacket(k, sk, room))) return sent > 0 ? sent : -ERESTARTSYS;
      }
      if (peer.dead || receivesNoMore(k, peer)) {
        if (outcome === undefined) return sent > 0 ? sent : streamError(k, sk, flags, -EPIPE);
        return outcome.ret;
      }
      deliver(k, peer, fill(k, sk, part, msg, sent));
      sent += part.length;
    } while (sent < bytes.length);
    return sent;
  },
);

const UNIX_STREAM_READ_ACTOR: FunctionRef = behaviour(
  "unix_stream_read_actor",
  [SKB_COPY_DATAGRAM_ITER],
  (k, skb = 0, skip = 0, chunk = 0) => {
    const msg = reading.get(k) ?? 0;
    return k.call(SKB_COPY_DATAGRAM_ITER, skb, skip, msgIter(k, msg), chunk) === 0 ? chunk : -EFAULT;
  },
);
/** The message that is being read into. */
const reading = new WeakMap<Kernel, Addr>();
/** Bytes of a stream's first packet that were read already. */
const consumed = new WeakMap<Skb, number>();

const READ_CALLS = [
  UNIX_STREAM_READ_ACTOR,
  CONSUME_SKB,
  fn("skb_unlink"),
  fn("unix_stream_data_wait"),
  ...PACKET_WAIT_CALLS,
];
/** Reads from a stream: (state, freezable). */
const READ_GENERIC: FunctionRef = blocking(
  "unix_stream_read_generic",
  READ_CALLS,
  function* (k): Blocking<number> {
    const request = requests.get(k.current);
    if (request === undefined) return -EINVAL;
    const { sk, msg, length, flags } = request;
    const outcome = recorded(k);
    if (
      SK.state.get(k, sk.address) !== TCP_ESTABLISHED && unixOf(sk).peer === null &&
      peek(k, SK.receiveQueue.at(k, sk.address)) === undefined && !receivesNoMore(k, sk)
    ) {
      return outcome?.ret ?? -EINVAL;
    }
    const queue = SK.receiveQueue.at(k, sk.address);
    const replayed = outcome === undefined ? undefined : Math.max(0, outcome.ret);
    const target = replayed ?? ((flags & MSG_WAITALL) !== 0 ? length : Math.min(1, length));
    const limit = replayed === undefined ? length : Math.min(length, replayed);
    let copied = 0;
    let waited = false;
    let next: Skb | undefined = peek(k, queue);
    for (;;) {
      if (next !== undefined && copied < limit) {
        const skip = consumed.get(next) ?? 0;
        const size = SKB.len.get(k, next.address);
        const chunk = Math.min(size - skip, limit - copied);
        reading.set(k, msg);
        // Held while it is read; let go of behind that.
        SKB.users.add(k, next.address, 1);
        if (
          k.call(UNIX_STREAM_READ_ACTOR, next.address, skip, chunk, Number.NaN) < 0 && outcome === undefined
        ) {
          SKB.users.add(k, next.address, -1);
          return copied > 0 ? copied : -EFAULT;
        }
        k.call(CONSUME_SKB, next.address);
        copied += chunk;
        if ((flags & MSG_PEEK) !== 0) {
          next = nextIn(k, queue, next);
          continue;
        }
        const carries = next.files !== null;
        detachRights(k, next, msg, flags);
        consumed.set(next, skip + chunk);
        if (skip + chunk >= size) {
          k.call(fn("skb_unlink"), next.address, queue);
          unlink(k, queue, next);
          k.call(CONSUME_SKB, next.address);
        }
        // Files mark a boundary: what follows is another message.
        if (carries) break;
        next = peek(k, queue);
        continue;
      }
      if (
        copied >= target && (copied > 0 || limit === 0 && (outcome === undefined || receivesNoMore(k, sk)))
      ) break;
      if (copied === 0) {
        const error = sockError(k, sk);
        if (error !== 0 && outcome === undefined) return error;
      }
      if (receivesNoMore(k, sk)) break;
      if ((flags & MSG_DONTWAIT) !== 0 && (outcome === undefined || outcome.ret === -EAGAIN)) {
        return copied > 0 ? copied : -EAGAIN;
      }
      if (waited) {
        if (outcome !== undefined && outcome.ret > copied) {
          imply(k, sk, outcome.ret - copied, outcome.data, copied);
          next = peek(k, queue);
          if (next !== undefined) continue;
        }
        if (outcome !== undefined && copied === 0) return outcome.ret;
        break;
      }
      const undisturbed = yield* waitForPacket(
        k,
        sk,
        () => available(k, sk) + copied >= Math.max(1, target) || receivesNoMore(k, sk),
      );
      waited = outcome !== undefined;
      if (!undisturbed && outcome === undefined) {
        return copied > 0 ? copied : SK.rcvtimeo.get(k, sk.address) > 0 ? -EAGAIN : -ERESTARTSYS;
      }
      next = peek(k, queue);
    }
    return copied;
  },
);
const requests = new WeakMap<object, { sk: Sock; msg: Addr; length: number; flags: number }>();

function available(k: Kernel, sk: Sock): number {
  let bytes = 0;
  const queue = SK.receiveQueue.at(k, sk.address);
  for (let skb = peek(k, queue); skb !== undefined; skb = nextIn(k, queue, skb)) {
    bytes += SKB.len.get(k, skb.address) - (consumed.get(skb) ?? 0);
  }
  return bytes;
}

/** A recorded message that nobody here has sent. */
function imply(k: Kernel, sk: Sock, count: number, data: Uint8Array | undefined, offset: number): void {
  const bytes = new Uint8Array(count);
  if (data !== undefined) bytes.set(data.subarray(offset, offset + count));
  const skb = allocSkb(k, count, 0, GFP_KERNEL);
  k.memory.writeBytes(k.call(SKB_PUT, skb.address, count), bytes);
  queueTail(k, SK.receiveQueue.at(k, sk.address), skb);
}

/** Receives from a stream: (sock, msg, length, flags). */
const UNIX_STREAM_RECVMSG: FunctionRef = blocking(
  "unix_stream_recvmsg",
  [READ_GENERIC],
  function* (k, sock = 0, msg = 0, length = 0, flags = 0) {
    const sk = sockIn(k, sock);
    if (SK.state.get(k, sk.address) === TCP_LISTEN) return -EINVAL;
    requests.set(k.current, { sk, msg, length, flags });
    return yield* k.calls.callBlocking(READ_GENERIC, Number.NaN, 1);
  },
);

/** Sends a datagram: (sock, msg, length). */
const UNIX_DGRAM_SENDMSG: FunctionRef = blocking(
  "unix_dgram_sendmsg",
  [...SEND_CALLS, UNIX_FIND_OTHER, fn("sk_filter_trim_cap"), KFREE_SKB_REASON],
  function* (k, sock = 0, msg = 0, length = 0): Blocking<number> {
    const sk = sockIn(k, sock);
    const flags = messageFlags(k, msg);
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    k.call(fn("wait_for_unix_gc"), Number.NaN);
    if ((SK.shutdown.get(k, sk.address) & SEND_SHUTDOWN) !== 0) {
      return streamError(k, sk, flags | MSG_NOSIGNAL, -EPIPE);
    }
    let peer = unixOf(sk).peer;
    const name = MSG.name.get(k, msg);
    if (name === 0 && peer === null) return outcome?.ret ?? -ENOTCONN;
    if (length > SK.sndbuf.get(k, sk.address) - 32) return -EMSGSIZE;
    const bytes = gatherMessage(k, msg, length);
    if (bytes === null) return -EFAULT;
    const skb = fill(k, sk, bytes, msg, 0);
    if (name !== 0) {
      const found = k.call(UNIX_FIND_OTHER, Number.NaN, name, MSG.namelen.get(k, msg), sk.type);
      if (found < 0 && found >= -4095) {
        k.call(KFREE_SKB_REASON, skb.address, 1);
        return outcome?.ret ?? found;
      }
      peer = sockOf(k, found);
    }
    if (peer === null || peer.dead) {
      k.call(KFREE_SKB_REASON, skb.address, 1);
      return outcome?.ret ?? (name === 0 ? -ECONNREFUSED : -EDESTADDRREQ);
    }
    const to = peer;
    const room = () =>
      queueLength(k, SK.receiveQueue.at(k, to.address)) <= SK.maxAckBacklog.get(k, to.address) || to.dead;
    if (!room() && outcome === undefined) {
      if ((flags & MSG_DONTWAIT) !== 0) {
        k.call(KFREE_SKB_REASON, skb.address, 1);
        return -EAGAIN;
      }
      yield* waitForPacket(k, sk, room);
    }
    k.call(fn("sk_filter_trim_cap"), to.address, skb.address, 1);
    sender.set(skb, unixOf(sk).path ?? new Uint8Array(0));
    deliver(k, to, skb);
    return bytes.length;
  },
);
/** Name of a datagram's sender. */
const sender = new WeakMap<Skb, Uint8Array>();

const __UNIX_DGRAM_RECVMSG: FunctionRef = blocking(
  "__unix_dgram_recvmsg",
  [fn("__skb_try_recv_datagram"), SKB_COPY_DATAGRAM_ITER, fn("skb_free_datagram"), ...PACKET_WAIT_CALLS],
  function* (k, address = 0, msg = 0, size = 0, flags = 0): Blocking<number> {
    const sk = sockOf(k, address);
    const outcome = recorded(k);
    const queue = SK.receiveQueue.at(k, address);
    k.call(fn("__skb_try_recv_datagram"), address, queue, flags, Number.NaN, Number.NaN, Number.NaN);
    if (peek(k, queue) === undefined) {
      if (receivesNoMore(k, sk) && outcome === undefined) return 0;
      if ((flags & MSG_DONTWAIT) !== 0 && (outcome === undefined || outcome.ret === -EAGAIN)) return -EAGAIN;
      const undisturbed = yield* waitForPacket(
        k,
        sk,
        () => peek(k, queue) !== undefined || receivesNoMore(k, sk),
      );
      if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
      if (peek(k, queue) === undefined && outcome !== undefined) imply(k, sk, outcome.ret, outcome.data, 0);
      if (peek(k, queue) === undefined) {
        return undisturbed ? 0 : SK.rcvtimeo.get(k, address) > 0 ? -EAGAIN : -ERESTARTSYS;
      }
    }
    const skb = peek(k, queue);
    if (skb === undefined) return -EAGAIN;
    const length = SKB.len.get(k, skb.address);
    const copied = Math.min(size, length);
    if (length > size) MSG.flags.set(k, msg, messageFlags(k, msg) | MSG_TRUNC);
    const from = sender.get(skb);
    if (from !== undefined && from.length > 0) {
      setMessageName(k, msg, encodeAddress({ family: AF_UNIX, address: "", port: 0, path: from }));
    }
    const error = k.call(SKB_COPY_DATAGRAM_ITER, skb.address, 0, msgIter(k, msg), copied);
    if ((flags & MSG_PEEK) === 0) {
      unlink(k, queue, skb);
      detachRights(k, skb, msg, flags);
      const wq = sleepQueue(k, sk);
      if (wq !== 0 && k.net.sleepers(wq)) k.call(WAKE_UP, wq, 1, 1, EPOLLOUT_EVENTS);
      k.call(fn("skb_free_datagram"), address, skb.address);
    }
    if (error !== 0 && outcome === undefined) return -EFAULT;
    return (flags & MSG_TRUNC) !== 0 ? length : copied;
  },
);
/** Receives a datagram: (sock, msg, size, flags). */
const UNIX_DGRAM_RECVMSG: FunctionRef = blocking(
  "unix_dgram_recvmsg",
  [__UNIX_DGRAM_RECVMSG],
  function* (k, sock = 0, msg = 0, size = 0, flags = 0) {
    return yield* k.calls.callBlocking(__UNIX_DGRAM_RECVMSG, sockIn(k, sock).address, msg, size, flags);
  },
);
const SEQPACKET_SENDMSG: FunctionRef = blocking(
  "unix_seqpacket_sendmsg",
  [UNIX_DGRAM_SENDMSG],
  function* (k, sock = 0, msg = 0, size = 0) {
    if (SK.state.get(k, sockIn(k, sock).address) !== TCP_ESTABLISHED) return -ENOTCONN;
    return yield* k.calls.callBlocking(UNIX_DGRAM_SENDMSG, sock, msg, size);
  },
);
const SEQPACKET_RECVMSG: FunctionRef = blocking(
  "unix_seqpacket_recvmsg",
  [UNIX_DGRAM_RECVMSG],
  function* (k, sock = 0, msg = 0, size = 0, flags = 0) {
    if (SK.state.get(k, sockIn(k, sock).address) !== TCP_ESTABLISHED) return -ENOTCONN;
    return yield* k.calls.callBlocking(UNIX_DGRAM_RECVMSG, sock, msg, size, flags);
  },
);

const COMMON = {
  release: UNIX_RELEASE,
  bind: UNIX_BIND,
  getname: UNIX_GETNAME,
  shutdown: UNIX_SHUTDOWN,
  socketpair: UNIX_SOCKETPAIR,
  ioctl: fn("unix_ioctl"),
} as const;
/** Operations of streams. */
export const STREAM_OPS: ProtoOps = {
  ...COMMON,
  symbol: "unix_stream_ops",
  connect: UNIX_STREAM_CONNECT,
  accept: UNIX_ACCEPT,
  listen: UNIX_LISTEN,
  sendmsg: UNIX_STREAM_SENDMSG,
  recvmsg: UNIX_STREAM_RECVMSG,
  poll: fn("unix_poll"),
};
const OPS: Readonly<Record<number, ProtoOps>> = {
  [SOCK_STREAM]: STREAM_OPS,
  [SOCK_DGRAM]: {
    ...COMMON,
    symbol: "unix_dgram_ops",
    connect: UNIX_DGRAM_CONNECT,
    sendmsg: UNIX_DGRAM_SENDMSG,
    recvmsg: UNIX_DGRAM_RECVMSG,
    poll: fn("unix_dgram_poll"),
  },
  [SOCK_SEQPACKET]: {
    ...COMMON,
    symbol: "unix_seqpacket_ops",
    connect: UNIX_STREAM_CONNECT,
    accept: UNIX_ACCEPT,
    listen: UNIX_LISTEN,
    sendmsg: SEQPACKET_SENDMSG,
    recvmsg: SEQPACKET_RECVMSG,
    poll: fn("unix_dgram_poll"),
  },
};
