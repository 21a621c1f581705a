/**
 * `struct sock`: what every protocol keeps of a socket. `net/core/sock.c`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { sizeIfKnown, symbolAddress } from "../../process/objects.ts";
import { TASK_INTERRUPTIBLE } from "../../process/task.ts";
import { INIT_WAITQUEUE_HEAD, WAKE_UP, WAKE_UP_SYNC_KEY } from "../../sched/wait.ts";
import { tracepoint } from "../../tracing/reference.ts";
import { RCV_SHUTDOWN, SHUTDOWN_MASK, TCP_CLOSE } from "../constants.ts";
import { SK, SKB, SOCKET } from "../fields.ts";
import type { TcpSock } from "../ipv4/tcp_sock.ts";
import type { Socket } from "../socket.ts";
import type { UnixSock } from "../unix/unix_sock.ts";
import { initQueue, type Skb, unlink } from "./skbuff.ts";

/** Events of `sk_data_ready` and others, as poll keys. */
const EPOLLIN_EVENTS = 0xc3;

const EPOLLOUT_EVENTS = 0x304;

const EPOLLERR = 0x8;

const RCVBUF = 212992;

const SET_STATE_EVENT = tracepoint(
  "sock:inet_sock_set_state",
  "skaddr",
  "oldstate",
  "newstate",
  "sport",
  "dport",
  "family",
  "protocol",
  "saddr",
  "daddr",
  "saddr_v6",
  "daddr_v6",
);

/** A protocol: `struct proto`, and what the model needs to make its sockets. */
export interface Proto {
  /** As in `/proc/net/protocols`; also the slab cache. */
  readonly name: string;
  /** Struct that its sockets are. */
  readonly type: string;
  /** The kernel's symbol. */
  readonly symbol: string;
  readonly init?: FunctionRef;
  readonly close: FunctionRef;
  readonly connect?: FunctionRef;
  readonly disconnect?: FunctionRef;
  readonly sendmsg: FunctionRef;
  readonly recvmsg: FunctionRef;
  readonly getPort?: FunctionRef;
  readonly hash?: FunctionRef;
  readonly unhash?: FunctionRef;
  readonly backlogRcv?: FunctionRef;
  readonly destruct?: FunctionRef;
}

/** What the model keeps beside a `struct sock`. */
export class Sock {
  readonly address: Addr;
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  readonly prot: Proto;
  socket: Socket | null = null;
  /** Own end and the other one, as text; what probes read is in memory. */
  local = "0.0.0.0";
  remote = "0.0.0.0";
  localPort = 0;
  remotePort = 0;
  /** Packets that came while a task held the lock. */
  readonly backlog: Skb[] = [];
  owned = false;
  reuseAddress = false;
  reusePort = false;
  /** An IPv6 sock that takes no IPv4. */
  v6only = false;
  /** Whether the owner has said which address or port it wants. */
  boundAddress = false;
  boundPort = false;
  /** Nobody has it open any more. */
  dead = false;
  /** A writer waits for room. */
  writersWait = false;
  /** Seconds that `close` waits; negative: it does not. */
  linger = -1;
  tcp: TcpSock | null = null;
  unix: UnixSock | null = null;

  constructor(address: Addr, family: number, type: number, protocol: number, prot: Proto) {
    this.address = address;
    this.family = family;
    this.type = type;
    this.protocol = protocol;
    this.prot = prot;
  }
}

/** The sock at an address that is one. */
export function sockOf(k: Kernel, address: Addr): Sock {
  const sk = k.net.socks.get(address);
  if (sk === undefined) throw new Error("Cannot use a sock that was freed");
  return sk;
}

const SK_PROT_ALLOC: FunctionRef = behaviour(
  "sk_prot_alloc",
  [fn("kmem_cache_alloc"), fn("security_sk_alloc"), fn("try_module_get")],
  (k, prot = 0, priority = 0, family = 0) => {
    const { pendingProto } = k.net;
    if (pendingProto === null) return 0;
    k.call(fn("kmem_cache_alloc"), Number.NaN, priority);
    const size = sizeIfKnown(k, pendingProto.type) || sizeIfKnown(k, "tcp_sock");
    const address = k.slab.alloc(pendingProto.name, size);
    k.call(fn("security_sk_alloc"), address, family, priority);
    k.call(fn("try_module_get"), Number.NaN);
    SK.prot.set(k, address, prot);
    return address;
  },
);

