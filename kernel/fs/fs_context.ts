/**
 * The mount calls that work by descriptors: `fsopen`, `fsconfig`, `fsmount`, `move_mount`, `open_tree`; `fs/fsopen.c` and
 * `fs/namespace.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EBADF, EBUSY, EINVAL, ELOOP, ENODEV, ENOENT, ENOTDIR } from "../syscalls/errno.ts";
import { anonInodeGetfd, GETFD } from "./anon_inodes.ts";
import { FD_INSTALL, fileOf, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "./fdtable.ts";
import { FILE, PATH } from "./fields.ts";
import { newFile, openOn } from "./file.ts";
import { FSCONTEXT } from "./fileops.ts";
import type { FileSystemType, SuperBlock } from "./file_system.ts";
import { fileSystemNamed } from "./file_systems.ts";
import { O_CLOEXEC, O_PATH, O_RDWR } from "./modes.ts";
import { MNT_READONLY, type Mount } from "./mount.ts";
import { getTree } from "./namespace.ts";

/** What `fsopen` or `fspick` gave a descriptor for. */
interface Context {
  readonly type: FileSystemType;
  source: string;
  readOnly: boolean;
  /** Once it was made, or picked. */
  sb: SuperBlock | null;
  /** Waits for `fsmount`, was mounted, or failed. */
  phase: "parameters" | "mount" | "mounted" | "failed" | "reconfigure";
}

/** Contexts and mounts that have no place in the tree yet, by the address of their open file. */
interface Detached {
  readonly contexts: Map<Addr, Context>;
  readonly mounts: Map<Addr, Mount>;
}
const all = new WeakMap<Kernel, Detached>();

function detachedOf(k: Kernel): Detached {
  let found = all.get(k);
  if (found === undefined) all.set(k, found = { contexts: new Map(), mounts: new Map() });
  return found;
}

/** A descriptor for a context: that, or -errno. */
function contextFd(k: Kernel, context: Context, cloexec: boolean): number {
  const fd = anonInodeGetfd(k, "[fscontext]", FSCONTEXT, 0, O_RDWR | (cloexec ? O_CLOEXEC : 0));
  const file = fd < 0 ? undefined : fileOf(k, fd);
  if (file !== undefined) detachedOf(k).contexts.set(file.address, context);
  return fd;
}

/** What `fsopen` calls. */
export const CONTEXT_CALLS: readonly FunctionRef[] = [fn("fs_context_for_mount"), GETFD];

/** A context for a new file system of a type: a descriptor, or -errno. */
export function openContext(k: Kernel, name: string, cloexec: boolean): number {
  const type = fileSystemNamed(name);
  if (type === undefined) return -ENODEV;
  k.call(fn("fs_context_for_mount"), Number.NaN, 0);
  return contextFd(k, { type, source: "", readOnly: false, sb: null, phase: "parameters" }, cloexec);
}

/** A context to change a mounted file system with: a descriptor, or -errno. */
export function pickContext(k: Kernel, path: Addr, cloexec: boolean): number {
  const mount = k.vfs.mounts.get(PATH.mnt.get(k, path));
  if (mount === undefined || PATH.dentry.get(k, path) !== mount.root.address) return -EINVAL;
  const { sb } = mount;
  return contextFd(
    k,
    { type: sb.type, source: "", readOnly: sb.readOnly, sb, phase: "reconfigure" },
    cloexec,
  );
}

/** `fsconfig` commands. */
export const FSCONFIG = {
  FLAG: 0,
  STRING: 1,
  BINARY: 2,
  PATH: 3,
  PATH_EMPTY: 4,
  FD: 5,
  CREATE: 6,
  RECONFIGURE: 7,
};

/** Sets a parameter of a context, or does what it was prepared for: 0 or -errno. */
export function configure(k: Kernel, fd: number, command: number, key: string, value: string): number {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  const context = detachedOf(k).contexts.get(file.address);
  if (context === undefined) return -EINVAL;
  if (command === FSCONFIG.CREATE) return createTree(k, context);
  if (command === FSCONFIG.RECONFIGURE) {
    if (context.phase !== "reconfigure") return -EBUSY;
    if (context.sb !== null) context.sb.readOnly = context.readOnly;
    return 0;
  }
  if (context.phase !== "parameters" && context.phase !== "reconfigure") return -EBUSY;
  if (command === FSCONFIG.FLAG) {
    if (key === "ro" || key === "rw") context.readOnly = key === "ro";
    else if (!KNOWN_FLAGS.has(key)) return -EINVAL;
    return 0;
  }
  if (command !== FSCONFIG.STRING) return -EINVAL;
  if (key === "source") {
    if (context.source !== "") return -EINVAL;
    context.source = value;
    return 0;
  }
  return context.type.name === "tmpfs" && TMPFS_STRINGS.has(key) ? 0 : -EINVAL;
}
const KNOWN_FLAGS = new Set(["sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand"]);
const TMPFS_STRINGS = new Set(["size", "nr_inodes", "nr_blocks", "mode", "uid", "gid", "huge", "mpol"]);

