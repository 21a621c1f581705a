/**
 * The bytes of a file, kept in pieces: a file that grows is never copied as a whole, and what was never written takes
 * no room.
 *
 * @module
 */

/** Bytes of a piece. */
const PIECE = 2 ** 16;
/** Where a read is put together that no piece holds as a whole. */
let scratch = new Uint8Array(2 ** 17);

/** A file's bytes. Offsets and lengths are whole and not negative; what was not written reads as zeros. */
export class Contents {
  /** By offset / `PIECE`; a piece may be shorter than it could be: zeros follow. */
  readonly #pieces: (Uint8Array | undefined)[] = [];

  /** `length` bytes at `pos`, to be read at once: later reads and writes may show in them. */
  read(pos: number, length: number): Uint8Array {
    const first = Math.floor(pos / PIECE);
    const start = pos - first * PIECE;
    const piece = this.#pieces[first];
    if (piece !== undefined && start + length <= piece.length) return piece.subarray(start, start + length);
    if (scratch.length < length) scratch = new Uint8Array(length);
    const whole = scratch.subarray(0, length).fill(0);
    for (let at = first; at * PIECE < pos + length && at < this.#pieces.length; at++) {
      const bytes = this.#pieces[at];
      if (bytes === undefined) continue;
      const from = Math.max(0, pos - at * PIECE);
      const part = bytes.subarray(from, Math.max(from, pos + length - at * PIECE));
      if (part.length > 0) whole.set(part, at * PIECE + from - pos);
    }
    return whole;
  }

  /** Stores bytes at `pos`. */
  write(pos: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const at = Math.floor((pos + done) / PIECE);
      const start = pos + done - at * PIECE;
      const count = Math.min(PIECE - start, bytes.length - done);
      const whole = done === 0 && count === bytes.length;
      this.#room(at, start + count).set(whole ? bytes : bytes.subarray(done, done + count), start);
      done += count;
    }
  }

  /** Forgets what lies at `size` and beyond. */
  cut(size: number): void {
    const last = Math.floor(size / PIECE);
    if (last >= this.#pieces.length) return;
    this.#pieces.length = last + 1;
    this.#pieces[last] = this.#pieces[last]?.slice(0, size - last * PIECE);
  }

  /** The piece of that index, with room for `end` bytes. */
  #room(at: number, end: number): Uint8Array {
    const piece = this.#pieces[at];
    if (piece !== undefined && piece.length >= end) return piece;
    // Small files stay small; appending to one in little pieces stays linear.
    const grown = new Uint8Array(Math.min(PIECE, Math.max(end, (piece?.length ?? 0) * 2)));
    if (piece !== undefined) grown.set(piece);
    this.#pieces[at] = grown;
    return grown;
  }
}
