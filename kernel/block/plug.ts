/**
 * Plugs: requests that a task gathers before it hands them to the driver, so that neighbours can merge.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { pushLocal } from "../process/stack.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { BLK_MQ_FLUSH_PLUG_LIST } from "./blk_mq.ts";

/** Begins to gather requests; inside another plug it does nothing. */
export const BLK_START_PLUG: FunctionRef = behaviour("blk_start_plug", [], (k, address = 0) => {
  const { plugs } = k.block;
  if (!plugs.has(k.current)) plugs.set(k.current, { address, requests: [] });
  return Number.NaN;
});

/** Hands what was gathered to the driver. */
export const BLK_FLUSH_PLUG: FunctionRef = behaviour(
  "__blk_flush_plug",
  [BLK_MQ_FLUSH_PLUG_LIST],
  (k, address = 0, fromSchedule = 0) => {
    k.call(BLK_MQ_FLUSH_PLUG_LIST, address, fromSchedule);
    return Number.NaN;
  },
);

/** Ends the gathering that `blk_start_plug` began with the same plug. */
export const BLK_FINISH_PLUG: FunctionRef = behaviour(
  "blk_finish_plug",
  [BLK_FLUSH_PLUG],
  (k, address = 0) => {
    const { plugs } = k.block;
    const plug = plugs.get(k.current);
    if (plug === undefined || plug.address !== address) return Number.NaN;
    k.call(BLK_FLUSH_PLUG, address, 0);
    plugs.delete(k.current);
    return Number.NaN;
  },
);

/** A `struct blk_plug` in the current stack, begun. */
export function startPlug(k: Kernel): Addr {
  const plug = pushLocal(k, sizeOfStruct(k, "blk_plug"));
  k.call(BLK_START_PLUG, plug);
  return plug;
}

/** For callers that list what they call. */
export const PLUG_CALLS: readonly FunctionRef[] = [
  BLK_START_PLUG,
  BLK_FINISH_PLUG,
  fn("blk_mq_flush_plug_list"),
];
