/**
 * Writing dirty inodes back: `fs/fs-writeback.c`. A worker does it some seconds after they became dirty, when too many are,
 * or because someone asks.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import {
  DO_WRITEPAGES,
  FILEMAP_FDATAWAIT_RANGE,
  WB_SYNC_ALL,
  WB_SYNC_NONE,
  WBC,
  writebackControl,
} from "../mm/page_writeback.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { recordedWake, sleep } from "../process/sleep.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { TASK_UNINTERRUPTIBLE } from "../process/task.ts";
import { COMPLETE, initCompletion, waitForCompletion } from "../sched/completion.ts";
import { jiffiesAfter, MOD_TIMER } from "../time/timer.ts";
import { tracepoint } from "../tracing/reference.ts";
import { QUEUE_WORK_ON, queueWork } from "../workqueue/workqueue.ts";
import {
  type BackingDevice,
  backingOf,
  clearState,
  devOf,
  dirtyState,
  I_DIRTY_DATASYNC,
  I_DIRTY_PAGES,
  I_DIRTY_SYNC,
  I_SYNC,
  setState,
  WB_REASON,
  type WritebackWork,
  writebackWork,
} from "./backing_dev.ts";
import { INODE } from "./fields.ts";
import type { Inode } from "./inode.ts";

/** How often dirty inodes are looked at (`vm.dirty_writeback_centisecs`). */
const INTERVAL = 5_000_000_000;
/** How long an inode stays dirty before it is written (`vm.dirty_expire_centisecs`). */
const EXPIRE = 30_000_000_000;
/** Pages that one inode gets at a time: 4 MiB. */
const MIN_WRITEBACK_PAGES = 1024;
const ALL_PAGES = 2 ** 31 - 1;
const WORK_NR_PAGES = field("wb_writeback_work", "nr_pages");

const START = workTracepoint("writeback:writeback_start");
const WRITTEN = workTracepoint("writeback:writeback_written");
const QUEUE = workTracepoint("writeback:writeback_queue");
const EXEC = workTracepoint("writeback:writeback_exec");
const PAGES_WRITTEN = tracepoint("writeback:writeback_pages_written", "pages");
const WAKE_BACKGROUND = tracepoint("writeback:writeback_wake_background", "name", "cgroup_ino");
const MARK_DIRTY = tracepoint("writeback:writeback_mark_inode_dirty", "name", "ino", "state", "flags");
const DIRTY_START = tracepoint("writeback:writeback_dirty_inode_start", "name", "ino", "state", "flags");
const DIRTY = tracepoint("writeback:writeback_dirty_inode", "name", "ino", "state", "flags");
const SINGLE_START = singleTracepoint("writeback:writeback_single_inode_start");
const SINGLE = singleTracepoint("writeback:writeback_single_inode");
const WRITE_START = tracepoint(
  "writeback:writeback_write_inode_start",
  "name",
  "ino",
  "sync_mode",
  "cgroup_ino",
);
const WRITE = tracepoint("writeback:writeback_write_inode", "name", "ino", "sync_mode", "cgroup_ino");

/** In some seconds a worker looks at the dirty inodes. */
const WB_WAKEUP_DELAYED: FunctionRef = behaviour(
  "wb_wakeup_delayed",
  [fn("queue_delayed_work_on")],
  (k, wb = 0) => {
    const device = k.pageCache.backing.find((one) => one.wb === wb);
    if (device !== undefined && !k.timers.pending(device.timer) && !k.workqueues.pending(device.work)) {
      k.call(MOD_TIMER, device.timer, jiffiesAfter(k, INTERVAL));
    }
    return Number.NaN;
  },
);
/** The delay of a work is over. */
behaviour("delayed_work_timer_fn", [fn("__queue_work")], (k, timer = 0) => {
  const device = k.pageCache.backing.find((one) => one.timer === timer);
  if (device !== undefined) queueWork(k, k.workqueues.queue("writeback", true), device.work);
  return Number.NaN;
});
/** A worker looks at the dirty inodes now. */
function wakeup(k: Kernel, device: BackingDevice): void {
  k.timers.remove(device.timer);
  queueWork(k, k.workqueues.queue("writeback", true), device.work);
}

