/**
 * One ext4 file system: its disk, its layout, its free blocks and inodes, its journal; and what it knows of each inode.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { Disk } from "../../block/gendisk.ts";
import type { Kernel } from "../../kernel.ts";
import { kzalloc } from "../../process/alloc.ts";
import { field, sizeIfKnown } from "../../process/objects.ts";
import { BackingDevice } from "../backing_dev.ts";
import { SUPER } from "../fields.ts";
import type { SuperBlock } from "../file_system.ts";
import type { Inode } from "../inode.ts";
import { BlockAllocator } from "./allocator.ts";
import { Journal } from "./jbd2.ts";
import { dataStart, EXT4_FIRST_INO, groupStart, type Layout, layoutOf } from "./layout.ts";
import { type Ext4Options, ext4Spec } from "./options.ts";

const S_FS_INFO = field("super_block", "s_fs_info");
const S_BDEV = field("super_block", "s_bdev");
const SB_BLOCKSIZE_BITS = field("super_block", "s_blocksize_bits");
const DISKSIZE = field("ext4_inode_info", "i_disksize");
const EXT4_SB_SB = field("ext4_sb_info", "s_sb");
const EXT4_SB_GROUPS = field("ext4_sb_info", "s_groups_count");

/** What ext4 knows of an inode. */
export interface Ext4Inode {
  /** Where its blocks are: by number in the file, the number on the disk. */
  readonly blocks: Map<number, number>;
  /** Blocks that were written and have no place yet. */
  readonly delayed: Set<number>;
  /** Where its next block is to go. */
  goal: number;
  /** Extents that were looked up or made, and are found again without reading (`i_es_tree`). */
  readonly known: Set<number>;
  /** Transactions that have to be on the disk for `fsync` and `fdatasync`. */
  syncTid: number;
  /** The size that is on the disk (`i_disksize`). */
  diskSize: number;
  datasyncTid: number;
}

/** One mounted ext4. */
export class Ext4 {
  readonly sb: SuperBlock;
  readonly disk: Disk;
  readonly layout: Layout;
  readonly options: Required<Ext4Options>;
  readonly allocator: BlockAllocator;
  readonly backing: BackingDevice;
  /** Null where it has none. */
  readonly journal: Journal | null;
  /** Inodes that are free. */
  freeInodes: number;
  readonly #k: Kernel;
  readonly #inodes = new WeakMap<Inode, Ext4Inode>();
  readonly #numbered = new WeakSet<Inode>();
  /** Numbers that were given back. */
  readonly #free: number[] = [];
  #nextIno = EXT4_FIRST_INO + 1;

  constructor(k: Kernel, sb: SuperBlock, disk: Disk, options: Ext4Options) {
    this.#k = k;
    this.sb = sb;
    this.disk = disk;
    this.options = ext4Spec(options);
    const { blockSize } = this.options;
    this.layout = layoutOf(disk.spec.sectors, blockSize, blockSize === 1024 ? 128 : 256);
    this.allocator = new BlockAllocator(this.layout);
    this.freeInodes = this.layout.groups * this.layout.inodesPerGroup - EXT4_FIRST_INO;
    this.backing = new BackingDevice(k, disk);
    this.backing.adopt(sb.address);
    SUPER.dev.set(k, sb.address, disk.dev);
    SUPER.blocksize.set(k, sb.address, blockSize);
    SB_BLOCKSIZE_BITS.set(k, sb.address, Math.log2(blockSize));
    S_BDEV.set(k, sb.address, disk.bdev);
    k.memory.writeString(SUPER.id.at(k, sb.address), disk.spec.name, 32);
    const size = sizeIfKnown(k, "ext4_sb_info");
    if (size > 0) {
      const info = kzalloc(k, size);
      S_FS_INFO.set(k, sb.address, info);
      EXT4_SB_SB.set(k, info, sb.address);
      EXT4_SB_GROUPS.set(k, info, this.layout.groups);
    }
    // The root directory has the first block of data; the journal the ones behind it.
    this.allocator.take(dataStart(this.layout, 0), 1);
    this.journal = this.options.journal ? this.#makeJournal() : null;
  }

  /** What is known of an inode. */
  of(inode: Inode): Ext4Inode {
    let known = this.#inodes.get(inode);
    if (known === undefined) {
      // One that no program made was put there when the disk was.
      const given = !this.#numbered.has(inode);
      if (given) this.number(inode);
      known = {
        blocks: new Map(),
        delayed: new Set(),
        goal: this.#firstGoal(inode),
        known: new Set(),
        diskSize: inode.size,
        syncTid: 0,
        datasyncTid: 0,
      };
      this.#inodes.set(inode, known);
      if (given) this.place(inode);
    }
    return known;
  }

