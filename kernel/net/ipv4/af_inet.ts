/**
 * Sockets of the Internet families: `net/ipv4/af_inet.c`, `net/ipv6/af_inet6.c`.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import { popLocals, pushLocal } from "../../process/stack.ts";
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EALREADY,
  ECONNABORTED,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  ERESTARTSYS,
  ESOCKTNOSUPPORT,
} from "../../syscalls/errno.ts";
import { anyAddress, encodeAddress, isAny, readAddress, unmapped } from "../address.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IP,
  IPPROTO_RAW,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SHUTDOWN_MASK,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  SS_CONNECTED,
  SS_CONNECTING,
  SS_DISCONNECTING,
  SS_UNCONNECTED,
  TCP_CLOSE,
  TCP_LISTEN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
} from "../constants.ts";
import {
  graft,
  LOCK_SOCK_NESTED,
  newSock,
  type Proto,
  RELEASE_SOCK,
  type Sock,
  SOCK_DEF_WAKEUP,
  SOCK_INIT_DATA,
  sockError,
  sockOf,
} from "../core/sock.ts";
import { SOCK_WAIT_CALLS, waitOnSock } from "../core/sock_wait.ts";
import { SK } from "../fields.ts";
import { adoptPort, prepareConnect } from "../implied_data.ts";
import { SOMAXCONN } from "../net.ts";
import { netFamily, type ProtoOps, setOps, socketOf, sockIn } from "../socket.ts";
import { INET6_HASH, INET_CSK_GET_PORT, INET_HASH, setLocal, setLocalPort } from "./inet_hashtables.ts";
import { INET_CSK_ACCEPT, INET_CSK_LISTEN_START } from "./inet_csk_accept.ts";
import { RAW_PROTO } from "./raw.ts";
import { TCP_RECVMSG, TCP_SENDMSG } from "./tcp.ts";
import { dropTimers, TCP_CLOSE_FN, TCP_DISCONNECT, TCP_SHUTDOWN } from "./tcp_close.ts";
import { TCP_V4_INIT_SOCK, TCP_V6_INIT_SOCK } from "./tcp_init.ts";
import { TCP_V4_CONNECT, TCP_V4_DO_RCV, TCP_V6_CONNECT, TCP_V6_DO_RCV } from "./tcp_ipv4.ts";
import { UDP_PROTO, UDPV6_PROTO } from "./udp.ts";

const INET_SOCK_DESTRUCT: FunctionRef = behaviour(
  "inet_sock_destruct",
  [],
  (k, address = 0) => {
    dropTimers(k, sockOf(k, address));
    return Number.NaN;
  },
);

const TCP_PROTO: Proto = {
  name: "TCP",
  type: "tcp_sock",
  symbol: "tcp_prot",
  init: TCP_V4_INIT_SOCK,
  close: TCP_CLOSE_FN,
  connect: TCP_V4_CONNECT,
  disconnect: TCP_DISCONNECT,
  sendmsg: TCP_SENDMSG,
  recvmsg: TCP_RECVMSG,
  getPort: INET_CSK_GET_PORT,
  hash: INET_HASH,
  backlogRcv: TCP_V4_DO_RCV,
  destruct: INET_SOCK_DESTRUCT,
};
const TCPV6_PROTO: Proto = {
  ...TCP_PROTO,
  name: "TCPv6",
  type: "tcp6_sock",
  symbol: "tcpv6_prot",
  init: TCP_V6_INIT_SOCK,
  connect: TCP_V6_CONNECT,
  hash: INET6_HASH,
  backlogRcv: TCP_V6_DO_RCV,
};

/** What a type and protocol make of a socket of one of the families: -errno where there is nothing of the kind. */
function protocolOf(family: number, type: number, wanted: number): readonly [Proto, number] | number {
  const six = family === AF_INET6;
  switch (type) {
    case SOCK_STREAM:
      if (wanted !== IPPROTO_IP && wanted !== IPPROTO_TCP) return -EPROTONOSUPPORT;
      return [six ? TCPV6_PROTO : TCP_PROTO, IPPROTO_TCP];
    case SOCK_DGRAM:
      if (wanted === IPPROTO_ICMP || wanted === IPPROTO_ICMPV6) return [RAW_PROTO, wanted];
      if (wanted !== IPPROTO_IP && wanted !== IPPROTO_UDP) return -EPROTONOSUPPORT;
      return [six ? UDPV6_PROTO : UDP_PROTO, IPPROTO_UDP];
    case SOCK_RAW:
      return wanted === IPPROTO_IP ? -EPROTONOSUPPORT : [RAW_PROTO, wanted & IPPROTO_RAW];
    default:
      return -ESOCKTNOSUPPORT;
  }
}

