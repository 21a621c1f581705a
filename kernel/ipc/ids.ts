/**
 * Identifiers of System V IPC: `ipc/util.c`. Each kind has a table of slots; a slot that is used again has another number.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { nsCapable } from "../process/capability.ts";
import { CRED } from "../process/task.ts";
import { EACCES, EEXIST, EINVAL, ENOENT, ENOSPC, EPERM } from "../syscalls/errno.ts";

/** `key`: an object that nobody finds by its key. */
export const IPC_PRIVATE = 0;
/** Make it if it is not there. */
export const IPC_CREAT = 0o1000;
/** It must not be there. */
export const IPC_EXCL = 0o2000;
/** Return instead of waiting. */
export const IPC_NOWAIT = 0o4000;
/** Commands that all kinds have. */
export const IPC_RMID = 0;
/** Sets owner and mode. */
export const IPC_SET = 1;
/** Tells owner, mode and times. */
export const IPC_STAT = 2;

const CAP_IPC_OWNER = 15;
/** Slots of a table (`IPCMNI`). */
const SLOTS = 32768;

/** Who may use an object: `struct kern_ipc_perm`. */
export interface IpcPerm {
  id: number;
  readonly key: number;
  uid: number;
  gid: number;
  readonly cuid: number;
  readonly cgid: number;
  mode: number;
  readonly seq: number;
  /** It was removed: who waits for it is told. */
  deleted: boolean;
}

/** The objects of one kind in one kernel. */
export class IpcIds<T extends { readonly perm: IpcPerm }> {
  readonly #slots: (T | undefined)[] = [];
  #seq = 0;
  #last = -1;

  /** All objects, by slot. */
  all(): readonly T[] {
    return this.#slots.filter((object): object is T => object !== undefined);
  }

  /** The object with an id; undefined where there is none. */
  get(id: number): T | undefined {
    const object = id < 0 ? undefined : this.#slots[id % SLOTS];
    return object?.perm.id === id ? object : undefined;
  }

  /**
   * Finds or makes an object as `shmget` and its like do: its id, or -errno. `fits` checks what is there, `make` makes it.
   */
  getOrMake(
    k: Kernel,
    key: number,
    flags: number,
    fits: (object: T) => number,
    make: (perm: IpcPerm) => T | number,
  ): number {
    const found = key === IPC_PRIVATE ? undefined : this.all().find(({ perm }) => perm.key === key);
    if (found !== undefined) {
      if ((flags & IPC_CREAT) !== 0 && (flags & IPC_EXCL) !== 0) return -EEXIST;
      const error = fits(found);
      if (error !== 0) return error;
      return allowed(k, found.perm, flags & 0o777) ? found.perm.id : -EACCES;
    }
    if (key !== IPC_PRIVATE && (flags & IPC_CREAT) === 0) return -ENOENT;
    let slot = 0;
    while (this.#slots[slot] !== undefined) slot++;
    if (slot >= SLOTS) return -ENOSPC;
    if (slot <= this.#last) this.#seq = (this.#seq + 1) % 65536;
    this.#last = slot;
    const { cred } = k.current;
    const [uid, gid] = [CRED.euid.get(k, cred), CRED.egid.get(k, cred)];
    const id = this.#seq * SLOTS + slot;
    const perm = {
      id,
      key,
      uid,
      gid,
      cuid: uid,
      cgid: gid,
      mode: flags & 0o777,
      seq: this.#seq,
      deleted: false,
    };
    const made = make(perm);
    if (typeof made === "number") return made;
    this.#slots[slot] = made;
    return id;
  }

  /** Gives an object the id that a recording knows it by. */
  rename(id: number, to: number): void {
    const object = this.get(id);
    if (object === undefined || to < 0) return;
    this.#slots[id % SLOTS] = undefined;
    object.perm.id = to;
    this.#slots[to % SLOTS] = object;
  }

  /** Takes an object out of the table. */
  remove(object: T): void {
    object.perm.deleted = true;
    this.#slots[object.perm.id % SLOTS] = undefined;
  }
}

/** Whether the running task may use an object as the mode bits of `wanted` say (`ipcperms`). */
export function allowed(k: Kernel, perm: IpcPerm, wanted: number): boolean {
  const { cred } = k.current;
  const asked = (wanted >> 6 | wanted >> 3 | wanted) & 7;
  const [euid, egid] = [CRED.euid.get(k, cred), CRED.egid.get(k, cred)];
  const granted = euid === perm.uid || euid === perm.cuid
    ? perm.mode >> 6
    : egid === perm.gid || egid === perm.cgid
    ? perm.mode >> 3
    : perm.mode;
  return (asked & ~granted & 7) === 0 || nsCapable(k, CAP_IPC_OWNER);
}

/** Whether the running task may change or remove an object: 0 or -EPERM. */
export function mayChange(k: Kernel, perm: IpcPerm): number {
  const euid = CRED.euid.get(k, k.current.cred);
  return euid === perm.uid || euid === perm.cuid || nsCapable(k, 21) ? 0 : -EPERM;
}

/** `struct ipc64_perm` as words: size and value of each, in order. */
export function permWords(k: Kernel, perm: IpcPerm): readonly (readonly [size: number, value: number])[] {
  const { key, uid, gid, cuid, cgid, mode, seq } = perm;
  const head = [key, uid, gid, cuid, cgid, mode].map((value) => [4, value] as const);
  // Alignment, then two words for later.
  const w = k.image.pointerSize;
  return w === 8
    ? [...head, [2, seq], [2, 0], [4, 0], [8, 0], [8, 0]]
    : [...head, [2, seq], [2, 0], [4, 0], [4, 0]];
}

/** An object by id that the running task may use: it, or -errno. */
export function usable<T extends { readonly perm: IpcPerm }>(
  k: Kernel,
  ids: IpcIds<T>,
  id: number,
  wanted: number,
): T | number {
  const object = ids.get(id);
  if (object === undefined) return -EINVAL;
  return allowed(k, object.perm, wanted) ? object : -EACCES;
}
