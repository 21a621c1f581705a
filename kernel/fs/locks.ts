/**
 * Locking files: `flock`, `fcntl`'s locks by process and by open file, leases; `fs/locks.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import { WAKE_UP } from "../sched/wait.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import { EACCES, EAGAIN, EBADF, EDEADLK, EFAULT, EINVAL, EOVERFLOW, ERESTARTSYS } from "../syscalls/errno.ts";
import { FILE, INODE } from "./fields.ts";
import {
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
  FileLock,
  FL_FLOCK,
  FL_LEASE,
  FL_OFDLCK,
  FL_POSIX,
  FL_SLEEP,
  type LockContext,
  lockContext,
  type LockOptions,
  OFFSET_MAX,
} from "./file_lock.ts";
import type { Inode } from "./inode.ts";
import { FMODE_READ, FMODE_WRITE, S_IFREG } from "./modes.ts";
import { fsuid } from "./permission.ts";
import { recorded } from "./recorded.ts";

/** Blocked until the lock in its way is gone. */
const FILE_LOCK_DEFERRED = 1;
const SECURITY_FILE_LOCK = fn("security_file_lock");
const LOCKS_RELEASE_PRIVATE = fn("locks_release_private");
const LOCKS_INIT_LOCK = fn("locks_init_lock");

/** Locks that are being asked for, by address. */
const wishes = new WeakMap<Kernel, Map<Addr, { wish: FileLock; inode: Inode }>>();

function wishesOf(k: Kernel): Map<Addr, { wish: FileLock; inode: Inode }> {
  let table = wishes.get(k);
  if (table === undefined) wishes.set(k, table = new Map());
  return table;
}

/** Makes room for those whose way is free now. */
const LOCKS_WAKE_UP_BLOCKS: FunctionRef = behaviour("__locks_wake_up_blocks", [WAKE_UP], (k, blocker = 0) => {
  k.call(WAKE_UP, blocker, 3, 1, 0);
  return Number.NaN;
});

function wakeBlocked(k: Kernel, context: LockContext): void {
  for (const waiter of [...context.blocked]) {
    const conflict = (waiter.flags & FL_FLOCK) !== 0
      ? context.flockConflict(waiter)
      : context.posixConflict(waiter);
    if (conflict === undefined) k.call(LOCKS_WAKE_UP_BLOCKS, waiter.waitQueue);
  }
}

const LOCKS_GET_LOCK_CONTEXT = fn("locks_get_lock_context");

interface Asked {
  readonly wish: FileLock;
  readonly context: LockContext;
  /** A recording says that it was granted. */
  readonly replayed: boolean;
}

/** What a request asks for, or its error: the one that was recorded, or that there is no such request. */
function askFor(k: Kernel, inodeAddress: Addr, request: Addr): Asked | number {
  const asked = wishesOf(k).get(request);
  if (asked === undefined) return -EINVAL;
  const { wish, inode } = asked;
  k.call(LOCKS_GET_LOCK_CONTEXT, inodeAddress, wish.type);
  const outcome = recorded(k);
  if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
  return { wish, context: lockContext(k, inode), replayed: outcome !== undefined };
}

/** A request by `flock`: 0, `FILE_LOCK_DEFERRED` or -errno. */
const FLOCK_LOCK_INODE: FunctionRef = behaviour(
  "flock_lock_inode",
  [LOCKS_GET_LOCK_CONTEXT, LOCKS_WAKE_UP_BLOCKS],
  (k, address = 0, request = 0) => {
    const asked = askFor(k, address, request);
    if (typeof asked === "number") return asked;
    const { wish, context, replayed } = asked;
    const same = context.flock.find((held) => held.file === wish.file);
    if (same?.type === wish.type) return 0;
    // Converting gives the old lock up first: others may come between.
    const gave = same !== undefined && context.drop("flock", (held) => held === same);
    if (gave) wakeBlocked(k, context);
    if (wish.type === F_UNLCK) return 0;
    const conflict = context.flockConflict(wish);
    if (conflict !== undefined && !replayed) {
      if ((wish.flags & FL_SLEEP) === 0) return -EAGAIN;
      return block(context, wish, conflict);
    }
    context.flock.push(wish.copy(0, OFFSET_MAX));
    return 0;
  },
);

function block(context: LockContext, wish: FileLock, conflict: FileLock): number {
  wish.blocker = conflict;
  if (!context.blocked.includes(wish)) context.blocked.push(wish);
  return FILE_LOCK_DEFERRED;
}

