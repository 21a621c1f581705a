/**
 * Reads a task's kernel stack off its call frames: the return addresses that stand on it.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Task } from "../process/task.ts";
import type { Frame } from "./frame.ts";
import type { SiteTable } from "./sites.ts";

const NO_RETURNS: readonly Addr[] = [];

/** Reads the stacks of one kernel's tasks. */
export class StackReader {
  readonly #sites: SiteTable;

  constructor(sites: SiteTable) {
    this.#sites = sites;
  }

  /** At most `maxDepth` return addresses, innermost first. */
  addresses(task: Task, maxDepth: number): Addr[] {
    const out: Addr[] = [];
    for (let i = task.depth - 1; i >= 0 && out.length < maxDepth; i--) {
      for (const address of this.#returns(task.frames, i)) out.push(address);
    }
    if (out.length > maxDepth) out.length = maxDepth;
    return out;
  }

  /** The first of them at a depth, 0 where there is none. */
  innermost(task: Task, depth: number): Addr {
    for (let i = depth - 1; i >= 0; i--) {
      const returns = this.#returns(task.frames, i);
      // A tail-called function returns to where its caller would have.
      if (returns.length > 0) return returns[0] as Addr;
    }
    return 0;
  }

  /** The hooked function that the newest call was jumped to from (a tail call), if there is one. */
  hookedJumper(task: Task): Frame | null {
    for (let i = task.depth - 1; i > 0; i--) {
      if ((task.frames[i] as Frame).base !== null || this.#returns(task.frames, i).length > 0) return null;
      const caller = task.frames[i - 1] as Frame;
      if (caller.hooked) return caller;
    }
    return null;
  }

  /** What one frame's call left on the stack. */
  #returns(frames: readonly Frame[], index: number): readonly Addr[] {
    const frame = frames[index] as Frame;
    if (frame.base !== null) return frame.base;
    const caller = index > 0 ? frames[index - 1] : undefined;
    return caller === undefined ? NO_RETURNS : this.#sites.way(caller.fn, frame.fn, frame.site).returns;
  }
}
