/**
 * Network addresses as text (`127.0.0.1`, `::1`), and the `sockaddr` structs that carry them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX } from "./constants.ts";

/** Address and port of one end of a connection; the address is "0.0.0.0" or "::" while it is any. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What a `sockaddr` says. */
export interface SocketAddress extends Endpoint {
  readonly family: number;
  /** Bytes of `sun_path` that count: a path, or an abstract name that begins with a NUL. */
  readonly path?: Uint8Array;
}

/** A 16-bit number in network byte order, as a little-endian CPU loads it; and back. */
export function htons(value: number): number {
  return (value & 0xff) << 8 | value >>> 8 & 0xff;
}

/** The bytes of an address: 4 or 16. */
export function addressBytes(text: string): Uint8Array {
  return text.includes(":") ? bytes6(text) : Uint8Array.from(text.split("."), Number);
}

/** The text of an address of 4 or 16 bytes. */
export function addressText(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join(".") : text6(bytes);
}

/** Whether an address is any: what a socket has before it is bound. */
export function isAny(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** Whether packets to an address never leave the host. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1" || address.startsWith("::ffff:127.");
}

/** `::ffff:1.2.3.4` as the IPv4 address that it stands for; others as they are. */
export function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** The address any of a family. */
export function anyAddress(family: number): string {
  return family === AF_INET6 ? "::" : "0.0.0.0";
}

/** Stores an IPv4 address as the kernel keeps it: the bytes in network order. */
export function storeAddress(k: Kernel, at: Addr, address: string): void {
  k.memory.writeBytes(at, addressBytes(address));
}

/** What a `sockaddr` of `bytes` says; undefined for a family that the model knows no addresses of. */
export function decodeAddress(bytes: Uint8Array): SocketAddress | undefined {
  if (bytes.length < 2) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  if (family === AF_INET && bytes.length >= 8) {
    return { family, port: view.getUint16(2), address: addressText(bytes.subarray(4, 8)) };
  }
  if (family === AF_INET6 && bytes.length >= 24) {
    return { family, port: view.getUint16(2), address: addressText(bytes.subarray(8, 24)) };
  }
  if (family === AF_UNIX) {
    return { family, port: 0, address: "", path: unixPath(bytes.subarray(2)) };
  }
  if (family === AF_NETLINK && bytes.length >= 12) {
    return { family, port: view.getUint32(4, true), address: "" };
  }
  return { family, port: 0, address: "" };
}

/** The bytes of a `sockaddr`. */
export function encodeAddress(address: SocketAddress): Uint8Array {
  const { family, port } = address;
  const bytes = new Uint8Array(
    family === AF_INET ? 16 : family === AF_INET6 ? 28 : family === AF_NETLINK ? 12 : 110,
  );
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  if (family === AF_INET) {
    view.setUint16(2, port);
    bytes.set(addressBytes(address.address), 4);
  } else if (family === AF_INET6) {
    view.setUint16(2, port);
    bytes.set(addressBytes(address.address), 8);
  } else if (family === AF_NETLINK) view.setUint32(4, port, true);
  else if (family === AF_UNIX) {
    const path = address.path ?? new Uint8Array(0);
    bytes.set(path, 2);
    // A path is given with its NUL; an abstract name as long as it is.
    const end = path.length === 0 || path[0] === 0 ? path.length : path.length + 1;
    return bytes.subarray(0, 2 + end);
  }
  return bytes;
}

/** Reads a `sockaddr` of user or kernel memory; null at a bad address. */
export function readAddress(k: Kernel, at: Addr, length: number): SocketAddress | null {
  try {
    return decodeAddress(k.memory.readBytes(at, Math.min(length, 128))) ??
      { family: 0, port: 0, address: "" };
  } catch (error) {
    if (error instanceof MemoryFault) return null;
    throw error;
  }
}

function unixPath(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0 || bytes[0] === 0) return bytes.slice();
  const end = bytes.indexOf(0);
  return bytes.slice(0, end < 0 ? bytes.length : end);
}

function bytes6(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [left = "", right] = text.split("::", 2);
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  head.forEach((byte, at) => bytes[at] = byte);
  tail.forEach((byte, at) => bytes[16 - tail.length + at] = byte);
  return bytes;
}

function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = parseInt(group, 16);
    return [value >>> 8 & 0xff, value & 0xff];
  });
}

/** As `inet_ntop` prints it: the longest run of zeros is left out, a mapped IPv4 address is printed with dots. */
function text6(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] ?? 0) << 8 | (bytes[2 * i + 1] ?? 0));
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    return `::ffff:${bytes.subarray(12).join(".")}`;
  }
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && words[end] === 0) end++;
    if (end - i > best.length) best = { at: i, length: end - i };
  }
  const hex = words.map((word) => word.toString(16));
  if (best.at < 0) return hex.join(":");
  return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}
