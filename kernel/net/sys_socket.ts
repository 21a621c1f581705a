/**
 * What the socket system calls do: `__sys_socket`, `__sys_bind`, `__sys_accept4`, … in `net/socket.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { FD_INSTALL, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "../fs/fdtable.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { symbolAddress } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { EBADF, EFAULT, EINVAL, EOPNOTSUPP } from "../syscalls/errno.ts";
import { fileOf } from "../fs/fdtable.ts";
import { AF_UNIX, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_TYPE_MASK } from "./constants.ts";
import { MSG } from "./fields.ts";
import { newMessage, SOCKADDR_STORAGE } from "./msghdr.ts";
import {
  __SOCK_CREATE,
  __SOCK_SENDMSG,
  allocSocket,
  isError,
  setOps,
  SOCK_ALLOC,
  SOCK_ALLOC_FILE,
  SOCK_RECVMSG,
  socketOf,
  socketOfFile,
  SOCKFD_LOOKUP_LIGHT,
} from "./socket.ts";

/** Copies an address in: 0, or -errno: (uaddr, length, kaddr). */
export const MOVE_ADDR_TO_KERNEL: FunctionRef = behaviour(
  "move_addr_to_kernel",
  [fn("__check_object_size")],
  (k, uaddr = 0, length = 0, kaddr = 0) => {
    if (length < 0 || length > SOCKADDR_STORAGE) return -EINVAL;
    if (length === 0) return 0;
    k.call(fn("__check_object_size"), kaddr, length, 0);
    try {
      if (!k.memory.isUser(uaddr)) return -EFAULT;
      k.memory.writeBytes(kaddr, k.memory.readBytes(uaddr, length));
      return 0;
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      return recorded(k) === undefined ? -EFAULT : 0;
    }
  },
);

/** Copies an address out, as much as the caller has room for: 0, or -errno: (kaddr, length, uaddr, ulen). */
export const MOVE_ADDR_TO_USER: FunctionRef = behaviour(
  "move_addr_to_user",
  [fn("__check_object_size")],
  (k, kaddr = 0, length = 0, uaddr = 0, ulen = 0) => {
    const outcome = recorded(k);
    const known = outcome?.peer?.bytes;
    const bytes = known !== undefined && known.length > 0 ? known : k.memory.readBytes(kaddr, length);
    const room = loadUser(k, ulen, 4, true);
    if (Number.isNaN(room)) return outcome === undefined ? -EFAULT : 0;
    if (room < 0) return outcome === undefined ? -EINVAL : 0;
    k.call(fn("__check_object_size"), kaddr, Math.min(room, length), 1);
    try {
      if (room > 0) k.memory.writeBytes(uaddr, bytes.subarray(0, room));
      k.memory.store(ulen, 4, bytes.length);
      return 0;
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      return outcome === undefined ? -EFAULT : 0;
    }
  },
);

/** Room for an address on the kernel stack. */
function storage(k: Kernel): Addr {
  return pushLocal(k, SOCKADDR_STORAGE);
}

/** Makes a descriptor for a socket: it, or -errno (`sock_map_fd`). */
function mapFd(k: Kernel, socket: Addr, flags: number): number {
  const fd = k.call(GET_UNUSED_FD_FLAGS, flags);
  if (fd < 0) {
    releaseUnused(k, socket);
    return fd;
  }
  const file = k.call(SOCK_ALLOC_FILE, socket, flags, 0);
  k.call(FD_INSTALL, fd, file);
  return fd;
}

/** A socket that got no file goes again. */
function releaseUnused(k: Kernel, address: Addr): void {
  const socket = k.net.sockets.get(address);
  if (socket?.ops !== null && socket !== undefined && socket.sk !== null) k.call(socket.ops.release, address);
  k.net.sockets.delete(address);
}

/** `socket`: (family, type, protocol). */
export const __SYS_SOCKET: FunctionRef = behaviour(
  "__sys_socket",
  [__SOCK_CREATE, GET_UNUSED_FD_FLAGS, SOCK_ALLOC_FILE, FD_INSTALL],
  (k, family = 0, type = 0, protocol = 0) => {
    const flags = type & ~SOCK_TYPE_MASK;
    if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0) return -EINVAL;
    const net = symbolAddress(k, "init_net");
    const socket = k.call(__SOCK_CREATE, net, family, type & SOCK_TYPE_MASK, protocol, Number.NaN, 0);
    return isError(socket) ? socket : mapFd(k, socket, flags);
  },
);

