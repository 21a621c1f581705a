/**
 * Socket options and controls: `setsockopt`, `getsockopt`, `ioctl`. `net/core/sock.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { OpenFile } from "../fs/file.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { symbolAddress } from "../process/objects.ts";
import { loadUser } from "../process/user_load.ts";
import { EFAULT, EINVAL, ENODEV, ENOPROTOOPT, ENOTTY, EOPNOTSUPP } from "../syscalls/errno.ts";
import { addressBytes } from "./address.ts";
import * as c from "./constants.ts";
import type { NetDevice } from "./core/net_device.ts";
import { peek } from "./core/skbuff.ts";
import { RELEASE_SOCK, type Sock, sockError } from "./core/sock.ts";
import { SK, SKB, TCP } from "./fields.ts";
import { __TCP_PUSH_PENDING_FRAMES, currentMss } from "./ipv4/tcp_output.ts";
import { isError, socketOfFile, SOCKFD_LOOKUP_LIGHT, sockIn } from "./socket.ts";

const JIFFY_US = 4000;
const FIONREAD = 0x541b;
const SIOCOUTQ = 0x5411;
const SIOCGIFCONF = 0x8912;
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFADDR = 0x8915;
const SIOCGIFNETMASK = 0x891b;
const SIOCGIFMTU = 0x8921;
const SIOCGIFINDEX = 0x8933;
const IFREQ = 40;

/** Sets an option of all sockets: (sk, level, optname, optval, …). */
const SK_SETSOCKOPT: FunctionRef = behaviour(
  "sk_setsockopt",
  [RELEASE_SOCK],
  (k, address = 0, _level, option = 0, value = 0, _is, length = 4) => {
    const sk = k.net.socks.get(address);
    if (sk === undefined) return -EINVAL;
    const number = loadUser(k, value, 4, true);
    if (Number.isNaN(number) && recorded(k) === undefined) return -EFAULT;
    const result = setCommon(k, sk, option, Number.isNaN(number) ? 1 : number, value, length);
    k.call(RELEASE_SOCK, address);
    return result;
  },
);
function setCommon(k: Kernel, sk: Sock, option: number, number: number, value: Addr, length: number): number {
  const { address } = sk;
  switch (option) {
    case c.SO_REUSEADDR:
      sk.reuseAddress = number !== 0;
      return 0;
    case c.SO_REUSEPORT:
      sk.reusePort = number !== 0;
      return 0;
    case c.SO_SNDBUF:
      SK.sndbuf.set(k, address, Math.max(4608, Math.min(number, 212992) * 2));
      return 0;
    case c.SO_RCVBUF:
      SK.rcvbuf.set(k, address, Math.max(2304, Math.min(number, 212992) * 2));
      if (sk.tcp !== null) sk.tcp.receiveBuffer = SK.rcvbuf.get(k, address);
      return 0;
    case c.SO_LINGER: {
      const seconds = loadUser(k, value + 4, 4, true);
      sk.linger = number === 0 ? -1 : Number.isNaN(seconds) ? 0 : seconds;
      return 0;
    }
    case c.SO_RCVTIMEO:
    case c.SO_SNDTIMEO:
    case 66:
    case 67: {
      const word = length >= 16 ? 8 : 4;
      const seconds = loadUser(k, value, word, true);
      const us = loadUser(k, value + word, word, true);
      const jiffies = Math.ceil((seconds * 1e6 + us) / JIFFY_US);
      const field = option === c.SO_RCVTIMEO || option === 66 ? SK.rcvtimeo : SK.sndtimeo;
      field.set(k, address, Number.isNaN(jiffies) ? 0 : jiffies);
      return 0;
    }
    case c.SO_PASSCRED:
      if (sk.unix !== null) sk.unix.passCredentials = number !== 0;
      return 0;
    default:
      return option > 0 && option < 80 ? 0 : -ENOPROTOOPT;
  }
}
const SOCK_SETSOCKOPT: FunctionRef = behaviour(
  "sock_setsockopt",
  [SK_SETSOCKOPT],
  (k, sock = 0, level = 0, option = 0, value = 0, length = 0) => {
    return k.call(SK_SETSOCKOPT, sockIn(k, sock).address, level, option, value, 0, length);
  },
);
/** Sets an option of TCP: (sk, level, optname, …). */
const DO_TCP_SETSOCKOPT: FunctionRef = behaviour(
  "do_tcp_setsockopt",
  [fn("sockopt_lock_sock"), __TCP_PUSH_PENDING_FRAMES, fn("sockopt_release_sock")],
  (k, address = 0, _level, option = 0, value = 0) => {
    const sk = k.net.socks.get(address);
    const number = loadUser(k, value, 4, true);
    if (sk === undefined || sk.tcp === null) return -ENOPROTOOPT;
    if (Number.isNaN(number) && recorded(k) === undefined) return -EFAULT;
    k.call(fn("sockopt_lock_sock"), address);
    const on = Number.isNaN(number) || number !== 0;
    if (option === c.TCP_NODELAY) sk.tcp.nodelay = on;
    else if (option === c.TCP_CORK) sk.tcp.cork = on;
    if (option === c.TCP_NODELAY && on || option === c.TCP_CORK && !on) {
      k.call(__TCP_PUSH_PENDING_FRAMES, address, currentMss(k, sk), 1);
    }
    k.call(fn("sockopt_release_sock"), address);
    return option > 0 && option < 40 ? 0 : -ENOPROTOOPT;
  },
);
behaviour("sockopt_lock_sock", [], (k, sk = 0) => {
  const owner = k.net.socks.get(sk);
  if (owner !== undefined) owner.owned = true;
  return Number.NaN;
});
behaviour("sockopt_release_sock", [RELEASE_SOCK], (k, sk = 0) => k.call(RELEASE_SOCK, sk));
const TCP_SETSOCKOPT: FunctionRef = behaviour(
  "tcp_setsockopt",
  [DO_TCP_SETSOCKOPT],
  (k, sk = 0, level = 0, option = 0, value = 0) => k.call(DO_TCP_SETSOCKOPT, sk, level, option, value, 0, 4),
);
const COMMON_SETSOCKOPT: FunctionRef = behaviour(
  "sock_common_setsockopt",
  [TCP_SETSOCKOPT],
  (k, sock = 0, level = 0, option = 0, value = 0) => {
    const sk = sockIn(k, sock);
    if (level === c.IPPROTO_TCP) {
      return sk.tcp === null ? -EOPNOTSUPP : k.call(TCP_SETSOCKOPT, sk.address, level, option, value);
    }
    if (level === c.IPPROTO_IPV6 && option === 26) {
      sk.v6only = loadUser(k, value, 4, true) !== 0;
      return 0;
    }
    return level === 0 || level === c.IPPROTO_IPV6 || level === c.IPPROTO_UDP ? 0 : -ENOPROTOOPT;
  },
);