const CREATE_CALLS = [
  fn("sk_alloc"),
  SOCK_INIT_DATA,
  TCP_V4_INIT_SOCK,
  TCP_V6_INIT_SOCK,
  fn("udp_init_sock"),
  fn("udpv6_init_sock"),
];
function create(k: Kernel, family: number, address: number, protocol: number, kern: number): number {
  const socket = socketOf(k, address);
  const found = protocolOf(family, socket.type, protocol);
  if (typeof found === "number") return found;
  const [prot, number] = found;
  setOps(k, socket, opsOf(family, socket.type));
  const sk = newSock(k, prot, family, socket.type, number, kern);
  sk.local = anyAddress(family);
  sk.remote = anyAddress(family);
  k.call(SOCK_INIT_DATA, address, sk.address);
  if (prot.init !== undefined) k.call(prot.init, sk.address);
  if (socket.type === SOCK_RAW) {
    setLocalPort(k, sk, number);
    k.net.bind(sk);
  }
  return 0;
}
netFamily(
  AF_INET,
  behaviour("inet_create", CREATE_CALLS, (k, _net, sock = 0, protocol = 0, kern = 0) => {
    return create(k, AF_INET, sock, protocol, kern);
  }),
);
netFamily(
  AF_INET6,
  behaviour("inet6_create", CREATE_CALLS, (k, _net, sock = 0, protocol = 0, kern = 0) => {
    return create(k, AF_INET6, sock, protocol, kern);
  }),
);

const __INET_BIND: FunctionRef = behaviour(
  "__inet_bind",
  [fn("inet_addr_type_table"), LOCK_SOCK_NESTED, INET_CSK_GET_PORT, fn("udp_v4_get_port"), RELEASE_SOCK],
  (k, address = 0, uaddr = 0, length = 0) => {
    const sk = sockOf(k, address);
    const wanted = readAddress(k, uaddr, length);
    if (wanted === null) return -EINVAL;
    if (wanted.family !== sk.family && !(wanted.family === AF_UNSPEC && isAny(wanted.address))) {
      return -EAFNOSUPPORT;
    }
    const text = wanted.family === AF_UNSPEC ? "0.0.0.0" : wanted.address;
    k.call(fn("inet_addr_type_table"), Number.NaN, Number.NaN, 0);
    const failure = recorded(k)?.ret ?? 0;
    if (!k.net.isLocal(text) && failure !== 0) return -EADDRNOTAVAIL;
    if (!k.net.isLocal(text) && recorded(k) === undefined) return -EADDRNOTAVAIL;
    k.call(LOCK_SOCK_NESTED, address, 0);
    let result = 0;
    if (SK.state.get(k, address) !== TCP_CLOSE || sk.localPort !== 0) result = -EINVAL;
    else {
      const before = sk.local;
      setLocal(k, sk, text);
      const getPort = sk.prot.getPort;
      const taken = failure === -EADDRINUSE ||
        getPort !== undefined && k.call(getPort, address, wanted.port) !== 0;
      if (taken) {
        setLocal(k, sk, before);
        result = -EADDRINUSE;
      } else {
        sk.boundAddress = !isAny(text);
        sk.boundPort = wanted.port !== 0;
      }
    }
    k.call(RELEASE_SOCK, address);
    return result;
  },
);
/** Gives a socket its address: (sock, address, length). */
const INET_BIND: FunctionRef = behaviour("inet_bind", [__INET_BIND], (k, sock = 0, uaddr = 0, length = 0) => {
  if (length < 16) return -EINVAL;
  return k.call(__INET_BIND, sockIn(k, sock).address, uaddr, length, 3);
});
const INET6_BIND: FunctionRef = behaviour(
  "inet6_bind",
  [fn("__inet6_bind"), __INET_BIND],
  (k, sock = 0, uaddr = 0, length = 0) => {
    if (length < 24) return -EINVAL;
    return k.call(fn("__inet6_bind"), sockIn(k, sock).address, uaddr, length, 3);
  },
);
behaviour(
  "__inet6_bind",
  [__INET_BIND, INET_CSK_GET_PORT, LOCK_SOCK_NESTED, RELEASE_SOCK],
  (k, sk = 0, uaddr = 0, length = 0) => {
    return k.call(__INET_BIND, sk, uaddr, length, 3);
  },
);

