/**
 * Disks with a file system, as a user asks for them.
 *
 * @module
 */

import type { Disk } from "../../block/gendisk.ts";
import type { DiskOptions } from "../../block/options.ts";
import type { Kernel } from "../../kernel.ts";
import type { Ext4Options } from "./options.ts";
import { mountExt4 } from "./super.ts";

/** A disk with an ext4 on it, mounted at a path. */
export interface MountedDisk extends DiskOptions, Ext4Options {
  /** Where it is mounted: an absolute path, made if it is not there. */
  readonly mount: string;
}

/**
 * Adds a disk to the machine and mounts the ext4 on it.
 *
 * @throws {TypeError} When an option has no such value
 */
export function mountDisk(k: Kernel, options: MountedDisk): Disk {
  const { mount } = options;
  if (!/^\/./.test(mount)) {
    throw new TypeError(
      `Cannot mount a disk at "${mount}": it takes an absolute path below the root, as "/data"`,
    );
  }
  const disk = k.block.addDisk(options);
  mountExt4(k, disk, mount, options);
  return disk;
}