/** `socketpair`: (family, type, protocol, usockvec). */
export const __SYS_SOCKETPAIR: FunctionRef = behaviour(
  "__sys_socketpair",
  [
    GET_UNUSED_FD_FLAGS,
    PUT_UNUSED_FD,
    __SOCK_CREATE,
    fn("security_socket_socketpair"),
    fn("unix_socketpair"),
    SOCK_ALLOC_FILE,
    FD_INSTALL,
  ],
  (k, family = 0, type = 0, protocol = 0, vector = 0) => {
    const flags = type & ~SOCK_TYPE_MASK;
    if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0) return -EINVAL;
    const fds = [k.call(GET_UNUSED_FD_FLAGS, flags), 0] as [number, number];
    if (fds[0] < 0) return fds[0];
    fds[1] = k.call(GET_UNUSED_FD_FLAGS, flags);
    const giveBack = (error: number): number => {
      for (const fd of fds) if (fd >= 0) k.call(PUT_UNUSED_FD, fd);
      return error;
    };
    if (fds[1] < 0) return giveBack(fds[1]);
    const net = symbolAddress(k, "init_net");
    const ends: number[] = [];
    for (let i = 0; i < 2; i++) {
      const socket = k.call(__SOCK_CREATE, net, family, type & SOCK_TYPE_MASK, protocol, Number.NaN, 0);
      if (isError(socket)) return giveBack(socket);
      ends.push(socket);
    }
    const [one = 0, two = 0] = ends;
    k.call(fn("security_socket_socketpair"), one, two);
    const pair = socketOf(k, one).ops?.socketpair;
    if (pair === undefined || family !== AF_UNIX) return giveBack(-EOPNOTSUPP);
    const error = k.call(pair, one, two);
    if (error < 0) return giveBack(error);
    const files = ends.map((end) => k.call(SOCK_ALLOC_FILE, end, flags, 0));
    try {
      fds.forEach((fd, i) => k.memory.store(vector + i * 4, 4, fd));
    } catch (fault) {
      if (!(fault instanceof MemoryFault)) throw fault;
      if (recorded(k) === undefined) {
        for (const file of files) k.vfs.putFile(file);
        return giveBack(-EFAULT);
      }
    }
    fds.forEach((fd, i) => k.call(FD_INSTALL, fd, files[i]));
    return 0;
  },
);

/** `bind`: (fd, uaddr, length). */
export const __SYS_BIND: FunctionRef = behaviour(
  "__sys_bind",
  [
    SOCKFD_LOOKUP_LIGHT,
    MOVE_ADDR_TO_KERNEL,
    fn("security_socket_bind"),
    fn("inet_bind"),
    fn("inet6_bind"),
    fn("unix_bind"),
    fn("netlink_bind"),
  ],
  (k, fd = 0, uaddr = 0, length = 0) => {
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    const mark = k.current.locals;
    const address = storage(k);
    let result = k.call(MOVE_ADDR_TO_KERNEL, uaddr, length, address);
    if (result >= 0) {
      k.call(fn("security_socket_bind"), socket, address, length);
      const { ops } = socketOf(k, socket);
      result = ops === null ? -EINVAL : k.call(ops.bind, socket, address, length);
    }
    popLocals(k, mark);
    return result;
  },
);

/** `listen`: (fd, backlog). */
export const __SYS_LISTEN: FunctionRef = behaviour(
  "__sys_listen",
  [SOCKFD_LOOKUP_LIGHT, fn("security_socket_listen"), fn("inet_listen"), fn("unix_listen")],
  (k, fd = 0, backlog = 0) => {
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    k.call(fn("security_socket_listen"), socket, backlog);
    const listen = socketOf(k, socket).ops?.listen;
    return listen === undefined ? -EOPNOTSUPP : k.call(listen, socket, backlog);
  },
);

