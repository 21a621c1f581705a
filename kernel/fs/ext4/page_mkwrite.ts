/**
 * A page of an ext4 file is about to be written through a shared mapping: `ext4_page_mkwrite`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import { PAGE_SIZE } from "../../memory/page.ts";
import { VMA } from "../../mm/fields.ts";
import { GRAB_CACHE_PAGE_WRITE_BEGIN } from "../../mm/filemap.ts";
import { UNLOCK_PAGE } from "../../mm/folio_wait.ts";
import { PG_UPTODATE } from "../../mm/page_flags.ts";
import { VMF } from "../../mm/vm_fault.ts";
import { EIO, ENOMEM } from "../../syscalls/errno.ts";
import { CREATE_EMPTY_BUFFERS } from "../buffer.ts";
import { BH_DELAY, BH_MAPPED, BH_NEW, BH_UPTODATE } from "../buffer_head.ts";
import { FILE_UPDATE_TIME } from "../inode_times.ts";
import { ext4Of } from "./file_system.ts";
import { EXT4_DA_AOPS } from "./operations.ts";
import { BLOCK_COMMIT_WRITE, EXT4_DA_GET_BLOCK_PREP } from "./write.ts";

/** Has every block of a page up to the end of the file promised, and the page dirty: 0 or -errno. */
const BLOCK_PAGE_MKWRITE: FunctionRef = behaviour(
  "block_page_mkwrite",
  [
    GRAB_CACHE_PAGE_WRITE_BEGIN,
    CREATE_EMPTY_BUFFERS,
    EXT4_DA_GET_BLOCK_PREP,
    BLOCK_COMMIT_WRITE,
    UNLOCK_PAGE,
    fn("wait_for_stable_page"),
  ],
  (k, vma = 0, vmf = 0) => {
    const inode = k.vfs.files.get(VMA.file.get(k, vma))?.inode;
    const ext4 = inode ? ext4Of(k, inode) : undefined;
    if (!inode || ext4 === undefined) return -EIO;
    const space = k.pageCache.of(inode, EXT4_DA_AOPS);
    const index = VMF.pgoff.get(k, vmf);
    const page = k.call(GRAB_CACHE_PAGE_WRITE_BEGIN, space.address, index);
    const folio = k.pageCache.folios.get(page);
    if (folio === undefined) return -ENOMEM;
    const { blockSize } = ext4.layout;
    const end = Math.min(PAGE_SIZE, inode.size - index * PAGE_SIZE);
    if (folio.buffers === null) k.call(CREATE_EMPTY_BUFFERS, page, blockSize, 0);
    let error = 0;
    for (const [i, buffer] of (folio.buffers ?? []).entries()) {
      if (i * blockSize >= end || error !== 0) break;
      if (buffer.test(BH_MAPPED) || buffer.test(BH_DELAY)) continue;
      const logical = index * (PAGE_SIZE / blockSize) + i;
      error = k.call(EXT4_DA_GET_BLOCK_PREP, inode.address, logical, buffer.address, 1);
    }
    if (error === 0) {
      // It is mapped: so it has been read.
      for (const buffer of folio.buffers ?? []) {
        buffer.set(BH_UPTODATE);
        buffer.clear(BH_NEW);
      }
      folio.set(PG_UPTODATE);
      k.call(BLOCK_COMMIT_WRITE, inode.address, page, 0, end);
    }
    k.call(UNLOCK_PAGE, page);
    k.call(fn("wait_for_stable_page"), page);
    return error;
  },
);

/** What a fault asks before a page may be written: 0 or -errno. */
export const EXT4_PAGE_MKWRITE: FunctionRef = behaviour(
  "ext4_page_mkwrite",
  [FILE_UPDATE_TIME, fn("down_read"), BLOCK_PAGE_MKWRITE, fn("up_read")],
  (k, vmf = 0) => {
    const vma = VMF.vma.get(k, vmf);
    k.call(FILE_UPDATE_TIME, VMA.file.get(k, vma));
    k.call(fn("down_read"));
    const error = k.call(BLOCK_PAGE_MKWRITE, vma, vmf, Number.NaN);
    k.call(fn("up_read"));
    return error;
  },
);