/** A sock of a protocol (`k.net.pendingProto`, whose address is `prot`), not yet initialized. */
export const SK_ALLOC: FunctionRef = behaviour(
  "sk_alloc",
  [SK_PROT_ALLOC],
  (k, net = 0, family = 0, priority = 0, prot = 0, _kern = 0) => {
    const address = k.call(SK_PROT_ALLOC, prot, priority, family);
    SK.family.set(k, address, family);
    SK.net.set(k, address, net);
    return address;
  },
);

/** Makes a sock object for a protocol. */
export function newSock(
  k: Kernel,
  prot: Proto,
  family: number,
  type: number,
  protocol: number,
  kern = 0,
): Sock {
  k.net.pendingProto = prot;
  const address = k.call(
    SK_ALLOC,
    symbolAddress(k, "init_net"),
    family,
    0xcc0,
    symbolAddress(k, prot.symbol),
    kern,
  );
  k.net.pendingProto = null;
  return register(k, address, prot, family, type, protocol);
}

/** `inet_csk_clone_lock`'s part: a sock that is a copy of another one. */
export function cloneSock(k: Kernel, from: Sock, priority: number): Sock {
  k.net.pendingProto = from.prot;
  const address = k.call(SK_PROT_ALLOC, SK.prot.get(k, from.address), priority, from.family);
  k.net.pendingProto = null;
  const sk = register(k, address, from.prot, from.family, from.type, from.protocol);
  SK.family.set(k, address, from.family);
  SK.net.set(k, address, SK.net.get(k, from.address));
  for (const field of [SK.rcvbuf, SK.sndbuf, SK.uid]) field.set(k, address, field.get(k, from.address));
  SK.socket.set(k, address, 0);
  SK.wq.set(k, address, 0);
  return sk;
}

function register(
  k: Kernel,
  address: Addr,
  prot: Proto,
  family: number,
  type: number,
  protocol: number,
): Sock {
  const sk = new Sock(address, family, type, protocol, prot);
  k.net.socks.set(address, sk);
  SK.refcnt.set(k, address, 1);
  SK.wmemAlloc.set(k, address, 1);
  SK.state.set(k, address, TCP_CLOSE);
  SK.type.set(k, address, type);
  SK.protocol.set(k, address, protocol);
  SK.rcvbuf.set(k, address, RCVBUF);
  SK.sndbuf.set(k, address, RCVBUF);
  for (const queue of [SK.receiveQueue, SK.errorQueue, SK.writeQueue]) initQueue(k, queue.at(k, address));
  return sk;
}

const SOCK_INIT_DATA_UID: FunctionRef = behaviour(
  "sock_init_data_uid",
  [fn("init_timer_key")],
  (k, _socket = 0, sk = 0, uid = 0) => {
    k.call(fn("init_timer_key"), SK.timer.at(k, sk), 0, 0, 0, 0);
    SK.uid.set(k, sk, uid);
    return Number.NaN;
  },
);

/** Ties a sock to its socket and fills in what all protocols share. */
export const SOCK_INIT_DATA: FunctionRef = behaviour(
  "sock_init_data",
  [SOCK_INIT_DATA_UID],
  (k, socket = 0, address = 0) => {
    const sk = sockOf(k, address);
    const owner = k.net.sockets.get(socket);
    if (owner !== undefined) graft(k, sk, owner);
    k.call(SOCK_INIT_DATA_UID, socket, address, k.current.uid);
    return Number.NaN;
  },
);

/** Makes a socket the owner of a sock (`sock_graft`). */
export function graft(k: Kernel, sk: Sock, socket: Socket): void {
  sk.socket = socket;
  socket.sk = sk;
  SK.socket.set(k, sk.address, socket.address);
  SK.wq.set(k, sk.address, SOCKET.wq.at(k, socket.address));
  SOCKET.sk.set(k, socket.address, sk.address);
}

