/**
 * System calls that mount by descriptors.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import {
  attributeFlags,
  cloneTree,
  configure,
  CONTEXT_CALLS,
  DO_MOVE_MOUNT,
  FSCONFIG,
  MOUNT_FD_CALLS,
  mountContext,
  openContext,
  pathOfFd,
  pickContext,
} from "../fs/fs_context.ts";
import { PATH } from "../fs/fields.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, LOOKUP_EMPTY, LOOKUP_FOLLOW } from "../fs/modes.ts";
import { DO_FILP_OPEN } from "../fs/open.ts";
import { PATH_PUT } from "../fs/path_lookup.ts";
import { userString } from "../fs/names.ts";
import { CAP_SYS_ADMIN } from "../process/capability.ts";
import { USER_PATH_AT_EMPTY, withPath } from "../fs/place.ts";
import { recorded, recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { nsCapable } from "../process/capability.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { syscall } from "./define.ts";
import { E2BIG, EBADF, EFAULT, EINVAL, EPERM } from "./errno.ts";

/** Runs `body` if the caller may mount; a recording's error is the recording's. */
function mounting(k: Kernel, body: () => number): number {
  const replayed = recorded(k);
  if (replayed !== undefined && replayed.ret < 0) return replayed.ret;
  if (!nsCapable(k, CAP_SYS_ADMIN) && replayed === undefined) return -EPERM;
  return recordedOr(k, body());
}

function text(k: Kernel, at: Addr): string | number {
  const found = userString(k, at);
  return typeof found === "number" && recorded(k) !== undefined ? "" : found;
}

syscall("fsopen", ["ulong", "uint"], CONTEXT_CALLS, (k, name = 0, flags = 0) =>
  mounting(k, () => {
    if ((flags & ~1) !== 0) return -EINVAL;
    const type = text(k, name);
    return typeof type === "number" ? type : openContext(k, type, (flags & 1) !== 0);
  }));

syscall("fspick", ["int", "ulong", "uint"], [USER_PATH_AT_EMPTY, PATH_PUT, ...CONTEXT_CALLS], (
  k,
  dfd = 0,
  path = 0,
  flags = 0,
) =>
  mounting(k, () => {
    if ((flags & ~0xf) !== 0) return -EINVAL;
    const lookup = ((flags & 2) !== 0 ? 0 : LOOKUP_FOLLOW) | ((flags & 8) !== 0 ? LOOKUP_EMPTY : 0);
    return withPath(k, dfd, path, lookup, (at) => pickContext(k, at, (flags & 1) !== 0));
  }));

syscall("fsconfig", ["int", "uint", "ulong", "ulong", "int"], [], (
  k,
  fd = 0,
  command = 0,
  keyAt = 0,
  valueAt = 0,
  aux = 0,
) => {
  if (fd < 0) return -EINVAL;
  const none = keyAt === 0 && valueAt === 0 && aux === 0;
  const wrong = command === FSCONFIG.FLAG
    ? keyAt === 0 || valueAt !== 0 || aux !== 0
    : command === FSCONFIG.STRING
    ? keyAt === 0 || valueAt === 0 || aux !== 0
    : command === FSCONFIG.CREATE || command === FSCONFIG.RECONFIGURE
    ? !none
    : keyAt === 0;
  if (command > FSCONFIG.RECONFIGURE || wrong) return recordedOr(k, -EINVAL);
  const key = keyAt === 0 ? "" : text(k, keyAt);
  const value = command === FSCONFIG.STRING ? text(k, valueAt) : "";
  if (typeof key === "number" || typeof value === "number") return recordedOr(k, -EFAULT);
  return recordedOr(k, configure(k, fd, command, key, value));
});

syscall(
  "fsmount",
  ["int", "uint", "uint"],
  MOUNT_FD_CALLS,
  (k, fd = 0, flags = 0, attributes = 0) =>
    mounting(k, () => {
      const own = attributeFlags(attributes);
      if ((flags & ~1) !== 0 || own === undefined) return -EINVAL;
      return mountContext(k, fd, (flags & 1) !== 0, own);
    }),
);

