/**
 * Block requests: queued, given a request, issued and completed, with one device, sector and size.
 *
 * @module
 */

import type { Field, Watch } from "./watch.ts";

type Stage = "queued" | "request" | "issued";

interface Request {
  stage: Stage;
  readonly sectors: number;
  readonly at: number;
}

/** `block_bio_queue`, `block_getrq`, `block_rq_issue`, `block_rq_complete`, in this order by device and sector. */
export function requestsGoThrough(watch: Watch): void {
  const { k } = watch;
  const requests = new Map<string, Request>();
  const place = (field: Field): string => `${field("dev")}:${field("sector")}`;
  /** A flush has no data and no sector of its own. */
  const hasData = (field: Field): boolean => field("nr_sector") > 0;
  const advance = (field: Field, from: Stage, to: Stage, what: string): void => {
    if (!hasData(field)) return;
    const request = requests.get(place(field));
    watch.must(request?.stage === from, () => `${what} of ${place(field)}, which is ${request?.stage}`);
    if (request === undefined) return;
    const sectors = field("nr_sector");
    watch.must(
      sectors === request.sectors,
      () => `${what} of ${sectors} sectors; ${request.sectors} were queued`,
    );
    requests.set(place(field), { stage: to, sectors: request.sectors, at: k.clock.now });
  };
  watch.on("block:block_bio_queue", (field) => {
    if (!hasData(field)) return;
    const old = requests.get(place(field));
    watch.must(old === undefined, () => `queues ${place(field)} while it is ${old?.stage}`);
    requests.set(place(field), { stage: "queued", sectors: field("nr_sector"), at: k.clock.now });
  });
  watch.on("block:block_getrq", (field) => advance(field, "queued", "request", "a request"));
  watch.on("block:block_rq_issue", (field) => advance(field, "request", "issued", "an issue"));
  watch.on("block:block_rq_complete", (field) => {
    if (!hasData(field)) return;
    const request = requests.get(place(field));
    watch.must(request?.stage === "issued", () => `completes ${place(field)}, which is ${request?.stage}`);
    watch.must(
      request === undefined || k.clock.now > request.at,
      () => `completes ${place(field)} as soon as it is issued`,
    );
    requests.delete(place(field));
  });
  watch.atEnd(() => {
    const disks = k.block.disks.reduce((sum, { inFlight }) => sum + inFlight, 0);
    const left = [...requests].filter(([, { stage }]) => stage !== "queued").length;
    watch.must(left <= disks, () => `${left} requests are left, ${disks} under way`);
  });
}