/** The wait queue of a sock's socket, 0 while it has none. */
export function sleepQueue(k: Kernel, sk: Sock): Addr {
  return SK.wq.get(k, sk.address);
}

/** Drops a reference that the kernel holds on a sock's memory; the last one frees it (`sock_put`). */
export function sockPut(k: Kernel, sk: Sock): void {
  if (SK.refcnt.add(k, sk.address, -1) === 0) k.call(SK_FREE, sk.address);
}

const SK_DESTRUCT_CALLS = [
  fn("inet_sock_destruct"),
  fn("unix_sock_destructor"),
  fn("netlink_sock_destruct"),
  fn("security_sk_free"),
  fn("module_put"),
  fn("kmem_cache_free"),
];

const __SK_DESTRUCT: FunctionRef = behaviour("__sk_destruct", SK_DESTRUCT_CALLS, (k, head = 0) => {
  const sk = k.net.socks.get(head);
  if (sk === undefined) return Number.NaN;
  if (sk.prot.destruct !== undefined) k.call(sk.prot.destruct, sk.address);
  k.call(fn("security_sk_free"), sk.address);
  k.call(fn("kmem_cache_free"), Number.NaN, sk.address);
  k.call(fn("module_put"), 0);
  k.net.socks.delete(sk.address);
  k.slab.free(sk.prot.name, sk.address);
  return Number.NaN;
});

const SK_DESTRUCT: FunctionRef = behaviour("sk_destruct", [__SK_DESTRUCT], (k, sk = 0) => {
  k.call(__SK_DESTRUCT, sk);
  return Number.NaN;
});

/** Nothing refers to a sock any more: (sk). */
export const __SK_FREE: FunctionRef = behaviour("__sk_free", [SK_DESTRUCT], (k, sk = 0) => {
  k.call(SK_DESTRUCT, sk);
  return Number.NaN;
});

/** The last reference is gone; packets on their way out still hold the memory. */
export const SK_FREE: FunctionRef = behaviour("sk_free", [__SK_FREE], (k, sk = 0) => {
  if (SK.wmemAlloc.add(k, sk, -1) === 0) k.call(__SK_FREE, sk);
  return Number.NaN;
});

/** Takes a sock's lock. Nobody waits for it here: who sleeps has let go of it. */
export const LOCK_SOCK_NESTED: FunctionRef = behaviour("lock_sock_nested", [], (k, address = 0) => {
  const sk = sockOf(k, address);
  sk.owned = true;
  SK.owned.set(k, address, 1);
  return Number.NaN;
});

/** Handles the packets that came meanwhile. */
const __RELEASE_SOCK: FunctionRef = behaviour(
  "__release_sock",
  [fn("tcp_v4_do_rcv")],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    for (let skb = sk.backlog.shift(); skb !== undefined; skb = sk.backlog.shift()) {
      SK.backlogLen.add(k, address, -SKB.truesize.get(k, skb.address));
      if (sk.prot.backlogRcv !== undefined) k.call(sk.prot.backlogRcv, address, skb.address);
    }
    return Number.NaN;
  },
);

/** Lets go of a sock's lock. */
export const RELEASE_SOCK: FunctionRef = behaviour(
  "release_sock",
  [__RELEASE_SOCK, fn("tcp_release_cb")],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    if (sk.backlog.length > 0) k.call(__RELEASE_SOCK, address);
    if (sk.tcp !== null) k.call(fn("tcp_release_cb"), address);
    sk.owned = false;
    SK.owned.set(k, address, 0);
    return Number.NaN;
  },
);

behaviour("tcp_release_cb", [], () => Number.NaN);

/** Something to read, or a connection to accept. */
export const SOCK_DEF_READABLE: FunctionRef = behaviour(
  "sock_def_readable",
  [WAKE_UP_SYNC_KEY],
  (k, address = 0) => {
    const wq = sleepQueue(k, sockOf(k, address));
    if (wq !== 0 && k.net.sleepers(wq)) k.call(WAKE_UP_SYNC_KEY, wq, TASK_INTERRUPTIBLE, EPOLLIN_EVENTS);
    return Number.NaN;
  },
);

