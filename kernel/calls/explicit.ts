/**
 * Which recorded calls of a function its behaviour makes itself.
 *
 * @module
 */

import type { ShapeLibrary } from "../shapes/library.ts";
import type { FunctionTable } from "./function_table.ts";
import type { KernelFunction } from "./kernel_function.ts";

/**
 * Library ids of the functions that a behaviour calls. What it calls through a function that the recordings don't show
 * under it (inlined in this kernel, or not traced) counts as its own: the recordings show it under the caller.
 */
export function explicitCallees(
  table: FunctionTable,
  library: ShapeLibrary,
  fn: KernelFunction,
): ReadonlySet<number> {
  const recorded = new Set<number>();
  for (const id of library.instances(fn.shape)) {
    for (const child of library.node(id).children) recorded.add(library.fnOf(child));
  }
  const ids = new Set<number>();
  const seen = new Set<KernelFunction>([fn]);
  const queue = [fn];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const ref of next.behaviour?.calls ?? []) {
      const callee = table.byRef(ref);
      if (callee.shape >= 0) ids.add(callee.shape);
      if (!recorded.has(callee.shape) && !seen.has(callee)) {
        seen.add(callee);
        queue.push(callee);
      }
    }
  }
  return ids;
}