/** Begins to listen: (sock, backlog). */
const INET_LISTEN: FunctionRef = behaviour(
  "inet_listen",
  [LOCK_SOCK_NESTED, INET_CSK_LISTEN_START, RELEASE_SOCK],
  (k, sock = 0, backlog = 0) => {
    const socket = socketOf(k, sock);
    const sk = sockIn(k, sock);
    k.call(LOCK_SOCK_NESTED, sk.address, 0);
    const state = SK.state.get(k, sk.address);
    let result = 0;
    if (socket.state !== SS_UNCONNECTED || socket.type !== SOCK_STREAM) result = -EINVAL;
    else if (state !== TCP_CLOSE && state !== TCP_LISTEN) result = -EINVAL;
    else {
      SK.maxAckBacklog.set(k, sk.address, Math.min(backlog >>> 0, SOMAXCONN));
      if (state !== TCP_LISTEN) result = k.call(INET_CSK_LISTEN_START, sk.address);
    }
    k.call(RELEASE_SOCK, sk.address);
    return result;
  },
);

/** Connects a locked stream socket: (sock, address, length, flags, is_sendmsg). */
const __INET_STREAM_CONNECT: FunctionRef = blocking(
  "__inet_stream_connect",
  [TCP_V4_CONNECT, TCP_V6_CONNECT, TCP_DISCONNECT, ...SOCK_WAIT_CALLS],
  function* (k, sock = 0, uaddr = 0, length = 0, flags = 0): Blocking<number> {
    const socket = socketOf(k, sock);
    const sk = sockIn(k, sock);
    const { address } = sk;
    const target = readAddress(k, uaddr, length);
    if (target === null || length < 2) return -EINVAL;
    const outcome = recorded(k);
    if (target.family === AF_UNSPEC) {
      const error = k.call(TCP_DISCONNECT, address, flags);
      socket.state = error === 0 ? SS_UNCONNECTED : SS_DISCONNECTING;
      return error;
    }
    switch (socket.state) {
      case SS_CONNECTED:
        return -EISCONN;
      case SS_CONNECTING:
        if (isConnecting(k, sk)) {
          if ((flags & O_NONBLOCK) !== 0) return -EALREADY;
        }
        break;
      case SS_UNCONNECTED: {
        if (SK.state.get(k, address) !== TCP_CLOSE) return -EISCONN;
        if (sk.prot.connect === undefined) return -EOPNOTSUPP;
        prepareConnect(k, sk, target, outcome);
        const error = k.call(sk.prot.connect, address, uaddr, length);
        if (error < 0) return error;
        socket.state = SS_CONNECTING;
        if ((flags & O_NONBLOCK) !== 0 && isConnecting(k, sk)) {
          // What comes back at once on the loopback device waits for the lock to be let go.
          if (sk.backlog.length === 0 || outcome === undefined || outcome.ret === -EINPROGRESS) {
            return -EINPROGRESS;
          }
        }
        break;
      }
      default:
        return -EINVAL;
    }
    if (isConnecting(k, sk)) {
      if ((flags & O_NONBLOCK) !== 0 && outcome?.ret !== 0) return -EINPROGRESS;
      const seconds = SK.sndtimeo.get(k, address);
      const until = seconds > 0 && seconds < 2 ** 40 ? k.clock.now + seconds * 4e6 : undefined;
      const undisturbed = yield* waitOnSock(k, sk, () => !isConnecting(k, sk), until, true);
      if (!undisturbed) return until !== undefined && k.clock.now >= until ? -EINPROGRESS : -ERESTARTSYS;
    }
    const state = SK.state.get(k, address);
    if (state === TCP_CLOSE || isConnecting(k, sk)) {
      const error = sockError(k, sk) || outcome?.ret || -ECONNABORTED;
      socket.state = SS_UNCONNECTED;
      if (error !== 0) k.call(TCP_DISCONNECT, address, flags);
      return error < 0 ? error : -ECONNABORTED;
    }
    socket.state = SS_CONNECTED;
    return 0;
  },
);
const O_NONBLOCK = 0o4000;

