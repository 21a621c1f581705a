/**
 * What a task that ends does about signals: `exit_signals`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { blockedOf, pendingSet, sharedPending, SIGNAL } from "../signal/fields.ts";
import { SIGNAL_GROUP_EXIT } from "../signal/numbers.ts";
import { signalWakeUp, WAKES } from "../signal/wake.ts";
import { PF_EXITING, TASK } from "./task.ts";

/** From here on it takes no signals; what its process waits for, another thread shall look at. (task) */
export const EXIT_SIGNALS: FunctionRef = behaviour("exit_signals", WAKES, (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined) return Number.NaN;
  TASK.flags.set(k, address, TASK.flags.get(k, address) | PF_EXITING);
  const signal = TASK.signal.get(k, address);
  if (task.threadGroup.length === 1 || (SIGNAL.flags.get(k, signal) & SIGNAL_GROUP_EXIT) !== 0) {
    return Number.NaN;
  }
  const waiting = pendingSet(k, sharedPending(k, address)) & ~blockedOf(k, address);
  if (waiting === 0n) return Number.NaN;
  const heir = task.threadGroup.find((thread) =>
    thread !== task && (TASK.flags.get(k, thread.address) & PF_EXITING) === 0 &&
    (waiting & ~blockedOf(k, thread.address)) !== 0n
  );
  if (heir !== undefined) signalWakeUp(k, heir, false);
  return Number.NaN;
});