function unblock(context: LockContext, wish: FileLock): void {
  wish.blocker = null;
  const at = context.blocked.indexOf(wish);
  if (at >= 0) context.blocked.splice(at, 1);
}

/** A request by `fcntl`: 0, `FILE_LOCK_DEFERRED` or -errno. */
const POSIX_LOCK_INODE: FunctionRef = behaviour(
  "posix_lock_inode",
  [LOCKS_GET_LOCK_CONTEXT, LOCKS_WAKE_UP_BLOCKS],
  (k, address = 0, request = 0) => {
    const asked = askFor(k, address, request);
    if (typeof asked === "number") return asked;
    const { wish, context, replayed } = asked;
    if (wish.type !== F_UNLCK && !replayed) {
      const conflict = context.posixConflict(wish);
      if (conflict !== undefined) {
        if ((wish.flags & FL_SLEEP) === 0) return -EAGAIN;
        if ((wish.flags & FL_OFDLCK) === 0 && deadlock(k, wish, conflict)) return -EDEADLK;
        return block(context, wish, conflict);
      }
    }
    context.applyPosix(wish);
    wakeBlocked(k, context);
    return 0;
  },
);

/** Whether the owner of `conflict` waits, by way of others, for a lock that the owner of `wish` has. */
function deadlock(k: Kernel, wish: FileLock, conflict: FileLock): boolean {
  let owner = conflict.owner;
  for (let steps = 0; steps < 10; steps++) {
    const waiting = [...wishesOf(k).values()].find(({ wish: other, inode }) =>
      other.owner === owner && inode.locks?.blocked.includes(other)
    );
    const next = waiting?.inode.locks?.posixConflict(waiting.wish);
    if (next === undefined) return false;
    if (next.owner === wish.owner) return true;
    owner = next.owner;
  }
  return false;
}

/** Asks again and again, and waits between. */
function* lockWait(k: Kernel, operation: FunctionRef, inode: Inode, wish: FileLock): Blocking<number> {
  const context = lockContext(k, inode);
  const replayed = recorded(k);
  if (replayed?.interrupted === true) yield* waitEvent(k, wish.waitQueue, () => true);
  for (;;) {
    const result = k.call(operation, inode.address, wish.address, 0);
    if (result !== FILE_LOCK_DEFERRED) return result;
    const free = (): boolean =>
      (operation === FLOCK_LOCK_INODE ? context.flockConflict(wish) : context.posixConflict(wish)) ===
        undefined;
    const error = yield* waitEvent(k, wish.waitQueue, free);
    unblock(context, wish);
    if (error < 0) return -ERESTARTSYS;
  }
}

const LOCKS_DELETE_BLOCK = fn("locks_delete_block");
const LOCKS_LOCK_INODE_WAIT: FunctionRef = blocking(
  "locks_lock_inode_wait",
  [FLOCK_LOCK_INODE, POSIX_LOCK_INODE, LOCKS_DELETE_BLOCK, ...WAIT_EVENT_CALLS],
  function* (k, address = 0, request = 0) {
    const asked = wishesOf(k).get(request);
    const inode = k.vfs.inodes.get(address);
    if (asked === undefined || inode === undefined) return -EINVAL;
    const operation = (asked.wish.flags & FL_FLOCK) !== 0 ? FLOCK_LOCK_INODE : POSIX_LOCK_INODE;
    const result = yield* lockWait(k, operation, inode, asked.wish);
    k.call(LOCKS_DELETE_BLOCK, request);
    return result;
  },
);
/** Waits for a lock by `fcntl`; inlined in some kernels. */
const DO_LOCK_FILE_WAIT: FunctionRef = blocking(
  "do_lock_file_wait",
  [SECURITY_FILE_LOCK, POSIX_LOCK_INODE, LOCKS_DELETE_BLOCK, ...WAIT_EVENT_CALLS],
  function* (k, file = 0, _cmd = 0, request = 0) {
    const asked = wishesOf(k).get(request);
    const inode = k.vfs.files.get(file)?.inode;
    if (asked === undefined || !inode) return -EINVAL;
    k.call(SECURITY_FILE_LOCK, file, asked.wish.type);
    const result = yield* lockWait(k, POSIX_LOCK_INODE, inode, asked.wish);
    k.call(LOCKS_DELETE_BLOCK, request);
    return result;
  },
);

