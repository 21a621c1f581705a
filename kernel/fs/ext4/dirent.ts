/**
 * Entries of ext4's directories: found, added, deleted.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { ENOENT } from "../../syscalls/errno.ts";
import type { Dentry } from "../dentry.ts";
import {
  __EXT4_HANDLE_DIRTY_METADATA,
  __EXT4_JOURNAL_GET_WRITE_ACCESS,
  __EXT4_MARK_INODE_DIRTY,
} from "./ext4_jbd2.ts";
import {
  __EXT4_READ_DIRBLOCK,
  directoryBlocks,
  EXT4_APPEND,
  EXT4_BREAD_BATCH,
  isBuffer,
  isFull,
} from "./getblk.ts";

/** Looks a name up in the blocks of a directory: 1 if a block has it, else 0. */
export const __EXT4_FIND_ENTRY: FunctionRef = behaviour(
  "__ext4_find_entry",
  [EXT4_BREAD_BATCH, fn("ext4_search_dir")],
  (k, dir = 0) => {
    const inode = k.vfs.inodes.get(dir);
    const blocks = inode === undefined ? 0 : directoryBlocks(k, inode);
    if (blocks > 0) {
      k.call(EXT4_BREAD_BATCH, dir, 0, Math.min(8, blocks), 0, 0);
      k.call(fn("ext4_search_dir"));
    }
    return search.get(k) === true ? 1 : 0;
  },
);
/** The same, given a name that is not encoded. */
export const EXT4_FIND_ENTRY: FunctionRef = behaviour(
  "ext4_find_entry",
  [fn("ext4_fname_setup_filename"), __EXT4_FIND_ENTRY, fn("ext4_fname_free_filename")],
  (k, dir = 0, name = 0) => {
    k.call(fn("ext4_fname_setup_filename"), dir, name, 0, 0);
    const found = k.call(__EXT4_FIND_ENTRY, dir, 0, 0, 0);
    k.call(fn("ext4_fname_free_filename"));
    return found;
  },
);
/** What the search that goes on will come to. */
const search = new WeakMap<Kernel, boolean>();

/** Looks a dentry's name up in its directory: 1 if it is there. */
export function findEntry(k: Kernel, dir: Addr, dentry: Dentry | undefined, through: FunctionRef): number {
  search.set(k, dentry?.inode != null);
  const found = k.call(through, dir, 0, 0, 0);
  search.delete(k);
  return found;
}

const EXT4_HANDLE_DIRTY_DIRBLOCK: FunctionRef = behaviour(
  "ext4_handle_dirty_dirblock",
  [__EXT4_HANDLE_DIRTY_METADATA],
  (k, handle = 0, dir = 0, bh = 0) => k.call(__EXT4_HANDLE_DIRTY_METADATA, 0, 0, handle, dir, bh),
);
const ADD_DIRENT_TO_BUF: FunctionRef = behaviour(
  "add_dirent_to_buf",
  [
    fn("ext4_find_dest_de"),
    __EXT4_JOURNAL_GET_WRITE_ACCESS,
    fn("ext4_insert_dentry"),
    __EXT4_MARK_INODE_DIRTY,
    EXT4_HANDLE_DIRTY_DIRBLOCK,
  ],
  (k, handle = 0, _fname = 0, dir = 0, inode = 0, _de = 0, bh = 0) => {
    k.call(fn("ext4_find_dest_de"), dir, bh);
    k.call(__EXT4_JOURNAL_GET_WRITE_ACCESS, 0, 0, handle, 0, bh);
    k.call(fn("ext4_insert_dentry"), dir, inode);
    k.call(__EXT4_MARK_INODE_DIRTY, handle, dir, 0, 0);
    k.call(EXT4_HANDLE_DIRTY_DIRBLOCK, handle, dir, bh);
    return 0;
  },
);
/** Adds a name to a directory: 0 or -errno. A new block is taken where the last one is full. */
export const EXT4_ADD_ENTRY: FunctionRef = behaviour(
  "ext4_add_entry",
  [
    fn("ext4_fname_setup_filename"),
    __EXT4_READ_DIRBLOCK,
    ADD_DIRENT_TO_BUF,
    EXT4_APPEND,
    fn("ext4_fname_free_filename"),
  ],
  (k, handle = 0, dentry = 0, inode = 0) => {
    const name = k.vfs.dentries.get(dentry);
    const dir = name?.parent.inode;
    if (name === undefined || !dir) return -ENOENT;
    k.call(fn("ext4_fname_setup_filename"), dir.address, 0, 0, 0);
    const blocks = directoryBlocks(k, dir);
    let bh = 0;
    if (isFull(k, dir, name.name)) {
      bh = k.call(EXT4_APPEND, handle, dir.address, 0);
      if (!isBuffer(bh)) return bh;
    } else bh = k.call(__EXT4_READ_DIRBLOCK, dir.address, blocks - 1, 0, 0, 0);
    k.call(ADD_DIRENT_TO_BUF, handle, 0, dir.address, inode, 0, bh);
    k.call(fn("ext4_fname_free_filename"));
    return 0;
  },
);

/** Takes a name out of a directory. */
export const EXT4_DELETE_ENTRY: FunctionRef = behaviour(
  "ext4_delete_entry",
  [__EXT4_JOURNAL_GET_WRITE_ACCESS, fn("ext4_generic_delete_entry"), EXT4_HANDLE_DIRTY_DIRBLOCK],
  (k, handle = 0, dir = 0, _entry = 0, bh = 0) => {
    k.call(__EXT4_JOURNAL_GET_WRITE_ACCESS, 0, 0, handle, 0, bh);
    k.call(fn("ext4_generic_delete_entry"), dir);
    k.call(EXT4_HANDLE_DIRTY_DIRBLOCK, handle, dir, bh);
    return 0;
  },
);
