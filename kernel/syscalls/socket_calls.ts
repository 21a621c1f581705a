/**
 * System calls on sockets.
 *
 * @module
 */

import {
  __SYS_ACCEPT4,
  __SYS_BIND,
  __SYS_CONNECT,
  __SYS_GETPEERNAME,
  __SYS_GETSOCKNAME,
  __SYS_LISTEN,
  __SYS_RECVFROM,
  __SYS_SENDTO,
  __SYS_SHUTDOWN,
  __SYS_SOCKET,
  __SYS_SOCKETPAIR,
} from "../net/sys_socket.ts";
import { __SYS_RECVMMSG, __SYS_RECVMSG, __SYS_SENDMMSG, __SYS_SENDMSG } from "../net/sys_message.ts";
import { __SYS_GETSOCKOPT, __SYS_SETSOCKOPT } from "../net/sys_sockopt.ts";
import "../net/adopt.ts";
import "../net/ipv4/af_inet.ts";
import "../net/netlink/af_netlink.ts";
import "../net/poll.ts";
import "../net/sendpage.ts";
import "../net/unix/af_unix.ts";
import { fn, type FunctionRef } from "../calls/function.ts";
import { recorded } from "../fs/recorded.ts";
import { loadUser } from "../process/user_load.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { EFAULT, EINVAL } from "./errno.ts";

syscall(
  "socket",
  ["int", "int", "int"],
  [__SYS_SOCKET],
  (k, family, type, protocol) => k.call(__SYS_SOCKET, family, type, protocol),
);
syscall(
  "socketpair",
  ["int", "int", "int", "ulong"],
  [__SYS_SOCKETPAIR],
  (k, family, type, protocol, vector) => k.call(__SYS_SOCKETPAIR, family, type, protocol, vector),
);
syscall(
  "bind",
  ["int", "ulong", "int"],
  [__SYS_BIND],
  (k, fd, address, length) => k.call(__SYS_BIND, fd, address, length),
);
syscall("listen", ["int", "int"], [__SYS_LISTEN], (k, fd, backlog) => k.call(__SYS_LISTEN, fd, backlog));
syscall("shutdown", ["int", "int"], [__SYS_SHUTDOWN], (k, fd, how) => k.call(__SYS_SHUTDOWN, fd, how));
for (const [name, ref] of [["getsockname", __SYS_GETSOCKNAME], ["getpeername", __SYS_GETPEERNAME]] as const) {
  syscall(
    name,
    ["int", "ulong", "ulong"],
    [ref],
    (k, fd, address, length) => k.call(ref, fd, address, length),
  );
}
blockingSyscall(
  "connect",
  ["int", "ulong", "int"],
  [__SYS_CONNECT],
  (k, fd, address, length) => k.calls.callOrWait(__SYS_CONNECT, fd, address, length),
);
blockingSyscall(
  "accept",
  ["int", "ulong", "ulong"],
  [__SYS_ACCEPT4],
  (k, fd, address, length) => k.calls.callOrWait(__SYS_ACCEPT4, fd, address, length, 0),
);
blockingSyscall(
  "accept4",
  ["int", "ulong", "ulong", "int"],
  [__SYS_ACCEPT4],
  (k, fd, address, length, flags) => k.calls.callOrWait(__SYS_ACCEPT4, fd, address, length, flags),
);
blockingSyscall(
  "sendto",
  ["int", "ulong", "ulong", "uint", "ulong", "int"],
  [__SYS_SENDTO],
  (k, fd, buf, length, flags, address, addressLength) =>
    k.calls.callOrWait(__SYS_SENDTO, fd, buf, length, flags, address, addressLength),
);
blockingSyscall(
  "recvfrom",
  ["int", "ulong", "ulong", "uint", "ulong", "ulong"],
  [__SYS_RECVFROM],
  (k, fd, buf, length, flags, address, addressLength) =>
    k.calls.callOrWait(__SYS_RECVFROM, fd, buf, length, flags, address, addressLength),
);
for (const [name, ref] of [["sendmsg", __SYS_SENDMSG], ["recvmsg", __SYS_RECVMSG]] as const) {
  blockingSyscall(
    name,
    ["int", "ulong", "uint"],
    [ref],
    (k, fd, msg, flags) => k.calls.callOrWait(ref, fd, msg, flags, 1),
  );
}
blockingSyscall(
  "sendmmsg",
  ["int", "ulong", "uint", "uint"],
  [__SYS_SENDMMSG],
  (k, fd, vector, vlen, flags) => k.calls.callOrWait(__SYS_SENDMMSG, fd, vector, vlen, flags, 1),
);
for (const name of ["recvmmsg", "recvmmsg_time32"]) {
  blockingSyscall(
    name,
    ["int", "ulong", "uint", "uint", "ulong"],
    [__SYS_RECVMMSG],
    (k, fd, vector, vlen, flags) => k.calls.callOrWait(__SYS_RECVMMSG, fd, vector, vlen, flags),
  );
}
for (const [name, ref] of [["setsockopt", __SYS_SETSOCKOPT], ["getsockopt", __SYS_GETSOCKOPT]] as const) {
  syscall(
    name,
    ["int", "int", "int", "ulong", name === "setsockopt" ? "int" : "ulong"],
    [ref],
    (k, fd, level, option, value, length) => k.call(ref, fd, level, option, value, length),
  );
}

