/**
 * ext4 as a file system: its type, and mounting it: `fs/ext4/super.c`.
 *
 * @module
 */

import { behaviour, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Disk } from "../../block/gendisk.ts";
import type { Kernel } from "../../kernel.ts";
import { field } from "../../process/objects.ts";
import { EINVAL, ENOENT, ENOTBLK, ENXIO } from "../../syscalls/errno.ts";
import { type FileSystemType, isSpecial, specialOperations, type SuperBlock } from "../file_system.ts";
import { INODE } from "../fields.ts";
import { registerFileSystem } from "../file_systems.ts";
import { EXT4_DIR, EXT4_FILE } from "../fileops.ts";
import {
  EXT4_DIR_INODE,
  EXT4_FAST_LINK_INODE,
  EXT4_FILE_INODE,
  EXT4_SPECIAL_INODE,
} from "../inode_operations.ts";
import { S_IFBLK, S_IFDIR, S_IFLNK, S_IFMT } from "../modes.ts";
import type { Mount } from "../mount.ts";
import "./dir.ts";
import "./file.ts";
import { Ext4, ext4OfDisk, ext4OfSuper, registerExt4 } from "./file_system.ts";
import "./inode.ts";
import { JBD2_COMPLETE_TRANSACTION } from "./jbd2.ts";
import { dataStart, EXT4_ROOT_INO } from "./layout.ts";
import "./namei.ts";
import type { Ext4Options } from "./options.ts";
import "./readpage.ts";
import "./sync_file.ts";
import "./page_mkwrite.ts";
import "./write.ts";
import "./writepages.ts";

const STATFS = {
  type: field("kstatfs", "f_type"),
  bsize: field("kstatfs", "f_bsize"),
  blocks: field("kstatfs", "f_blocks"),
  bfree: field("kstatfs", "f_bfree"),
  bavail: field("kstatfs", "f_bavail"),
  files: field("kstatfs", "f_files"),
  ffree: field("kstatfs", "f_ffree"),
  namelen: field("kstatfs", "f_namelen"),
  frsize: field("kstatfs", "f_frsize"),
} as const;
/** `EXT4_SUPER_MAGIC`. */
const MAGIC = 0xef53;

/** Room and use of the file system. */
const EXT4_STATFS: FunctionRef = behaviour("ext4_statfs", [], (k, dentry = 0, buf = 0) => {
  const ext4 = ext4OfSuper(k, k.vfs.dentries.get(dentry)?.sb ?? 0);
  if (ext4 === undefined) return 0;
  const { layout, allocator } = ext4;
  const free = allocator.free - allocator.reserved;
  STATFS.type.set(k, buf, MAGIC);
  STATFS.bsize.set(k, buf, layout.blockSize);
  STATFS.frsize.set(k, buf, layout.blockSize);
  STATFS.blocks.set(k, buf, layout.blocks - layout.groups * (2 + layout.tableBlocks));
  STATFS.bfree.set(k, buf, free);
  STATFS.bavail.set(k, buf, Math.max(0, free - Math.floor(layout.blocks / 20)));
  STATFS.files.set(k, buf, layout.groups * layout.inodesPerGroup);
  STATFS.ffree.set(k, buf, ext4.freeInodes);
  STATFS.namelen.set(k, buf, 255);
  return 0;
});
/** Has the journal commit everything. */
const EXT4_SYNC_FS: FunctionRef = blocking(
  "ext4_sync_fs",
  [fn("flush_workqueue"), JBD2_COMPLETE_TRANSACTION],
  function* (k, sb = 0, wait = 0) {
    const journal = ext4OfSuper(k, sb)?.journal;
    const tid = journal?.running?.tid ?? journal?.committing?.tid;
    if (!journal || tid === undefined || wait === 0) return 0;
    return yield* k.calls.callBlocking(JBD2_COMPLETE_TRANSACTION, journal.address, tid);
  },
);

/** The file system type. */
export const EXT4_TYPE: FileSystemType = {
  name: "ext4",
  symbol: "ext4_fs_type",
  superOperations: "ext4_sops",
  magic: MAGIC,
  container: { cache: "ext4_inode_cache", type: "ext4_inode_info", member: "vfs_inode" },
  nodev: false,
  pinned: false,
  keepsNegative: true,
  statfs: EXT4_STATFS,
  syncFs: EXT4_SYNC_FS,
  dirtyInode: fn("ext4_dirty_inode"),
  writeInode: fn("ext4_write_inode"),
  evictInode: fn("ext4_evict_inode"),
  pageMkwrite: fn("ext4_page_mkwrite"),
  getTree(k, source) {
    const device = k.vfs.lookup(source)?.inode;
    if (!device) return -ENOENT;
    if (device.type !== S_IFBLK) return -ENOTBLK;
    const disk = k.block.byDev(INODE.rdev.get(k, device.address));
    if (disk === undefined) return -ENXIO;
    // What was made on a disk stays there when it is unmounted.
    return ext4OfDisk(k, disk)?.sb ?? -EINVAL;
  },
  fileOperations(mode, rdev) {
    if ((mode & S_IFMT) === S_IFDIR) return EXT4_DIR;
    return isSpecial(mode) ? specialOperations(mode, rdev) : EXT4_FILE;
  },
  inodeOperations(mode) {
    if ((mode & S_IFMT) === S_IFDIR) return EXT4_DIR_INODE;
    if ((mode & S_IFMT) === S_IFLNK) return EXT4_FAST_LINK_INODE;
    return isSpecial(mode) ? EXT4_SPECIAL_INODE : EXT4_FILE_INODE;
  },
};

registerFileSystem(EXT4_TYPE);

/** Makes an ext4 on a disk and mounts it at `path`, whose directory is made if it is not there. */
export function mountExt4(k: Kernel, disk: Disk, path: string, options: Ext4Options = {}): Mount {
  // Where the image knows the modules, they are loaded now.
  for (const module of ["null_blk", "jbd2", "ext4"]) k.modules.loadKnown(module);
  const sb: SuperBlock = k.vfs.newSuper(EXT4_TYPE);
  const ext4 = new Ext4(k, sb, disk, options);
  registerExt4(k, ext4);
  const root = sb.root.inode;
  if (root !== null) {
    root.ino = EXT4_ROOT_INO;
    ext4.adoptRoot(root, dataStart(ext4.layout, 0));
  }
  const source = `/dev/${disk.spec.name}`;
  k.vfs.makePath(source, { mode: S_IFBLK | 0o660, rdev: disk.dev });
  k.vfs.makePath(path, { mode: S_IFDIR | 0o755 });
  return k.vfs.mount(sb, path, { source });
}
