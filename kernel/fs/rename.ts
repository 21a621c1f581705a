/**
 * Moving names: `rename` as `fs/namei.c` does it.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EBUSY, EEXIST, EINVAL, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EXDEV } from "../syscalls/errno.ts";
import { SHMEM_MKNOD } from "./create.ts";
import type { Dentry } from "./dentry.ts";
import type { Inode } from "./inode.ts";
import { nameMoved } from "./inode_times.ts";
import { inodeCallees } from "./inode_operations.ts";
import { S_IFCHR } from "./modes.ts";
import { MAY_WRITE } from "./permission.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { INODE, PATH } from "./fields.ts";
import { failsAt } from "./failures.ts";
import { FILENAME_PARENTAT } from "./path_lookup.ts";
import { forget, slashFollows } from "./lookup.ts";
import { INODE_PERMISSION, MNT_WANT_WRITE } from "./namei.ts";
import { LAST_NORM } from "./nameidata.ts";
import { isErr, PUTNAME } from "./names.ts";
import { FSNOTIFY, notifyMove } from "./notify/events.ts";
import { recorded } from "./recorded.ts";
import {
  LOOKUP_ONE_QSTR_EXCL,
  MAY_DELETE,
  mayCreate,
  MNT_DROP_WRITE,
  type Parent,
  parentOf,
  userns,
} from "./namei_ops.ts";

/** Flags of `renameat2`. */
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;
const RENAME_WHITEOUT = 4;
const LOOKUP_RENAME_TARGET = 0x800;

/** Moves a dentry (`d_move`): from then on it has the other's parent and name. */
export const D_MOVE: FunctionRef = behaviour("d_move", [], (k, dentry = 0, target = 0) => {
  const moved = k.vfs.dentries.get(dentry);
  const place = k.vfs.dentries.get(target);
  if (moved === undefined || place === undefined) return Number.NaN;
  const { parent, name } = place;
  moved.parent.inode?.entries?.delete(moved.name);
  if (parent.negative?.get(name) === place) {
    parent.negative.delete(name);
    place.hashed = false;
  }
  moved.move(parent, name);
  parent.inode?.entries?.set(name, moved);
  return Number.NaN;
});

/** Two dentries take each other's parent and name. */
export const D_EXCHANGE: FunctionRef = behaviour("d_exchange", [], (k, first = 0, second = 0) => {
  const one = k.vfs.dentries.get(first);
  const other = k.vfs.dentries.get(second);
  if (one === undefined || other === undefined) return Number.NaN;
  const { parent, name } = one;
  one.move(other.parent, other.name);
  other.move(parent, name);
  for (const moved of [one, other]) moved.parent.inode?.entries?.set(moved.name, moved);
  return Number.NaN;
});

/** The links that a directory's parents have from it, when it moves from one to the other. */
export function moveLinks(moved: Inode | null, from: Inode | undefined, to: Inode | undefined): void {
  if (moved?.entries == null || from === undefined || to === undefined || from === to) return;
  from.nlink--;
  to.nlink++;
}

/** tmpfs moves a name; what had the new one is gone. */
export const SHMEM_RENAME2: FunctionRef = behaviour(
  "shmem_rename2",
  [SHMEM_MKNOD],
  (k, ns = 0, oldDir = 0, oldDentry = 0, newDir = 0, target = 0, flags = 0) => {
    const failure = failsAt(k, "operation") || failsAt(k, "create");
    if (failure !== 0) return failure;
    const source = k.vfs.dentries.get(oldDentry);
    const replaced = k.vfs.dentries.get(target);
    const from = k.vfs.inodes.get(oldDir);
    const to = k.vfs.inodes.get(newDir);
    const full = (replaced?.inode?.entries?.size ?? 0) > 0;
    if (full && (flags & RENAME_EXCHANGE) === 0) return -ENOTEMPTY;
    nameMoved(k, oldDir, newDir, source?.inode?.address, replaced?.inode?.address);
    if ((flags & RENAME_EXCHANGE) !== 0) {
      moveLinks(source?.inode ?? null, from, to);
      moveLinks(replaced?.inode ?? null, to, from);
      return 0;
    }
    if ((flags & RENAME_WHITEOUT) !== 0 && source !== undefined) {
      // A device 0:0 of that name takes the place.
      const name = k.vfs.newDentry(source.name, source.parent);
      const error = k.call(SHMEM_MKNOD, ns, oldDir, name.address, S_IFCHR, 0);
      if (error !== 0) return error;
    }
    if (replaced?.inode) {
      k.vfs.remove(replaced, true);
      INODE.size.add(k, newDir, -DIRENT);
    }
    moveLinks(source?.inode ?? null, from, to);
    INODE.size.add(k, oldDir, -DIRENT);
    INODE.size.add(k, newDir, DIRENT);
    return 0;
  },
);
/** What an entry adds to the size of a tmpfs directory. */
const DIRENT = 20;

