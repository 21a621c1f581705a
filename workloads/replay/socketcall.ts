/**
 * i386's C library makes every socket call through one: `socketcall(number, arguments)`.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import type { StraceValue } from "./value.ts";

const NUMBERS: ReadonlyMap<string, number> = new Map(Object.entries<number>({
  socket: 1,
  bind: 2,
  connect: 3,
  listen: 4,
  accept: 5,
  getsockname: 6,
  getpeername: 7,
  socketpair: 8,
  send: 9,
  recv: 10,
  sendto: 11,
  recvfrom: 12,
  shutdown: 13,
  setsockopt: 14,
  getsockopt: 15,
  sendmsg: 16,
  recvmsg: 17,
  accept4: 18,
  recvmmsg: 19,
  sendmmsg: 20,
}));
/** Messages without an address: the C library's `send` and `recv`. */
const PLAIN: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({ sendto: "send", recvfrom: "recv" }),
);

/** The number of a call by its recorded name, 0 where it has an entry of its own. */
export function socketcallNumber(arch: Arch, name: string, args: readonly StraceValue[]): number {
  if (arch !== "i386") return 0;
  const plain = PLAIN.get(name);
  return NUMBERS.get(plain !== undefined && args[4]?.kind === "null" ? plain : name) ?? 0;
}

/** Arguments that the call of a number takes out of memory. */
export function socketcallArguments(number: number, args: readonly number[]): readonly number[] {
  return args.slice(0, COUNTS[number] ?? 0);
}

const COUNTS: readonly number[] = [0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4];