function isConnecting(k: Kernel, sk: Sock): boolean {
  const state = SK.state.get(k, sk.address);
  return state === TCP_SYN_SENT || state === TCP_SYN_RECV;
}

/** Connects a stream socket: (sock, address, length, flags). */
const INET_STREAM_CONNECT: FunctionRef = blocking(
  "inet_stream_connect",
  [LOCK_SOCK_NESTED, __INET_STREAM_CONNECT, RELEASE_SOCK],
  function* (k, sock = 0, uaddr = 0, length = 0, flags = 0) {
    const sk = sockIn(k, sock);
    k.call(LOCK_SOCK_NESTED, sk.address, 0);
    const result = yield* k.calls.callBlocking(__INET_STREAM_CONNECT, sock, uaddr, length, flags, 0);
    k.call(RELEASE_SOCK, sk.address);
    return result;
  },
);
/** Connects a datagram socket: it sends to and receives from one address. */
const INET_DGRAM_CONNECT: FunctionRef = behaviour(
  "inet_dgram_connect",
  [fn("inet_autobind"), fn("ip4_datagram_connect"), fn("udp_disconnect")],
  (k, sock = 0, uaddr = 0, length = 0) => {
    const sk = sockIn(k, sock);
    const target = readAddress(k, uaddr, length);
    if (target === null || length < 2) return -EINVAL;
    if (target.family === AF_UNSPEC) return k.call(fn("udp_disconnect"), sk.address, 0);
    if (sk.localPort === 0) k.call(fn("inet_autobind"), sk.address);
    if (sk.prot.connect === undefined) return -EOPNOTSUPP;
    return k.call(sk.prot.connect, sk.address, uaddr, length);
  },
);

const __INET_ACCEPT: FunctionRef = behaviour(
  "__inet_accept",
  [fn("security_sock_graft")],
  (k, _sock, newSocket = 0, child = 0) => {
    const socket = socketOf(k, newSocket);
    graft(k, sockOf(k, child), socket);
    k.call(fn("security_sock_graft"), child, newSocket);
    socket.state = SS_CONNECTED;
    return Number.NaN;
  },
);
/** Accepts a connection for a fresh socket: (sock, newsock, flags, kern). */
const INET_ACCEPT: FunctionRef = blocking(
  "inet_accept",
  [INET_CSK_ACCEPT, LOCK_SOCK_NESTED, __INET_ACCEPT, RELEASE_SOCK],
  function* (k, sock = 0, newSocket = 0, flags = 0, kern = 0) {
    const mark = k.current.locals;
    const err = pushLocal(k, 4);
    const child = yield* k.calls.callBlocking(INET_CSK_ACCEPT, sockIn(k, sock).address, flags, err, kern);
    const error = k.memory.load(err, 4, true);
    popLocals(k, mark);
    if (child === 0) return error;
    k.call(LOCK_SOCK_NESTED, child, 0);
    k.call(__INET_ACCEPT, sock, newSocket, child);
    k.call(RELEASE_SOCK, child);
    return 0;
  },
);