function createTree(k: Kernel, context: Context): number {
  if (context.phase !== "parameters") return -EBUSY;
  const sb = getTree(k, context.type, context.source);
  if (typeof sb === "number") {
    context.phase = "failed";
    return sb;
  }
  if (context.readOnly) sb.readOnly = true;
  context.sb = sb;
  context.phase = "mount";
  return 0;
}

/** Flags of mounts that `fsmount` and `mount_setattr` take, as `mnt_flags`; undefined for what is none. */
export function attributeFlags(attributes: number): number | undefined {
  if ((attributes & ~0x2000ff) !== 0) return undefined;
  const atime = attributes & 0x70;
  if (atime !== 0 && atime !== 0x10 && atime !== 0x20) return undefined;
  return ((attributes & 1) !== 0 ? MNT_READONLY : 0) |
    (attributes & 0xe) >> 1 |
    (atime === 0 ? 0x20 : atime === 0x10 ? 8 : 0) |
    ((attributes & 0x80) !== 0 ? 0x10 : 0) |
    ((attributes & 0x200000) !== 0 ? 0x80 : 0);
}

/** A descriptor for a mount that has no place in the tree: that, or -errno. */
function mountFd(k: Kernel, mount: Mount, cloexec: boolean): number {
  const fd = k.call(GET_UNUSED_FD_FLAGS, cloexec ? O_CLOEXEC : 0);
  if (fd < 0) return fd;
  const file = newFile(k, O_PATH);
  openOn(k, file, mount.root, mount.mnt);
  detachedOf(k).mounts.set(file.address, mount);
  k.call(FD_INSTALL, fd, file.address);
  return fd;
}

/** What `fsmount` and `open_tree` call. */
export const MOUNT_FD_CALLS: readonly FunctionRef[] = [GET_UNUSED_FD_FLAGS, FD_INSTALL, PUT_UNUSED_FD];

/** The mount that a context was prepared for: a descriptor, or -errno. */
export function mountContext(k: Kernel, fd: number, cloexec: boolean, flags: number): number {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  const context = detachedOf(k).contexts.get(file.address);
  if (context === undefined) return -EINVAL;
  if (context.phase !== "mount" || context.sb === null) return -EBUSY;
  const { sb } = context;
  const mount = k.vfs.newMount(sb, sb.root, context.source || "none", flags);
  context.phase = "mounted";
  return mountFd(k, mount, cloexec);
}

/** A copy of the mount at a path, from there on, without a place of its own: a descriptor, or -errno. */
export function cloneTree(k: Kernel, path: Addr, cloexec: boolean): number {
  const old = k.vfs.mounts.get(PATH.mnt.get(k, path));
  const root = k.vfs.dentries.get(PATH.dentry.get(k, path));
  if (old === undefined || root === undefined) return -EINVAL;
  return mountFd(k, k.vfs.newMount(old.sb, root, old.source, old.flags), cloexec);
}

/** Puts the mount of a descriptor, or the one at `from`, at `to`: 0 or -errno. (from path, to path) */
export const DO_MOVE_MOUNT: FunctionRef = behaviour("do_move_mount", [], (k, from = 0, to = 0) => {
  const dentry = k.vfs.dentries.get(PATH.dentry.get(k, to));
  const parent = k.vfs.mounts.get(PATH.mnt.get(k, to));
  if (dentry === undefined || parent === undefined) return -ENOENT;
  const mnt = PATH.mnt.get(k, from);
  const { mounts } = detachedOf(k);
  const floating = [...mounts].find(([, mount]) => mount.mnt === mnt);
  const mount = floating?.[1] ?? k.vfs.mounts.get(mnt);
  if (mount === undefined || PATH.dentry.get(k, from) !== mount.root.address) return -EINVAL;
  if ((mount.root.inode?.entries === null) !== (dentry.inode?.entries === null)) return -ENOTDIR;
  if (floating === undefined) {
    if (mount.parent === mount) return -EINVAL;
    for (let up: Mount = parent; up.parent !== up; up = up.parent) if (up === mount) return -ELOOP;
    mount.detach();
  } else mounts.delete(floating[0]);
  k.vfs.attachMount(mount, parent, dentry);
  return 0;
});

/** A context's descriptor is closed. (inode, file) */
behaviour("fscontext_release", [], (k, _inode, file = 0) => {
  detachedOf(k).contexts.delete(file);
  return 0;
});

/** Where a descriptor's file stands, put into a `struct path`: whether there is one. */
export function pathOfFd(k: Kernel, fd: number, path: Addr): boolean {
  const file = fileOf(k, fd);
  if (file === undefined) return false;
  PATH.mnt.set(k, path, FILE.mnt.get(k, file.address));
  PATH.dentry.set(k, path, FILE.dentry.get(k, file.address));
  return true;
}
