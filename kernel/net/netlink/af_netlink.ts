/**
 * Netlink sockets, as far as programs that ask for interfaces and addresses need them: `getaddrinfo`, `ip link`, `ip addr`.
 * `net/netlink/af_netlink.c`, `net/core/rtnetlink.c`.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import {
  EADDRINUSE,
  EAGAIN,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  ERESTARTSYS,
  ESOCKTNOSUPPORT,
} from "../../syscalls/errno.ts";
import { addressBytes, encodeAddress, readAddress } from "../address.ts";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  SOCK_DGRAM,
  SOCK_RAW,
} from "../constants.ts";
import { SKB_COPY_DATAGRAM_ITER } from "../core/datagram.ts";
import type { NetDevice } from "../core/net_device.ts";
import { PACKET_WAIT_CALLS, waitForPacket } from "../core/receive_wait.ts";
import {
  allocSkb,
  CONSUME_SKB,
  GFP_KERNEL,
  KFREE_SKB_REASON,
  peek,
  queueTail,
  SKB_PUT,
  unlink,
} from "../core/skbuff.ts";
import { newSock, type Proto, type Sock, SOCK_DEF_READABLE, SOCK_INIT_DATA, sockPut } from "../core/sock.ts";
import { ownRead } from "../core/sock_memory.ts";
import { MSG, SK, SKB } from "../fields.ts";
import { gatherMessage, messageFlags, msgIter, setMessageName } from "../msghdr.ts";
import { netFamily, type ProtoOps, setOps, socketOf, sockIn } from "../socket.ts";

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_MULTI = 2;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
/** Protocols up to here exist: `NETLINK_ROUTE` is 0. */
const MAX_PROTOCOL = 22;

const NETLINK_PROTO: Proto = {
  name: "NETLINK",
  type: "netlink_sock",
  symbol: "netlink_proto",
  close: fn("netlink_release"),
  sendmsg: fn("netlink_sendmsg"),
  recvmsg: fn("netlink_recvmsg"),
};

netFamily(
  AF_NETLINK,
  behaviour(
    "netlink_create",
    [fn("__netlink_create"), fn("sk_alloc"), SOCK_INIT_DATA],
    (k, _net, sock = 0, protocol = 0, kern = 0) => {
      const socket = socketOf(k, sock);
      if (socket.type !== SOCK_RAW && socket.type !== SOCK_DGRAM) return -ESOCKTNOSUPPORT;
      if (protocol < 0 || protocol > MAX_PROTOCOL) return -EPROTONOSUPPORT;
      setOps(k, socket, OPS);
      const sk = newSock(k, NETLINK_PROTO, AF_NETLINK, socket.type, protocol, kern);
      k.call(SOCK_INIT_DATA, sock, sk.address);
      return 0;
    },
  ),
);

/** Gives a socket its port: the process' id if that is free (`netlink_autobind`). */
function autobind(k: Kernel, sk: Sock): void {
  if (sk.localPort !== 0) return;
  let port = k.current.tgid;
  while (k.net.boundTo(1000 + sk.protocol, port).length > 0) port = (port + 0x80000001) >>> 0;
  take(k, sk, port);
}
function take(k: Kernel, sk: Sock, port: number): void {
  sk.localPort = port;
  const key = `${1000 + sk.protocol}:${port}`;
  k.net.bound.set(key, [...k.net.boundTo(1000 + sk.protocol, port), sk]);
}

/** Binds: (sock, address, length). */
const NETLINK_BIND: FunctionRef = behaviour(
  "netlink_bind",
  [fn("netlink_insert")],
  (k, sock = 0, uaddr = 0, length = 0) => {
    const sk = sockIn(k, sock);
    const wanted = readAddress(k, uaddr, length);
    if (wanted === null || length < 12 || wanted.family !== AF_NETLINK) return -EINVAL;
    if (
      wanted.port !== 0 && k.net.boundTo(1000 + sk.protocol, wanted.port).some((other) => other !== sk)
    ) return -EADDRINUSE;
    k.call(fn("netlink_insert"), sk.address, wanted.port);
    if (wanted.port !== 0) take(k, sk, wanted.port);
    else autobind(k, sk);
    return 0;
  },
);
const NETLINK_CONNECT: FunctionRef = behaviour("netlink_connect", [], (k, sock = 0) => {
  autobind(k, sockIn(k, sock));
  return 0;
});
const NETLINK_GETNAME: FunctionRef = behaviour("netlink_getname", [], (k, sock = 0, uaddr = 0, peer = 0) => {
  const port = peer !== 0 ? 0 : sockIn(k, sock).localPort;
  k.memory.writeBytes(uaddr, encodeAddress({ family: AF_NETLINK, address: "", port }));
  return 12;
});

