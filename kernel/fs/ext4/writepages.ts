/**
 * Writing back a file's dirty pages: `ext4_writepages`. Runs of pages whose blocks have no place get one, then they go to the
 * disk in as few bios as they fit in.
 *
 * @module
 */

import { PLUG_CALLS, startPlug } from "../../block/plug.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { PAGE_SIZE } from "../../memory/page.ts";
import type { AddressSpace, Folio } from "../../mm/folio.ts";
import { __FOLIO_LOCK, UNLOCK_PAGE, WAIT_ON_PAGE_WRITEBACK } from "../../mm/folio_wait.ts";
import { cleaned, CLEAR_PAGE_DIRTY_FOR_IO, WB_SYNC_ALL, WB_SYNC_NONE, WBC } from "../../mm/page_writeback.ts";
import { PG_DIRTY, PG_LOCKED, PG_WRITEBACK } from "../../mm/page_flags.ts";
import { sizeIfKnown } from "../../process/objects.ts";
import { popLocals, pushLocal } from "../../process/stack.ts";
import { BH_DELAY, BH_DIRTY, BH_MAPPED } from "../buffer_head.ts";
import {
  __EXT4_JOURNAL_START_SB,
  __EXT4_JOURNAL_STOP,
  __EXT4_MARK_INODE_DIRTY,
  startHandle,
  stopHandle,
} from "./ext4_jbd2.ts";
import { type Ext4, ext4Of } from "./file_system.ts";
import { CREATE, EXT4_MAP_BLOCKS, mapBlocks } from "./map_blocks.ts";
import { endSubmit, EXT4_BIO_WRITE_PAGE, EXT4_IO_SUBMIT, type IoSubmit, ioSubmit } from "./page_io.ts";

/** Blocks of one extent that is mapped at a time (`MAX_WRITEPAGES_EXTENT_LEN`). */
const MAX_EXTENT = 2048;

/** Pages that were found to be written now: neighbours in the file, locked. */
const MPAGE_PREPARE_EXTENT_TO_MAP: FunctionRef = blocking(
  "mpage_prepare_extent_to_map",
  [
    fn("pagevec_lookup_range_tag"),
    __FOLIO_LOCK,
    WAIT_ON_PAGE_WRITEBACK,
    fn("mpage_process_page_bufs"),
    fn("__pagevec_release"),
  ],
  function* (k) {
    const state = states.get(k.current);
    if (state === undefined) return 0;
    const { space } = state;
    k.call(fn("pagevec_lookup_range_tag"));
    state.extent.length = 0;
    const perPage = PAGE_SIZE / state.ext4.layout.blockSize;
    for (const index of space.dirtyPages(state.next, state.last)) {
      if (state.extent.length >= Math.min(state.left, MAX_EXTENT / perPage)) break;
      const before = state.extent[state.extent.length - 1];
      if (before !== undefined && before.index + 1 !== index) break;
      const folio = space.pages.get(index);
      if (folio === undefined) continue;
      if (folio.test(PG_WRITEBACK) && !state.sync) continue;
      if (folio.test(PG_LOCKED)) yield* k.calls.callBlocking(__FOLIO_LOCK, folio.address);
      folio.set(PG_LOCKED);
      if (!folio.test(PG_DIRTY) || folio.space !== space) {
        k.call(UNLOCK_PAGE, folio.address);
        continue;
      }
      if (folio.test(PG_WRITEBACK)) yield* k.calls.callBlocking(WAIT_ON_PAGE_WRITEBACK, folio.address);
      k.call(fn("mpage_process_page_bufs"), Number.NaN, folio.buffers?.[0]?.address ?? 0);
      state.extent.push(folio);
    }
    k.call(fn("__pagevec_release"));
    const last = state.extent[state.extent.length - 1];
    if (last !== undefined) state.next = last.index + 1;
    return 0;
  },
);
/** What one `ext4_writepages` is at: the real one keeps it in `struct mpage_da_data`. */
interface State {
  readonly space: AddressSpace;
  readonly ext4: Ext4;
  readonly sync: boolean;
  readonly io: IoSubmit;
  /** Pages that are written now. */
  readonly extent: Folio[];
  next: number;
  readonly last: number;
  /** Pages that may still be written. */
  left: number;
}
const states = new WeakMap<object, State>();

const MPAGE_SUBMIT_PAGE: FunctionRef = blocking(
  "mpage_submit_page",
  [CLEAR_PAGE_DIRTY_FOR_IO, EXT4_BIO_WRITE_PAGE],
  function* (k, _mpd = 0, page = 0) {
    const state = states.get(k.current);
    if (state === undefined) return 0;
    k.call(CLEAR_PAGE_DIRTY_FOR_IO, page);
    yield* k.calls.callBlocking(EXT4_BIO_WRITE_PAGE, state.io.address, page, PAGE_SIZE, 0);
    state.left--;
    return 0;
  },
);
/** Gives up pages that could not be written. */
const MPAGE_RELEASE_UNUSED_PAGES: FunctionRef = behaviour(
  "mpage_release_unused_pages",
  [UNLOCK_PAGE],
  (k, _mpd, invalidate = 0) => {
    for (const folio of states.get(k.current)?.extent.splice(0) ?? []) {
      if (invalidate !== 0) cleaned(k, folio);
      k.call(UNLOCK_PAGE, folio.address);
    }
    return Number.NaN;
  },
);

