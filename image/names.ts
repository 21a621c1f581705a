/**
 * The name pool: every name of an image once, in code unit order, so that a name's id is its rank.
 *
 * Chunks of 512 names are front-coded: a byte per name with the length it shares with the one before, then the rests. The first name
 * of each chunk is repeated in `name_heads`, so a look-up inflates one chunk.
 *
 * @module
 */
import type { Container, Section } from "./container.ts";

/** Names in one chunk. */
export const NAMES_PER_CHUNK = 512;
const MAX_SHARED = 255;
const SEPARATOR = "\0";

/** Encodes names, which must be distinct and sorted by code units. */
export function encodeNames(names: readonly string[]): Map<Section, Uint8Array[]> {
  const utf8 = new TextEncoder();
  const chunks: Uint8Array[] = [];
  const heads: string[] = [];
  for (let start = 0; start < names.length; start += NAMES_PER_CHUNK) {
    const slice = names.slice(start, start + NAMES_PER_CHUNK);
    heads.push(slice[0]!);
    const shared = new Uint8Array(slice.length);
    const rests = slice.map((name, i) => {
      const length = i === 0 ? 0 : sharedLength(slice[i - 1]!, name);
      shared[i] = length;
      return name.slice(length);
    });
    const text = utf8.encode(rests.join(SEPARATOR));
    const chunk = new Uint8Array(shared.length + text.length);
    chunk.set(shared);
    chunk.set(text, shared.length);
    chunks.push(chunk);
  }
  return new Map<Section, Uint8Array[]>([["names", chunks], ["name_heads", [
    utf8.encode(heads.join(SEPARATOR)),
  ]]]);
}

function sharedLength(a: string, b: string): number {
  const limit = Math.min(a.length, b.length, MAX_SHARED);
  let length = 0;
  // Only ASCII is shared, so that a cut never falls inside a character.
  while (length < limit && a.charCodeAt(length) < 0x80 && a.charCodeAt(length) === b.charCodeAt(length)) {
    length++;
  }
  return length;
}

/** Names of an opened image, decoded a chunk at a time. */
export class NamePool {
  /** Number of names. */
  readonly size: number;
  readonly #container: Container;
  readonly #chunks: (readonly string[] | undefined)[] = [];
  #heads: readonly string[] | undefined;

  /** Reads nothing yet. */
  constructor(container: Container) {
    this.#container = container;
    this.size = container.header.counts.names;
  }

  /** The name with an id. */
  text(id: number): string {
    const name = this.#chunk(Math.floor(id / NAMES_PER_CHUNK))[id % NAMES_PER_CHUNK];
    if (name === undefined) throw new RangeError(`Cannot find name ${id}: the image has ${this.size}`);
    return name;
  }

  /** The id of a name, or undefined when the image has no such name. */
  id(name: string): number | undefined {
    if (this.size === 0) return undefined;
    this.#heads ??= new TextDecoder().decode(this.#container.chunk("name_heads", 0)).split(SEPARATOR);
    const chunk = lastAtOrBefore(this.#heads, name);
    if (chunk < 0) return undefined;
    const names = this.#chunk(chunk);
    const index = lastAtOrBefore(names, name);
    return names[index] === name ? chunk * NAMES_PER_CHUNK + index : undefined;
  }

  #chunk(index: number): readonly string[] {
    return this.#chunks[index] ??= decodeChunk(
      this.#container.chunk("names", index),
      Math.min(NAMES_PER_CHUNK, this.size - index * NAMES_PER_CHUNK),
    );
  }
}

function decodeChunk(bytes: Uint8Array, count: number): readonly string[] {
  const rests = new TextDecoder().decode(bytes.subarray(count)).split(SEPARATOR);
  let last = "";
  for (let i = 0; i < rests.length; i++) {
    const shared = bytes[i]!;
    last = shared === 0 ? rests[i]! : last.slice(0, shared) + rests[i]!;
    rests[i] = last;
  }
  return rests;
}

function lastAtOrBefore(sorted: readonly string[], name: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= name) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