const CONNECTS = [
  fn("inet_stream_connect"),
  fn("inet_dgram_connect"),
  fn("unix_stream_connect"),
  fn("unix_dgram_connect"),
  fn("netlink_connect"),
];
const __SYS_CONNECT_FILE: FunctionRef = blocking(
  "__sys_connect_file",
  [fn("security_socket_connect"), ...CONNECTS],
  function* (k, file = 0, address = 0, length = 0, flags = 0): Blocking<number> {
    const open = k.vfs.files.get(file);
    const socket = open === undefined ? undefined : socketOfFile(k, open);
    if (socket === undefined || socket.ops === null) return -EINVAL;
    k.call(fn("security_socket_connect"), socket.address, address, length);
    const how = (socket.nonblocking ? SOCK_NONBLOCK : 0) | flags;
    return yield* k.calls.callBlocking(socket.ops.connect, socket.address, address, length, how);
  },
);
/** `connect`: (fd, uaddr, length). */
export const __SYS_CONNECT: FunctionRef = blocking(
  "__sys_connect",
  [fn("__fdget"), MOVE_ADDR_TO_KERNEL, __SYS_CONNECT_FILE],
  function* (k, fd = 0, uaddr = 0, length = 0): Blocking<number> {
    k.call(fn("__fdget"), fd);
    const file = fileOf(k, fd);
    if (file === undefined) return -EBADF;
    if (socketOfFile(k, file) === undefined) return -88;
    const mark = k.current.locals;
    const address = storage(k);
    let result = k.call(MOVE_ADDR_TO_KERNEL, uaddr, length, address);
    if (result === 0) {
      result = yield* k.calls.callBlocking(__SYS_CONNECT_FILE, file.address, address, length, 0);
    }
    popLocals(k, mark);
    return result;
  },
);

const ACCEPTS = [fn("inet_accept"), fn("unix_accept"), fn("sock_no_accept")];
const GETNAMES = [fn("inet_getname"), fn("inet6_getname"), fn("unix_getname"), fn("netlink_getname")];
/** Accepts a connection: its file's address, or -errno: (file, file_flags, uaddr, ulen, flags). */
const DO_ACCEPT: FunctionRef = blocking(
  "do_accept",
  [SOCK_ALLOC, SOCK_ALLOC_FILE, fn("security_socket_accept"), ...ACCEPTS, ...GETNAMES, MOVE_ADDR_TO_USER],
  function* (k, file = 0, fileFlags = 0, uaddr = 0, ulen = 0, flags = 0): Blocking<number> {
    const open = k.vfs.files.get(file);
    const socket = open === undefined ? undefined : socketOfFile(k, open);
    if (socket === undefined || socket.ops === null) return -88;
    const fresh = allocSocket(k, socket.type);
    setOps(k, fresh, socket.ops);
    const made = k.call(SOCK_ALLOC_FILE, fresh.address, flags, Number.NaN);
    k.call(fn("security_socket_accept"), socket.address, fresh.address);
    const { accept } = socket.ops;
    let result = accept === undefined ? -EOPNOTSUPP : yield* k.calls.callBlocking(
      accept,
      socket.address,
      fresh.address,
      (socket.nonblocking ? SOCK_NONBLOCK : 0) | fileFlags,
      0,
    );
    if (result >= 0 && uaddr !== 0) {
      const mark = k.current.locals;
      const address = storage(k);
      const length = k.call(fresh.ops?.getname ?? fn("inet_getname"), fresh.address, address, 2);
      result = length < 0 ? -103 : k.call(MOVE_ADDR_TO_USER, address, length, uaddr, ulen);
      popLocals(k, mark);
    }
    if (result < 0) {
      releaseUnused(k, fresh.address);
      k.vfs.putFile(made);
      return result;
    }
    return made;
  },
);
/** `accept4`: (fd, uaddr, ulen, flags). */
export const __SYS_ACCEPT4: FunctionRef = blocking(
  "__sys_accept4",
  [fn("__fdget"), GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD, DO_ACCEPT, FD_INSTALL],
  function* (k, fd = 0, uaddr = 0, ulen = 0, flags = 0): Blocking<number> {
    k.call(fn("__fdget"), fd);
    const file = fileOf(k, fd);
    if (file === undefined) return -EBADF;
    if (socketOfFile(k, file) === undefined) return -88;
    if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0) return -EINVAL;
    const fresh = k.call(GET_UNUSED_FD_FLAGS, flags);
    if (fresh < 0) return fresh;
    const made = yield* k.calls.callBlocking(DO_ACCEPT, file.address, 0, uaddr, ulen, flags);
    if (isError(made)) {
      k.call(PUT_UNUSED_FD, fresh);
      return made;
    }
    k.call(FD_INSTALL, fresh, made);
    return fresh;
  },
);