/** Stores an end's address at `uaddr`: its bytes, or -errno: (sock, uaddr, peer). */
function getname(k: Kernel, sock: number, uaddr: number, peer: number): number {
  const sk = sockIn(k, sock);
  k.call(LOCK_SOCK_NESTED, sk.address, 0);
  if (peer === 0) adoptPort(k, sk, recorded(k));
  const connected = sk.remotePort !== 0 && SK.state.get(k, sk.address) !== TCP_CLOSE &&
    SK.state.get(k, sk.address) !== TCP_SYN_SENT;
  let result: number;
  if (peer !== 0 && !connected && !(sk.type !== SOCK_STREAM && sk.remotePort !== 0)) result = -ENOTCONN;
  else {
    const address = peer !== 0 ? sk.remote : sk.local;
    const port = peer !== 0 ? sk.remotePort : sk.localPort;
    const text = sk.family === AF_INET6 && !address.includes(":")
      ? (isAny(address) ? "::" : `::ffff:${address}`)
      : sk.family === AF_INET
      ? unmapped(address)
      : address;
    const bytes = encodeAddress({ family: sk.family, address: text, port });
    k.memory.writeBytes(uaddr, bytes);
    result = bytes.length;
  }
  k.call(RELEASE_SOCK, sk.address);
  return result;
}
const INET_GETNAME: FunctionRef = behaviour(
  "inet_getname",
  [LOCK_SOCK_NESTED, RELEASE_SOCK],
  (k, sock = 0, uaddr = 0, peer = 0) => getname(k, sock, uaddr, peer),
);
const INET6_GETNAME: FunctionRef = behaviour(
  "inet6_getname",
  [LOCK_SOCK_NESTED, RELEASE_SOCK],
  (k, sock = 0, uaddr = 0, peer = 0) => getname(k, sock, uaddr, peer),
);

/** Ends one or both directions: (sock, how). */
const INET_SHUTDOWN: FunctionRef = behaviour(
  "inet_shutdown",
  [LOCK_SOCK_NESTED, TCP_SHUTDOWN, TCP_DISCONNECT, SOCK_DEF_WAKEUP, RELEASE_SOCK],
  (k, sock = 0, how = 0) => {
    const socket = socketOf(k, sock);
    const sk = sockIn(k, sock);
    const mask = how + 1;
    if (mask < 1 || mask > SHUTDOWN_MASK) return -EINVAL;
    k.call(LOCK_SOCK_NESTED, sk.address, 0);
    const state = SK.state.get(k, sk.address);
    let result = 0;
    if (state === TCP_CLOSE && !(sk.type !== SOCK_STREAM && sk.remotePort !== 0)) result = -ENOTCONN;
    else if (state === TCP_LISTEN) {
      if ((mask & 1) !== 0) {
        k.call(TCP_DISCONNECT, sk.address, 0);
        socket.state = SS_UNCONNECTED;
      }
    } else {
      SK.shutdown.set(k, sk.address, SK.shutdown.get(k, sk.address) | mask);
      if (sk.tcp !== null) k.call(TCP_SHUTDOWN, sk.address, mask);
    }
    if (result === 0) k.call(SOCK_DEF_WAKEUP, sk.address);
    k.call(RELEASE_SOCK, sk.address);
    return result;
  },
);

const CLOSES = [TCP_CLOSE_FN, fn("udp_lib_close"), fn("raw_close")];
/** Nobody has the socket open any more: (sock). */
const INET_RELEASE: FunctionRef = behaviour(
  "inet_release",
  [...CLOSES],
  (k, sock = 0) => {
    const { sk } = socketOf(k, sock);
    if (sk === null) return 0;
    k.call(sk.prot.close, sk.address, sk.linger > 0 ? sk.linger * 250 : 0);
    return 0;
  },
);
const INET6_RELEASE: FunctionRef = behaviour(
  "inet6_release",
  [INET_RELEASE],
  (k, sock = 0) => k.call(INET_RELEASE, sock),
);

