/**
 * `/proc/net`: devices and sockets as the kernel lists them.
 *
 * @module
 */

import { fn } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { addressBytes, isAny } from "../../net/address.ts";
import { AF_INET6, AF_UNIX } from "../../net/constants.ts";
import type { Sock } from "../../net/core/sock.ts";
import { SK } from "../../net/fields.ts";
import { TimeWaitSock } from "../../net/ipv4/timewait_sock.ts";
import { PID_DENTRY, PROC_MISC_DENTRY } from "../dentry_operations.ts";
import { PROC_DIR, PROC_FILE } from "../fileops.ts";
import { PROC_DIR_INODE, PROC_FILE_INODE } from "../inode_operations.ts";
import type { NodeSpec } from "./node.ts";

const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const TCP_CLOSE = 7;
const TCP_TIME_WAIT = 6;
/** Lines of socket lists are filled up to this width. */
const WIDTH = 149;

/** One line's worth of a socket. */
interface Row {
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly state: number;
  readonly tx: number;
  readonly rx: number;
  readonly uid: number;
  readonly inode: number;
}

function rowOf(k: Kernel, sk: Sock): Row {
  const { local, localPort, remote, remotePort, address } = sk;
  return {
    local,
    localPort,
    remote,
    remotePort,
    state: SK.state.get(k, address),
    tx: SK.wmemQueued.get(k, address),
    rx: SK.rmemAlloc.get(k, address),
    uid: SK.uid.get(k, address),
    inode: sk.socket?.inode.ino ?? 0,
  };
}

/** An address and port as hexadecimal words in the machine's order. */
function place(address: string, port: number, six: boolean): string {
  const text = isAny(address) ? (six ? "::" : "0.0.0.0") : address;
  const bytes = addressBytes(six && !text.includes(":") ? `::ffff:${text}` : text);
  let digits = "";
  for (let at = 0; at < (six ? 16 : 4); at += 4) {
    for (let i = 3; i >= 0; i--) digits += (bytes[at + i] ?? 0).toString(16).padStart(2, "0");
  }
  return `${digits}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

function line(row: Row, index: number, six: boolean): string {
  const hex = (value: number, width: number): string => value.toString(16).toUpperCase().padStart(width, "0");
  const text = `${String(index).padStart(4)}: ${place(row.local, row.localPort, six)} ` +
    `${place(row.remote, row.remotePort, six)} ${hex(row.state, 2)} ${hex(row.tx, 8)}:${hex(row.rx, 8)} ` +
    `00:00000000 00000000 ${String(row.uid).padStart(5)} ${"0".padStart(8)} ${row.inode}`;
  return `${text.padEnd(WIDTH)}\n`;
}

function listed(k: Kernel, rows: readonly Row[], six: boolean): string {
  void k;
  const head = six
    ? "  sl  local_address                         remote_address                        st tx_queue rx_queue " +
      "tr tm->when retrnsmt   uid  timeout inode"
    : "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
  return `${head.padEnd(WIDTH)}\n${rows.map((row, i) => line(row, i, six)).join("")}`;
}

/** Those that listen, then connections. */
function tcp(k: Kernel, six: boolean): string {
  const own = (family: number): boolean => (family === AF_INET6) === six;
  const rows: Row[] = [];
  for (const socks of k.net.listening.values()) {
    for (const sk of socks) if (own(sk.family)) rows.push(rowOf(k, sk));
  }
  for (const end of k.net.established.values()) {
    if (end instanceof TimeWaitSock) {
      if (!own(end.family)) continue;
      const { local, localPort, remote, remotePort } = end;
      const none = { tx: 0, rx: 0, uid: 0, inode: 0 };
      rows.push({ local, localPort, remote, remotePort, state: TCP_TIME_WAIT, ...none });
    } else if ("prot" in end && end.protocol === IPPROTO_TCP && own(end.family)) rows.push(rowOf(k, end));
  }
  return listed(k, rows, six);
}

function udp(k: Kernel, six: boolean): string {
  const rows: Row[] = [];
  for (const socks of k.net.bound.values()) {
    for (const sk of socks) {
      if (sk.protocol !== IPPROTO_UDP || (sk.family === AF_INET6) !== six) continue;
      const row = rowOf(k, sk);
      rows.push({ ...row, state: row.remotePort === 0 ? TCP_CLOSE : 1 });
    }
  }
  return listed(k, rows, six);
}

function unix(k: Kernel): string {
  const socks = k.net.socks.values().filter(({ family }) => family === AF_UNIX)
    .sort((one, other) => one.address - other.address);
  const hex = (value: number, width: number): string => value.toString(16).toUpperCase().padStart(width, "0");
  const lines = socks.map((sk) => {
    const { address, type, unix: own } = sk;
    const listening = SK.state.get(k, address) === 10;
    const state = own?.peer != null ? 3 : 1;
    const path = own?.path ?? null;
    const name = own?.abstract !== null && own?.abstract !== undefined
      ? ` @${own.abstract}`
      : path === null
      ? ""
      : ` ${new TextDecoder().decode(path).replace(/\0.*$/s, "")}`;
    return `0000000000000000: ${hex(SK.refcnt.get(k, address), 8)} 00000000 ${
      hex(listening ? 0x10000 : 0, 8)
    } ${hex(type, 4)} ${hex(state, 2)} ${String(sk.socket?.inode.ino ?? 0).padStart(5)}${name}\n`;
  });
  return `Num       RefCount Protocol Flags    Type St Inode Path\n${lines.join("")}`;
}

function dev(k: Kernel): string {
  const head = "Inter-|   Receive                                                |  Transmit\n" +
    " face |bytes    packets errs drop fifo frame compressed multicast|" +
    "bytes    packets errs drop fifo colls carrier compressed\n";
  const zeros =
    "       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0";
  return head +
    [k.net.lo, k.net.eth0].map(({ name }) =>
      `${name.padStart(6)}: ${zeros.trimStart().padStart(zeros.length)}\n`
    )
      .join("");
}

const ROUTES = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
const ROUTE = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0";

function file(name: string, show: string, text: (k: Kernel) => string): NodeSpec {
  return { name, ops: PROC_FILE, iops: PROC_FILE_INODE, dops: PROC_MISC_DENTRY, show: fn(show), text };
}

const FILES: readonly NodeSpec[] = [
  file("dev", "dev_seq_show", dev),
  file("route", "fib_route_seq_show", () => `${ROUTES.padEnd(127)}\n${ROUTE.padEnd(127)}\n`),
  file("tcp", "tcp4_seq_show", (k) => tcp(k, false)),
  file("tcp6", "tcp6_seq_show", (k) => tcp(k, true)),
  file("udp", "udp4_seq_show", (k) => udp(k, false)),
  file("udp6", "udp6_seq_show", (k) => udp(k, true)),
  file("unix", "unix_seq_show", unix),
];

/** `/proc/PID/net`. */
export const NET: NodeSpec = {
  name: "net",
  ops: PROC_DIR,
  iops: PROC_DIR_INODE,
  dops: PID_DENTRY,
  children: () => FILES,
};
/** Functions that write its files. */
export const NET_SHOWS: readonly NodeSpec[] = FILES;
