/**
 * The ways that the variants of a plan's state take to the next explicit call.
 *
 * @module
 */

import type { ShapeNode } from "../shapes/library.ts";

/** What a step does with each variant: the padding from one position to another, at which the explicit call stands. */
export class Ways {
  readonly nodes: ShapeNode[] = [];
  /** Index of each in the state that is left, -1 where it isn't in it. */
  readonly old: number[] = [];
  readonly from: number[] = [];
  readonly to: number[] = [];

  /** Adds a variant that gets there. */
  add(node: ShapeNode, old: number, from: number, to: number): void {
    this.nodes.push(node);
    this.old.push(old);
    this.from.push(from);
    this.to.push(to);
  }

  /** Where a variant stands when the step is done. */
  positionAfter(index: number): number {
    return Math.min(this.to[index] as number + 1, (this.nodes[index] as ShapeNode).children.length);
  }

  /** A number for the state that the step leads to: the same for the same variants at the same places. */
  hash(last: number): number {
    let hash = last;
    for (let i = 0; i < this.nodes.length; i++) {
      hash = Math.imul(hash ^ (this.nodes[i] as ShapeNode).id, 0x9e3779b1);
      hash = Math.imul((hash ^ (hash >>> 15)) + this.positionAfter(i), 0x85ebca6b);
    }
    return hash ^ (hash >>> 13);
  }
}
