/**
 * Names looked up in a directory: in the dentry cache, else by the file system. `fs/namei.c`, `fs/dcache.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { ECHILD, ENAMETOOLONG, ENOTDIR } from "../syscalls/errno.ts";
import { dentryOperations } from "./dentry_operations.ts";
import { NAMEIDATA } from "./fields.ts";
import { inodeCallees } from "./inode_operations.ts";
import { LOOKUP_RCU } from "./modes.ts";

/** `nd->state`: the root is referenced too. */
export const ND_ROOT_GRABBED = 2;

/** A name in the dentry cache, looked up without references. On tmpfs the cache is the directory. */
export const D_LOOKUP_RCU: FunctionRef = behaviour("__d_lookup_rcu", [], (k, parent = 0, qstr = 0) => {
  return cached(k, parent, qstr);
});

/** A name in the dentry cache, looked up with references. */
export const D_LOOKUP_REF: FunctionRef = behaviour("__d_lookup", [], (k, parent = 0, qstr = 0) => {
  return cached(k, parent, qstr);
});

/** Takes the references that the walk did without: true (1) if everything is still there. */
export const TRY_TO_UNLAZY: FunctionRef = behaviour("try_to_unlazy", [], (k, nd = 0) => {
  NAMEIDATA.flags.set(k, nd, NAMEIDATA.flags.get(k, nd) & ~LOOKUP_RCU);
  if (NAMEIDATA.rootMnt.get(k, nd) !== 0) {
    NAMEIDATA.state.set(k, nd, NAMEIDATA.state.get(k, nd) | ND_ROOT_GRABBED);
  }
  return 1;
});

/** The same in the middle of a step: the dentry that was found is taken along. */
export const TRY_TO_UNLAZY_NEXT: FunctionRef = behaviour("try_to_unlazy_next", [], (k, nd = 0) => {
  NAMEIDATA.flags.set(k, nd, NAMEIDATA.flags.get(k, nd) & ~LOOKUP_RCU);
  if (NAMEIDATA.rootMnt.get(k, nd) !== 0) {
    NAMEIDATA.state.set(k, nd, NAMEIDATA.state.get(k, nd) | ND_ROOT_GRABBED);
  }
  return 1;
});

/** Looks the walk's next name up in the dentry cache: the dentry, 0 if it isn't there, or -errno. */
export const LOOKUP_FAST: FunctionRef = behaviour(
  "lookup_fast",
  [D_LOOKUP_RCU, D_LOOKUP_REF, TRY_TO_UNLAZY, TRY_TO_UNLAZY_NEXT, ...revalidators()],
  (k, nd = 0) => {
    const parent = NAMEIDATA.dentry.get(k, nd);
    const last = NAMEIDATA.last.at(k, nd);
    const rcu = (NAMEIDATA.flags.get(k, nd) & LOOKUP_RCU) !== 0;
    const dentry = rcu
      ? k.call(D_LOOKUP_RCU, parent, last, NAMEIDATA.nextSeq.at(k, nd))
      : k.call(D_LOOKUP_REF, parent, last);
    if (dentry === 0) {
      if (rcu) k.call(TRY_TO_UNLAZY, nd);
      return 0;
    }
    const dops = k.vfs.dentries.get(dentry)?.inode?.dops ?? null;
    if (dops === null) return dentry;
    const flags = NAMEIDATA.flags.get(k, nd);
    let status = k.call(dops.revalidate, dentry, flags);
    if (rcu && status === -ECHILD) {
      k.call(TRY_TO_UNLAZY_NEXT, nd, dentry);
      status = k.call(dops.revalidate, dentry, flags & ~LOOKUP_RCU);
    }
    if (status > 0) return dentry;
    if (status === 0) {
      const gone = k.vfs.dentries.get(dentry);
      if (gone !== undefined) gone.hashed = false;
    }
    return status;
  },
);

/** Looks a name up in the dentry cache under a directory: the dentry, or 0. */
export const D_LOOKUP: FunctionRef = behaviour("d_lookup", [], (k, parent = 0, qstr = 0) => {
  return cached(k, parent, qstr);
});

/** A dentry without an inode for a name in a directory. */
export const D_ALLOC_PARALLEL: FunctionRef = behaviour(
  "d_alloc_parallel",
  [],
  (k, dir = 0, qstr = 0) => allocDentry(k, dir, qstr),
);

/** A dentry for a name: what is on the disk and not in the cache yet has one, which now comes to lie in memory. */
export function allocDentry(k: Kernel, dir: Addr, qstr: Addr): Addr {
  const parent = k.vfs.dentries.get(dir);
  const name = qstrText(k, qstr);
  const known = parent === undefined ? null : k.vfs.child(parent, name);
  return (known ?? k.vfs.newDentry(name, parent ?? null)).address;
}

