/**
 * When the recording of a call says that its wait was over.
 *
 * @module
 */

import { LEFT } from "../calls/frame.ts";
import type { Kernel } from "../kernel.ts";

/**
 * In a replay, whether the call that runs is one that waited, and until when it has to: the recorded end, less the time
 * that what is still to be done takes. NaN where the recording decides nothing.
 */
export function recordedWake(k: Kernel): number {
  const task = k.current;
  const recorded = task.request?.recorded;
  if (recorded === undefined) return Number.NaN;
  k.calls.settle();
  let left = 0;
  for (let i = 1; i < task.depth; i++) {
    const frame = task.frames[i];
    const own = frame?.words[LEFT] ?? Number.NaN;
    if (frame !== undefined && frame.owner === frame && own === own) left += own;
  }
  return task.syscallStart + recorded.durationNs - left + k.clock.owed;
}
