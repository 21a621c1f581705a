/**
 * Messages: `struct msghdr` on the kernel stack, with an iterator over the caller's buffers.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { pushLocal } from "../process/stack.ts";
import { MSG } from "./fields.ts";

const ITER = {
  offset: field("iov_iter", "iov_offset"),
  count: field("iov_iter", "count"),
  iov: field("iov_iter", "iov"),
  segments: field("iov_iter", "nr_segs"),
} as const;
/** Room for any socket address. */
export const SOCKADDR_STORAGE = 128;

/** One buffer of the caller's. */
export interface Range {
  readonly base: Addr;
  readonly length: number;
}

/** A message without name and control data, over the caller's buffers; it lies on the stack until `popLocals`. */
export function newMessage(k: Kernel, ranges: readonly Range[], flags = 0): Addr {
  const word = k.image.pointerSize;
  const iov = pushLocal(k, Math.max(1, ranges.length) * 2 * word);
  ranges.forEach(({ base, length }, i) => {
    k.memory.writeWord(iov + i * 2 * word, base);
    k.memory.writeWord(iov + i * 2 * word + word, length);
  });
  return newMessageOver(k, iov, ranges.length, ranges.reduce((sum, { length }) => sum + length, 0), flags);
}

/** A message over a vector of buffers that is there already. */
export function newMessageOver(k: Kernel, iov: Addr, segments: number, count: number, flags = 0): Addr {
  const msg = pushLocal(k, sizeOfStruct(k, "msghdr"));
  const iter = msgIter(k, msg);
  ITER.iov.set(k, iter, iov);
  ITER.segments.set(k, iter, segments);
  ITER.count.set(k, iter, count);
  MSG.flags.set(k, msg, flags);
  return msg;
}

/** A message over an iterator that is there already. */
export function messageOf(k: Kernel, iter: Addr, flags: number): Addr {
  const msg = newMessageOver(
    k,
    ITER.iov.get(k, iter),
    ITER.segments.get(k, iter),
    ITER.count.get(k, iter),
    flags,
  );
  ITER.offset.set(k, msgIter(k, msg), ITER.offset.get(k, iter));
  return msg;
}

/** Address of a message's iterator. */
export function msgIter(k: Kernel, msg: Addr): Addr {
  return MSG.iter.at(k, msg);
}

/** `msg->msg_flags`. */
export function messageFlags(k: Kernel, msg: Addr): number {
  return MSG.flags.get(k, msg);
}

/** Bytes that a message has left. */
export function messageCount(k: Kernel, msg: Addr): number {
  return ITER.count.get(k, msgIter(k, msg));
}

/** Sets how many bytes of its buffers a message may use. */
export function limitMessage(k: Kernel, msg: Addr, count: number): void {
  ITER.count.set(k, msgIter(k, msg), count);
}

/** What the caller's buffers hold, at most `size` bytes; null at a bad address. A replay has no more than it knows. */
export function gatherMessage(k: Kernel, msg: Addr, size: number): Uint8Array | null {
  const iter = msgIter(k, msg);
  const count = Math.max(0, Math.min(size, ITER.count.get(k, iter)));
  const bytes = new Uint8Array(count);
  let done = 0;
  try {
    for (const { base, length } of rangesOf(k, iter)) {
      const part = Math.min(length, count - done);
      if (part > 0) k.memory.copyBytes(base, bytes.subarray(done, done + part));
      done += Math.max(0, part);
    }
    return bytes;
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return recorded(k) === undefined ? null : bytes;
  }
}

/** Copies bytes to the caller's buffers and moves the iterator on; false at a bad address. */
export function scatterIter(k: Kernel, iter: Addr, bytes: Uint8Array): boolean {
  let done = 0;
  try {
    for (const { base, length } of rangesOf(k, iter)) {
      const part = bytes.subarray(done, done + length);
      if (part.length === 0) break;
      k.memory.writeBytes(base, part);
      done += part.length;
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return false;
  } finally {
    advanceIter(k, iter, bytes.length);
  }
  return true;
}

/** Moves an iterator on. */
export function advanceIter(k: Kernel, iter: Addr, bytes: number): void {
  const word = k.image.pointerSize;
  ITER.count.set(k, iter, Math.max(0, ITER.count.get(k, iter) - bytes));
  let left = bytes + ITER.offset.get(k, iter);
  let iov = ITER.iov.get(k, iter);
  let segments = ITER.segments.get(k, iter);
  while (segments > 0) {
    const length = k.memory.load(iov + word, word, false);
    if (left < length || left === 0) break;
    left -= length;
    iov += 2 * word;
    segments--;
  }
  ITER.iov.set(k, iter, iov);
  ITER.segments.set(k, iter, segments);
  ITER.offset.set(k, iter, left);
}

function rangesOf(k: Kernel, iter: Addr): Range[] {
  const word = k.image.pointerSize;
  const ranges: Range[] = [];
  let skip = ITER.offset.get(k, iter);
  const segments = ITER.segments.get(k, iter);
  for (let i = 0, at = ITER.iov.get(k, iter); i < segments; i++, at += 2 * word) {
    const base = k.memory.readPointer(at);
    const length = k.memory.load(at + word, word, false);
    const off = Math.min(skip, length);
    skip -= off;
    ranges.push({ base: base + off, length: length - off });
  }
  return ranges;
}

/** Stores where a message came from, if the caller wants to know. */
export function setMessageName(k: Kernel, msg: Addr, address: Uint8Array): void {
  const name = MSG.name.get(k, msg);
  MSG.namelen.set(k, msg, address.length);
  if (name !== 0) k.memory.writeBytes(name, address.subarray(0, SOCKADDR_STORAGE));
}
