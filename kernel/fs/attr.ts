/**
 * Changing an inode's attributes: `fs/attr.c`, and tmpfs's part in it.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EFBIG, EPERM } from "../syscalls/errno.ts";
import { coarseTime } from "../time/wall_clock.ts";
import { failsAt } from "./failures.ts";
import { INODE } from "./fields.ts";
import type { Inode } from "./inode.ts";
import { inodeCallees } from "./inode_operations.ts";
import { S_IFDIR, S_IFREG } from "./modes.ts";
import { DECISIVE, INODE_PERMISSION } from "./namei.ts";
import { notifyDentry } from "./notify/events.ts";
import { IN_ATTRIB } from "./notify/masks.ts";
import {
  CAP_CHOWN,
  CAP_FSETID,
  CAPABLE_WRT_INODE_UIDGID,
  fsuid,
  inGroup,
  INODE_OWNER_OR_CAPABLE,
  MAY_WRITE,
} from "./permission.ts";
import { recorded } from "./recorded.ts";
import { F_SEAL_GROW, F_SEAL_SHRINK } from "./seals.ts";
import { unmapFrom } from "../mm/shared_pages.ts";
import { initUserNs } from "../process/user_namespace.ts";

/** `ia_valid`: the mode. */
export const ATTR_MODE = 1;
/** `ia_valid`: the owner. */
export const ATTR_UID = 2;
/** `ia_valid`: the group. */
export const ATTR_GID = 4;
/** `ia_valid`: the size. */
export const ATTR_SIZE = 8;
/** `ia_valid`: the time of access. */
export const ATTR_ATIME = 16;
/** `ia_valid`: the time of change of the contents. */
export const ATTR_MTIME = 32;
/** `ia_valid`: the time of change of the inode. */
export const ATTR_CTIME = 64;
/** `ia_valid`: the time of access is given, not now. */
export const ATTR_ATIME_SET = 128;
/** `ia_valid`: the time of change is given, not now. */
export const ATTR_MTIME_SET = 256;
/** `ia_valid`: nobody is asked. */
export const ATTR_FORCE = 512;
/** `ia_valid`: the set-user-id bit goes. */
export const ATTR_KILL_SUID = 2048;
/** `ia_valid`: the set-group-id bit goes. */
export const ATTR_KILL_SGID = 4096;
/** `ia_valid`: there is an open file. */
export const ATTR_FILE = 8192;
/** `ia_valid`: capabilities of the file go. */
export const ATTR_KILL_PRIV = 16384;
/** `ia_valid`: by open with `O_TRUNC`. */
export const ATTR_OPEN = 32768;
/** `ia_valid`: times are given. */
export const ATTR_TIMES_SET = 65536;
/** `ia_valid`: times become now, as `touch` does it. */
export const ATTR_TOUCH = 131072;

/** `struct iattr`. */
export const IATTR = {
  valid: field("iattr", "ia_valid"),
  mode: field("iattr", "ia_mode"),
  uid: field("iattr", "ia_uid.val"),
  gid: field("iattr", "ia_gid.val"),
  size: field("iattr", "ia_size"),
  atime: field("iattr", "ia_atime.tv_sec"),
  atimeNsec: field("iattr", "ia_atime.tv_nsec"),
  mtime: field("iattr", "ia_mtime.tv_sec"),
  mtimeNsec: field("iattr", "ia_mtime.tv_nsec"),
  ctime: field("iattr", "ia_ctime.tv_sec"),
  ctimeNsec: field("iattr", "ia_ctime.tv_nsec"),
  file: field("iattr", "ia_file"),
} as const;

const PAGE = 4096;
const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o010;

/** Whether attributes may be changed at all, before the file system is asked: 0 or -errno. */
export const MAY_SETATTR: FunctionRef = behaviour("may_setattr", [], () => 0);

