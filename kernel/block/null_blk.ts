/**
 * The disks' driver: null_blk, whose functions the kernel's modules show. Other kinds of disks than its own have the same
 * driver and other times.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { sizeOfStruct } from "../process/objects.ts";
import {
  HRTIMER_INIT,
  HRTIMER_MODE_REL,
  HRTIMER_NORESTART,
  HRTIMER_START_RANGE_NS,
  initHrtimer,
  setHrtimerExpiry,
} from "../time/hrtimer.ts";
import { IRQ_HANDLED } from "../irq/irq_desc.ts";
import { BLK_MQ_COMPLETE_REQUEST, BLK_MQ_END_REQUEST, BLK_STS_IOERR } from "./completion.ts";
import { REQUEST } from "./fields.ts";
import { DRIVER_TIMER, MQ_RQ_IN_FLIGHT, type Request } from "./request.ts";
import { traceIssue } from "./tracepoints.ts";

/** The driver begins with a request. */
const BLK_MQ_START_REQUEST: FunctionRef = behaviour("blk_mq_start_request", [], (k, address = 0) => {
  const rq = k.block.requests.get(address);
  if (rq === undefined) return Number.NaN;
  traceIssue(k, rq);
  rq.issued = k.clock.now;
  REQUEST.ioStartTime.set(k, address, k.clock.now);
  REQUEST.state.set(k, address, MQ_RQ_IN_FLIGHT);
  return Number.NaN;
});

const END_CMD: FunctionRef = behaviour("end_cmd", [BLK_MQ_END_REQUEST], (k, cmd = 0) => {
  const rq = k.block.requests.get(cmd);
  if (rq !== undefined) k.call(BLK_MQ_END_REQUEST, cmd, failed(rq) ? BLK_STS_IOERR : 0);
  return Number.NaN;
});
/** The timer of a command has expired: `completion_nsec` have passed. */
const NULL_CMD_TIMER_EXPIRED: FunctionRef = behaviour("null_cmd_timer_expired", [END_CMD], (k, timer = 0) => {
  const rq = k.block.requests.get(timer - timerOffset(k));
  if (rq === undefined) return HRTIMER_NORESTART;
  k.block.inFlight.delete(rq);
  k.call(END_CMD, rq.address);
  return HRTIMER_NORESTART;
});
/** Ends a command from the block softirq. */
behaviour("null_complete_rq", [END_CMD], (k, rq = 0) => {
  k.call(END_CMD, rq);
  return Number.NaN;
});

const NULL_HANDLE_CMD: FunctionRef = behaviour(
  "null_handle_cmd",
  [fn("null_process_cmd"), HRTIMER_START_RANGE_NS],
  (k, cmd = 0, sector = 0, sectors = 0, op = 0) => {
    const rq = k.block.requests.get(cmd);
    if (rq === undefined) return 0;
    k.call(fn("null_process_cmd"), cmd, op, sector, sectors);
    if (rq.disk.spec.kind === "fixed") {
      k.call(HRTIMER_START_RANGE_NS, cmd + timerOffset(k), rq.due - k.clock.now, 0, HRTIMER_MODE_REL);
    }
    return 0;
  },
);

/** Takes a request: the device starts on it. */
export const NULL_QUEUE_RQ: FunctionRef = behaviour(
  "null_queue_rq",
  [HRTIMER_INIT, BLK_MQ_START_REQUEST, NULL_HANDLE_CMD],
  (k, _hctx = 0, bd = 0) => {
    const address = k.memory.readPointer(bd);
    const rq = k.block.requests.get(address);
    if (rq === undefined) return 0;
    if (rq.disk.spec.kind === "fixed") initHrtimer(k, address + timerOffset(k), NULL_CMD_TIMER_EXPIRED);
    k.call(BLK_MQ_START_REQUEST, address);
    give(k, rq);
    k.call(NULL_HANDLE_CMD, address, rq.sector, rq.sectors, rq.opf & 0xff);
    return 0;
  },
);

/** The device has the request and will interrupt when it is done. */
function give(k: Kernel, rq: Request): void {
  const now = k.clock.now;
  rq.due = k.block.limited(
    rq.disk.device.service({ opf: rq.opf, sector: rq.sector, bytes: rq.bytes }, now),
  );
  k.block.inFlight.add(rq);
  // null_blk's own kind of disk has a timer instead of a device that interrupts.
  if (rq.disk.spec.kind !== "fixed") completeAt(k, rq, rq.due);
}

/** A request's completion comes at `time`, whatever was planned. */
export function completeAt(k: Kernel, rq: Request, time: number): void {
  rq.due = time;
  if (rq.disk.spec.kind === "fixed") {
    const timer = rq.address + timerOffset(k);
    if (!k.hrtimers.remove(timer)) return;
    setHrtimerExpiry(k, timer, time);
    k.hrtimers.enqueue(timer, rq.cpu);
    return;
  }
  rq.event?.cancel();
  const line = rq.disk.line ??= k.irqs.request({
    name: rq.disk.spec.name,
    handler: DISK_INTERRUPT,
    devId: rq.disk.address,
  });
  rq.event = k.interrupts.raise(line, rq.cpu, time);
}

/** The device interrupts: whatever it is done with by now is. No function of this kernel: drivers of such disks are modules. */
const DISK_INTERRUPT: FunctionRef = behaviour(
  "kscope_disk_interrupt",
  [BLK_MQ_COMPLETE_REQUEST],
  (k, _irq = 0, disk = 0) => {
    for (const rq of [...k.block.inFlight]) {
      if (rq.disk.address !== disk || rq.due > k.clock.now) continue;
      rq.event?.cancel();
      rq.event = null;
      k.block.inFlight.delete(rq);
      k.call(BLK_MQ_COMPLETE_REQUEST, rq.address);
    }
    return IRQ_HANDLED;
  },
);

/** Where the driver's part of a request has its timer. */
function timerOffset(k: Kernel): number {
  return DRIVER_TIMER + Math.ceil(sizeOfStruct(k, "request") / 8) * 8;
}

function failed(rq: Request): boolean {
  return rq.bytes > 0 && rq.disk.isBad(rq.sector, rq.sectors);
}
