/**
 * Variable-length integers over a byte array: what the sections of an image are made of.
 *
 * Numbers go up to 2^53; 7 bits to a byte, low bits first. Signed numbers are zigzag: 0, -1, 1, -2, ...
 *
 * @module
 */

/** Reads integers one after another. Reading past the end throws a RangeError. */
export class ByteReader {
  /** Position of the next byte. */
  position = 0;
  readonly #bytes: Uint8Array;

  /** Starts at the first byte. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** True when every byte was read. */
  get done(): boolean {
    return this.position >= this.#bytes.length;
  }

  /** One byte. */
  byte(): number {
    const byte = this.#bytes[this.position++];
    if (byte === undefined) throw new RangeError("Cannot read past the end of a section");
    return byte;
  }

  /** An unsigned integer. */
  uint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    do {
      byte = this.byte();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    return value;
  }

  /** A signed integer. */
  int(): number {
    const value = this.uint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Passes over integers without decoding them. */
  skip(count: number): void {
    for (let left = count; left > 0; left--) while (this.byte() >= 0x80);
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Uint8Array {
    const start = this.position;
    this.position += length;
    if (this.position > this.#bytes.length) throw new RangeError("Cannot read past the end of a section");
    return this.#bytes.subarray(start, this.position);
  }
}

/** Writes what `ByteReader` reads. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** One byte, 0 to 255. */
  byte(value: number): this {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** An unsigned integer up to 2^53. */
  uint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`Cannot write ${value}: it is not an integer from 0 to 2^53`);
    }
    while (value >= 0x80) {
      this.byte((value % 0x80) | 0x80);
      value = Math.floor(value / 0x80);
    }
    return this.byte(value);
  }

  /** A signed integer within ±2^52. */
  int(value: number): this {
    return this.uint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  /** Raw bytes. */
  raw(bytes: Uint8Array): this {
    if (this.#length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(by: number): void {
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + by));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}
