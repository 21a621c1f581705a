/**
 * Names in ext4's directories: found, made, removed and moved: `fs/ext4/namei.c`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { EINVAL, EMLINK, ENAMETOOLONG, ENOENT, ENOTEMPTY } from "../../syscalls/errno.ts";
import { attach } from "../create.ts";
import { failsAt } from "../failures.ts";
import { FILE, INODE } from "../fields.ts";
import type { Inode } from "../inode.ts";
import { directoryChanged, nameMoved, nameRemoved, S_CTIME, setTimes } from "../inode_times.ts";
import { S_IFDIR, S_IFLNK, S_IFREG } from "../modes.ts";
import { D_ADD, D_SPLICE_ALIAS } from "../lookup.ts";
import { moveLinks } from "../rename.ts";
import {
  __EXT4_FIND_ENTRY,
  EXT4_ADD_ENTRY,
  EXT4_DELETE_ENTRY,
  EXT4_FIND_ENTRY,
  findEntry,
} from "./dirent.ts";
import { __EXT4_MARK_INODE_DIRTY, metadataBlock, startHandle, stopHandle } from "./ext4_jbd2.ts";
import { ext4Of } from "./file_system.ts";
import { EXT4_APPEND, isBuffer } from "./getblk.ts";
import { __EXT4_NEW_INODE, dropInode, newInode, type Special } from "./ialloc.ts";
import { inodeBlock } from "./layout.ts";

const NAME_MAX = 255;
/** `EXT4_LINK_MAX`. */
const LINK_MAX = 65000;
const D_INSTANTIATE_NEW = fn("d_instantiate_new");

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
    const found = findEntry(k, dir, dentry, __EXT4_FIND_ENTRY);
    if (found !== 0 && inode !== null) {
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
  __EXT4_NEW_INODE,
  fn("ext4_set_aops"),
  EXT4_ADD_NONDIR,
  fn("ext4_fc_track_create"),
  fn("__ext4_journal_stop"),
];