/** `setsockopt`: (fd, level, optname, optval, optlen). */
export const __SYS_SETSOCKOPT: FunctionRef = behaviour(
  "__sys_setsockopt",
  [SOCKFD_LOOKUP_LIGHT, fn("security_socket_setsockopt"), SOCK_SETSOCKOPT, COMMON_SETSOCKOPT],
  (k, fd = 0, level = 0, option = 0, value = 0, length = 0) => {
    if (length < 0) return -EINVAL;
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    k.call(fn("security_socket_setsockopt"), socket, level, option);
    const failure = recorded(k)?.ret ?? 0;
    if (failure < 0) return failure;
    if (length < 4 && recorded(k) === undefined) return -EINVAL;
    const result = level === c.SOL_SOCKET
      ? k.call(SOCK_SETSOCKOPT, socket, level, option, value, length)
      : sockIn(k, socket).unix !== null
      ? -EOPNOTSUPP
      : k.call(COMMON_SETSOCKOPT, socket, level, option, value);
    return recorded(k)?.ret ?? result;
  },
);

/** The value of an option; undefined where there is none of that number. */
function optionValue(k: Kernel, socket: Addr, level: number, option: number): readonly number[] | undefined {
  const sk = sockIn(k, socket);
  const { address } = sk;
  if (level === c.IPPROTO_TCP && sk.tcp !== null) {
    if (option === c.TCP_NODELAY) return [sk.tcp.nodelay ? 1 : 0];
    if (option === c.TCP_CORK) return [sk.tcp.cork ? 1 : 0];
    if (option === 2) return [TCP.mss.get(k, address)];
    return [0];
  }
  if (level === c.IPPROTO_IPV6) return [option === 26 && sk.v6only ? 1 : 0];
  if (level !== c.SOL_SOCKET) return level === 0 ? [0] : undefined;
  switch (option) {
    case c.SO_TYPE:
      return [sk.type];
    case c.SO_ERROR:
      return [-sockError(k, sk)];
    case c.SO_DOMAIN:
      return [sk.family];
    case c.SO_PROTOCOL:
      return [sk.protocol];
    case c.SO_REUSEADDR:
      return [sk.reuseAddress ? 1 : 0];
    case c.SO_REUSEPORT:
      return [sk.reusePort ? 1 : 0];
    case c.SO_SNDBUF:
      return [SK.sndbuf.get(k, address)];
    case c.SO_RCVBUF:
      return [SK.rcvbuf.get(k, address)];
    case c.SO_ACCEPTCONN:
      return [SK.state.get(k, address) === c.TCP_LISTEN ? 1 : 0];
    case c.SO_LINGER:
      return [sk.linger < 0 ? 0 : 1, Math.max(0, sk.linger)];
    case c.SO_PEERCRED: {
      const known = sk.unix?.credentials;
      return known ? [known.pid, known.uid, known.gid] : [0, -1, -1];
    }
    case c.SO_KEEPALIVE:
    case c.SO_BROADCAST:
    case c.SO_DONTROUTE:
    case c.SO_PASSCRED:
      return [0];
    default:
      return option > 0 && option < 80 ? [0] : undefined;
  }
}

