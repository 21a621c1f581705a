/**
 * Who may do what with an inode: by its mode and owner, then by capabilities.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { SECURITY_CAPABLE } from "../process/capability.ts";
import { CRED } from "../process/task.ts";
import { EACCES } from "../syscalls/errno.ts";
import { INODE } from "./fields.ts";
import type { Inode } from "./inode.ts";
import { initUserNs } from "../process/user_namespace.ts";

/** Change owners of files. */
export const CAP_CHOWN = 0;
/** Pass the access rights of files. */
export const CAP_DAC_OVERRIDE = 1;
/** Read files and search directories whatever their rights. */
export const CAP_DAC_READ_SEARCH = 2;
/** Do what only a file's owner may. */
export const CAP_FOWNER = 3;
/** Keep set-id bits. */
export const CAP_FSETID = 4;
/** System administration: mounts, trusted attributes. */
export const CAP_SYS_ADMIN = 21;
/** Change the root directory. */
export const CAP_SYS_CHROOT = 18;
/** Make device files. */
export const CAP_MKNOD = 27;

/** Asks for execution, or search. */
export const MAY_EXEC = 1;
/** Asks for writing. */
export const MAY_WRITE = 2;
/** Asks for reading. */
export const MAY_READ = 4;

/** Whether the running task has a capability in the initial user namespace: true (1) if so. */
export const CAPABLE: FunctionRef = behaviour(
  "capable",
  [SECURITY_CAPABLE],
  (k, cap = 0) => k.call(SECURITY_CAPABLE, k.current.cred, initUserNs(k), cap, 0) === 0 ? 1 : 0,
);

/** Whether it has one for an inode. */
export const CAPABLE_WRT_INODE_UIDGID: FunctionRef = behaviour(
  "capable_wrt_inode_uidgid",
  [SECURITY_CAPABLE],
  (k, ns = 0, _inode = 0, cap = 0) => k.call(SECURITY_CAPABLE, k.current.cred, ns, cap, 0) === 0 ? 1 : 0,
);

/** Checks access by mode, owner and capabilities: 0 or -EACCES. `mask` is of `MAY_READ`, `MAY_WRITE`, `MAY_EXEC`. */
export const GENERIC_PERMISSION: FunctionRef = behaviour(
  "generic_permission",
  [CAPABLE_WRT_INODE_UIDGID],
  (k, ns = 0, address = 0, mask = 0) => {
    const inode = k.vfs.inodes.get(address);
    if (inode === undefined) return 0;
    const wish = mask & 7;
    if ((wish & ~modeFor(k, inode, wish)) === 0) return 0;
    const capable = (cap: number): boolean => k.call(CAPABLE_WRT_INODE_UIDGID, ns, address, cap) === 1;
    if (inode.entries !== null) {
      if ((wish & MAY_WRITE) === 0 && capable(CAP_DAC_READ_SEARCH)) return 0;
      return capable(CAP_DAC_OVERRIDE) ? 0 : -EACCES;
    }
    if (wish === MAY_READ && capable(CAP_DAC_READ_SEARCH)) return 0;
    // Nobody executes what nobody may.
    const someExecutes = (inode.mode & 0o111) !== 0;
    return ((wish & MAY_EXEC) === 0 || someExecutes) && capable(CAP_DAC_OVERRIDE) ? 0 : -EACCES;
  },
);

/** Whether the running task may do something with an inode, without any kernel function being called: 0 or -EACCES. */
export function permitted(k: Kernel, inode: Inode, mask: number): number {
  const wish = mask & 7;
  if ((wish & ~modeFor(k, inode, wish)) === 0) return 0;
  if (fsuid(k) !== 0) return -EACCES;
  return (wish & MAY_EXEC) !== 0 && inode.entries === null && (inode.mode & 0o111) === 0 ? -EACCES : 0;
}

/** The rights that an inode's mode gives the running task, as for others in the lowest three bits. */
function modeFor(k: Kernel, inode: Inode, wish: number): number {
  const { mode } = inode;
  if (INODE.uid.get(k, inode.address) === fsuid(k)) return mode >> 6;
  if ((wish & (mode ^ (mode >> 3))) !== 0 && inGroup(k, INODE.gid.get(k, inode.address))) return mode >> 3;
  return mode;
}

/** Whether the running task owns an inode or may act as its owner: true (1) if so. */
export const INODE_OWNER_OR_CAPABLE: FunctionRef = behaviour(
  "inode_owner_or_capable",
  [CAPABLE_WRT_INODE_UIDGID],
  (k, ns = 0, inode = 0) => {
    if (INODE.uid.get(k, inode) === fsuid(k)) return 1;
    return k.call(CAPABLE_WRT_INODE_UIDGID, ns, inode, CAP_FOWNER);
  },
);

/** Whether a sticky directory keeps the running task from removing an inode's name. */
export function sticky(k: Kernel, ns: Addr, dir: Inode, inode: Inode): boolean {
  if ((dir.mode & S_ISVTX) === 0) return false;
  const own = fsuid(k);
  if (INODE.uid.get(k, inode.address) === own || INODE.uid.get(k, dir.address) === own) return false;
  return k.call(CAPABLE_WRT_INODE_UIDGID, ns, inode.address, CAP_FOWNER) === 0;
}
const S_ISVTX = 0o1000;

/** The user id that the running task's file accesses are judged by. */
export function fsuid(k: Kernel): number {
  return CRED.fsuid.get(k, k.current.cred);
}

/** The group id that goes with it. */
export function fsgid(k: Kernel): number {
  return CRED.fsgid.get(k, k.current.cred);
}

/** Whether the running task is in a group. */
export function inGroup(k: Kernel, gid: number): boolean {
  return fsgid(k) === gid || CRED.egid.get(k, k.current.cred) === gid;
}

/** The security modules' own check. */
export const SECURITY_INODE_PERMISSION: FunctionRef = fn("security_inode_permission");
