/**
 * New inodes: `fs/ext4/ialloc.c`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { EINVAL, ENOSPC } from "../../syscalls/errno.ts";
import { ownerOf } from "../create.ts";
import type { Inode } from "../inode.ts";
import { madeNow } from "../inode_times.ts";
import { S_IFDIR, S_IFMT } from "../modes.ts";
import {
  __EXT4_HANDLE_DIRTY_METADATA,
  __EXT4_JOURNAL_GET_WRITE_ACCESS,
  __EXT4_JOURNAL_START_SB,
  __EXT4_MARK_INODE_DIRTY,
  changeBlock,
  metadataBlock,
  startHandle,
} from "./ext4_jbd2.ts";
import { ext4Of } from "./file_system.ts";
import { bitmapBlock, descriptorBlock } from "./layout.ts";

/** What a new inode has beside its mode. */
export interface Special {
  readonly rdev?: number;
  readonly target?: string;
}
/** That of the inode that is being made, and the handle that was begun for it. */
const making = new WeakMap<Kernel, { how: Special; handle: number }>();

/** A new inode near its directory, in a change that begins here: its address, or -errno. */
export const __EXT4_NEW_INODE: FunctionRef = behaviour(
  "__ext4_new_inode",
  [
    fn("new_inode"),
    fn("find_group_orlov"),
    fn("ext4_read_inode_bitmap"),
    fn("find_inode_bit"),
    __EXT4_JOURNAL_START_SB,
    __EXT4_JOURNAL_GET_WRITE_ACCESS,
    __EXT4_HANDLE_DIRTY_METADATA,
    fn("insert_inode_locked"),
    fn("ext4_init_acl"),
    fn("ext4_init_security"),
    __EXT4_MARK_INODE_DIRTY,
  ],
  (k, _userns = 0, _handle = 0, dir = 0, mode = 0) => {
    const state = making.get(k);
    const parent = k.vfs.inodes.get(dir);
    const ext4 = parent === undefined ? undefined : ext4Of(k, parent);
    if (state === undefined || parent === undefined || ext4 === undefined) return -EINVAL;
    if (ext4.freeInodes <= 0) return -ENOSPC;
    k.call(fn("new_inode"), parent.sb);
    if ((mode & S_IFMT) === S_IFDIR) k.call(fn("find_group_orlov"), parent.sb, dir);
    k.call(fn("ext4_read_inode_bitmap"), parent.sb, 0);
    k.call(fn("find_inode_bit"), parent.sb, 0, 0, 0);
    const handle = startHandle(k, parent, 32);
    state.handle = handle;
    const inode = k.vfs.newInodeOn(parent.sb, { ...ownerOf(k, dir, mode), ...state.how });
    madeNow(k, inode.address);
    ext4.number(inode);
    const { layout, disk } = ext4;
    const group = Math.floor((inode.ino - 1) / layout.inodesPerGroup);
    changeBlock(k, handle, metadataBlock(k, disk.bdev, bitmapBlock(layout, group) + 1, layout.blockSize));
    changeBlock(k, handle, metadataBlock(k, disk.bdev, descriptorBlock(layout, group), layout.blockSize));
    k.call(fn("insert_inode_locked"), inode.address);
    k.call(fn("ext4_init_acl"), handle, inode.address, dir);
    k.call(fn("ext4_init_security"), handle, inode.address, dir, 0);
    k.call(__EXT4_MARK_INODE_DIRTY, handle, inode.address, 0, 0);
    return inode.address;
  },
);

/** A new inode and the handle of the change that made it; -errno. */
export function newInode(
  k: Kernel,
  userns: Addr,
  dir: Addr,
  mode: number,
  how: Special = {},
): { readonly inode: Inode; readonly handle: number } | number {
  const state = { how, handle: 0 };
  making.set(k, state);
  const address = k.calls.callN(__EXT4_NEW_INODE, [userns, 0, dir, mode, 0, 0, 0, 0]);
  making.delete(k);
  const inode = k.vfs.inodes.get(address);
  return inode === undefined ? address : { inode, handle: state.handle };
}

/** An inode that got no name goes at once. */
export function dropInode(k: Kernel, inode: Inode): void {
  const ext4 = ext4Of(k, inode);
  ext4?.release(inode);
  ext4?.backing.clean(inode);
  k.vfs.inodes.delete(inode.address);
  inode.free();
}
