/**
 * The symbol table: kallsyms' entries in kallsyms' order.
 *
 * Where names repeat, the first entry wins, as in the kernel's `kallsyms_lookup_name`. Where several symbols share an address, the
 * first names it, as in `kallsyms_lookup`: ftrace's files, stack traces and the text facts use that name too. Per-CPU symbols
 * of 64-bit kernels have small addresses; they are found by name but name no address.
 *
 * @module
 */
import { isKernelAddress, pageAlign } from "./address.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Container } from "./container.ts";
import type { Addr, Arch, SymbolInfo } from "./model.ts";
import type { NamePool } from "./names.ts";

/** A symbol as the encoder takes it. */
export interface SymbolRecord {
  readonly name: number;
  readonly address: Addr;
  readonly letter: string;
  /** Name id of the module. */
  readonly module?: number;
  /** Bytes up to the next symbol: for a subset, in which the next symbol may be missing. */
  readonly span?: number;
}

/** Encodes symbols; spans are written when `withSpans` is set. */
export function encodeSymbols(symbols: readonly SymbolRecord[], withSpans: boolean): Uint8Array {
  const out = new ByteWriter().uint(symbols.length).byte(withSpans ? 1 : 0);
  let address = 0;
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

/** Symbols of an opened image: typed arrays over the whole table, decoded at the first look-up. */
export class SymbolTable {
  readonly #container: Container;
  readonly #names: NamePool;
  #columns: Columns | undefined;
  #byAddress: Int32Array | undefined;
  #first: Int32Array | undefined;

  /** Reads nothing yet. */
  constructor(container: Container, names: NamePool) {
    this.#container = container;
    this.#names = names;
  }

  /** Number of symbols. */
  get count(): number {
    return this.#table.address.length;
  }

  /** Index of the first symbol with a name. */
  indexOf(name: string): number | undefined {
    const id = this.#names.id(name);
    if (id === undefined) return undefined;
    const index = this.#firsts[id]!;
    return index < 0 ? undefined : index;
  }

  /** Indices of all symbols with a name, in table order. */
  indicesOf(name: string): number[] {
    const first = this.indexOf(name);
    if (first === undefined) return [];
    const ids = this.#table.name;
    const found = [first];
    for (let i = ids.indexOf(ids[first]!, first + 1); i >= 0; i = ids.indexOf(ids[first]!, i + 1)) {
      found.push(i);
    }
    return found;
  }

  /** Name of a symbol. */
  nameOf(index: number): string {
    return this.#names.text(this.#table.name[index]!);
  }

  /** Name id of a symbol. */
  nameIdOf(index: number): number {
    return this.#table.name[index]!;
  }

  /** Address of a symbol. */
  addressOf(index: number): Addr {
    return this.#table.address[index]!;
  }

  /** The symbol at an index; `size` replaces the distance to the next symbol. */
  info(index: number, size?: number): SymbolInfo {
    const { address, letter, module } = this.#table;
    const owner = module[index]!;
    return {
      name: this.nameOf(index),
      address: address[index]!,
      size: size ?? this.spanOf(index),
      letter: String.fromCharCode(letter[index]!),
      ...(owner === 0 ? {} : { module: this.#names.text(owner - 1) }),
    };
  }

  /** Bytes from a symbol to the next one with a higher address; up to the end of its page for the last. */
  spanOf(index: number): number {
    const { address, span } = this.#table;
    if (span) return span[index]!;
    const start = address[index]!;
    const order = this.#order;
    let low = upperBound(order, address, start);
    // Per-CPU symbols sort after the kernel's, but do not follow it.
    if (low < order.length && !this.#sameHalf(start, address[order[low]!]!)) low = order.length;
    if (low < order.length) return address[order[low]!]! - start;
    return pageAlign(start + 1) - start;
  }

  /** Index of the symbol that covers a kernel address: the first of those that share its start. */
  covering(at: Addr): number | undefined {
    const arch = this.#container.header.arch;
    if (!isKernelAddress(arch, at)) return undefined;
    const { address } = this.#table;
    const order = this.#order;
    const after = upperBound(order, address, at);
    if (after === 0) return undefined;
    const start = address[order[after - 1]!]!;
    if (!this.#sameHalf(start, at)) return undefined;
    let low = after - 1;
    while (low > 0 && address[order[low - 1]!] === start) low--;
    const index = order[low]!;
    return at - start < this.spanOf(index) ? index : undefined;
  }

  #sameHalf(a: Addr, b: Addr): boolean {
    const arch: Arch = this.#container.header.arch;
    return isKernelAddress(arch, a) === isKernelAddress(arch, b);
  }

  get #table(): Columns {
    return this.#columns ??= decode(this.#container.chunk("symbols", 0));
  }

  /** Symbol indices by (address, index). */
  get #order(): Int32Array {
    if (this.#byAddress) return this.#byAddress;
    const { address } = this.#table;
    const order = Int32Array.from(address, (_, i) => i);
    // kallsyms is sorted but for modules and the signed reading of addresses, so mostly there is nothing to do.
    if (!isSorted(address)) order.sort((a, b) => address[a]! - address[b]! || a - b);
    return this.#byAddress = order;
  }

  get #firsts(): Int32Array {
    if (this.#first) return this.#first;
    const first = new Int32Array(this.#names.size).fill(-1);
    const ids = this.#table.name;
    for (let i = ids.length - 1; i >= 0; i--) first[ids[i]!] = i;
    return this.#first = first;
  }
}

interface Columns {
  readonly address: Float64Array;
  readonly name: Int32Array;
  readonly letter: Uint8Array;
  readonly module: Int32Array;
  readonly span: Int32Array | undefined;
}

function decode(bytes: Uint8Array): Columns {
  const reader = new ByteReader(bytes);
  const count = reader.uint();
  const withSpans = reader.byte() === 1;
  const address = new Float64Array(count);
  for (let i = 0, last = 0; i < count; i++) address[i] = last += reader.int();
  const name = new Int32Array(count);
  for (let i = 0, last = 0; i < count; i++) name[i] = last += reader.int();
  const letter = reader.take(count);
  const module = new Int32Array(count);
  for (let left = reader.uint(), at = 0; left > 0; left--) {
    const length = reader.uint();
    module.fill(reader.uint(), at, at += length);
  }
  const span = withSpans ? Int32Array.from(letter, () => reader.uint()) : undefined;
  return { address, name, letter, module, span };
}

function isSorted(values: Float64Array): boolean {
  for (let i = 1; i < values.length; i++) if (values[i]! < values[i - 1]!) return false;
  return true;
}

/** Position of the first entry of `order` whose address is above `at`. */
function upperBound(order: Int32Array, address: Float64Array, at: Addr): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (address[order[middle]!]! <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