/** A message with a header: type, flags and body; bodies are padded to 4 bytes. */
function message(type: number, flags: number, sequence: number, port: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + Math.ceil(body.length / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 16 + body.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, port, true);
  bytes.set(body, 16);
  return bytes;
}
function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((4 + value.length) / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}
function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

/** `struct ifinfomsg` and attributes. */
function linkBody(dev: NetDevice): Uint8Array {
  const head = new Uint8Array(16);
  const view = new DataView(head.buffer);
  view.setUint16(2, dev.loopback ? ARPHRD_LOOPBACK : ARPHRD_ETHER, true);
  view.setInt32(4, dev.ifindex, true);
  view.setUint32(8, dev.flags, true);
  const mtu = new Uint8Array(4);
  new DataView(mtu.buffer).setUint32(0, dev.mtu, true);
  return joined(head, attribute(IFLA_IFNAME, text(dev.name)), attribute(IFLA_MTU, mtu));
}
/** `struct ifaddrmsg` and attributes. */
function addressBody(dev: NetDevice, address: string): Uint8Array {
  const six = address.includes(":");
  const prefix = six ? (dev.loopback ? 128 : 64) : dev.loopback ? 8 : 24;
  const head = Uint8Array.from([
    six ? AF_INET6 : AF_INET,
    prefix,
    0x80,
    dev.loopback ? 254 : 0,
    dev.ifindex,
    0,
    0,
    0,
  ]);
  const bytes = addressBytes(address);
  if (six) return joined(head, attribute(IFA_ADDRESS, bytes));
  return joined(
    head,
    attribute(IFA_ADDRESS, bytes),
    attribute(IFA_LOCAL, bytes),
    attribute(IFA_LABEL, text(dev.name)),
  );
}

/** Puts an answer of the kernel's into a socket's queue. */
function answer(k: Kernel, sk: Sock, bytes: Uint8Array): void {
  const skb = allocSkb(k, bytes.length, 0, GFP_KERNEL);
  k.memory.writeBytes(k.call(SKB_PUT, skb.address, bytes.length), bytes);
  ownRead(k, skb, sk);
  queueTail(k, SK.receiveQueue.at(k, sk.address), skb);
  k.call(SOCK_DEF_READABLE, sk.address);
}

/** What the kernel does with a request: lists links or addresses, or says that it cannot. */
const RTNETLINK_RCV_MSG: FunctionRef = behaviour(
  "rtnetlink_rcv_msg",
  [fn("netlink_dump"), fn("__alloc_skb"), SKB_PUT, SOCK_DEF_READABLE],
  (k) => {
    const request = requests.get(k);
    if (request === undefined) return 0;
    const { sk, bytes } = request;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const [type, flags, sequence] = [
      view.getUint16(4, true),
      view.getUint16(6, true),
      view.getUint32(8, true),
    ];
    const family = bytes[16] ?? 0;
    const devices = [k.net.lo, k.net.eth0];
    if ((flags & NLM_F_DUMP) === NLM_F_DUMP && (type === RTM_GETLINK || type === RTM_GETADDR)) {
      const bodies = type === RTM_GETLINK ? devices.map(linkBody) : devices.flatMap((dev) =>
        dev.addresses
          .filter((one) => family === 0 || family === (one.includes(":") ? AF_INET6 : AF_INET))
          .map((one) => addressBody(dev, one))
      );
      const made = type === RTM_GETLINK ? RTM_NEWLINK : RTM_NEWADDR;
      if (bodies.length > 0) {
        answer(
          k,
          sk,
          joined(...bodies.map((body) => message(made, NLM_F_MULTI, sequence, sk.localPort, body))),
        );
      }
      answer(k, sk, message(NLMSG_DONE, NLM_F_MULTI, sequence, sk.localPort, new Uint8Array(4)));
      return 0;
    }
    return type >= 16 ? -EOPNOTSUPP : 0;
  },
);
const requests = new WeakMap<Kernel, { sk: Sock; bytes: Uint8Array }>();

