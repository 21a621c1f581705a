/**
 * Raw sockets: what a program sends goes out behind an IP header, and every packet of its protocol comes in.
 * `net/ipv4/raw.c`, in its basics.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import { EAGAIN, EDESTADDRREQ, EFAULT, EINVAL, ERESTARTSYS } from "../../syscalls/errno.ts";
import { encodeAddress, isAny, readAddress } from "../address.ts";
import { AF_INET6, MSG_DONTWAIT, SOCK_DGRAM, SOCK_RAW, TCP_ESTABLISHED } from "../constants.ts";
import { PACKET_WAIT_CALLS, waitForPacket } from "../core/receive_wait.ts";
import {
  allocSkb,
  CONSUME_SKB,
  GFP_ATOMIC,
  GFP_KERNEL,
  linearBytes,
  peek,
  queueTail,
  SKB_PUSH,
  SKB_PUT,
  unlink,
} from "../core/skbuff.ts";
import { ownRead, ownWrite } from "../core/sock_memory.ts";
import { type Proto, type Sock, SOCK_DEF_READABLE, sockOf } from "../core/sock.ts";
import { MSG, SK, SKB } from "../fields.ts";
import { gatherMessage, msgIter, scatterIter, setMessageName } from "../msghdr.ts";
import {
  IP6_OUTPUT,
  LOCAL_OUT_CALLS,
  localOut,
  sendsIpv6,
  setRoute,
  writeIpHeader,
  writeIpv6Header,
} from "./ip_output.ts";
import { ipHeaderOf } from "./ip_input.ts";

const HEADROOM = 16 + 40;

/** Sends: (sk, msg, length). */
const RAW_SENDMSG: FunctionRef = behaviour(
  "raw_sendmsg",
  [fn("__alloc_skb"), SKB_PUT, SKB_PUSH, IP6_OUTPUT, ...LOCAL_OUT_CALLS],
  (k, address = 0, msg = 0, length = 0) => {
    const sk = sockOf(k, address);
    const failure = recorded(k)?.ret ?? 0;
    if (failure < 0) return failure;
    const name = MSG.name.get(k, msg);
    const target = name === 0 ? null : readAddress(k, name, MSG.namelen.get(k, msg));
    if (name !== 0 && target === null) return -EINVAL;
    const to = target?.address ?? sk.remote;
    if (name === 0 && SK.state.get(k, address) !== TCP_ESTABLISHED) return -EDESTADDRREQ;
    const bytes = gatherMessage(k, msg, length);
    if (bytes === null) return -EFAULT;
    const route = k.net.route(to);
    const skb = allocSkb(k, HEADROOM + bytes.length, HEADROOM, GFP_KERNEL);
    ownWrite(k, skb, sk, "sock_wfree");
    k.memory.writeBytes(k.call(SKB_PUT, skb.address, bytes.length), bytes);
    setRoute(k, skb, route);
    const local = isAny(sk.local) ? route.source : sk.local;
    const six = sendsIpv6(local, to);
    k.call(SKB_PUSH, skb.address, six ? 40 : 20);
    const path = { local, remote: to, protocol: sk.protocol };
    if (six) {
      writeIpv6Header(k, skb.address, path);
      k.call(IP6_OUTPUT, Number.NaN, address, skb.address);
    } else {
      writeIpHeader(k, skb.address, path, 0);
      localOut(k, Number.NaN, address, skb.address);
    }
    return bytes.length;
  },
);

/** Receives: (sk, msg, length, flags). */
const RAW_RECVMSG: FunctionRef = blocking(
  "raw_recvmsg",
  [CONSUME_SKB, ...PACKET_WAIT_CALLS],
  function* (k, address = 0, msg = 0, length = 0, flags = 0): Blocking<number> {
    const sk = sockOf(k, address);
    const queue = SK.receiveQueue.at(k, address);
    const outcome = recorded(k);
    if (peek(k, queue) === undefined) {
      if ((flags & MSG_DONTWAIT) !== 0) return outcome?.ret ?? -EAGAIN;
      yield* waitForPacket(k, sk, () => peek(k, queue) !== undefined);
    }
    const skb = peek(k, queue);
    if (skb === undefined) return outcome?.ret ?? -ERESTARTSYS;
    unlink(k, queue, skb);
    const bytes = linearBytes(k, skb.address);
    const fault = !scatterIter(k, msgIter(k, msg), bytes.subarray(0, length)) && outcome === undefined;
    if (skb.from !== null) {
      setMessageName(k, msg, encodeAddress({ family: sk.family, address: skb.from.address, port: 0 }));
    }
    k.call(CONSUME_SKB, skb.address);
    return fault ? -EFAULT : Math.min(length, bytes.length);
  },
);

/** Gives raw sockets a copy of a packet: (skb, protocol). */
behaviour("raw_local_deliver", [fn("skb_clone"), SOCK_DEF_READABLE], (k, skb = 0, protocol = 0) => {
  const socks = k.net.boundTo(protocol, protocol).filter((sk) =>
    sk.type === SOCK_RAW || sk.type === SOCK_DGRAM && protocol === 1
  );
  for (const sk of socks) if (sk.type === SOCK_RAW && sk.family !== AF_INET6) deliver(k, sk, skb);
  return socks.length > 0 ? 1 : 0;
});
function deliver(k: Kernel, sk: Sock, from: number): void {
  const head = SKB.head.get(k, from);
  const start = head + SKB.networkHeader.get(k, from);
  const bytes = k.memory.readBytes(
    start,
    SKB.data.get(k, from) - start + SKB.len.get(k, from) - SKB.dataLen.get(k, from),
  );
  const copy = allocSkb(k, bytes.length, 0, GFP_ATOMIC);
  k.memory.writeBytes(k.call(SKB_PUT, copy.address, bytes.length), bytes);
  copy.from = { address: ipHeaderOf(k, from).source, port: 0 };
  ownRead(k, copy, sk);
  queueTail(k, SK.receiveQueue.at(k, sk.address), copy);
  k.call(SOCK_DEF_READABLE, sk.address);
}
/** An ICMP packet that no program waits for. */
behaviour("icmp_rcv", [CONSUME_SKB], (k, skb = 0) => {
  k.call(CONSUME_SKB, skb);
  return 0;
});

const RAW_CLOSE: FunctionRef = behaviour("raw_close", [fn("sk_common_release")], (k, sk = 0) => {
  k.call(fn("sk_common_release"), sk);
  return Number.NaN;
});

/** Raw IPv4 and IPv6. */
export const RAW_PROTO: Proto = {
  name: "RAW",
  type: "raw_sock",
  symbol: "raw_prot",
  close: RAW_CLOSE,
  connect: fn("ip4_datagram_connect"),
  sendmsg: RAW_SENDMSG,
  recvmsg: RAW_RECVMSG,
  destruct: fn("inet_sock_destruct"),
};
