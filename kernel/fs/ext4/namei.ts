/**
 * Names in ext4's directories: found, made, removed and moved: `fs/ext4/namei.c`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { EINVAL, EMLINK, ENAMETOOLONG, ENOENT, ENOSPC, ENOTEMPTY } from "../../syscalls/errno.ts";
import { attach, ownerOf } from "../create.ts";
import type { Dentry } from "../dentry.ts";
import { failsAt } from "../failures.ts";
import { FILE, INODE } from "../fields.ts";
import type { Inode } from "../inode.ts";
import { S_IFDIR, S_IFLNK, S_IFREG } from "../modes.ts";
import { D_ADD, D_SPLICE_ALIAS } from "../namei.ts";
import { moveLinks } from "../rename.ts";
import {
  __EXT4_HANDLE_DIRTY_METADATA,
  __EXT4_JOURNAL_GET_WRITE_ACCESS,
  __EXT4_MARK_INODE_DIRTY,
  changeBlock,
  metadataBlock,
  startHandle,
  stopHandle,
} from "./ext4_jbd2.ts";
import { type Ext4, ext4Of } from "./file_system.ts";
import { bitmapBlock, descriptorBlock, inodeBlock } from "./layout.ts";
import { EXT4_MB_NEW_BLOCKS, newBlocks } from "./mballoc.ts";

const NAME_MAX = 255;
/** `EXT4_LINK_MAX`. */
const LINK_MAX = 65000;
const D_INSTANTIATE_NEW = fn("d_instantiate_new");

/** The block of a directory that a name is in, or would be. */
const EXT4_BREAD: FunctionRef = behaviour(
  "ext4_bread",
  [fn("ext4_getblk"), fn("__getblk_gfp")],
  (k, _handle = 0, inode = 0, block = 0) => {
    const dir = k.vfs.inodes.get(inode);
    const ext4 = dir === undefined ? undefined : ext4Of(k, dir);
    if (dir === undefined || ext4 === undefined) return 0;
    k.call(fn("ext4_getblk"), 0, inode, block, 0);
    const place = ext4.of(dir).blocks.get(block) ?? ext4.of(dir).goal;
    return metadataBlock(k, ext4.disk.bdev, place, ext4.layout.blockSize);
  },
);
/** Looks a name up in the blocks of a directory: the block that has it, or 0. */
const __EXT4_FIND_ENTRY: FunctionRef = behaviour(
  "__ext4_find_entry",
  [fn("ext4_bread_batch"), EXT4_BREAD, fn("ext4_search_dir")],
  (k, dir = 0, name = 0) => {
    const found = search.get(k) === true;
    k.call(fn("ext4_bread_batch"), dir, 0, 1, 0, 0);
    const bh = k.call(EXT4_BREAD, 0, dir, 0, 0);
    k.call(fn("ext4_search_dir"), bh, 0, 1024, dir, name);
    return found ? bh : 0;
  },
);
const EXT4_FIND_ENTRY: FunctionRef = behaviour(
  "ext4_find_entry",
  [fn("ext4_fname_setup_filename"), __EXT4_FIND_ENTRY, fn("ext4_fname_free_filename")],
  (k, dir = 0, name = 0) => {
    k.call(fn("ext4_fname_setup_filename"), dir, name, 0, 0);
    const bh = k.call(__EXT4_FIND_ENTRY, dir, 0, 0, 0);
    k.call(fn("ext4_fname_free_filename"));
    return bh;
  },
);
/** What the search that goes on will come to. */
const search = new WeakMap<Kernel, boolean>();

function find(k: Kernel, dir: Addr, dentry: Dentry | undefined, through: FunctionRef): Addr {
  search.set(k, dentry?.inode != null);
  const bh = k.call(through, dir, 0, 0, 0);
  search.delete(k);
  return bh;
}

