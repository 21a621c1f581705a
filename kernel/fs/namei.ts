/**
 * Path walk, as `fs/namei.c` does it, on the dentries in memory: component by component.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { kzalloc } from "../process/alloc.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { initUserNs } from "../process/user_namespace.ts";
import { EAGAIN, ELOOP, ENOENT, ENOTDIR, EROFS, EXDEV } from "../syscalls/errno.ts";
import type { Dentry } from "./dentry.ts";
import { failsAt } from "./failures.ts";
import { INODE, NAMEIDATA, PATH } from "./fields.ts";
import type { Inode } from "./inode.ts";
import { inodeCallees } from "./inode_operations.ts";
import { ATIME_NEEDS_UPDATE, TOUCH_ATIME } from "./inode_times.ts";
import { forget, LOOKUP_FAST, LOOKUP_SLOW } from "./lookup.ts";
import {
  LOOKUP_BENEATH,
  LOOKUP_CACHED,
  LOOKUP_FOLLOW,
  LOOKUP_NO_MAGICLINKS,
  LOOKUP_NO_SYMLINKS,
  LOOKUP_NO_XDEV,
  LOOKUP_RCU,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
} from "./modes.ts";
import {
  LAST_DOT,
  LAST_DOTDOT,
  LAST_NORM,
  LAST_ROOT,
  ndDentry,
  rootOf,
  standAt,
  WALK_MORE,
  WALK_NOFOLLOW,
  WALK_TRAILING,
} from "./nameidata.ts";
import { isErr, PATH_MAX } from "./names.ts";
import { GENERIC_PERMISSION, MAY_WRITE } from "./permission.ts";
import { recorded } from "./recorded.ts";

/** Permission to search a directory; the walk holds no references. */
const MAY_EXEC_RCU = 0x81;

const MAX_LINKS = 40;

/** Calls that check permissions of what the walk leads to, or of the directory that a name is in. */
const ASKS_THEMSELVES =
  /^(?:open|creat|exec|access|faccessat|chdir|truncate|mkdir|mknod|rmdir|unlink|rename|link|symlink)/;

/**
 * Checks access to an inode by its mode: 0 or -EACCES. In a replay the recording decides: `decisive`, which is no
 * argument of the real function, says that this check is the one that a recorded denial means.
 */
export const INODE_PERMISSION: FunctionRef = behaviour(
  "inode_permission",
  [...inodeCallees("permission"), GENERIC_PERMISSION],
  (k, userns = 0, address = 0, mask = 0, decisive = 0) => {
    const inode = k.vfs.inodes.get(address);
    const own = inode?.iops.permission;
    if (recorded(k) !== undefined) {
      k.call(own ?? GENERIC_PERMISSION, userns, address, mask);
      return decisive === DECISIVE ? failsAt(k, "permission") : 0;
    }
    if (inode === undefined) return 0;
    if ((mask & MAY_WRITE) !== 0 && writesMatter(inode.type) && isReadOnly(k, address)) return -EROFS;
    return k.call(own ?? GENERIC_PERMISSION, userns, address, mask);
  },
);

/** See `INODE_PERMISSION`. */
export const DECISIVE = 1;

function writesMatter(type: number): boolean {
  return type === S_IFREG || type === S_IFDIR || type === S_IFLNK;
}

function isReadOnly(k: Kernel, inode: Addr): boolean {
  return k.vfs.supers.get(INODE.sb.get(k, inode))?.readOnly === true;
}

/** Asks for write access to a mount: 0 or -EROFS. In a replay the recording decides. */
export const MNT_WANT_WRITE: FunctionRef = behaviour("mnt_want_write", [], (k, mnt = 0) => {
  if (recorded(k) !== undefined) return failsAt(k, "mount");
  return k.vfs.mounts.get(mnt)?.readOnly === true ? -EROFS : 0;
});

/** The mount that is attached to a place: its `struct mount`, or 0. */
export const LOOKUP_MNT_RCU: FunctionRef = behaviour("__lookup_mnt", [], (k, mnt = 0, dentry = 0) => {
  const place = k.vfs.dentries.get(dentry);
  return place === undefined ? 0 : k.vfs.mountedOn(mnt, place)?.address ?? 0;
});

