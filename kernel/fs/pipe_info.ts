/**
 * `struct pipe_inode_info`: the ring of page buffers of a pipe, its two wait queues, and how many have it open.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject, kfree, kzalloc, newObject } from "../process/alloc.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { initWaitQueueHead } from "../sched/wait.ts";

/** Buffers that a pipe has by default. */
export const PIPE_DEF_BUFFERS = 16;
const PAGE = 4096;
const CACHE = "kmalloc-cg-192";

/** Fields of it. */
export const PIPE_INFO = {
  rdWait: field("pipe_inode_info", "rd_wait"),
  wrWait: field("pipe_inode_info", "wr_wait"),
  head: field("pipe_inode_info", "head"),
  tail: field("pipe_inode_info", "tail"),
  maxUsage: field("pipe_inode_info", "max_usage"),
  ringSize: field("pipe_inode_info", "ring_size"),
  readers: field("pipe_inode_info", "readers"),
  writers: field("pipe_inode_info", "writers"),
  files: field("pipe_inode_info", "files"),
  bufs: field("pipe_inode_info", "bufs"),
  pollUsage: field("pipe_inode_info", "poll_usage"),
} as const;
const BUF = { offset: field("pipe_buffer", "offset"), len: field("pipe_buffer", "len") } as const;

/** A pipe. Counts and ring indices are in memory; the bytes are kept here, a chunk per buffer. */
export class PipeInfo {
  /** Address of the `struct pipe_inode_info`. */
  readonly address: Addr;
  readonly #k: Kernel;
  /** Bytes of the buffers from tail to head. */
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(k: Kernel, buffers: number = PIPE_DEF_BUFFERS) {
    this.#k = k;
    this.address = newObject(k, CACHE, "pipe_inode_info");
    initWaitQueueHead(k, this.rdWait);
    initWaitQueueHead(k, this.wrWait);
    PIPE_INFO.maxUsage.set(k, this.address, buffers);
    PIPE_INFO.ringSize.set(k, this.address, buffers);
    PIPE_INFO.bufs.set(k, this.address, kzalloc(k, buffers * sizeOfStruct(k, "pipe_buffer")));
  }

  /** Queue of those who wait for bytes. */
  get rdWait(): Addr {
    return PIPE_INFO.rdWait.at(this.#k, this.address);
  }

  /** Queue of those who wait for room. */
  get wrWait(): Addr {
    return PIPE_INFO.wrWait.at(this.#k, this.address);
  }

  /** Ends open for reading. */
  get readers(): number {
    return PIPE_INFO.readers.get(this.#k, this.address);
  }

  set readers(count: number) {
    PIPE_INFO.readers.set(this.#k, this.address, count);
  }

  /** Ends open for writing. */
  get writers(): number {
    return PIPE_INFO.writers.get(this.#k, this.address);
  }

  set writers(count: number) {
    PIPE_INFO.writers.set(this.#k, this.address, count);
  }

  /** Buffers that it may have in use. */
  get maxUsage(): number {
    return PIPE_INFO.maxUsage.get(this.#k, this.address);
  }

  /** Bytes in it. */
  get length(): number {
    return this.#length;
  }

  /** No buffer is in use. */
  get empty(): boolean {
    return this.#chunks.length === 0;
  }

  /** No buffer is free. */
  get full(): boolean {
    return this.#chunks.length >= this.maxUsage;
  }

  /** Buffers in use. */
  get used(): number {
    return this.#chunks.length;
  }

  /** Appends `bytes` to the last buffer if they all fit there. */
  merge(bytes: Uint8Array): boolean {
    const last = this.#chunks.at(-1);
    if (last === undefined || bytes.length === 0) return false;
    const slot = this.#slot(PIPE_INFO.head.get(this.#k, this.address) - 1);
    const offset = BUF.offset.get(this.#k, slot);
    if (offset + last.length + bytes.length > PAGE) return false;
    const joined = new Uint8Array(last.length + bytes.length);
    joined.set(last);
    joined.set(bytes, last.length);
    this.#chunks[this.#chunks.length - 1] = joined;
    BUF.len.set(this.#k, slot, joined.length);
    this.#length += bytes.length;
    return true;
  }

  /** Puts up to a page of bytes in a buffer of their own; returns how many. 0 when the ring is full. */
  append(bytes: Uint8Array): number {
    if (this.full || bytes.length === 0) return 0;
    const k = this.#k;
    const chunk = bytes.slice(0, PAGE);
    const head = PIPE_INFO.head.get(k, this.address);
    const slot = this.#slot(head);
    BUF.offset.set(k, slot, 0);
    BUF.len.set(k, slot, chunk.length);
    PIPE_INFO.head.set(k, this.address, head + 1);
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    return chunk.length;
  }

  /** Appends all that fits, merging where a write would. */
  push(bytes: Uint8Array): number {
    const tail = bytes.length % PAGE;
    let done = tail > 0 && this.merge(bytes.subarray(0, tail)) ? tail : 0;
    while (done < bytes.length) {
      const count = this.append(bytes.subarray(done));
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  /** Up to `count` bytes from the front, left where they are. */
  peek(count: number): Uint8Array {
    const out = new Uint8Array(Math.min(count, this.#length));
    let filled = 0;
    for (const chunk of this.#chunks) {
      if (filled >= out.length) break;
      const part = chunk.subarray(0, out.length - filled);
      out.set(part, filled);
      filled += part.length;
    }
    return out;
  }

  /** Takes up to `count` bytes out. */
  take(count: number): Uint8Array {
    const k = this.#k;
    const out = this.peek(count);
    let left = out.length;
    while (left > 0) {
      const head = this.#chunks[0] as Uint8Array;
      const tail = PIPE_INFO.tail.get(k, this.address);
      if (left >= head.length) {
        this.#chunks.shift();
        BUF.len.set(k, this.#slot(tail), 0);
        PIPE_INFO.tail.set(k, this.address, tail + 1);
        left -= head.length;
        continue;
      }
      this.#chunks[0] = head.subarray(left);
      const slot = this.#slot(tail);
      BUF.offset.add(k, slot, left);
      BUF.len.add(k, slot, -left);
      left = 0;
    }
    this.#length -= out.length;
    return out;
  }

  /** Changes the number of buffers (`pipe_resize_ring`); false if more are in use. */
  resize(buffers: number): boolean {
    const k = this.#k;
    if (buffers < this.#chunks.length) return false;
    const old = PIPE_INFO.bufs.get(k, this.address);
    PIPE_INFO.bufs.set(k, this.address, kzalloc(k, buffers * sizeOfStruct(k, "pipe_buffer")));
    kfree(k, old);
    PIPE_INFO.maxUsage.set(k, this.address, buffers);
    PIPE_INFO.ringSize.set(k, this.address, buffers);
    PIPE_INFO.tail.set(k, this.address, 0);
    PIPE_INFO.head.set(k, this.address, this.#chunks.length);
    this.#chunks.forEach((chunk, i) => BUF.len.set(k, this.#slot(i), chunk.length));
    return true;
  }

  /** Gives the objects back. */
  free(): void {
    const k = this.#k;
    kfree(k, PIPE_INFO.bufs.get(k, this.address));
    freeObject(k, CACHE, this.address);
  }

  #slot(index: number): Addr {
    const k = this.#k;
    const at = (index >>> 0) & (PIPE_INFO.ringSize.get(k, this.address) - 1);
    return PIPE_INFO.bufs.get(k, this.address) + at * sizeOfStruct(k, "pipe_buffer");
  }
}