/** Puts a name into the dentry cache with what it stands for (`d_add`, `d_splice_alias`); 0 for nothing. */
function enter(k: Kernel, dentry: Addr, inode: Addr): number {
  const found = k.vfs.dentries.get(dentry);
  if (found === undefined) return 0;
  if (inode !== 0) {
    found.inode = k.vfs.inodes.get(inode) ?? null;
    found.parent.inode?.entries?.set(found.name, found);
  } else if (k.vfs.superOf(found).type.keepsNegative) {
    (found.parent.negative ??= new Map()).set(found.name, found);
  } else return 0;
  found.hashed = true;
  if (found.transient) {
    found.transient = false;
    found.put();
  }
  return 0;
}

/** What a file system's lookup found: into the dentry cache. */
export const D_SPLICE_ALIAS: FunctionRef = behaviour(
  "d_splice_alias",
  [],
  (k, inode = 0, dentry = 0) => enter(k, dentry, inode),
);

/** What a file system's lookup found, or that it found nothing: into the dentry cache. */
export const D_ADD: FunctionRef = behaviour("d_add", [], (k, dentry = 0, inode = 0) => {
  enter(k, dentry, inode);
  return Number.NaN;
});

/** The memory file systems' lookup: what they don't have cached does not exist. */
export const SIMPLE_LOOKUP: FunctionRef = behaviour("simple_lookup", [D_ADD], (k, _dir, dentry = 0) => {
  const name = k.vfs.dentries.get(dentry)?.name ?? "";
  if (name.length > NAME_MAX / 3 && new TextEncoder().encode(name).length > NAME_MAX) return -ENAMETOOLONG;
  k.call(D_ADD, dentry, 0);
  return 0;
});

/** Longest name of one component, in bytes. */
const NAME_MAX = 255;

/** `i_op->lookup` of a directory: the dentry with what was found, or -errno. The dentry is gone after an error. */
export function lookupIn(k: Kernel, dir: Addr, dentry: Addr, flags: number): number {
  const inode = k.vfs.dentries.get(dir)?.inode;
  const lookup = inode?.iops.lookup;
  const result = lookup === undefined ? -ENOTDIR : k.call(lookup, inode?.address ?? 0, dentry, flags);
  if (result === 0) return dentry;
  forget(k, dentry);
  return result;
}

/** Asks the file system: a dentry, without an inode if there is no such name. */
export const LOOKUP_SLOW: FunctionRef = behaviour(
  "__lookup_slow",
  [D_ALLOC_PARALLEL, ...inodeCallees("lookup")],
  (k, qstr = 0, dir = 0, flags = 0) => {
    const mark = k.current.locals;
    const dentry = k.call(D_ALLOC_PARALLEL, dir, qstr, pushLocal(k, 3 * k.image.pointerSize));
    const result = lookupIn(k, dir, dentry, flags);
    popLocals(k, mark);
    return result;
  },
);

function cached(k: Kernel, parent: Addr, qstr: Addr): Addr {
  const dir = k.vfs.dentries.get(parent);
  return dir === undefined ? 0 : k.vfs.cached(dir, qstrText(k, qstr))?.address ?? 0;
}

/** Text of a `struct qstr`. */
export function qstrText(k: Kernel, qstr: Addr): string {
  const base = NAMEIDATA.last.offset(k);
  const length = k.memory.load(qstr + NAMEIDATA.lastLen.offset(k) - base, 4, false);
  const at = k.memory.readPointer(qstr + NAMEIDATA.lastName.offset(k) - base);
  return k.memory.readText(at, length);
}

/** Whether a slash follows a name that is part of a path. */
export function slashFollows(k: Kernel, qstr: Addr): boolean {
  const base = NAMEIDATA.last.offset(k);
  const length = k.memory.load(qstr + NAMEIDATA.lastLen.offset(k) - base, 4, false);
  const at = k.memory.readPointer(qstr + NAMEIDATA.lastName.offset(k) - base);
  return k.memory.load(at + length, 1, false) === 0x2f;
}

/** The call is done with a dentry (its `dput`): it goes if it names nothing, unless such names stay in the cache. */
export function forget(k: Kernel, address: Addr): void {
  const dentry = k.vfs.dentries.get(address);
  if (dentry === undefined) return;
  if (dentry.transient) {
    dentry.transient = false;
    dentry.put();
  }
  k.vfs.release(dentry);
}

/** Every function that checks whether a cached name still stands for the same. */
function revalidators(): readonly FunctionRef[] {
  return dentryOperations().map(({ revalidate }) => revalidate);
}
