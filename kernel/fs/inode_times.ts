/**
 * When inodes were read, written and changed: `touch_atime` and `file_update_time` of `fs/inode.c`. Times of inodes are
 * coarse: those of the last tick.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { coarseTime } from "../time/wall_clock.ts";
import { I_DIRTY_SYNC } from "./backing_dev.ts";
import { FILE, INODE, PATH, SUPER, VFSMOUNT } from "./fields.ts";
import { SB_NOATIME, SB_NODIRATIME } from "./file_system.ts";
import { O_NOATIME, openFlags, S_IFDIR, S_IFMT } from "./modes.ts";
import { MNT_NOATIME, MNT_NODIRATIME, MNT_RELATIME } from "./mount.ts";

/** The time of the last read. */
export const S_ATIME = 1;
/** The time of the last change of the contents. */
export const S_MTIME = 2;
/** The time of the last change of the inode. */
export const S_CTIME = 4;

const S_NOATIME = 2;
const S_NOCMTIME = 0x80;
const DAY = 24 * 60 * 60;
const CURRENT_TIME = fn("current_time");
const MARK_INODE_DIRTY = fn("__mark_inode_dirty");
const MNT_WANT_WRITE = fn("__mnt_want_write");
const MNT_DROP_WRITE = fn("__mnt_drop_write");
const MNT_WANT_WRITE_FILE = fn("__mnt_want_write_file");
const MNT_DROP_WRITE_FILE = fn("__mnt_drop_write_file");
const NEEDS_UPDATE = fn("inode_needs_update_time");

/** Sets the times that `which` names to now. */
export function setTimes(k: Kernel, inode: Addr, which: number): void {
  const { sec, nsec } = coarseTime(k);
  if ((which & S_ATIME) !== 0) {
    INODE.atime.set(k, inode, sec);
    INODE.atimeNsec.set(k, inode, nsec);
  }
  if ((which & S_MTIME) !== 0) {
    INODE.mtime.set(k, inode, sec);
    INODE.mtimeNsec.set(k, inode, nsec);
  }
  if ((which & S_CTIME) !== 0) {
    INODE.ctime.set(k, inode, sec);
    INODE.ctimeNsec.set(k, inode, nsec);
  }
}

/** An inode has just been made: all its times are now. Gives it back. */
export function madeNow(k: Kernel, inode: Addr): Addr {
  setTimes(k, inode, S_ATIME | S_MTIME | S_CTIME);
  return inode;
}

/** A directory's names have changed: so have its contents. */
export function directoryChanged(k: Kernel, dir: Addr): void {
  setTimes(k, dir, S_MTIME | S_CTIME);
}

/** A name was taken out of a directory: both it and what it named have changed. */
export function nameRemoved(k: Kernel, dir: Addr, inode: Addr | undefined): void {
  directoryChanged(k, dir);
  if (inode !== undefined) setTimes(k, inode, S_CTIME);
}

/** A name has moved from one directory to another, over what had it there: all of them have changed. */
export function nameMoved(
  k: Kernel,
  from: Addr,
  to: Addr,
  moved: Addr | undefined,
  replaced: Addr | undefined,
): void {
  nameRemoved(k, from, moved);
  nameRemoved(k, to, replaced);
}

/** Whether the last read was no earlier than the last change, and less than a day ago (`relatime`). */
function isRecent(k: Kernel, inode: Addr, now: number): boolean {
  const atime = INODE.atime.get(k, inode);
  const mtime = INODE.mtime.get(k, inode);
  if (mtime > atime) return false;
  const nsec = INODE.atimeNsec.get(k, inode);
  if (mtime === atime && INODE.mtimeNsec.get(k, inode) >= nsec) return false;
  const ctime = INODE.ctime.get(k, inode);
  if (ctime > atime || ctime === atime && INODE.ctimeNsec.get(k, inode) >= nsec) return false;
  return now - atime < DAY;
}

/** Whether somebody wants to know when what a path leads to was read. */
function tracksAtime(k: Kernel, path: Addr, inode: Addr): boolean {
  if ((INODE.flags.get(k, inode) & S_NOATIME) !== 0) return false;
  const mnt = VFSMOUNT.flags.get(k, PATH.mnt.get(k, path));
  const sb = SUPER.flags.get(k, INODE.sb.get(k, inode));
  if ((sb & SB_NOATIME) !== 0 || (mnt & MNT_NOATIME) !== 0) return false;
  return (sb & SB_NODIRATIME) === 0 && (mnt & MNT_NODIRATIME) === 0 ||
    (INODE.mode.get(k, inode) & S_IFMT) !== S_IFDIR;
}

/** Whether a read now would be another one than that which is noted. */
function isStale(k: Kernel, path: Addr, inode: Addr): boolean {
  const { sec, nsec } = coarseTime(k);
  const mnt = VFSMOUNT.flags.get(k, PATH.mnt.get(k, path));
  if ((mnt & MNT_RELATIME) !== 0 && isRecent(k, inode, sec)) return false;
  return INODE.atime.get(k, inode) !== sec || INODE.atimeNsec.get(k, inode) !== nsec;
}

