/**
 * Requests that the device is done with: `blk_mq_end_request` and what it tells whom.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { RAISE_SOFTIRQ_IRQOFF, SOFTIRQ } from "../irq/softirq.ts";
import { BIO, REQUEST } from "./fields.ts";
import { BIO_ENDIO } from "./bio.ts";
import { MQ_RQ_COMPLETE } from "./request.ts";
import { traceComplete, traceError } from "./tracepoints.ts";

/** `BLK_STS_IOERR`. */
export const BLK_STS_IOERR = 10;
const EIO = 5;

/** Ends the bios of a request: true (1) if some of it is left. */
export const BLK_UPDATE_REQUEST: FunctionRef = behaviour(
  "blk_update_request",
  [BIO_ENDIO],
  (k, address = 0, status = 0, bytes = 0) => {
    const rq = k.block.requests.get(address);
    if (rq === undefined) return 0;
    rq.error = status === 0 ? 0 : -EIO;
    traceComplete(k, rq, bytes);
    if (status !== 0) traceError(k, rq, bytes);
    if (bytes > 0) rq.disk.account(rq.opf, "sectors", bytes / 512);
    for (const bio of rq.bios) {
      // Its end is traced with the request's.
      bio.takeTrace();
      bio.error = rq.error;
      BIO.status.set(k, bio.address, status);
      REQUEST.bio.set(k, address, bio.address);
      k.call(BIO_ENDIO, bio.address);
    }
    REQUEST.bio.set(k, address, 0);
    REQUEST.dataLen.set(k, address, 0);
    return 0;
  },
);

/** Counts what a request took. */
const BLK_ACCOUNT_IO_DONE: FunctionRef = behaviour("blk_account_io_done", [], (k, address = 0, now = 0) => {
  const rq = k.block.requests.get(address);
  if (rq === undefined || REQUEST.part.get(k, address) === 0) return Number.NaN;
  rq.disk.tick(false);
  rq.disk.account(rq.opf, "ios", 1);
  rq.disk.account(rq.opf, "nsecs", now - REQUEST.startTime.get(k, address));
  return Number.NaN;
});
const BLK_MQ_FREE_REQUEST: FunctionRef = behaviour(
  "blk_mq_free_request",
  [fn("blk_mq_put_tag")],
  (k, address = 0) => {
    const rq = k.block.requests.get(address);
    if (rq === undefined) return Number.NaN;
    rq.release();
    const waiter = rq.disk.waiting.shift();
    if (waiter !== undefined) k.scheduler.wake(waiter);
    return Number.NaN;
  },
);
const __BLK_MQ_END_REQUEST: FunctionRef = behaviour(
  "__blk_mq_end_request",
  [BLK_ACCOUNT_IO_DONE, fn("__rq_qos_done"), BLK_MQ_FREE_REQUEST],
  (k, address = 0) => {
    const rq = k.block.requests.get(address);
    k.call(BLK_ACCOUNT_IO_DONE, address, k.clock.now);
    k.call(fn("__rq_qos_done"), 0, address);
    k.call(BLK_MQ_FREE_REQUEST, address);
    rq?.endIo?.();
    return Number.NaN;
  },
);

/** A request is done, with a `blk_status_t`. */
export const BLK_MQ_END_REQUEST: FunctionRef = behaviour(
  "blk_mq_end_request",
  [BLK_UPDATE_REQUEST, __BLK_MQ_END_REQUEST],
  (k, address = 0, status = 0) => {
    const rq = k.block.requests.get(address);
    if (rq === undefined) return Number.NaN;
    REQUEST.state.set(k, address, MQ_RQ_COMPLETE);
    k.call(BLK_UPDATE_REQUEST, address, status, rq.bytes);
    k.call(__BLK_MQ_END_REQUEST, address, status);
    return Number.NaN;
  },
);

const NULL_COMPLETE_RQ = fn("null_complete_rq");
const BLK_COMPLETE_REQS: FunctionRef = behaviour("blk_complete_reqs", [NULL_COMPLETE_RQ], (k) => {
  for (const rq of k.block.takeDone()) k.call(NULL_COMPLETE_RQ, rq.address);
  return Number.NaN;
});
/** The block softirq: ends the requests that interrupts left to it. */
export const BLK_DONE_SOFTIRQ: FunctionRef = behaviour("blk_done_softirq", [BLK_COMPLETE_REQS], (k) => {
  k.call(BLK_COMPLETE_REQS, 0);
  return Number.NaN;
});

/** An interrupt says that a request is done: the block softirq will end it. */
export const BLK_MQ_COMPLETE_REQUEST: FunctionRef = behaviour(
  "blk_mq_complete_request",
  [fn("blk_mq_complete_request_remote"), RAISE_SOFTIRQ_IRQOFF],
  (k, address = 0) => {
    const rq = k.block.requests.get(address);
    if (rq === undefined) return Number.NaN;
    k.call(fn("blk_mq_complete_request_remote"), address);
    REQUEST.state.set(k, address, MQ_RQ_COMPLETE);
    k.block.leaveDone(rq);
    k.call(RAISE_SOFTIRQ_IRQOFF, SOFTIRQ.BLOCK);
    return Number.NaN;
  },
);
