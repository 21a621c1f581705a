/**
 * Whether a recorded call waited.
 *
 * @module
 */

import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { recordedWake } from "./sleep.ts";

/**
 * In a replay, whether the running call gives up the CPU until its recorded end: there is time left, and what it waits for
 * is not there yet (`ready`), or the recording shows that others ran meanwhile. Its time passes in any case.
 */
export function waitsInReplay(k: Kernel, ready: boolean): boolean {
  const outcome = recorded(k);
  if (outcome === undefined || !(k.clock.now < recordedWake(k))) return false;
  return !ready || outcome.interrupted;
}
