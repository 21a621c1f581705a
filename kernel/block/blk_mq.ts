/**
 * Requests on their way to the driver: `block/blk-mq.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { IO_SCHEDULE, sleepForIo } from "./io_schedule.ts";
import type { Bio } from "./bio.ts";
import { BLK_MQ_END_REQUEST } from "./completion.ts";
import { REQUEST } from "./fields.ts";
import { MAX_SECTORS } from "./gendisk.ts";
import { NULL_QUEUE_RQ } from "./null_blk.ts";
import { isFlush, operationOf, REQ_OP_FLUSH, REQ_PREFLUSH, REQ_SYNC } from "./operations.ts";
import { storePlug } from "./plug_state.ts";
import { Request } from "./request.ts";
import { traceBackmerge, traceGetrq, traceInsert, tracePlug, traceUnplug } from "./tracepoints.ts";

/** Most requests that a plug gathers before it is flushed. */
const BLK_MAX_REQUEST_COUNT = 32;
/** A request of this size in a plug flushes it. */
const BLK_PLUG_FLUSH_SIZE = 128 * 1024;

/** Gives a request to the driver. */
const __BLK_MQ_TRY_ISSUE_DIRECTLY: FunctionRef = behaviour(
  "__blk_mq_try_issue_directly",
  [NULL_QUEUE_RQ],
  (k, hctx = 0, rq = 0, _bypass = 0, last = 1) => queueRq(k, hctx, rq, last),
);
const BLK_MQ_TRY_ISSUE_DIRECTLY: FunctionRef = behaviour(
  "blk_mq_try_issue_directly",
  [__BLK_MQ_TRY_ISSUE_DIRECTLY],
  (k, hctx = 0, rq = 0) => {
    k.call(__BLK_MQ_TRY_ISSUE_DIRECTLY, hctx, rq, 0, 1);
    return Number.NaN;
  },
);

/** Gives the requests of a plug to the driver, one after the other. */
const BLK_MQ_PLUG_ISSUE_DIRECT: FunctionRef = behaviour(
  "blk_mq_plug_issue_direct",
  [__BLK_MQ_TRY_ISSUE_DIRECTLY],
  (k, plug = 0) => {
    const requests = takePlugged(k, plug);
    requests.forEach((rq, i) =>
      k.call(__BLK_MQ_TRY_ISSUE_DIRECTLY, rq.disk.hctx, rq.address, 0, i === requests.length - 1 ? 1 : 0)
    );
    return Number.NaN;
  },
);

/** Takes requests from the queue to the driver. */
const BLK_MQ_DISPATCH_RQ_LIST: FunctionRef = behaviour(
  "blk_mq_dispatch_rq_list",
  [NULL_QUEUE_RQ],
  (k, hctx = 0) => {
    for (const rq of k.block.takeQueued(hctx)) queueRq(k, hctx, rq.address, 1);
    return 1;
  },
);
const BLK_MQ_SCHED_DISPATCH_REQUESTS: FunctionRef = behaviour(
  "blk_mq_sched_dispatch_requests",
  [BLK_MQ_DISPATCH_RQ_LIST],
  (k, hctx = 0) => {
    k.call(BLK_MQ_DISPATCH_RQ_LIST, hctx, 0, 0);
    return Number.NaN;
  },
);
const __BLK_MQ_RUN_HW_QUEUE: FunctionRef = behaviour(
  "__blk_mq_run_hw_queue",
  [BLK_MQ_SCHED_DISPATCH_REQUESTS],
  (k, hctx = 0) => {
    k.call(BLK_MQ_SCHED_DISPATCH_REQUESTS, hctx);
    return Number.NaN;
  },
);
const BLK_MQ_RUN_HW_QUEUE: FunctionRef = behaviour(
  "blk_mq_run_hw_queue",
  [__BLK_MQ_RUN_HW_QUEUE],
  (k, hctx = 0, _async = 0) => {
    k.call(__BLK_MQ_RUN_HW_QUEUE, hctx);
    return Number.NaN;
  },
);

/** Puts requests into the queue and runs it: what a plug does that its task's sleep flushes. */
const BLK_MQ_SCHED_INSERT_REQUESTS: FunctionRef = behaviour(
  "blk_mq_sched_insert_requests",
  [fn("blk_mq_insert_requests"), BLK_MQ_RUN_HW_QUEUE],
  (k, hctx = 0, ctx = 0, list = 0, async = 0) => {
    k.call(fn("blk_mq_insert_requests"), hctx, ctx, list);
    for (const rq of takePlugged(k, list)) {
      traceInsert(k, rq);
      k.block.queue(rq);
    }
    k.call(BLK_MQ_RUN_HW_QUEUE, hctx, async);
    return Number.NaN;
  },
);

