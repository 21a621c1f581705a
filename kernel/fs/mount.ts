/**
 * Mounts: file systems at their places in the tree.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject, kfree, kzalloc, newObject } from "../process/alloc.ts";
import type { Dentry } from "./dentry.ts";
import { MOUNT, VFSMOUNT } from "./fields.ts";
import type { SuperBlock } from "./file_system.ts";

/** `mnt_flags`: read-only. */
export const MNT_READONLY = 0x40;
/** `mnt_flags`: programs on it get no other user's rights. */
export const MNT_NOSUID = 1;
/** `mnt_flags`: device files on it are not opened. */
export const MNT_NODEV = 2;
/** `mnt_flags`: programs on it are not run. */
export const MNT_NOEXEC = 4;
/** `mnt_flags`: nobody notes when files were read. */
export const MNT_NOATIME = 8;
/** `mnt_flags`: nobody notes when directories were read. */
export const MNT_NODIRATIME = 0x10;
/** `mnt_flags`: reading is noted only after a change, and once a day. */
export const MNT_RELATIME = 0x20;
/** `mnt_flags`: symbolic links are not followed. */
export const MNT_NOSYMFOLLOW = 0x80;

/** Flags of a mount in the order in which they are printed. */
const PRINTED: readonly (readonly [flag: number, name: string])[] = [
  [MNT_NOSUID, "nosuid"],
  [MNT_NODEV, "nodev"],
  [MNT_NOEXEC, "noexec"],
  [MNT_NOATIME, "noatime"],
  [MNT_NODIRATIME, "nodiratime"],
  [MNT_RELATIME, "relatime"],
  [MNT_NOSYMFOLLOW, "nosymfollow"],
];

/** Flags of a mount as `/proc/mounts` prints them behind `rw` or `ro` (`show_mnt_opts`): `,nosuid,relatime`. */
export function mountOptions(flags: number): string {
  return PRINTED.map(([flag, name]) => (flags & flag) !== 0 ? `,${name}` : "").join("");
}

/** A `struct mount`. One that is attached nowhere is its own parent, as the root of all is. */
export class Mount {
  /** Address of the `struct mount`. */
  readonly address: Addr;
  /** Address of the `struct vfsmount` in it: what a `struct path` points to. */
  readonly mnt: Addr;
  /** The file system. */
  readonly sb: SuperBlock;
  /** What appears at the mount point. */
  readonly root: Dentry;
  /** What was mounted, as `/proc/mounts` says: a device, or a word. */
  readonly source: string;
  /** Open files and processes that stand on it. */
  users = 0;
  readonly #k: Kernel;
  readonly #devname: Addr;
  #parent: Mount | null = null;
  #mountpoint: Dentry;

  constructor(k: Kernel, sb: SuperBlock, root: Dentry, source: string, id: number) {
    this.#k = k;
    this.sb = sb;
    this.root = root;
    this.source = source;
    this.#mountpoint = root;
    this.address = newObject(k, "mnt_cache", "mount");
    this.mnt = MOUNT.vfsmount.at(k, this.address);
    this.#devname = kzalloc(k, source.length + 1);
    k.memory.writeString(this.#devname, source);
    MOUNT.devname.set(k, this.address, this.#devname);
    MOUNT.id.set(k, this.address, id);
    MOUNT.parent.set(k, this.address, this.address);
    MOUNT.mountpoint.set(k, this.address, root.address);
    VFSMOUNT.root.set(k, this.mnt, root.address);
    VFSMOUNT.sb.set(k, this.mnt, sb.address);
  }

  /** The mount that it is attached to; itself if to none. */
  get parent(): Mount {
    return this.#parent ?? this;
  }

  /** Where it is attached in its parent. */
  get mountpoint(): Dentry {
    return this.#mountpoint;
  }

  /** `mnt_id`. */
  get id(): number {
    return MOUNT.id.get(this.#k, this.address);
  }

  /** `mnt_flags`. */
  get flags(): number {
    return VFSMOUNT.flags.get(this.#k, this.mnt);
  }

  set flags(flags: number) {
    VFSMOUNT.flags.set(this.#k, this.mnt, flags);
  }

  /** Whether nothing can be changed through it. */
  get readOnly(): boolean {
    return (this.flags & MNT_READONLY) !== 0 || this.sb.readOnly;
  }

  /** Attaches it (`attach_mnt`), over whatever is mounted there already. */
  attach(parent: Mount, mountpoint: Dentry): void {
    this.#parent = parent;
    this.#mountpoint = mountpoint;
    MOUNT.parent.set(this.#k, this.address, parent.address);
    MOUNT.mountpoint.set(this.#k, this.address, mountpoint.address);
    mountpoint.mounts.push(this);
    mountpoint.mounted = true;
  }

  /** Takes it off its place (`umount_mnt`). */
  detach(): void {
    const { mounts } = this.#mountpoint;
    const at = mounts.indexOf(this);
    if (at >= 0) mounts.splice(at, 1);
    this.#mountpoint.mounted = mounts.length > 0;
    this.#parent = null;
    this.#mountpoint = this.root;
    MOUNT.parent.set(this.#k, this.address, this.address);
    MOUNT.mountpoint.set(this.#k, this.address, this.root.address);
  }

  /** Gives the objects back. */
  free(): void {
    kfree(this.#k, this.#devname);
    freeObject(this.#k, "mnt_cache", this.address);
  }
}