const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const AT_NO_AUTOMOUNT = 0x800;
const AT_RECURSIVE = 0x8000;
syscall(
  "open_tree",
  ["int", "ulong", "uint"],
  [USER_PATH_AT_EMPTY, PATH_PUT, DO_FILP_OPEN, ...MOUNT_FD_CALLS],
  (k, dfd = 0, name = 0, flags = 0) => {
    const known = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE |
      AT_SYMLINK_NOFOLLOW;
    if ((flags & ~known) !== 0) return recordedOr(k, -EINVAL);
    if ((flags & (AT_RECURSIVE | OPEN_TREE_CLONE)) === AT_RECURSIVE) return recordedOr(k, -EINVAL);
    if ((flags & OPEN_TREE_CLONE) !== 0 && !nsCapable(k, CAP_SYS_ADMIN)) return recordedOr(k, -EPERM);
    const lookup = ((flags & AT_SYMLINK_NOFOLLOW) !== 0 ? 0 : LOOKUP_FOLLOW) |
      ((flags & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
    // Without a copy it is what `O_PATH` opens; a mount by itself is as good.
    return withPath(k, dfd, name, lookup, (path) => cloneTree(k, path, (flags & OPEN_TREE_CLOEXEC) !== 0));
  },
);

const [F_SYMLINKS, F_EMPTY, T_SYMLINKS, T_EMPTY] = [1, 4, 0x10, 0x40];
syscall(
  "move_mount",
  ["int", "ulong", "int", "ulong", "uint"],
  [USER_PATH_AT_EMPTY, DO_MOVE_MOUNT, PATH_PUT],
  (k, fromFd = 0, from = 0, toFd = 0, to = 0, flags = 0) =>
    mounting(k, () => {
      if ((flags & ~0x377) !== 0) return -EINVAL;
      const mark = k.current.locals;
      const source = pushLocal(k, sizeOfStruct(k, "path"));
      const move = (): number => {
        const lookup = ((flags & T_SYMLINKS) !== 0 ? LOOKUP_FOLLOW : 0) |
          ((flags & T_EMPTY) !== 0 ? LOOKUP_EMPTY : 0);
        return withPath(k, toFd, to, lookup, (target) => k.call(DO_MOVE_MOUNT, source, target));
      };
      let result: number;
      const empty = (flags & F_EMPTY) !== 0 && loadUser(k, from, 1, false) === 0;
      if (empty && fromFd !== AT_FDCWD) result = pathOfFd(k, fromFd, source) ? move() : -EBADF;
      else {
        const lookup = (flags & F_SYMLINKS) !== 0 ? LOOKUP_FOLLOW : 0;
        result = withPath(k, fromFd, from, lookup, (path) => {
          PATH.mnt.set(k, source, PATH.mnt.get(k, path));
          PATH.dentry.set(k, source, PATH.dentry.get(k, path));
          return move();
        });
      }
      popLocals(k, mark);
      return result;
    }),
);

/** Bytes of `struct mount_attr`. */
const MOUNT_ATTR_SIZE = 32;
syscall(
  "mount_setattr",
  ["int", "ulong", "uint", "ulong", "ulong"],
  [USER_PATH_AT_EMPTY, PATH_PUT],
  (k, dfd = 0, path = 0, flags = 0, attr = 0, size = 0) =>
    mounting(k, () => {
      if (
        (flags & ~(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)) !== 0
      ) return -EINVAL;
      if (size > 4096) return -E2BIG;
      if (size < MOUNT_ATTR_SIZE) return -EINVAL;
      const [set = 0, clear = 0] = [0, 8].map((offset) => loadUser(k, attr + offset, 8, false));
      if (Number.isNaN(set + clear)) return -EFAULT;
      if (set === 0 && clear === 0) return 0;
      const [on, off] = [attributeFlags(set), attributeFlags(clear & ~0x70)];
      if (
        on === undefined || off === undefined || (clear & 0x70) !== 0 && (clear & 0x70) !== 0x70
      ) return -EINVAL;
      if ((set & 0x70) !== 0 && (clear & 0x70) !== 0x70) return -EINVAL;
      const lookup = ((flags & AT_SYMLINK_NOFOLLOW) !== 0 ? 0 : LOOKUP_FOLLOW) |
        ((flags & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
      return withPath(k, dfd, path, lookup, (at) => {
        const mount = k.vfs.mounts.get(PATH.mnt.get(k, at));
        if (mount === undefined || PATH.dentry.get(k, at) !== mount.root.address) return -EINVAL;
        // How reads are noted is one choice of three, which changes as a whole.
        const atime = (clear & 0x70) !== 0 ? ATIME : 0;
        mount.flags = mount.flags & ~(off & ~ATIME | atime) | on & ~ATIME | on & atime;
        return 0;
      });
    }),
);
/** `MNT_NOATIME | MNT_RELATIME`. */
const ATIME = 0x28;
