/**
 * The writing side of a disk: `struct backing_dev_info` with its `bdi_writeback`, the inodes that are dirty, and the works
 * that ask for writing.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { fn } from "../calls/function.ts";
import type { Disk } from "../block/gendisk.ts";
import { GENDISK } from "../block/fields.ts";
import type { Task } from "../process/task.ts";
import type { Kernel } from "../kernel.ts";
import { kzalloc } from "../process/alloc.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { initTimer } from "../time/timer.ts";
import { INODE, SUPER } from "./fields.ts";
import type { Inode } from "./inode.ts";

const BDI = {
  raPages: field("backing_dev_info", "ra_pages"),
  ioPages: field("backing_dev_info", "io_pages"),
  wb: field("backing_dev_info", "wb"),
  devName: field("backing_dev_info", "dev_name"),
} as const;
const WB = {
  bdi: field("bdi_writeback", "bdi"),
  work: field("bdi_writeback", "dwork.work"),
  timer: field("bdi_writeback", "dwork.timer"),
} as const;
const S_BDI = field("super_block", "s_bdi");
const I_STATE = field("inode", "i_state");
const DIRTIED_WHEN = field("inode", "dirtied_when");

/** `I_DIRTY_SYNC`: the inode itself, in a way that `fsync` cares for. */
export const I_DIRTY_SYNC = 1;
/** `I_DIRTY_DATASYNC`: in a way that `fdatasync` cares for too. */
export const I_DIRTY_DATASYNC = 2;
/** `I_DIRTY_PAGES`: its pages. */
export const I_DIRTY_PAGES = 4;
/** `I_SYNC`: it is being written. */
export const I_SYNC = 0x80;

/** Why something is written (`enum wb_reason`). */
export const WB_REASON = { BACKGROUND: 0, VMSCAN: 1, SYNC: 2, PERIODIC: 3 } as const;

/** Something that has to be written: `struct wb_writeback_work`. */
export interface WritebackWork {
  /** Pages at most. */
  pages: number;
  /** Super block whose inodes are meant; 0: all. */
  readonly sb: Addr;
  /** Someone waits for it. */
  readonly sync: boolean;
  readonly background: boolean;
  readonly kupdate: boolean;
  readonly reason: number;
  /** `struct completion` of who waits; 0: nobody. */
  readonly done: Addr;
  /** All of it was written. */
  finished: boolean;
  /** Who waits although the recorded time of its call is over. */
  waiter: Task | null;
}

/** Everything that is dirty, without anybody who waits, unless `how` says otherwise. */
export function writebackWork(how: Partial<WritebackWork>): WritebackWork {
  return {
    pages: 2 ** 31 - 1,
    sb: 0,
    sync: false,
    background: false,
    kupdate: false,
    reason: WB_REASON.BACKGROUND,
    done: 0,
    finished: false,
    waiter: null,
    ...how,
  };
}

/** What a dirty inode is known by. */
export interface DirtyInode {
  readonly inode: Inode;
  /** Since when, in virtual nanoseconds. */
  since: number;
}

/** Writing back to one disk. */
export class BackingDevice {
  /** `struct backing_dev_info`. */
  readonly address: Addr;
  /** `struct bdi_writeback`. */
  readonly wb: Addr;
  /** Its name in tracepoints: `254:0`. */
  readonly name: string;
  /** `wb->dwork.work`. */
  readonly work: Addr;
  /** `wb->dwork.timer`. */
  readonly timer: Addr;
  /** Dirty inodes, oldest first. */
  readonly dirty: Map<Inode, DirtyInode> = new Map();
  /** File systems on it, by their super blocks. */
  readonly supers: Set<Addr> = new Set();
  /** What was asked for. */
  readonly works: WritebackWork[] = [];
  readonly #k: Kernel;

  constructor(k: Kernel, disk: Disk) {
    this.#k = k;
    this.address = kzalloc(k, sizeOfStruct(k, "backing_dev_info"));
    this.wb = BDI.wb.at(k, this.address);
    this.name = `${disk.dev >>> 20}:${disk.dev & 0xfffff}`;
    BDI.raPages.set(k, this.address, 32);
    BDI.ioPages.set(k, this.address, 320);
    k.memory.writeString(BDI.devName.at(k, this.address), this.name, 64);
    WB.bdi.set(k, this.wb, this.address);
    GENDISK.bdi.set(k, disk.address, this.address);
    this.work = WB.work.at(k, this.wb);
    this.timer = WB.timer.at(k, this.wb);
    k.workqueues.init(this.work, fn("wb_workfn"));
    initTimer(k, this.timer, fn("delayed_work_timer_fn"));
    k.pageCache.backing.push(this);
  }

  /** A file system's pages go to this device. */
  adopt(sb: Addr): void {
    S_BDI.set(this.#k, sb, this.address);
    this.supers.add(sb);
  }

  /** Marks an inode dirty; true if it was clean. */
  markDirty(inode: Inode, flags: number): boolean {
    const k = this.#k;
    const state = I_STATE.get(k, inode.address);
    I_STATE.set(k, inode.address, state | flags);
    if (this.dirty.has(inode)) return false;
    DIRTIED_WHEN.set(k, inode.address, Math.floor(k.clock.now / 4_000_000));
    this.dirty.set(inode, { inode, since: k.clock.now });
    return true;
  }

  /** An inode has nothing more to be written, or is gone. */
  clean(inode: Inode): void {
    this.dirty.delete(inode);
  }
}

/** The device that an inode's file system is on; undefined for those in memory. */
export function backingOf(k: Kernel, inode: Addr): BackingDevice | undefined {
  const sb = INODE.sb.get(k, inode);
  if (sb === 0) return undefined;
  const bdi = S_BDI.get(k, sb);
  return bdi === 0 ? undefined : k.pageCache.backing.find((one) => one.address === bdi);
}

/** Which of `I_DIRTY_…` an inode is. */
export function dirtyState(k: Kernel, inode: Addr): number {
  return I_STATE.get(k, inode) & (I_DIRTY_SYNC | I_DIRTY_DATASYNC | I_DIRTY_PAGES);
}

/** Sets bits of `i_state`. */
export function setState(k: Kernel, inode: Addr, bits: number): void {
  I_STATE.set(k, inode, I_STATE.get(k, inode) | bits);
}

/** Clears bits of `i_state`. */
export function clearState(k: Kernel, inode: Addr, bits: number): void {
  I_STATE.set(k, inode, I_STATE.get(k, inode) & ~bits);
}

/** Device number of a super block. */
export function devOf(k: Kernel, sb: Addr): number {
  return sb === 0 ? 0 : SUPER.dev.get(k, sb);
}