/** Runs `body` with a lock that is asked for. */
function* withWish(
  k: Kernel,
  inode: Inode,
  options: LockOptions,
  body: (wish: FileLock) => Blocking<number>,
): Blocking<number> {
  const wish = new FileLock(k, options);
  wishesOf(k).set(wish.address, { wish, inode });
  try {
    return yield* body(wish);
  } finally {
    wishesOf(k).delete(wish.address);
    if (inode.locks !== null) unblock(inode.locks, wish);
    wish.free();
  }
}

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** `flock`: 0 or -errno. */
export function* flock(
  k: Kernel,
  fd: Addr,
  cmd: number,
  fileOf: (k: Kernel, fd: number) => Addr,
): Blocking<number> {
  const type = new Map([[LOCK_SH, F_RDLCK], [LOCK_EX, F_WRLCK], [LOCK_UN, F_UNLCK]]).get(cmd & ~LOCK_NB);
  if (type === undefined) return -EINVAL;
  const file = fileOf(k, fd);
  const inode = k.vfs.files.get(file)?.inode;
  if (file === 0 || !inode) return -EBADF;
  if (type !== F_UNLCK && (FILE.mode.get(k, file) & (FMODE_READ | FMODE_WRITE)) === 0) return -EBADF;
  const options: LockOptions = {
    flags: FL_FLOCK | ((cmd & LOCK_NB) === 0 ? FL_SLEEP : 0),
    type,
    owner: file,
    pid: k.current.tgid,
    file,
    start: 0,
    end: OFFSET_MAX,
  };
  return yield* withWish(k, inode, options, function* (wish) {
    k.call(LOCKS_INIT_LOCK, wish.address);
    k.call(SECURITY_FILE_LOCK, file, type);
    const result = yield* k.calls.callBlocking(LOCKS_LOCK_INODE_WAIT, inode.address, wish.address);
    k.call(LOCKS_RELEASE_PRIVATE, wish.address);
    return result;
  });
}
/** What `flock` calls. */
export const FLOCK_CALLS: readonly FunctionRef[] = [
  LOCKS_INIT_LOCK,
  SECURITY_FILE_LOCK,
  LOCKS_LOCK_INODE_WAIT,
  LOCKS_RELEASE_PRIVATE,
];

/** A `struct flock` of user space. */
interface UserFlock {
  type: number;
  whence: number;
  start: number;
  len: number;
  pid: number;
}

/** Where the members of `struct flock` lie; `wide` is i386's `struct flock64`. */
function layoutOf(k: Kernel, wide: boolean): { start: number; len: number; pid: number; size: number } {
  if (k.image.pointerSize === 8) return { start: 8, len: 16, pid: 24, size: 8 };
  return wide ? { start: 4, len: 12, pid: 20, size: 8 } : { start: 4, len: 8, pid: 12, size: 4 };
}

function readFlock(k: Kernel, at: Addr, wide: boolean): UserFlock | null {
  const layout = layoutOf(k, wide);
  const lock: UserFlock = {
    type: loadUser(k, at, 2, true),
    whence: loadUser(k, at + 2, 2, true),
    start: loadUser(k, at + layout.start, layout.size, true),
    len: loadUser(k, at + layout.len, layout.size, true),
    pid: loadUser(k, at + layout.pid, 4, true),
  };
  return Object.values(lock).some(Number.isNaN) ? null : lock;
}

function writeFlock(k: Kernel, at: Addr, wide: boolean, lock: UserFlock): boolean {
  const layout = layoutOf(k, wide);
  return storeUser(k, at, 2, lock.type) && storeUser(k, at + 2, 2, lock.whence) &&
    storeUser(k, at + layout.start, layout.size, lock.start) &&
    storeUser(k, at + layout.len, layout.size, lock.len) && storeUser(k, at + layout.pid, 4, lock.pid);
}

/** The range that a `struct flock` means, or -errno. */
function rangeOf(k: Kernel, file: Addr, lock: UserFlock): { start: number; end: number } | number {
  const inode = k.vfs.files.get(file)?.inode;
  const bases = [0, FILE.pos.get(k, file), inode?.size ?? 0];
  const base = bases[lock.whence];
  if (base === undefined) return -EINVAL;
  let start = base + lock.start;
  if (lock.start > OFFSET_MAX - base) return -EOVERFLOW;
  if (start < 0) return -EINVAL;
  let end = OFFSET_MAX;
  if (lock.len > 0) {
    if (lock.len - 1 > OFFSET_MAX - start) return -EOVERFLOW;
    end = start + lock.len - 1;
  } else if (lock.len < 0) {
    if (start + lock.len < 0) return -EINVAL;
    end = start - 1;
    start += lock.len;
  }
  return { start, end };
}