/** Goes down into what is mounted on a place, with references. `struct path` in and out. */
export const TRAVERSE_MOUNTS: FunctionRef = behaviour("__traverse_mounts", [], (k, path = 0) => {
  let dentry = k.vfs.dentries.get(PATH.dentry.get(k, path));
  while (dentry?.mounted) {
    const over = k.vfs.mountedOn(PATH.mnt.get(k, path), dentry);
    if (over === null) break;
    PATH.mnt.set(k, path, over.mnt);
    PATH.dentry.set(k, path, over.root.address);
    dentry = over.root;
  }
  return 0;
});

/** Goes to the topmost mount over where the walk is about to stand: 0 or -errno. `at` is a `struct path`. */
function handleMounts(k: Kernel, nd: Addr, at: Addr): number {
  const flags = NAMEIDATA.flags.get(k, nd);
  if ((flags & LOOKUP_NO_XDEV) !== 0) return -EXDEV;
  if ((flags & LOOKUP_RCU) === 0) return k.call(TRAVERSE_MOUNTS, at, 0, 0, 0, flags);
  for (;;) {
    const dentry = PATH.dentry.get(k, at);
    if (k.vfs.dentries.get(dentry)?.mounted !== true) return 0;
    k.call(LOOKUP_MNT_RCU, PATH.mnt.get(k, at), dentry);
    const place = k.vfs.dentries.get(dentry);
    const over = place === undefined ? null : k.vfs.mountedOn(PATH.mnt.get(k, at), place);
    if (over === null) return 0;
    PATH.mnt.set(k, at, over.mnt);
    PATH.dentry.set(k, at, over.root.address);
  }
}

/** Drops a reference to a dentry. */
export const DPUT: FunctionRef = fn("dput");

/** Goes to a dentry: 0, the text of a symbolic link to follow, or -errno. */
export const STEP_INTO: FunctionRef = behaviour(
  "step_into",
  [LOOKUP_MNT_RCU, TRAVERSE_MOUNTS, DPUT, ATIME_NEEDS_UPDATE, TOUCH_ATIME, ...inodeCallees("getLink")],
  (k, nd = 0, flags = 0, address = 0) => {
    let dentry = k.vfs.dentries.get(address);
    let mnt: Addr | undefined;
    if (dentry?.mounted === true) {
      const mark = k.current.locals;
      const at = pushLocal(k, 2 * k.image.pointerSize);
      PATH.mnt.set(k, at, NAMEIDATA.mnt.get(k, nd));
      PATH.dentry.set(k, at, address);
      const error = handleMounts(k, nd, at);
      dentry = k.vfs.dentries.get(PATH.dentry.get(k, at));
      mnt = PATH.mnt.get(k, at);
      popLocals(k, mark);
      if (error !== 0) return error;
    }
    if (dentry === undefined || dentry.inode === null) {
      if ((NAMEIDATA.flags.get(k, nd) & LOOKUP_RCU) === 0) k.call(DPUT, address);
      if (dentry !== undefined) forget(k, address);
      return -ENOENT;
    }
    const { target, iops } = dentry.inode;
    const walk = NAMEIDATA.flags.get(k, nd);
    const follow = (flags & WALK_NOFOLLOW) === 0 &&
      ((flags & WALK_TRAILING) === 0 || (walk & LOOKUP_FOLLOW) !== 0);
    if (target === null && iops.getLink === undefined || !follow) {
      // What the walk stood at, it held.
      if ((walk & LOOKUP_RCU) === 0) k.call(DPUT, NAMEIDATA.dentry.get(k, nd));
      standAt(k, nd, dentry, mnt);
      return 0;
    }
    if (NAMEIDATA.depth.add(k, nd, 1) > MAX_LINKS) return -ELOOP;
    if ((walk & LOOKUP_NO_SYMLINKS) !== 0) return -ELOOP;
    linkRead(k, nd, dentry, mnt);
    if (iops.getLink === undefined) return followText(k, nd, linkText(k, dentry.inode));
    if ((walk & LOOKUP_NO_MAGICLINKS) !== 0 && dentry.inode.jumps) return -ELOOP;
    const text = k.call(iops.getLink, dentry.address, dentry.inode.address, 0);
    return text === 0 || isErr(text) ? text : followText(k, nd, text);
  },
);

