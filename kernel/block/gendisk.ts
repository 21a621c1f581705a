/**
 * Disks: `struct gendisk` with its queue and its whole-disk `struct block_device`, the device behind them, and the
 * requests that it has.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { IrqLine } from "../irq/irq_desc.ts";
import type { Kernel } from "../kernel.ts";
import { kzalloc, newObject } from "../process/alloc.ts";
import { sizeOfStruct } from "../process/objects.ts";
import type { Task } from "../process/task.ts";
import { type Device, makeDevice } from "./device.ts";
import { BDEV, DISK_STATS, GENDISK, HCTX, QUEUE, REQUEST } from "./fields.ts";
import type { DiskSpec } from "./options.ts";
import { DRIVER_SIZE, type Request } from "./request.ts";
import { isWrite, operationOf, REQ_OP_FLUSH } from "./operations.ts";

/** The first number that `register_blkdev` gives away, counting down: what null_blk was recorded with. */
const FIRST_MAJOR = 254;
const QUEUE_FLAG_NONROT = 1 << 6;
const QUEUE_FLAG_WC = 1 << 17;
/** `STAT_READ`, `STAT_WRITE`, `STAT_DISCARD`, `STAT_FLUSH`. */
const STAT_GROUPS = 4;

/** One disk. */
export class Disk {
  /** `struct gendisk`. */
  readonly address: Addr;
  /** `struct request_queue`. */
  readonly queue: Addr;
  /** `struct block_device` of the whole disk. */
  readonly bdev: Addr;
  /** `struct blk_mq_hw_ctx` of its one hardware queue. */
  readonly hctx: Addr;
  /** `struct disk_stats`. */
  readonly stats: Addr;
  readonly spec: DiskSpec;
  readonly device: Device;
  /** `dev_t`, major << 20 | minor. */
  readonly dev: number;
  /** Requests under way, by tag; null where a tag is free. */
  readonly tags: (Request | null)[];
  /** Who waits for a tag. */
  readonly waiting: Task[] = [];
  /** Its interrupt line, from its first request on. */
  line: IrqLine | null = null;
  /** Requests that the device has. */
  inFlight = 0;
  readonly #k: Kernel;
  readonly #requests: Addr[] = [];
  #ticksAt = 0;

  constructor(k: Kernel, spec: DiskSpec, index: number) {
    this.#k = k;
    this.spec = spec;
    this.device = makeDevice(spec.kind, spec.latency, k.random, index, spec.sectors);
    this.dev = FIRST_MAJOR << 20 | index;
    this.tags = new Array<Request | null>(spec.queueDepth).fill(null);
    this.address = kzalloc(k, sizeOfStruct(k, "gendisk"));
    this.queue = newObject(k, "request_queue", "request_queue");
    this.bdev = newObject(k, "bdev_cache", "block_device");
    this.hctx = kzalloc(k, sizeOfStruct(k, "blk_mq_hw_ctx"));
    this.stats = kzalloc(k, sizeOfStruct(k, "disk_stats"));
    GENDISK.major.set(k, this.address, FIRST_MAJOR);
    GENDISK.firstMinor.set(k, this.address, index);
    GENDISK.minors.set(k, this.address, 1);
    k.memory.writeString(GENDISK.name.at(k, this.address), spec.name, GENDISK.name.size(k));
    GENDISK.part0.set(k, this.address, this.bdev);
    GENDISK.queue.set(k, this.address, this.queue);
    QUEUE.disk.set(k, this.queue, this.address);
    QUEUE.nrHwQueues.set(k, this.queue, 1);
    QUEUE.nrRequests.set(k, this.queue, spec.queueDepth);
    QUEUE.id.set(k, this.queue, index);
    QUEUE.blockSize.set(k, this.queue, 512);
    QUEUE.maxSectors.set(k, this.queue, MAX_SECTORS);
    QUEUE.flags.set(
      k,
      this.queue,
      (this.device.nonRotational ? QUEUE_FLAG_NONROT : 0) | (this.device.writeCache ? QUEUE_FLAG_WC : 0),
    );
    HCTX.queue.set(k, this.hctx, this.queue);
    BDEV.sectors.set(k, this.bdev, spec.sectors);
    BDEV.dev.set(k, this.bdev, this.dev);
    BDEV.disk.set(k, this.bdev, this.address);
    BDEV.queue.set(k, this.bdev, this.queue);
    BDEV.stats.set(k, this.bdev, this.stats);
  }

  /** Number of a free tag, or -1. */
  freeTag(): number {
    return this.tags.indexOf(null);
  }

  /** `struct request` of a tag: each tag has one for as long as the disk is there. */
  requestOf(tag: number): Addr {
    let address = this.#requests[tag];
    if (address === undefined) {
      address = kzalloc(this.#k, sizeOfStruct(this.#k, "request") + 8 + DRIVER_SIZE);
      REQUEST.q.set(this.#k, address, this.queue);
      REQUEST.hctx.set(this.#k, address, this.hctx);
      this.#requests[tag] = address;
    }
    return address;
  }

  /** The tag whose request is at an address; -1 if none is. */
  tagOf(request: Addr): number {
    return this.#requests.indexOf(request);
  }

  /** Whether a request touches a sector that cannot be read or written. */
  isBad(sector: number, count: number): boolean {
    return this.spec.badSectors.some(([first, bad]) => sector < first + bad && first < sector + count);
  }

  /** A request begins or ends: the time during which there was any counts as busy (`update_io_ticks`). */
  tick(began: boolean): void {
    const k = this.#k;
    const now = k.clock.now;
    const at = DISK_STATS.ioTicks.at(k, this.stats);
    const word = k.image.pointerSize;
    if (this.inFlight > 0 && now > this.#ticksAt) {
      const jiffies = Math.floor(now / JIFFY) - Math.floor(this.#ticksAt / JIFFY);
      k.memory.store(at, word, k.memory.load(at, word, false) + jiffies);
    }
    this.#ticksAt = Math.max(this.#ticksAt, now);
    this.inFlight += began ? 1 : -1;
  }

  /** Counts what a request did: `blk_account_io_done` and its like. */
  account(opf: number, what: "ios" | "merges" | "sectors" | "nsecs", by: number): void {
    const k = this.#k;
    const group = statGroup(opf);
    const field = DISK_STATS[what];
    const size = field.size(k) / STAT_GROUPS;
    const at = field.at(k, this.stats) + group * size;
    k.memory.store(at, size, k.memory.load(at, size, false) + by);
  }

  /** A counter of `/proc/diskstats`. */
  counter(group: number, what: "ios" | "merges" | "sectors" | "nsecs"): number {
    const k = this.#k;
    const field = DISK_STATS[what];
    const size = field.size(k) / STAT_GROUPS;
    return k.memory.load(field.at(k, this.stats) + group * size, size, false);
  }

  /** Jiffies during which it was busy. */
  get ioTicks(): number {
    return this.#k.memory.load(DISK_STATS.ioTicks.at(this.#k, this.stats), this.#k.image.pointerSize, false);
  }
}

/** Sectors of the largest request: 1280 KiB, `BLK_DEF_MAX_SECTORS`. */
export const MAX_SECTORS = 2560;
/** Nanoseconds of a tick at 250 per second. */
const JIFFY = 4_000_000;

function statGroup(opf: number): number {
  if (operationOf(opf) === REQ_OP_FLUSH) return 3;
  return isWrite(opf) ? operationOf(opf) === 3 ? 2 : 1 : 0;
}