/** The state has changed: all are woken. */
export const SOCK_DEF_WAKEUP: FunctionRef = behaviour("sock_def_wakeup", [WAKE_UP], (k, address = 0) => {
  const wq = sleepQueue(k, sockOf(k, address));
  if (wq !== 0 && k.net.sleepers(wq)) k.call(WAKE_UP, wq, TASK_INTERRUPTIBLE, 0, 0);
  return Number.NaN;
});

/** An error is to be reported. */
export const SOCK_DEF_ERROR_REPORT: FunctionRef = behaviour(
  "sock_def_error_report",
  [WAKE_UP],
  (k, address = 0) => {
    const wq = sleepQueue(k, sockOf(k, address));
    if (wq !== 0 && k.net.sleepers(wq)) k.call(WAKE_UP, wq, TASK_INTERRUPTIBLE, 1, EPOLLERR);
    return Number.NaN;
  },
);

/** There is room to write. */
export const SOCK_DEF_WRITE_SPACE: FunctionRef = behaviour(
  "sock_def_write_space",
  [WAKE_UP_SYNC_KEY],
  (k, address = 0) => {
    const wq = sleepQueue(k, sockOf(k, address));
    if (wq !== 0 && k.net.sleepers(wq)) k.call(WAKE_UP_SYNC_KEY, wq, TASK_INTERRUPTIBLE, EPOLLOUT_EVENTS);
    return Number.NaN;
  },
);

/** The same for streams, whose writers wait for a third of the buffer. */
export const SK_STREAM_WRITE_SPACE: FunctionRef = behaviour(
  "sk_stream_write_space",
  [WAKE_UP],
  (k, address = 0) => {
    const wq = sleepQueue(k, sockOf(k, address));
    if (wq !== 0 && k.net.sleepers(wq)) k.call(WAKE_UP, wq, TASK_INTERRUPTIBLE, 1, EPOLLOUT_EVENTS);
    return Number.NaN;
  },
);

/** Stores a new state and tells the tracepoint: (sk, state). */
export const INET_SK_STATE_STORE: FunctionRef = behaviour(
  "inet_sk_state_store",
  [],
  (k, address = 0, state = 0) => {
    const sk = sockOf(k, address);
    if (k.tracepoints.enabled(SET_STATE_EVENT)) {
      const [saddr, daddr, saddr6, daddr6] = k.net.traceAddresses(sk);
      const old = SK.state.get(k, address);
      const { localPort, remotePort, family, protocol } = sk;
      k.tracepoints.fire(
        SET_STATE_EVENT,
        address,
        old,
        state,
        localPort,
        remotePort,
        family,
        protocol,
        saddr,
        daddr,
        saddr6,
        daddr6,
      );
    }
    SK.state.set(k, address, state);
    return Number.NaN;
  },
);

/** Takes and clears a pending error: 0, or -errno (`sock_error`). */
export function sockError(k: Kernel, sk: Sock): number {
  const error = SK.err.get(k, sk.address);
  if (error !== 0) SK.err.set(k, sk.address, 0);
  return -error;
}

/** Nobody will send or receive any more on what is left of a sock. */
export function shutDown(k: Kernel, sk: Sock, how: number = SHUTDOWN_MASK): void {
  SK.shutdown.set(k, sk.address, SK.shutdown.get(k, sk.address) | how);
}

/** Whether the other side will send no more. */
export function receivesNoMore(k: Kernel, sk: Sock): boolean {
  return (SK.shutdown.get(k, sk.address) & RCV_SHUTDOWN) !== 0;
}

/** Takes all buffers out of a queue, and gives each to `free`. */
export function purge(k: Kernel, queue: Addr, head: (k: Kernel) => Skb | undefined, free: FunctionRef): void {
  for (let skb = head(k); skb !== undefined; skb = head(k)) {
    unlink(k, queue, skb);
    k.call(free, skb.address);
  }
}

/** Prepares a socket's wait queue. */
export function initWaitQueue(k: Kernel, socket: Addr): void {
  k.call(INIT_WAITQUEUE_HEAD, SOCKET.wq.at(k, socket), 0, 0);
}
