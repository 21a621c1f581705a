/**
 * The disk that some recordings were made on.
 *
 * @module
 */

import { mountDisk, type MountedDisk } from "../../kernel/fs/ext4/mount.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { ReplayOptions } from "../../workloads/replay/options.ts";

/** A null_blk that completes after 100 µs, with an ext2 that ext4 mounts. */
const RECORDED_DISK: MountedDisk = {
  mount: "/mnt",
  kind: "fixed",
  bytes: 64 * 2 ** 20,
  blockSize: 1024,
  journal: false,
  extents: false,
};

/** Whether a program or an activity was recorded in a directory of that disk, by its name. */
export function isOnDisk(name: string): boolean {
  return name.startsWith("ext4-") || name.endsWith("-ext4");
}

/** Gives a kernel the disk that a program was recorded on, if it was. */
export function mountFor(k: Kernel, program: string): void {
  if (isOnDisk(program)) mountDisk(k, RECORDED_DISK);
}

/** How its system calls are replayed. */
export function replayOptionsFor(program: string): ReplayOptions {
  return isOnDisk(program) ? { cwd: RECORDED_DISK.mount } : {};
}
