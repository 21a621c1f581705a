/**
 * C types of an opened image: `CType`s made from type records when they are asked for.
 *
 * @module
 */
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Container, Section } from "./container.ts";
import type { CType, Member, Param } from "./model.ts";
import type { NamePool } from "./names.ts";
import { decodeTypes, encodeTypes, type TypeRecord, TYPES_PER_CHUNK } from "./type_records.ts";

/** BTF's INT encoding bits. */
const INT_SIGNED = 1;
const INT_CHAR = 2;
const INT_BOOL = 4;

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
export class TypeTable {
  /** Number of types, void included. */
  readonly count: number;
  readonly #container: Container;
  readonly #names: NamePool;
  readonly #chunks: (readonly TypeRecord[] | undefined)[] = [];
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
    if (!type) this.#made.set(id, type = this.#make(id));
    return type;
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
    const chunk = Math.floor(id / TYPES_PER_CHUNK);
    const records = this.#chunks[chunk] ??= decodeTypes(
      this.#container.chunk("types", chunk),
      chunk * TYPES_PER_CHUNK,
    );
    const record = records[id % TYPES_PER_CHUNK];
    if (!record) throw new RangeError(`Cannot find type ${id}: the image has ${this.count}`);
    return record;
  }

  #make(id: number): CType {
    if (id === 0) return { kind: "void", id: 0 };
    const record = this.#record(id);
    const text = (name: number) => this.#names.text(name);
    const lazy = (to: number) => this.#lazy(to);
    switch (record.kind) {
      case "hole":
        throw new RangeError(`Cannot take ${id} as a type: it is none`);
      case "int":
        return {
          kind: "int",
          id,
          name: text(record.name),
          size: record.size,
          signed: (record.encoding & INT_SIGNED) !== 0,
          encoding: record.encoding & INT_BOOL ? "bool" : record.encoding & INT_CHAR ? "char" : "int",
        };
      case "float":
        return { kind: "float", id, name: text(record.name), size: record.size };
      case "enum":
        return {
          kind: "enum",
          id,
          name: text(record.name),
          size: record.size,
          signed: record.signed,
          values: new Map(record.values.map(([name, value]) => [text(name), Number(value)])),
        };
      case "ptr": {
        const to = lazy(record.to);
        return {
          kind: "ptr",
          id,
          get to() {
            return to();
          },
        };
      }
      case "array": {
        const of = lazy(record.of);
        return {
          kind: "array",
          id,
          length: record.length,
          get of() {
            return of();
          },
        };
      }
      case "typedef":
      case "type_tag":
      case "const":
      case "volatile":
      case "restrict": {
        const to = lazy(record.to);
        const name = "name" in record ? text(record.name) : "";
        return {
          kind: record.kind,
          id,
          name,
          get to() {
            return to();
          },
        };
      }
      case "struct":
      case "union": {
        let members: readonly Member[] | undefined;
        const make = () => record.members.map((member) => this.#member(member));
        return {
          kind: record.kind,
          id,
          name: text(record.name),
          size: record.size,
          get members() {
            return members ??= make();
          },
        };
      }
      case "fwd":
        return { kind: "fwd", id, name: text(record.name), union: record.union };
      case "func_proto": {
        const ret = lazy(record.ret);
        let params: readonly Param[] | undefined;
        const make = () => record.params.map((param) => this.#param(param));
        return {
          kind: "func_proto",
          id,
          get params() {
            return params ??= make();
          },
          get ret() {
            return ret();
          },
        };
      }
    }
  }

  #lazy(id: number): () => CType {
    return () => this.byId(id);
  }

  #member(record: { name: number; type: number; bitOffset: number; bitSize: number }): Member {
    const type = this.#lazy(record.type);
    return {
      name: this.#names.text(record.name),
      bitOffset: record.bitOffset,
      bitSize: record.bitSize,
      get type() {
        return type();
      },
    };
  }

  #param(record: { name: number; type: number }): Param {
    const type = this.#lazy(record.type);
    return {
      name: this.#names.text(record.name),
      get type() {
        return type();
      },
    };
  }
}