/** Fields of `struct renamedata`. */
const DATA = {
  oldUserns: field("renamedata", "old_mnt_userns"),
  oldDir: field("renamedata", "old_dir"),
  oldDentry: field("renamedata", "old_dentry"),
  newUserns: field("renamedata", "new_mnt_userns"),
  newDir: field("renamedata", "new_dir"),
  newDentry: field("renamedata", "new_dentry"),
  flags: field("renamedata", "flags"),
} as const;

/** Moves a name: 0 or -errno. */
export const VFS_RENAME: FunctionRef = behaviour(
  "vfs_rename",
  [MAY_DELETE, INODE_PERMISSION, ...inodeCallees("rename"), D_MOVE, D_EXCHANGE, FSNOTIFY],
  (k, data = 0) => {
    const ns = DATA.oldUserns.get(k, data);
    const oldDir = DATA.oldDir.get(k, data);
    const oldDentry = DATA.oldDentry.get(k, data);
    const newDir = DATA.newDir.get(k, data);
    const newDentry = DATA.newDentry.get(k, data);
    const flags = DATA.flags.get(k, data);
    const exchange = (flags & RENAME_EXCHANGE) !== 0;
    const source = k.vfs.dentries.get(oldDentry);
    const target = k.vfs.dentries.get(newDentry);
    if (source === undefined || target === undefined) return -ENOENT;
    if (source.inode !== null && source.inode === target.inode) return 0;
    const isdir = source.inode?.entries !== null;
    const targetIsdir = target.inode?.entries != null;
    let error = k.call(MAY_DELETE, ns, oldDir, oldDentry, isdir ? 1 : 0);
    if (error !== 0) return error;
    error = target.inode === null
      ? mayCreate(k, ns, newDir)
      : k.call(MAY_DELETE, ns, newDir, newDentry, (exchange ? targetIsdir : isdir) ? 1 : 0);
    if (error !== 0) return error;
    const operation = k.vfs.inodes.get(oldDir)?.iops.rename;
    if (operation === undefined) return -EPERM;
    // What gets another parent has its `..` changed.
    if (oldDir !== newDir && isdir) {
      error = k.call(INODE_PERMISSION, ns, source.inode?.address ?? 0, MAY_WRITE, 0);
      if (error === 0 && exchange && targetIsdir) {
        error = k.call(INODE_PERMISSION, ns, target.inode?.address ?? 0, MAY_WRITE, 0);
      }
      if (error !== 0) return error;
    }
    if (source.mounted || target.mounted) return -EBUSY;
    const [oldName, newName] = [source.name, target.name];
    const replaced = exchange ? null : target.inode;
    error = k.calls.callN(operation, [ns, oldDir, oldDentry, newDir, newDentry, flags]);
    if (error !== 0) return error;
    k.call(exchange ? D_EXCHANGE : D_MOVE, oldDentry, newDentry);
    if (!k.vfs.watches.none) {
      const [from, to] = [k.vfs.inodes.get(oldDir), k.vfs.inodes.get(newDir)];
      notifyMove(k, from, oldName, to, newName, source.inode, replaced);
      if (exchange) notifyMove(k, to, newName, from, oldName, target.inode, null);
    }
    return 0;
  },
);

