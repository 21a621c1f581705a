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
import { EACCES, EBADF, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from "../syscalls/errno.ts";
import { failsAt } from "./failures.ts";
import { FILE, INODE, NAMEIDATA, PATH } from "./fields.ts";
import { symbolAddress } from "../process/objects.ts";
import { fdFile } from "./files_struct.ts";
import type { Inode } from "./inode.ts";
import { AT_FDCWD, LOOKUP_DIRECTORY, LOOKUP_FOLLOW, LOOKUP_PARENT, LOOKUP_RCU } from "./modes.ts";
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

/** Permission to search a directory; the walk holds no references. */
const MAY_EXEC_RCU = 0x81;
const MAX_LINKS = 40;
/** Calls that check permissions of what the walk leads to, or of the directory that a name is in. */
const ASKS_THEMSELVES =
  /^(?:open|creat|exec|access|faccessat|chdir|truncate|mkdir|mknod|rmdir|unlink|rename|link|symlink)/;
/** `nd->state`: the root is referenced too. */
const ND_ROOT_GRABBED = 2;

/**
 * Checks access to an inode by its mode: 0 or -EACCES. In a replay the recording decides: `decisive`, which is no
 * argument of the real function, says that this check is the one that a recorded denial means.
 */
export const INODE_PERMISSION: FunctionRef = behaviour(
  "inode_permission",
  [],
  (k, _userns, inode = 0, mask = 0, decisive = 0) => {
    if (recorded(k) !== undefined) return decisive === DECISIVE ? failsAt(k, "permission") : 0;
    const found = k.vfs.inodes.get(inode);
    return found === undefined ? 0 : permitted(k, found, mask & 7);
  },
);
/** See `INODE_PERMISSION`. */
export const DECISIVE = 1;

/** Asks for write access to a mount: 0, or -EROFS where the recording says so. */
export const MNT_WANT_WRITE: FunctionRef = behaviour("mnt_want_write", [], (k) => failsAt(k, "mount"));

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

/** Looks the walk's next name up in the dentry cache: the dentry, or 0. */
export const LOOKUP_FAST: FunctionRef = behaviour(
  "lookup_fast",
  [D_LOOKUP_RCU, D_LOOKUP_REF, TRY_TO_UNLAZY],
  (k, nd = 0) => {
    const parent = NAMEIDATA.dentry.get(k, nd);
    const last = NAMEIDATA.last.at(k, nd);
    if ((NAMEIDATA.flags.get(k, nd) & LOOKUP_RCU) === 0) return k.call(D_LOOKUP_REF, parent, last);
    const dentry = k.call(D_LOOKUP_RCU, parent, last, NAMEIDATA.nextSeq.at(k, nd));
    if (dentry === 0) k.call(TRY_TO_UNLAZY, nd);
    return dentry;
  },
);

/** Looks a name up in the dentry cache under a directory: the dentry, or 0. */
export const D_LOOKUP: FunctionRef = behaviour("d_lookup", [], (k, parent = 0, qstr = 0) => {
  return cached(k, parent, qstr);
});

/** A dentry without an inode for a name in a directory. */
export const D_ALLOC_PARALLEL: FunctionRef = behaviour("d_alloc_parallel", [], (k, dir = 0, qstr = 0) => {
  const parent = k.vfs.dentries.get(dir);
  return k.vfs.newDentry(qstrText(k, qstr), parent ?? null).address;
});

/** The file system's own lookup: what tmpfs doesn't have cached does not exist. */
export const SIMPLE_LOOKUP: FunctionRef = behaviour("simple_lookup", [], (k, _dir, dentry = 0) => {
  const name = k.vfs.dentries.get(dentry)?.name ?? "";
  return name.length > NAME_MAX / 3 && new TextEncoder().encode(name).length > NAME_MAX ? -ENAMETOOLONG : 0;
});
/** Longest name of one component, in bytes. */
const NAME_MAX = 255;

/** Asks the file system: a dentry, without an inode if there is no such name. */
export const LOOKUP_SLOW: FunctionRef = behaviour(
  "__lookup_slow",
  [D_ALLOC_PARALLEL, SIMPLE_LOOKUP],
  (k, qstr = 0, dir = 0, flags = 0) => {
    const mark = k.current.locals;
    const dentry = k.call(D_ALLOC_PARALLEL, dir, qstr, pushLocal(k, 3 * k.image.pointerSize));
    const error = k.call(SIMPLE_LOOKUP, k.vfs.dentries.get(dir)?.inode?.address ?? 0, dentry, flags);
    popLocals(k, mark);
    if (!isErr(error)) return dentry;
    forget(k, dentry);
    return error;
  },
);

/** `.` and `..`. */
export const HANDLE_DOTS: FunctionRef = behaviour("handle_dots", [], (k, nd = 0, type) => {
  if (type === LAST_DOTDOT) {
    const at = ndDentry(k, nd);
    setRoot(k, nd);
    if (at !== rootOf(k).dentry) standAt(k, nd, at.parent);
  }
  return 0;
});

/** Goes on to a dentry: 0, the text of a symbolic link to follow, or -errno. */
export const STEP_INTO: FunctionRef = behaviour("step_into", [], (k, nd = 0, flags = 0, address = 0) => {
  const dentry = k.vfs.dentries.get(address);
  if (dentry === undefined || dentry.inode === null) {
    if (dentry !== undefined) forget(k, address);
    return -ENOENT;
  }
  const { target } = dentry.inode;
  const follow = (flags & WALK_NOFOLLOW) === 0 &&
    ((flags & WALK_TRAILING) === 0 || (NAMEIDATA.flags.get(k, nd) & LOOKUP_FOLLOW) !== 0);
  if (target === null || !follow) {
    standAt(k, nd, dentry);
    return 0;
  }
  if (NAMEIDATA.depth.add(k, nd, 1) > MAX_LINKS) return -ELOOP;
  if (target.startsWith("/")) {
    setRoot(k, nd);
    standAt(k, nd, rootOf(k).dentry, rootOf(k).mnt);
  }
  return linkText(k, dentry.inode);
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
    const userns = symbolAddress(k, "init_user_ns");
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

/** Goes to the root directory. */
export const ND_JUMP_ROOT: FunctionRef = behaviour("nd_jump_root", [], (k, nd = 0) => {
  const root = rootOf(k);
  setRoot(k, nd);
  standAt(k, nd, root.dentry, root.mnt);
  return 0;
});

/** Begins a walk: the path's text, or -errno. */
export const PATH_INIT: FunctionRef = behaviour("path_init", [ND_JUMP_ROOT], (k, nd = 0, flags = 0) => {
  const name = NAMEIDATA.name.get(k, nd);
  const text = k.memory.readPointer(name);
  NAMEIDATA.flags.set(k, nd, flags);
  const failure = failsAt(k, "start");
  if (failure !== 0) return failure;
  const first = k.memory.load(text, 1, false);
  if (first === 0x2f) {
    k.call(ND_JUMP_ROOT, nd);
    return text;
  }
  const dfd = NAMEIDATA.dfd.get(k, nd);
  if (dfd === AT_FDCWD) {
    const pwd = pwdOf(k);
    standAt(k, nd, pwd.dentry, pwd.mnt);
    return text;
  }
  const file = k.vfs.files.get(fdFile(k, k.current.files, dfd));
  if (file === undefined || file.dentry === null) return -EBADF;
  if (first !== 0 && file.inode?.entries === null) return -ENOTDIR;
  standAt(k, nd, file.dentry, FILE.mnt.get(k, file.address));
  return text;
});

/** Ends a walk that arrived: takes references. */
export const COMPLETE_WALK: FunctionRef = behaviour("complete_walk", [TRY_TO_UNLAZY], (k, nd = 0) => {
  const flags = NAMEIDATA.flags.get(k, nd);
  if ((flags & LOOKUP_RCU) !== 0) {
    // The walk is over: it needs no root any more.
    NAMEIDATA.rootMnt.set(k, nd, 0);
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
  return dir === undefined ? 0 : k.vfs.child(dir, qstrText(k, qstr))?.address ?? 0;
}

function setRoot(k: Kernel, nd: Addr): void {
  const root = rootOf(k);
  NAMEIDATA.rootMnt.set(k, nd, root.mnt);
  NAMEIDATA.rootDentry.set(k, nd, root.dentry.address);
}

/** Text of a `struct qstr`. */
export function qstrText(k: Kernel, qstr: Addr): string {
  const base = NAMEIDATA.last.offset(k);
  const length = k.memory.load(qstr + NAMEIDATA.lastLen.offset(k) - base, 4, false);
  const at = k.memory.readPointer(qstr + NAMEIDATA.lastName.offset(k) - base);
  return new TextDecoder().decode(k.memory.readBytes(at, length));
}

/** Whether a slash follows a name that is part of a path. */
export function slashFollows(k: Kernel, qstr: Addr): boolean {
  const base = NAMEIDATA.last.offset(k);
  const length = k.memory.load(qstr + NAMEIDATA.lastLen.offset(k) - base, 4, false);
  const at = k.memory.readPointer(qstr + NAMEIDATA.lastName.offset(k) - base);
  return k.memory.load(at + length, 1, false) === 0x2f;
}

/** Frees a dentry that names nothing, as tmpfs does with every one at its last `dput`. */
export function forget(k: Kernel, address: Addr): void {
  const dentry = k.vfs.dentries.get(address);
  if (dentry === undefined || dentry.inode !== null) return;
  k.vfs.dentries.delete(address);
  dentry.free();
}

/** Whether a slash follows the last component. */
export function trailingSlash(k: Kernel, nd: Addr): boolean {
  if (NAMEIDATA.lastType.get(k, nd) === LAST_ROOT) return false;
  return k.memory.load(NAMEIDATA.lastName.get(k, nd) + NAMEIDATA.lastLen.get(k, nd), 1, false) === 0x2f;
}

/** 0 or -EACCES for a task's wish: 4 read, 2 write, 1 execute or search. */
export function permitted(k: Kernel, inode: Inode, mask: number): number {
  const task = k.current;
  const { mode } = inode;
  if (task.uid === 0) {
    // Root searches and writes everything, but executes only what somebody may.
    return (mask & 1) !== 0 && inode.entries === null && (mode & 0o111) === 0 ? -EACCES : 0;
  }
  const shift = INODE.uid.get(k, inode.address) === task.uid
    ? 6
    : INODE.gid.get(k, inode.address) === task.gid
    ? 3
    : 0;
  return ((mode >> shift) & mask) === mask ? 0 : -EACCES;
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
