/**
 * Addresses and ports of socks, and the tables by which packets find them: `net/ipv4/inet_hashtables.c`,
 * `inet_csk_get_port`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { EADDRNOTAVAIL } from "../../syscalls/errno.ts";
import { htons, isAny, storeAddress, unmapped } from "../address.ts";
import { AF_INET6, TCP_LISTEN } from "../constants.ts";
import { type Sock, sockOf } from "../core/sock.ts";
import { INET, SK } from "../fields.ts";
import { connectionKey } from "../net.ts";
import { recorded } from "../../fs/recorded.ts";
import { expectedPort } from "../implied_data.ts";
import { fourOf, sixOf } from "./request_sock.ts";

/** Sets a sock's own address. */
export function setLocal(k: Kernel, sk: Sock, address: string): void {
  sk.local = address;
  storeAddress(k, SK.rcvSaddr.at(k, sk.address), fourOf(address));
  storeAddress(k, INET.saddr.at(k, sk.address), fourOf(address));
  if (sk.family === AF_INET6) k.memory.writeBytes(SK.v6RcvSaddr.at(k, sk.address), sixOf(address));
}

/** Sets a sock's port. */
export function setLocalPort(k: Kernel, sk: Sock, port: number): void {
  sk.localPort = port;
  SK.num.set(k, sk.address, port);
  INET.sport.set(k, sk.address, htons(port));
}

/** Sets the other end. */
export function setRemote(k: Kernel, sk: Sock, address: string, port: number): void {
  const text = sk.family === AF_INET6 && !address.includes(":") ? `::ffff:${address}` : address;
  sk.remote = text;
  sk.remotePort = port;
  storeAddress(k, SK.daddr.at(k, sk.address), fourOf(text));
  SK.dport.set(k, sk.address, htons(port));
  if (sk.family === AF_INET6) k.memory.writeBytes(SK.v6Daddr.at(k, sk.address), sixOf(text));
}

/** Whether another sock keeps `sk` from a port (`inet_csk_bind_conflict`, `udp_lib_lport_inuse`). */
export function conflicts(k: Kernel, sk: Sock, port: number): boolean {
  return k.net.boundTo(sk.protocol, port).some((other) => {
    if (other === sk) return false;
    const [mine, theirs] = [unmapped(sk.local), unmapped(other.local)];
    const apart = !isAny(mine) && !isAny(theirs) && mine !== theirs ||
      mine.includes(":") !== theirs.includes(":") &&
        (sk.v6only || other.v6only || !isAny(mine) && !isAny(theirs));
    if (apart) return false;
    if (sk.reusePort && other.reusePort) return false;
    const listens = SK.state.get(k, other.address) === TCP_LISTEN && other.tcp !== null;
    return !(sk.reuseAddress && other.reuseAddress && !listens);
  });
}

/** Gives a sock a port, 0: any: 0, or 1 where somebody has it. */
export const INET_CSK_GET_PORT: FunctionRef = behaviour(
  "inet_csk_get_port",
  [],
  (k, address = 0, wanted = 0) => {
    const sk = sockOf(k, address);
    const port = wanted !== 0 ? wanted : k.net.ephemeralPort(sk.protocol, (p) => conflicts(k, sk, p));
    if (port === 0 || conflicts(k, sk, port)) return 1;
    setLocalPort(k, sk, port);
    k.net.bind(sk);
    return 0;
  },
);

/** Puts a connection into the table and gives it a port if it has none. */
const __INET_HASH_CONNECT: FunctionRef = behaviour(
  "__inet_hash_connect",
  [fn("inet_ehash_nolisten")],
  (k, _deathRow, address = 0) => {
    const sk = sockOf(k, address);
    const taken = (port: number) => {
      if (k.net.established.has(connectionKey(sk.local, port, sk.remote, sk.remotePort))) return true;
      // A port that somebody bound is not for connections.
      return k.net.boundTo(sk.protocol, port).some((other) => other !== sk && other.boundPort);
    };
    if (sk.localPort === 0) {
      const expected = recorded(k) === undefined ? 0 : expectedPort(k, sk);
      const port = expected !== 0 && !taken(expected) ? expected : k.net.ephemeralPort(sk.protocol, taken);
      if (port === 0) return -EADDRNOTAVAIL;
      setLocalPort(k, sk, port);
      k.net.bind(sk);
    } else if (k.net.established.has(connectionKey(sk.local, sk.localPort, sk.remote, sk.remotePort))) {
      return -EADDRNOTAVAIL;
    }
    k.call(fn("inet_ehash_nolisten"), address, 0, Number.NaN);
    k.net.established.set(connectionKey(sk.local, sk.localPort, sk.remote, sk.remotePort), sk);
    return 0;
  },
);
/** The same: (death_row, sk). */
export const INET_HASH_CONNECT: FunctionRef = behaviour(
  "inet_hash_connect",
  [__INET_HASH_CONNECT],
  (k, deathRow = 0, sk = 0) => k.call(__INET_HASH_CONNECT, deathRow, sk),
);

/** Makes a sock findable as a listener. */
const __INET_HASH: FunctionRef = behaviour("__inet_hash", [], (k, address = 0) => {
  const sk = sockOf(k, address);
  const socks = k.net.listening.get(sk.localPort);
  if (socks === undefined) k.net.listening.set(sk.localPort, [sk]);
  else if (!socks.includes(sk)) socks.push(sk);
  return 0;
});
/** The same: (sk). */
export const INET_HASH: FunctionRef = behaviour(
  "inet_hash",
  [__INET_HASH],
  (k, sk = 0) => k.call(__INET_HASH, sk),
);
/** The same for IPv6. */
export const INET6_HASH: FunctionRef = behaviour(
  "inet6_hash",
  [__INET_HASH],
  (k, sk = 0) => k.call(__INET_HASH, sk),
);