/** i386: one call for all, by number; its arguments lie in user memory. Names, what does it, and how many there are. */
const SOCKETCALLS: readonly (readonly [ref: FunctionRef, args: number])[] = [
  [__SYS_SOCKET, 3],
  [__SYS_BIND, 3],
  [__SYS_CONNECT, 3],
  [__SYS_LISTEN, 2],
  [__SYS_ACCEPT4, 3],
  [__SYS_GETSOCKNAME, 3],
  [__SYS_GETPEERNAME, 3],
  [__SYS_SOCKETPAIR, 4],
  [__SYS_SENDTO, 4],
  [__SYS_RECVFROM, 4],
  [__SYS_SENDTO, 6],
  [__SYS_RECVFROM, 6],
  [__SYS_SHUTDOWN, 2],
  [__SYS_SETSOCKOPT, 5],
  [__SYS_GETSOCKOPT, 5],
  [__SYS_SENDMSG, 3],
  [__SYS_RECVMSG, 3],
  [__SYS_ACCEPT4, 4],
  [__SYS_RECVMMSG, 5],
  [__SYS_SENDMMSG, 4],
];
blockingSyscall(
  "socketcall",
  ["int", "ulong"],
  [fn("__check_object_size"), fn("__copy_user_ll"), ...new Set(SOCKETCALLS.map(([ref]) => ref))],
  (k, number = 0, at = 0) => {
    const call = SOCKETCALLS[number - 1];
    if (call === undefined) return -EINVAL;
    const [ref, count] = call;
    k.call(fn("__check_object_size"), Number.NaN, count * 4, 0);
    k.call(fn("__copy_user_ll"), Number.NaN, at, count * 4);
    const args: number[] = [];
    for (let i = 0; i < count; i++) {
      const word = loadUser(k, at + i * 4, 4, false);
      if (Number.isNaN(word) && recorded(k) === undefined) return -EFAULT;
      // Descriptors, lengths and levels are ints; the rest are pointers and sizes.
      args.push(Number.isNaN(word) ? 0 : i === 0 || !POINTERS[number]?.includes(i) ? word | 0 : word);
    }
    while (args.length < 6) args.push(0);
    return k.calls.callOrWait(ref, ...(args as [number, number, number, number, number, number]));
  },
);
/** Which arguments of a socketcall are addresses. */
const POINTERS: Readonly<Record<number, readonly number[]>> = {
  2: [1],
  3: [1],
  5: [1, 2],
  6: [1, 2],
  7: [1, 2],
  8: [3],
  9: [1, 2],
  10: [1, 2],
  11: [1, 2, 4],
  12: [1, 2, 4, 5],
  14: [3],
  15: [3, 4],
  16: [1],
  17: [1],
  18: [1, 2],
  19: [1, 4],
  20: [1],
};
