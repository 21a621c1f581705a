/**
 * `struct nameidata`: where a path walk stands. It lives in the walker's stack frame.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { pushLocal } from "../process/stack.ts";
import type { Dentry } from "./dentry.ts";
import { NAMEIDATA } from "./fields.ts";
import { FS } from "./fs_struct.ts";

/** `nd->last_type`: an ordinary name. */
export const LAST_NORM = 0;
/** `nd->last_type`: nothing but slashes. */
export const LAST_ROOT = 1;
/** `nd->last_type`: `.`. */
export const LAST_DOT = 2;
/** `nd->last_type`: `..`. */
export const LAST_DOTDOT = 3;

/** `step_into` flag: the last component. */
export const WALK_TRAILING = 1;
/** `step_into` flag: more components follow. */
export const WALK_MORE = 2;
/** `step_into` flag: don't follow a link. */
export const WALK_NOFOLLOW = 4;

/** A zeroed `nameidata` in the current kernel stack, for a walk of `name` from `dfd`. */
export function newNameidata(k: Kernel, dfd: number, name: Addr): Addr {
  const nd = pushLocal(k, sizeOfStruct(k, "nameidata"));
  NAMEIDATA.dfd.set(k, nd, dfd);
  NAMEIDATA.name.set(k, nd, name);
  k.vfs.walking = nd;
  return nd;
}

/** The dentry where the walk stands. */
export function ndDentry(k: Kernel, nd: Addr): Dentry {
  const dentry = k.vfs.dentries.get(NAMEIDATA.dentry.get(k, nd));
  if (dentry === undefined) throw new Error("Cannot walk on: nameidata points to no dentry");
  return dentry;
}

/** Moves the walk to a dentry. */
export function standAt(k: Kernel, nd: Addr, dentry: Dentry, mnt?: Addr): void {
  NAMEIDATA.dentry.set(k, nd, dentry.address);
  NAMEIDATA.inode.set(k, nd, dentry.inode?.address ?? 0);
  if (mnt !== undefined) NAMEIDATA.mnt.set(k, nd, mnt);
}

/** The name that the walk comes to next, out of memory. */
export function lastName(k: Kernel, nd: Addr): string {
  return k.memory.readText(NAMEIDATA.lastName.get(k, nd), NAMEIDATA.lastLen.get(k, nd));
}

/** The root directory of the current task. */
export function rootOf(k: Kernel): { readonly dentry: Dentry; readonly mnt: Addr } {
  return placeOf(k, FS.rootDentry.get(k, k.current.fs), FS.rootMnt.get(k, k.current.fs));
}

/** The current directory of the current task. */
export function pwdOf(k: Kernel): { readonly dentry: Dentry; readonly mnt: Addr } {
  return placeOf(k, FS.pwdDentry.get(k, k.current.fs), FS.pwdMnt.get(k, k.current.fs));
}

function placeOf(k: Kernel, dentry: Addr, mnt: Addr): { readonly dentry: Dentry; readonly mnt: Addr } {
  return { dentry: k.vfs.dentries.get(dentry) ?? k.vfs.root, mnt };
}