const SK_GETSOCKOPT: FunctionRef = behaviour("sk_getsockopt", [], () => 0);
const SOCK_GETSOCKOPT: FunctionRef = behaviour(
  "sock_getsockopt",
  [SK_GETSOCKOPT],
  (k, sock = 0, level = 0, option = 0) => {
    return k.call(SK_GETSOCKOPT, sockIn(k, sock).address, level, option);
  },
);
/** `getsockopt`: (fd, level, optname, optval, optlen). */
export const __SYS_GETSOCKOPT: FunctionRef = behaviour(
  "__sys_getsockopt",
  [SOCKFD_LOOKUP_LIGHT, fn("security_socket_getsockopt"), SOCK_GETSOCKOPT],
  (k, fd = 0, level = 0, option = 0, value = 0, length = 0) => {
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    k.call(fn("security_socket_getsockopt"), socket, level, option);
    if (level === c.SOL_SOCKET) k.call(SOCK_GETSOCKOPT, socket, level, option, value, length);
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    const words = optionValue(k, socket, level, option);
    if (words === undefined) return outcome?.ret ?? -ENOPROTOOPT;
    const room = loadUser(k, length, 4, true);
    if (Number.isNaN(room)) return outcome?.ret ?? -EFAULT;
    if (room < 0) return -EINVAL;
    const bytes = new Uint8Array(words.length * 4);
    words.forEach((word, i) => new DataView(bytes.buffer).setInt32(i * 4, word, true));
    try {
      const part = bytes.subarray(0, room);
      if (part.length > 0) k.memory.writeBytes(value, part);
      k.memory.store(length, 4, part.length);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      if (outcome === undefined) return -EFAULT;
    }
    return 0;
  },
);

