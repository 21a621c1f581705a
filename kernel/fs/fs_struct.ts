/**
 * `fs_struct`: a process's root and current directory.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import { field } from "../process/objects.ts";

/** Fields of `struct fs_struct`. */
export const FS = {
  users: field("fs_struct", "users"),
  umask: field("fs_struct", "umask"),
  root: field("fs_struct", "root"),
  rootMnt: field("fs_struct", "root.mnt"),
  rootDentry: field("fs_struct", "root.dentry"),
  pwd: field("fs_struct", "pwd"),
  pwdMnt: field("fs_struct", "pwd.mnt"),
  pwdDentry: field("fs_struct", "pwd.dentry"),
} as const;

/** One that stands at the root. */
export function newFsStruct(k: Kernel): Addr {
  const fs = newObject(k, "fs_cache", "fs_struct");
  FS.users.set(k, fs, 1);
  FS.umask.set(k, fs, 0o22);
  FS.rootMnt.set(k, fs, k.vfs.mnt);
  FS.rootDentry.set(k, fs, k.vfs.root.address);
  FS.pwdMnt.set(k, fs, k.vfs.mnt);
  FS.pwdDentry.set(k, fs, k.vfs.root.address);
  k.vfs.root.hold();
  k.vfs.root.hold();
  const mount = k.vfs.mounts.get(k.vfs.mnt);
  if (mount !== undefined) mount.users += 2;
  return fs;
}

/** Puts the current or the root directory somewhere else, which is referred to from then on. */
export function setPlace(k: Kernel, fs: Addr, which: "pwd" | "root", mnt: Addr, dentry: Addr): void {
  const [mntField, dentryField] = which === "pwd" ? [FS.pwdMnt, FS.pwdDentry] : [FS.rootMnt, FS.rootDentry];
  const old = k.vfs.dentries.get(dentryField.get(k, fs));
  k.vfs.dentries.get(dentry)?.hold();
  const [from, to] = [k.vfs.mounts.get(mntField.get(k, fs)), k.vfs.mounts.get(mnt)];
  if (from !== undefined) from.users--;
  if (to !== undefined) to.users++;
  mntField.set(k, fs, mnt);
  dentryField.set(k, fs, dentry);
  if (old !== undefined) k.vfs.put(old);
}

/** Shares (`CLONE_FS`) or copies one. */
export function copyFsStruct(k: Kernel, from: Addr, share: boolean): Addr {
  if (share) {
    FS.users.add(k, from, 1);
    return from;
  }
  const fs = newFsStruct(k);
  FS.umask.set(k, fs, FS.umask.get(k, from));
  setPlace(k, fs, "root", FS.rootMnt.get(k, from), FS.rootDentry.get(k, from));
  setPlace(k, fs, "pwd", FS.pwdMnt.get(k, from), FS.pwdDentry.get(k, from));
  return fs;
}

/** Drops a use. */
export function putFsStruct(k: Kernel, fs: Addr): void {
  if (FS.users.add(k, fs, -1) > 0) return;
  for (const [mnt, dentry] of [[FS.rootMnt, FS.rootDentry], [FS.pwdMnt, FS.pwdDentry]] as const) {
    const mount = k.vfs.mounts.get(mnt.get(k, fs));
    if (mount !== undefined) mount.users--;
    const held = k.vfs.dentries.get(dentry.get(k, fs));
    if (held !== undefined) k.vfs.put(held);
  }
  freeObject(k, "fs_cache", fs);
}
