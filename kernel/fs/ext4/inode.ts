/**
 * ext4's inodes: their attributes, their size, their way to the disk and their end.
 *
 * @module
 */

import { behaviour, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { TRUNCATE_INODE_PAGES_FINAL, TRUNCATE_PAGECACHE } from "../../mm/truncate.ts";
import { WB_SYNC_ALL, WBC } from "../../mm/page_writeback.ts";
import { ATTR_SIZE, IATTR, SETATTR_COPY, SETATTR_PREPARE } from "../attr.ts";
import { I_DIRTY_SYNC } from "../backing_dev.ts";
import { S_IFREG } from "../modes.ts";
import { SYNC_DIRTY_BUFFER } from "../buffer.ts";
import { GENERIC_FILLATTR } from "../stat.ts";
import { INODE, PATH } from "../fields.ts";
import {
  __EXT4_MARK_INODE_DIRTY,
  EXT4_DIRTY_INODE,
  metadataBlock,
  startHandle,
  stopHandle,
} from "./ext4_jbd2.ts";
import { ext4Of } from "./file_system.ts";
import { JBD2_COMPLETE_TRANSACTION } from "./jbd2.ts";
import { inodeBlock } from "./layout.ts";
import { EXT4_FREE_BLOCKS } from "./mballoc.ts";

/** Writes an inode's own block: 0 or -errno. */
blocking(
  "ext4_write_inode",
  [fn("__getblk_gfp"), SYNC_DIRTY_BUFFER, JBD2_COMPLETE_TRANSACTION],
  function* (k, address = 0, wbc = 0) {
    const inode = k.vfs.inodes.get(address);
    const ext4 = inode === undefined ? undefined : ext4Of(k, inode);
    if (inode === undefined || ext4 === undefined) return 0;
    const wait = WBC.syncMode.get(k, wbc) === WB_SYNC_ALL;
    if (ext4.journal !== null) {
      // The journal has it; `sync` waits for everything at once.
      const { syncTid } = ext4.of(inode);
      return wait && syncTid > 0
        ? yield* k.calls.callBlocking(JBD2_COMPLETE_TRANSACTION, ext4.journal.address, syncTid)
        : 0;
    }
    const { layout, disk } = ext4;
    const bh = metadataBlock(k, disk.bdev, inodeBlock(layout, inode.ino), layout.blockSize);
    return wait ? yield* k.calls.callBlocking(SYNC_DIRTY_BUFFER, bh) : 0;
  },
);

/** Cuts a file's blocks behind its size. */
const EXT4_TRUNCATE: FunctionRef = behaviour(
  "ext4_truncate",
  [
    fn("__ext4_journal_start_sb"),
    fn("ext4_block_zero_page_range"),
    fn("ext4_orphan_add"),
    fn("ext4_discard_preallocations"),
    fn("ext4_ind_truncate"),
    fn("ext4_ext_truncate"),
    EXT4_FREE_BLOCKS,
    fn("ext4_orphan_del"),
    __EXT4_MARK_INODE_DIRTY,
    fn("__ext4_journal_stop"),
  ],
  (k, address = 0) => {
    const inode = k.vfs.inodes.get(address);
    const ext4 = inode === undefined ? undefined : ext4Of(k, inode);
    if (inode === undefined || ext4 === undefined) return 0;
    const { blockSize } = ext4.layout;
    const handle = startHandle(k, inode);
    ext4.setDiskSize(inode, inode.size);
    if (inode.size % blockSize !== 0) k.call(fn("ext4_block_zero_page_range"), handle);
    k.call(fn("ext4_orphan_add"), handle, address);
    k.call(fn("ext4_discard_preallocations"), address, 0);
    k.call(fn(ext4.options.extents ? "ext4_ext_truncate" : "ext4_ind_truncate"), handle, address);
    const first = ext4.of(inode).blocks.values().next().value;
    if (ext4.cut(inode, Math.ceil(inode.size / blockSize)) > 0 && first !== undefined) {
      k.call(EXT4_FREE_BLOCKS, handle, address, 0, first, 1, 0);
    }
    k.call(fn("ext4_orphan_del"), handle, address);
    k.call(__EXT4_MARK_INODE_DIRTY, handle, address, 0, 0);
    stopHandle(k, handle);
    return 0;
  },
);

/** Sets attributes; a new size cuts pages and blocks. */
behaviour(
  "ext4_setattr",
  [
    SETATTR_PREPARE,
    fn("__ext4_journal_start_sb"),
    fn("ext4_orphan_add"),
    __EXT4_MARK_INODE_DIRTY,
    fn("__ext4_journal_stop"),
    TRUNCATE_PAGECACHE,
    EXT4_TRUNCATE,
    SETATTR_COPY,
    fn("__mark_inode_dirty"),
  ],
  (k, userns = 0, address = 0, attr = 0) => {
    const inode = k.vfs.dentries.get(address)?.inode;
    const error = k.call(SETATTR_PREPARE, userns, address, attr);
    if (error !== 0 || !inode) return error;
    if ((IATTR.valid.get(k, attr) & ATTR_SIZE) !== 0 && inode.type === S_IFREG) {
      const size = IATTR.size.get(k, attr);
      const handle = startHandle(k, inode);
      if (size < inode.size) k.call(fn("ext4_orphan_add"), handle, inode.address);
      k.call(__EXT4_MARK_INODE_DIRTY, handle, inode.address, 0, 0);
      inode.size = size;
      stopHandle(k, handle);
      k.call(TRUNCATE_PAGECACHE, inode.address, size);
      k.call(EXT4_TRUNCATE, inode.address);
    }
    k.call(SETATTR_COPY, userns, inode.address, attr);
    k.call(fn("__mark_inode_dirty"), inode.address, I_DIRTY_SYNC);
    return 0;
  },
);

/** The last reference to an inode is gone: its pages and, if it has no name any more, its blocks. */
behaviour(
  "ext4_evict_inode",
  [
    TRUNCATE_INODE_PAGES_FINAL,
    fn("__ext4_journal_start_sb"),
    EXT4_TRUNCATE,
    fn("ext4_xattr_delete_inode"),
    fn("ext4_orphan_del"),
    __EXT4_MARK_INODE_DIRTY,
    fn("ext4_free_inode"),
    fn("__ext4_journal_stop"),
    fn("ext4_clear_inode"),
  ],
  (k, address = 0) => {
    const inode = k.vfs.inodes.get(address);
    const ext4 = inode === undefined ? undefined : ext4Of(k, inode);
    if (inode === undefined || ext4 === undefined) return Number.NaN;
    const space = k.pageCache.known(inode);
    if (space !== undefined) k.call(TRUNCATE_INODE_PAGES_FINAL, space.address);
    ext4.backing.clean(inode);
    if (inode.nlink > 0) {
      k.call(fn("ext4_clear_inode"), address);
      return Number.NaN;
    }
    const handle = startHandle(k, inode, 16);
    inode.size = 0;
    k.call(EXT4_TRUNCATE, address);
    k.call(fn("ext4_xattr_delete_inode"), handle, address, 0, 0);
    k.call(fn("ext4_orphan_del"), handle, address);
    k.call(__EXT4_MARK_INODE_DIRTY, handle, address, 0, 0);
    k.call(fn("ext4_free_inode"), handle, address);
    ext4.release(inode);
    stopHandle(k, handle);
    ext4.backing.clean(inode);
    return Number.NaN;
  },
);

/** Attributes of a file. */
const EXT4_GETATTR: FunctionRef = behaviour(
  "ext4_getattr",
  [GENERIC_FILLATTR],
  (k, userns = 0, path = 0, stat = 0) => {
    const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode;
    k.call(GENERIC_FILLATTR, userns, inode?.address ?? 0, stat);
    return 0;
  },
);
/** Attributes of a regular file: blocks that have no place yet count. */
behaviour("ext4_file_getattr", [EXT4_GETATTR], (k, userns = 0, path = 0, stat = 0, mask = 0, flags = 0) => {
  const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode;
  const ext4 = inode ? ext4Of(k, inode) : undefined;
  if (inode && ext4 !== undefined) {
    const { blocks, delayed } = ext4.of(inode);
    INODE.blocks.set(k, inode.address, (blocks.size + delayed.size) * ext4.layout.blockSize / 512);
  }
  return k.call(EXT4_GETATTR, userns, path, stat, mask, flags);
});

/** What changes inodes. */
export const INODE_CALLS: readonly FunctionRef[] = [EXT4_TRUNCATE, EXT4_DIRTY_INODE];
