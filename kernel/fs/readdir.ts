/**
 * Reading directories: `iterate_dir` and tmpfs's `dcache_readdir`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { type Field, field, sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EBADF, EFAULT, EINVAL, ENOTDIR } from "../syscalls/errno.ts";
import { functionAt, functionPointer } from "../calls/function_pointer.ts";
import { storeUserBytes } from "../process/user_store.ts";
import type { Inode } from "./inode.ts";
import { fileOf } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { fileOperations } from "./fileops.ts";
import { fileAccessed, TOUCH_ATIME } from "./inode_times.ts";
import { recorded } from "./recorded.ts";

/** `dir_context.pos`. */
export const CTX_POS: Field = field("dir_context", "pos");
const CTX_ACTOR = field("dir_context", "actor");
/** Bytes of `struct linux_dirent64` before the name. */
const DIRENT64_HEADER = 19;

/** The buffer that entries go to, by the address of the `dir_context` in the stack. */
interface Filling {
  readonly buf: Addr;
  readonly room: number;
  used: number;
  error: number;
  /** Address of the last entry, where `getdents` stores the next one's position; 0 before the first. */
  last: Addr;
}
const fillings = new WeakMap<Kernel, Map<Addr, Filling>>();

/** Copies one entry to user memory: true (1) to go on. */
export const FILLDIR64: FunctionRef = behaviour(
  "filldir64",
  [fn("verify_dirent_name")],
  (k, ctx = 0, name = 0, length = 0, offset = 0, ino = 0, type = 0) => {
    const filling = fillings.get(k)?.get(ctx);
    if (filling === undefined) return 0;
    k.call(fn("verify_dirent_name"), name, length);
    if (Number.isNaN(name)) return 1;
    const size = Math.ceil((DIRENT64_HEADER + length + 1) / 8) * 8;
    if (filling.used + size > filling.room) {
      filling.error = -EINVAL;
      return 0;
    }
    const at = filling.buf + filling.used;
    try {
      k.memory.store(at, 8, ino);
      k.memory.store(at + 8, 8, offset);
      k.memory.store(at + 16, 2, size);
      k.memory.store(at + 18, 1, type);
      k.memory.writeBytes(at + DIRENT64_HEADER, k.memory.readBytes(name, length));
      k.memory.store(at + DIRENT64_HEADER + length, 1, 0);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      filling.error = -EFAULT;
      return 0;
    }
    filling.used += size;
    return 1;
  },
);

/** Copies one entry as `getdents` has it: words for number and offset, and the type behind the name. */
export const FILLDIR: FunctionRef = behaviour(
  "filldir",
  [fn("verify_dirent_name")],
  (k, ctx = 0, name = 0, length = 0, offset = 0, ino = 0, type = 0) => {
    const filling = fillings.get(k)?.get(ctx);
    if (filling === undefined) return 0;
    k.call(fn("verify_dirent_name"), name, length);
    if (Number.isNaN(name)) return 1;
    const word = k.image.pointerSize;
    const header = 2 * word + 2;
    const size = Math.ceil((header + length + 2) / word) * word;
    if (filling.used + size > filling.room) {
      filling.error = -EINVAL;
      return 0;
    }
    const at = filling.buf + filling.used;
    const bytes = new Uint8Array(size);
    bytes.set(k.memory.readBytes(name, length), header);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, ino >>> 0, true);
    view.setUint32(word, offset >>> 0, true);
    view.setUint16(2 * word, size, true);
    bytes[size - 1] = type;
    if (!storeUserBytes(k, at, bytes)) {
      filling.error = -EFAULT;
      return 0;
    }
    filling.last = at;
    filling.used += size;
    return 1;
  },
);

/** Copies one entry as i386's oldest call has it: one at a time. */
const FILLONEDIR: FunctionRef = behaviour(
  "fillonedir",
  [fn("verify_dirent_name")],
  (k, ctx = 0, name = 0, length = 0, offset = 0, ino = 0) => {
    const filling = fillings.get(k)?.get(ctx);
    if (filling === undefined || filling.used > 0) return 0;
    filling.used = 1;
    if (Number.isNaN(name)) return 1;
    const bytes = new Uint8Array(11 + length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, ino >>> 0, true);
    view.setUint32(4, offset >>> 0, true);
    view.setUint16(8, length, true);
    bytes.set(k.memory.readBytes(name, length), 10);
    if (!storeUserBytes(k, filling.buf, bytes)) filling.error = -EFAULT;
    return filling.error === 0 ? 1 : 0;
  },
);

/** Gives the entries of a tmpfs directory from the file's position on. */
export const DCACHE_READDIR: FunctionRef = behaviour(
  "dcache_readdir",
  [FILLDIR64, FILLDIR, FILLONEDIR],
  (k, address = 0, ctx = 0) => {
    const file = k.vfs.files.get(address);
    const dir = file?.dentry;
    const entries = file?.inode?.entries;
    if (file === undefined || !dir || !entries) return -ENOTDIR;
    // tmpfs lists the newest entry first; an open directory keeps the order that it began with.
    if (file.listing === null || CTX_POS.get(k, ctx) === 0) file.listing = [...entries.keys()].reverse();
    emitEntries(k, address, ctx, [".", "..", ...file.listing], (name) => {
      const dentry = name === "." ? dir : name === ".." ? dir.parent : entries.get(name);
      return dentry?.inode ?? null;
    });
    return 0;
  },
);

