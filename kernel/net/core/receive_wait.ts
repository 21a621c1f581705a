/**
 * Waiting for a packet: `__skb_wait_for_more_packets`.
 *
 * @module
 */

import { type Blocking, blocking, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { signalPending } from "../../process/signal.ts";
import { recordedWake, sleep } from "../../process/sleep.ts";
import { popLocals } from "../../process/stack.ts";
import { TASK_INTERRUPTIBLE } from "../../process/task.ts";
import { FINISH_WAIT, PREPARE_TO_WAIT_EXCLUSIVE, waitEntry } from "../../sched/wait.ts";
import { fn } from "../../calls/function.ts";
import { sleepQueue, type Sock } from "./sock.ts";
import { SK } from "../fields.ts";

const SCHEDULE_TIMEOUT = fn("schedule_timeout");

/** What a caller of `waitForPacket` lists. */
export const PACKET_WAIT_CALLS: readonly FunctionRef[] = [fn("__skb_wait_for_more_packets")];

const conditions = new WeakMap<object, { readonly ready: () => boolean; readonly sk: Sock }>();

/** Sleeps until a packet may be there: 0, 1 where a signal or the time came first. */
const WAIT_FOR_MORE_PACKETS: FunctionRef = blocking(
  "__skb_wait_for_more_packets",
  [PREPARE_TO_WAIT_EXCLUSIVE, SCHEDULE_TIMEOUT, FINISH_WAIT],
  function* (k): Blocking<number> {
    const task = k.current;
    const condition = conditions.get(task);
    if (condition === undefined) return 0;
    const { ready, sk } = condition;
    const mark = task.locals;
    const entry = waitEntry(k);
    const wq = sleepQueue(k, sk);
    k.call(PREPARE_TO_WAIT_EXCLUSIVE, wq, entry, TASK_INTERRUPTIBLE);
    const timeo = SK.rcvtimeo.get(k, sk.address);
    const until = timeo > 0 && timeo < 2 ** 40 ? k.clock.now + timeo * 4e6 : undefined;
    if (!ready()) {
      if (!Number.isNaN(recordedWake(k))) {
        if (k.clock.now < recordedWake(k)) yield* sleep(k, "recorded", TASK_INTERRUPTIBLE, SCHEDULE_TIMEOUT);
      } else yield* sleep(k, until === undefined ? {} : { until }, TASK_INTERRUPTIBLE, SCHEDULE_TIMEOUT);
    }
    k.call(FINISH_WAIT, wq, entry);
    popLocals(k, mark);
    if (ready()) return 0;
    return signalPending(k, task) || (until !== undefined && k.clock.now >= until) ? 1 : 0;
  },
);

/** Waits until `ready`: true; false where a signal or the socket's timeout came first, or a recorded wait is over. */
export function* waitForPacket(k: Kernel, sk: Sock, ready: () => boolean): Blocking<boolean> {
  const replayed = !Number.isNaN(recordedWake(k));
  while (!ready()) {
    conditions.set(k.current, { ready, sk });
    const over = yield* k.calls.callBlocking(WAIT_FOR_MORE_PACKETS, sk.address, Number.NaN, Number.NaN, 0);
    if (over !== 0) return false;
    if (replayed) return ready();
  }
  return true;
}
