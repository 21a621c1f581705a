/**
 * File names out of user memory: `getname` and `struct filename`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { EFAULT, ENAMETOOLONG, ENOENT } from "../syscalls/errno.ts";
import { failsAt } from "./failures.ts";
import { LOOKUP_EMPTY } from "./modes.ts";
import { FILENAME } from "./fields.ts";

/** Longest path, with its NUL; also the size of a `names_cache` object. */
export const PATH_MAX = 4096;

/** Copies a path from user space: a `struct filename`, or -errno. */
export const GETNAME_FLAGS: FunctionRef = behaviour(
  "getname_flags",
  [],
  (k, uptr, flags) => copyName(k, uptr ?? 0, flags ?? 0),
);

/** `getname_flags` without flags. */
export const GETNAME: FunctionRef = behaviour(
  "getname",
  [GETNAME_FLAGS],
  (k, uptr) => k.call(GETNAME_FLAGS, uptr, 0, 0),
);

/** Gives a `struct filename` back. */
export const PUTNAME: FunctionRef = behaviour("putname", [], (k, name) => {
  if (name !== undefined && name !== 0 && !isErr(name) && FILENAME.refcnt.add(k, name, -1) === 0) {
    k.slab.free("names_cache", name);
  }
  return Number.NaN;
});

/** A `struct filename` for a path that the kernel itself has. */
export function kernelName(k: Kernel, path: string): Addr {
  const name = k.slab.alloc("names_cache", PATH_MAX);
  const at = FILENAME.iname.at(k, name);
  FILENAME.name.set(k, name, at);
  FILENAME.refcnt.set(k, name, 1);
  k.memory.writeString(at, path);
  return name;
}

/** The path in a `struct filename`. */
export function nameText(k: Kernel, name: Addr): string {
  return k.memory.readString(FILENAME.name.get(k, name), PATH_MAX);
}

/** Whether a pointer is an error number (`IS_ERR`). */
export function isErr(pointer: number): boolean {
  return pointer < 0 && pointer >= -4095;
}

/** A NUL-terminated string of user space, or -errno. */
export function userString(k: Kernel, uptr: Addr): string | number {
  if (!k.memory.isUser(uptr)) return -EFAULT;
  try {
    const text = k.memory.readString(uptr, PATH_MAX);
    return text.length >= PATH_MAX - 1 ? -ENAMETOOLONG : text;
  } catch (error) {
    if (error instanceof MemoryFault) return -EFAULT;
    throw error;
  }
}

function hasLongComponent(path: string): boolean {
  return path.split("/").some((name) => new TextEncoder().encode(name).length > 255);
}

function copyName(k: Kernel, uptr: Addr, flags: number): number {
  const text = userString(k, uptr);
  if (typeof text === "number") return text;
  const failure = failsAt(k, "name");
  // A recorded name that is too long for the file system fails there.
  if (failure !== 0 && (failure !== -ENAMETOOLONG || !hasLongComponent(text))) return failure;
  if (text === "" && (flags & LOOKUP_EMPTY) === 0) return -ENOENT;
  const name = kernelName(k, text);
  FILENAME.uptr.set(k, name, uptr);
  return name;
}