/** Marks an inode dirty: `flags` are `I_DIRTY_…`. */
export const MARK_INODE_DIRTY: FunctionRef = behaviour(
  "__mark_inode_dirty",
  [fn("ext4_dirty_inode"), WB_WAKEUP_DELAYED],
  (k, address = 0, flags = 0) => {
    const device = backingOf(k, address);
    const inode = k.vfs.inodes.get(address);
    if (device === undefined || inode === undefined) return Number.NaN;
    const { ino } = inode;
    k.tracepoints.fire(MARK_DIRTY, device.name, ino, dirtyState(k, address), flags);
    if ((flags & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)) !== 0) {
      k.tracepoints.fire(DIRTY_START, device.name, ino, dirtyState(k, address), flags);
      const { dirtyInode } = k.vfs.supers.get(INODE.sb.get(k, address))?.type ?? {};
      if (dirtyInode !== undefined) k.call(dirtyInode, address, flags);
      k.tracepoints.fire(DIRTY, device.name, ino, dirtyState(k, address), flags);
    }
    if ((dirtyState(k, address) & flags) === flags && device.dirty.has(inode)) return Number.NaN;
    const wasEmpty = device.dirty.size === 0;
    if (device.markDirty(inode, flags) && wasEmpty) k.call(WB_WAKEUP_DELAYED, device.wb);
    return Number.NaN;
  },
);

/** Writes one inode: its pages, then itself. */
export const __WRITEBACK_SINGLE_INODE: FunctionRef = blocking(
  "__writeback_single_inode",
  [DO_WRITEPAGES, FILEMAP_FDATAWAIT_RANGE, fn("ext4_write_inode")],
  function* (k, address = 0, wbc = 0) {
    const device = backingOf(k, address);
    const inode = k.vfs.inodes.get(address);
    if (device === undefined || inode === undefined) return 0;
    const space = k.pageCache.known(inode);
    const toWrite = WBC.toWrite.get(k, wbc);
    const single = (ref: typeof SINGLE): void =>
      k.tracepoints.fire(
        ref,
        device.name,
        inode.ino,
        dirtyState(k, address),
        0,
        space?.writebackIndex ?? 0,
        toWrite,
        toWrite - WBC.toWrite.get(k, wbc),
        1,
      );
    single(SINGLE_START);
    let error = 0;
    if (space !== undefined) {
      error = yield* k.calls.callBlocking(DO_WRITEPAGES, space.address, wbc);
      if (WBC.syncMode.get(k, wbc) === WB_SYNC_ALL) {
        const waited = yield* k.calls.callBlocking(FILEMAP_FDATAWAIT_RANGE, space.address, 0, MAX_BYTE);
        if (error === 0) error = waited;
      }
    }
    const dirty = dirtyState(k, address);
    clearState(k, address, I_DIRTY_SYNC | I_DIRTY_DATASYNC | I_DIRTY_PAGES);
    if (space !== undefined && space.dirty.size > 0) setState(k, address, I_DIRTY_PAGES);
    if ((dirty & ~I_DIRTY_PAGES) !== 0) {
      const mode = WBC.syncMode.get(k, wbc);
      k.tracepoints.fire(WRITE_START, device.name, inode.ino, mode, 1);
      const { writeInode } = k.vfs.supers.get(INODE.sb.get(k, address))?.type ?? {};
      const wrote = writeInode === undefined ? 0 : yield* k.calls.callBlocking(writeInode, address, wbc);
      k.tracepoints.fire(WRITE, device.name, inode.ino, mode, 1);
      if (error === 0) error = wrote;
    }
    single(SINGLE);
    return error;
  },
);
const MAX_BYTE = Number.MAX_SAFE_INTEGER;

/** Writes one inode for a caller that holds it: 0 or -errno. */
export const WRITEBACK_SINGLE_INODE: FunctionRef = blocking(
  "writeback_single_inode",
  [fn("wbc_attach_and_unlock_inode"), __WRITEBACK_SINGLE_INODE, fn("wbc_detach_inode")],
  function* (k, address = 0, wbc = 0) {
    const device = backingOf(k, address);
    const inode = k.vfs.inodes.get(address);
    if (device === undefined || inode === undefined) return 0;
    const pagesLeft = k.pageCache.known(inode)?.dirty.size ?? 0;
    if (dirtyState(k, address) === 0 && pagesLeft === 0) return 0;
    setState(k, address, I_SYNC);
    k.call(fn("wbc_attach_and_unlock_inode"), wbc, address);
    const error = yield* k.calls.callBlocking(__WRITEBACK_SINGLE_INODE, address, wbc);
    k.call(fn("wbc_detach_inode"), wbc);
    finish(k, device, inode);
    return error;
  },
);
/** Writes an inode's own block, and waits if `wait`. */
export const SYNC_INODE_METADATA: FunctionRef = blocking(
  "sync_inode_metadata",
  [WRITEBACK_SINGLE_INODE],
  function* (k, inode = 0, wait = 0) {
    const mark = k.current.locals;
    const wbc = writebackControl(k, wait !== 0 ? WB_SYNC_ALL : WB_SYNC_NONE, 0, 0, 0);
    const error = yield* k.calls.callBlocking(WRITEBACK_SINGLE_INODE, inode, wbc);
    popLocals(k, mark);
    return error;
  },
);

