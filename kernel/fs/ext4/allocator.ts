/**
 * Which blocks of the disk are free, and how a file gets some: near its others, in one piece if there is one.
 *
 * @module
 */

import { dataStart, groupOf, groupStart, type Layout } from "./layout.ts";

/** A run of blocks. */
export interface Run {
  readonly block: number;
  readonly count: number;
}

/** The free blocks of one file system. */
export class BlockAllocator {
  readonly #layout: Layout;
  /** A byte per block of a group, 1 where it is used; made when a group is first looked at. */
  readonly #groups: (Uint8Array | undefined)[] = [];
  /** Free blocks. */
  free = 0;
  /** Blocks that were promised to pages without a place (`s_dirtyclusters_counter`). */
  reserved = 0;

  constructor(layout: Layout) {
    this.#layout = layout;
    for (let group = 0; group < layout.groups; group++) {
      this.free += Math.max(0, this.#end(group) - dataStart(layout, group));
    }
  }

  /** Whether so many blocks are neither used nor promised. */
  has(count: number): boolean {
    return this.free - this.reserved >= count;
  }

  /**
   * Takes up to `count` blocks that follow one another, from `goal` on if it is free, else the first run that is long
   * enough, else the longest there is. Null: the disk is full.
   */
  take(goal: number, count: number): Run | null {
    const run = this.#at(goal, count) ?? this.#find(groupOf(this.#layout, goal), count);
    if (run === null) return null;
    this.#mark(run, 1);
    this.free -= run.count;
    return run;
  }

  /** Gives blocks back. */
  release(run: Run): void {
    this.#mark(run, 0);
    this.free += run.count;
  }

  #at(goal: number, count: number): Run | null {
    const group = groupOf(this.#layout, goal);
    if (group < 0 || group >= this.#layout.groups) return null;
    const used = this.#of(group);
    const start = goal - groupStart(this.#layout, group);
    let length = 0;
    while (length < count && start + length < used.length && used[start + length] === 0) length++;
    return length === 0 ? null : { block: goal, count: length };
  }

  #find(first: number, count: number): Run | null {
    let best: Run | null = null;
    for (let i = 0; i < this.#layout.groups; i++) {
      const group = (Math.max(0, first) + i) % this.#layout.groups;
      const used = this.#of(group);
      for (let at = 0; at < used.length;) {
        if (used[at] !== 0) {
          at++;
          continue;
        }
        let length = 0;
        while (length < count && at + length < used.length && used[at + length] === 0) length++;
        if (best === null || length > best.count) {
          best = { block: groupStart(this.#layout, group) + at, count: length };
          if (length === count) return best;
        }
        at += length;
      }
    }
    return best;
  }

  #mark({ block, count }: Run, value: 0 | 1): void {
    for (let i = 0; i < count; i++) {
      const group = groupOf(this.#layout, block + i);
      this.#of(group)[block + i - groupStart(this.#layout, group)] = value;
    }
  }

  #of(group: number): Uint8Array {
    let used = this.#groups[group];
    if (used === undefined) {
      const start = groupStart(this.#layout, group);
      used = new Uint8Array(Math.max(0, this.#end(group) - start));
      used.fill(1, 0, dataStart(this.#layout, group) - start);
      this.#groups[group] = used;
    }
    return used;
  }

  #end(group: number): number {
    return Math.min(groupStart(this.#layout, group + 1), this.#layout.blocks);
  }
}
