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
import "../net/poll.ts";
import "../net/unix/af_unix.ts";
import { blockingSyscall, syscall } from "./define.ts";

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
