/**
 * Finds the entry function of every system call.
 *
 * @module
 */
import type { SyscallRecord } from "../../image/tables.ts";
import type { KernelFacts } from "./facts.ts";
import { firstAtAddress } from "./source.ts";

/** Prefix of the entry functions. */
const PREFIX = { x86_64: "__x64_", arm64: "__arm64_", i386: "__ia32_" } as const;

/** Joins the system call table to entry functions. */
export function resolveSyscalls(facts: KernelFacts): SyscallRecord[] {
  const prefix = PREFIX[facts.arch];
  const byName = new Map(facts.symbols.map((symbol) => [symbol.name, symbol] as const).reverse());
  const first = firstAtAddress(facts.symbols);
  return facts.syscalls.map(({ nr, name }) => {
    const symbol = byName.get(`${prefix}sys_${name}`);
    if (!symbol) return { nr, name };
    return { nr, name, entry: facts.symbols[first.get(symbol.address)!]!.name };
  });
}
