/**
 * System calls that mount, unmount and change the root.
 *
 * @module
 */

import {
  chroot,
  CHROOT_CALLS,
  mount,
  MOUNT_CALLS,
  PIVOT_CALLS,
  pivotRoot,
  umount,
  UMOUNT_CALLS,
} from "../fs/namespace.ts";
import { userString } from "../fs/names.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { syscall } from "./define.ts";

/** A string of the caller's, "" where it gave none; -errno at a bad address, which a replay has no reason to mind. */
function optional(k: Kernel, at: number): string | number {
  if (at === 0) return "";
  const text = userString(k, at);
  return typeof text === "number" && recorded(k) !== undefined ? "" : text;
}

syscall(
  "mount",
  ["ulong", "ulong", "ulong", "ulong", "ulong"],
  MOUNT_CALLS,
  (k, source = 0, dir = 0, type = 0, flags = 0) => {
    const kind = optional(k, type);
    if (typeof kind === "number") return kind;
    const name = optional(k, source);
    if (typeof name === "number") return name;
    return mount(k, name, dir, type === 0 ? null : kind, flags | 0);
  },
);
syscall("umount", ["ulong", "int"], UMOUNT_CALLS, (k, name = 0, flags = 0) => umount(k, name, flags));
syscall("oldumount", ["ulong"], UMOUNT_CALLS, (k, name = 0) => umount(k, name, 0));
syscall("chroot", ["ulong"], CHROOT_CALLS, (k, filename = 0) => chroot(k, filename));
syscall("pivot_root", ["ulong", "ulong"], PIVOT_CALLS, (k, next = 0, old = 0) => pivotRoot(k, next, old));
