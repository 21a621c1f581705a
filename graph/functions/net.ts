/**
 * Functions on network addresses and byte order.
 *
 * @module
 */

import { narrow } from "../maps/total.ts";
import { STRING, type ValueType } from "../types.ts";
import { bytesAt, type Call, type ContextFunction, near } from "./function.ts";

const AF_INET = 2;
const AF_INET6 = 10;

/** An IPv4 address as text. */
export function ipv4Text(bytes: readonly number[]): string {
  return bytes.slice(0, 4).join(".");
}

/** An IPv6 address as inet_ntop(3) writes it: the longest run of zero groups as `::`, a mapped IPv4 address dotted. */
export function ipv6Text(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[i * 2] ?? 0) * 256 + (bytes[i * 2 + 1] ?? 0));
  const run = longestZeros(groups);
  const mapped = run.start === 0 && (run.length === 6 || run.length === 5 && groups[5] === 0xffff);
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (run.length > 1 && i >= run.start && i < run.start + run.length) {
      if (i === run.start) text += ":";
      continue;
    }
    if (i > 0) text += ":";
    if (i === 6 && mapped) return text + ipv4Text(bytes.slice(12));
    text += groups[i]?.toString(16);
  }
  return run.length > 1 && run.start + run.length === 8 ? `${text}:` : text;
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: -1, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
    start += length;
  }
  return best;
}

/** The bytes of an address: of an integer those of its memory, lowest first. */
function addressBytes(
  { hit, types }: Call,
  value: unknown,
  index: number,
  length: number,
): readonly number[] {
  const type = types[index];
  if (type?.kind === "int" || type?.kind === "bool") {
    const word = BigInt.asUintN(64, BigInt(value as number | bigint));
    return Array.from({ length: 4 }, (_, i) => Number(word >> BigInt(i * 8) & 0xffn));
  }
  return bytesAt(hit, value, length);
}

function sizeOf(type: ValueType | undefined): number {
  if (type?.kind === "array") return type.length;
  return type?.kind === "int" ? type.size : 16;
}

const ntop: ContextFunction = {
  name: "ntop",
  summary: "an IP address as text, by its family or its size",
  parameters: [
    { name: "family or address", kind: "any" },
    { name: "address", kind: "bytes", optional: true },
  ],
  result: STRING,
  fault: (types) => {
    const type = types[types.length - 1];
    if (type?.kind === "array" && type.length !== 4 && type.length !== 16) {
      return `an address has 4 or 16 bytes, not ${type.length}`;
    }
    return undefined;
  },
  run: (call, first, second) => {
    const index = call.types.length - 1;
    const address = index === 0 ? first : second;
    const size = sizeOf(call.types[index]);
    const family = index === 1 ? near(first) : size === 16 ? AF_INET6 : AF_INET;
    if (family === AF_INET) return ipv4Text(addressBytes(call, address, index, 4));
    return family === AF_INET6 ? ipv6Text(addressBytes(call, address, index, 16)) : "";
  },
};

/** The size of an integer: what is given, else that of its type; 0 where neither tells. */
function swappedSize(types: readonly ValueType[], given: unknown): number {
  const [type] = types;
  return given === undefined ? type?.kind === "int" ? type.size : 8 : near(given);
}

/** The bytes of an integer in the other order. */
const bswap: ContextFunction = {
  name: "bswap",
  summary: "an integer with its bytes in the other order",
  parameters: [{ name: "value", kind: "integer" }, { name: "bytes", kind: "integer", optional: true }],
  result: ([type, given]) =>
    type?.kind === "int" && given === undefined
      ? { ...type, signed: false }
      : { kind: "int", size: 8, signed: false },
  fault: (types, args) => {
    const size = swappedSize(types, args?.[1]);
    if (args === undefined || size === 1 || size === 2 || size === 4 || size === 8) return undefined;
    return "nothing tells the size of the integer here; give it, bswap(value, 2)";
  },
  run: ({ types }, value, given) => {
    const size = swappedSize(types, given);
    const word = BigInt.asUintN(size * 8, BigInt(value as number | bigint));
    let swapped = 0n;
    for (let i = 0; i < size; i++) swapped = swapped << 8n | word >> BigInt(i * 8) & 0xffn;
    return narrow(swapped);
  },
};

const macaddr: ContextFunction = {
  name: "macaddr",
  summary: "a hardware address as text",
  parameters: [{ name: "address", kind: "bytes" }],
  result: STRING,
  run: ({ hit }, address) =>
    bytesAt(hit, address, 6).map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(":"),
};

/** Functions on network addresses. */
export const NET_FUNCTIONS: readonly ContextFunction[] = [ntop, bswap, macaddr];
