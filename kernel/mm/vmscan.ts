/**
 * Reclaim: pages of processes go to swap where there is some; `mm/vmscan.c`.
 *
 * Clean pages of files take no page frames of their own here, so there is nothing to gain by dropping them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { UserPage } from "../memory/user_page.ts";
import { createKthread } from "../process/kthread.ts";
import { field } from "../process/objects.ts";
import { sleep } from "../process/sleep.ts";
import { type Task, TASK_INTERRUPTIBLE } from "../process/task.ts";
import { tracepoint } from "../tracing/reference.ts";
import { type Mm, mmAt } from "./mm_struct.ts";
import { freePages } from "./page_alloc.ts";
import { pageStruct } from "./page_struct.ts";
import { addMmCounter, MM_ANONPAGES, MM_SWAPENTS } from "./rss.ts";
import { publish, swapSpace } from "./swap_space.ts";
import { putOnSwap } from "./swap_table.ts";
import { zoneOf } from "./zone.ts";

const WAKEUP = tracepoint("vmscan:mm_vmscan_wakeup_kswapd", "nid", "zid", "order", "gfp_flags");
const WAKE = tracepoint("vmscan:mm_vmscan_kswapd_wake", "nid", "zid", "order");
const SLEEP = tracepoint("vmscan:mm_vmscan_kswapd_sleep", "nid");
const DIRECT_BEGIN = tracepoint("vmscan:mm_vmscan_direct_reclaim_begin", "order", "gfp_flags");
const DIRECT_END = tracepoint("vmscan:mm_vmscan_direct_reclaim_end", "nr_reclaimed");
const SHRINK_INACTIVE = tracepoint(
  "vmscan:mm_vmscan_lru_shrink_inactive",
  "nid",
  "nr_scanned",
  "nr_reclaimed",
  "nr_dirty",
  "nr_writeback",
  "nr_congested",
  "nr_immediate",
  "nr_activate0",
  "nr_activate1",
  "nr_ref_keep",
  "nr_unmap_fail",
  "priority",
  "reclaim_flags",
);
const NODE_KSWAPD = field("pglist_data", "kswapd");

/** Pages that one round of reclaim is after (`SWAP_CLUSTER_MAX`). */
const CLUSTER = 32;
/** Nanoseconds that looking at a page and taking it out takes. */
const PER_PAGE = 400;

interface Candidate {
  readonly mm: Mm;
  readonly key: number;
  readonly page: UserPage;
}

/** The inactive list, oldest first: made anew when it is used up. */
const lists = new WeakMap<Kernel, Candidate[]>();

/** Anonymous pages of all address spaces, by process and address, newest last. */
function scan(k: Kernel): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Set<Addr>();
  for (const task of k.tasks.all()) {
    const mm = mmAt(k, task.mm);
    if (mm === undefined || mm.space === null || seen.has(mm.address)) continue;
    seen.add(mm.address);
    for (const area of mm.areas) {
      if ((area.flags & VM_LOCKED) !== 0) continue;
      for (const key of mm.space.pagesIn(area.start, area.end)) {
        const page = mm.space.pageAt(key) as UserPage;
        if (page.kind === "anon" && page.mapcount === 1) found.push({ mm, key, page });
      }
    }
  }
  return found.reverse();
}

const VM_LOCKED = 0x2000;

/** The next page that reclaim looks at; undefined where nothing can be reclaimed. */
function nextCandidate(k: Kernel): Candidate | undefined {
  let list = lists.get(k) ?? [];
  for (let round = 0; round < 2; round++) {
    for (let last = list.pop(); last !== undefined; last = list.pop()) {
      if (last.mm.space?.pageAt(last.key) === last.page && last.page.mapcount === 1) return last;
    }
    if (round === 0) lists.set(k, list = scan(k));
  }
  return undefined;
}

/** Finds a page a place on swap: 1, or 0 where there is none. */
const ADD_TO_SWAP = behaviour("add_to_swap", [], (k) => {
  const space = swapSpace(k);
  if (space === undefined) return 0;
  slots.set(k, space.take());
  publish(k);
  return (slots.get(k) ?? -1) >= 0 ? 1 : 0;
});
const slots = new WeakMap<Kernel, number>();

/** Writes a page to swap; it goes on by itself. */
const SWAP_WRITEPAGE = behaviour("swap_writepage", [fn("__swap_writepage")], () => 0);

