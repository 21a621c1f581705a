/**
 * Where a recorded failure begins. A replayed call that was recorded to fail fails in the function that gives such an
 * error, and every caller up to the system call hands it on: so no probe sees a success that a caller then denies.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import {
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EDQUOT,
  EFAULT,
  EINVAL,
  EISDIR,
  ELOOP,
  EMFILE,
  EMLINK,
  ENAMETOOLONG,
  ENFILE,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOTDIR,
  EPERM,
  EROFS,
  ESTALE,
  EXDEV,
} from "../syscalls/errno.ts";
import { O_CREAT, O_DIRECT, O_DIRECTORY, O_NOFOLLOW, openFlags } from "./modes.ts";

/** A place where calls on paths fail. */
export type FailurePlace =
  /** `getname`: the path cannot be copied. */
  | "name"
  /** `build_open_flags`: the flags don't go together. */
  | "flags"
  /** `alloc_fd`. */
  | "descriptor"
  /** `alloc_empty_file`. */
  | "file"
  /** `path_init`: the directory's descriptor. */
  | "start"
  /** `mnt_want_write`. */
  | "mount"
  /** `inode_permission` of what the call is about. */
  | "permission"
  /** The checks after it: `may_open`, `may_delete`. */
  | "rights"
  /** The end of the walk. */
  | "walk"
  /** Making a name: `shmem_mknod`. */
  | "create"
  /** Whatever the call does in the end. */
  | "operation";

const OPENS = new Set(["open", "openat", "openat2", "creat"]);
const ON_NAMES =
  /^(?:mkdir|mkdirat|mknod|mknodat|rmdir|unlink|unlinkat|rename|renameat|renameat2|link|linkat|symlink|symlinkat)$/;
const WALK = new Set([ENOENT, ENOTDIR, ELOOP, ESTALE]);
const CREATION = new Set([ENOSPC, EDQUOT, EMLINK]);

/** The recorded error (negative) of the running call if it begins at `place`, else 0. Always 0 outside replays. */
export function failsAt(k: Kernel, place: FailurePlace): number {
  const request = k.current.request;
  const ret = request?.recorded?.ret;
  if (request === null || ret === undefined || !(ret < 0 && ret >= -4095)) return 0;
  return placeOf(k, request.name, request.args, -ret) === place ? ret : 0;
}

/** The recorded error of the running call if it is an opening one: it never got further than opening. */
export function failsToOpen(k: Kernel): number {
  const request = k.current.request;
  const ret = request?.recorded?.ret;
  return request !== null && ret !== undefined && ret < 0 && OPENS.has(request.name) ? ret : 0;
}

function placeOf(k: Kernel, name: string, args: readonly number[], error: number): FailurePlace {
  if (OPENS.has(name)) return placeOfOpen(k, name, args, error);
  if (WALK.has(error)) return "walk";
  if (error === ENAMETOOLONG) return "name";
  if (error === EACCES) return "permission";
  if (ON_NAMES.test(name) || name.startsWith("truncate")) {
    if (error === EROFS) return "mount";
    if (CREATION.has(error)) return "create";
    if (error === EPERM || error === EBUSY) return "rights";
  }
  return "operation";
}

function placeOfOpen(k: Kernel, name: string, args: readonly number[], error: number): FailurePlace {
  const word = args[name === "open" ? 1 : 2] ?? 0;
  const flags = name === "openat2" ? 0 : name === "creat" ? O_CREAT : openFlags(k.image.arch, word);
  // Links and files where there may be none are found once the walk is over.
  if (error === ELOOP && (flags & O_NOFOLLOW) !== 0) return "rights";
  if (error === ENOTDIR && (flags & O_DIRECTORY) !== 0) return "operation";
  if (WALK.has(error)) return "walk";
  switch (error) {
    case EFAULT:
    case ENAMETOOLONG:
      return "name";
    case EINVAL:
      // tmpfs has no direct access.
      return (flags & O_DIRECT) !== 0 ? "operation" : "flags";
    case EMFILE:
      return "descriptor";
    case ENFILE:
    case ENOMEM:
      return "file";
    case EBADF:
      return "start";
    case EACCES:
    case EROFS:
      return "permission";
    case EPERM:
    case EISDIR:
      return "rights";
    case EXDEV:
      return "walk";
    case EAGAIN:
      // Otherwise a lease that is about to be broken.
      return name === "openat2" ? "walk" : "operation";
    default:
      return CREATION.has(error) && (flags & O_CREAT) !== 0 ? "create" : "operation";
  }
}