const FLOCK64_TO_POSIX_LOCK = fn("flock64_to_posix_lock");
/** What `setlk` and `getlk` call. */
const POSIX_CALLS: readonly FunctionRef[] = [
  FLOCK64_TO_POSIX_LOCK,
  SECURITY_FILE_LOCK,
  POSIX_LOCK_INODE,
  DO_LOCK_FILE_WAIT,
  LOCKS_DELETE_BLOCK,
  LOCKS_RELEASE_PRIVATE,
  ...WAIT_EVENT_CALLS,
];

/** How an `fcntl` asks for a lock. */
interface Asking {
  /** Owned by the open file rather than the process. */
  readonly ofd: boolean;
  readonly sleeps: boolean;
  readonly wide: boolean;
}

function asking(cmd: number, wide: boolean): Asking {
  return { ofd: cmd >= 36, sleeps: cmd === 7 || cmd === 14 || cmd === 38, wide: wide || cmd >= 12 };
}

function* setlk(k: Kernel, file: Addr, how: Asking, user: Addr): Blocking<number> {
  const found = k.vfs.files.get(file);
  const inode = found?.inode;
  if (!inode) return -EBADF;
  const replayed = recorded(k);
  const lock = readFlock(k, user, how.wide) ??
    (replayed === undefined ? null : { type: F_WRLCK, whence: 0, start: 0, len: 0, pid: 0 });
  if (lock === null) return -EFAULT;
  k.call(FLOCK64_TO_POSIX_LOCK, file, NaN, NaN);
  const range = rangeOf(k, file, lock);
  if (typeof range === "number") return replayed?.ret ?? range;
  if (lock.type < F_RDLCK || lock.type > F_UNLCK) return replayed?.ret ?? -EINVAL;
  const mode = FILE.mode.get(k, file);
  const denied = lock.type === F_RDLCK && (mode & FMODE_READ) === 0 ||
    lock.type === F_WRLCK && (mode & FMODE_WRITE) === 0;
  if (denied && replayed === undefined) return -EBADF;
  if (how.ofd && lock.pid !== 0 && replayed === undefined) return -EINVAL;
  const options: LockOptions = {
    flags: FL_POSIX | (how.ofd ? FL_OFDLCK : 0) | (how.sleeps ? FL_SLEEP : 0),
    type: lock.type,
    owner: how.ofd ? file : k.current.files,
    pid: how.ofd ? -1 : k.current.tgid,
    file,
    ...range,
  };
  return yield* withWish(k, inode, options, function* (wish) {
    let result: number;
    if (k.calls.functionByName("do_lock_file_wait") !== undefined) {
      result = yield* k.calls.callBlocking(DO_LOCK_FILE_WAIT, file, 0, wish.address);
    } else {
      k.call(SECURITY_FILE_LOCK, file, wish.type);
      result = yield* lockWait(k, POSIX_LOCK_INODE, inode, wish);
      k.call(LOCKS_DELETE_BLOCK, wish.address);
    }
    k.call(LOCKS_RELEASE_PRIVATE, wish.address);
    return result;
  });
}

function getlk(k: Kernel, file: Addr, how: Asking, user: Addr): number {
  const inode = k.vfs.files.get(file)?.inode;
  if (!inode) return -EBADF;
  const replayed = recorded(k);
  if (replayed !== undefined) return replayed.ret;
  const lock = readFlock(k, user, how.wide);
  if (lock === null) return -EFAULT;
  if (lock.type !== F_RDLCK && lock.type !== F_WRLCK) return -EINVAL;
  const range = rangeOf(k, file, lock);
  if (typeof range === "number") return range;
  if (how.ofd && lock.pid !== 0) return -EINVAL;
  const wish = new FileLock(k, {
    flags: FL_POSIX,
    type: lock.type,
    owner: how.ofd ? file : k.current.files,
    pid: 0,
    file,
    ...range,
  });
  const conflict = inode.locks?.posixConflict(wish);
  wish.free();
  if (conflict === undefined) lock.type = F_UNLCK;
  else {
    lock.type = conflict.type;
    lock.whence = 0;
    lock.start = conflict.start;
    lock.len = conflict.end === OFFSET_MAX ? 0 : conflict.end - conflict.start + 1;
    lock.pid = conflict.pid;
  }
  return writeFlock(k, user, how.wide, lock) ? 0 : -EFAULT;
}

