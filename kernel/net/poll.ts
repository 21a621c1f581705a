/**
 * What sockets are ready for: `tcp_poll`, `datagram_poll`, `unix_poll`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  EPOLLRDNORM,
  EPOLLWRNORM,
  pollWait,
  QUEUE_PROCS,
} from "../fs/poll.ts";
import type { Kernel } from "../kernel.ts";
import {
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  SHUTDOWN_MASK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_LISTEN,
  TCP_SYN_SENT,
} from "./constants.ts";
import { peek } from "./core/skbuff.ts";
import { sleepQueue, type Sock } from "./core/sock.ts";
import { SK, TCP } from "./fields.ts";
import { roomToWrite } from "./ipv4/tcp_input.ts";
import { sockIn } from "./socket.ts";

const IN = EPOLLIN | EPOLLRDNORM;
const OUT = EPOLLOUT | EPOLLWRNORM | 0x200;

function shutdownMask(k: Kernel, sk: Sock): number {
  const shutdown = SK.shutdown.get(k, sk.address);
  let mask = 0;
  if (shutdown === SHUTDOWN_MASK) mask |= EPOLLHUP;
  if ((shutdown & RCV_SHUTDOWN) !== 0) mask |= IN | EPOLLRDHUP;
  return mask;
}

/** TCP: (file, sock, poll_table). */
export const TCP_POLL: FunctionRef = behaviour(
  "tcp_poll",
  QUEUE_PROCS,
  (k, file = 0, sock = 0, table = 0) => {
    const sk = sockIn(k, sock);
    const { address } = sk;
    pollWait(k, file, sleepQueue(k, sk), table);
    const state = SK.state.get(k, address);
    if (state === TCP_LISTEN) return (sk.tcp?.accepted.length ?? 0) > 0 ? IN : 0;
    let mask = shutdownMask(k, sk);
    if (state === TCP_CLOSE) mask |= EPOLLHUP;
    if (state !== TCP_SYN_SENT && state !== TCP_CLOSE) {
      const fin = (SK.shutdown.get(k, address) & RCV_SHUTDOWN) !== 0 ? 1 : 0;
      if (((TCP.rcvNxt.get(k, address) - TCP.copiedSeq.get(k, address)) | 0) - fin > 0) mask |= IN;
      if ((SK.shutdown.get(k, address) & SEND_SHUTDOWN) !== 0) mask |= OUT;
      else if (roomToWrite(k, sk)) mask |= OUT;
      else sk.writersWait = true;
    }
    if (SK.err.get(k, address) !== 0) mask |= EPOLLERR;
    return mask;
  },
);

function datagramMask(k: Kernel, sk: Sock): number {
  let mask = shutdownMask(k, sk);
  if (SK.err.get(k, sk.address) !== 0) mask |= EPOLLERR;
  if (peek(k, SK.receiveQueue.at(k, sk.address)) !== undefined) mask |= IN;
  if (SK.wmemAlloc.get(k, sk.address) * 4 <= SK.sndbuf.get(k, sk.address) * 2) mask |= OUT;
  return mask;
}
/** Datagrams: (file, sock, poll_table). */
export const DATAGRAM_POLL: FunctionRef = behaviour(
  "datagram_poll",
  QUEUE_PROCS,
  (k, file = 0, sock = 0, table = 0) => {
    const sk = sockIn(k, sock);
    pollWait(k, file, sleepQueue(k, sk), table);
    return datagramMask(k, sk);
  },
);
/** UDP. */
export const UDP_POLL: FunctionRef = behaviour(
  "udp_poll",
  [DATAGRAM_POLL],
  (k, file = 0, sock = 0, table = 0) => k.call(DATAGRAM_POLL, file, sock, table),
);
/** Unix streams. */
export const UNIX_POLL: FunctionRef = behaviour(
  "unix_poll",
  QUEUE_PROCS,
  (k, file = 0, sock = 0, table = 0) => {
    const sk = sockIn(k, sock);
    pollWait(k, file, sleepQueue(k, sk), table);
    const state = SK.state.get(k, sk.address);
    if (state === TCP_LISTEN) return (sk.unix?.accepted.length ?? 0) > 0 ? IN : 0;
    let mask = datagramMask(k, sk);
    if ((sk.type === SOCK_STREAM || sk.type === SOCK_SEQPACKET) && state === TCP_CLOSE) mask |= EPOLLHUP;
    return mask;
  },
);
/** Unix datagrams. */
export const UNIX_DGRAM_POLL: FunctionRef = behaviour(
  "unix_dgram_poll",
  QUEUE_PROCS,
  (k, file = 0, sock = 0, table = 0) => {
    const sk = sockIn(k, sock);
    pollWait(k, file, sleepQueue(k, sk), table);
    const mask = datagramMask(k, sk);
    if (sk.type === SOCK_SEQPACKET && SK.state.get(k, sk.address) !== TCP_ESTABLISHED) return mask & ~OUT;
    return mask;
  },
);
