/**
 * The block layer's tracepoints.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { tracepoint } from "../tracing/reference.ts";
import type { Bio } from "./bio.ts";
import { rwbs } from "./operations.ts";
import type { Request } from "./request.ts";

const BIO_QUEUE = tracepoint("block:block_bio_queue", "dev", "sector", "nr_sector", "rwbs", "comm");
const BIO_BACKMERGE = tracepoint("block:block_bio_backmerge", "dev", "sector", "nr_sector", "rwbs", "comm");
const BIO_COMPLETE = tracepoint("block:block_bio_complete", "dev", "sector", "nr_sector", "error", "rwbs");
const GETRQ = tracepoint("block:block_getrq", "dev", "sector", "nr_sector", "rwbs", "comm");
const PLUG = tracepoint("block:block_plug", "comm");
const UNPLUG = tracepoint("block:block_unplug", "nr_rq", "comm");
const RQ_INSERT = tracepoint(
  "block:block_rq_insert",
  "dev",
  "sector",
  "nr_sector",
  "bytes",
  "rwbs",
  "comm",
  "cmd",
);
const RQ_ISSUE = tracepoint(
  "block:block_rq_issue",
  "dev",
  "sector",
  "nr_sector",
  "bytes",
  "rwbs",
  "comm",
  "cmd",
);
const RQ_COMPLETE = tracepoint(
  "block:block_rq_complete",
  "dev",
  "sector",
  "nr_sector",
  "error",
  "rwbs",
  "cmd",
);
const RQ_ERROR = tracepoint("block:block_rq_error", "dev", "sector", "nr_sector", "error", "rwbs", "cmd");

/** A bio enters the queue. */
export function traceBioQueue(k: Kernel, bio: Bio): void {
  bioEvent(k, BIO_QUEUE, bio);
}

/** A bio goes on where a request ends. */
export function traceBackmerge(k: Kernel, bio: Bio): void {
  bioEvent(k, BIO_BACKMERGE, bio);
}

/** A bio gets a request. */
export function traceGetrq(k: Kernel, bio: Bio): void {
  bioEvent(k, GETRQ, bio);
}

/** A bio ended without a request. */
export function traceBioComplete(k: Kernel, bio: Bio): void {
  if (!k.tracepoints.enabled(BIO_COMPLETE)) return;
  k.tracepoints.fire(BIO_COMPLETE, bio.disk.dev, bio.sector, bio.sectors, bio.error, rwbs(bio.opf));
}

/** The first request waits in a task's plug. */
export function tracePlug(k: Kernel): void {
  k.tracepoints.fire(PLUG, k.current.comm);
}

/** Requests leave the plug. */
export function traceUnplug(k: Kernel, count: number): void {
  k.tracepoints.fire(UNPLUG, count, k.current.comm);
}

/** A request waits in the queue. */
export function traceInsert(k: Kernel, rq: Request): void {
  requestEvent(k, RQ_INSERT, rq);
}

/** A request goes to the device. */
export function traceIssue(k: Kernel, rq: Request): void {
  requestEvent(k, RQ_ISSUE, rq);
}

/** The device is done with `bytes` of a request. `error` is what the tracepoint shows: an errno. */
export function traceComplete(k: Kernel, rq: Request, bytes: number): void {
  if (!k.tracepoints.enabled(RQ_COMPLETE)) return;
  k.tracepoints.fire(RQ_COMPLETE, rq.disk.dev, rq.sector, bytes / 512, rq.error, rwbs(rq.opf), "");
}

/** The device could not do it. */
export function traceError(k: Kernel, rq: Request, bytes: number): void {
  if (!k.tracepoints.enabled(RQ_ERROR)) return;
  k.tracepoints.fire(RQ_ERROR, rq.disk.dev, rq.sector, bytes / 512, rq.error, rwbs(rq.opf), "");
}

function bioEvent(k: Kernel, ref: typeof BIO_QUEUE, bio: Bio): void {
  if (!k.tracepoints.enabled(ref)) return;
  k.tracepoints.fire(ref, bio.disk.dev, bio.sector, bio.sectors, rwbs(bio.opf), k.current.comm);
}

function requestEvent(k: Kernel, ref: typeof RQ_ISSUE, rq: Request): void {
  if (!k.tracepoints.enabled(ref)) return;
  const { bytes } = rq;
  k.tracepoints.fire(
    ref,
    rq.disk.dev,
    rq.sector,
    rq.sectors,
    bytes,
    rwbs(rq.opf),
    k.current.comm,
    "",
  );
}
