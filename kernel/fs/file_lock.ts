/**
 * Locks on files as objects: `struct file_lock`, the lists of an inode, and who is in whose way.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import { field } from "../process/objects.ts";
import { initWaitQueueHead } from "../sched/wait.ts";
import { INODE } from "./fields.ts";
import type { Inode } from "./inode.ts";

/** A shared lock. */
export const F_RDLCK = 0;
/** An exclusive lock. */
export const F_WRLCK = 1;
/** No lock: one is given up. */
export const F_UNLCK = 2;

/** `fl_flags`: by `fcntl`. */
export const FL_POSIX = 1;
/** `fl_flags`: by `flock`. */
export const FL_FLOCK = 2;
/** `fl_flags`: a lease. */
export const FL_LEASE = 32;
/** `fl_flags`: waits. */
export const FL_SLEEP = 128;
/** `fl_flags`: owned by the open file. */
export const FL_OFDLCK = 1024;

/** Last position of a lock that reaches to the end, whatever that will be. */
export const OFFSET_MAX = Number.MAX_SAFE_INTEGER;

/** Fields of `struct file_lock`. */
const LOCK = {
  owner: field("file_lock", "fl_owner"),
  flags: field("file_lock", "fl_flags"),
  type: field("file_lock", "fl_type"),
  pid: field("file_lock", "fl_pid"),
  wait: field("file_lock", "fl_wait"),
  file: field("file_lock", "fl_file"),
  start: field("file_lock", "fl_start"),
  end: field("file_lock", "fl_end"),
  blocker: field("file_lock", "fl_blocker"),
} as const;
const CACHE = "file_lock_cache";

/** What a lock is. */
export interface LockOptions {
  readonly flags: number;
  readonly type: number;
  readonly owner: Addr;
  readonly pid: number;
  readonly file: Addr;
  readonly start: number;
  readonly end: number;
}

/** A lock that is held or asked for. */
export class FileLock {
  readonly address: Addr;
  readonly #k: Kernel;
  readonly flags: number;
  readonly owner: Addr;
  readonly pid: number;
  readonly file: Addr;
  #type: number;
  #start: number;
  #end: number;

  constructor(k: Kernel, options: LockOptions) {
    this.#k = k;
    this.address = newObject(k, CACHE, "file_lock");
    this.flags = options.flags;
    this.owner = options.owner;
    this.pid = options.pid;
    this.file = options.file;
    this.#type = options.type;
    this.#start = options.start;
    this.#end = options.end;
    initWaitQueueHead(k, this.waitQueue);
    LOCK.flags.set(k, this.address, options.flags);
    LOCK.owner.set(k, this.address, options.owner);
    LOCK.pid.set(k, this.address, options.pid);
    LOCK.file.set(k, this.address, options.file);
    this.#write();
  }

  /** `F_RDLCK`, `F_WRLCK` or `F_UNLCK`. */
  get type(): number {
    return this.#type;
  }

  /** First byte. */
  get start(): number {
    return this.#start;
  }

  /** Last byte. */
  get end(): number {
    return this.#end;
  }

  /** Where its owner waits while it is blocked. */
  get waitQueue(): Addr {
    return LOCK.wait.at(this.#k, this.address);
  }

  /** Says which lock is in its way. */
  set blocker(blocker: FileLock | null) {
    LOCK.blocker.set(this.#k, this.address, blocker?.address ?? 0);
  }

  /** Changes the range. */
  resize(start: number, end: number): void {
    this.#start = start;
    this.#end = end;
    this.#write();
  }

  /** The same lock on another range. */
  copy(start: number, end: number): FileLock {
    const { flags, type, owner, pid, file } = this;
    return new FileLock(this.#k, { flags, type, owner, pid, file, start, end });
  }

  /** Gives the object back. */
  free(): void {
    freeObject(this.#k, CACHE, this.address);
  }

  #write(): void {
    LOCK.type.set(this.#k, this.address, this.#type);
    LOCK.start.set(this.#k, this.address, this.#start);
    LOCK.end.set(this.#k, this.address, this.#end);
  }
}

/** The locks of an inode: `struct file_lock_context`. */
export class LockContext {
  readonly address: Addr;
  /** By `flock`. */
  flock: FileLock[] = [];
  /** By `fcntl`, ordered by owner and start. */
  posix: FileLock[] = [];
  /** Leases. */
  lease: FileLock[] = [];
  /** Who waits, in order. */
  readonly blocked: FileLock[] = [];

  constructor(k: Kernel, inode: Inode) {
    this.address = newObject(k, "file_lock_ctx", "file_lock_context");
    INODE.flctx.set(k, inode.address, this.address);
  }

  /** What is in the way of a lock by `flock`. */
  flockConflict(wish: FileLock): FileLock | undefined {
    return this.flock.find((held) => held.file !== wish.file && excludes(held, wish));
  }

  /** What is in the way of a lock by `fcntl`. */
  posixConflict(wish: FileLock): FileLock | undefined {
    return this.posix.find((held) =>
      held.owner !== wish.owner && excludes(held, wish) && held.start <= wish.end && wish.start <= held.end
    );
  }

  /** Makes a range its owner's as asked, or nobody's: own locks in the way shrink, split or go; equal neighbours join. */
  applyPosix(wish: FileLock): void {
    let { start, end } = wish;
    const kept: FileLock[] = [];
    for (const held of this.posix) {
      if (held.owner !== wish.owner) {
        kept.push(held);
        continue;
      }
      const joins = held.type === wish.type && held.start <= (end === OFFSET_MAX ? end : end + 1) &&
        start <= (held.end === OFFSET_MAX ? held.end : held.end + 1);
      if (joins) {
        start = Math.min(start, held.start);
        end = Math.max(end, held.end);
        held.free();
      } else if (held.end < wish.start || held.start > wish.end) {
        kept.push(held);
      } else {
        if (held.start < wish.start && held.end > wish.end) kept.push(held.copy(wish.end + 1, held.end));
        if (held.start < wish.start) {
          held.resize(held.start, wish.start - 1);
          kept.push(held);
        } else if (held.end > wish.end) {
          held.resize(wish.end + 1, held.end);
          kept.push(held);
        } else held.free();
      }
    }
    if (wish.type !== F_UNLCK) kept.push(wish.copy(start, end));
    kept.sort((one, other) => one.owner - other.owner || one.start - other.start);
    this.posix = kept;
  }

  /** Drops the locks that `wanted` picks; true if there were any. */
  drop(list: "flock" | "posix" | "lease", wanted: (lock: FileLock) => boolean): boolean {
    const gone = this[list].filter(wanted);
    this[list] = this[list].filter((lock) => !wanted(lock));
    for (const lock of gone) lock.free();
    return gone.length > 0;
  }
}

function excludes(held: FileLock, wish: FileLock): boolean {
  return held.type === F_WRLCK || wish.type === F_WRLCK;
}

/** The lock context of an inode, made at the first lock. */
export function lockContext(k: Kernel, inode: Inode): LockContext {
  return inode.locks ??= new LockContext(k, inode);
}