/** The part of `blk_mq_flush_plug_list` that has something to do. */
const FLUSH_PLUG_LIST_PART: FunctionRef = behaviour(
  "blk_mq_flush_plug_list.part.0",
  [BLK_MQ_PLUG_ISSUE_DIRECT, BLK_MQ_SCHED_INSERT_REQUESTS],
  (k, plug = 0, fromSchedule = 0) => {
    const gathered = k.block.plugOf(plug)?.requests ?? [];
    const first = gathered[0];
    if (first === undefined) return Number.NaN;
    const oneQueue = gathered.every((rq) => rq.disk === first.disk);
    if (oneQueue && fromSchedule === 0) k.call(BLK_MQ_PLUG_ISSUE_DIRECT, plug, 0);
    else {
      traceUnplug(k, gathered.length);
      k.call(BLK_MQ_SCHED_INSERT_REQUESTS, first.disk.hctx, 0, plug, fromSchedule);
    }
    return Number.NaN;
  },
);

/** Hands the requests of a plug to the driver. */
export const BLK_MQ_FLUSH_PLUG_LIST: FunctionRef = behaviour(
  "blk_mq_flush_plug_list",
  [FLUSH_PLUG_LIST_PART],
  (k, plug = 0, fromSchedule = 0) => {
    if ((k.block.plugOf(plug)?.requests.length ?? 0) > 0) k.call(FLUSH_PLUG_LIST_PART, plug, fromSchedule);
    return Number.NaN;
  },
);

/** Gathers a request in the task's plug; a full one is flushed first. */
const BLK_ADD_RQ_TO_PLUG: FunctionRef = behaviour(
  "blk_add_rq_to_plug",
  [BLK_MQ_FLUSH_PLUG_LIST],
  (k, address = 0, request = 0) => {
    const plug = k.block.plugOf(address);
    const rq = k.block.requests.get(request);
    if (plug === undefined || rq === undefined) return Number.NaN;
    const last = plug.requests[plug.requests.length - 1];
    if (last === undefined) tracePlug(k);
    else if (plug.requests.length >= BLK_MAX_REQUEST_COUNT || last.bytes >= BLK_PLUG_FLUSH_SIZE) {
      k.call(BLK_MQ_FLUSH_PLUG_LIST, address, 0);
      tracePlug(k);
    }
    plug.requests.push(rq);
    storePlug(k, plug);
    return Number.NaN;
  },
);

/** Whether a bio goes on where a request in the task's plug ends: it then becomes part of it. */
const BLK_ATTEMPT_PLUG_MERGE: FunctionRef = behaviour("blk_attempt_plug_merge", [], (k, _q, address = 0) => {
  const bio = k.block.bios.get(address);
  const plug = k.block.plugs.get(k.current);
  if (bio === undefined || plug === undefined || bio.size === 0) return 0;
  const rq = plug.requests.find((rq) => canMerge(rq, bio));
  if (rq === undefined) return 0;
  traceBackmerge(k, bio);
  rq.append(bio);
  bio.disk.account(bio.opf, "merges", 1);
  return 1;
});
const BLK_MQ_SCHED_BIO_MERGE = fn("blk_mq_sched_bio_merge");
const BLK_MQ_ATTEMPT_BIO_MERGE: FunctionRef = behaviour(
  "blk_mq_attempt_bio_merge",
  [BLK_ATTEMPT_PLUG_MERGE, BLK_MQ_SCHED_BIO_MERGE],
  (k, q = 0, bio = 0, segments = 0) => {
    if (k.call(BLK_ATTEMPT_PLUG_MERGE, q, bio, segments) === 1) return 1;
    k.call(BLK_MQ_SCHED_BIO_MERGE, q, bio, segments);
    return 0;
  },
);

/** The number of a free tag; waits for one. */
const BLK_MQ_GET_TAG: FunctionRef = blocking("blk_mq_get_tag", [IO_SCHEDULE], function* (k, data = 0) {
  const disk = k.block.byQueue(k.memory.readPointer(data));
  if (disk === undefined) return 0;
  for (let tag = disk.freeTag();; tag = disk.freeTag()) {
    if (tag >= 0) return tag;
    disk.waiting.push(k.current);
    yield* sleepForIo(k);
  }
});
const BLK_MQ_RQ_CTX_INIT = fn("blk_mq_rq_ctx_init");

/** A request with a tag. */
const __BLK_MQ_ALLOC_REQUESTS: FunctionRef = blocking(
  "__blk_mq_alloc_requests",
  [BLK_MQ_GET_TAG, BLK_MQ_RQ_CTX_INIT],
  function* (k, data = 0) {
    const disk = k.block.byQueue(k.memory.readPointer(data));
    const tag = yield* k.calls.callBlocking(BLK_MQ_GET_TAG, data);
    if (disk === undefined) return 0;
    k.call(BLK_MQ_RQ_CTX_INIT, data, 0, tag);
    return disk.requestOf(tag);
  },
);
/** Requests count as begun from here on. */
const BLK_ACCOUNT_IO_START: FunctionRef = behaviour("blk_account_io_start", [], (k, address = 0) => {
  const rq = k.block.requests.get(address);
  if (rq === undefined) return Number.NaN;
  REQUEST.part.set(k, address, rq.disk.bdev);
  rq.disk.tick(true);
  return Number.NaN;
});

