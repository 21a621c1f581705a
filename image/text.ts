/**
 * The text of traceable functions: sizes, where instructions start, and what calls what.
 *
 * @module
 */
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Container, Section } from "./container.ts";
import type { CallSite } from "./model.ts";
import type { NamePool } from "./names.ts";
import type { SymbolTable } from "./symbols.ts";

/** Functions in one chunk of lengths or calls. */
const PER_CHUNK = 256;
const KINDS = ["call", "jump", "indirect"] as const;

/** A call site as the encoder takes it; `target` is a rank in the table of targets. */
export interface CallRecord {
  readonly offset: number;
  readonly kind: CallSite["kind"];
  readonly target: number;
}

/** A function as the encoder takes it, in address order. */
export interface FunctionRecord {
  /** Index in the symbol table. */
  readonly symbol: number;
  /** 0 where no text facts are known. */
  readonly size: number;
  readonly traceable: boolean;
  /** Instruction lengths; empty where all are 4 bytes or none are known. */
  readonly lengths: Uint8Array;
  readonly calls: readonly CallRecord[];
}

/** Encodes functions; `targets` holds name ids, most called first. */
export function encodeText(
  functions: readonly FunctionRecord[],
  targets: readonly number[],
): Map<Section, Uint8Array[]> {
  const table = new ByteWriter().uint(functions.length);
  let last = 0;
  for (const fn of functions) {
    table.int(fn.symbol - last);
    last = fn.symbol;
  }
  for (const fn of functions) table.uint(fn.size * 2 + (fn.traceable ? 1 : 0));
  const names = new ByteWriter().uint(targets.length);
  for (const target of targets) names.uint(target);
  const lengths: Uint8Array[] = [];
  const calls: Uint8Array[] = [];
  for (let start = 0; start < functions.length; start += PER_CHUNK) {
    const slice = functions.slice(start, start + PER_CHUNK);
    lengths.push(encodeLengths(slice));
    calls.push(encodeCalls(slice));
  }
  return new Map<Section, Uint8Array[]>([
    ["functions", [table.finish()]],
    ["targets", [names.finish()]],
    ["lengths", lengths],
    ["calls", calls],
  ]);
}

function encodeLengths(functions: readonly FunctionRecord[]): Uint8Array {
  const out = new ByteWriter();
  for (const fn of functions) out.uint(fn.lengths.length);
  for (const fn of functions) out.raw(fn.lengths);
  return out.finish();
}

function encodeCalls(functions: readonly FunctionRecord[]): Uint8Array {
  const out = new ByteWriter();
  for (const fn of functions) out.uint(fn.calls.length);
  for (const fn of functions) {
    let last = 0;
    for (const call of fn.calls) {
      out.uint((call.offset - last) * KINDS.length + KINDS.indexOf(call.kind));
      last = call.offset;
    }
  }
  for (const fn of functions) for (const call of fn.calls) out.uint(call.target);
  return out.finish();
}

interface Table {
  readonly symbol: Int32Array;
  readonly size: Int32Array;
  readonly traceable: Uint8Array;
  /** Function index by symbol index. */
  readonly bySymbol: ReadonlyMap<number, number>;
}

interface StoredCall {
  readonly offset: number;
  readonly kind: CallSite["kind"];
  /** Name id. */
  readonly target: number;
}

/** Text of an opened image. */
export class TextTable {
  readonly #container: Container;
  readonly #names: NamePool;
  readonly #symbols: SymbolTable;
  readonly #lengths = new Map<number, readonly Uint8Array[]>();
  readonly #calls = new Map<number, readonly (readonly StoredCall[])[]>();
  #decoded: Table | undefined;
  #targets: Int32Array | undefined;
  #callers: Map<number, { fn: number; call: number }[]> | undefined;

  /** Reads nothing yet. */
  constructor(container: Container, names: NamePool, symbols: SymbolTable) {
    this.#container = container;
    this.#names = names;
    this.#symbols = symbols;
  }

  /** Number of functions. */
  get count(): number {
    return this.#table.symbol.length;
  }

  /** Function index of a symbol index. */
  ofSymbol(symbol: number): number | undefined {
    return this.#table.bySymbol.get(symbol);
  }

  /** The function that a name means: at the first symbol of that name if that is one, else the first that is. */
  indexOf(name: string): number | undefined {
    const first = this.#symbols.indexOf(name);
    if (first === undefined) return undefined;
    const fn = this.ofSymbol(first);
    if (fn !== undefined) return fn;
    for (const symbol of this.#symbols.indicesOf(name)) {
      const other = this.ofSymbol(symbol);
      if (other !== undefined) return other;
    }
    return undefined;
  }

  /** Symbol index of a function. */
  symbolOf(fn: number): number {
    return this.#table.symbol[fn]!;
  }

  /** Size in bytes: the text facts' if known, else up to the next symbol. */
  sizeOf(fn: number): number {
    return this.#table.size[fn]! || this.#symbols.spanOf(this.symbolOf(fn));
  }