/** Gives a socket a port before it is used, if it has none: 0, or -errno: (sk). */
const INET_AUTOBIND: FunctionRef = behaviour(
  "inet_autobind",
  [LOCK_SOCK_NESTED, fn("udp_v4_get_port"), INET_CSK_GET_PORT, RELEASE_SOCK],
  (k, address = 0) => {
    const sk = sockOf(k, address);
    k.call(LOCK_SOCK_NESTED, address, 0);
    let result = 0;
    if (sk.localPort === 0 && sk.prot.getPort !== undefined && k.call(sk.prot.getPort, address, 0) !== 0) {
      result = -11;
    }
    k.call(RELEASE_SOCK, address);
    return result;
  },
);
const INET_SEND_PREPARE: FunctionRef = behaviour("inet_send_prepare", [INET_AUTOBIND], (k, address = 0) => {
  const sk = sockOf(k, address);
  if (sk.localPort === 0 && sk.tcp === null && sk.prot.getPort !== undefined) {
    return k.call(INET_AUTOBIND, address);
  }
  return 0;
});
const SENDERS = [TCP_SENDMSG, fn("udp_sendmsg"), fn("udpv6_sendmsg"), fn("raw_sendmsg")];
const RECEIVERS = [TCP_RECVMSG, fn("udp_recvmsg"), fn("udpv6_recvmsg"), fn("raw_recvmsg")];
/** Sends: (sock, msg, size). */
const INET_SENDMSG: FunctionRef = blocking(
  "inet_sendmsg",
  [INET_SEND_PREPARE, ...SENDERS],
  (k, sock = 0, msg = 0, size = 0) => {
    const sk = sockIn(k, sock);
    if (k.call(INET_SEND_PREPARE, sk.address) < 0) return -11;
    return k.calls.callOrWait(sk.prot.sendmsg, sk.address, msg, size);
  },
);
const INET6_SENDMSG: FunctionRef = blocking(
  "inet6_sendmsg",
  [INET_SEND_PREPARE, ...SENDERS],
  (k, sock = 0, msg = 0, size = 0) => {
    const sk = sockIn(k, sock);
    if (k.call(INET_SEND_PREPARE, sk.address) < 0) return -11;
    return k.calls.callOrWait(sk.prot.sendmsg, sk.address, msg, size);
  },
);
/** Receives: (sock, msg, size, flags). */
const INET_RECVMSG: FunctionRef = blocking(
  "inet_recvmsg",
  RECEIVERS,
  (k, sock = 0, msg = 0, size = 0, flags = 0) => {
    const sk = sockIn(k, sock);
    return k.calls.callOrWait(sk.prot.recvmsg, sk.address, msg, size, flags, Number.NaN);
  },
);
const INET6_RECVMSG: FunctionRef = blocking(
  "inet6_recvmsg",
  RECEIVERS,
  (k, sock = 0, msg = 0, size = 0, flags = 0) => {
    const sk = sockIn(k, sock);
    return k.calls.callOrWait(sk.prot.recvmsg, sk.address, msg, size, flags, Number.NaN);
  },
);

/** Operations of a socket of one of the families. */
function opsOf(family: number, type: number): ProtoOps {
  const six = family === AF_INET6;
  const common = {
    release: six ? INET6_RELEASE : INET_RELEASE,
    bind: six ? INET6_BIND : INET_BIND,
    getname: six ? INET6_GETNAME : INET_GETNAME,
    shutdown: INET_SHUTDOWN,
    sendmsg: six ? INET6_SENDMSG : INET_SENDMSG,
    recvmsg: six ? INET6_RECVMSG : INET_RECVMSG,
    ioctl: fn(six ? "inet6_ioctl" : "inet_ioctl"),
  };
  if (type === SOCK_STREAM) {
    return {
      ...common,
      symbol: six ? "inet6_stream_ops" : "inet_stream_ops",
      connect: INET_STREAM_CONNECT,
      accept: INET_ACCEPT,
      listen: INET_LISTEN,
      poll: fn("tcp_poll"),
    };
  }
  const symbol = type === SOCK_DGRAM ? "dgram_ops" : "sockraw_ops";
  return {
    ...common,
    symbol: `inet${six ? "6" : ""}_${symbol}`,
    connect: INET_DGRAM_CONNECT,
    poll: fn(type === SOCK_DGRAM ? "udp_poll" : "datagram_poll"),
  };
}
