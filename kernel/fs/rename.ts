/**
 * Moving names: `rename` as `fs/namei.c` does it.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EBUSY, EEXIST, EINVAL, ENOENT, ENOTDIR, ENOTEMPTY, EXDEV } from "../syscalls/errno.ts";
import type { Dentry } from "./dentry.ts";
import { PATH } from "./fields.ts";
import { failsAt } from "./failures.ts";
import { FILENAME_PARENTAT, forget, MNT_WANT_WRITE, slashFollows } from "./namei.ts";
import { LAST_NORM } from "./nameidata.ts";
import { isErr, PUTNAME } from "./names.ts";
import { recorded } from "./recorded.ts";
import {
  LOOKUP_ONE_QSTR_EXCL,
  MAY_DELETE,
  MNT_DROP_WRITE,
  type Parent,
  parentOf,
  userns,
} from "./namei_ops.ts";

/** Flags of `renameat2`. */
const RENAME_NOREPLACE = 1;
const RENAMEDATA_EXCHANGE = 2;

/** Moves a dentry (`d_move`): from then on it has the other's parent and name. */
export const D_MOVE: FunctionRef = behaviour("d_move", [], (k, dentry = 0, target = 0) => {
  const moved = k.vfs.dentries.get(dentry);
  const place = k.vfs.dentries.get(target);
  if (moved === undefined || place === undefined) return Number.NaN;
  const { parent, name } = place;
  moved.parent.inode?.entries?.delete(moved.name);
  if (moved.inode?.entries && moved.parent !== parent) {
    if (moved.parent.inode) moved.parent.inode.nlink--;
    if (parent.inode) parent.inode.nlink++;
  }
  moved.move(parent, name);
  parent.inode?.entries?.set(name, moved);
  return Number.NaN;
});

/** tmpfs moves a name; what had the new one is gone. */
export const SHMEM_RENAME2: FunctionRef = behaviour(
  "shmem_rename2",
  [],
  (k, _ns, _oldDir, _old, _newDir, target = 0) => {
    const failure = failsAt(k, "operation") || failsAt(k, "create");
    if (failure !== 0) return failure;
    const replaced = k.vfs.dentries.get(target);
    if (replaced?.inode?.entries && replaced.inode.entries.size > 0) return -ENOTEMPTY;
    if (replaced?.inode) k.vfs.remove(replaced);
    return 0;
  },
);

/** Moves a name: 0 or -errno. */
export const VFS_RENAME: FunctionRef = behaviour(
  "vfs_rename",
  [MAY_DELETE, SHMEM_RENAME2, D_MOVE],
  (k, data = 0) => {
    const word = k.image.pointerSize;
    const at = (index: number): Addr => k.memory.readPointer(data + index * word);
    const [ns, oldDir, oldDentry, , newDir, newDentry] = [at(0), at(1), at(2), at(3), at(4), at(5)];
    const source = k.vfs.dentries.get(oldDentry ?? 0);
    const target = k.vfs.dentries.get(newDentry ?? 0);
    if (source === undefined || target === undefined) return -ENOENT;
    if (source.inode !== null && source.inode === target.inode) return 0;
    const isdir = source.inode?.entries !== null ? 1 : 0;
    let error = k.call(MAY_DELETE, ns, oldDir, oldDentry, isdir);
    if (error === 0 && target.inode !== null) error = k.call(MAY_DELETE, ns, newDir, newDentry, isdir);
    if (error === 0) {
      error = k.calls.callN(SHMEM_RENAME2, [ns, oldDir, oldDentry, newDir, newDentry, 0] as number[]);
    }
    if (error === 0) k.call(D_MOVE, oldDentry, newDentry);
    return error;
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
    if ((flags & ~(RENAME_NOREPLACE | RENAMEDATA_EXCHANGE | 4)) !== 0) return -EINVAL;
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
  if (source.type !== LAST_NORM || target.type !== LAST_NORM) return -EBUSY;
  const mnt = PATH.mnt.get(k, source.path);
  // The two lie on different mounts.
  if (recorded(k)?.ret === -EXDEV) return -EXDEV;
  const denied = k.call(MNT_WANT_WRITE, mnt);
  if (denied !== 0) return denied;
  const oldDentry = k.call(LOOKUP_ONE_QSTR_EXCL, source.qstr, source.dir.address, 0);
  const newDentry = k.call(LOOKUP_ONE_QSTR_EXCL, target.qstr, target.dir.address, 0x800);
  const old = k.vfs.dentries.get(oldDentry);
  const existing = k.vfs.dentries.get(newDentry);
  let error = 0;
  if (isErr(oldDentry)) error = oldDentry;
  else if (!old?.inode) error = -ENOENT;
  else if (existing?.inode && (flags & RENAME_NOREPLACE) !== 0) error = -EEXIST;
  else if (old.inode.entries === null && (slashFollows(k, source.qstr) || slashFollows(k, target.qstr))) {
    error = -ENOTDIR;
  } else if ((flags & RENAMEDATA_EXCHANGE) !== 0) error = -EINVAL;
  else if (isAncestor(old, target.dir)) error = -EINVAL;
  else if (existing !== undefined && isAncestor(existing, source.dir)) error = -ENOTEMPTY;
  else if (isErr(newDentry)) error = newDentry;
  if (error === 0) {
    const word = k.image.pointerSize;
    const data = pushLocal(k, 8 * word);
    const values = [
      userns(k),
      source.dir.inode?.address ?? 0,
      oldDentry,
      userns(k),
      target.dir.inode?.address ?? 0,
      newDentry,
      0,
      flags,
    ];
    values.forEach((value, i) => k.memory.writeWord(data + i * word, value));
    error = k.call(VFS_RENAME, data);
  }
  if (!isErr(newDentry)) k.call(fn("dput"), newDentry);
  if (!isErr(oldDentry)) k.call(fn("dput"), oldDentry);
  forget(k, newDentry);
  forget(k, oldDentry);
  k.call(MNT_DROP_WRITE, mnt);
  k.call(fn("mntput"), mnt);
  return error;
}

function isAncestor(dentry: Dentry, of: Dentry): boolean {
  for (let at = of;; at = at.parent) {
    if (at === dentry) return true;
    if (at.isRoot) return false;
  }
}
