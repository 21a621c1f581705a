/**
 * `struct request`: one or more bios that follow one another, as the device gets them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { PendingInterrupt } from "../sched/scheduler.ts";
import type { Bio } from "./bio.ts";
import { REQUEST } from "./fields.ts";
import type { Disk } from "./gendisk.ts";
import { SECTOR_SIZE } from "./options.ts";

/** `rq->state`. */
export const MQ_RQ_IDLE = 0;
/** `rq->state`: the driver has it. */
export const MQ_RQ_IN_FLIGHT = 1;
/** `rq->state`: the device is done with it. */
export const MQ_RQ_COMPLETE = 2;

/** Where in the driver's part of a request its timer lies. */
export const DRIVER_TIMER = 64;
/** Bytes of the driver's part of a request. */
export const DRIVER_SIZE = 160;

/** A request; its fields are in memory too. */
export class Request {
  readonly address: Addr;
  readonly disk: Disk;
  readonly tag: number;
  /** Operation and flags. */
  opf: number;
  readonly bios: Bio[];
  /** CPU that it was made on: where its completion comes back to. */
  readonly cpu: number;
  /** When it was given to the device. */
  issued = 0;
  /** Its completion, while the device works on it. */
  event: PendingInterrupt | null = null;
  /** When the device is done. */
  due = 0;
  /** 0, or -errno. */
  error = 0;
  /** Runs when it is done, where it has no bios of its own: a flush. */
  endIo: (() => void) | null = null;
  readonly #k: Kernel;

  constructor(k: Kernel, disk: Disk, tag: number, opf: number, bio: Bio | null) {
    this.#k = k;
    this.disk = disk;
    this.tag = tag;
    this.opf = opf;
    this.cpu = k.cpu;
    this.bios = bio === null ? [] : [bio];
    this.address = disk.requestOf(tag);
    disk.tags[tag] = this;
    const at = this.address;
    REQUEST.cmdFlags.set(k, at, opf);
    REQUEST.rqFlags.set(k, at, 0);
    REQUEST.tag.set(k, at, tag);
    REQUEST.internalTag.set(k, at, -1);
    REQUEST.sector.set(k, at, bio?.sector ?? -1);
    REQUEST.dataLen.set(k, at, bio?.size ?? 0);
    REQUEST.bio.set(k, at, bio?.address ?? 0);
    REQUEST.biotail.set(k, at, bio?.address ?? 0);
    REQUEST.segments.set(k, at, bio?.vecs.length ?? 0);
    REQUEST.state.set(k, at, MQ_RQ_IDLE);
    REQUEST.ref.set(k, at, 1);
    REQUEST.part.set(k, at, 0);
    REQUEST.startTime.set(k, at, k.clock.now);
    REQUEST.ioStartTime.set(k, at, 0);
    k.block.requests.set(at, this);
  }

  /** First sector; 0 for a flush. */
  get sector(): number {
    return this.bios[0]?.sector ?? 0;
  }

  /** Bytes of all its bios. */
  get bytes(): number {
    let bytes = 0;
    for (const bio of this.bios) bytes += bio.size;
    return bytes;
  }

  /** Sectors. */
  get sectors(): number {
    return this.bytes / SECTOR_SIZE;
  }

  /** Takes a bio that follows the last one. */
  append(bio: Bio): void {
    const k = this.#k;
    this.bios.push(bio);
    REQUEST.biotail.set(k, this.address, bio.address);
    REQUEST.dataLen.set(k, this.address, this.bytes);
    REQUEST.segments.add(k, this.address, bio.vecs.length);
  }

  /** Its tag is free again. */
  release(): void {
    this.disk.tags[this.tag] = null;
    this.#k.block.requests.delete(this.address);
  }
}
