/**
 * How long a disk takes: models of devices, each seeded and repeatable. A request's time depends on the device, the
 * number of requests before it and where it lies, never on who watches.
 *
 * @module
 */

import { type KeyedRandom, keyOf } from "../time/random.ts";
import { isWrite, operationOf, REQ_OP_FLUSH } from "./operations.ts";

/** One request as a device sees it. */
export interface DeviceRequest {
  /** Operation and flags. */
  readonly opf: number;
  /** First sector of 512 bytes. */
  readonly sector: number;
  /** Bytes; 0 for a flush. */
  readonly bytes: number;
}

/** A device: says when a request that is given to it now will be done. */
export interface Device {
  /** Keeps written data in a cache that a flush empties (`QUEUE_FLAG_WC`). */
  readonly writeCache: boolean;
  /** Has no seek time (`QUEUE_FLAG_NONROT`). */
  readonly nonRotational: boolean;
  /** Virtual time at which `request`, given to the device at `now`, is done. */
  service(request: DeviceRequest, now: number): number;
}

/** Named distributions of a disk's latency. */
export type DiskKind = "fixed" | "ssd" | "hdd";

/** Times of a device; every field has a default by kind. */
export interface LatencyOptions {
  /** `fixed`: nanoseconds of every request. Default 100,000, as null_blk was recorded with. */
  readonly ns?: number;
  /** `ssd`: median nanoseconds of a read. Default 80,000. */
  readonly readNs?: number;
  /** `ssd`: median nanoseconds of a write, which ends in the device's cache. Default 25,000. */
  readonly writeNs?: number;
  /** Nanoseconds of a flush. Default 400,000 (`ssd`), 8,000,000 (`hdd`). */
  readonly flushNs?: number;
  /** Bytes per second once data flows. Default 500 MB/s (`ssd`), 150 MB/s (`hdd`). */
  readonly bytesPerSecond?: number;
  /** `ssd`: requests that it works on at once. Default 8. */
  readonly channels?: number;
  /** `hdd`: revolutions per minute. Default 7,200. */
  readonly rpm?: number;
  /** `hdd`: nanoseconds of a seek across the whole disk. Default 14,000,000. */
  readonly seekNs?: number;
}

const KEY = keyOf("block device");

/** Makes a device of a kind. `sectors` is its size, `id` its number among the kernel's disks. */
export function makeDevice(
  kind: DiskKind,
  options: LatencyOptions,
  random: KeyedRandom,
  id: number,
  sectors: number,
): Device {
  if (kind === "ssd") return new SolidState(options, random, id);
  return kind === "hdd" ? new Spinning(options, random, id, sectors) : new Fixed(options);
}

/** Every request takes the same time, any number at once: null_blk with `completion_nsec`. */
class Fixed implements Device {
  readonly writeCache = false;
  readonly nonRotational = true;
  readonly #ns: number;

  constructor({ ns = 100_000 }: LatencyOptions) {
    this.#ns = ns;
  }

  service(_request: DeviceRequest, now: number): number {
    return now + this.#ns;
  }
}

/** Several channels; reads vary by the page that they hit, and one in 200 meets garbage collection. */
class SolidState implements Device {
  readonly writeCache = true;
  readonly nonRotational = true;
  readonly #random: KeyedRandom;
  readonly #id: number;
  readonly #read: number;
  readonly #write: number;
  readonly #flush: number;
  readonly #perByte: number;
  readonly #free: Float64Array;
  #count = 0;

  constructor(o: LatencyOptions, random: KeyedRandom, id: number) {
    this.#random = random;
    this.#id = id;
    this.#read = o.readNs ?? 80_000;
    this.#write = o.writeNs ?? 25_000;
    this.#flush = o.flushNs ?? 400_000;
    this.#perByte = 1e9 / (o.bytesPerSecond ?? 500e6);
    this.#free = new Float64Array(o.channels ?? 8);
  }

  service({ opf, bytes }: DeviceRequest, now: number): number {
    const draw = this.#random.float(KEY, this.#id, this.#count++);
    const flush = operationOf(opf) === REQ_OP_FLUSH;
    const median = flush ? this.#flush : isWrite(opf) ? this.#write : this.#read;
    // Skewed to the right: half below the median, a tail of twice and more above it.
    let time = median * (0.8 + 0.2 / (1.02 - draw) * 0.5);
    if (!flush && draw > 0.995) time += median * 20;
    const channel = flush ? this.#latest() : this.#earliest();
    const start = Math.max(now, this.#free[channel] as number);
    const end = Math.round(start + time + bytes * this.#perByte);
    this.#free[channel] = end;
    return end;
  }

  #earliest(): number {
    let best = 0;
    for (let i = 1; i < this.#free.length; i++) {
      if ((this.#free[i] as number) < (this.#free[best] as number)) best = i;
    }
    return best;
  }

  #latest(): number {
    let last = 0;
    for (let i = 1; i < this.#free.length; i++) {
      if ((this.#free[i] as number) > (this.#free[last] as number)) last = i;
    }
    return last;
  }
}

/** One head: a seek that grows with the square root of the distance, then half a turn on average, then the data. */
class Spinning implements Device {
  readonly writeCache = true;
  readonly nonRotational = false;
  readonly #random: KeyedRandom;
  readonly #id: number;
  readonly #sectors: number;
  readonly #seek: number;
  readonly #turn: number;
  readonly #flush: number;
  readonly #perByte: number;
  #count = 0;
  #free = 0;
  #head = 0;

  constructor(o: LatencyOptions, random: KeyedRandom, id: number, sectors: number) {
    this.#random = random;
    this.#id = id;
    this.#sectors = sectors;
    this.#seek = o.seekNs ?? 14_000_000;
    this.#turn = 60e9 / (o.rpm ?? 7_200);
    this.#flush = o.flushNs ?? 8_000_000;
    this.#perByte = 1e9 / (o.bytesPerSecond ?? 150e6);
  }

  service({ opf, sector, bytes }: DeviceRequest, now: number): number {
    const draw = this.#random.float(KEY, this.#id, this.#count++);
    const start = Math.max(now, this.#free);
    let time = bytes * this.#perByte;
    if (operationOf(opf) === REQ_OP_FLUSH) time += this.#flush;
    else if (sector !== this.#head) {
      const distance = Math.abs(sector - this.#head) / this.#sectors;
      time += 1_000_000 + (this.#seek - 1_000_000) * Math.sqrt(distance) + draw * this.#turn;
    } else time += 50_000;
    if (bytes > 0) this.#head = sector + bytes / 512;
    this.#free = Math.round(start + time);
    return this.#free;
  }
}