function finish(k: Kernel, device: BackingDevice, inode: Inode): void {
  clearState(k, inode.address, I_SYNC);
  if (dirtyState(k, inode.address) === 0) device.clean(inode);
  else {
    const entry = device.dirty.get(inode);
    device.clean(inode);
    if (entry !== undefined) device.dirty.set(inode, entry);
  }
}

/** Writes the inodes of a file system that a work means: how many pages. */
const WRITEBACK_SB_INODES: FunctionRef = blocking(
  "writeback_sb_inodes",
  [fn("wbc_attach_and_unlock_inode"), __WRITEBACK_SINGLE_INODE, fn("wbc_detach_inode")],
  function* (k, sb = 0, wb = 0, address = 0) {
    const device = k.pageCache.backing.find((one) => one.wb === wb);
    const work = running.get(k);
    if (device === undefined || work === undefined) return 0;
    let wrote = 0;
    for (const { inode, since } of [...device.dirty.values()]) {
      if (work.pages <= 0) break;
      if (INODE.sb.get(k, inode.address) !== sb || !device.dirty.has(inode)) continue;
      if (work.kupdate && k.clock.now - since < EXPIRE) continue;
      const mark = k.current.locals;
      const pages = work.sync ? ALL_PAGES : Math.min(work.pages, MIN_WRITEBACK_PAGES);
      const wbc = writebackControl(k, work.sync ? WB_SYNC_ALL : WB_SYNC_NONE, 0, MAX_BYTE, pages);
      setState(k, inode.address, I_SYNC);
      k.call(fn("wbc_attach_and_unlock_inode"), wbc, inode.address);
      yield* k.calls.callBlocking(__WRITEBACK_SINGLE_INODE, inode.address, wbc);
      const done = pages - WBC.toWrite.get(k, wbc);
      k.call(fn("wbc_detach_inode"), wbc);
      popLocals(k, mark);
      finish(k, device, inode);
      wrote += done;
      work.pages -= done;
      if (address !== 0) WORK_NR_PAGES.set(k, address, Math.max(0, work.pages));
      if (work.background && k.pageCache.dirty < k.pageCache.backgroundLimit) break;
    }
    return wrote;
  },
);
const __WRITEBACK_INODES_WB: FunctionRef = blocking(
  "__writeback_inodes_wb",
  [WRITEBACK_SB_INODES],
  function* (k, wb = 0, work = 0) {
    const device = k.pageCache.backing.find((one) => one.wb === wb);
    const supers = new Set([...device?.dirty.keys() ?? []].map((inode) => INODE.sb.get(k, inode.address)));
    let wrote = 0;
    for (const sb of supers) wrote += yield* k.calls.callBlocking(WRITEBACK_SB_INODES, sb, wb, work);
    return wrote;
  },
);
/** The work that each kernel's worker is at. */
const running = new WeakMap<Kernel, WritebackWork>();

/** Does one work: how many pages it wrote. */
const WB_WRITEBACK: FunctionRef = blocking(
  "wb_writeback",
  [fn("queue_io"), WRITEBACK_SB_INODES, __WRITEBACK_INODES_WB],
  function* (k, wb = 0, address = 0) {
    const device = k.pageCache.backing.find((one) => one.wb === wb);
    const work = running.get(k);
    if (device === undefined || work === undefined) return 0;
    let wrote = 0;
    for (;;) {
      if (work.pages <= 0 || work.background && k.pageCache.dirty <= k.pageCache.backgroundLimit) break;
      fireWork(k, START, device, work);
      k.call(fn("queue_io"), wb, address);
      const progress = work.sb === 0
        ? yield* k.calls.callBlocking(__WRITEBACK_INODES_WB, wb, address)
        : yield* k.calls.callBlocking(WRITEBACK_SB_INODES, work.sb, wb, address);
      fireWork(k, WRITTEN, device, work);
      wrote += progress;
      if (progress === 0) break;
    }
    return wrote;
  },
);

