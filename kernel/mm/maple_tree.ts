/**
 * The tree of an address space's areas, `mm->mm_mt`, as probes find it in memory: nodes of 256 bytes with up to 16 slots,
 * whose pivots are the last addresses that the slots cover. Made anew when the areas change: what matters is that it can
 * be walked.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import { field, sizeIfKnown } from "../process/objects.ts";
import { MM } from "./fields.ts";

/** What the tree holds of an area. */
interface Entry {
  readonly address: Addr;
  readonly start: Addr;
  readonly end: Addr;
}

const NODE = {
  parent: field("maple_node", "parent"),
} as const;
/**
 * Leaves and inner nodes. Pointers to nodes carry the kind in bits 3 to 6; bit 2 is always set, bit 1 for the root.
 */
const LEAF = {
  kind: 1 << 3 | 4,
  pivot: field("maple_range_64", "pivot"),
  slot: field("maple_range_64", "slot"),
  slots: { 8: 16, 4: 32 },
} as const;
const INNER = {
  kind: 3 << 3 | 4,
  pivot: field("maple_arange_64", "pivot"),
  slot: field("maple_arange_64", "slot"),
  slots: { 8: 10, 4: 21 },
} as const;
const ROOT = 2;
/** Kind of a `parent` pointer to a node of ranges; the slot follows from bit 3. */
const PARENT_RANGE = 6;
/** `MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN`, and the height from bit 2. */
const FLAGS = 0x301;

const MT = field("mm_struct", "mm_mt");

/**
 * What a tree is being made of, level by level: areas or nodes (0 for a gap), and the last address that each covers. Kept from
 * one tree to the next, because trees are made often.
 */
const VALUES: Addr[] = [];
const LASTS: Addr[] = [];

/** The tree of one address space. */
export class MapleTree {
  readonly #k: Kernel;
  readonly #mm: Addr;
  #nodes: Addr[] = [];
  #held = 0;

  constructor(k: Kernel, mm: Addr) {
    this.#k = k;
    this.#mm = mm;
  }

  /** Lets changes pass until `release`. */
  hold(): void {
    this.#held++;
  }

  /** Makes the tree that held changes have led to. */
  release(areas: readonly Entry[]): void {
    if (--this.#held === 0) this.store(areas);
  }

  /** Makes the tree of these areas, which ascend. */
  store(areas: readonly Entry[]): void {
    const k = this.#k;
    if (this.#held > 0 || sizeIfKnown(k, "maple_node") === 0) return;
    let count = 0;
    let at = 0;
    for (let i = 0; i < areas.length; i++) {
      const { address, start, end } = areas[i] as Entry;
      if (start > at) {
        VALUES[count] = 0;
        LASTS[count++] = start - 1;
      }
      VALUES[count] = address;
      LASTS[count++] = end - 1;
      at = end;
    }
    const free = this.#nodes;
    this.#nodes = [];
    let height = 0;
    if (areas.length > 0) {
      VALUES[count] = 0;
      LASTS[count++] = -1;
      do {
        const kind = height === 0 ? LEAF : INNER;
        const slots = kind.slots[k.arch.wordSize];
        let made = 0;
        // A level's nodes take the places of what they hold.
        for (let i = 0; i < count; i += slots) {
          const end = Math.min(count, i + slots);
          const node = this.#node(free, i, end, kind);
          LASTS[made] = LASTS[end - 1] as number;
          VALUES[made++] = node + kind.kind;
        }
        count = made;
        height++;
      } while (count > 1);
    }
    for (const node of free) freeObject(k, "maple_node", node);
    const root = areas.length === 0 ? 0 : VALUES[0] as number;
    MM.mtRoot.set(k, this.#mm, areas.length === 0 ? 0 : root + ROOT);
    if (root !== 0) NODE.parent.set(k, nodeOf(root), MT.at(k, this.#mm) + 1);
    MM.mtFlags.set(k, this.#mm, FLAGS | height << 2);
  }

  /** Gives the nodes back. */
  destroy(): void {
    for (const node of this.#nodes) freeObject(this.#k, "maple_node", node);
    this.#nodes = [];
  }

  /** A node of the spans `[from, to)` of the level that is being made. */
  #node(free: Addr[], from: number, to: number, kind: typeof LEAF | typeof INNER): Addr {
    const k = this.#k;
    const word = k.arch.wordSize;
    const reused = free.pop();
    const node = reused ?? newObject(k, "maple_node", "maple_node");
    if (reused !== undefined) k.memory.fill(node, 256, 0);
    this.#nodes.push(node);
    const pivots = kind.pivot.at(k, node);
    const slots = kind.slot.at(k, node);
    const bounds = kind.slots[word] - 1;
    for (let i = 0; i < to - from; i++) {
      const value = VALUES[from + i] as number;
      k.memory.writeWord(slots + i * word, value);
      // The last slot has no pivot of its own: the node's own bound is.
      if (i < bounds) k.memory.writeWord(pivots + i * word, LASTS[from + i] as number);
      if (kind === INNER) NODE.parent.set(k, nodeOf(value), node + (i << 3) + PARENT_RANGE);
    }
    return node;
  }
}

/** The node that a pointer with its kind points to. */
function nodeOf(pointer: Addr): Addr {
  return Math.floor(pointer / 256) * 256;
}
