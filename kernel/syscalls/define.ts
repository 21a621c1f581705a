/**
 * `SYSCALL_DEFINE` of the model: one definition registers a system call under every architecture's entry name
 * (`__x64_sys_openat`, `__arm64_sys_openat`, `__ia32_sys_openat`). The entry has one argument, the user registers; it
 * takes the call's own arguments out of them as the architecture passes them.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { type Blocking, blocking, type FunctionRef } from "../calls/function.ts";
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
  // x86 has no wrapper for calls without arguments.
  const prefixes = [...Object.values(ENTRY_PREFIX), ...(kinds.length === 0 ? ["__do_sys_"] : [])];
  for (const prefix of prefixes) {
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
  // deno-lint-ignore require-yield -- the entry of a call that never blocks
  blockingSyscall(name, kinds, calls, function* (k, ...args) {
    return body(k, ...args);
  });
}

function decode(k: Kernel, kinds: readonly ArgumentKind[], regs: number): number[] {
  const words = userArguments(k, regs, kinds.length);
  return words.map((word, i) => {
    switch (kinds[i]) {
      case "int":
        return word | 0;
      case "uint":
        return word >>> 0;
      case "long":
        return k.image.pointerSize === 4 ? word | 0 : word;
      default:
        // Addresses and sizes: unsigned on i386, signed words elsewhere.
        return k.image.pointerSize === 4 ? word >>> 0 : word;
    }
  });
}
