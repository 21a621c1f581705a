/**
 * The text of functions: where instructions start, and what calls what. Functions are known by their rank in address order.
 *
 * @module
 */
import { ByteReader } from "./bytes.ts";
import type { Container } from "./container.ts";
import type { CallSite } from "./model.ts";
import type { NamePool } from "./names.ts";

/** Functions in one chunk of lengths or calls. */
export const FUNCTIONS_PER_CHUNK = 64;
/** Kinds of call sites by their code. */
export const CALL_KINDS = ["call", "jump", "indirect"] as const satisfies readonly CallSite["kind"][];

/** Where a name is called. */
export interface CallerSite {
  /** Rank of the calling function. */
  readonly fn: number;
  /** Position in its call sites. */
  readonly call: number;
}

interface Calls {
  /** Where each function's calls start; one more at the end. */
  readonly starts: Uint32Array;
  readonly offset: Uint32Array;
  readonly kind: Uint8Array;
  /** Rank in the table of targets. */
  readonly target: Uint32Array;
}

/** Text of an opened image, decoded a chunk at a time. */
export class TextTable {
  readonly #container: Container;
  readonly #names: NamePool;
  readonly #count: () => number;
  readonly #lengths = new Map<number, readonly Uint8Array[]>();
  readonly #calls = new Map<number, Calls>();
  #targets: Uint32Array | undefined;

  /** Reads nothing yet; `count` gives the number of functions. */
  constructor(container: Container, names: NamePool, count: () => number) {
    this.#container = container;
    this.#names = names;
    this.#count = count;
  }

  /** Offsets at which a function's instructions start. Only 0 where nothing is known of its text. */
  boundaries(fn: number, size: number): Uint32Array {
    if (this.#container.header.arch === "arm64") {
      return Uint32Array.from({ length: Math.max(1, size >> 2) }, (_, i) => i * 4);
    }
    const lengths = this.#lengthsOf(fn);
    const offsets = new Uint32Array(Math.max(1, lengths.length));
    for (let i = 1; i < offsets.length; i++) offsets[i] = offsets[i - 1]! + lengths[i - 1]!;
    return offsets;
  }

  /** Call sites of a function, in address order. */
  callSites(fn: number): readonly CallSite[] {
    const { starts, offset, kind, target } = this.#callsOf(fn);
    const at = fn % FUNCTIONS_PER_CHUNK;
    const next = this.#nextOffsets(fn);
    const sites: CallSite[] = [];
    for (let i = starts[at]!; i < starts[at + 1]!; i++) {
      sites.push({
        offset: offset[i]!,
        returnOffset: next(offset[i]!),
        kind: CALL_KINDS[kind[i]!]!,
        target: this.#names.text(this.#targetIds[target[i]!]!),
      });
    }
    return sites;
  }

  /** Direct calls and tail jumps to a place that has one or more names, by the callers' addresses. */
  callersOf(names: readonly string[]): CallerSite[] {
    const ranks = names.map((name) => this.#rankOf(name)).filter((rank) => rank >= 0);
    return ranks.flatMap((rank) => this.#callersOfRank(rank)).sort((a, b) => a.fn - b.fn || a.call - b.call);
  }

  #rankOf(name: string): number {
    const id = this.#names.id(name);
    return id === undefined ? -1 : this.#targetIds.indexOf(id);
  }

  #callersOfRank(rank: number): CallerSite[] {
    const found: CallerSite[] = [];
    const indirect = CALL_KINDS.indexOf("indirect");
    for (let first = 0; first < this.#count(); first += FUNCTIONS_PER_CHUNK) {
      const { starts, kind, target } = this.#callsOf(first);
      for (let i = target.indexOf(rank), at = 0; i >= 0; i = target.indexOf(rank, i + 1)) {
        if (kind[i] === indirect) continue;
        while (starts[at + 1]! <= i) at++;
        found.push({ fn: first + at, call: i - starts[at]! });
      }
    }
    return found;
  }

  #nextOffsets(fn: number): (offset: number) => number {
    if (this.#container.header.arch === "arm64") return (offset) => offset + 4;
    const ends = new Map<number, number>();
    let at = 0;
    for (const length of this.#lengthsOf(fn)) ends.set(at, at += length);
    // Five bytes is a direct near call, the form that a call site without known lengths most likely has.
    return (offset) => ends.get(offset) ?? offset + 5;
  }

  #lengthsOf(fn: number): Uint8Array {
    const index = Math.floor(fn / FUNCTIONS_PER_CHUNK);
    let chunk = this.#lengths.get(index);
    if (!chunk) {
      const reader = new ByteReader(this.#container.chunk("lengths", index));
      const counts = this.#countsOf(reader, index);
      this.#lengths.set(index, chunk = Array.from(counts, (count) => reader.take(count)));
    }
    return chunk[fn % FUNCTIONS_PER_CHUNK]!;
  }

  #callsOf(fn: number): Calls {
    const index = Math.floor(fn / FUNCTIONS_PER_CHUNK);
    let chunk = this.#calls.get(index);
    if (!chunk) this.#calls.set(index, chunk = this.#decodeCalls(index));
    return chunk;
  }

  #decodeCalls(index: number): Calls {
    const reader = new ByteReader(this.#container.chunk("calls", index));
    const counts = this.#countsOf(reader, index);
    const starts = new Uint32Array(counts.length + 1);
    for (let i = 0; i < counts.length; i++) starts[i + 1] = starts[i]! + counts[i]!;
    const total = starts[counts.length]!;
    const offset = new Uint32Array(total);
    const kind = new Uint8Array(total);
    for (let fn = 0, i = 0; fn < counts.length; fn++) {
      for (let last = 0; i < starts[fn + 1]!; i++) {
        const packed = reader.uint();
        offset[i] = last += Math.floor(packed / CALL_KINDS.length);
        kind[i] = packed % CALL_KINDS.length;
      }
    }
    const target = new Uint32Array(total);
    for (let i = 0; i < total; i++) target[i] = reader.uint();
    return { starts, offset, kind, target };
  }

  #countsOf(reader: ByteReader, chunk: number): Uint32Array {
    const counts = new Uint32Array(
      Math.min(FUNCTIONS_PER_CHUNK, this.#count() - chunk * FUNCTIONS_PER_CHUNK),
    );
    for (let i = 0; i < counts.length; i++) counts[i] = reader.uint();
    return counts;
  }

  get #targetIds(): Uint32Array {
    if (this.#targets) return this.#targets;
    // Copied because a view of whole words needs its bytes aligned.
    return this.#targets = new Uint32Array(Uint8Array.from(this.#container.chunk("targets", 0)).buffer);
  }
}