const NETLINK_RCV_SKB: FunctionRef = behaviour(
  "netlink_rcv_skb",
  [RTNETLINK_RCV_MSG, fn("netlink_ack")],
  (k) => {
    const request = requests.get(k);
    if (request === undefined || request.bytes.length < 16) return 0;
    const error = k.call(RTNETLINK_RCV_MSG, Number.NaN, Number.NaN, Number.NaN);
    const view = new DataView(request.bytes.buffer, request.bytes.byteOffset);
    if (error !== 0 || (view.getUint16(6, true) & NLM_F_ACK) !== 0) {
      const body = joined(new Uint8Array(4), request.bytes.subarray(0, 16));
      new DataView(body.buffer).setInt32(0, error, true);
      answer(k, request.sk, message(NLMSG_ERROR, 0, view.getUint32(8, true), request.sk.localPort, body));
    }
    return 0;
  },
);
const NETLINK_UNICAST: FunctionRef = behaviour(
  "netlink_unicast",
  [fn("netlink_trim"), fn("rtnetlink_rcv"), NETLINK_RCV_SKB, CONSUME_SKB],
  (k, _ssk, skb = 0) => {
    const length = SKB.len.get(k, skb);
    k.call(NETLINK_RCV_SKB, skb, Number.NaN);
    k.call(CONSUME_SKB, skb);
    return length;
  },
);
/** Sends a request to the kernel: (sock, msg, length). */
const NETLINK_SENDMSG: FunctionRef = behaviour(
  "netlink_sendmsg",
  [fn("netlink_alloc_large_skb"), fn("__alloc_skb"), SKB_PUT, NETLINK_UNICAST],
  (k, sock = 0, msg = 0, length = 0) => {
    const sk = sockIn(k, sock);
    const failure = recorded(k)?.ret ?? 0;
    if (failure < 0) return failure;
    autobind(k, sk);
    const bytes = gatherMessage(k, msg, length);
    if (bytes === null) return -EFAULT;
    const skb = allocSkb(k, length, 0, GFP_KERNEL);
    k.memory.writeBytes(k.call(SKB_PUT, skb.address, length), bytes);
    requests.set(k, { sk, bytes });
    const sent = k.call(NETLINK_UNICAST, sk.address, skb.address, 0, 0);
    requests.delete(k);
    return sent;
  },
);

/** Receives an answer: (sock, msg, length, flags). */
const NETLINK_RECVMSG: FunctionRef = blocking(
  "netlink_recvmsg",
  [fn("skb_recv_datagram"), SKB_COPY_DATAGRAM_ITER, fn("skb_free_datagram"), ...PACKET_WAIT_CALLS],
  function* (k, sock = 0, msg = 0, length = 0, flags = 0): Blocking<number> {
    const sk = sockIn(k, sock);
    const queue = SK.receiveQueue.at(k, sk.address);
    const outcome = recorded(k);
    if (peek(k, queue) === undefined) {
      if ((flags & MSG_DONTWAIT) !== 0) return outcome?.ret ?? -EAGAIN;
      yield* waitForPacket(k, sk, () => peek(k, queue) !== undefined);
    }
    const skb = peek(k, queue);
    if (skb === undefined) return outcome?.ret ?? -ERESTARTSYS;
    k.call(fn("skb_recv_datagram"), sk.address, flags, Number.NaN);
    const size = SKB.len.get(k, skb.address);
    const copied = Math.min(size, length);
    if (size > length) MSG.flags.set(k, msg, messageFlags(k, msg) | MSG_TRUNC);
    setMessageName(k, msg, encodeAddress({ family: AF_NETLINK, address: "", port: 0 }));
    const error = k.call(SKB_COPY_DATAGRAM_ITER, skb.address, 0, msgIter(k, msg), copied);
    if ((flags & MSG_PEEK) === 0) {
      unlink(k, queue, skb);
      k.call(fn("skb_free_datagram"), sk.address, skb.address);
    }
    if (error !== 0 && outcome === undefined) return -EFAULT;
    return outcome?.ret ?? ((flags & MSG_TRUNC) !== 0 ? size : copied);
  },
);

const NETLINK_RELEASE: FunctionRef = behaviour(
  "netlink_release",
  [KFREE_SKB_REASON, fn("sk_free")],
  (k, sock = 0) => {
    const { sk } = socketOf(k, sock);
    if (sk === null) return 0;
    sk.dead = true;
    const key = `${1000 + sk.protocol}:${sk.localPort}`;
    const left = k.net.boundTo(1000 + sk.protocol, sk.localPort).filter((other) => other !== sk);
    if (left.length > 0) k.net.bound.set(key, [...left]);
    else k.net.bound.delete(key);
    const queue = SK.receiveQueue.at(k, sk.address);
    for (let skb = peek(k, queue); skb !== undefined; skb = peek(k, queue)) {
      unlink(k, queue, skb);
      k.call(KFREE_SKB_REASON, skb.address, 1);
    }
    sockPut(k, sk);
    return 0;
  },
);

const OPS: ProtoOps = {
  symbol: "netlink_ops",
  release: NETLINK_RELEASE,
  bind: NETLINK_BIND,
  connect: NETLINK_CONNECT,
  getname: NETLINK_GETNAME,
  sendmsg: NETLINK_SENDMSG,
  recvmsg: NETLINK_RECVMSG,
  poll: fn("datagram_poll"),
};