/** `F_SETLK` and its relatives: (fd, file, cmd, flock). */
export const FCNTL_SETLK: FunctionRef = blocking(
  "fcntl_setlk",
  POSIX_CALLS,
  function* (k, _fd = 0, file = 0, cmd = 0, user = 0) {
    return yield* setlk(k, file, asking(cmd, false), user);
  },
);
/** The same with i386's wide structure. */
export const FCNTL_SETLK64: FunctionRef = blocking(
  "fcntl_setlk64",
  POSIX_CALLS,
  function* (k, _fd = 0, file = 0, cmd = 0, user = 0) {
    return yield* setlk(k, file, asking(cmd, true), user);
  },
);
/** `F_GETLK` and its relatives: (file, cmd, flock). */
export const FCNTL_GETLK: FunctionRef = behaviour(
  "fcntl_getlk",
  [],
  (k, file = 0, cmd = 0, user = 0) => getlk(k, file, asking(cmd, false), user),
);
/** The same with i386's wide structure. */
export const FCNTL_GETLK64: FunctionRef = behaviour(
  "fcntl_getlk64",
  [],
  (k, file = 0, cmd = 0, user = 0) => getlk(k, file, asking(cmd, true), user),
);

/** A lease, given or taken back: 0 or -errno. Leases are not broken here: opening a leased file waits for nobody. */
export const FCNTL_SETLEASE: FunctionRef = behaviour(
  "fcntl_setlease",
  [],
  (k, fd = 0, file = 0, type = 0) => {
    const inode = k.vfs.files.get(file)?.inode;
    const replayed = recorded(k);
    if (replayed !== undefined && replayed.ret < 0) return replayed.ret;
    if (!inode || fd < 0) return -EBADF;
    const context = lockContext(k, inode);
    if (type === F_UNLCK) {
      return context.drop("lease", (held) => held.file === file) || replayed !== undefined ? 0 : -EAGAIN;
    }
    if (type !== F_RDLCK && type !== F_WRLCK) return -EINVAL;
    if (replayed === undefined) {
      if (INODE.uid.get(k, inode.address) !== fsuid(k) && fsuid(k) !== 0) return -EACCES;
      if (inode.type !== S_IFREG) return -EINVAL;
      if (type === F_RDLCK && (FILE.mode.get(k, file) & FMODE_WRITE) !== 0) return -EAGAIN;
    }
    context.drop("lease", (held) => held.file === file);
    context.lease.push(
      new FileLock(k, {
        flags: FL_LEASE,
        type,
        owner: file,
        pid: k.current.tgid,
        file,
        start: 0,
        end: OFFSET_MAX,
      }),
    );
    return 0;
  },
);

/** The lease that an open file has: `F_RDLCK`, `F_WRLCK` or `F_UNLCK`. */
export const FCNTL_GETLEASE: FunctionRef = behaviour("fcntl_getlease", [], (k, file = 0) => {
  const lease = k.vfs.files.get(file)?.inode?.locks?.lease.find((held) => held.file === file);
  return recorded(k)?.ret ?? lease?.type ?? F_UNLCK;
});

/** A process closes a descriptor: all its locks on that file are gone, whatever other descriptors it has. */
export const LOCKS_REMOVE_POSIX: FunctionRef = behaviour(
  "locks_remove_posix",
  [POSIX_LOCK_INODE],
  (k, file = 0, owner = 0) => {
    const context = k.vfs.files.get(file)?.inode?.locks;
    if (context != null && context.drop("posix", (held) => held.owner === owner)) wakeBlocked(k, context);
    return Number.NaN;
  },
);

/** An open file is gone, with the locks that it had. */
export const LOCKS_REMOVE_FILE: FunctionRef = behaviour(
  "locks_remove_file",
  [LOCKS_WAKE_UP_BLOCKS],
  (k, file = 0) => {
    const context = k.vfs.files.get(file)?.inode?.locks;
    if (context == null) return Number.NaN;
    const mine = (lock: FileLock): boolean => lock.file === file;
    const posix = context.drop("posix", (held) => held.owner === file);
    if ([context.drop("flock", mine), context.drop("lease", mine), posix].includes(true)) {
      wakeBlocked(k, context);
    }
    return Number.NaN;
  },
);
