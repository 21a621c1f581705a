/**
 * C types of an opened image: `CType`s made from type records when they are asked for.
 *
 * @module
 */
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Container, Section } from "./container.ts";
import { makeType, type TypeSource } from "./lazy_types.ts";
import type { CType } from "./model.ts";
import type { NamePool } from "./names.ts";
import { TypeChunk } from "./type_decode.ts";
import { encodeTypes, type TypeRecord, TYPES_PER_CHUNK } from "./type_records.ts";

const VOID: CType = { kind: "void", id: 0 };

/** `[name id, type id]` pairs. */
export type NamedIds = readonly (readonly [name: number, id: number])[];

/** Encodes types (index = id; 0 is void) and their indices. Each index lists a name's first choice before others. */
export function encodeTypeSections(
  types: readonly TypeRecord[],
  indices: { readonly types: NamedIds; readonly enumerators: NamedIds },
): Map<Section, Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < types.length; start += TYPES_PER_CHUNK) {
    chunks.push(encodeTypes(types.slice(start, start + TYPES_PER_CHUNK), start));
  }
  return new Map<Section, Uint8Array[]>([
    ["types", chunks],
    ["type_names", [encodeIndex(indices.types)]],
    ["enumerators", [encodeIndex(indices.enumerators)]],
  ]);
}

function encodeIndex(pairs: NamedIds): Uint8Array {
  // A stable sort keeps a name's first choice first.
  const sorted = [...pairs].sort((a, b) => a[0] - b[0]);
  const out = new ByteWriter().uint(sorted.length);
  let last = 0;
  for (const [name] of sorted) {
    out.uint(name - last);
    last = name;
  }
  last = 0;
  for (const [, id] of sorted) {
    out.int(id - last);
    last = id;
  }
  return out.finish();
}

/** Sorted names with type ids, searched by halving. */
class Index {
  readonly names: Int32Array;
  readonly ids: Int32Array;

  constructor(bytes: Uint8Array) {
    const reader = new ByteReader(bytes);
    const count = reader.uint();
    this.names = new Int32Array(count);
    this.ids = new Int32Array(count);
    for (let i = 0, last = 0; i < count; i++) this.names[i] = last += reader.uint();
    for (let i = 0, last = 0; i < count; i++) this.ids[i] = last += reader.int();
  }

  /** Type ids under a name, first choice first. */
  get(name: number): Int32Array {
    let low = 0;
    let high = this.names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.names[middle]! < name) low = middle + 1;
      else high = middle;
    }
    let end = low;
    while (end < this.names.length && this.names[end] === name) end++;
    return this.ids.subarray(low, end);
  }
}

/** Types of an opened image. */
export class TypeTable implements TypeSource {
  /** Number of types, void included. */
  readonly count: number;
  readonly #container: Container;
  readonly #names: NamePool;
  readonly #chunks: (TypeChunk | undefined)[] = [];
  readonly #made = new Map<number, CType>();
  readonly #indices = new Map<Section, Index>();

  /** Reads nothing yet. */
  constructor(container: Container, names: NamePool) {
    this.#container = container;
    this.#names = names;
    this.count = container.header.counts.types;
  }

  /** The type with an id; throws a RangeError for an id that is no type. The same id gives the same object. */
  byId(id: number): CType {
    let type = this.#made.get(id);
    if (!type) this.#made.set(id, type = id === 0 ? VOID : makeType(this, id, this.#record(id)));
    return type;
  }

  /** The name with a name id. */
  text(name: number): string {
    return this.#names.text(name);
  }

  /** The types with a name, best first; see the builder for the order. */
  named(name: string): readonly CType[] {
    return this.#find("type_names", name);
  }

  /** Every name that has a type, in name order, with its best type's id. */
  *allNamed(): Iterable<readonly [name: string, id: number]> {
    const { names, ids } = this.#index("type_names");
    for (let i = 0; i < names.length; i++) {
      if (i === 0 || names[i] !== names[i - 1]) yield [this.#names.text(names[i]!), ids[i]!];
    }
  }

  /** Value of an enumerator. */
  enumerator(name: string): number | undefined {
    const type = this.#find("enumerators", name)[0];
    return type?.kind === "enum" ? type.values.get(name) : undefined;
  }

  #find(section: Section, name: string): readonly CType[] {
    const id = this.#names.id(name);
    return id === undefined ? [] : Array.from(this.#index(section).get(id), (type) => this.byId(type));
  }

  #index(section: Section): Index {
    let index = this.#indices.get(section);
    if (!index) this.#indices.set(section, index = new Index(this.#container.chunk(section, 0)));
    return index;
  }

  #record(id: number): TypeRecord {
    const index = Math.floor(id / TYPES_PER_CHUNK);
    const chunk = this.#chunks[index] ??= new TypeChunk(
      this.#container.chunk("types", index),
      index * TYPES_PER_CHUNK,
    );
    const record = chunk.record(id);
    if (!record) throw new RangeError(`Cannot find type ${id}: the image has ${this.count}`);
    return record;
  }
}
