/**
 * What `splice` carries between two files: it stands for the pages in the task's own pipe.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";

/** Bytes on their way. */
export interface Spliced {
  bytes: Uint8Array;
  /** The part that is handed on now. */
  current: Uint8Array;
}

const between = new WeakMap<Kernel, Spliced>();

/** What the splice that runs holds. */
export function splicedBytes(k: Kernel): Spliced {
  let held = between.get(k);
  if (held === undefined) {
    const none = new Uint8Array(0);
    between.set(k, held = { bytes: none, current: none });
  }
  return held;
}
