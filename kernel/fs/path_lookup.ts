/**
 * Whole paths looked up: where the walk begins, that it ends well, and what it gives. `fs/namei.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals } from "../process/stack.ts";
import { EBADF, ENOTDIR } from "../syscalls/errno.ts";
import { failsAt } from "./failures.ts";
import { FILE, NAMEIDATA, PATH } from "./fields.ts";
import { fdFile } from "./files_struct.ts";
import { ND_ROOT_GRABBED, TRY_TO_UNLAZY } from "./lookup.ts";
import {
  AT_FDCWD,
  LOOKUP_BENEATH,
  LOOKUP_DIRECTORY,
  LOOKUP_FOLLOW,
  LOOKUP_IN_ROOT,
  LOOKUP_PARENT,
  LOOKUP_RCU,
} from "./modes.ts";
import { DPUT, LINK_PATH_WALK, ND_JUMP_ROOT, WALK_COMPONENT } from "./namei.ts";
import { LAST_ROOT, ndDentry, newNameidata, pwdOf, standAt, WALK_TRAILING } from "./nameidata.ts";
import { isErr } from "./names.ts";

/** Flags of a walk that must not leave where it began. */
const LOOKUP_IS_SCOPED = LOOKUP_BENEATH | LOOKUP_IN_ROOT;

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

/** Whether a slash follows the last component. */
export function trailingSlash(k: Kernel, nd: Addr): boolean {
  if (NAMEIDATA.lastType.get(k, nd) === LAST_ROOT) return false;
  return k.memory.load(NAMEIDATA.lastName.get(k, nd) + NAMEIDATA.lastLen.get(k, nd), 1, false) === 0x2f;
}
