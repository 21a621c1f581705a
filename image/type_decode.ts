/**
 * Decodes types from the form that `type_records.ts` writes.
 *
 * @module
 */
import { ByteReader } from "./bytes.ts";
import { type MemberRecord, type ParamRecord, TYPE_KINDS, type TypeRecord } from "./type_records.ts";

/** A chunk of types. Making it only finds where each type starts; a type is decoded when it is asked for. */
export class TypeChunk {
  readonly #reader: ByteReader;
  readonly #firstId: number;
  readonly #starts: readonly number[];

  /** `firstId` is the id of the chunk's first type. */
  constructor(bytes: Uint8Array, firstId: number) {
    this.#reader = new ByteReader(bytes);
    this.#firstId = firstId;
    const starts: number[] = [];
    while (!this.#reader.done) {
      starts.push(this.#reader.position);
      skipType(this.#reader);
    }
    this.#starts = starts;
  }

  /** The type with an id, or undefined where the chunk ends before. */
  record(id: number): TypeRecord | undefined {
    const start = this.#starts[id - this.#firstId];
    if (start === undefined) return undefined;
    this.#reader.position = start;
    return decodeType(this.#reader, id);
  }
}

function skipType(reader: ByteReader): void {
  const kind = TYPE_KINDS[reader.byte()];
  switch (kind) {
    case undefined:
    case "hole":
      return;
    case "int":
      reader.skip(1);
      reader.position += 2;
      return;
    case "float":
    case "fwd":
      reader.skip(1);
      reader.position++;
      return;
    case "ptr":
    case "const":
    case "volatile":
    case "restrict":
      reader.skip(1);
      return;
    case "typedef":
    case "type_tag":
    case "array":
      reader.skip(2);
      return;
    case "struct":
    case "union": {
      reader.skip(2);
      const packed = reader.uint();
      const count = Math.floor(packed / 2);
      if (packed % 2 === 0) return reader.skip(count * 3);
      for (let left = count; left > 0; left--) {
        reader.skip(3);
        reader.position++;
      }
      return;
    }
    case "enum": {
      reader.skip(1);
      reader.position++;
      for (let left = Math.floor(reader.uint() / 2); left > 0; left--) {
        reader.skip(1);
        if (reader.uint() % 2 === 1) reader.skip(1);
      }
      return;
    }
    case "func_proto":
      reader.skip(1);
      return reader.skip(reader.uint() * 2);
  }
}

function decodeType(reader: ByteReader, id: number): TypeRecord {
  const ref = () => {
    const distance = reader.int();
    return distance === 0 ? 0 : distance > 0 ? id - distance : id - distance - 1;
  };
  const code = reader.byte();
  const kind = TYPE_KINDS[code];
  if (kind === undefined) throw new RangeError(`Cannot decode type ${id}: unknown kind ${code}`);
  switch (kind) {
    case "hole":
      return { kind };
    case "int":
      return { kind, name: reader.uint(), size: reader.byte(), encoding: reader.byte() };
    case "float":
      return { kind, name: reader.uint(), size: reader.byte() };
    case "ptr":
    case "const":
    case "volatile":
    case "restrict":
      return { kind, to: ref() };
    case "typedef":
    case "type_tag":
      return { kind, name: reader.uint(), to: ref() };
    case "array":
      return { kind, of: ref(), length: reader.uint() };
    case "struct":
    case "union": {
      const name = reader.uint();
      const size = reader.uint();
      const packed = reader.uint();
      const bits = packed % 2 === 1;
      let offset = 0;
      const members: MemberRecord[] = [];
      for (let left = Math.floor(packed / 2); left > 0; left--) {
        const member = reader.uint();
        const type = ref();
        offset += reader.int();
        members.push({
          name: member,
          type,
          bitOffset: bits ? offset : offset * 8,
          bitSize: bits ? reader.byte() : 0,
        });
      }
      return { kind, name, size, members };
    }
    case "enum": {
      const name = reader.uint();
      const size = reader.byte();
      const packed = reader.uint();
      let value = 0n;
      const values: (readonly [number, bigint])[] = [];
      for (let left = Math.floor(packed / 2); left > 0; left--) {
        const enumerator = reader.uint();
        value += readWideInt(reader);
        values.push([enumerator, value]);
      }
      return { kind, name, size, signed: packed % 2 === 1, values };
    }
    case "fwd":
      return { kind, name: reader.uint(), union: reader.byte() === 1 };
    case "func_proto": {
      const ret = ref();
      const params: ParamRecord[] = [];
      for (let left = reader.uint(); left > 0; left--) params.push({ name: reader.uint(), type: ref() });
      return { kind, ret, params };
    }
  }
}

function readWideInt(reader: ByteReader): bigint {
  const packed = reader.uint();
  let zigzag = BigInt(Math.floor(packed / 2));
  if (packed % 2 === 1) zigzag += BigInt(reader.uint()) << 32n;
  return zigzag % 2n === 0n ? zigzag / 2n : -(zigzag + 1n) / 2n;
}
