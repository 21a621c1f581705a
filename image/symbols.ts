/**
 * The symbol table: kallsyms' entries by address, and which of them are functions.
 *
 * Entries are sorted by signed address, those of one address in kallsyms' order. The first of them names the address, as in the kernel's
 * `kallsyms_lookup`: ftrace's files, stack traces and the text facts use that name too. Per-CPU symbols of 64-bit kernels have
 * small addresses: they sort last, are found by name, and name no address.
 *
 * @module
 */
import { isKernelAddress, pageAlign } from "./address.ts";
import { ByteReader } from "./bytes.ts";
import type { Container } from "./container.ts";
import type { Addr, SymbolInfo } from "./model.ts";
import type { NamePool } from "./names.ts";

/** Symbols in one chunk. */
export const SYMBOLS_PER_CHUNK = 512;

/** What is known of a symbol that is a function. */
export interface FunctionEntry {
  /** Rank among the image's functions, by address. */
  readonly index: number;
  readonly size: number;
  readonly traceable: boolean;
}

/** Symbols of an opened image, decoded a chunk at a time. */
export class SymbolTable {
  readonly #container: Container;
  readonly #names: NamePool;
  readonly #chunks: (Chunk | undefined)[] = [];
  #decodedHeads: Heads | undefined;

  /** Reads nothing yet. */
  constructor(container: Container, names: NamePool) {
    this.#container = container;
    this.#names = names;
  }

  /** Number of symbols. */
  get count(): number {
    return this.#heads.symbols;
  }

  /** Number of functions. */
  get functionCount(): number {
    return this.#heads.functions;
  }

  /** Name of a symbol. */
  nameOf(index: number): string {
    return this.#names.text(this.#chunkOf(index).name[index % SYMBOLS_PER_CHUNK]!);
  }

  /** Address of a symbol. */
  addressOf(index: number): Addr {
    return this.#chunkOf(index).address[index % SYMBOLS_PER_CHUNK]!;
  }

  /** The function at a symbol. */
  functionOf(index: number): FunctionEntry | undefined {
    const chunk = this.#chunkOf(index);
    const packed = chunk.fn[index % SYMBOLS_PER_CHUNK]!;
    if (packed === 0) return undefined;
    return {
      index: chunk.firstFunction + lastAtMost(chunk.functions, index % SYMBOLS_PER_CHUNK),
      // A size of 0 stands for the distance to the next symbol, which is the usual one.
      size: (packed >>> 2) || this.spanOf(index),
      traceable: (packed & 2) !== 0,
    };
  }