/** Reads on in a directory; entries go to the `dir_context`'s actor. */
export const ITERATE_DIR: FunctionRef = behaviour(
  "iterate_dir",
  [...listers(), TOUCH_ATIME],
  (k, address = 0, ctx = 0) => {
    const file = k.vfs.files.get(address);
    const iterate = file?.ops?.iterate;
    if (iterate === undefined) return -ENOTDIR;
    CTX_POS.set(k, ctx, FILE.pos.get(k, address));
    const result = k.call(iterate, address, ctx);
    FILE.pos.set(k, address, CTX_POS.get(k, ctx));
    fileAccessed(k, address);
    return result;
  },
);

/** `getdents64`: bytes stored, 0 at the end, or -errno. */
export function getdents64(k: Kernel, fd: number, buf: Addr, count: number): number {
  return listTo(k, fd, buf, count, FILLDIR64);
}

/** `getdents`: bytes stored, 0 at the end, or -errno. */
export function getdents(k: Kernel, fd: number, buf: Addr, count: number): number {
  return listTo(k, fd, buf, count, FILLDIR);
}

/** i386's `readdir`: 1 for an entry, 0 at the end, or -errno. */
export function oldReaddir(k: Kernel, fd: number, buf: Addr): number {
  return listTo(k, fd, buf, 1, FILLONEDIR);
}

function listTo(k: Kernel, fd: number, buf: Addr, count: number, actor: FunctionRef): number {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  const outcome = recorded(k);
  const mark = k.current.locals;
  const ctx = pushLocal(k, sizeOfStruct(k, "dir_context"));
  CTX_ACTOR.set(k, ctx, functionPointer(k, actor));
  const filling: Filling = { buf, room: count, used: 0, error: 0, last: 0 };
  let table = fillings.get(k);
  if (table === undefined) fillings.set(k, table = new Map());
  table.set(ctx, filling);
  if (outcome?.ret === 0) FILE.pos.set(k, file.address, 2 + countEntries(file.inode) + 1);
  const error = k.call(ITERATE_DIR, file.address, ctx);
  table.delete(ctx);
  popLocals(k, mark);
  if (outcome !== undefined) return outcome.ret;
  if (error < 0) return error;
  return filling.used > 0 ? filling.used : filling.error;
}

function countEntries(inode: Inode | null): number {
  return inode?.dynamic?.names().length ?? inode?.entries?.size ?? 0;
}

/** How a part of a directory is listed. */
export interface Emission {
  /** Hands on one entry; default `dirEmit`. */
  readonly emit?: typeof dirEmit;
  /** Position at which this part ends; default: the end of the directory. */
  readonly upTo?: number;
}

/**
 * Hands an open directory's entries to whoever lists it, from the context's position on, until it takes no more; names
 * without an inode are passed over. A recording tells how many entries there were, but names only those that the
 * program used: the rest is handed on without names.
 */
export function emitEntries(
  k: Kernel,
  file: Addr,
  ctx: Addr,
  names: readonly string[],
  inodeOf: (name: string) => Inode | null,
  { emit = dirEmit, upTo = Infinity }: Emission = {},
): void {
  const wanted = recorded(k)?.entries;
  const all = wanted === undefined ? names.length : FILE.pos.get(k, file) + wanted;
  const end = Math.min(all, upTo);
  for (let pos = CTX_POS.get(k, ctx); pos < end; pos++) {
    const name = names[pos];
    const inode = name === undefined ? null : inodeOf(name);
    if ((inode !== null || name === undefined) && !emit(k, ctx, name ?? null, inode, pos + 1)) return;
    CTX_POS.set(k, ctx, pos + 1);
  }
}

/** Hands one entry, whose name may be unknown, to whoever lists a directory (`dir_emit`); false when it takes no more. */
export function dirEmit(
  k: Kernel,
  ctx: Addr,
  name: string | null,
  inode: Inode | null,
  offset: number,
): boolean {
  if (name === null) {
    return k.call(actorOf(k, ctx), ctx, Number.NaN, Number.NaN, offset, Number.NaN, Number.NaN) === 1;
  }
  const bytes = encoder.encode(name);
  const mark = k.current.locals;
  const at = pushLocal(k, bytes.length + 1);
  k.memory.writeBytes(at, bytes);
  const type = (inode?.type ?? 0) >> 12;
  const more = k.call(actorOf(k, ctx), ctx, at, bytes.length, offset, inode?.ino ?? 0, type);
  popLocals(k, mark);
  return more === 1;
}
const encoder = new TextEncoder();

/** The function that a listing's entries are handed to. */
function actorOf(k: Kernel, ctx: Addr): FunctionRef {
  return functionAt(k, CTX_ACTOR.get(k, ctx)) ?? FILLDIR64;
}

/** What a listing is handed to. */
export const ACTORS: readonly FunctionRef[] = [FILLDIR64, FILLDIR, FILLONEDIR];

/** Moves the position of an open directory. */
behaviour("dcache_dir_lseek", [], (k, address = 0, offset = 0, whence = 0) => {
  const pos = whence === 1 ? FILE.pos.get(k, address) + offset : offset;
  if (whence > 1 || pos < 0) return -EINVAL;
  FILE.pos.set(k, address, pos);
  return pos;
});

function listers(): readonly FunctionRef[] {
  const found = fileOperations().flatMap(({ iterate }) => iterate === undefined ? [] : [iterate]);
  return [...new Set(found)];
}

/** What `readdir` calls. */
export const OLD_READDIR_CALLS: readonly FunctionRef[] = [fn("iterate_dir")];
/** What `getdents64` calls. */
export const READDIR_CALLS: readonly FunctionRef[] = [ITERATE_DIR];
