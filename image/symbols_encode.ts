/**
 * Writes the symbol table that `symbols.ts` reads.
 *
 * @module
 */
import { ByteWriter } from "./bytes.ts";
import type { Section } from "./container.ts";
import type { Addr } from "./model.ts";
import { SYMBOLS_PER_CHUNK } from "./symbols.ts";

/** A symbol as the encoder takes it; names are name ids. */
export interface SymbolRecord {
  readonly name: number;
  readonly address: Addr;
  readonly letter: string;
  readonly module?: number;
  /** Bytes up to the next symbol: for a subset, in which the next symbol may be missing. */
  readonly span?: number;
  /** Present where it is a function; size 0 stands for the distance to the next symbol. */
  readonly fn?: { readonly size: number; readonly traceable: boolean };
}

/** Encodes symbols, which must be sorted by address; spans are written when `withSpans` is set. */
export function encodeSymbols(
  symbols: readonly SymbolRecord[],
  withSpans: boolean,
): Map<Section, Uint8Array[]> {
  const heads = new ByteWriter().uint(symbols.length).uint(symbols.filter((symbol) => symbol.fn).length);
  const chunks: Uint8Array[] = [];
  let functions = 0;
  for (let start = 0; start < symbols.length; start += SYMBOLS_PER_CHUNK) {
    const slice = symbols.slice(start, start + SYMBOLS_PER_CHUNK);
    heads.int(slice[0]!.address).uint(functions);
    functions += slice.filter((symbol) => symbol.fn).length;
    chunks.push(encodeChunk(slice, withSpans));
  }
  return new Map<Section, Uint8Array[]>([["symbol_heads", [heads.finish()]], ["symbols", chunks]]);
}

function encodeChunk(symbols: readonly SymbolRecord[], withSpans: boolean): Uint8Array {
  const out = new ByteWriter().uint(symbols.length).byte(withSpans ? 1 : 0);
  let address = symbols[0]!.address;
  for (const symbol of symbols) {
    out.int(symbol.address - address);
    address = symbol.address;
  }
  let name = 0;
  for (const symbol of symbols) {
    out.int(symbol.name - name);
    name = symbol.name;
  }
  for (const symbol of symbols) out.byte(symbol.letter.charCodeAt(0));
  const runs = moduleRuns(symbols);
  out.uint(runs.length);
  for (const run of runs) out.uint(run.length).uint(run.module);
  for (const { fn } of symbols) out.uint(fn ? fn.size * 4 + (fn.traceable ? 2 : 0) + 1 : 0);
  if (withSpans) { for (const symbol of symbols) out.uint(symbol.span ?? 0); }
  return out.finish();
}

/** Runs of symbols of one owner; module 0 is the kernel proper, else name id + 1. */
function moduleRuns(symbols: readonly SymbolRecord[]): { length: number; module: number }[] {
  const runs: { length: number; module: number }[] = [];
  for (const symbol of symbols) {
    const module = symbol.module === undefined ? 0 : symbol.module + 1;
    const last = runs.at(-1);
    if (last?.module === module) last.length++;
    else runs.push({ length: 1, module });
  }
  return runs;
}