/** Reads an inode by its number. */
const __EXT4_IGET: FunctionRef = behaviour(
  "__ext4_iget",
  [fn("iget_locked"), fn("__ext4_get_inode_loc_noinmem"), fn("unlock_new_inode")],
  (k, sb = 0, ino = 0) => {
    k.call(fn("iget_locked"), sb, ino);
    const inode = wanted.get(k);
    const ext4 = inode === undefined ? undefined : ext4Of(k, inode);
    if (inode === undefined || ext4 === undefined) return 0;
    k.call(fn("__ext4_get_inode_loc_noinmem"), inode.address, 0);
    metadataBlock(k, ext4.disk.bdev, inodeBlock(ext4.layout, ino), ext4.layout.blockSize);
    k.call(fn("unlock_new_inode"), inode.address);
    return inode.address;
  },
);
const wanted = new WeakMap<Kernel, Inode>();

/** `lookup`: the name goes into the dentry cache, with its inode or without. 0 or -errno. */
behaviour(
  "ext4_lookup",
  [fn("ext4_fname_prepare_lookup"), __EXT4_FIND_ENTRY, __EXT4_IGET, D_SPLICE_ALIAS, D_ADD],
  (k, dir = 0, address = 0) => {
    const dentry = k.vfs.dentries.get(address);
    const name = dentry?.name ?? "";
    if (name.length > NAME_MAX / 3 && new TextEncoder().encode(name).length > NAME_MAX) return -ENAMETOOLONG;
    k.call(fn("ext4_fname_prepare_lookup"), dir, address, 0);
    const inode = dentry?.inode ?? null;
    const bh = find(k, dir, dentry, __EXT4_FIND_ENTRY);
    if (bh !== 0 && inode !== null) {
      // From here on it has its number and its blocks.
      ext4Of(k, inode)?.of(inode);
      wanted.set(k, inode);
      k.call(__EXT4_IGET, inode.sb, inode.ino, 0, 0, 0);
      wanted.delete(k);
    }
    k.call(D_SPLICE_ALIAS, inode?.address ?? 0, address);
    return 0;
  },
);

