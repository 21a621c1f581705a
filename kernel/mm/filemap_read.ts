/**
 * Reading a file through the page cache: `filemap_read`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import {
  behaviour,
  type Blocking,
  blocking,
  type CallSteps,
  fn,
  type FunctionRef,
} from "../calls/function.ts";
import { FILE } from "../fs/fields.ts";
import { advance, transferOf } from "../fs/read_write.ts";
import { fileAccessed, TOUCH_ATIME } from "../fs/inode_times.ts";
import { readOutcome } from "../fs/shmem.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "../memory/page.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EFAULT, EINVAL, EIO, ENOMEM } from "../syscalls/errno.ts";
import type { AddressSpace, Folio } from "./folio.ts";
import { scatterAt } from "./copy_iter.ts";
import { FILEMAP_ADD_FOLIO, FILEMAP_ALLOC_FOLIO } from "./filemap.ts";
import { FOLIO_PUT_WAIT_LOCKED, FOLIO_WAIT_BIT_COMMON } from "./folio_wait.ts";
import { FOLIO_MARK_ACCESSED } from "./lru.ts";
import { PG_LOCKED, PG_READAHEAD, PG_UPTODATE } from "./page_flags.ts";
import { FILE_RA, PAGE_CACHE_ASYNC_RA, PAGE_CACHE_SYNC_RA, RA, readaheadControl } from "./readahead.ts";

const BATCH = { count: field("folio_batch", "nr"), folios: field("folio_batch", "folios") } as const;
const KIOCB_FILP = field("kiocb", "ki_filp");
const KIOCB_POS = field("kiocb", "ki_pos");
const ITER_COUNT = field("iov_iter", "count");
/** Pages of one batch. */
const PAGEVEC_SIZE = 15;
const TASK_KILLABLE = 0x102;
/** `mapping_gfp_mask` of a file on a disk. */
const GFP = 0x1100cca;
/** Fills a batch with the cached pages from `index` to `last` as far as they can be read in one go. */
const FILEMAP_GET_READ_BATCH: FunctionRef = behaviour(
  "filemap_get_read_batch",
  [],
  (k, mapping = 0, index = 0, last = 0, batch = 0) => {
    const space = k.pageCache.spaces.get(mapping);
    const word = k.image.pointerSize;
    const folios = BATCH.folios.at(k, batch);
    let count = 0;
    for (let at = index; at <= last && count < PAGEVEC_SIZE; at++) {
      const folio = space?.pages.get(at);
      if (folio === undefined) break;
      k.memory.writeWord(folios + count++ * word, folio.address);
      if (!folio.test(PG_UPTODATE) || folio.test(PG_READAHEAD)) break;
    }
    BATCH.count.set(k, batch, count);
    return Number.NaN;
  },
);

/** Has the file system read one page: 0, or -EIO. */
const FILEMAP_READ_FOLIO: FunctionRef = blocking(
  "filemap_read_folio",
  [fn("ext4_read_folio"), FOLIO_WAIT_BIT_COMMON],
  function* (k, file = 0, address = 0) {
    const folio = k.pageCache.folios.get(address);
    const operation = folio?.space?.ops.readFolio;
    if (folio === undefined || operation === undefined) return -EIO;
    const error = yield* k.calls.callBlocking(operation, file, address);
    if (error !== 0) return error;
    yield* k.calls.callBlocking(FOLIO_WAIT_BIT_COMMON, address, PG_LOCKED, TASK_KILLABLE, 1);
    return folio.test(PG_UPTODATE) ? 0 : -EIO;
  },
);

/** Waits for a page that is being read, or reads it: 0, -errno, or `RETRY` to look again. */
function* updatePage(k: Kernel, file: Addr, folio: Folio): Blocking<number> {
  if (folio.test(PG_LOCKED)) {
    yield* k.calls.callBlocking(FOLIO_PUT_WAIT_LOCKED, folio.address, TASK_KILLABLE);
    return RETRY;
  }
  if (folio.space === null) return RETRY;
  if (folio.test(PG_UPTODATE)) return 0;
  folio.set(PG_LOCKED);
  return yield* k.calls.callBlocking(FILEMAP_READ_FOLIO, file, folio.address);
}
/** `AOP_TRUNCATED_PAGE`. */
const RETRY = 0x80001;