  /** The root directory, and where its block is. */
  adoptRoot(inode: Inode, block: number): void {
    this.#numbered.add(inode);
    this.of(inode).blocks.set(0, block);
    inode.size = this.layout.blockSize;
  }

  /** Gives a new inode its number; false if there is none left. */
  number(inode: Inode): boolean {
    if (this.freeInodes <= 0) return false;
    this.freeInodes--;
    this.#numbered.add(inode);
    inode.ino = this.#free.pop() ?? this.#nextIno++;
    return true;
  }

  /** An inode is gone for good: its number and its blocks are free. */
  release(inode: Inode): void {
    this.freeInodes++;
    this.#free.push(inode.ino);
    this.cut(inode, 0);
  }

  /** Gives back the blocks of a file from the one of that number on; how many. */
  cut(inode: Inode, from: number): number {
    const known = this.of(inode);
    let count = 0;
    for (const [logical, block] of known.blocks) {
      if (logical < from) continue;
      this.allocator.release({ block, count: 1 });
      known.blocks.delete(logical);
      known.known.delete(logical);
      count++;
    }
    for (const logical of [...known.delayed]) {
      if (logical < from) continue;
      known.delayed.delete(logical);
      this.allocator.reserved--;
    }
    return count;
  }

  /**
   * Gives the blocks of a file that was put in place by no program their places, as if they had been written when the disk
   * was made. False: there is no room.
   */
  place(inode: Inode): boolean {
    const known = this.of(inode);
    const count = Math.ceil(inode.size / this.layout.blockSize);
    for (let logical = 0; logical < count;) {
      if (known.blocks.has(logical)) {
        logical++;
        continue;
      }
      const run = this.allocator.take(known.goal, count - logical);
      if (run === null) return false;
      for (let i = 0; i < run.count; i++) known.blocks.set(logical + i, run.block + i);
      known.goal = run.block + run.count;
      logical += run.count;
    }
    return true;
  }

  /** Stores the size that is on the disk. */
  setDiskSize(inode: Inode, size: number): void {
    this.of(inode).diskSize = size;
    if (sizeIfKnown(this.#k, "ext4_inode_info") > 0) DISKSIZE.set(this.#k, containerOf(this.#k, inode), size);
  }

  #firstGoal(inode: Inode): number {
    const group = Math.floor((inode.ino - 1) / this.layout.inodesPerGroup) % this.layout.groups;
    return Math.max(dataStart(this.layout, group), groupStart(this.layout, group));
  }

  #makeJournal(): Journal {
    // A sixteenth of the disk, from 1 to 64 MiB.
    const bytes = Math.min(64 * 2 ** 20, Math.max(2 ** 20, this.disk.spec.sectors * 512 / 16));
    const run = this.allocator.take(dataStart(this.layout, 0) + 1, Math.floor(bytes / this.layout.blockSize));
    return new Journal(this.#k, this.disk, {
      first: run?.block ?? 0,
      blocks: run?.count ?? 0,
      blockSize: this.layout.blockSize,
      barrier: this.options.barrier,
      interval: this.options.commit * 1e9,
    });
  }
}

const VFS_INODE = field("ext4_inode_info", "vfs_inode");

/** `struct ext4_inode_info` of an inode. */
export function containerOf(k: Kernel, inode: Inode): Addr {
  return inode.address - VFS_INODE.offset(k);
}

const systems = new WeakMap<Kernel, Map<Addr, Ext4>>();

/** Makes the ext4 of a super block known. */
export function registerExt4(k: Kernel, ext4: Ext4): void {
  let table = systems.get(k);
  if (table === undefined) systems.set(k, table = new Map());
  table.set(ext4.sb.address, ext4);
}

/** The ext4 that an inode is on. */
export function ext4Of(k: Kernel, inode: Inode): Ext4 | undefined {
  return systems.get(k)?.get(inode.sb);
}

/** The ext4 on a disk. */
export function ext4OfDisk(k: Kernel, disk: Disk): Ext4 | undefined {
  for (const ext4 of systems.get(k)?.values() ?? []) if (ext4.disk === disk) return ext4;
  return undefined;
}

/** The ext4 of a super block. */
export function ext4OfSuper(k: Kernel, sb: Addr): Ext4 | undefined {
  return systems.get(k)?.get(sb);
}