/** A new inode near its directory: its address, or -errno. */
const __EXT4_NEW_INODE: FunctionRef = behaviour(
  "__ext4_new_inode",
  [
    fn("new_inode"),
    fn("find_group_orlov"),
    fn("ext4_read_inode_bitmap"),
    fn("find_inode_bit"),
    __EXT4_JOURNAL_GET_WRITE_ACCESS,
    __EXT4_HANDLE_DIRTY_METADATA,
    fn("insert_inode_locked"),
    fn("ext4_init_acl"),
    fn("ext4_init_security"),
    __EXT4_MARK_INODE_DIRTY,
  ],
  (k, _userns = 0, handle = 0, dir = 0, mode = 0) => {
    const parent = k.vfs.inodes.get(dir);
    const ext4 = parent === undefined ? undefined : ext4Of(k, parent);
    if (parent === undefined || ext4 === undefined) return -EINVAL;
    if (ext4.freeInodes <= 0) return -ENOSPC;
    k.call(fn("new_inode"), parent.sb);
    const inode = k.vfs.newInodeOn(parent.sb, { ...ownerOf(k, dir, mode), ...(special.get(k) ?? {}) });
    ext4.number(inode);
    if ((mode & 0o170000) === S_IFDIR) k.call(fn("find_group_orlov"), parent.sb, dir);
    k.call(fn("ext4_read_inode_bitmap"), parent.sb, 0);
    k.call(fn("find_inode_bit"), parent.sb, 0, 0, 0);
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
/** Device number or link text of the inode that is being made. */
const special = new WeakMap<Kernel, { rdev?: number; target?: string }>();

/** Adds a name to a directory: 0 or -errno. A new block is taken where the last one is full. */
const EXT4_ADD_ENTRY: FunctionRef = behaviour(
  "ext4_add_entry",
  [
    EXT4_BREAD,
    fn("add_dirent_to_buf"),
    EXT4_MB_NEW_BLOCKS,
    __EXT4_JOURNAL_GET_WRITE_ACCESS,
    fn("ext4_handle_dirty_dirblock"),
    __EXT4_HANDLE_DIRTY_METADATA,
    __EXT4_MARK_INODE_DIRTY,
  ],
  (k, handle = 0, dentry = 0) => {
    const name = k.vfs.dentries.get(dentry);
    const dir = name?.parent.inode;
    const ext4 = dir ? ext4Of(k, dir) : undefined;
    if (name === undefined || !dir || ext4 === undefined) return -ENOENT;
    const error = roomFor(k, ext4, handle, dir, name.name);
    if (error !== 0) return error;
    const bh = k.call(EXT4_BREAD, handle, dir.address, ext4.of(dir).blocks.size - 1, 0);
    k.call(fn("add_dirent_to_buf"), handle, 0, dir.address, 0, 0, bh);
    k.call(__EXT4_JOURNAL_GET_WRITE_ACCESS, 0, 0, handle, 0, bh);
    k.call(__EXT4_MARK_INODE_DIRTY, handle, dir.address, 0, 0);
    k.call(fn("ext4_handle_dirty_dirblock"), handle, dir.address, bh);
    k.call(__EXT4_HANDLE_DIRTY_METADATA, 0, 0, handle, dir.address, bh);
    return 0;
  },
);

/** Makes the directory a block longer where its names fill those that it has. */
function roomFor(k: Kernel, ext4: Ext4, handle: number, dir: Inode, name: string): number {
  const { blockSize } = ext4.layout;
  const size = (text: string): number => 8 + Math.ceil(new TextEncoder().encode(text).length / 4) * 4;
  let bytes = 24 + size(name);
  for (const entry of dir.entries?.keys() ?? []) bytes += size(entry);
  const known = ext4.of(dir);
  while (known.blocks.size * blockSize < bytes) {
    const run = ext4.allocator.has(1) ? newBlocks(k, handle, dir, known.goal, 1) : null;
    if (run === null) return -ENOSPC;
    known.blocks.set(known.blocks.size, run.block);
    known.goal = run.block + 1;
    INODE.size.set(k, dir.address, known.blocks.size * blockSize);
  }
  return 0;
}

const EXT4_ADD_NONDIR: FunctionRef = behaviour(
  "ext4_add_nondir",
  [EXT4_ADD_ENTRY, __EXT4_MARK_INODE_DIRTY, D_INSTANTIATE_NEW],
  (k, handle = 0, dentry = 0, inode = 0) => {
    const error = k.call(EXT4_ADD_ENTRY, handle, dentry, inode);
    if (error !== 0) return error;
    k.call(__EXT4_MARK_INODE_DIRTY, handle, inode, 0, 0);
    k.call(D_INSTANTIATE_NEW, dentry, inode);
    attach(k, dentry, inode);
    return 0;
  },
);
const MAKE_CALLS: readonly FunctionRef[] = [
  fn("__ext4_journal_start_sb"),
  __EXT4_NEW_INODE,
  EXT4_ADD_NONDIR,
  fn("__ext4_journal_stop"),
];

/** Makes a file of a mode for a dentry: 0 or -errno. */
function make(
  k: Kernel,
  ns: Addr,
  dir: Addr,
  dentry: Addr,
  mode: number,
  how: { rdev?: number; target?: string } = {},
): number {
  const parent = k.vfs.inodes.get(dir);
  const failure = failsAt(k, "create") || failsAt(k, "operation");
  if (parent === undefined) return -ENOENT;
  if (failure !== 0) return failure;
  const handle = startHandle(k, parent, 32);
  special.set(k, how);
  const inode = k.calls.callN(__EXT4_NEW_INODE, [ns, handle, dir, mode, 0, 0, 0, 0]);
  special.delete(k);
  let error = inode < 0 && inode > -4096 ? inode : 0;
  if (error === 0) {
    error = k.call(EXT4_ADD_NONDIR, handle, dentry, inode);
    if (error !== 0) undo(k, inode);
  }
  stopHandle(k, handle);
  return error;
}

/** An inode that got no name goes at once. */
function undo(k: Kernel, address: Addr): void {
  const inode = k.vfs.inodes.get(address);
  if (inode === undefined) return;
  const ext4 = ext4Of(k, inode);
  ext4?.release(inode);
  ext4?.backing.clean(inode);
  k.vfs.inodes.delete(address);
  inode.free();
}

behaviour(
  "ext4_create",
  MAKE_CALLS,
  (k, ns = 0, dir = 0, dentry = 0, mode = 0) => make(k, ns, dir, dentry, mode | S_IFREG),
);
behaviour(
  "ext4_mknod",
  MAKE_CALLS,
  (k, ns = 0, dir = 0, dentry = 0, mode = 0, rdev = 0) => make(k, ns, dir, dentry, mode, { rdev }),
);
behaviour(
  "ext4_symlink",
  MAKE_CALLS,
  (k, ns = 0, dir = 0, dentry = 0, text = 0) =>
    make(k, ns, dir, dentry, S_IFLNK | 0o777, { target: k.memory.readString(text, 4096) }),
);

/** Makes a directory with its two names. */
behaviour(
  "ext4_mkdir",
  [
    fn("__ext4_journal_start_sb"),
    __EXT4_NEW_INODE,
    fn("ext4_init_new_dir"),
    __EXT4_MARK_INODE_DIRTY,
    EXT4_ADD_ENTRY,
    EXT4_MB_NEW_BLOCKS,
    fn("ext4_inc_count"),
    D_INSTANTIATE_NEW,
    fn("__ext4_journal_stop"),
  ],
  (k, ns = 0, dir = 0, dentry = 0, mode = 0) => {
    const parent = k.vfs.inodes.get(dir);
    const ext4 = parent === undefined ? undefined : ext4Of(k, parent);
    const failure = failsAt(k, "create") || failsAt(k, "operation");
    if (parent === undefined || ext4 === undefined) return -ENOENT;
    if (failure !== 0) return failure;
    if (parent.nlink >= LINK_MAX) return -EMLINK;
    const handle = startHandle(k, parent, 32);
    const address = k.calls.callN(__EXT4_NEW_INODE, [ns, handle, dir, S_IFDIR | mode, 0, 0, 0, 0]);
    const inode = k.vfs.inodes.get(address);
    if (inode === undefined) {
      stopHandle(k, handle);
      return address;
    }
    k.call(fn("ext4_init_new_dir"), handle, dir, address);
    let error = roomFor(k, ext4, handle, inode, ".");
    k.call(__EXT4_MARK_INODE_DIRTY, handle, address, 0, 0);
    if (error === 0) error = k.call(EXT4_ADD_ENTRY, handle, dentry, address);
    if (error === 0) {
      k.call(fn("ext4_inc_count"), dir);
      parent.nlink++;
      k.call(__EXT4_MARK_INODE_DIRTY, handle, dir, 0, 0);
      k.call(D_INSTANTIATE_NEW, dentry, address);
      attach(k, dentry, address);
    } else undo(k, address);
    stopHandle(k, handle);
    return error;
  },
);

/** A file without a name: in the list of those that go if the machine stops. */
behaviour(
  "ext4_tmpfile",
  [
    fn("__ext4_journal_start_sb"),
    __EXT4_NEW_INODE,
    fn("ext4_orphan_add"),
    fn("finish_open"),
    fn("__ext4_journal_stop"),
  ],
  (k, ns = 0, dir = 0, file = 0, mode = 0) => {
    const parent = k.vfs.inodes.get(dir);
    const dentry = k.vfs.dentries.get(FILE.dentry.get(k, file));
    if (parent === undefined || dentry === undefined) return -ENOENT;
    const handle = startHandle(k, parent, 32);
    const address = k.calls.callN(__EXT4_NEW_INODE, [ns, handle, dir, mode, 0, 0, 0, 0]);
    const inode = k.vfs.inodes.get(address);
    if (inode !== undefined) {
      dentry.inode = inode;
      inode.nlink = 0;
      k.call(fn("ext4_orphan_add"), handle, address);
    }
    stopHandle(k, handle);
    return inode === undefined ? address : k.call(fn("finish_open"), file, dentry.address, 0);
  },
);

const EXT4_DELETE_ENTRY: FunctionRef = behaviour(
  "ext4_delete_entry",
  [
    __EXT4_JOURNAL_GET_WRITE_ACCESS,
    fn("ext4_generic_delete_entry"),
    fn("ext4_handle_dirty_dirblock"),
    __EXT4_HANDLE_DIRTY_METADATA,
  ],
  (k, handle = 0, dir = 0, _entry = 0, bh = 0) => {
    k.call(__EXT4_JOURNAL_GET_WRITE_ACCESS, 0, 0, handle, 0, bh);
    k.call(fn("ext4_generic_delete_entry"), dir);
    k.call(fn("ext4_handle_dirty_dirblock"), handle, dir, bh);
    k.call(__EXT4_HANDLE_DIRTY_METADATA, 0, 0, handle, dir, bh);
    return 0;
  },
);
const REMOVE_CALLS: readonly FunctionRef[] = [
  EXT4_FIND_ENTRY,
  fn("__ext4_journal_start_sb"),
  EXT4_DELETE_ENTRY,
  __EXT4_MARK_INODE_DIRTY,
  fn("ext4_orphan_add"),
  fn("__ext4_journal_stop"),
];
const __EXT4_UNLINK: FunctionRef = behaviour(
  "__ext4_unlink",
  REMOVE_CALLS,
  (k, dir = 0, dentry = 0) => removeEntry(k, dir, dentry),
);
behaviour("ext4_unlink", [__EXT4_UNLINK, fn("ext4_fc_track_unlink")], (k, dir = 0, dentry = 0) => {
  const failure = failsAt(k, "operation");
  if (failure !== 0) return failure;
  const error = k.call(__EXT4_UNLINK, dir, dentry);
  k.call(fn("ext4_fc_track_unlink"), 0, 0, dentry);
  return error;
});
behaviour("ext4_rmdir", [...REMOVE_CALLS, fn("ext4_empty_dir")], (k, dir = 0, dentry = 0) => {
  const inode = k.vfs.dentries.get(dentry)?.inode;
  const failure = failsAt(k, "operation");
  if (failure !== 0) return failure;
  k.call(fn("ext4_empty_dir"), inode?.address ?? 0);
  if (inode?.entries && inode.entries.size > 0) return -ENOTEMPTY;
  return removeEntry(k, dir, dentry);
});

function removeEntry(k: Kernel, dir: Addr, address: Addr): number {
  const parent = k.vfs.inodes.get(dir);
  const dentry = k.vfs.dentries.get(address);
  const inode = dentry?.inode;
  if (parent === undefined || dentry === undefined || !inode) return -ENOENT;
  const bh = find(k, dir, dentry, EXT4_FIND_ENTRY);
  const handle = startHandle(k, parent, 16);
  k.call(EXT4_DELETE_ENTRY, handle, dir, 0, bh);
  k.call(__EXT4_MARK_INODE_DIRTY, handle, dir, 0, 0);
  k.vfs.remove(dentry, true);
  if (inode.nlink === 0) k.call(fn("ext4_orphan_add"), handle, inode.address);
  k.call(__EXT4_MARK_INODE_DIRTY, handle, inode.address, 0, 0);
  stopHandle(k, handle);
  return 0;
}

/** Gives a file another name. */
const __EXT4_LINK: FunctionRef = behaviour(
  "__ext4_link",
  [
    fn("__ext4_journal_start_sb"),
    EXT4_ADD_ENTRY,
    __EXT4_MARK_INODE_DIRTY,
    fn("d_instantiate"),
    fn("__ext4_journal_stop"),
  ],
  (k, dir = 0, address = 0, dentry = 0) => {
    const parent = k.vfs.inodes.get(dir);
    const inode = k.vfs.inodes.get(address);
    if (parent === undefined || inode === undefined) return -ENOENT;
    const handle = startHandle(k, parent, 16);
    const error = k.call(EXT4_ADD_ENTRY, handle, dentry, address);
    if (error === 0) {
      inode.nlink++;
      INODE.count.add(k, address, 1);
      k.call(__EXT4_MARK_INODE_DIRTY, handle, address, 0, 0);
      k.call(fn("d_instantiate"), dentry, address);
    }
    stopHandle(k, handle);
    return error;
  },
);
behaviour("ext4_link", [__EXT4_LINK], (k, old = 0, dir = 0, dentry = 0) => {
  const inode = k.vfs.dentries.get(old)?.inode;
  const failure = failsAt(k, "operation") || failsAt(k, "create");
  if (failure !== 0) return failure;
  if (!inode) return -ENOENT;
  return inode.nlink >= LINK_MAX ? -EMLINK : k.call(__EXT4_LINK, dir, inode.address, dentry);
});

/** Moves a name; what had the new one is gone. */
const EXT4_RENAME: FunctionRef = behaviour(
  "ext4_rename",
  [
    EXT4_FIND_ENTRY,
    fn("__ext4_journal_start_sb"),
    EXT4_ADD_ENTRY,
    EXT4_DELETE_ENTRY,
    __EXT4_MARK_INODE_DIRTY,
    fn("ext4_orphan_add"),
    fn("__ext4_journal_stop"),
  ],
  (k, _ns = 0, oldDir = 0, oldDentry = 0, newDir = 0, target = 0, flags = 0) => {
    const source = k.vfs.dentries.get(oldDentry);
    const replaced = k.vfs.dentries.get(target);
    const from = k.vfs.inodes.get(oldDir);
    const to = k.vfs.inodes.get(newDir);
    if (source?.inode == null || from === undefined || to === undefined || replaced === undefined) {
      return -ENOENT;
    }
    if ((flags & RENAME_EXCHANGE) === 0 && replaced.inode?.entries && replaced.inode.entries.size > 0) {
      return -ENOTEMPTY;
    }
    const bh = find(k, oldDir, source, EXT4_FIND_ENTRY);
    find(k, newDir, replaced, EXT4_FIND_ENTRY);
    const handle = startHandle(k, from, 32);
    let error = 0;
    if ((flags & RENAME_EXCHANGE) !== 0) {
      moveLinks(source.inode, from, to);
      moveLinks(replaced.inode, to, from);
    } else {
      const gone = replaced.inode;
      if (gone === null) error = k.call(EXT4_ADD_ENTRY, handle, target, source.inode.address);
      if (error === 0) {
        k.call(EXT4_DELETE_ENTRY, handle, oldDir, 0, bh);
        if (gone !== null) {
          k.vfs.remove(replaced, true);
          if (gone.nlink === 0) k.call(fn("ext4_orphan_add"), handle, gone.address);
        }
        moveLinks(source.inode, from, to);
      }
    }
    k.call(__EXT4_MARK_INODE_DIRTY, handle, source.inode.address, 0, 0);
    k.call(__EXT4_MARK_INODE_DIRTY, handle, oldDir, 0, 0);
    stopHandle(k, handle);
    return error;
  },
);
const RENAME_EXCHANGE = 2;
behaviour(
  "ext4_rename2",
  [EXT4_RENAME],
  (k, ns = 0, oldDir = 0, old = 0, newDir = 0, target = 0, flags = 0) => {
    const failure = failsAt(k, "operation") || failsAt(k, "create");
    if (failure !== 0) return failure;
    if ((flags & ~7) !== 0) return -EINVAL;
    return k.call(EXT4_RENAME, ns, oldDir, old, newDir, target, flags);
  },
);

/** Where names are looked up and changed. */
export const NAMEI_CALLS: readonly FunctionRef[] = [EXT4_FIND_ENTRY, EXT4_RENAME];
