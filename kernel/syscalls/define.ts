/**
 * `SYSCALL_DEFINE` of the model: one definition registers a system call under every architecture's entry name
 * (`__x64_sys_openat`, `__arm64_sys_openat`, `__ia32_sys_openat`). The entry has one argument, the user registers; it
 * takes the call's own arguments out of them as the architecture passes them.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { behaviour, type Blocking, blocking, type FunctionRef } from "../calls/function.ts";
import { userArguments } from "./registers.ts";

/** How an argument is taken out of its register: C `int`, `unsigned int`, or a whole word (pointers, sizes). */
export type ArgumentKind = "int" | "uint" | "long" | "ulong";

/** Prefixes of entry names, by architecture. */
export const ENTRY_PREFIX = { x86_64: "__x64_sys_", arm64: "__arm64_sys_", i386: "__ia32_sys_" } as const;

/** A system call's body: its arguments, decoded. Returns the result or -errno. */
export type SyscallBody = (k: Kernel, ...args: number[]) => number;
/** A system call's body that may block. */
export type BlockingSyscallBody = (k: Kernel, ...args: number[]) => Blocking<number>;

/** Defines a system call whose body may block. `name` is the entry's: `openat`, `newfstatat`, `mmap_pgoff`. */
export function blockingSyscall(
  name: string,
  kinds: readonly ArgumentKind[],
  calls: readonly FunctionRef[],
  body: BlockingSyscallBody,
): void {
  for (const prefix of prefixes(kinds)) {
    blocking(`${prefix}${name}`, calls, function* (k, regs) {
      return yield* body(k, ...decode(k, kinds, regs ?? Number.NaN));
    });
  }
}

/** Defines a system call that never blocks. */
export function syscall(
  name: string,
  kinds: readonly ArgumentKind[],
  calls: readonly FunctionRef[],
  body: SyscallBody,
): void {
  for (const prefix of prefixes(kinds)) {
    behaviour(`${prefix}${name}`, calls, (k, regs) => body(k, ...decode(k, kinds, regs ?? Number.NaN)));
  }
}

/** Prefixes of the entries of a call. x86 has no wrapper for calls without arguments. */
function prefixes(kinds: readonly ArgumentKind[]): readonly string[] {
  return [...Object.values(ENTRY_PREFIX), ...(kinds.length === 0 ? ["__do_sys_"] : [])];
}

function decode(k: Kernel, kinds: readonly ArgumentKind[], regs: number): number[] {
  const words = userArguments(k, regs, kinds.length);
  const narrow = k.arch.wordSize === 4;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    // Addresses and sizes: unsigned on i386, signed words elsewhere.
    if (kinds[i] === "int" || narrow && kinds[i] === "long") words[i] = word | 0;
    else if (kinds[i] === "uint" || narrow) words[i] = word >>> 0;
  }
  return words;
}