/** `blk_insert_flush`: what was written must be on the medium before, or this itself after. */
const BLK_INSERT_FLUSH: FunctionRef = behaviour(
  "blk_insert_flush",
  [__BLK_MQ_TRY_ISSUE_DIRECTLY, BLK_MQ_RUN_HW_QUEUE],
  (k, address = 0) => {
    const rq = k.block.requests.get(address);
    if (rq === undefined) return Number.NaN;
    const dispatch = (one: Request): void => {
      traceInsert(k, one);
      k.block.queue(one);
      k.call(BLK_MQ_RUN_HW_QUEUE, one.disk.hctx, 0);
    };
    // The flush goes first, under a tag of its own if there is one; the data follows when it is done.
    const tag = (rq.opf & REQ_PREFLUSH) === 0 ? -1 : rq.disk.freeTag();
    if (tag < 0) {
      dispatch(rq);
      return Number.NaN;
    }
    const flush = new Request(k, rq.disk, tag, REQ_OP_FLUSH | REQ_PREFLUSH, null);
    flush.endIo = () => {
      if (rq.bytes === 0) {
        k.call(BLK_MQ_END_REQUEST, address, 0);
        return;
      }
      rq.opf &= ~REQ_PREFLUSH;
      REQUEST.cmdFlags.set(k, address, rq.opf);
      dispatch(rq);
    };
    REQUEST.sector.set(k, flush.address, 0);
    k.call(BLK_ACCOUNT_IO_START, flush.address);
    dispatch(flush);
    return Number.NaN;
  },
);

/** Takes a bio: merges it, or makes a request for it and gathers or issues that. */
export const BLK_MQ_SUBMIT_BIO: FunctionRef = blocking(
  "blk_mq_submit_bio",
  [
    BLK_MQ_ATTEMPT_BIO_MERGE,
    fn("__rq_qos_throttle"),
    __BLK_MQ_ALLOC_REQUESTS,
    fn("__rq_qos_track"),
    BLK_ACCOUNT_IO_START,
    BLK_ADD_RQ_TO_PLUG,
    BLK_MQ_TRY_ISSUE_DIRECTLY,
    BLK_INSERT_FLUSH,
  ],
  function* (k, address = 0) {
    const bio = k.block.bios.get(address);
    if (bio === undefined) return Number.NaN;
    const { disk } = bio;
    if (k.call(BLK_MQ_ATTEMPT_BIO_MERGE, disk.queue, address, bio.vecs.length) === 1) return Number.NaN;
    k.call(fn("__rq_qos_throttle"), 0, address);
    const mark = k.current.locals;
    const data = pushLocal(k, Math.max(64, sizeOfStruct(k, "blk_mq_queue_data")));
    k.memory.writeWord(data, disk.queue);
    const request = yield* k.calls.callBlocking(__BLK_MQ_ALLOC_REQUESTS, data);
    popLocals(k, mark);
    const rq = new Request(k, disk, disk.tagOf(request), bio.opf, bio);
    traceGetrq(k, bio);
    k.call(fn("__rq_qos_track"), 0, rq.address, address);
    k.call(BLK_ACCOUNT_IO_START, rq.address);
    const plug = k.block.plugs.get(k.current);
    if (isFlush(bio.opf)) k.call(BLK_INSERT_FLUSH, rq.address);
    else if (plug !== undefined) k.call(BLK_ADD_RQ_TO_PLUG, plug.address, rq.address);
    else k.call(BLK_MQ_TRY_ISSUE_DIRECTLY, disk.hctx, rq.address);
    return Number.NaN;
  },
);

function queueRq(k: Kernel, hctx: Addr, rq: Addr, last: number): number {
  const mark = k.current.locals;
  const bd = pushLocal(k, sizeOfStruct(k, "blk_mq_queue_data"));
  k.memory.writeWord(bd, rq);
  k.memory.store(bd + k.image.pointerSize, 1, last);
  const status = k.call(NULL_QUEUE_RQ, hctx, bd);
  popLocals(k, mark);
  return status;
}

function takePlugged(k: Kernel, address: Addr): Request[] {
  const plug = k.block.plugOf(address);
  if (plug === undefined) return [];
  const requests = plug.requests.splice(0);
  storePlug(k, plug);
  return requests;
}

function canMerge(rq: Request, bio: Bio): boolean {
  const end = rq.sector + rq.sectors;
  return rq.disk === bio.disk && operationOf(rq.opf) === operationOf(bio.opf) && !isFlush(bio.opf | rq.opf) &&
    end === bio.sector && rq.sectors + bio.sectors <= MAX_SECTORS &&
    (rq.opf & REQ_SYNC) === (bio.opf & REQ_SYNC);
}