/** Whether reading what a path leads to is to be noted: 1 or 0. */
export const ATIME_NEEDS_UPDATE: FunctionRef = behaviour(
  "atime_needs_update",
  [CURRENT_TIME],
  (k, path = 0, inode = 0) => {
    if (!tracksAtime(k, path, inode)) return 0;
    k.call(CURRENT_TIME, inode);
    return isStale(k, path, inode) ? 1 : 0;
  },
);

/** Notes that what a path leads to was read. */
export const TOUCH_ATIME: FunctionRef = behaviour(
  "touch_atime",
  [ATIME_NEEDS_UPDATE, MNT_WANT_WRITE, CURRENT_TIME, MARK_INODE_DIRTY, MNT_DROP_WRITE],
  (k, path = 0) => {
    const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode;
    if (!inode || k.call(ATIME_NEEDS_UPDATE, path, inode.address) !== 1) return Number.NaN;
    const mnt = PATH.mnt.get(k, path);
    const mount = k.vfs.mounts.get(mnt);
    k.call(MNT_WANT_WRITE, mnt);
    if (mount?.readOnly === true) return Number.NaN;
    k.call(CURRENT_TIME, inode.address);
    setTimes(k, inode.address, S_ATIME);
    k.call(MARK_INODE_DIRTY, inode.address, I_DIRTY_SYNC);
    k.call(MNT_DROP_WRITE, mnt);
    return Number.NaN;
  },
);

/** `touch_atime` without calling anything: for what reads in a function whose calls are all recorded ones. */
export function noteAccess(k: Kernel, path: Addr): void {
  const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode;
  if (!inode || !tracksAtime(k, path, inode.address) || !isStale(k, path, inode.address)) return;
  if (k.vfs.mounts.get(PATH.mnt.get(k, path))?.readOnly !== true) setTimes(k, inode.address, S_ATIME);
}

/** What an open file's path leads to was read (`file_accessed`). */
export function fileAccessed(k: Kernel, file: Addr): void {
  if ((openFlags(k.image.arch, FILE.flags.get(k, file)) & O_NOATIME) !== 0) return;
  k.call(TOUCH_ATIME, FILE.path.at(k, file));
}

/** Sets times of an inode and has it written. (inode, time, flags) */
export const GENERIC_UPDATE_TIME: FunctionRef = behaviour(
  "generic_update_time",
  [MARK_INODE_DIRTY],
  (k, inode = 0, _time = 0, flags = 0) => {
    setTimes(k, inode, flags);
    k.call(MARK_INODE_DIRTY, inode, I_DIRTY_SYNC);
    return 0;
  },
);

/** Which times differ from now: bits of `S_MTIME` and `S_CTIME`. */
function outdated(k: Kernel, inode: Addr): number {
  if ((INODE.flags.get(k, inode) & S_NOCMTIME) !== 0) return 0;
  const { sec, nsec } = coarseTime(k);
  let which = 0;
  if (INODE.mtime.get(k, inode) !== sec || INODE.mtimeNsec.get(k, inode) !== nsec) which |= S_MTIME;
  if (INODE.ctime.get(k, inode) !== sec || INODE.ctimeNsec.get(k, inode) !== nsec) which |= S_CTIME;
  return which;
}

const UPDATE_CALLS = [
  CURRENT_TIME,
  NEEDS_UPDATE,
  MNT_WANT_WRITE_FILE,
  GENERIC_UPDATE_TIME,
  MNT_DROP_WRITE_FILE,
];

function update(k: Kernel, file: Addr): number {
  const inode = FILE.inode.get(k, file);
  if (inode === 0) return 0;
  k.call(CURRENT_TIME, inode);
  k.call(NEEDS_UPDATE, inode);
  const which = outdated(k, inode);
  if (which === 0) return 0;
  k.call(MNT_WANT_WRITE_FILE, file);
  k.call(GENERIC_UPDATE_TIME, inode, Number.NaN, which);
  k.call(MNT_DROP_WRITE_FILE, file);
  return 0;
}

/** The contents of an open file change: notes when. 0. */
export const FILE_UPDATE_TIME: FunctionRef = behaviour(
  "file_update_time",
  UPDATE_CALLS,
  (k, file = 0) => update(k, file),
);

const FILE_REMOVE_PRIVS = fn("__file_remove_privs");
const FILE_MODIFIED_FLAGS: FunctionRef = behaviour(
  "file_modified_flags",
  [FILE_REMOVE_PRIVS, ...UPDATE_CALLS],
  (k, file = 0) => {
    k.call(FILE_REMOVE_PRIVS, file);
    return update(k, file);
  },
);

/** The contents of an open file change: takes its privileges, notes when. 0. */
export const FILE_MODIFIED: FunctionRef = behaviour(
  "file_modified",
  [FILE_MODIFIED_FLAGS],
  (k, file = 0) => k.call(FILE_MODIFIED_FLAGS, file, 0),
);