/** A batch of pages that can be read, the first one at the position: 0, or -errno. */
const FILEMAP_GET_PAGES: FunctionRef = blocking(
  "filemap_get_pages",
  [
    FILEMAP_GET_READ_BATCH,
    PAGE_CACHE_SYNC_RA,
    PAGE_CACHE_ASYNC_RA,
    FILEMAP_ALLOC_FOLIO,
    FILEMAP_ADD_FOLIO,
    FILEMAP_READ_FOLIO,
    FOLIO_PUT_WAIT_LOCKED,
  ],
  function* (k, kiocb = 0, iter = 0, batch = 0) {
    const file = KIOCB_FILP.get(k, kiocb);
    const pos = KIOCB_POS.get(k, kiocb);
    const mapping = FILE.mapping.get(k, file);
    const space = k.pageCache.spaces.get(mapping);
    if (space === undefined) return -EIO;
    const index = Math.floor(pos / PAGE_SIZE);
    const end = Math.ceil((pos + ITER_COUNT.get(k, iter)) / PAGE_SIZE);
    for (;;) {
      k.call(FILEMAP_GET_READ_BATCH, mapping, index, end - 1, batch);
      if (BATCH.count.get(k, batch) === 0) {
        yield* withControl(
          k,
          file,
          mapping,
          index,
          (ractl) => k.calls.callBlocking(PAGE_CACHE_SYNC_RA, ractl, end - index),
        );
        k.call(FILEMAP_GET_READ_BATCH, mapping, index, end - 1, batch);
      }
      if (BATCH.count.get(k, batch) === 0) {
        // Reading ahead brought nothing: one page by itself.
        const made = k.call(FILEMAP_ALLOC_FOLIO, GFP, 0);
        if (made === 0) return -ENOMEM;
        k.call(FILEMAP_ADD_FOLIO, mapping, made, index, GFP);
        const error = yield* k.calls.callBlocking(FILEMAP_READ_FOLIO, file, made);
        if (error !== 0) return error;
        k.memory.writeWord(BATCH.folios.at(k, batch), made);
        BATCH.count.set(k, batch, 1);
        return 0;
      }
      const last = lastOf(k, batch);
      if (last === undefined) return -EIO;
      if (last.test(PG_READAHEAD)) {
        yield* withControl(
          k,
          file,
          mapping,
          last.index,
          (ractl) => k.calls.callBlocking(PAGE_CACHE_ASYNC_RA, ractl, last.address, end - last.index),
        );
      }
      if (last.test(PG_UPTODATE)) return 0;
      const error = yield* updatePage(k, file, last);
      if (error === RETRY) continue;
      if (error === 0) return 0;
      // The pages before it can be read.
      const count = BATCH.count.get(k, batch);
      if (count === 1) return error;
      BATCH.count.set(k, batch, count - 1);
      return 0;
    }
  },
);

/** Reads from a file's pages into the iterator: a byte count, or -errno if nothing could be read. */
export const FILEMAP_READ: FunctionRef = blocking(
  "filemap_read",
  [FILEMAP_GET_PAGES, FOLIO_MARK_ACCESSED, TOUCH_ATIME],
  function* (k, kiocb = 0, iter = 0, already = 0) {
    const transfer = transferOf(k, kiocb, iter);
    const inode = transfer?.file.inode;
    if (transfer === undefined || !inode) return -EINVAL;
    const { file, count } = transfer;
    const ra = FILE_RA.at(k, file.address);
    const mark = k.current.locals;
    const batch = pushLocal(k, sizeOfStruct(k, "folio_batch"));
    let done = 0;
    let error = 0;
    while (done < count && error === 0) {
      const pos = transfer.pos + done;
      if (pos >= inode.size) break;
      error = yield* k.calls.callBlocking(FILEMAP_GET_PAGES, kiocb, iter, batch);
      if (error !== 0) break;
      const folios = foliosOf(k, batch);
      const end = Math.min(inode.size, transfer.pos + count);
      const before = RA.prevPos.get(k, ra);
      if (Math.floor((before - 1) / PAGE_SIZE) !== Math.floor(pos / PAGE_SIZE)) {
        k.call(FOLIO_MARK_ACCESSED, folios[0]?.address ?? 0);
      }
      for (const [i, folio] of folios.entries()) {
        const at = transfer.pos + done;
        if (at >= end) break;
        if (i > 0) k.call(FOLIO_MARK_ACCESSED, folio.address);
        const bytes = Math.min(folio.pos + PAGE_SIZE, end) - at;
        if (!scatterAt(k, transfer, done, inode.read(at, bytes)) && readOutcome(k) === undefined) {
          error = -EFAULT;
          break;
        }
        done += bytes;
        advance(k, kiocb, iter, bytes);
        RA.prevPos.set(k, ra, at + bytes);
      }
    }
    popLocals(k, mark);
    fileAccessed(k, file.address);
    return done + already > 0 ? done + already : error;
  },
);

/** Reads a file of a disk: past the page cache with `O_DIRECT`, else through it. */
export const GENERIC_FILE_READ_ITER: FunctionRef = blocking(
  "generic_file_read_iter",
  [FILEMAP_READ],
  function* (k, kiocb = 0, iter = 0) {
    if (ITER_COUNT.get(k, iter) === 0) return 0;
    return yield* k.calls.callBlocking(FILEMAP_READ, kiocb, iter, 0);
  },
);

/** Whether a read of a range finds every page in memory. */
export function isCached(space: AddressSpace | undefined, pos: number, count: number): boolean {
  if (space === undefined) return false;
  const end = Math.min(pos + count, space.inode.size);
  for (let index = Math.floor(pos / PAGE_SIZE); index * PAGE_SIZE < end; index++) {
    if (!space.pages.get(index)?.test(PG_UPTODATE)) return false;
  }
  return true;
}

function foliosOf(k: Kernel, batch: Addr): Folio[] {
  const folios: Folio[] = [];
  const word = k.image.pointerSize;
  for (let i = 0; i < BATCH.count.get(k, batch); i++) {
    const folio = k.pageCache.folios.get(k.memory.readPointer(BATCH.folios.at(k, batch) + i * word));
    if (folio !== undefined) folios.push(folio);
  }
  return folios;
}

function lastOf(k: Kernel, batch: Addr): Folio | undefined {
  const at = BATCH.folios.at(k, batch) + (BATCH.count.get(k, batch) - 1) * k.image.pointerSize;
  return k.pageCache.folios.get(k.memory.readPointer(at));
}

function* withControl(
  k: Kernel,
  file: Addr,
  mapping: Addr,
  index: number,
  call: (ractl: Addr) => CallSteps,
): Blocking<void> {
  const mark = k.current.locals;
  yield* call(readaheadControl(k, file, mapping, FILE_RA.at(k, file), index));
  popLocals(k, mark);
}
