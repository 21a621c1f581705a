/**
 * The block layer of one kernel: its disks, and every bio and request by its address.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { SOFTIRQ } from "../irq/softirq.ts";
import type { Kernel } from "../kernel.ts";
import { AddressTable } from "../memory/address_table.ts";
import type { Task } from "../process/task.ts";
import type { Bio } from "./bio.ts";
import { BLK_DONE_SOFTIRQ } from "./completion.ts";
import { Disk } from "./gendisk.ts";
import { completeAt } from "./null_blk.ts";
import { type DiskOptions, diskSpec } from "./options.ts";
import type { Plug } from "./plug_state.ts";
import type { Request } from "./request.ts";
import { traceBioComplete } from "./tracepoints.ts";

/** Disks and what is under way to them. */
export class BlockLayer {
  /** Every bio by address. */
  readonly bios: AddressTable<Bio> = new AddressTable();
  /** Every request that has a tag, by address. */
  readonly requests: AddressTable<Request> = new AddressTable();
  /** Requests that a device has. */
  readonly inFlight: Set<Request> = new Set();
  /** What tasks have gathered. */
  readonly plugs: Map<Task, Plug> = new Map();
  readonly #k: Kernel;
  readonly #disks: Disk[] = [];
  #queued: Request[] = [];
  /** What is begun before this time is done by then: see `hasten`. */
  #limit = -1;
  #done: Request[] = [];

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** The disks, in the order in which they came. */
  get disks(): readonly Disk[] {
    return this.#disks;
  }

  /** Adds a disk. */
  addDisk(options: DiskOptions = {}): Disk {
    this.#k.softirqs.open(SOFTIRQ.BLOCK, BLK_DONE_SOFTIRQ);
    const disk = new Disk(this.#k, diskSpec(options, this.#disks.length), this.#disks.length);
    this.#disks.push(disk);
    return disk;
  }

  /** The disk of a `struct request_queue`. */
  byQueue(queue: Addr): Disk | undefined {
    return this.#disks.find((disk) => disk.queue === queue);
  }

  /** The disk of a device number. */
  byDev(dev: number): Disk | undefined {
    return this.#disks.find((disk) => disk.dev === dev);
  }

  /** The plug at an address. */
  plugOf(address: Addr): Plug | undefined {
    const own = this.plugs.get(this.#k.current);
    if (own?.address === address) return own;
    for (const plug of this.plugs.values()) if (plug.address === address) return plug;
    return undefined;
  }

  /** Puts a request into its disk's queue. */
  queue(rq: Request): void {
    this.#queued.push(rq);
  }

  /** Takes everything out of the queue of a hardware context. */
  takeQueued(hctx: Addr): readonly Request[] {
    const taken = this.#queued.filter((rq) => rq.disk.hctx === hctx);
    this.#queued = this.#queued.filter((rq) => rq.disk.hctx !== hctx);
    return taken;
  }

  /** An interrupt leaves a request to the softirq. */
  leaveDone(rq: Request): void {
    this.#done.push(rq);
  }

  /** Requests that interrupts left. */
  takeDone(): readonly Request[] {
    return this.#done.splice(0);
  }

  /**
   * Whatever is under way is done by `time`: in a replay the recording says how long a call waited for its disk, and the
   * disk did not take longer.
   */
  hasten(time: number): void {
    this.#limit = time;
    for (const rq of this.inFlight) if (rq.due > time) completeAt(this.#k, rq, time);
  }

  /** When a request that is begun now and would be done at `due` is done. */
  limited(due: number): number {
    return this.#limit >= this.#k.clock.now ? Math.min(due, this.#limit) : due;
  }

  /** Tells listeners of a bio that ended without a request. */
  traceBioComplete(bio: Bio): void {
    traceBioComplete(this.#k, bio);
  }

  /** `/proc/diskstats`. */
  diskstats(): string {
    return this.#disks.map((disk) => {
      const n = (group: number) => [
        disk.counter(group, "ios"),
        disk.counter(group, "merges"),
        disk.counter(group, "sectors"),
        Math.floor(disk.counter(group, "nsecs") / 1e6),
      ];
      const [flushIos = 0, , , flushMs = 0] = n(3);
      const all = n(0)[3]! + n(1)[3]! + n(2)[3]! + flushMs;
      const fields = [...n(0), ...n(1), disk.inFlight, disk.ioTicks * 4, all, ...n(2), flushIos, flushMs];
      const number = (value: number, width: number) => String(value).padStart(width);
      return `${number(disk.dev >>> 20, 4)} ${number(disk.dev & 0xfffff, 7)} ${disk.spec.name} ${
        fields.join(" ")
      }\n`;
    }).join("");
  }
}
