/**
 * Call trees for tests, as nested lists.
 *
 * @module
 */

import type { CallTree } from "../compile_shapes/call_tree.ts";

/** A function that calls nothing, or one with what it calls. */
export type Sketch = string | readonly [string, ...Sketch[]];

/** The tree of a sketch. */
export function tree(sketch: Sketch): CallTree {
  const [fn, ...calls] = typeof sketch === "string" ? [sketch] as const : sketch;
  return { fn, calls: calls.map(tree), total: 1, broken: false, data: null };
}
