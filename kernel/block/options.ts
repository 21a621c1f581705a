/**
 * How a user describes a disk.
 *
 * @module
 */

import type { DiskKind, LatencyOptions } from "./device.ts";

/** A disk of the modeled machine. */
export interface DiskOptions {
  /** How long it takes: `fixed` (every request alike, as null_blk), `ssd`, `hdd`. Default `ssd`. */
  readonly kind?: DiskKind;
  /** Its times, where they differ from the kind's. */
  readonly latency?: LatencyOptions;
  /** Name, without `/dev/`. Default `nullb0`, `nullb1`, …, the names of its driver. */
  readonly name?: string;
  /** Size in bytes, whole sectors of 512. Default 1 GiB. */
  readonly bytes?: number;
  /** Requests that may be under way at once, 1 to 1024. Default 64. */
  readonly queueDepth?: number;
  /** Sectors that cannot be read or written, `[first, count]` each: requests that touch them fail with EIO. */
  readonly badSectors?: readonly (readonly [first: number, count: number])[];
}

/** Bytes of a sector. */
export const SECTOR_SIZE = 512;
/** Default size. */
const GIB = 2 ** 30;

/** A disk with every option decided. */
export interface DiskSpec {
  readonly kind: DiskKind;
  readonly latency: LatencyOptions;
  readonly name: string;
  readonly sectors: number;
  readonly queueDepth: number;
  readonly badSectors: readonly (readonly [first: number, count: number])[];
}

/**
 * Fills in what was not said.
 *
 * @throws {TypeError} When an option has no such value
 */
export function diskSpec(options: DiskOptions, index: number): DiskSpec {
  const { kind = "ssd", latency = {}, name = `nullb${index}`, bytes = GIB, queueDepth = 64 } = options;
  const { badSectors = [] } = options;
  if (kind !== "fixed" && kind !== "ssd" && kind !== "hdd") {
    throw new TypeError(`Cannot make a disk of kind "${kind}": there are fixed, ssd and hdd`);
  }
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes % SECTOR_SIZE !== 0) {
    throw new TypeError(
      `Cannot make a disk of ${bytes} bytes: it takes a multiple of ${SECTOR_SIZE} above 0`,
    );
  }
  if (!Number.isInteger(queueDepth) || queueDepth < 1 || queueDepth > 1024) {
    throw new TypeError(
      `Cannot make a disk with a queue of ${queueDepth}: it takes a whole number from 1 to 1024`,
    );
  }
  if (!/^[a-z][a-z0-9]{0,30}$/.test(name)) {
    throw new TypeError(
      `Cannot make a disk named "${name}": a name is a small letter, then small letters and digits`,
    );
  }
  for (const [key, value] of Object.entries(latency)) {
    if (!(Number.isFinite(value) && value > 0)) {
      throw new TypeError(`Cannot make a disk with ${key} ${value}: it takes a number above 0`);
    }
  }
  for (const [first, count] of badSectors) {
    if (!Number.isInteger(first) || !Number.isInteger(count) || first < 0 || count < 1) {
      throw new TypeError(
        `Cannot make a disk with bad sectors [${first}, ${count}]: it takes a first sector from 0 on and a count from 1 on`,
      );
    }
  }
  return { kind, latency, name, sectors: bytes / SECTOR_SIZE, queueDepth, badSectors };
}
