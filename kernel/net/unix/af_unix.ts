/**
 * Sockets between processes of one host: the operations of streams, sequenced packets and datagrams.
 * `net/unix/af_unix.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import { WAKE_UP_SYNC_KEY } from "../../sched/wait.ts";
import { EPROTONOSUPPORT, ESOCKTNOSUPPORT } from "../../syscalls/errno.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM } from "../constants.ts";
import { ALLOC_SKB, allocSkb, CONSUME_SKB, skbOf } from "../core/skbuff.ts";
import { SKB_SET_OWNER_W } from "../core/sock_memory.ts";
import { sleepQueue } from "../core/sock.ts";
import { netFamily, type ProtoOps, setOps, socketOf } from "../socket.ts";
import { UNIX_ACCEPT, UNIX_DGRAM_CONNECT, UNIX_LISTEN, UNIX_STREAM_CONNECT } from "./unix_connect.ts";
import {
  SEQPACKET_RECVMSG,
  SEQPACKET_SENDMSG,
  UNIX_DGRAM_RECVMSG,
  UNIX_DGRAM_SENDMSG,
} from "./unix_dgram.ts";
import { UNIX_BIND, UNIX_GETNAME } from "./unix_names.ts";
import {
  EPOLLOUT_EVENTS,
  UNIX_CREATE1,
  UNIX_RELEASE,
  UNIX_SHUTDOWN,
  UNIX_SOCKETPAIR,
} from "./unix_socket.ts";
import { UNIX_STREAM_RECVMSG, UNIX_STREAM_SENDMSG } from "./unix_stream.ts";

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

behaviour("sock_wmalloc", [ALLOC_SKB, SKB_SET_OWNER_W], (k, sk = 0, size = 0, _force, gfp = 0) => {
  const skb = allocSkb(k, size, 0, gfp);
  k.call(SKB_SET_OWNER_W, skb.address, sk);
  return skb.address;
});

behaviour("skb_free_datagram", [CONSUME_SKB], (k, _sk, skb = 0) => {
  k.call(CONSUME_SKB, skb);
  return Number.NaN;
});

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
