/**
 * Reading files' pages from the disk: `fs/ext4/readpage.c`.
 *
 * @module
 */

import { allocBio, type Bio, BIO_ADD_PAGE, BIO_ALLOC_BIOSET, BIO_PUT } from "../../block/bio.ts";
import { SUBMIT_BIO } from "../../block/blk_core.ts";
import { REQ_OP_READ, REQ_RAHEAD } from "../../block/operations.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { PAGE_SIZE } from "../../memory/page.ts";
import type { Folio } from "../../mm/folio.ts";
import { UNLOCK_PAGE } from "../../mm/folio_wait.ts";
import { PG_ERROR, PG_UPTODATE } from "../../mm/page_flags.ts";
import { RACTL } from "../../mm/readahead.ts";
import { ext4Of } from "./file_system.ts";
import { EXT4_MAP_BLOCKS, mapBlocks, type Mapping } from "./map_blocks.ts";

/** Vectors of one bio at most (`BIO_MAX_VECS`). */
const BIO_MAX_VECS = 256;

/** A read is done: its pages can be read, or could not be. */
const MPAGE_END_IO: FunctionRef = behaviour("mpage_end_io", [UNLOCK_PAGE, BIO_PUT], (k, address = 0) => {
  const bio = k.block.bios.get(address);
  if (bio === undefined) return Number.NaN;
  for (const { page } of bio.vecs) {
    const folio = k.pageCache.folios.get(page);
    if (folio === undefined) continue;
    if (bio.error === 0) folio.set(PG_UPTODATE);
    else {
      folio.clear(PG_UPTODATE);
      folio.set(PG_ERROR);
    }
    k.call(UNLOCK_PAGE, page);
  }
  k.call(BIO_PUT, address);
  return Number.NaN;
});

/** Reads the pages of a read-ahead, or one page: neighbours on the disk go into one bio. */
const EXT4_MPAGE_READPAGES: FunctionRef = blocking(
  "ext4_mpage_readpages",
  [EXT4_MAP_BLOCKS, BIO_ALLOC_BIOSET, BIO_ADD_PAGE, SUBMIT_BIO, fn("folio_zero_segments"), UNLOCK_PAGE],
  function* (k, inode = 0, rac = 0, page = 0) {
    const found = k.vfs.inodes.get(inode);
    const ext4 = found === undefined ? undefined : ext4Of(k, found);
    const space = found === undefined ? undefined : k.pageCache.known(found);
    if (found === undefined || ext4 === undefined || space === undefined) return 0;
    const { blockSize } = ext4.layout;
    const perPage = PAGE_SIZE / blockSize;
    const folios: Folio[] = [];
    if (rac !== 0) {
      const first = RACTL.index.get(k, rac);
      for (let i = 0; i < RACTL.count.get(k, rac); i++) {
        const folio = space.pages.get(first + i);
        if (folio !== undefined) folios.push(folio);
      }
    } else {
      const folio = k.pageCache.folios.get(page);
      if (folio !== undefined) folios.push(folio);
    }
    const lastBlock = Math.ceil(found.size / blockSize);
    let bio = null as Bio | null;
    let mapped: Mapping & { logical: number } = { logical: 0, block: 0, count: 0, isNew: false };
    for (const [i, folio] of folios.entries()) {
      const start = folio.index * perPage;
      const end = Math.min(start + perPage, lastBlock);
      for (let logical = start; logical < end; logical++) {
        if (logical < mapped.logical || logical >= mapped.logical + mapped.count) {
          const answer = mapBlocks(k, 0, found, logical, (folios.length - i) * perPage, 0);
          mapped = typeof answer === "number"
            ? { logical, block: 0, count: 1, isNew: false }
            : { logical, ...answer };
        }
        if (mapped.block === 0) continue;
        const block = mapped.block + logical - mapped.logical;
        const sector = block * (blockSize / 512);
        if (bio !== null && bio.end !== sector) {
          yield* k.calls.callBlocking(SUBMIT_BIO, bio.address);
          bio = null;
        }
        if (bio === null) {
          const opf = REQ_OP_READ | (rac !== 0 ? REQ_RAHEAD : 0);
          bio = allocBio(k, ext4.disk, sector, opf, Math.min(folios.length - i, BIO_MAX_VECS));
          bio.onEnd(MPAGE_END_IO, null);
        }
        add(k, bio, folio, (logical - start) * blockSize, blockSize, end - logical);
      }
      if (bio === null || !bio.vecs.some(({ page }) => page === folio.address)) {
        // All of it is a hole.
        k.call(fn("folio_zero_segments"), folio.address, 0, PAGE_SIZE);
        folio.set(PG_UPTODATE);
        k.call(UNLOCK_PAGE, folio.address);
      }
    }
    if (bio !== null) yield* k.calls.callBlocking(SUBMIT_BIO, bio.address);
    return 0;
  },
);

/** Adds a block; the first of a page as a call, as the real function adds pages. */
function add(k: Kernel, bio: Bio, folio: Folio, offset: number, size: number, left: number): void {
  const begun = bio.vecs.some(({ page }) => page === folio.address);
  if (!begun && left >= 1) k.call(BIO_ADD_PAGE, bio.address, folio.address, size, offset);
  else bio.add(folio.address, size, offset);
}

/** `readahead` of ext4's files. */
const EXT4_READAHEAD: FunctionRef = blocking(
  "ext4_readahead",
  [EXT4_MPAGE_READPAGES],
  function* (k, rac = 0) {
    const space = k.pageCache.spaces.get(RACTL.mapping.get(k, rac));
    if (space !== undefined) yield* k.calls.callBlocking(EXT4_MPAGE_READPAGES, space.inode.address, rac, 0);
    return Number.NaN;
  },
);
/** `read_folio` of ext4's files. */
const EXT4_READ_FOLIO: FunctionRef = blocking(
  "ext4_read_folio",
  [EXT4_MPAGE_READPAGES],
  function* (k, _file = 0, address = 0) {
    const space = k.pageCache.folios.get(address)?.space;
    return space ? yield* k.calls.callBlocking(EXT4_MPAGE_READPAGES, space.inode.address, 0, address) : 0;
  },
);
/** What reads ext4's pages. */
export const READ_CALLS: readonly FunctionRef[] = [EXT4_READAHEAD, EXT4_READ_FOLIO];