/** What a protocol answers: (sk, cmd, arg). */
const TCP_IOCTL: FunctionRef = behaviour("tcp_ioctl", [], (k, address = 0, cmd = 0, arg = 0) => {
  const sk = k.net.socks.get(address);
  return sk === undefined ? -ENOTTY : control(k, sk, cmd, arg);
});
const INET_IOCTL: FunctionRef = behaviour("inet_ioctl", [TCP_IOCTL], (k, sock = 0, cmd = 0, arg = 0) => {
  const sk = sockIn(k, sock);
  return sk.tcp !== null ? k.call(TCP_IOCTL, sk.address, cmd, arg) : control(k, sk, cmd, arg);
});
const UNIX_IOCTL: FunctionRef = behaviour("unix_ioctl", [], (k, sock = 0, cmd = 0, arg = 0) => {
  return control(k, sockIn(k, sock), cmd, arg);
});
const SOCK_DO_IOCTL: FunctionRef = behaviour(
  "sock_do_ioctl",
  [INET_IOCTL, UNIX_IOCTL],
  (k, _net, sock = 0, cmd = 0, arg = 0) => {
    return k.call(sockIn(k, sock).unix !== null ? UNIX_IOCTL : INET_IOCTL, sock, cmd, arg);
  },
);
/** `ioctl` on a socket: (file, cmd, arg). */
export const SOCK_IOCTL: FunctionRef = behaviour(
  "sock_ioctl",
  [SOCK_DO_IOCTL],
  (k, address = 0, cmd = 0, arg = 0) => {
    const file = k.vfs.files.get(address);
    const socket = file === undefined ? undefined : socketOfFile(k, file);
    const outcome = recorded(k);
    if (socket?.sk === null || socket === undefined) return outcome?.ret ?? -ENOTTY;
    try {
      const own = k.call(SOCK_DO_IOCTL, symbolAddress(k, "init_net"), socket.address, cmd, arg);
      return outcome?.ret ?? own;
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      return outcome?.ret ?? -EFAULT;
    }
  },
);
function control(k: Kernel, sk: Sock, cmd: number, arg: Addr): number {
  switch (cmd) {
    case FIONREAD:
      k.memory.store(arg, 4, readable(k, sk));
      return 0;
    case SIOCOUTQ:
      k.memory.store(
        arg,
        4,
        sk.tcp === null ? 0 : (TCP.writeSeq.get(k, sk.address) - TCP.sndUna.get(k, sk.address)) | 0,
      );
      return 0;
    case SIOCGIFCONF:
      return interfaces(k, arg);
    case SIOCGIFFLAGS:
    case SIOCGIFADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFMTU:
    case SIOCGIFINDEX: {
      const name = k.memory.readString(arg, 16);
      const dev = [k.net.lo, k.net.eth0].find((one) => one.name === name);
      return dev === undefined ? -ENODEV : interfaceFact(k, dev, cmd, arg + 16);
    }
    default:
      return -ENOTTY;
  }
}
function readable(k: Kernel, sk: Sock): number {
  if (sk.tcp !== null) {
    return Math.max(0, (TCP.rcvNxt.get(k, sk.address) - TCP.copiedSeq.get(k, sk.address)) | 0);
  }
  const first = peek(k, SK.receiveQueue.at(k, sk.address));
  return first === undefined ? 0 : SKB.len.get(k, first.address);
}
function interfaceFact(k: Kernel, dev: NetDevice, cmd: number, at: Addr): number {
  if (cmd === SIOCGIFFLAGS) k.memory.store(at, 2, dev.flags);
  else if (cmd === SIOCGIFMTU) k.memory.store(at, 4, dev.mtu);
  else if (cmd === SIOCGIFINDEX) k.memory.store(at, 4, dev.ifindex);
  else {
    k.memory.store(at, 2, c.AF_INET);
    k.memory.store(at + 2, 2, 0);
    const address = cmd === SIOCGIFADDR
      ? dev.addresses[0] ?? "0.0.0.0"
      : dev.loopback
      ? "255.0.0.0"
      : "255.255.255.0";
    k.memory.writeBytes(at + 4, addressBytes(address));
  }
  return 0;
}
function interfaces(k: Kernel, arg: Addr): number {
  const word = k.image.pointerSize;
  const size = word === 8 ? IFREQ : 32;
  const room = k.memory.load(arg, 4, true);
  const buffer = k.memory.readPointer(arg + word);
  const devices = [k.net.lo, k.net.eth0];
  let used = 0;
  for (const dev of devices) {
    if (buffer !== 0 && used + size > room) break;
    if (buffer !== 0) {
      k.memory.fill(buffer + used, size, 0);
      k.memory.writeString(buffer + used, dev.name, 16);
      interfaceFact(k, dev, SIOCGIFADDR, buffer + used + 16);
    }
    used += size;
  }
  k.memory.store(arg, 4, used);
  return 0;
}

/** Whether a file is a socket: its controls are `sock_ioctl`'s. */
export function isSocket(k: Kernel, file: OpenFile): boolean {
  return socketOfFile(k, file) !== undefined;
}
