/**
 * Fields of the file system's objects that the model reads and writes.
 *
 * @module
 */

import { field } from "../process/objects.ts";

/** `struct super_block`. */
export const SUPER = {
  root: field("super_block", "s_root"),
  magic: field("super_block", "s_magic"),
  dev: field("super_block", "s_dev"),
  op: field("super_block", "s_op"),
  type: field("super_block", "s_type"),
  blocksize: field("super_block", "s_blocksize"),
  maxbytes: field("super_block", "s_maxbytes"),
  id: field("super_block", "s_id"),
  flags: field("super_block", "s_flags"),
} as const;

/** `struct mount`, and the `struct vfsmount` in it. */
export const MOUNT = {
  parent: field("mount", "mnt_parent"),
  mountpoint: field("mount", "mnt_mountpoint"),
  vfsmount: field("mount", "mnt"),
  id: field("mount", "mnt_id"),
  devname: field("mount", "mnt_devname"),
} as const;

/** `struct vfsmount`. */
export const VFSMOUNT = {
  root: field("vfsmount", "mnt_root"),
  sb: field("vfsmount", "mnt_sb"),
  flags: field("vfsmount", "mnt_flags"),
} as const;

/** `struct inode`. */
export const INODE = {
  mode: field("inode", "i_mode"),
  uid: field("inode", "i_uid.val"),
  gid: field("inode", "i_gid.val"),
  flags: field("inode", "i_flags"),
  op: field("inode", "i_op"),
  sb: field("inode", "i_sb"),
  mapping: field("inode", "i_mapping"),
  data: field("inode", "i_data"),
  ino: field("inode", "i_ino"),
  nlink: field("inode", "i_nlink"),
  rdev: field("inode", "i_rdev"),
  size: field("inode", "i_size"),
  blkbits: field("inode", "i_blkbits"),
  blocks: field("inode", "i_blocks"),
  count: field("inode", "i_count.counter"),
  fop: field("inode", "i_fop"),
  pipe: field("inode", "i_pipe"),
  link: field("inode", "i_link"),
  atime: field("inode", "i_atime.tv_sec"),
  atimeNsec: field("inode", "i_atime.tv_nsec"),
  mtime: field("inode", "i_mtime.tv_sec"),
  mtimeNsec: field("inode", "i_mtime.tv_nsec"),
  ctime: field("inode", "i_ctime.tv_sec"),
  ctimeNsec: field("inode", "i_ctime.tv_nsec"),
  fsnotifyMask: field("inode", "i_fsnotify_mask"),
  fsnotifyMarks: field("inode", "i_fsnotify_marks"),
  flctx: field("inode", "i_flctx"),
  generation: field("inode", "i_generation"),
} as const;

/** `struct address_space`. */
export const MAPPING_HOST = field("address_space", "host");

/** `struct dentry`. */
export const DENTRY = {
  flags: field("dentry", "d_flags"),
  parent: field("dentry", "d_parent"),
  len: field("dentry", "d_name.len"),
  name: field("dentry", "d_name.name"),
  inode: field("dentry", "d_inode"),
  iname: field("dentry", "d_iname"),
  count: field("dentry", "d_lockref.count"),
  sb: field("dentry", "d_sb"),
} as const;

/** `struct file`. */
export const FILE = {
  path: field("file", "f_path"),
  mnt: field("file", "f_path.mnt"),
  dentry: field("file", "f_path.dentry"),
  inode: field("file", "f_inode"),
  op: field("file", "f_op"),
  count: field("file", "f_count"),
  flags: field("file", "f_flags"),
  mode: field("file", "f_mode"),
  pos: field("file", "f_pos"),
  cred: field("file", "f_cred"),
  mapping: field("file", "f_mapping"),
  privateData: field("file", "private_data"),
} as const;

/** `struct path`. */
export const PATH = { mnt: field("path", "mnt"), dentry: field("path", "dentry") } as const;

/** `struct nameidata`. */
export const NAMEIDATA = {
  mnt: field("nameidata", "path.mnt"),
  dentry: field("nameidata", "path.dentry"),
  last: field("nameidata", "last"),
  lastName: field("nameidata", "last.name"),
  lastLen: field("nameidata", "last.len"),
  lastType: field("nameidata", "last_type"),
  inode: field("nameidata", "inode"),
  flags: field("nameidata", "flags"),
  nextSeq: field("nameidata", "next_seq"),
  state: field("nameidata", "state"),
  rootMnt: field("nameidata", "root.mnt"),
  rootDentry: field("nameidata", "root.dentry"),
  depth: field("nameidata", "depth"),
  name: field("nameidata", "name"),
  dfd: field("nameidata", "dfd"),
} as const;

/** `struct filename`. */
export const FILENAME = {
  name: field("filename", "name"),
  uptr: field("filename", "uptr"),
  refcnt: field("filename", "refcnt"),
  iname: field("filename", "iname"),
} as const;
