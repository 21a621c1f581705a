/**
 * Path walk, as `fs/namei.c` does it, on the dentries in memory.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { kzalloc } from "../process/alloc.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import {
  EAGAIN,
  EBADF,
  ECHILD,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EROFS,
  EXDEV,
} from "../syscalls/errno.ts";
import { failsAt } from "./failures.ts";
import { FILE, INODE, NAMEIDATA, PATH } from "./fields.ts";
import { GENERIC_PERMISSION, MAY_WRITE } from "./permission.ts";
import type { Dentry } from "./dentry.ts";
import { dentryOperations } from "./dentry_operations.ts";
import { fdFile } from "./files_struct.ts";
import type { Inode } from "./inode.ts";
import { ATIME_NEEDS_UPDATE, TOUCH_ATIME } from "./inode_times.ts";
import { inodeCallees } from "./inode_operations.ts";
import {
  AT_FDCWD,
  LOOKUP_BENEATH,
  LOOKUP_CACHED,
  LOOKUP_DIRECTORY,
  LOOKUP_FOLLOW,
  LOOKUP_IN_ROOT,
  LOOKUP_NO_MAGICLINKS,
  LOOKUP_NO_SYMLINKS,
  LOOKUP_NO_XDEV,
  LOOKUP_PARENT,
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
  newNameidata,
  pwdOf,
  rootOf,
  standAt,
  WALK_MORE,
  WALK_NOFOLLOW,
  WALK_TRAILING,
} from "./nameidata.ts";
import { isErr, PATH_MAX } from "./names.ts";
import { recorded } from "./recorded.ts";
import { initUserNs } from "../process/user_namespace.ts";

/** Permission to search a directory; the walk holds no references. */
const MAY_EXEC_RCU = 0x81;
const MAX_LINKS = 40;
/** Calls that check permissions of what the walk leads to, or of the directory that a name is in. */
const ASKS_THEMSELVES =
  /^(?:open|creat|exec|access|faccessat|chdir|truncate|mkdir|mknod|rmdir|unlink|rename|link|symlink)/;
/** `nd->state`: the root is referenced too. */
const ND_ROOT_GRABBED = 2;

/** Flags of a walk that must not leave where it began. */
const LOOKUP_IS_SCOPED = LOOKUP_BENEATH | LOOKUP_IN_ROOT;

/**
 * Checks access to an inode by its mode: 0 or -EACCES. In a replay the recording decides: `decisive`, which is no
 * argument of the real function, says that this check is the one that a recorded denial means.
 */
