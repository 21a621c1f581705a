/**
 * Where things lie on an ext4 disk: groups of blocks, each with its bitmaps, its part of the inode table and its data.
 *
 * @module
 */

/** Numbers of an ext4 file system's layout. */
export interface Layout {
  /** Bytes of a block. */
  readonly blockSize: number;
  /** Blocks of the file system. */
  readonly blocks: number;
  /** Number of the first block of group 0: 1 where blocks have 1 KiB, else 0. */
  readonly firstBlock: number;
  readonly blocksPerGroup: number;
  readonly groups: number;
  readonly inodesPerGroup: number;
  readonly inodeSize: number;
  /** Blocks of the inode table of a group. */
  readonly tableBlocks: number;
  /** Blocks of the group descriptors. */
  readonly descriptorBlocks: number;
}

/** The root directory's inode number. */
export const EXT4_ROOT_INO = 2;
/** The journal's. */
export const EXT4_JOURNAL_INO = 8;
/** The first number that files get. */
export const EXT4_FIRST_INO = 11;

/** Lays out a disk of that many sectors as `mkfs` does. */
export function layoutOf(sectors: number, blockSize: number, inodeSize: number): Layout {
  const firstBlock = blockSize === 1024 ? 1 : 0;
  const blocks = Math.floor(sectors * 512 / blockSize);
  const blocksPerGroup = 8 * blockSize;
  const groups = Math.max(1, Math.ceil((blocks - firstBlock) / blocksPerGroup));
  // An inode for every 16 KiB, or 4 KiB where the disk is small and its blocks are.
  const bytesPerInode = blockSize === 1024 ? 4096 : 16384;
  const perBlock = blockSize / inodeSize;
  const wanted = Math.ceil(blocks * blockSize / bytesPerInode / groups);
  const inodesPerGroup = Math.ceil(wanted / (8 * perBlock)) * 8 * perBlock;
  return {
    blockSize,
    blocks,
    firstBlock,
    blocksPerGroup,
    groups,
    inodesPerGroup,
    inodeSize,
    tableBlocks: Math.ceil(inodesPerGroup * inodeSize / blockSize),
    descriptorBlocks: Math.ceil(groups * (blockSize === 1024 ? 32 : 64) / blockSize),
  };
}

/** First block of a group. */
export function groupStart(layout: Layout, group: number): number {
  return layout.firstBlock + group * layout.blocksPerGroup;
}

/** Whether a group has a copy of the super block: 0, 1 and powers of 3, 5 and 7. */
export function hasSuper(group: number): boolean {
  if (group <= 1) return true;
  return [3, 5, 7].some((base) => {
    let power = base;
    while (power < group) power *= base;
    return power === group;
  });
}

/** Block of a group's block bitmap; the inode bitmap and the inode table follow it. */
export function bitmapBlock(layout: Layout, group: number): number {
  return groupStart(layout, group) + (hasSuper(group) ? 1 + layout.descriptorBlocks : 0);
}

/** Block of the descriptor of a group. */
export function descriptorBlock(layout: Layout, group: number): number {
  return groupStart(layout, 0) + 1 + Math.floor(group * 32 / layout.blockSize);
}

/** First block of a group that can hold data. */
export function dataStart(layout: Layout, group: number): number {
  return bitmapBlock(layout, group) + 2 + layout.tableBlocks;
}

/** Block of the inode table that an inode is in. */
export function inodeBlock(layout: Layout, ino: number): number {
  const group = Math.floor((ino - 1) / layout.inodesPerGroup);
  const index = (ino - 1) % layout.inodesPerGroup;
  return bitmapBlock(layout, group) + 2 + Math.floor(index * layout.inodeSize / layout.blockSize);
}

/** The group of a block. */
export function groupOf(layout: Layout, block: number): number {
  return Math.floor((block - layout.firstBlock) / layout.blocksPerGroup);
}