/** Gives the blocks of the pages places: 0 or -errno. */
function place(k: Kernel, state: State, handle: number): number {
  const { ext4, extent } = state;
  const { inode } = state.space;
  const perPage = PAGE_SIZE / ext4.layout.blockSize;
  const buffers = extent.flatMap((folio) => folio.buffers ?? []);
  const needsPlace = (at: number): boolean =>
    buffers[at]?.test(BH_DELAY) === true && buffers[at]?.test(BH_DIRTY) === true;
  for (let at = 0; at < buffers.length; at++) {
    if (!needsPlace(at)) continue;
    let count = 1;
    while (needsPlace(at + count)) count++;
    const logical = (extent[0]?.index ?? 0) * perPage + at;
    const mapping = mapBlocks(k, handle, inode, logical, count, CREATE);
    if (typeof mapping === "number") return mapping;
    settle(state, logical, mapping.block, mapping.count, perPage);
  }
  return 0;
}

function settle(
  state: State,
  logical: number,
  block: number,
  count: number,
  perPage: number,
): void {
  const { pages } = state.space;
  for (let i = 0; i < count; i++) {
    const buffer = pages.get(Math.floor((logical + i) / perPage))?.buffers?.[(logical + i) % perPage];
    if (buffer === undefined || !buffer.test(BH_DELAY)) continue;
    buffer.block = block + i;
    buffer.clear(BH_DELAY);
    buffer.set(BH_MAPPED);
  }
}

/** `writepages`: 0 or -errno. */
const EXT4_WRITEPAGES: FunctionRef = blocking(
  "ext4_writepages",
  [
    fn("ext4_inode_journal_mode"),
    ...PLUG_CALLS,
    MPAGE_PREPARE_EXTENT_TO_MAP,
    MPAGE_RELEASE_UNUSED_PAGES,
    EXT4_IO_SUBMIT,
    fn("ext4_init_io_end"),
    fn("ext4_put_io_end"),
    __EXT4_JOURNAL_START_SB,
    EXT4_MAP_BLOCKS,
    MPAGE_SUBMIT_PAGE,
    __EXT4_MARK_INODE_DIRTY,
    __EXT4_JOURNAL_STOP,
  ],
  function* (k, mapping = 0, wbc = 0) {
    const space = k.pageCache.spaces.get(mapping);
    const ext4 = space === undefined ? undefined : ext4Of(k, space.inode);
    if (space === undefined || ext4 === undefined || space.dirty.size === 0) return 0;
    const mark = k.current.locals;
    const sync = WBC.syncMode.get(k, wbc) !== WB_SYNC_NONE;
    k.call(fn("ext4_inode_journal_mode"), space.inode.address);
    const plug = startPlug(k);
    const mpd = pushLocal(k, Math.max(104, sizeIfKnown(k, "mpage_da_data")));
    const io = ioSubmit(k, WBC.syncMode.get(k, wbc) === WB_SYNC_ALL);
    const end = WBC.end.get(k, wbc);
    const state: State = {
      space,
      ext4,
      sync,
      io,
      extent: [],
      next: Math.floor(WBC.start.get(k, wbc) / PAGE_SIZE),
      last: end <= 0 ? Number.MAX_SAFE_INTEGER : Math.floor(end / PAGE_SIZE),
      left: WBC.toWrite.get(k, wbc),
    };
    const outer = states.get(k.current);
    const { current } = k;
    states.set(current, state);
    const first = state.left;
    const error = yield* writeAll(k, state, mpd);
    if (outer === undefined) states.delete(current);
    else states.set(current, outer);
    yield* k.calls.callBlocking(EXT4_IO_SUBMIT, io.address);
    endSubmit(k, io);
    k.call(fn("ext4_put_io_end"));
    k.call(fn("blk_finish_plug"), plug);
    popLocals(k, mark);
    WBC.toWrite.set(k, wbc, WBC.toWrite.get(k, wbc) - (first - state.left));
    return error;
  },
);

function* writeAll(k: Kernel, state: State, mpd: number): Blocking<number> {
  const { ext4 } = state;
  const { inode } = state.space;
  while (state.left > 0) {
    k.call(fn("ext4_init_io_end"), inode.address, 0xc40);
    const handle = startHandle(k, inode, 32);
    yield* k.calls.callBlocking(MPAGE_PREPARE_EXTENT_TO_MAP, mpd);
    if (state.extent.length === 0) {
      stopHandle(k, handle);
      k.call(MPAGE_RELEASE_UNUSED_PAGES, mpd, 0);
      return 0;
    }
    const error = place(k, state, handle);
    if (error !== 0) {
      // The disk is full: what was promised is not kept, and the pages are lost.
      for (const folio of state.extent) for (const buffer of folio.buffers ?? []) buffer.clear(BH_DIRTY);
      stopHandle(k, handle);
      k.call(MPAGE_RELEASE_UNUSED_PAGES, mpd, 1);
      state.space.error = error;
      return error;
    }
    for (const folio of state.extent.splice(0)) {
      yield* k.calls.callBlocking(MPAGE_SUBMIT_PAGE, mpd, folio.address);
    }
    if (inode.size > ext4.of(inode).diskSize) {
      ext4.setDiskSize(inode, inode.size);
      k.call(__EXT4_MARK_INODE_DIRTY, handle, inode.address, 0, 0);
    }
    ext4.journal?.running?.inodes.add(inode);
    stopHandle(k, handle);
    k.call(MPAGE_RELEASE_UNUSED_PAGES, mpd, 0);
  }
  return 0;
}

/** What writes ext4's pages back. */
export const WRITEPAGES_CALLS: readonly FunctionRef[] = [EXT4_WRITEPAGES];
