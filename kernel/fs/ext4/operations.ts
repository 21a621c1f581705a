/**
 * How ext4 reads and writes the pages of its files; its other tables of operations stand beside those of other file systems.
 *
 * @module
 */

import { fn } from "../../calls/function.ts";
import type { AddressSpaceOperations } from "../../mm/address_space.ts";

/** Pages of regular files whose blocks get their places when they are written back. */
export const EXT4_DA_AOPS: AddressSpaceOperations = {
  symbol: "ext4_da_aops",
  readahead: fn("ext4_readahead"),
  readFolio: fn("ext4_read_folio"),
  writepages: fn("ext4_writepages"),
  writeBegin: fn("ext4_da_write_begin"),
  writeEnd: fn("ext4_da_write_end"),
  dirtyFolio: fn("ext4_dirty_folio"),
  invalidateFolio: fn("ext4_invalidate_folio"),
  releaseFolio: fn("ext4_release_folio"),
  direct: true,
};