/** Takes up to 32 pages off the inactive list: those that go. */
const SHRINK_FOLIO_LIST = behaviour(
  "shrink_folio_list",
  [ADD_TO_SWAP, fn("try_to_unmap"), SWAP_WRITEPAGE, fn("free_unref_page_list")],
  (k) => {
    let reclaimed = 0;
    for (let i = 0; i < CLUSTER; i++) {
      const found = swapSpace(k) === undefined ? undefined : nextCandidate(k);
      if (found === undefined) break;
      const { mm, key, page } = found;
      const struct = pageStruct(k, page.frame);
      if (k.call(ADD_TO_SWAP, struct) === 0) break;
      k.call(fn("try_to_unmap"), struct, 0);
      putOnSwap(k, mm.address, key, slots.get(k) ?? 0, page);
      for (const { page: gone } of mm.space?.take(key * 4096, 4096) ?? []) {
        k.call(SWAP_WRITEPAGE, struct, Number.NaN);
        if (gone.mapcount === 0) freePages(k, pageStruct(k, gone.frame));
      }
      addMmCounter(k, mm.address, MM_ANONPAGES, -1);
      addMmCounter(k, mm.address, MM_SWAPENTS, 1);
      k.calls.spend(PER_PAGE);
      reclaimed++;
    }
    return reclaimed;
  },
);
const SHRINK_LRUVEC = behaviour("shrink_lruvec", [SHRINK_FOLIO_LIST], (k) => {
  const reclaimed = k.call(SHRINK_FOLIO_LIST);
  k.tracepoints.fire(SHRINK_INACTIVE, 0, CLUSTER, reclaimed, 0, 0, 0, 0, 0, 0, 0, 0, 12, 9);
  return reclaimed;
});
const SHRINK_NODE = behaviour("shrink_node", [SHRINK_LRUVEC, fn("shrink_slab")], (k, node = 0, sc = 0) => {
  const reclaimed = k.call(SHRINK_LRUVEC, Number.NaN, sc);
  k.call(fn("shrink_slab"), Number.NaN, 0, 0, 12);
  void node;
  return reclaimed;
});

/** Reclaims in the name of whoever wants memory: pages that came free. */
const DO_TRY_TO_FREE_PAGES = behaviour("do_try_to_free_pages", [SHRINK_NODE], (k, _list, sc = 0) => {
  const { node } = zoneOf(k);
  let reclaimed = 0;
  for (let round = 0; round < 4 && reclaimed < CLUSTER; round++) {
    const pages = k.call(SHRINK_NODE, node, sc);
    if (pages === 0) break;
    reclaimed += pages;
  }
  return reclaimed;
});

/** The same, told to whoever listens. */
export const TRY_TO_FREE_PAGES: FunctionRef = behaviour(
  "try_to_free_pages",
  [DO_TRY_TO_FREE_PAGES],
  (k, _zonelist, order = 0, gfp = 0) => {
    k.tracepoints.fire(DIRECT_BEGIN, order, gfp);
    const reclaimed = k.call(DO_TRY_TO_FREE_PAGES, Number.NaN, Number.NaN);
    k.tracepoints.fire(DIRECT_END, reclaimed);
    return reclaimed;
  },
);

/** Reclaims until the zone's high watermark is met, or nothing is left to reclaim. */
const BALANCE_PGDAT = behaviour("balance_pgdat", [SHRINK_NODE], (k, node = 0, order = 0) => {
  const zone = zoneOf(k);
  while (zone.free < zone.high) if (k.call(SHRINK_NODE, node) === 0) break;
  zone.publish();
  return order;
});

/** What `kswapd` runs. */
const KSWAPD = blocking("kswapd", [BALANCE_PGDAT], function* (k, node = 0) {
  for (;;) {
    const zone = zoneOf(k);
    if (zone.free < zone.low && swapSpace(k) !== undefined) {
      k.tracepoints.fire(WAKE, 0, 0, 0);
      k.call(BALANCE_PGDAT, node, 0, 0);
    }
    k.tracepoints.fire(SLEEP, 0);
    yield* sleep(k, {}, TASK_INTERRUPTIBLE);
  }
});

const threads = new WeakMap<Kernel, Task>();

/** Wakes `kswapd`, if it can do anything. */
export function wakeKswapd(k: Kernel, order: number, gfp: number): void {
  if (swapSpace(k) === undefined) return;
  k.call(fn("wakeup_kswapd"), zoneOf(k).address, gfp, order, 0);
  k.tracepoints.fire(WAKEUP, 0, 0, order, gfp);
  let thread = threads.get(k);
  if (thread === undefined) {
    const { node } = zoneOf(k);
    thread = createKthread(k, { comm: "kswapd0", cpu: 0, bound: false, main: KSWAPD, data: node });
    threads.set(k, thread);
    if (node !== 0) NODE_KSWAPD.set(k, node, thread.address);
  }
  k.scheduler.wake(thread);
}
