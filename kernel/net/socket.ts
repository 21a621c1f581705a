/**
 * Sockets as files: `struct socket`, `sockfs`, and the way from the system calls to a protocol family. `net/socket.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, blocking, fn, type FunctionRef, whenDone } from "../calls/function.ts";
import { FILE } from "../fs/fields.ts";
import { newFile, type OpenFile, openOn } from "../fs/file.ts";
import { fileOf } from "../fs/fdtable.ts";
import { SOCKET as SOCKET_FILE } from "../fs/fileops.ts";
import { type Inode, SOCKET_INODE } from "../fs/inode.ts";
import { O_NONBLOCK, O_RDWR, S_IFSOCK } from "../fs/modes.ts";
import { advance, transferOf } from "../fs/read_write.ts";
import { recordedErrorOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { field, symbolAddress } from "../process/objects.ts";
import { popLocals } from "../process/stack.ts";
import { EAFNOSUPPORT, EBADF, EINVAL, ENOTSOCK } from "../syscalls/errno.ts";
import { MSG_DONTWAIT, SOCK_STREAM, SS_UNCONNECTED } from "./constants.ts";
import { initWaitQueue, type Sock } from "./core/sock.ts";
import { SOCKET } from "./fields.ts";
import { messageCount, messageOf } from "./msghdr.ts";

/** A family's operations on sockets: `struct proto_ops`. All take the socket first. */
export interface ProtoOps {
  /** The kernel's symbol. */
  readonly symbol: string;
  readonly release: FunctionRef;
  readonly bind: FunctionRef;
  readonly connect: FunctionRef;
  readonly accept?: FunctionRef;
  /** (sock, address, peer): bytes of the address. */
  readonly getname: FunctionRef;
  readonly listen?: FunctionRef;
  readonly shutdown?: FunctionRef;
  /** (sock, msg, size). */
  readonly sendmsg: FunctionRef;
  /** (sock, msg, size, flags). */
  readonly recvmsg: FunctionRef;
  readonly socketpair?: FunctionRef;
  /** (file, sock, poll_table). */
  readonly poll: FunctionRef;
  /** (sock, cmd, arg). */
  readonly ioctl?: FunctionRef;
}

/** What the model keeps beside a `struct socket`. */
export class Socket {
  /** Address of the `struct socket`. */
  readonly address: Addr;
  readonly inode: Inode;
  readonly type: number;
  ops: ProtoOps | null = null;
  sk: Sock | null = null;
  readonly #k: Kernel;

  constructor(k: Kernel, inode: Inode, type: number) {
    this.#k = k;
    this.inode = inode;
    this.type = type;
    this.address = inode.address - VFS_INODE.offset(k);
    SOCKET.type.set(k, this.address, type);
    this.state = SS_UNCONNECTED;
    k.net.sockets.set(this.address, this);
  }