/** What the worker runs: the works that were asked for, then what is old, then what is too much. */
const WB_WORKFN: FunctionRef = blocking(
  "wb_workfn",
  [WB_WRITEBACK, WB_WAKEUP_DELAYED, COMPLETE],
  function* (k, at = 0) {
    const device = k.pageCache.backing.find((one) => one.work === at);
    if (device === undefined) return Number.NaN;
    for (let work = device.works.shift(); work !== undefined; work = device.works.shift()) {
      fireWork(k, EXEC, device, work);
      yield* run(k, device, work);
      work.finished = true;
      if (work.done !== 0) k.call(COMPLETE, work.done);
      if (work.waiter !== null) k.scheduler.wake(work.waiter);
    }
    let wrote = yield* run(k, device, writebackWork({ kupdate: true, reason: WB_REASON.PERIODIC }));
    if (k.pageCache.dirty > k.pageCache.backgroundLimit) {
      wrote += yield* run(k, device, writebackWork({ background: true }));
    }
    k.tracepoints.fire(PAGES_WRITTEN, wrote);
    if (device.dirty.size > 0) k.call(WB_WAKEUP_DELAYED, device.wb);
    return Number.NaN;
  },
);
void WB_WORKFN;

function* run(k: Kernel, device: BackingDevice, work: WritebackWork): Blocking<number> {
  const mark = k.current.locals;
  const size = sizeOfStruct(k, "wb_writeback_work");
  const address = pushLocal(k, size);
  WORK_NR_PAGES.set(k, address, work.pages);
  running.set(k, work);
  const wrote = yield* k.calls.callBlocking(WB_WRITEBACK, device.wb, address);
  running.delete(k);
  popLocals(k, mark);
  return wrote;
}

/** More is dirty than is to be: a worker starts to write. */
behaviour("wb_start_background_writeback", [QUEUE_WORK_ON], (k, wb = 0) => {
  for (const device of k.pageCache.backing) {
    if (wb !== 0 && device.wb !== wb || device.dirty.size === 0) continue;
    k.tracepoints.fire(WAKE_BACKGROUND, device.name, 1);
    wakeup(k, device);
  }
  return Number.NaN;
});

/** Has a worker write all of a file system; with `wait`, until it is done. */
export function* writeSuper(k: Kernel, device: BackingDevice, sb: number, sync: boolean): Blocking<void> {
  if (device.dirty.size === 0) return;
  const mark = k.current.locals;
  const done = pushLocal(k, sizeOfStruct(k, "completion"));
  initCompletion(k, done);
  const work = writebackWork({ sb, sync, reason: WB_REASON.SYNC, done });
  fireWork(k, QUEUE, device, work);
  device.works.push(work);
  wakeup(k, device);
  const recorded = recordedWake(k);
  if (recorded === recorded) k.block.hasten(Math.max(recorded, k.clock.now));
  else yield* waitForCompletion(k, done);
  while (!work.finished) {
    work.waiter = k.current;
    yield* sleep(k, {}, TASK_UNINTERRUPTIBLE);
  }
  popLocals(k, mark);
}

/** Has workers write everything that is dirty, without waiting (`wakeup_flusher_threads`). */
export const WAKEUP_FLUSHER_THREADS: FunctionRef = behaviour(
  "wakeup_flusher_threads",
  [QUEUE_WORK_ON],
  (k, reason = WB_REASON.SYNC) => {
    for (const device of k.pageCache.backing) {
      if (device.dirty.size === 0) continue;
      const work = writebackWork({ reason });
      fireWork(k, QUEUE, device, work);
      device.works.push(work);
      wakeup(k, device);
    }
    return Number.NaN;
  },
);

function workTracepoint(name: `writeback:${string}`): ReturnType<typeof tracepoint> {
  return tracepoint(
    name,
    "name",
    "nr_pages",
    "sb_dev",
    "sync_mode",
    "for_kupdate",
    "range_cyclic",
    "for_background",
    "reason",
    "cgroup_ino",
  );
}

function singleTracepoint(name: `writeback:${string}`): ReturnType<typeof tracepoint> {
  return tracepoint(
    name,
    "name",
    "ino",
    "state",
    "dirtied_when",
    "writeback_index",
    "nr_to_write",
    "wrote",
    "cgroup_ino",
  );
}

function fireWork(k: Kernel, ref: typeof START, device: BackingDevice, work: WritebackWork): void {
  k.tracepoints.fire(
    ref,
    device.name,
    work.pages,
    devOf(k, work.sb),
    work.sync ? WB_SYNC_ALL : WB_SYNC_NONE,
    work.kupdate ? 1 : 0,
    work.sync ? 0 : 1,
    work.background ? 1 : 0,
    work.reason,
    1,
  );
}

/** What `writeSuper` calls. */
export const SYNC_INODES_CALLS: readonly FunctionRef[] = [QUEUE_WORK_ON, fn("schedule")];