/** Makes a file of a mode for a dentry: 0 or -errno. */
function make(k: Kernel, ns: Addr, dir: Addr, dentry: Addr, mode: number, how: Special = {}): number {
  const failure = failsAt(k, "create") || failsAt(k, "operation");
  if (failure !== 0) return failure;
  const made = newInode(k, ns, dir, mode, how);
  if (typeof made === "number") return made;
  const { inode, handle } = made;
  if (inode.type === S_IFREG) k.call(fn("ext4_set_aops"), inode.address);
  const error = k.call(EXT4_ADD_NONDIR, handle, dentry, inode.address);
  if (error !== 0) dropInode(k, inode);
  else k.call(fn("ext4_fc_track_create"), handle, dentry);
  stopHandle(k, handle);
  return error;
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

const EXT4_INIT_NEW_DIR: FunctionRef = behaviour(
  "ext4_init_new_dir",
  [EXT4_APPEND, fn("ext4_init_dot_dotdot"), fn("ext4_handle_dirty_dirblock")],
  (k, handle = 0, dir = 0, inode = 0) => {
    const bh = k.call(EXT4_APPEND, handle, inode, 0);
    if (!isBuffer(bh)) return bh;
    k.call(fn("ext4_init_dot_dotdot"), inode, 0, 0, 0, dir);
    k.call(fn("ext4_handle_dirty_dirblock"), handle, inode, bh);
    return 0;
  },
);
/** Makes a directory with its two names. */
behaviour(
  "ext4_mkdir",
  [
    __EXT4_NEW_INODE,
    EXT4_INIT_NEW_DIR,
    __EXT4_MARK_INODE_DIRTY,
    EXT4_ADD_ENTRY,
    fn("ext4_inc_count"),
    fn("ext4_update_dx_flag"),
    D_INSTANTIATE_NEW,
    fn("__ext4_journal_stop"),
  ],
  (k, ns = 0, dir = 0, dentry = 0, mode = 0) => {
    const parent = k.vfs.inodes.get(dir);
    const failure = failsAt(k, "create") || failsAt(k, "operation");
    if (parent === undefined) return -ENOENT;
    if (failure !== 0) return failure;
    if (parent.nlink >= LINK_MAX) return -EMLINK;
    const made = newInode(k, ns, dir, S_IFDIR | mode);
    if (typeof made === "number") return made;
    const { inode, handle } = made;
    let error = k.call(EXT4_INIT_NEW_DIR, handle, dir, inode.address);
    if (error === 0) k.call(__EXT4_MARK_INODE_DIRTY, handle, inode.address, 0, 0);
    if (error === 0) error = k.call(EXT4_ADD_ENTRY, handle, dentry, inode.address);
    if (error === 0) {
      k.call(fn("ext4_inc_count"), dir);
      parent.nlink++;
      k.call(__EXT4_MARK_INODE_DIRTY, handle, dir, 0, 0);
      k.call(D_INSTANTIATE_NEW, dentry, inode.address);
      attach(k, dentry, inode.address);
    } else dropInode(k, inode);
    stopHandle(k, handle);
    return error;
  },
);

/** A file without a name: in the list of those that go if the machine stops. */
behaviour(
  "ext4_tmpfile",
  [
    __EXT4_NEW_INODE,
    fn("ext4_set_aops"),
    fn("ext4_orphan_add"),
    fn("finish_open"),
    fn("__ext4_journal_stop"),
  ],
  (k, ns = 0, dir = 0, file = 0, mode = 0) => {
    const dentry = k.vfs.dentries.get(FILE.dentry.get(k, file));
    if (dentry === undefined) return -ENOENT;
    const made = newInode(k, ns, dir, mode);
    if (typeof made === "number") return made;
    const { inode, handle } = made;
    k.call(fn("ext4_set_aops"), inode.address);
    dentry.inode = inode;
    inode.nlink = 0;
    k.call(fn("ext4_orphan_add"), handle, inode.address);
    stopHandle(k, handle);
    return k.call(fn("finish_open"), file, dentry.address, 0);
  },
);

/** The buffer of a directory's first block: where its entries are. */
function directoryBlock(k: Kernel, dir: Inode): Addr {
  const ext4 = ext4Of(k, dir);
  if (ext4 === undefined) return 0;
  const block = ext4.of(dir).blocks.get(0) ?? 0;
  return k.pageCache.metadata(ext4.disk).blocks.get(block)?.address ?? 0;
}

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
  findEntry(k, dir, dentry, EXT4_FIND_ENTRY);
  const handle = startHandle(k, parent, 16);
  k.call(EXT4_DELETE_ENTRY, handle, dir, 0, directoryBlock(k, parent));
  k.call(__EXT4_MARK_INODE_DIRTY, handle, dir, 0, 0);
  k.vfs.remove(dentry, true);
  nameRemoved(k, dir, inode.address);
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
      setTimes(k, address, S_CTIME);
      directoryChanged(k, dir);
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
    findEntry(k, oldDir, source, EXT4_FIND_ENTRY);
    findEntry(k, newDir, replaced, EXT4_FIND_ENTRY);
    const handle = startHandle(k, from, 32);
    let error = 0;
    if ((flags & RENAME_EXCHANGE) !== 0) {
      moveLinks(source.inode, from, to);
      moveLinks(replaced.inode, to, from);
    } else {
      const gone = replaced.inode;
      if (gone === null) error = k.call(EXT4_ADD_ENTRY, handle, target, source.inode.address);
      if (error === 0) {
        k.call(EXT4_DELETE_ENTRY, handle, oldDir, 0, directoryBlock(k, from));
        if (gone !== null) {
          k.vfs.remove(replaced, true);
          if (gone.nlink === 0) k.call(fn("ext4_orphan_add"), handle, gone.address);
        }
        moveLinks(source.inode, from, to);
      }
    }
    if (error === 0) nameMoved(k, oldDir, newDir, source.inode.address, replaced.inode?.address);
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