  /** Whether ftrace lists it. */
  isTraceable(fn: number): boolean {
    return this.#table.traceable[fn] === 1;
  }

  /** Offsets at which instructions start. Only 0 where nothing is known of the text. */
  boundaries(fn: number): Uint32Array {
    if (this.#container.header.arch === "arm64") {
      return Uint32Array.from({ length: Math.max(1, this.sizeOf(fn) >> 2) }, (_, i) => i * 4);
    }
    const lengths = this.#lengthsOf(fn);
    const offsets = new Uint32Array(Math.max(1, lengths.length));
    for (let i = 1; i < offsets.length; i++) offsets[i] = offsets[i - 1]! + lengths[i - 1]!;
    return offsets;
  }

  /** Call sites in address order. */
  callSites(fn: number): readonly CallSite[] {
    const calls = this.#callsOf(fn);
    if (calls.length === 0) return [];
    const next = this.#nextOffsets(fn);
    return calls.map(({ offset, kind, target }) => ({
      offset,
      returnOffset: next(offset),
      kind,
      target: this.#names.text(target),
    }));
  }

  /** Functions that call a name, with the call, in address order. */
  callersOf(name: string): readonly { readonly fn: number; readonly site: CallSite }[] {
    const id = this.#names.id(name);
    if (id === undefined) return [];
    return (this.#callerIndex.get(id) ?? []).map(({ fn, call }) => ({ fn, site: this.callSites(fn)[call]! }));
  }

  #nextOffsets(fn: number): (offset: number) => number {
    if (this.#container.header.arch === "arm64") return (offset) => offset + 4;
    const ends = new Map<number, number>();
    let at = 0;
    for (const length of this.#lengthsOf(fn)) ends.set(at, at += length);
    // Five bytes is a direct near call, the form that every call site without known lengths most likely has.
    return (offset) => ends.get(offset) ?? offset + 5;
  }

  #lengthsOf(fn: number): Uint8Array {
    const index = Math.floor(fn / PER_CHUNK);
    let chunk = this.#lengths.get(index);
    if (!chunk) {
      const reader = new ByteReader(this.#container.chunk("lengths", index));
      chunk = this.#countsOf(reader, index).map((count) => reader.take(count));
      this.#lengths.set(index, chunk);
    }
    return chunk[fn % PER_CHUNK]!;
  }

  #callsOf(fn: number): readonly StoredCall[] {
    const index = Math.floor(fn / PER_CHUNK);
    let chunk = this.#calls.get(index);
    if (!chunk) this.#calls.set(index, chunk = this.#decodeCalls(index));
    return chunk[fn % PER_CHUNK]!;
  }

  #decodeCalls(index: number): StoredCall[][] {
    const targets = this.#targetIds;
    const reader = new ByteReader(this.#container.chunk("calls", index));
    const sites = this.#countsOf(reader, index).map((count) => {
      let offset = 0;
      return Array.from({ length: count }, () => {
        const packed = reader.uint();
        offset += Math.floor(packed / KINDS.length);
        return { offset, kind: KINDS[packed % KINDS.length]! };
      });
    });
    return sites.map((list) => list.map((site) => ({ ...site, target: targets[reader.uint()]! })));
  }

  #countsOf(reader: ByteReader, chunk: number): number[] {
    const functions = Math.min(PER_CHUNK, this.count - chunk * PER_CHUNK);
    return Array.from({ length: functions }, () => reader.uint());
  }

  get #table(): Table {
    if (this.#decoded) return this.#decoded;
    const reader = new ByteReader(this.#container.chunk("functions", 0));
    const count = reader.uint();
    const symbol = new Int32Array(count);
    const bySymbol = new Map<number, number>();
    for (let i = 0, last = 0; i < count; i++) {
      symbol[i] = last += reader.int();
      bySymbol.set(last, i);
    }
    const size = new Int32Array(count);
    const traceable = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      const packed = reader.uint();
      size[i] = packed >>> 1;
      traceable[i] = packed & 1;
    }
    return this.#decoded = { symbol, size, traceable, bySymbol };
  }

  get #targetIds(): Int32Array {
    if (this.#targets) return this.#targets;
    const reader = new ByteReader(this.#container.chunk("targets", 0));
    return this.#targets = Int32Array.from({ length: reader.uint() }, () => reader.uint());
  }

  get #callerIndex(): Map<number, { fn: number; call: number }[]> {
    if (this.#callers) return this.#callers;
    const index = new Map<number, { fn: number; call: number }[]>();
    for (let fn = 0; fn < this.count; fn++) {
      this.#callsOf(fn).forEach(({ target, kind }, call) => {
        if (kind === "indirect") return;
        const list = index.get(target);
        if (list) list.push({ fn, call });
        else index.set(target, [{ fn, call }]);
      });
    }
    return this.#callers = index;
  }
}
