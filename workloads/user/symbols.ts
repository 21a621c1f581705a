/**
 * Functions of user programs and of the C library: names, and where they lie in their files. What real files hold differs
 * from one build to the next; these places are made up, the same for every program, and inside its text.
 *
 * @module
 */

import type { Addr, Arch } from "../../image/model.ts";
import type { Dentry } from "../../kernel/fs/dentry.ts";
import { LIBC } from "../../kernel/mm/started_memory.ts";
import { mmAt, PAGE } from "../../kernel/mm/mm_struct.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Task } from "../../kernel/process/task.ts";

/** A function in a file. */
export interface UserSymbol {
  readonly name: string;
  /** Offset in the file. */
  readonly offset: number;
  readonly size: number;
}

/** Where the C library's text begins in its file, and how far its functions are apart. */
const LIBC_TEXT = 0x26000;
const STEP = 0x400;
const LIBC_SIZE = 1926232;
const PROGRAM_SIZE = 65536;
/** Where a program's text begins in its file: after two pages of headers. */
const PROGRAM_TEXT = 0x2000;

/** What there is in the C library: what programs here call, and the wrappers of system calls. */
export const LIBC_FUNCTIONS = [
  "__libc_start_call_main",
  "__libc_start_main",
  "malloc",
  "free",
  "calloc",
  "realloc",
  "fopen",
  "fclose",
  "fgets",
  "puts",
  "printf",
  "getenv",
  "setlocale",
  "opendir",
  "readdir",
  "closedir",
  "getaddrinfo",
  "gethostbyname",
  "gethostbyname2",
  "qsort",
  "syscall",
  "read",
  "write",
  "open",
  "openat",
  "close",
  "fork",
  "execve",
  "wait4",
  "mmap",
  "munmap",
  "brk",
  "nanosleep",
  "clock_nanosleep",
] as const;
/** What every program has, and what some have. */
const PROGRAM_FUNCTIONS = ["_start", "main", "usage"] as const;
const EXTRA: ReadonlyMap<string, readonly string[]> = new Map(Object.entries<readonly string[]>({
  "/bin/bash": ["readline", "execute_command"],
  "/usr/bin/bash": ["readline", "execute_command"],
}));

/** A function of the C library that programs here can call. */
export type LibcFunction = typeof LIBC_FUNCTIONS[number];

function laidOut(names: readonly string[], start: number): readonly UserSymbol[] {
  return names.map((name, i) => ({ name, offset: start + i * STEP, size: STEP }));
}

const LIBC_SYMBOLS = laidOut(LIBC_FUNCTIONS, LIBC_TEXT);
const programs = new Map<string, readonly UserSymbol[]>();

/** Whether a path is a C library's, on any architecture. */
function isLibc(path: string): boolean {
  return /(^|\/)libc(\.so\.6|-[\d.]+\.so)$/.test(path);
}

/** The functions of a file; none for what is neither program nor the C library. */
export function userSymbols(path: string): readonly UserSymbol[] {
  if (isLibc(path)) return LIBC_SYMBOLS;
  if (/\.so(\.|$)/.test(path)) return [];
  let symbols = programs.get(path);
  if (symbols === undefined) {
    symbols = laidOut([...PROGRAM_FUNCTIONS, ...EXTRA.get(path) ?? []], PROGRAM_TEXT);
    programs.set(path, symbols);
  }
  return symbols;
}

/** The path that a uprobe's file stands for: `libc` is the architecture's C library. */
export function userFile(arch: Arch, path: string): string {
  return path === "libc" ? LIBC[arch] : path;
}

/** Whether every machine has a file at that path: the C library, and programs of which functions are known. */
export function isStandardFile(arch: Arch, path: string): boolean {
  return path === LIBC[arch] || EXTRA.has(path);
}

/** Puts a program or library in place, where a kernel has none at that path yet. */
export function placeUserFile(k: Kernel, path: string): void {
  if (k.vfs.lookup(path) !== null) return;
  k.vfs.makePath(path, { mode: 0o100755, size: isLibc(path) ? LIBC_SIZE : PROGRAM_SIZE });
}

/** Where a function of a file is mapped in a task's memory; undefined where it is not. */
export function userAddress(k: Kernel, task: Task, path: string, name: string): Addr | undefined {
  const symbol = userSymbols(path).find((known) => known.name === name);
  if (symbol === undefined) return undefined;
  let file: Dentry | null | undefined;
  for (const area of mmAt(k, task.mm)?.areas ?? []) {
    if (area.file === 0 || (area.flags & 4) === 0) continue;
    const at = area.start + symbol.offset - area.pgoff * PAGE;
    if (at < area.start || at >= area.end) continue;
    // Walked to once, and only if something is mapped where the function would be.
    if (file === undefined) file = k.vfs.lookup(path);
    if (k.vfs.files.get(area.file)?.dentry === file) return at;
  }
  return undefined;
}

/** An address of a task's memory as bpftrace prints it: `malloc+18`; in hexadecimal where no function is. */
export function userSymbolAt(k: Kernel, task: Task, address: Addr): string {
  const area = mmAt(k, task.mm)?.find(address);
  const dentry = area === undefined || area.start > address ? undefined : k.vfs.files.get(area.file)?.dentry;
  if (area !== undefined && dentry) {
    const offset = area.pgoff * PAGE + address - area.start;
    for (const symbol of userSymbols(dentry.path)) {
      if (offset >= symbol.offset && offset < symbol.offset + symbol.size) {
        return `${symbol.name}+${offset - symbol.offset}`;
      }
    }
  }
  return `0x${BigInt.asUintN(k.arch.wordSize * 8, BigInt(address)).toString(16)}`;
}