export const INODE_PERMISSION: FunctionRef = behaviour(
  "inode_permission",
  inodeCallees("permission"),
  (k, userns = 0, address = 0, mask = 0, decisive = 0) => {
    const inode = k.vfs.inodes.get(address);
    const own = inode?.iops.permission;
    if (recorded(k) !== undefined) {
      if (own !== undefined) k.call(own, userns, address, mask);
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

/** Goes to a dentry: 0, the text of a symbolic link to follow, or -errno. */
export const STEP_INTO: FunctionRef = behaviour(
  "step_into",
  [LOOKUP_MNT_RCU, TRAVERSE_MOUNTS, ATIME_NEEDS_UPDATE, TOUCH_ATIME, ...inodeCallees("getLink")],
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
      if (dentry !== undefined) forget(k, address);
      return -ENOENT;
    }
    const { target, iops } = dentry.inode;
    const walk = NAMEIDATA.flags.get(k, nd);
    const follow = (flags & WALK_NOFOLLOW) === 0 &&
      ((flags & WALK_TRAILING) === 0 || (walk & LOOKUP_FOLLOW) !== 0);
    if (target === null && iops.getLink === undefined || !follow) {
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

/** Begins a walk: the path's text, or -errno. */
export const PATH_INIT: FunctionRef = behaviour("path_init", [ND_JUMP_ROOT], (k, nd = 0, flags = 0) => {
  const name = NAMEIDATA.name.get(k, nd);
  const text = k.memory.readPointer(name);
  NAMEIDATA.flags.set(k, nd, flags);
  const failure = failsAt(k, "start");
  if (failure !== 0) return failure;
  const first = k.memory.load(text, 1, false);
  if (first === 0x2f && (flags & LOOKUP_IN_ROOT) === 0) {
    const error = k.call(ND_JUMP_ROOT, nd);
    return error === 0 ? text : error;
  }
  const dfd = NAMEIDATA.dfd.get(k, nd);
  if (dfd === AT_FDCWD) {
    const pwd = pwdOf(k);
    standAt(k, nd, pwd.dentry, pwd.mnt);
  } else {
    const file = k.vfs.files.get(fdFile(k, k.current.files, dfd));
    if (file === undefined || file.dentry === null) return -EBADF;
    if (first !== 0 && file.inode?.entries === null) return -ENOTDIR;
    standAt(k, nd, file.dentry, FILE.mnt.get(k, file.address));
  }
  if ((flags & LOOKUP_IS_SCOPED) !== 0) {
    NAMEIDATA.rootMnt.set(k, nd, NAMEIDATA.mnt.get(k, nd));
    NAMEIDATA.rootDentry.set(k, nd, NAMEIDATA.dentry.get(k, nd));
  }
  return text;
});

/** Ends a walk that arrived: takes references. */
export const COMPLETE_WALK: FunctionRef = behaviour("complete_walk", [TRY_TO_UNLAZY], (k, nd = 0) => {
  const flags = NAMEIDATA.flags.get(k, nd);
  if ((flags & LOOKUP_RCU) !== 0) {
    // The walk is over: it needs no root any more, unless it must not have left it.
    if ((flags & LOOKUP_IS_SCOPED) === 0) NAMEIDATA.rootMnt.set(k, nd, 0);
    k.call(TRY_TO_UNLAZY, nd);
  }
  // The model arrived; where the recording says that there is no way, it ends here.
  if ((flags & LOOKUP_PARENT) !== 0 || k.current.request?.name.startsWith("exec") === true) return 0;
  return failsAt(k, "walk");
});
const DPUT = fn("dput");
/** Drops a reference to a mount. */
export const MNTPUT: FunctionRef = fn("mntput");
/** Lets go of everything that a walk held. */
export const TERMINATE_WALK: FunctionRef = behaviour("terminate_walk", [DPUT, MNTPUT], (k, nd = 0) => {
  if ((NAMEIDATA.flags.get(k, nd) & LOOKUP_RCU) !== 0) return Number.NaN;
  k.call(DPUT, NAMEIDATA.dentry.get(k, nd));
  k.call(MNTPUT, NAMEIDATA.mnt.get(k, nd));
  if ((NAMEIDATA.state.get(k, nd) & ND_ROOT_GRABBED) !== 0) {
    k.call(DPUT, NAMEIDATA.rootDentry.get(k, nd));
    k.call(MNTPUT, NAMEIDATA.rootMnt.get(k, nd));
  }
  return Number.NaN;
});
/** Lets go of a path. */
export const PATH_PUT: FunctionRef = behaviour("path_put", [DPUT, MNTPUT], (k, path = 0) => {
  k.call(DPUT, PATH.dentry.get(k, path));
  k.call(MNTPUT, PATH.mnt.get(k, path));
  return Number.NaN;
});

/** Walks a whole path and stores where it leads at `path`. */
export const PATH_LOOKUPAT: FunctionRef = behaviour(
  "path_lookupat",
  [PATH_INIT, LINK_PATH_WALK, WALK_COMPONENT, COMPLETE_WALK, TERMINATE_WALK],
  (k, nd = 0, flags = 0, path = 0) => {
    let text = k.call(PATH_INIT, nd, flags);
    let error = 0;
    for (;;) {
      error = k.call(LINK_PATH_WALK, text, nd);
      if (error !== 0) break;
      const type = NAMEIDATA.lastType.get(k, nd);
      if (type === LAST_ROOT) break;
      if (trailingSlash(k, nd)) {
        NAMEIDATA.flags.set(k, nd, NAMEIDATA.flags.get(k, nd) | LOOKUP_FOLLOW | LOOKUP_DIRECTORY);
      }
      text = k.call(WALK_COMPONENT, nd, WALK_TRAILING);
      if (text === 0) break;
      if (isErr(text)) {
        error = text;
        break;
      }
    }
    if (error === 0) error = k.call(COMPLETE_WALK, nd);
    if (
      error === 0 && (NAMEIDATA.flags.get(k, nd) & LOOKUP_DIRECTORY) !== 0 &&
      ndDentry(k, nd).inode?.entries === null
    ) error = -ENOTDIR;
    if (error === 0) {
      handOver(k, nd, path);
    }
    k.call(TERMINATE_WALK, nd);
    return error;
  },
);

/** Looks up the path in a `struct filename`. */
export const FILENAME_LOOKUP: FunctionRef = behaviour(
  "filename_lookup",
  [PATH_LOOKUPAT],
  (k, dfd = AT_FDCWD, name = 0, flags = 0, path = 0) => {
    if (isErr(name)) return name;
    const mark = k.current.locals;
    const nd = newNameidata(k, dfd, name);
    const error = k.call(PATH_LOOKUPAT, nd, flags | LOOKUP_RCU, path);
    popLocals(k, mark);
    return error;
  },
);

/** Walks to the directory of the last component; stores it at `path`. */
export const PATH_PARENTAT: FunctionRef = behaviour(
  "path_parentat",
  [PATH_INIT, LINK_PATH_WALK, COMPLETE_WALK, TERMINATE_WALK],
  (k, nd = 0, flags = 0, parent = 0) => {
    const text = k.call(PATH_INIT, nd, flags);
    let error = k.call(LINK_PATH_WALK, text, nd);
    if (error === 0) error = k.call(COMPLETE_WALK, nd);
    if (error === 0) {
      handOver(k, nd, parent);
    }
    k.call(TERMINATE_WALK, nd);
    return error;
  },
);

/** `path_parentat` for a `struct filename`; the last component goes to `last` (a `qstr`), its type to `type`. */
export const FILENAME_PARENTAT: FunctionRef = behaviour(
  "__filename_parentat",
  [PATH_PARENTAT],
  (k, dfd = AT_FDCWD, name = 0, flags = 0, parent = 0, last = 0, ...more) => {
    if (isErr(name)) return name;
    const mark = k.current.locals;
    const nd = newNameidata(k, dfd, name);
    const error = k.call(PATH_PARENTAT, nd, flags | LOOKUP_PARENT | LOOKUP_RCU, parent);
    if (error === 0) {
      const qstr = NAMEIDATA.last.at(k, nd);
      k.memory.writeBytes(last, k.memory.readBytes(qstr, NAMEIDATA.last.size(k)));
      k.memory.store(more[0] as number, 4, NAMEIDATA.lastType.get(k, nd));
    }
    popLocals(k, mark);
    return error;
  },
);

/** The caller takes over the walk's reference to where it arrived. */
function handOver(k: Kernel, nd: Addr, path: Addr): void {
  PATH.mnt.set(k, path, NAMEIDATA.mnt.get(k, nd));
  PATH.dentry.set(k, path, NAMEIDATA.dentry.get(k, nd));
  NAMEIDATA.mnt.set(k, nd, 0);
  NAMEIDATA.dentry.set(k, nd, 0);
}

function cached(k: Kernel, parent: Addr, qstr: Addr): Addr {
  const dir = k.vfs.dentries.get(parent);
  return dir === undefined ? 0 : k.vfs.cached(dir, qstrText(k, qstr))?.address ?? 0;
}

/** The root of a walk, as it is needed: the task's own. */
function ensureRoot(k: Kernel, nd: Addr): void {
  if (NAMEIDATA.rootMnt.get(k, nd) !== 0) return;
  const root = rootOf(k);
  NAMEIDATA.rootMnt.set(k, nd, root.mnt);
  NAMEIDATA.rootDentry.set(k, nd, root.dentry.address);
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

/** Whether a slash follows the last component. */
export function trailingSlash(k: Kernel, nd: Addr): boolean {
  if (NAMEIDATA.lastType.get(k, nd) === LAST_ROOT) return false;
  return k.memory.load(NAMEIDATA.lastName.get(k, nd) + NAMEIDATA.lastLen.get(k, nd), 1, false) === 0x2f;
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