/** Checks who asks: 0 or -errno. In a replay the recording decides. */
export const SETATTR_PREPARE: FunctionRef = behaviour(
  "setattr_prepare",
  [INODE_OWNER_OR_CAPABLE],
  (k, ns = 0, dentry = 0, attr = 0) => {
    const inode = k.vfs.dentries.get(dentry)?.inode;
    const valid = IATTR.valid.get(k, attr);
    const owned = (): boolean => inode != null && k.call(INODE_OWNER_OR_CAPABLE, ns, inode.address) === 1;
    if (recorded(k) !== undefined) {
      if ((valid & (ATTR_MODE | ATTR_TIMES_SET)) !== 0 && (valid & ATTR_FORCE) === 0) owned();
      return failsAt(k, "operation");
    }
    if (!inode) return 0;
    if ((valid & ATTR_SIZE) !== 0 && IATTR.size.get(k, attr) > Number.MAX_SAFE_INTEGER / 2) return -EFBIG;
    if ((valid & ATTR_FORCE) !== 0) return 0;
    if ((valid & ATTR_UID) !== 0 && !chownOk(k, ns, inode, IATTR.uid.get(k, attr))) return -EPERM;
    if ((valid & ATTR_GID) !== 0 && !chgrpOk(k, ns, inode, IATTR.gid.get(k, attr))) return -EPERM;
    if ((valid & ATTR_MODE) !== 0) {
      if (!owned()) return -EPERM;
      const gid = (valid & ATTR_GID) !== 0 ? IATTR.gid.get(k, attr) : INODE.gid.get(k, inode.address);
      if (!mayKeepSgid(k, ns, inode, gid)) IATTR.mode.set(k, attr, IATTR.mode.get(k, attr) & ~S_ISGID);
    }
    if ((valid & (ATTR_MTIME_SET | ATTR_ATIME_SET | ATTR_TIMES_SET)) !== 0 && !owned()) return -EPERM;
    return 0;
  },
);

function chownOk(k: Kernel, ns: Addr, inode: Inode, uid: number): boolean {
  const own = INODE.uid.get(k, inode.address);
  if (own === fsuid(k) && uid === own) return true;
  return k.call(CAPABLE_WRT_INODE_UIDGID, ns, inode.address, CAP_CHOWN) === 1;
}

function chgrpOk(k: Kernel, ns: Addr, inode: Inode, gid: number): boolean {
  if (
    INODE.uid.get(k, inode.address) === fsuid(k) &&
    (gid === INODE.gid.get(k, inode.address) || inGroup(k, gid))
  ) return true;
  return k.call(CAPABLE_WRT_INODE_UIDGID, ns, inode.address, CAP_CHOWN) === 1;
}

function mayKeepSgid(k: Kernel, ns: Addr, inode: Inode, gid: number): boolean {
  return inGroup(k, gid) || k.call(CAPABLE_WRT_INODE_UIDGID, ns, inode.address, CAP_FSETID) === 1;
}

/** Copies attributes into the inode. */
export const SETATTR_COPY: FunctionRef = behaviour("setattr_copy", [], (k, _ns, inode = 0, attr = 0) => {
  const valid = IATTR.valid.get(k, attr);
  if ((valid & ATTR_UID) !== 0) INODE.uid.set(k, inode, IATTR.uid.get(k, attr));
  if ((valid & ATTR_GID) !== 0) INODE.gid.set(k, inode, IATTR.gid.get(k, attr));
  if ((valid & ATTR_ATIME) !== 0) copyTime(k, inode, attr, "atime");
  if ((valid & ATTR_MTIME) !== 0) copyTime(k, inode, attr, "mtime");
  if ((valid & ATTR_CTIME) !== 0) copyTime(k, inode, attr, "ctime");
  if ((valid & ATTR_MODE) !== 0) {
    const type = INODE.mode.get(k, inode) & ~0o7777;
    INODE.mode.set(k, inode, type | IATTR.mode.get(k, attr) & 0o7777);
  }
  return Number.NaN;
});

function copyTime(k: Kernel, inode: Addr, attr: Addr, which: "atime" | "mtime" | "ctime"): void {
  INODE[which].set(k, inode, IATTR[which].get(k, attr));
  INODE[`${which}Nsec`].set(k, inode, IATTR[`${which}Nsec`].get(k, attr));
}