/** A symbolic link on a path is about to be read (`pick_link`). */
function linkRead(k: Kernel, nd: Addr, dentry: Dentry, mnt: Addr | undefined): void {
  const mark = k.current.locals;
  const path = pushLocal(k, 2 * k.image.pointerSize);
  PATH.mnt.set(k, path, mnt ?? NAMEIDATA.mnt.get(k, nd));
  PATH.dentry.set(k, path, dentry.address);
  const rcu = (NAMEIDATA.flags.get(k, nd) & LOOKUP_RCU) !== 0;
  const needed = !rcu || k.call(ATIME_NEEDS_UPDATE, path, dentry.inode?.address ?? 0) === 1;
  if (needed) k.call(TOUCH_ATIME, path);
  popLocals(k, mark);
}

/** A link's text that begins with a slash leads from the root. */
function followText(k: Kernel, nd: Addr, text: Addr): number {
  if (k.memory.load(text, 1, false) !== 0x2f) return text;
  const error = jumpToRoot(k, nd);
  return error === 0 ? text : error;
}

/** `.` and `..`: 0 or -errno. */
export const HANDLE_DOTS: FunctionRef = behaviour("handle_dots", [STEP_INTO], (k, nd = 0, type) => {
  if (type !== LAST_DOTDOT) return 0;
  ensureRoot(k, nd);
  const flags = NAMEIDATA.flags.get(k, nd);
  let at = ndDentry(k, nd);
  let mnt = NAMEIDATA.mnt.get(k, nd);
  const rootMnt = NAMEIDATA.rootMnt.get(k, nd);
  const root = NAMEIDATA.rootDentry.get(k, nd);
  let mount = k.vfs.mounts.get(mnt);
  for (;;) {
    if (at.address === root && mnt === rootMnt) {
      // At the walk's root there is nothing above: it stays.
      return (flags & LOOKUP_BENEATH) !== 0
        ? -EXDEV
        : k.call(STEP_INTO, nd, WALK_NOFOLLOW, ndDentry(k, nd).address);
    }
    if (mount === undefined || at !== mount.root || mount.parent === mount) break;
    if ((flags & LOOKUP_NO_XDEV) !== 0) return -EXDEV;
    at = mount.mountpoint;
    mount = mount.parent;
    mnt = mount.mnt;
  }
  standAt(k, nd, at, mnt);
  return k.call(STEP_INTO, nd, WALK_NOFOLLOW, at.parent.address);
});

/** One component of a path. */
export const WALK_COMPONENT: FunctionRef = behaviour(
  "walk_component",
  [LOOKUP_FAST, LOOKUP_SLOW, STEP_INTO, HANDLE_DOTS],
  (k, nd = 0, flags = 0) => {
    const type = NAMEIDATA.lastType.get(k, nd);
    if (type !== LAST_NORM) return k.call(HANDLE_DOTS, nd, type);
    let dentry = k.call(LOOKUP_FAST, nd);
    if (dentry === 0) {
      if ((NAMEIDATA.flags.get(k, nd) & LOOKUP_CACHED) !== 0) return -EAGAIN;
      dentry = k.call(
        LOOKUP_SLOW,
        NAMEIDATA.last.at(k, nd),
        NAMEIDATA.dentry.get(k, nd),
        NAMEIDATA.flags.get(k, nd) & ~LOOKUP_RCU,
      );
    }
    return isErr(dentry) ? dentry : k.call(STEP_INTO, nd, flags, dentry);
  },
);

