/**
 * System calls without a model: the entry function runs with what recordings show below it, waits if the call was
 * recorded to wait, and returns what was recorded. Nothing else is known of them.
 *
 * @module
 */

import "./all.ts";
import { behaviourOf, type Blocking, blocking } from "../calls/function.ts";
import type { KernelImage } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { waitFor } from "../process/sleep.ts";
import { mayBlock } from "./may_block.ts";

const entries = new Set<string>();

/** Gives every entry function of a kernel that has no behaviour yet this one. Before anything is probed. */
export function definePassThroughs(image: KernelImage): void {
  for (const name of image.syscallNames()) {
    const entry = image.syscallEntry(name);
    if (entry === undefined || behaviourOf(entry) !== undefined) continue;
    entries.add(entry);
    blocking(entry, [], (k) => {
      const task = k.current;
      const request = task.request;
      const recorded = request?.recorded;
      if (request === null || recorded === undefined) return Number.NaN;
      return mayBlock(k, task, request) ? waits(k, recorded.ret) : recorded.ret;
    });
  }
}

function* waits(k: Kernel, result: number): Blocking<number> {
  yield* waitFor(k, () => true);
  return result;
}

/** Whether an entry function has no model of its own. */
export function isPassThrough(entry: string): boolean {
  return entries.has(entry);
}
