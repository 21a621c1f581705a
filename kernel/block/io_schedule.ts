/**
 * Waiting for a disk: `io_schedule`, which hands over what the task gathered before it sleeps.
 *
 * @module
 */

import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { SCHEDULE, sleep } from "../process/sleep.ts";

const TASK_UNINTERRUPTIBLE = 2;
const BLK_FLUSH_PLUG = fn("__blk_flush_plug");

/** Sleeps until the disk is done. */
export const IO_SCHEDULE: FunctionRef = blocking("io_schedule", [BLK_FLUSH_PLUG, SCHEDULE], function* (k) {
  const plug = k.block.plugs.get(k.current);
  if (plug !== undefined && plug.requests.length > 0) {
    const { wait } = k.current;
    k.call(BLK_FLUSH_PLUG, plug.address, 1);
    k.current.wait = wait;
  }
  yield* k.calls.callBlocking(SCHEDULE);
  return Number.NaN;
});

/** Waits for a wake-up through `io_schedule`. The caller looks again afterwards. */
export function* sleepForIo(k: Kernel): Blocking<void> {
  yield* sleep(k, {}, TASK_UNINTERRUPTIBLE, IO_SCHEDULE);
}
