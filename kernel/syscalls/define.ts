/**
 * `SYSCALL_DEFINE` of the model: one definition registers a system call under every architecture's entry name
 * (`__x64_sys_openat`, `__arm64_sys_openat`, `__ia32_sys_openat`). The entry has one argument, the user registers; it
 * takes the call's own arguments out of them as the architecture passes them.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { behaviour, blocking, type FunctionRef, type Pending } from "../calls/function.ts";
import { madeArgument } from "./registers.ts";

/** How an argument is taken out of its register: C `int`, `unsigned int`, or a whole word (pointers, sizes). */
export type ArgumentKind = "int" | "uint" | "long" | "ulong";

/** Prefixes of entry names, by architecture. */
export const ENTRY_PREFIX = { x86_64: "__x64_sys_", arm64: "__arm64_sys_", i386: "__ia32_sys_" } as const;

/** A system call's body: its arguments, decoded. Returns the result or -errno. */
export type SyscallBody = (k: Kernel, ...args: number[]) => number;
/** A system call's body that may block. */
export type BlockingSyscallBody = (k: Kernel, ...args: number[]) => Pending;

/** Defines a system call whose body may block. `name` is the entry's: `openat`, `newfstatat`, `mmap_pgoff`. */
export function blockingSyscall(
  name: string,
  kinds: readonly ArgumentKind[],
  calls: readonly FunctionRef[],
  body: BlockingSyscallBody,
): void {
  for (const prefix of prefixes(kinds)) blocking(`${prefix}${name}`, calls, decoding(kinds, body));
}

/** Defines a system call that never blocks. */
export function syscall(
  name: string,
  kinds: readonly ArgumentKind[],
  calls: readonly FunctionRef[],
  body: SyscallBody,
): void {
  for (const prefix of prefixes(kinds)) behaviour(`${prefix}${name}`, calls, decoding(kinds, body));
}

/** The body of an entry function: takes the arguments out of the user registers. */
function decoding<T>(
  kinds: readonly ArgumentKind[],
  body: (k: Kernel, ...args: number[]) => T,
): (k: Kernel, regs?: number) => T {
  const at = (k: Kernel, regs: number, i: number) => decode(k, kinds[i], madeArgument(k, regs, i));
  switch (kinds.length) {
    case 0:
      return (k) => body(k);
    case 1:
      return (k, r = NaN) => body(k, at(k, r, 0));
    case 2:
      return (k, r = NaN) => body(k, at(k, r, 0), at(k, r, 1));
    case 3:
      return (k, r = NaN) => body(k, at(k, r, 0), at(k, r, 1), at(k, r, 2));
    case 4:
      return (k, r = NaN) => body(k, at(k, r, 0), at(k, r, 1), at(k, r, 2), at(k, r, 3));
    default:
      return (k, r = NaN) => body(k, ...kinds.map((_, i) => at(k, r, i)));
  }
}

/** Prefixes of the entries of a call. x86 has no wrapper for calls without arguments. */
function prefixes(kinds: readonly ArgumentKind[]): readonly string[] {
  return [...Object.values(ENTRY_PREFIX), ...(kinds.length === 0 ? ["__do_sys_"] : [])];
}

function decode(k: Kernel, kind: ArgumentKind | undefined, word: number): number {
  const narrow = k.arch.wordSize === 4;
  // Addresses and sizes: unsigned on i386, signed words elsewhere.
  if (kind === "int" || narrow && kind === "long") return word | 0;
  return kind === "uint" || narrow ? word >>> 0 : word;
}
