/**
 * A record as bytes that stay as they are.
 *
 * @module
 */

import type { RecordReader } from "./call.ts";

const DECODER = new TextDecoder();

/** Reads a copy of a record. */
export class BytesReader implements RecordReader {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;

  /** Takes the bytes over: don't change them. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  loadBig(offset: number, size: number, signed: boolean): bigint {
    const view = this.#view;
    if (offset < 0 || offset + size > this.bytes.length) return 0n;
    switch (size) {
      case 8:
        return signed ? view.getBigInt64(offset, true) : view.getBigUint64(offset, true);
      case 4:
        return BigInt(signed ? view.getInt32(offset, true) : view.getUint32(offset, true));
      case 2:
        return BigInt(signed ? view.getInt16(offset, true) : view.getUint16(offset, true));
      case 1:
        return BigInt(signed ? view.getInt8(offset) : view.getUint8(offset));
      default:
        return 0n;
    }
  }

  str(offset: number, size: number, dynamic: boolean): string {
    let start = offset;
    let length = size;
    if (dynamic) ({ start, length } = this.place(offset));
    const part = this.bytes.subarray(start, start + length);
    const end = part.indexOf(0);
    return DECODER.decode(end < 0 ? part : part.subarray(0, end));
  }

  /** Where the word at `offset` says that a dynamic part is. */
  place(offset: number): { readonly start: number; readonly length: number } {
    const location = Number(this.loadBig(offset, 4, false));
    return { start: location & 0xffff, length: location >>> 16 };
  }
}