/** tmpfs changes attributes; a new size cuts or extends the file. */
export const SHMEM_SETATTR: FunctionRef = behaviour(
  "shmem_setattr",
  [SETATTR_PREPARE, SETATTR_COPY],
  (k, ns = 0, dentry = 0, attr = 0) => {
    const error = k.call(SETATTR_PREPARE, ns, dentry, attr);
    const inode = k.vfs.dentries.get(dentry)?.inode;
    if (error !== 0 || !inode) return error;
    if (inode.type === S_IFREG && (IATTR.valid.get(k, attr) & ATTR_SIZE) !== 0) {
      const size = IATTR.size.get(k, attr);
      if (recorded(k) === undefined) {
        if (size < inode.size && (inode.seals & F_SEAL_SHRINK) !== 0) return -EPERM;
        if (size > inode.size && (inode.seals & F_SEAL_GROW) !== 0) return -EPERM;
      }
      inode.size = size;
      unmapFrom(k, inode, Math.ceil(size / PAGE));
    }
    k.call(SETATTR_COPY, ns, inode.address, attr);
    return 0;
  },
);

/** What file systems without a function of their own do. */
export const SIMPLE_SETATTR: FunctionRef = behaviour(
  "simple_setattr",
  [SETATTR_PREPARE, SETATTR_COPY],
  (k, ns = 0, dentry = 0, attr = 0) => {
    const error = k.call(SETATTR_PREPARE, ns, dentry, attr);
    const inode = k.vfs.dentries.get(dentry)?.inode;
    if (error !== 0 || !inode) return error;
    if ((IATTR.valid.get(k, attr) & ATTR_SIZE) !== 0) inode.size = IATTR.size.get(k, attr);
    k.call(SETATTR_COPY, ns, inode.address, attr);
    return 0;
  },
);

/** Changes what an `iattr` says of the inode behind a dentry: 0 or -errno. */
export const NOTIFY_CHANGE: FunctionRef = behaviour(
  "notify_change",
  [MAY_SETATTR, INODE_PERMISSION, INODE_OWNER_OR_CAPABLE, ...inodeCallees("setattr"), SIMPLE_SETATTR],
  (k, ns = 0, dentry = 0, attr = 0) => {
    const inode = k.vfs.dentries.get(dentry)?.inode;
    if (!inode) return 0;
    let valid = IATTR.valid.get(k, attr);
    const error = k.call(MAY_SETATTR, ns, inode.address, valid);
    if (error !== 0) return error;
    if ((valid & ATTR_TOUCH) !== 0 && k.call(INODE_OWNER_OR_CAPABLE, ns, inode.address) !== 1) {
      const denied = k.call(INODE_PERMISSION, ns, inode.address, MAY_WRITE, DECISIVE);
      if (denied !== 0) return denied;
    }
    const now = coarseTime(k);
    IATTR.ctime.set(k, attr, now.sec);
    IATTR.ctimeNsec.set(k, attr, now.nsec);
    for (const [which, given] of [["atime", ATTR_ATIME_SET], ["mtime", ATTR_MTIME_SET]] as const) {
      if ((valid & given) !== 0) continue;
      IATTR[which].set(k, attr, now.sec);
      IATTR[`${which}Nsec`].set(k, attr, now.nsec);
    }
    const cleared = (valid & ATTR_KILL_SUID ? S_ISUID : 0) | (valid & ATTR_KILL_SGID ? S_ISGID : 0);
    if ((inode.mode & cleared) !== 0) {
      IATTR.mode.set(k, attr, inode.mode & ~cleared);
      valid |= ATTR_MODE;
    }
    IATTR.valid.set(k, attr, valid & ~(ATTR_KILL_SUID | ATTR_KILL_SGID));
    const result = k.call(inode.iops.setattr ?? SIMPLE_SETATTR, ns, dentry, attr);
    if (result === 0) notifyDentry(k, dentry, IN_ATTRIB);
    return result;
  },
);

/** The bits that a change of owner takes: set-user-id, and set-group-id where the group may execute. */
export function privilegesLost(inode: Inode): number {
  if (inode.type === S_IFDIR) return 0;
  return ATTR_KILL_PRIV | ATTR_KILL_SUID |
    ((inode.mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP) ? ATTR_KILL_SGID : 0);
}

/** Runs `notify_change` on a dentry with an `iattr` in the stack that `fill` completes. */
export function changeAttributes(k: Kernel, dentry: Addr, valid: number, fill: (attr: Addr) => void): number {
  const mark = k.current.locals;
  const attr = pushLocal(k, sizeOfStruct(k, "iattr"));
  IATTR.valid.set(k, attr, valid);
  fill(attr);
  const result = k.call(NOTIFY_CHANGE, initUserNs(k), dentry, attr, 0);
  popLocals(k, mark);
  return result;
}
