/**
 * An image before encoding: the facts joined up, names still text. A core image is a subset of the same form.
 *
 * @module
 */
import type { Addr, Arch, BlacklistRange, TracepointInfo } from "../../image/mod.ts";
import { type FilterLine, INVALID_ADDRESS } from "../../image/filter_functions.ts";
import type { SyscallRecord } from "../../image/tables.ts";
import type { BtfType } from "./btf.ts";
import type { KernelFacts, SymbolFact, TextFact } from "./facts.ts";
import { InputError } from "./lines.ts";
import { resolveSyscalls } from "./syscall_entries.ts";

/** A symbol; `span` is the distance to the next one, written in subsets only. */
export interface SourceSymbol extends SymbolFact {
  readonly span?: number;
}

/** A function: a symbol, and its text where known (size 0 where not). */
export interface SourceFunction {
  readonly symbol: number;
  readonly size: number;
  readonly traceable: boolean;
  readonly lengths: Uint8Array;
  readonly calls: TextFact["calls"];
}

/** Everything that goes into an image. */
export interface ImageSource {
  readonly arch: Arch;
  readonly release: string;
  readonly whole: boolean;
  readonly symbols: readonly SourceSymbol[];
  readonly functions: readonly SourceFunction[];
  /** Index = type id. */
  readonly types: readonly (BtfType | undefined)[];
  readonly tracepoints: readonly TracepointInfo[];
  readonly blacklist: readonly BlacklistRange[];
  readonly syscalls: readonly SyscallRecord[];
  /** ftrace's list: indices of symbols, and offsets of places without one. */
  readonly filterFunctions: readonly FilterLine[];
}

/** Joins facts to the image of a whole kernel. Throws an InputError for text of a function that kallsyms does not have. */
export function wholeSource(facts: KernelFacts): ImageSource {
  return {
    arch: facts.arch,
    release: facts.release,
    whole: true,
    symbols: facts.symbols,
    functions: joinFunctions(facts),
    types: facts.types,
    tracepoints: facts.tracepoints,
    blacklist: facts.blacklist,
    syscalls: resolveSyscalls(facts),
    filterFunctions: filterLines(facts),
  };
}

/** Each line of ftrace's list as a symbol: the next one of its name in the order of addresses, as the list has them. */
function filterLines(facts: KernelFacts): FilterLine[] {
  const indices = symbolIndices(facts.symbols);
  const used = new Map<string, number>();
  return (facts.traceable ?? []).flatMap((name): FilterLine[] => {
    if (name.startsWith(INVALID_ADDRESS)) return [{ invalid: Number(name.slice(INVALID_ADDRESS.length)) }];
    const at = used.get(name) ?? 0;
    used.set(name, at + 1);
    const texts = (indices.get(name) ?? []).filter((index) => /[tTwW]/.test(facts.symbols[index]!.letter));
    const symbol = texts[at] ?? texts[0];
    return symbol === undefined ? [] : [{ symbol }];
  });
}

/**
 * Functions are the text facts' lines and, beyond them, what ftrace lists; without ftrace's list the text facts' functions count as
 * traceable, and without those too every text symbol that BTF has a prototype for.
 */
function joinFunctions(facts: KernelFacts): SourceFunction[] {
  const indices = symbolIndices(facts.symbols);
  const bySymbol = new Map<number, SourceFunction>();
  const traceable = facts.traceable && new Set(facts.traceable);
  for (const text of facts.text) {
    const symbol = indices.get(text.name)?.find((index) => facts.symbols[index]?.address === text.address);
    if (symbol === undefined) {
      throw new InputError(
        `Cannot place the text of "${text.name}": kallsyms has no such symbol at its address; are the files of one kernel?`,
      );
    }
    const { size, lengths, calls } = text;
    bySymbol.set(symbol, { symbol, size, traceable: traceable?.has(text.name) ?? true, lengths, calls });
  }
  for (const symbol of plainFunctions(facts, traceable, indices)) {
    if (!bySymbol.has(symbol)) {
      bySymbol.set(symbol, { symbol, size: 0, traceable: true, lengths: new Uint8Array(0), calls: [] });
    }
  }
  return [...bySymbol.values()].sort((a, b) => a.symbol - b.symbol);
}

/** Symbols of traceable functions that the text facts do not have. */
function plainFunctions(
  facts: KernelFacts,
  traceable: ReadonlySet<string> | undefined,
  indices: ReadonlyMap<string, readonly number[]>,
): number[] {
  if (!traceable && facts.text.length > 0) return [];
  const withText = new Set(facts.text.map((text) => text.name));
  const names = traceable ?? new Set(facts.types.flatMap((type) => type?.kind === "func" ? [type.name] : []));
  return [...names].filter((name) => !withText.has(name)).flatMap((name) =>
    (indices.get(name) ?? []).filter((index) => /[tTwW]/.test(facts.symbols[index]!.letter))
  );
}

/** Indices of each name's symbols, in kallsyms' order. */
export function symbolIndices(symbols: readonly SymbolFact[]): Map<string, number[]> {
  const indices = new Map<string, number[]>();
  symbols.forEach(({ name }, index) => {
    const list = indices.get(name);
    if (list) list.push(index);
    else indices.set(name, [index]);
  });
  return indices;
}

/** The first symbol at each address: the one that names it. */
export function firstAtAddress(symbols: readonly SymbolFact[]): Map<Addr, number> {
  const first = new Map<Addr, number>();
  symbols.forEach(({ address }, index) => {
    if (!first.has(address)) first.set(address, index);
  });
  return first;
}
