/**
 * How a user describes an ext4 file system.
 *
 * @module
 */

/** An ext4 file system on a disk. */
export interface Ext4Options {
  /** Bytes of a block: 1024, 2048 or 4096. Default 4096. */
  readonly blockSize?: number;
  /** Has a journal. Default true; without one it is an ext2 that ext4 mounts, as the recordings' disk. */
  readonly journal?: boolean;
  /** Places of blocks are kept as extents. Default true; else in lists of blocks, as ext2 and ext3 do. */
  readonly extents?: boolean;
  /** Flushes the disk's cache where the journal needs it (`barrier`). Default true. */
  readonly barrier?: boolean;
  /** Seconds after which the journal commits by itself (`commit`). Default 5. */
  readonly commit?: number;
}

/**
 * Fills in what was not said.
 *
 * @throws {TypeError} When an option has no such value
 */
export function ext4Spec(options: Ext4Options): Required<Ext4Options> {
  const { blockSize = 4096, journal = true, extents = true, barrier = true, commit = 5 } = options;
  if (blockSize !== 1024 && blockSize !== 2048 && blockSize !== 4096) {
    throw new TypeError(
      `Cannot make an ext4 with blocks of ${blockSize} bytes: there are 1024, 2048 and 4096`,
    );
  }
  if (!(commit > 0)) {
    throw new TypeError(
      `Cannot make an ext4 that commits every ${commit} seconds: it takes a number above 0`,
    );
  }
  return { blockSize, journal, extents, barrier, commit };
}
