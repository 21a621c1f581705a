/**
 * Submitting bios: `block/blk-core.c`.
 *
 * @module
 */

import { blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { BIO_ENDIO } from "./bio.ts";
import type { Bio } from "./bio.ts";
import { BLK_MQ_SUBMIT_BIO } from "./blk_mq.ts";
import { BIO } from "./fields.ts";
import { BLK_STS_IOERR } from "./completion.ts";
import { isFlush, REQ_FUA, REQ_PREFLUSH } from "./operations.ts";
import { traceBioQueue } from "./tracepoints.ts";

const EIO = 5;

const __SUBMIT_BIO: FunctionRef = blocking("__submit_bio", [BLK_MQ_SUBMIT_BIO], function* (k, bio = 0) {
  yield* k.calls.callBlocking(BLK_MQ_SUBMIT_BIO, bio);
  return Number.NaN;
});
const SUBMIT_BIO_NOACCT_NOCHECK: FunctionRef = blocking(
  "submit_bio_noacct_nocheck",
  [fn("blk_cgroup_bio_start"), __SUBMIT_BIO],
  function* (k, address = 0) {
    const bio = k.block.bios.get(address);
    k.call(fn("blk_cgroup_bio_start"), address);
    if (bio?.traceCompletion()) traceBioQueue(k, bio);
    yield* k.calls.callBlocking(__SUBMIT_BIO, address);
    return Number.NaN;
  },
);

/** Checks a bio and hands it on; one that cannot be done ends at once. */
export const SUBMIT_BIO_NOACCT: FunctionRef = blocking(
  "submit_bio_noacct",
  [fn("should_fail_bio"), SUBMIT_BIO_NOACCT_NOCHECK, BIO_ENDIO],
  function* (k, address = 0) {
    const bio = k.block.bios.get(address);
    if (bio === undefined) return Number.NaN;
    k.call(fn("should_fail_bio"), address);
    if (bio.size > 0 && bio.end > bio.disk.spec.sectors) return fail(k, bio);
    if (isFlush(bio.opf) && !bio.disk.device.writeCache) {
      // Nothing is ever only in a cache.
      bio.setOpf(bio.opf & ~(REQ_PREFLUSH | REQ_FUA));
      if (bio.size === 0) {
        k.call(BIO_ENDIO, address);
        return Number.NaN;
      }
    }
    yield* k.calls.callBlocking(SUBMIT_BIO_NOACCT_NOCHECK, address);
    return Number.NaN;
  },
);

/** Reads or writes what a bio says; its `bi_end_io` runs when that is done. */
export const SUBMIT_BIO: FunctionRef = blocking(
  "submit_bio",
  [fn("__get_task_ioprio"), SUBMIT_BIO_NOACCT],
  function* (k, address = 0) {
    k.call(fn("__get_task_ioprio"), k.current.address);
    yield* k.calls.callBlocking(SUBMIT_BIO_NOACCT, address);
    return Number.NaN;
  },
);

/** It lies behind the end of the disk. */
function fail(k: Kernel, bio: Bio): number {
  bio.error = -EIO;
  BIO.status.set(k, bio.address, BLK_STS_IOERR);
  k.call(BIO_ENDIO, bio.address);
  return Number.NaN;
}
