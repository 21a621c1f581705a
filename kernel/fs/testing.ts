/**
 * Helpers for tests of the file tree: what must be true of it in memory, whatever happened. Each throws an Error that says
 * what isn't.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { Dentry } from "./dentry.ts";
import { DENTRY, INODE, MOUNT, SUPER, VFSMOUNT } from "./fields.ts";

/** Everything in memory against everything else, from each mount's root down. */
export function checkTree(k: Kernel): void {
  const links = new Map<Addr, number>();
  for (const mount of k.vfs.mounts.values()) {
    if (mount.sb.type.pinned) checkBelow(k, mount.sb.root, links);
    checkMountChain(k, mount.address);
  }
  for (const [inode, count] of links) same(INODE.nlink.get(k, inode), count, "an inode's links");
}

/** A dentry and all below it; `links` counts the names of each inode that is no directory. */
function checkBelow(k: Kernel, dentry: Dentry, links: Map<Addr, number>): void {
  const { inode, address, path } = dentry;
  if (inode === null) throw new Error(`${path} stands in the tree for nothing`);
  same(k.vfs.dentries.get(address), dentry, `the dentry at ${path}'s address`);
  same(k.vfs.inodes.get(inode.address), inode, `the inode at ${path}'s inode's address`);
  same(DENTRY.inode.get(k, address), inode.address, `d_inode of ${path}`);
  same(DENTRY.parent.get(k, address), dentry.parent.address, `d_parent of ${path}`);
  same(k.memory.readString(DENTRY.name.get(k, address)), dentry.name, `d_name of ${path}`);
  same(DENTRY.sb.get(k, address), INODE.sb.get(k, inode.address), `d_sb of ${path}`);
  let directories = 0;
  for (const [name, child] of inode.entries ?? []) {
    same(child.name, name, `the name of an entry of ${path}`);
    same(child.parent, dentry, `the parent of ${child.path}`);
    if (child.inode?.entries) directories++;
    checkBelow(k, child, links);
  }
  if (inode.entries !== null) same(inode.nlink, 2 + directories, `links of ${path}`);
  else links.set(inode.address, (links.get(inode.address) ?? 0) + 1);
  // Pinned once, held by each child, by what stands on it and by mounts: never less.
  if (dentry.count < 1 + (inode.entries?.size ?? 0)) throw new Error(`${path} is held ${dentry.count} times`);
}

/** Follows a mount to the root of all, as a probe does, in memory alone. */
export function checkMountChain(k: Kernel, mount: Addr): void {
  let at = mount;
  for (let steps = 0; steps < 50; steps++) {
    const root = VFSMOUNT.root.get(k, MOUNT.vfsmount.at(k, at));
    same(SUPER.root.get(k, VFSMOUNT.sb.get(k, MOUNT.vfsmount.at(k, at))), root, "the root of a mount");
    checkDentryChain(k, MOUNT.mountpoint.get(k, at));
    const parent = MOUNT.parent.get(k, at);
    if (parent === at) return;
    at = parent;
  }
  throw new Error("a mount chain does not end in itself");
}

/** Follows a dentry to one that is its own parent; gives it. */
export function checkDentryChain(k: Kernel, dentry: Addr): Addr {
  let at = dentry;
  for (let steps = 0; steps < 100; steps++) {
    const parent = DENTRY.parent.get(k, at);
    if (parent === at) return at;
    at = parent;
  }
  throw new Error("a dentry chain does not end in itself");
}

function same(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what} is ${String(actual)}, not ${String(expected)}`);
}