/** `rename`: 0 or -errno. */
export const DO_RENAMEAT2: FunctionRef = behaviour(
  "do_renameat2",
  [
    FILENAME_PARENTAT,
    MNT_WANT_WRITE,
    LOOKUP_ONE_QSTR_EXCL,
    VFS_RENAME,
    fn("dput"),
    MNT_DROP_WRITE,
    fn("mntput"),
    PUTNAME,
  ],
  (k, olddfd = 0, from = 0, newdfd = 0, to = 0, flags = 0) => {
    if (isErr(from)) return from;
    if (isErr(to)) return to;
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -EINVAL;
    if ((flags & RENAME_EXCHANGE) !== 0 && flags !== RENAME_EXCHANGE) return -EINVAL;
    const mark = k.current.locals;
    const source = parentOf(k, olddfd, from, 0);
    const target = typeof source === "number" ? source : parentOf(k, newdfd, to, 0);
    const error = typeof source === "number" || typeof target === "number"
      ? Number(typeof source === "number" ? source : target)
      : renameBetween(k, source, target, flags);
    popLocals(k, mark);
    k.call(PUTNAME, from);
    k.call(PUTNAME, to);
    return error;
  },
);

function renameBetween(k: Kernel, source: Parent, target: Parent, flags: number): number {
  const mnt = PATH.mnt.get(k, source.path);
  // A recording may know of mounts that the model does not.
  const replayed = recorded(k);
  const elsewhere = PATH.mnt.get(k, target.path) !== mnt;
  if (replayed === undefined ? elsewhere : replayed.ret === -EXDEV) return -EXDEV;
  if (source.type !== LAST_NORM) return -EBUSY;
  if (target.type !== LAST_NORM) return (flags & RENAME_NOREPLACE) !== 0 ? -EEXIST : -EBUSY;
  let error = k.call(MNT_WANT_WRITE, mnt);
  if (error !== 0) return error;
  const oldDentry = k.call(LOOKUP_ONE_QSTR_EXCL, source.qstr, source.dir.address, 0);
  const old = k.vfs.dentries.get(oldDentry);
  let newDentry = 0;
  if (isErr(oldDentry)) error = oldDentry;
  else if (!old?.inode) error = -ENOENT;
  else {
    newDentry = k.call(LOOKUP_ONE_QSTR_EXCL, target.qstr, target.dir.address, LOOKUP_RENAME_TARGET);
    error = isErr(newDentry) ? newDentry : renameProblem(k, source, target, old, newDentry, flags);
  }
  if (error === 0) {
    const data = pushLocal(k, sizeOfStruct(k, "renamedata"));
    DATA.oldUserns.set(k, data, userns(k));
    DATA.oldDir.set(k, data, source.dir.inode?.address ?? 0);
    DATA.oldDentry.set(k, data, oldDentry);
    DATA.newUserns.set(k, data, userns(k));
    DATA.newDir.set(k, data, target.dir.inode?.address ?? 0);
    DATA.newDentry.set(k, data, newDentry);
    DATA.flags.set(k, data, flags);
    error = k.call(VFS_RENAME, data);
  }
  for (const dentry of [newDentry, oldDentry]) {
    if (dentry === 0 || isErr(dentry)) continue;
    k.call(fn("dput"), dentry);
    forget(k, dentry);
  }
  k.call(MNT_DROP_WRITE, mnt);
  k.call(fn("mntput"), mnt);
  return error;
}

/** What is wrong with moving one existing name to another, before anything is asked of the file system: 0 or -errno. */
function renameProblem(
  k: Kernel,
  source: Parent,
  target: Parent,
  old: Dentry,
  newDentry: Addr,
  flags: number,
): number {
  const existing = k.vfs.dentries.get(newDentry);
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  if (existing?.inode && (flags & RENAME_NOREPLACE) !== 0) return -EEXIST;
  if (exchange) {
    if (!existing?.inode) return -ENOENT;
    if (existing.inode.entries === null && slashFollows(k, target.qstr)) return -ENOTDIR;
  }
  if (old.inode?.entries === null) {
    if (slashFollows(k, source.qstr) || !exchange && slashFollows(k, target.qstr)) return -ENOTDIR;
  }
  if (isAncestor(old, target.dir)) return -EINVAL;
  if (existing !== undefined && isAncestor(existing, source.dir)) return exchange ? -EINVAL : -ENOTEMPTY;
  return 0;
}

function isAncestor(dentry: Dentry, of: Dentry): boolean {
  for (let at = of;; at = at.parent) {
    if (at === dentry) return true;
    if (at.isRoot) return false;
  }
}
