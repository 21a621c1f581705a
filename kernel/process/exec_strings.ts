/**
 * Arguments and environment of a new program: copied out of the old one's memory, laid out at the end of the new one's stack
 * (`copy_strings` of `fs/exec.c`, `create_elf_tables` of `fs/binfmt_elf.c`).
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import type { UserSpace } from "../memory/user_space.ts";
import { MM } from "../mm/fields.ts";
import { mmAt, PAGE } from "../mm/mm_struct.ts";
import { addMmCounter, MM_ANONPAGES } from "../mm/rss.ts";
import { sourceOf } from "../mm/user_pages.ts";
import { E2BIG, EFAULT } from "../syscalls/errno.ts";
import { loadUser } from "./user_load.ts";

/** Bytes of one string, with its NUL (`MAX_ARG_STRLEN`). */
const MAX_STRING = 32 * PAGE;
/** Bytes of all of them, with their pointers: a quarter of the stack's limit of 8 MiB. */
const MAX_BYTES = 2 ** 21;

/** What a program is started with; each string ends in its NUL. */
export interface ExecStrings {
  readonly argv: readonly Uint8Array[];
  readonly envp: readonly Uint8Array[];
}

/** Copies both lists out of user memory, or -errno. What a recording has no memory for is left out. */
export function copyStrings(k: Kernel, argv: Addr, envp: Addr): ExecStrings | number {
  const lenient = recorded(k) !== undefined;
  const lists: Uint8Array[][] = [];
  for (const at of [argv, envp]) {
    const list = stringsAt(k, at, lenient);
    if (typeof list === "number") return list;
    lists.push(list);
  }
  const [args = [], env = []] = lists;
  // A program without arguments has an empty one.
  const strings = { argv: args.length > 0 ? args : [new Uint8Array(1)], envp: env };
  return bytesOf(k, strings) > MAX_BYTES ? -E2BIG : strings;
}

/** Bytes that strings and the pointers to them take. */
export function bytesOf(k: Kernel, { argv, envp }: ExecStrings): number {
  return [...argv, ...envp].reduce((sum, { length }) => sum + length + k.image.pointerSize, 0);
}

function stringsAt(k: Kernel, list: Addr, lenient: boolean): Uint8Array[] | number {
  const word = k.image.pointerSize;
  const strings: Uint8Array[] = [];
  for (let at = list; at !== 0; at += word) {
    const pointer = loadUser(k, at, word, false);
    if (pointer === 0) break;
    const text = Number.isNaN(pointer) ? -EFAULT : stringAt(k, pointer);
    if (typeof text === "number") {
      if (lenient) break;
      return text;
    }
    strings.push(text);
    if (strings.length * word > MAX_BYTES) return -E2BIG;
  }
  return strings;
}

function stringAt(k: Kernel, start: Addr): Uint8Array | number {
  const bytes: number[] = [];
  for (let at = start;; at++) {
    const byte = loadUser(k, at, 1, false);
    if (Number.isNaN(byte)) return -EFAULT;
    bytes.push(byte);
    if (byte === 0) return Uint8Array.from(bytes);
    if (bytes.length === MAX_STRING) return -E2BIG;
  }
}

/**
 * Lays strings and the pointers to them out at the end of a new program's stack, as it finds them when it starts: the number
 * of arguments where `start_stack` points to, then the pointers. The pages are there from the beginning.
 */
export function storeStrings(
  k: Kernel,
  mm: Addr,
  space: UserSpace,
  strings: ExecStrings,
  name: string,
): void {
  const word = k.image.pointerSize;
  const top = k.arch.layout.userEnd - PAGE - word;
  const path = new TextEncoder().encode(`${name}\0`);
  const size = (list: readonly Uint8Array[]): number => list.reduce((sum, { length }) => sum + length, 0);
  const envStart = top - path.length - size(strings.envp);
  const argStart = envStart - size(strings.argv);
  const words = 3 + strings.argv.length + strings.envp.length;
  const usual = MM.startStack.get(k, mm);
  const start = Math.min(usual, argStart - (words + 2) * word);
  const aligned = start - start % 16;
  place(k, mm, space, aligned);
  MM.startStack.set(k, mm, aligned);
  MM.argStart.set(k, mm, argStart);
  MM.argEnd.set(k, mm, envStart);
  MM.envStart.set(k, mm, envStart);
  MM.envEnd.set(k, mm, top - path.length);
  write(space, top - path.length, path);
  const pointers = [strings.argv.length];
  let at = argStart;
  for (const list of [strings.argv, strings.envp]) {
    for (const text of list) {
      write(space, at, text);
      pointers.push(at);
      at += text.length;
    }
    pointers.push(0);
  }
  const table = new DataView(new ArrayBuffer(pointers.length * word));
  pointers.forEach((value, i) => {
    if (word === 8) table.setBigUint64(i * 8, BigInt(value), true);
    else table.setUint32(i * 4, value, true);
  });
  write(space, aligned, new Uint8Array(table.buffer));
}

/** Has the pages from `start` to the end of the stack present. */
function place(k: Kernel, mm: Addr, space: UserSpace, start: Addr): void {
  const end = k.arch.layout.userEnd - PAGE;
  let made = 0;
  for (let key = Math.floor(start / PAGE); key * PAGE < end; key++) {
    if (space.pageAt(key) !== undefined) continue;
    space.install(key, sourceOf(k).take("anon"), true);
    made++;
  }
  addMmCounter(k, mm, MM_ANONPAGES, made);
}

function write(space: UserSpace, start: Addr, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    const at = start + done;
    const part = bytes.subarray(done, done + PAGE - at % PAGE);
    space.pageAt(Math.floor(at / PAGE))?.page.bytes.set(part, at % PAGE);
    done += part.length;
  }
}

/** Bytes of another task's memory, as far as they are present; what is not reads as nothing. */
export function readPresent(k: Kernel, mm: Addr, start: Addr, end: Addr): Uint8Array {
  const space = mmAt(k, mm)?.space ?? null;
  const bytes = new Uint8Array(Math.max(0, end - start));
  for (let at = start; at < end;) {
    const page = space?.pageAt(Math.floor(at / PAGE))?.page;
    const count = Math.min(PAGE - at % PAGE, end - at);
    if (page === undefined) return bytes.subarray(0, at - start);
    bytes.set(page.bytes.subarray(at % PAGE, at % PAGE + count), at - start);
    at += count;
  }
  return bytes;
}
