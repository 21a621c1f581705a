/**
 * Writing files' pages to the disk: `fs/ext4/page-io.c`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { allocBio, type Bio, BIO_ADD_PAGE, BIO_ALLOC_BIOSET, BIO_PUT } from "../../block/bio.ts";
import { SUBMIT_BIO } from "../../block/blk_core.ts";
import { REQ_OP_WRITE, REQ_SYNC } from "../../block/operations.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { END_PAGE_WRITEBACK, UNLOCK_PAGE } from "../../mm/folio_wait.ts";
import { SET_PAGE_WRITEBACK } from "../../mm/page_writeback.ts";
import { PG_ERROR } from "../../mm/page_flags.ts";
import { sizeIfKnown } from "../../process/objects.ts";
import { pushLocal } from "../../process/stack.ts";
import { BH_DELAY, BH_DIRTY, BH_MAPPED } from "../buffer_head.ts";
import { type Ext4, ext4Of } from "./file_system.ts";

/** Pages of one bio at most. */
const BIO_MAX_VECS = 256;

/** The bio that pages are gathered in: `struct ext4_io_submit`. */
export interface IoSubmit {
  readonly address: Addr;
  readonly sync: boolean;
  bio: Bio | null;
}
const submits = new WeakMap<Kernel, Map<Addr, IoSubmit>>();

/** A gathering, in the current stack. */
export function ioSubmit(k: Kernel, sync: boolean): IoSubmit {
  const address = pushLocal(k, Math.max(32, sizeIfKnown(k, "ext4_io_submit")));
  const io: IoSubmit = { address, sync, bio: null };
  let table = submits.get(k);
  if (table === undefined) submits.set(k, table = new Map());
  table.set(address, io);
  return io;
}

/** It is over. */
export function endSubmit(k: Kernel, io: IoSubmit): void {
  submits.get(k)?.delete(io.address);
}

/** The pages of a bio are on the disk, or could not be written. */
const EXT4_FINISH_BIO: FunctionRef = behaviour("ext4_finish_bio", [END_PAGE_WRITEBACK], (k, address = 0) => {
  const bio = k.block.bios.get(address);
  for (const { page } of bio?.vecs ?? []) {
    const folio = k.pageCache.folios.get(page);
    if (folio === undefined) continue;
    if (bio !== undefined && bio.error !== 0) {
      folio.set(PG_ERROR);
      if (folio.space !== null) folio.space.error = bio.error;
    }
    k.call(END_PAGE_WRITEBACK, page);
  }
  return Number.NaN;
});
/** A write is done. */
const EXT4_END_BIO: FunctionRef = behaviour(
  "ext4_end_bio",
  [EXT4_FINISH_BIO, fn("ext4_put_io_end_defer"), BIO_PUT],
  (k, address = 0) => {
    k.call(fn("ext4_put_io_end_defer"));
    k.call(EXT4_FINISH_BIO, address);
    k.call(BIO_PUT, address);
    return Number.NaN;
  },
);

/** Hands what was gathered to the disk. */
export const EXT4_IO_SUBMIT: FunctionRef = blocking(
  "ext4_io_submit",
  [SUBMIT_BIO],
  function* (k, address = 0) {
    const io = submits.get(k)?.get(address);
    if (io === undefined || io.bio === null) return Number.NaN;
    const { bio } = io;
    io.bio = null;
    yield* k.calls.callBlocking(SUBMIT_BIO, bio.address);
    return Number.NaN;
  },
);

/** Writes the dirty blocks of a page; its lock is given up. */
export const EXT4_BIO_WRITE_PAGE: FunctionRef = blocking(
  "ext4_bio_write_page",
  [
    SET_PAGE_WRITEBACK,
    BIO_ALLOC_BIOSET,
    BIO_ADD_PAGE,
    fn("wbc_account_cgroup_owner"),
    EXT4_IO_SUBMIT,
    UNLOCK_PAGE,
  ],
  function* (k, address = 0, page = 0) {
    const io = submits.get(k)?.get(address);
    const folio = k.pageCache.folios.get(page);
    const inode = folio?.space?.inode;
    const ext4 = inode === undefined ? undefined : ext4Of(k, inode);
    if (io === undefined || folio === undefined || ext4 === undefined) return 0;
    const buffers = (folio.buffers ?? []).filter((one) =>
      one.test(BH_DIRTY) && one.test(BH_MAPPED) && !one.test(BH_DELAY)
    );
    k.call(SET_PAGE_WRITEBACK, page);
    for (const buffer of buffers) {
      const offset = (folio.buffers?.indexOf(buffer) ?? 0) * buffer.size;
      buffer.clear(BH_DIRTY);
      yield* addBlock(k, io, ext4, buffer.sector, page, buffer.size, offset);
      k.call(fn("wbc_account_cgroup_owner"), 0, page, buffer.size);
    }
    k.call(UNLOCK_PAGE, page);
    if (buffers.length === 0) k.call(END_PAGE_WRITEBACK, page);
    return 0;
  },
);

function* addBlock(
  k: Kernel,
  io: IoSubmit,
  ext4: Ext4,
  sector: number,
  page: Addr,
  size: number,
  offset: number,
): Blocking<void> {
  if (io.bio !== null && io.bio.end !== sector) yield* k.calls.callBlocking(EXT4_IO_SUBMIT, io.address);
  let bio = io.bio ?? newBio(k, io, ext4, sector);
  if (k.call(BIO_ADD_PAGE, bio.address, page, size, offset) === size) return;
  yield* k.calls.callBlocking(EXT4_IO_SUBMIT, io.address);
  bio = newBio(k, io, ext4, sector);
  k.call(BIO_ADD_PAGE, bio.address, page, size, offset);
}

function newBio(k: Kernel, io: IoSubmit, ext4: Ext4, sector: number): Bio {
  const bio = allocBio(k, ext4.disk, sector, REQ_OP_WRITE | (io.sync ? REQ_SYNC : 0), BIO_MAX_VECS);
  bio.onEnd(EXT4_END_BIO, null);
  io.bio = bio;
  return bio;
}