  /** `SS_UNCONNECTED` to `SS_DISCONNECTING`. */
  get state(): number {
    return SOCKET.state.get(this.#k, this.address);
  }

  set state(state: number) {
    SOCKET.state.set(this.#k, this.address, state);
  }

  /** Whether its calls return instead of waiting. */
  get nonblocking(): boolean {
    const file = SOCKET.file.get(this.#k, this.address);
    return file !== 0 && (FILE.flags.get(this.#k, file) & O_NONBLOCK) !== 0;
  }
}

const VFS_INODE = field("socket_alloc", "vfs_inode");

/** The socket at an address that is one. */
export function socketOf(k: Kernel, address: Addr): Socket {
  const socket = k.net.sockets.get(address);
  if (socket === undefined) throw new Error("Cannot use a socket that was released");
  return socket;
}

/** Its sock; a socket without one is being made. */
export function sockIn(k: Kernel, address: Addr): Sock {
  const { sk } = socketOf(k, address);
  if (sk === null) throw new Error("Cannot use a socket that has no sock yet");
  return sk;
}

/** Gives a socket its family's operations. */
export function setOps(k: Kernel, socket: Socket, ops: ProtoOps): void {
  socket.ops = ops;
  SOCKET.ops.set(k, socket.address, symbolAddress(k, ops.symbol));
}

const types = new WeakMap<Kernel, number>();

/** A socket without family: its inode in `sockfs`. */
export const SOCK_ALLOC: FunctionRef = behaviour(
  "sock_alloc",
  [fn("new_inode_pseudo"), fn("get_next_ino")],
  (k) => {
    const fs = k.vfs.pseudo("sockfs");
    k.call(fn("new_inode_pseudo"), fs.sb);
    k.call(fn("get_next_ino"));
    const inode = k.vfs.newInode({ mode: S_IFSOCK | 0o777 }, SOCKET_FILE, fs, SOCKET_INODE);
    const socket = new Socket(k, inode, types.get(k) ?? SOCK_STREAM);
    initWaitQueue(k, socket.address);
    return socket.address;
  },
);

/** `sock_alloc` for a type of socket. */
export function allocSocket(k: Kernel, type: number): Socket {
  types.set(k, type);
  return socketOf(k, k.call(SOCK_ALLOC));
}

/** How sockets of a family are made: (net, sock, protocol, kern). */
export interface NetFamily {
  readonly family: number;
  readonly create: FunctionRef;
}

const families = new Map<number, NetFamily>();
const creators: FunctionRef[] = [];

/** Registers a family (`sock_register`); at module level. */
export function netFamily(family: number, create: FunctionRef): void {
  families.set(family, { family, create });
  creators.push(create);
}

/** Makes a socket with a sock of a family: the socket's address, or -errno: (net, family, type, protocol, res, kern). */
export const __SOCK_CREATE: FunctionRef = behaviour(
  "__sock_create",
  [
    fn("security_socket_create"),
    SOCK_ALLOC,
    fn("inet_create"),
    fn("unix_create"),
    fn("security_socket_post_create"),
  ],
  (k, net = 0, family = 0, type = 0, protocol = 0, _res, kern = 0) => {
    const known = families.get(family);
    const failure = recordedErrorOr(k, 0);
    k.call(fn("security_socket_create"), family, type, protocol, kern);
    if (type < 0 || type > 10) return -EINVAL;
    if (known === undefined || failure === -EAFNOSUPPORT) return -EAFNOSUPPORT;
    const socket = allocSocket(k, type);
    const error = failure !== 0 ? failure : k.call(known.create, net, socket.address, protocol, kern);
    if (error < 0) {
      k.net.sockets.delete(socket.address);
      return error;
    }
    k.call(fn("security_socket_post_create"), socket.address, family, type, protocol, kern);
    return socket.address;
  },
);

/** Gives a socket a file: its address: (sock, flags, dname). */
export const SOCK_ALLOC_FILE: FunctionRef = behaviour(
  "sock_alloc_file",
  [fn("alloc_file_pseudo"), fn("stream_open")],
  (k, address = 0, flags = 0) => {
    const socket = socketOf(k, address);
    const fs = k.vfs.pseudo("sockfs");
    k.call(fn("alloc_file_pseudo"), socket.inode.address, fs.mnt, Number.NaN, O_RDWR | (flags & O_NONBLOCK));
    const dentry = k.vfs.newDentry("", null, fs.sb);
    dentry.inode = socket.inode;
    const file = newFile(k, O_RDWR | (flags & O_NONBLOCK));
    openOn(k, file, dentry, fs.mnt);
    FILE.privateData.set(k, file.address, address);
    SOCKET.file.set(k, address, file.address);
    k.call(fn("stream_open"), socket.inode.address, file.address);
    return file.address;
  },
);

/** Makes a socket of a file that a recording implies; set by who knows the families. */
export const adopters: ((k: Kernel, inode: Inode, file: OpenFile) => Socket)[] = [];

/** The socket behind an open file, if it is one; a file that a recording implies becomes one here. */
export function socketOfFile(k: Kernel, file: OpenFile): Socket | undefined {
  if (file.ops !== SOCKET_FILE || file.inode === null) return undefined;
  const known = k.net.sockets.get(FILE.privateData.get(k, file.address));
  if (known !== undefined) return known;
  return adopters[0]?.(k, file.inode, file);
}

/** The socket of a descriptor: its address, or -errno: (fd, err, fput_needed). */
export const SOCKFD_LOOKUP_LIGHT: FunctionRef = behaviour(
  "sockfd_lookup_light",
  [fn("__fdget")],
  (k, fd = 0) => {
    k.call(fn("__fdget"), fd);
    return lookup(k, fd);
  },
);

/** The same without a call to see. */
export function lookup(k: Kernel, fd: number): Addr {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  return socketOfFile(k, file)?.address ?? -ENOTSOCK;
}

/** Whether a result of `sockfd_lookup_light` is an error. */
export function isError(value: number): boolean {
  return value < 0 && value >= -4095;
}

const RELEASES = [
  fn("inet_release"),
  fn("inet6_release"),
  fn("unix_release"),
  fn("netlink_release"),
  fn("module_put"),
];
/** Lets the family release a socket: (sock, inode). */
const __SOCK_RELEASE: FunctionRef = behaviour("__sock_release", RELEASES, (k, address = 0) => {
  const socket = k.net.sockets.get(address);
  if (socket === undefined) return Number.NaN;
  if (socket.ops !== null) k.call(socket.ops.release, address);
  SOCKET.file.set(k, address, 0);
  SOCKET.sk.set(k, address, 0);
  socket.sk = null;
  k.call(fn("module_put"), 0);
  k.net.sockets.delete(address);
  return Number.NaN;
});
/** The last reference to a socket's file is gone: (inode, file). */
export const SOCK_CLOSE: FunctionRef = behaviour("sock_close", [__SOCK_RELEASE], (k, inode = 0, file = 0) => {
  k.call(__SOCK_RELEASE, FILE.privateData.get(k, file), inode);
  return 0;
});

const SENDS = [
  fn("inet_sendmsg"),
  fn("inet6_sendmsg"),
  fn("unix_stream_sendmsg"),
  fn("unix_dgram_sendmsg"),
  fn("unix_seqpacket_sendmsg"),
  fn("netlink_sendmsg"),
];
/** Sends a message: (sock, msg). */
export const __SOCK_SENDMSG: FunctionRef = blocking(
  "__sock_sendmsg",
  [fn("security_socket_sendmsg"), ...SENDS],
  (k, address = 0, msg = 0) => {
    const size = messageCount(k, msg);
    k.call(fn("security_socket_sendmsg"), address, msg, size);
    const { ops } = socketOf(k, address);
    return ops === null ? -EINVAL : k.calls.callOrWait(ops.sendmsg, address, msg, size);
  },
);
const RECEIVES = [
  fn("inet_recvmsg"),
  fn("inet6_recvmsg"),
  fn("unix_stream_recvmsg"),
  fn("unix_dgram_recvmsg"),
  fn("unix_seqpacket_recvmsg"),
  fn("netlink_recvmsg"),
  fn("sock_common_recvmsg"),
];
/** Receives a message: (sock, msg, flags). */
export const SOCK_RECVMSG: FunctionRef = blocking(
  "sock_recvmsg",
  [fn("security_socket_recvmsg"), ...RECEIVES],
  (k, address = 0, msg = 0, flags = 0) => {
    const size = messageCount(k, msg);
    k.call(fn("security_socket_recvmsg"), address, msg, size, flags);
    const { ops } = socketOf(k, address);
    return ops === null ? -EINVAL : k.calls.callOrWait(ops.recvmsg, address, msg, size, flags);
  },
);

/** `read` on a socket: (kiocb, iter). */
blocking("sock_read_iter", [SOCK_RECVMSG], (k, kiocb = 0, iter = 0) => {
  const file = transferOf(k, kiocb, iter)?.file;
  const socket = file === undefined ? undefined : socketOfFile(k, file);
  if (socket === undefined) return -EINVAL;
  const mark = k.current.locals;
  const flags = socket.nonblocking ? MSG_DONTWAIT : 0;
  const msg = messageOf(k, iter, flags);
  return whenDone(k.calls.callOrWait(SOCK_RECVMSG, socket.address, msg, flags), (result) => {
    if (result > 0) advance(k, kiocb, iter, result);
    popLocals(k, mark);
    return result;
  });
});
/** `write` on a socket: (kiocb, iter). */
blocking("sock_write_iter", [__SOCK_SENDMSG], (k, kiocb = 0, iter = 0) => {
  const file = transferOf(k, kiocb, iter)?.file;
  const socket = file === undefined ? undefined : socketOfFile(k, file);
  if (socket === undefined) return -EINVAL;
  const mark = k.current.locals;
  const msg = messageOf(k, iter, socket.nonblocking ? MSG_DONTWAIT : 0);
  return whenDone(k.calls.callOrWait(__SOCK_SENDMSG, socket.address, msg), (result) => {
    if (result > 0) advance(k, kiocb, iter, result);
    popLocals(k, mark);
    return result;
  });
});

const POLLS = [fn("tcp_poll"), fn("udp_poll"), fn("unix_poll"), fn("unix_dgram_poll"), fn("datagram_poll")];
/** What a socket is ready for: (file, poll_table). */
export const SOCK_POLL: FunctionRef = behaviour("sock_poll", POLLS, (k, address = 0, table = 0) => {
  const file = k.vfs.files.get(address);
  const socket = file === undefined ? undefined : socketOfFile(k, file);
  if (socket?.ops === null || socket === undefined) return 0;
  return k.call(socket.ops.poll, address, socket.address, table);
});
