/**
 * `CType`s that look up what they refer to when it is asked for, so that one type does not decode the whole kernel.
 *
 * They are classes because an accessor on a prototype costs nothing per object, and there are many.
 *
 * @module
 */
import type { CType, Member, Param } from "./model.ts";
import type { MemberRecord, ParamRecord, TypeRecord } from "./type_records.ts";

/** BTF's INT encoding bits. */
const INT_SIGNED = 1;
const INT_CHAR = 2;
const INT_BOOL = 4;

/** Where types and names come from. */
export interface TypeSource {
  /** The type with an id. */
  byId(id: number): CType;
  /** The name with a name id. */
  text(name: number): string;
}

/** Makes the type of a record. Throws a RangeError for a record that is no type. */
export function makeType(source: TypeSource, id: number, record: TypeRecord): CType {
  switch (record.kind) {
    case "hole":
      throw new RangeError(`Cannot take ${id} as a type: it is none`);
    case "int": {
      const { size, encoding } = record;
      const name = source.text(record.name);
      const signed = (encoding & INT_SIGNED) !== 0;
      return {
        kind: "int",
        id,
        name,
        size,
        signed,
        encoding: encoding & INT_BOOL ? "bool" : encoding & INT_CHAR ? "char" : "int",
      };
    }
    case "float":
      return { kind: "float", id, name: source.text(record.name), size: record.size };
    case "fwd":
      return { kind: "fwd", id, name: source.text(record.name), union: record.union };
    case "enum": {
      const values = new Map(record.values.map(([name, value]) => [source.text(name), Number(value)]));
      return {
        kind: "enum",
        id,
        name: source.text(record.name),
        size: record.size,
        signed: record.signed,
        values,
      };
    }
    case "ptr":
      return new PointerType(source, id, record.to);
    case "array":
      return new ArrayType(source, id, record.of, record.length);
    case "typedef":
    case "type_tag":
      return new AliasType(source, id, record.kind, source.text(record.name), record.to);
    case "const":
    case "volatile":
    case "restrict":
      return new AliasType(source, id, record.kind, "", record.to);
    case "struct":
    case "union":
      return new CompoundType(source, id, record);
    case "func_proto":
      return new FunctionType(source, id, record.ret, record.params);
  }
}

class PointerType {
  readonly kind = "ptr";
  readonly #source: TypeSource;
  readonly #to: number;

  constructor(source: TypeSource, readonly id: number, to: number) {
    this.#source = source;
    this.#to = to;
  }

  get to(): CType {
    return this.#source.byId(this.#to);
  }
}

class ArrayType {
  readonly kind = "array";
  readonly #source: TypeSource;
  readonly #of: number;

  constructor(source: TypeSource, readonly id: number, of: number, readonly length: number) {
    this.#source = source;
    this.#of = of;
  }

  get of(): CType {
    return this.#source.byId(this.#of);
  }
}

class AliasType {
  readonly #source: TypeSource;
  readonly #to: number;

  constructor(
    source: TypeSource,
    readonly id: number,
    readonly kind: "typedef" | "const" | "volatile" | "restrict" | "type_tag",
    readonly name: string,
    to: number,
  ) {
    this.#source = source;
    this.#to = to;
  }

  get to(): CType {
    return this.#source.byId(this.#to);
  }
}

class CompoundType {
  readonly kind: "struct" | "union";
  readonly name: string;
  readonly size: number;
  readonly #source: TypeSource;
  readonly #records: readonly MemberRecord[];
  #members: readonly Member[] | undefined;

  constructor(source: TypeSource, readonly id: number, record: Extract<TypeRecord, { members: unknown }>) {
    this.kind = record.kind;
    this.name = source.text(record.name);
    this.size = record.size;
    this.#source = source;
    this.#records = record.members;
  }

  get members(): readonly Member[] {
    return this.#members ??= this.#records.map((record) => new TypeMember(this.#source, record));
  }
}

class FunctionType {
  readonly kind = "func_proto";
  readonly #source: TypeSource;
  readonly #ret: number;
  readonly #records: readonly ParamRecord[];
  #params: readonly Param[] | undefined;

  constructor(source: TypeSource, readonly id: number, ret: number, params: readonly ParamRecord[]) {
    this.#source = source;
    this.#ret = ret;
    this.#records = params;
  }

  get ret(): CType {
    return this.#source.byId(this.#ret);
  }

  get params(): readonly Param[] {
    return this.#params ??= this.#records.map(({ name, type }) => new TypeParam(this.#source, name, type));
  }
}

/** A parameter whose type is looked up when asked for. */
class TypeParam {
  readonly name: string;
  readonly #source: TypeSource;
  readonly #type: number;

  constructor(source: TypeSource, name: number, type: number) {
    this.name = source.text(name);
    this.#source = source;
    this.#type = type;
  }

  get type(): CType {
    return this.#source.byId(this.#type);
  }
}

/** A member whose type is looked up when asked for. */
class TypeMember extends TypeParam {
  readonly bitOffset: number;
  readonly bitSize: number;

  constructor(source: TypeSource, record: MemberRecord) {
    super(source, record.name, record.type);
    this.bitOffset = record.bitOffset;
    this.bitSize = record.bitSize;
  }
}
