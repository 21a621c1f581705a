/**
 * A trace record: the bytes that the kernel would put into the ring buffer.
 *
 * @module
 */

import type { TracepointField, TracepointInfo } from "../../image/model.ts";
import { highWord, wordToBig, wordToNumber } from "../arch/words.ts";
import type { TraceValue } from "./reference.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Longest a record can grow: a page less the ring buffer's headers. */
const MAX_RECORD = 4048;

/**
 * One record in its real layout. The object is reused: it is valid while the handler runs; copy what you need.
 */
export class TraceRecord {
  readonly info: TracepointInfo;
  /** Bytes in use, dynamic parts included. */
  length = 0;
  readonly #view: DataView<ArrayBuffer>;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #fixed: number;

  constructor(info: TracepointInfo) {
    this.info = info;
    const buffer = new ArrayBuffer(MAX_RECORD);
    this.#view = new DataView(buffer);
    this.#bytes = new Uint8Array(buffer);
    let end = 8;
    for (const field of info.fields) end = Math.max(end, field.offset + field.size);
    this.#fixed = end;
    this.length = end;
  }

  /** The bytes, dynamic parts at their end. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length);
  }

  /** Reads an integer of 1, 2, 4 or 8 bytes; 0 outside the record. Beyond ±2^53 a `RangeError` names `loadBig`. */
  load(offset: number, size: number, signed: boolean): number {
    if (offset < 0 || offset + size > this.length) return 0;
    const view = this.#view;
    switch (size) {
      case 8:
        return wordToNumber(
          view.getInt32(offset, true),
          view.getInt32(offset + 4, true),
          "record.loadBig(offset, size, signed)",
        );
      case 4:
        return signed ? view.getInt32(offset, true) : view.getUint32(offset, true);
      case 2:
        return signed ? view.getInt16(offset, true) : view.getUint16(offset, true);
      case 1:
        return signed ? view.getInt8(offset) : view.getUint8(offset);
      default:
        throw new RangeError(
          `Cannot read ${size} bytes of ${this.#name()} as a number: a number has 1, 2, 4 or 8`,
        );
    }
  }

  /** Reads an integer, exact. */
  loadBig(offset: number, size: number, signed: boolean): bigint {
    if (size !== 8) return BigInt(this.load(offset, size, signed));
    if (offset < 0 || offset + 8 > this.length) return 0n;
    const word = wordToBig(this.#view.getInt32(offset, true), this.#view.getInt32(offset + 4, true));
    return signed ? word : BigInt.asUintN(64, word);
  }

  /** Reads text: a fixed `char[size]`, or with `dynamic` what a `__data_loc` word at `offset` points to. */
  str(offset: number, size: number, dynamic: boolean): string {
    let start = offset;
    let length = size;
    if (dynamic) {
      const location = this.#view.getUint32(offset, true);
      start = location & 0xffff;
      length = location >>> 16;
    }
    const end = Math.min(start + length, this.length);
    let stop = start;
    while (stop < end && this.#bytes[stop] !== 0) stop++;
    return DECODER.decode(this.#bytes.subarray(start, stop));
  }

  /** Starts a new record: everything zero but the common fields. */
  begin(pid: number): void {
    this.#bytes.fill(0, 0, this.length);
    this.length = this.#fixed;
    this.#view.setUint16(0, this.info.id, true);
    this.#view.setInt32(4, pid, true);
  }

  /** Sets a field by the kind of its type: integer, array, fixed or dynamic text. NaN (unknown) reads 0. */
  put(field: TracepointField, value: TraceValue): void {
    if (field.type.startsWith("__data_loc")) return this.#putDynamic(field, value);
    if (typeof value === "string") return this.#putText(field, value);
    if (typeof value === "number") return this.#putNumber(field.offset, field.size, value);
    if (typeof value === "bigint") {
      this.#view.setBigInt64(field.offset, BigInt.asIntN(64, value), true);
      return;
    }
    const element = elementSize(field);
    const count = Math.min(value.length, Math.floor(field.size / element));
    for (let i = 0; i < count; i++) this.#putNumber(field.offset + i * element, element, value[i] as number);
  }

  #putNumber(offset: number, size: number, value: number): void {
    const view = this.#view;
    switch (size) {
      case 8:
        view.setInt32(offset, value, true);
        view.setInt32(offset + 4, highWord(value), true);
        break;
      case 4:
        view.setInt32(offset, value, true);
        break;
      case 2:
        view.setInt16(offset, value, true);
        break;
      case 1:
        view.setInt8(offset, value);
        break;
      default:
        throw new RangeError(
          `Cannot write a number into ${size} bytes of ${this.#name()}: a number has 1, 2, 4 or 8`,
        );
    }
  }

  #putText(field: TracepointField, text: string): void {
    if (!/\bchar\b/.test(field.type) || field.type.includes("*")) {
      throw new TypeError(
        `Cannot write text into ${field.name} of ${this.#name()}: its type is ${field.type}`,
      );
    }
    const encoded = ENCODER.encode(text);
    this.#bytes.set(encoded.subarray(0, Math.min(encoded.length, field.size - 1)), field.offset);
  }

  /** Dynamic parts follow the fixed ones; the field holds their offset and, in its upper half, their length. */
  #putDynamic(field: TracepointField, value: TraceValue): void {
    let data: Uint8Array;
    if (typeof value === "string") {
      const encoded = ENCODER.encode(value);
      data = new Uint8Array(encoded.length + 1);
      data.set(encoded);
    } else if (typeof value === "object") {
      data = packed(value, dynamicElementSize(field));
    } else {
      throw new TypeError(`Cannot write a number into ${field.name} of ${this.#name()}: it is ${field.type}`);
    }
    const room = Math.min(data.length, MAX_RECORD - this.length);
    this.#bytes.set(data.subarray(0, room), this.length);
    this.#view.setUint32(field.offset, (room << 16) | this.length, true);
    this.length += room;
  }

  #name(): string {
    return `${this.info.subsystem}:${this.info.name}`;
  }
}

/** Bytes of an array field's element: `unsigned long args[6]` of 48 bytes has 8. */
function elementSize(field: TracepointField): number {
  const length = /\[(\d+)\]/.exec(field.type);
  const count = length === null ? 1 : Number(length[1]);
  const size = count > 0 ? field.size / count : field.size;
  return size === 1 || size === 2 || size === 4 || size === 8 ? size : 8;
}

/** Bytes of an element of `__data_loc u32[]`. */
function dynamicElementSize(field: TracepointField): number {
  if (/64|long/.test(field.type)) return 8;
  if (/32|\bint\b/.test(field.type)) return 4;
  return /16|short/.test(field.type) ? 2 : 1;
}

function packed(values: ArrayLike<number>, size: number): Uint8Array {
  const out = new Uint8Array(values.length * size);
  for (let i = 0; i < values.length; i++) {
    let low = (values[i] as number) | 0;
    for (let byte = 0; byte < size; byte++) {
      if (byte === 4) low = highWord(values[i] as number);
      out[i * size + byte] = low & 0xff;
      low >>= 8;
    }
  }
  return out;
}
