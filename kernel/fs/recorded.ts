/**
 * What a recording says of the system call that runs now, for the functions where the outcome originates.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import type { RecordedOutcome } from "../syscalls/request.ts";

/** The recorded outcome of the current call; undefined outside replays. */
export function recorded(k: Kernel): RecordedOutcome | undefined {
  return k.current.request?.recorded;
}

/** The result that was recorded, or `own` outside replays. */
export function recordedOr(k: Kernel, own: number): number {
  return k.current.request?.recorded?.ret ?? own;
}

/** The recorded error (negative) if the call failed, or `own`. */
export function recordedErrorOr(k: Kernel, own: number): number {
  const ret = k.current.request?.recorded?.ret;
  return ret !== undefined && ret < 0 ? ret : own;
}
