/**
 * What a name stands for: its symbol, its function, its prototype. In chunks that match those of the name pool.
 *
 * @module
 */
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Container } from "./container.ts";
import { NAMES_PER_CHUNK } from "./names.ts";

/** Meanings of one name. */
export interface NameMeaning {
  /** Index of the first symbol of that name, in kallsyms' order. */
  readonly symbol?: number;
  /** Symbol index of the function of that name: the first symbol if that is one, else the first that is. */
  readonly fn?: number;
  /** Type id of the FUNC_PROTO. */
  readonly prototype?: number;
}

/** Encodes meanings, a record per name in the pool's order. */
export function encodeNameIndex(meanings: readonly NameMeaning[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < meanings.length; start += NAMES_PER_CHUNK) {
    const slice = meanings.slice(start, start + NAMES_PER_CHUNK);
    const out = new ByteWriter();
    for (const { symbol } of slice) out.uint(symbol === undefined ? 0 : symbol + 1);
    // 1 stands for the symbol itself.
    for (const { symbol, fn } of slice) out.uint(fn === undefined ? 0 : fn === symbol ? 1 : fn + 2);
    for (const { prototype } of slice) out.uint(prototype ?? 0);
    chunks.push(out.finish());
  }
  return chunks;
}

/** The index of an opened image, decoded a chunk at a time. */
export class NameIndex {
  readonly #container: Container;
  readonly #size: number;
  readonly #chunks: ({ symbol: Int32Array; fn: Int32Array; prototype: Int32Array } | undefined)[] = [];

  /** Reads nothing yet. */
  constructor(container: Container) {
    this.#container = container;
    this.#size = container.header.counts.names;
  }

  /** Index of the first symbol with a name id. */
  symbol(name: number): number | undefined {
    const code = this.#chunk(name).symbol[name % NAMES_PER_CHUNK]!;
    return code === 0 ? undefined : code - 1;
  }

  /** Symbol index of the function with a name id. */
  fn(name: number): number | undefined {
    const code = this.#chunk(name).fn[name % NAMES_PER_CHUNK]!;
    return code === 0 ? undefined : code === 1 ? this.symbol(name) : code - 2;
  }

  /** Type id of the FUNC_PROTO of a name id. */
  prototype(name: number): number | undefined {
    return this.#chunk(name).prototype[name % NAMES_PER_CHUNK]! || undefined;
  }

  #chunk(name: number): { symbol: Int32Array; fn: Int32Array; prototype: Int32Array } {
    const index = Math.floor(name / NAMES_PER_CHUNK);
    let chunk = this.#chunks[index];
    if (!chunk) {
      const count = Math.min(NAMES_PER_CHUNK, this.#size - index * NAMES_PER_CHUNK);
      const reader = new ByteReader(this.#container.chunk("name_index", index));
      const column = () => {
        const values = new Int32Array(count);
        for (let i = 0; i < count; i++) values[i] = reader.uint();
        return values;
      };
      this.#chunks[index] = chunk = { symbol: column(), fn: column(), prototype: column() };
    }
    return chunk;
  }
}
