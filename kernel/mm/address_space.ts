/**
 * `struct address_space_operations`: how a file system reads and writes the pages of its files.
 *
 * @module
 */

import type { FunctionRef } from "../calls/function.ts";

/** A table of operations, by the name of its symbol. */
export interface AddressSpaceOperations {
  /** The kernel's symbol: `ext4_da_aops`. */
  readonly symbol: string;
  /** `readahead`, called with (readahead_control). */
  readonly readahead?: FunctionRef;
  /** `read_folio`, called with (file, folio). */
  readonly readFolio?: FunctionRef;
  /** `writepages`, called with (mapping, writeback_control). */
  readonly writepages?: FunctionRef;
  /** `write_begin`, called with (file, mapping, pos, len, pagep, fsdata). */
  readonly writeBegin?: FunctionRef;
  /** `write_end`, called with (file, mapping, pos, len, copied, page, fsdata). */
  readonly writeEnd?: FunctionRef;
  /** `dirty_folio`, called with (mapping, folio). */
  readonly dirtyFolio?: FunctionRef;
  /** `invalidate_folio`, called with (folio, offset, len). */
  readonly invalidateFolio?: FunctionRef;
  /** `release_folio`, called with (folio, gfp). */
  readonly releaseFolio?: FunctionRef;
  /** `direct_IO` exists: files can be opened with `O_DIRECT`. */
  readonly direct: boolean;
}