function name(k: Kernel, fd: number, uaddr: Addr, ulen: Addr, peer: number): number {
  const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
  if (isError(socket)) return socket;
  k.call(fn(peer === 0 ? "security_socket_getsockname" : "security_socket_getpeername"), socket);
  const mark = k.current.locals;
  const address = storage(k);
  const { ops } = socketOf(k, socket);
  const length = ops === null ? -EINVAL : k.call(ops.getname, socket, address, peer);
  const failure = recorded(k)?.ret ?? 0;
  const result = failure < 0
    ? failure
    : length < 0 && recorded(k) === undefined
    ? length
    : k.call(MOVE_ADDR_TO_USER, address, Math.max(length, 0), uaddr, ulen);
  popLocals(k, mark);
  return result;
}
/** `getsockname`: (fd, uaddr, ulen). */
export const __SYS_GETSOCKNAME: FunctionRef = behaviour(
  "__sys_getsockname",
  [SOCKFD_LOOKUP_LIGHT, fn("security_socket_getsockname"), ...GETNAMES, MOVE_ADDR_TO_USER],
  (k, fd = 0, uaddr = 0, ulen = 0) => name(k, fd, uaddr, ulen, 0),
);
/** `getpeername`: (fd, uaddr, ulen). */
export const __SYS_GETPEERNAME: FunctionRef = behaviour(
  "__sys_getpeername",
  [SOCKFD_LOOKUP_LIGHT, fn("security_socket_getpeername"), ...GETNAMES, MOVE_ADDR_TO_USER],
  (k, fd = 0, uaddr = 0, ulen = 0) => name(k, fd, uaddr, ulen, 1),
);

/** `shutdown`: (fd, how). */
export const __SYS_SHUTDOWN: FunctionRef = behaviour(
  "__sys_shutdown",
  [SOCKFD_LOOKUP_LIGHT, fn("security_socket_shutdown"), fn("inet_shutdown"), fn("unix_shutdown")],
  (k, fd = 0, how = 0) => {
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    k.call(fn("security_socket_shutdown"), socket, how);
    const shutdown = socketOf(k, socket).ops?.shutdown;
    return shutdown === undefined ? -EOPNOTSUPP : k.call(shutdown, socket, how);
  },
);

/** `sendto`: (fd, buf, length, flags, addr, addr_len). */
export const __SYS_SENDTO: FunctionRef = blocking(
  "__sys_sendto",
  [SOCKFD_LOOKUP_LIGHT, MOVE_ADDR_TO_KERNEL, __SOCK_SENDMSG],
  function* (k, fd = 0, buf = 0, length = 0, flags = 0, uaddr = 0, addressLength = 0): Blocking<number> {
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    const mark = k.current.locals;
    const nonblocking = socketOf(k, socket).nonblocking ? MSG_DONTWAIT : 0;
    const msg = newMessage(k, [{ base: buf, length }], flags | nonblocking);
    let result = 0;
    if (uaddr !== 0) {
      const address = storage(k);
      result = k.call(MOVE_ADDR_TO_KERNEL, uaddr, addressLength, address);
      MSG.name.set(k, msg, address);
      MSG.namelen.set(k, msg, addressLength);
    }
    if (result >= 0) result = yield* k.calls.callBlocking(__SOCK_SENDMSG, socket, msg);
    popLocals(k, mark);
    return result;
  },
);

/** `recvfrom`: (fd, buf, length, flags, addr, addr_len). */
export const __SYS_RECVFROM: FunctionRef = blocking(
  "__sys_recvfrom",
  [SOCKFD_LOOKUP_LIGHT, SOCK_RECVMSG, MOVE_ADDR_TO_USER],
  function* (k, fd = 0, buf = 0, length = 0, flags = 0, uaddr = 0, ulen = 0): Blocking<number> {
    const socket = k.call(SOCKFD_LOOKUP_LIGHT, fd, Number.NaN, Number.NaN);
    if (isError(socket)) return socket;
    const mark = k.current.locals;
    const how = flags | (socketOf(k, socket).nonblocking ? MSG_DONTWAIT : 0);
    const msg = newMessage(k, [{ base: buf, length }]);
    const address = storage(k);
    if (uaddr !== 0) MSG.name.set(k, msg, address);
    let result = yield* k.calls.callBlocking(SOCK_RECVMSG, socket, msg, how);
    if (result >= 0 && uaddr !== 0) {
      const moved = k.call(MOVE_ADDR_TO_USER, address, MSG.namelen.get(k, msg), uaddr, ulen);
      if (moved < 0) result = moved;
    }
    popLocals(k, mark);
    return result;
  },
);