/** Walks all components but the last: 0 or -errno. `nd->last` is then the last one. */
export const LINK_PATH_WALK: FunctionRef = behaviour(
  "link_path_walk",
  [INODE_PERMISSION, WALK_COMPONENT],
  (k, name = 0, nd = 0) => {
    if (isErr(name)) return name;
    const userns = initUserNs(k);
    // Where components are left of links on the way, innermost last.
    const rest: Addr[] = [];
    let at = skipSlashes(k, name);
    if (k.memory.load(at, 1, false) === 0) {
      NAMEIDATA.lastType.set(k, nd, LAST_ROOT);
      return 0;
    }
    // Calls that only look something up are denied by the directory of the last component.
    const looks = !ASKS_THEMSELVES.test(k.current.request?.name ?? "");
    for (;;) {
      const length = componentLength(k, at);
      const end = looks && rest.length === 0 && k.memory.load(skipSlashes(k, at + length), 1, false) === 0;
      const error = k.call(
        INODE_PERMISSION,
        userns,
        NAMEIDATA.inode.get(k, nd),
        MAY_EXEC_RCU,
        end ? DECISIVE : 0,
      );
      if (error !== 0) return error;
      takeLast(k, nd, at, length);
      let next = skipSlashes(k, at + length);
      let more = k.memory.load(next, 1, false) !== 0;
      while (!more && rest.length > 0) {
        next = rest.pop() as Addr;
        more = k.memory.load(next, 1, false) !== 0;
      }
      if (!more) return 0;
      const link = k.call(WALK_COMPONENT, nd, WALK_MORE);
      if (isErr(link)) return link;
      if (link !== 0) {
        rest.push(next);
        next = skipSlashes(k, link);
        // A link to the root itself: go on with what followed it.
        while (k.memory.load(next, 1, false) === 0) next = rest.pop() as Addr;
      } else if (ndDentry(k, nd).inode?.entries === null) return -ENOTDIR;
      at = next;
    }
  },
);

/** Goes to the root directory: 0, or -EXDEV where the walk must stay below where it began. */
export const ND_JUMP_ROOT: FunctionRef = behaviour("nd_jump_root", [], (k, nd = 0) => jumpToRoot(k, nd));

function jumpToRoot(k: Kernel, nd: Addr): number {
  const flags = NAMEIDATA.flags.get(k, nd);
  if ((flags & LOOKUP_BENEATH) !== 0) return -EXDEV;
  ensureRoot(k, nd);
  const mnt = NAMEIDATA.rootMnt.get(k, nd);
  const old = NAMEIDATA.mnt.get(k, nd);
  if ((flags & LOOKUP_NO_XDEV) !== 0 && old !== 0 && old !== mnt) return -EXDEV;
  standAt(k, nd, k.vfs.dentries.get(NAMEIDATA.rootDentry.get(k, nd)) ?? k.vfs.root, mnt);
  return 0;
}

/** The root of a walk, as it is needed: the task's own. */
function ensureRoot(k: Kernel, nd: Addr): void {
  if (NAMEIDATA.rootMnt.get(k, nd) !== 0) return;
  const root = rootOf(k);
  NAMEIDATA.rootMnt.set(k, nd, root.mnt);
  NAMEIDATA.rootDentry.set(k, nd, root.dentry.address);
}

function linkText(k: Kernel, inode: Inode): Addr {
  let text = INODE.link.get(k, inode.address);
  if (text === 0) {
    text = kzalloc(k, (inode.target ?? "").length * 3 + 1);
    k.memory.writeString(text, inode.target ?? "");
    INODE.link.set(k, inode.address, text);
  }
  return text;
}

function takeLast(k: Kernel, nd: Addr, at: Addr, length: number): void {
  NAMEIDATA.lastName.set(k, nd, at);
  NAMEIDATA.lastLen.set(k, nd, length);
  const dots = length <= 2 && k.memory.load(at, 1, false) === 0x2e &&
    (length === 1 || k.memory.load(at + 1, 1, false) === 0x2e);
  NAMEIDATA.lastType.set(k, nd, !dots ? LAST_NORM : length === 1 ? LAST_DOT : LAST_DOTDOT);
}

function skipSlashes(k: Kernel, at: Addr): Addr {
  let next = at;
  while (k.memory.load(next, 1, false) === 0x2f) next++;
  return next;
}

function componentLength(k: Kernel, at: Addr): number {
  for (let length = 0; length < PATH_MAX; length++) {
    const byte = k.memory.load(at + length, 1, false);
    if (byte === 0 || byte === 0x2f) return length;
  }
  return PATH_MAX;
}
