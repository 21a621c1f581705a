/**
 * Cuts a core image out of a whole one: some functions and symbols, and every type that they reach.
 *
 * @module
 */
import { type Addr, isKernelAddress, pageAlign } from "../../image/mod.ts";
import type { BtfType } from "./btf.ts";
import { referencesOf, withReferences } from "./btf_references.ts";
import type { ImageSource, SourceFunction, SourceSymbol } from "./source.ts";

/** What a core image keeps. */
export interface Selection {
  /** Keeps a symbol, and its function where it is one. */
  readonly symbol: (symbol: SourceSymbol) => boolean;
  /** Names of types kept with all that they reach. */
  readonly types: readonly string[];
}

/** GCC's suffixes of specialised copies: BTF names the function without. */
const CLONE_SUFFIX = /\.(?:isra|constprop|part|cold)\..*$|\.cold$/;

/** The subset of an image; it knows that it is not whole, and types get numbers of their own. */
export function subset(source: ImageSource, selection: Selection): ImageSource {
  const spans = spansOf(source);
  const entries = new Set(source.syscalls.flatMap(({ entry }) => entry === undefined ? [] : [entry]));
  const kept = new Map<number, number>();
  const symbols: SourceSymbol[] = [];
  source.symbols.forEach((symbol, index) => {
    if (!entries.has(symbol.name) && !selection.symbol(symbol)) return;
    kept.set(index, symbols.length);
    symbols.push({ ...symbol, span: spans(symbol.address) });
  });
  const functions = source.functions.flatMap((fn): SourceFunction[] => {
    const symbol = kept.get(fn.symbol);
    return symbol === undefined ? [] : [{ ...fn, symbol }];
  });
  const names = new Set(symbols.flatMap(({ name }) => [name, name.replace(CLONE_SUFFIX, "")]));
  return {
    ...source,
    whole: false,
    symbols,
    functions,
    filterFunctions: [],
    types: reachable(source.types, rootsOf(source.types, names, new Set(selection.types))),
  };
}

/** Distance from an address to the next higher symbol of the same half, page end for the last. */
function spansOf(source: ImageSource): (address: Addr) => number {
  const addresses = [...new Set(source.symbols.map((symbol) => symbol.address))].sort((a, b) => a - b);
  const next = new Map(addresses.map((address, i) => [address, addresses[i + 1]] as const));
  return (address) => {
    const after = next.get(address);
    const follows = after !== undefined &&
      isKernelAddress(source.arch, after) === isKernelAddress(source.arch, address);
    return (follows ? after : pageAlign(address + 1)) - address;
  };
}

function rootsOf(
  types: ImageSource["types"],
  functions: ReadonlySet<string>,
  named: ReadonlySet<string>,
): number[] {
  const roots: number[] = [];
  types.forEach((type, id) => {
    if (type?.kind === "func" ? functions.has(type.name) : type && "name" in type && named.has(type.name)) {
      roots.push(id);
    }
  });
  return roots;
}

/** Types reachable from the roots, renumbered in their old order. */
function reachable(types: ImageSource["types"], roots: readonly number[]): (BtfType | undefined)[] {
  const seen = new Set<number>();
  const todo = [...roots];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    const type = types[id];
    if (!type || seen.has(id)) continue;
    seen.add(id);
    todo.push(...referencesOf(type));
  }
  const order = [...seen].sort((a, b) => a - b);
  const renumbered = new Map(order.map((id, i) => [id, i + 1]));
  const to = (id: number): number => renumbered.get(id) ?? 0;
  return [undefined, ...order.map((id) => withReferences(types[id]!, to))];
}
