/**
 * The disk of a recording whose programs work on one.
 *
 * @module
 */

import { setPlace } from "../../kernel/fs/fs_struct.ts";
import { mountDisk } from "../../kernel/fs/ext4/mount.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Task } from "../../kernel/process/task.ts";

/** Where it is mounted: no recording tells. */
const MOUNT = "/mnt";
const BYTES = 64 * 2 ** 20;

/** Mounts a disk and lets tasks begin in its root directory. */
export class StartDisk {
  readonly #k: Kernel;

  constructor(k: Kernel) {
    this.#k = k;
    mountDisk(k, { mount: MOUNT, kind: "fixed", bytes: BYTES });
  }

  /** A task begins there. */
  enter(task: Task): void {
    const { vfs } = this.#k;
    const root = vfs.lookup(MOUNT);
    const mount = root === null ? null : vfs.mountOf(root);
    if (root !== null && mount !== null) setPlace(this.#k, task.fs, "pwd", mount.mnt, root.address);
  }
}