  /** Whether ftrace lists the function at a symbol. */
  isTraceable(index: number): boolean {
    return (this.#chunkOf(index).fn[index % SYMBOLS_PER_CHUNK]! & 2) !== 0;
  }

  /** Symbol index of a function by its rank. */
  ofFunction(fn: number): number {
    const at = lastAtMost(this.#heads.firstFunction, fn);
    const chunk = this.#chunkOf(at * SYMBOLS_PER_CHUNK);
    return at * SYMBOLS_PER_CHUNK + chunk.functions[fn - chunk.firstFunction]!;
  }

  /** Everything about a symbol. */
  info(index: number): SymbolInfo {
    const chunk = this.#chunkOf(index);
    const at = index % SYMBOLS_PER_CHUNK;
    const owner = chunk.module[at]!;
    return {
      name: this.nameOf(index),
      address: chunk.address[at]!,
      size: this.functionOf(index)?.size ?? this.spanOf(index),
      letter: String.fromCharCode(chunk.letter[at]!),
      ...(owner === 0 ? {} : { module: this.#names.text(owner - 1) }),
    };
  }

  /** Bytes from a symbol to the next one with a higher address; up to the end of its page for the last. */
  spanOf(index: number): number {
    const chunk = this.#chunkOf(index);
    if (chunk.span) return chunk.span[index % SYMBOLS_PER_CHUNK]!;
    const start = chunk.address[index % SYMBOLS_PER_CHUNK]!;
    for (let next = index + 1; next < this.count; next++) {
      const address = this.addressOf(next);
      if (address === start) continue;
      // Per-CPU symbols sort after the kernel's, but do not follow it.
      if (this.#isKernel(address) !== this.#isKernel(start)) break;
      return address - start;
    }
    return pageAlign(start + 1) - start;
  }

  /** Index of the symbol that covers a kernel address: the first of those that share its start. */
  covering(at: Addr): number | undefined {
    if (!this.#isKernel(at)) return undefined;
    const head = lastAtMost(this.#heads.address, at);
    if (head < 0) return undefined;
    const chunk = this.#chunkOf(head * SYMBOLS_PER_CHUNK);
    let index = head * SYMBOLS_PER_CHUNK + lastAtMost(chunk.address, at);
    const start = this.addressOf(index);
    if (!this.#isKernel(start)) return undefined;
    while (index > 0 && this.addressOf(index - 1) === start) index--;
    return at - start < this.spanOf(index) ? index : undefined;
  }

  #isKernel(address: Addr): boolean {
    return isKernelAddress(this.#container.header.arch, address);
  }

  #chunkOf(index: number): Chunk {
    const at = Math.floor(index / SYMBOLS_PER_CHUNK);
    return this.#chunks[at] ??= decodeChunk(
      this.#container.chunk("symbols", at),
      this.#heads.address[at]!,
      this.#heads.firstFunction[at]!,
    );
  }

  get #heads(): Heads {
    return this.#decodedHeads ??= decodeHeads(this.#container.chunk("symbol_heads", 0));
  }
}

interface Heads {
  readonly symbols: number;
  readonly functions: number;
  /** First address of each chunk. */
  readonly address: Float64Array;
  /** Rank of each chunk's first function. */
  readonly firstFunction: Float64Array;
}

interface Chunk {
  readonly address: Float64Array;
  readonly name: Int32Array;
  readonly letter: Uint8Array;
  /** 0, or name id of the module + 1. */
  readonly module: Int32Array;
  /** 0 for what is no function, else 1 + 2 where traceable + 4 * size. */
  readonly fn: Int32Array;
  readonly span: Int32Array | undefined;
  readonly firstFunction: number;
  /** Positions of the functions in this chunk. */
  readonly functions: Int32Array;
}

function decodeHeads(bytes: Uint8Array): Heads {
  const reader = new ByteReader(bytes);
  const symbols = reader.uint();
  const functions = reader.uint();
  const chunks = Math.ceil(symbols / SYMBOLS_PER_CHUNK);
  const address = new Float64Array(chunks);
  const firstFunction = new Float64Array(chunks);
  for (let i = 0; i < chunks; i++) {
    address[i] = reader.int();
    firstFunction[i] = reader.uint();
  }
  return { symbols, functions, address, firstFunction };
}

function decodeChunk(bytes: Uint8Array, first: Addr, firstFunction: number): Chunk {
  const reader = new ByteReader(bytes);
  const count = reader.uint();
  const withSpans = reader.byte() === 1;
  const address = new Float64Array(count);
  for (let i = 0, last = first; i < count; i++) address[i] = last += reader.int();
  const name = new Int32Array(count);
  for (let i = 0, last = 0; i < count; i++) name[i] = last += reader.int();
  const letter = reader.take(count);
  const module = new Int32Array(count);
  for (let left = reader.uint(), at = 0; left > 0; left--) {
    const length = reader.uint();
    module.fill(reader.uint(), at, at += length);
  }
  const fn = new Int32Array(count);
  const functions: number[] = [];
  for (let i = 0; i < count; i++) if ((fn[i] = reader.uint()) !== 0) functions.push(i);
  const span = withSpans ? new Int32Array(count) : undefined;
  if (span) { for (let i = 0; i < count; i++) span[i] = reader.uint(); }
  return { address, name, letter, module, fn, span, firstFunction, functions: Int32Array.from(functions) };
}

/** Position of the last value that is at most `wanted`, or -1, in ascending values. */
function lastAtMost(values: Float64Array | Int32Array, wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
