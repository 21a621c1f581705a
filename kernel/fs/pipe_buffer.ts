/**
 * What waits in a pipe, and who waits for it.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Task } from "../process/task.ts";

/** Bytes that a pipe holds by default: 16 pages. */
export const PIPE_SIZE = 65536;

/** The contents of a `pipe_inode_info`. */
export class PipeBuffer {
  /** Address of the `struct pipe_inode_info`. */
  readonly address: Addr;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  /** Ends open for reading. */
  readers = 0;
  /** Ends open for writing. */
  writers = 0;
  /** Tasks that wait for data, or for the writers to go. */
  readonly waitingReaders: Task[] = [];
  /** Tasks that wait for room, or for the readers to go. */
  readonly waitingWriters: Task[] = [];

  constructor(address: Addr) {
    this.address = address;
  }

  /** Bytes in it. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that fit. */
  get room(): number {
    return PIPE_SIZE - this.#length;
  }

  /** Appends as much as fits; returns how much that was. */
  push(bytes: Uint8Array): number {
    const taken = bytes.slice(0, this.room);
    if (taken.length > 0) this.#chunks.push(taken);
    this.#length += taken.length;
    return taken.length;
  }

  /** Takes up to `count` bytes out. */
  take(count: number): Uint8Array {
    const out = new Uint8Array(Math.min(count, this.#length));
    let filled = 0;
    while (filled < out.length) {
      const head = this.#chunks[0] as Uint8Array;
      const part = head.subarray(0, out.length - filled);
      out.set(part, filled);
      filled += part.length;
      if (part.length === head.length) this.#chunks.shift();
      else this.#chunks[0] = head.subarray(part.length);
    }
    this.#length -= out.length;
    return out;
  }
}
