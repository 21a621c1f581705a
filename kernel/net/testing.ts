/**
 * Helpers for tests of the network: addresses in a program's memory, and what tracepoints and counts tell.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Blocking } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { TestProgram } from "../syscalls/test_program.ts";
import { encodeAddress } from "./address.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "./constants.ts";

/** Puts an Internet address into a program's memory. */
export function inetAddress(p: TestProgram, address: string, port: number): [at: Addr, length: number] {
  return place(p, encodeAddress({ family: address.includes(":") ? AF_INET6 : AF_INET, address, port }));
}

/** Puts a unix address into a program's memory; abstract names begin with "@". */
export function unixAddress(p: TestProgram, name: string): [at: Addr, length: number] {
  const path = new TextEncoder().encode(name.replace(/^@/, "\0"));
  return place(p, encodeAddress({ family: AF_UNIX, address: "", port: 0, path }));
}

function place(p: TestProgram, bytes: Uint8Array): [at: Addr, length: number] {
  const at = p.room(128);
  p.k.memory.writeBytes(at, bytes);
  return [at, bytes.length];
}

/** One event of a tracepoint: its integer fields by name. */
export type Traced = Readonly<Record<string, number>>;

/** Collects events of a tracepoint; fields longer than a word are left out. */
export function collect(k: Kernel, name: `${string}:${string}`): Traced[] {
  const events: Traced[] = [];
  k.tracepoints.register(name, (record) => {
    const event: Record<string, number> = {};
    for (const { name: field, offset, size, signed } of record.info.fields) {
      if (size === 1 || size === 2 || size === 4 || size === 8) {
        event[field] = record.load(offset, size, signed);
      }
    }
    events.push(event);
  });
  return events;
}

/** Objects of the network's caches that are in use. */
export function live(k: Kernel, ...names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (k.slab.cache(name)?.active ?? 0), 0);
}

/** Sleeps in a program. */
export function* pause(p: TestProgram, ns: number): Blocking<number> {
  const at = p.room(16);
  const word = p.k.image.pointerSize;
  p.k.memory.store(at, word, Math.floor(ns / 1e9));
  p.k.memory.store(at + word, word, ns % 1e9);
  return yield* p.call("nanosleep", at, 0);
}
