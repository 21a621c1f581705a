/**
 * What futexes are made of: keys, who waits where, words in user memory. `kernel/futex/core.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { FILE } from "../fs/fields.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { VM_SHARED } from "../mm/fields.ts";
import { mmAt } from "../mm/mm_struct.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { pushLocal } from "../process/stack.ts";
import type { Task } from "../process/task.ts";
import { EFAULT, EINVAL } from "../syscalls/errno.ts";

/** The word may be used by other processes: its key is that of the memory, not of the address. */
export const FLAGS_SHARED = 0x01;
/** A bitset that everything fits. */
export const BITSET_MATCH_ANY = 0xffffffff;

/** `struct futex_q`. */
export const FUTEX_Q = {
  task: field("futex_q", "task"),
  bitset: field("futex_q", "bitset"),
  keyWord: field("futex_q", "key.both.word"),
  keyPtr: field("futex_q", "key.both.ptr"),
  keyOffset: field("futex_q", "key.both.offset"),
} as const;

/** Who waits for a futex. */
export interface FutexWaiter {
  readonly task: Task;
  /** Address of its `struct futex_q`, on its kernel stack. */
  readonly q: Addr;
  readonly bitset: number;
  /** Key of the futex that it waits for; another one after a requeue. */
  key: string;
  /** Nobody has woken it yet. */
  queued: boolean;
  /** It waits for a lock with priority inheritance. */
  readonly pi: boolean;
}

interface Futexes {
  readonly queues: Map<string, FutexWaiter[]>;
  /** Numbers for shared memory without a file. */
  readonly owners: WeakMap<object, number>;
  count: number;
}
const all = new WeakMap<Kernel, Futexes>();

function futexesOf(k: Kernel): Futexes {
  let found = all.get(k);
  if (found === undefined) all.set(k, found = { queues: new Map(), owners: new WeakMap(), count: 0 });
  return found;
}

/** Finds which futex a user address means: 0 or -errno; `keyOf` then gives its key. (uaddr, shared, key, rw) */
export const GET_FUTEX_KEY: FunctionRef = behaviour("get_futex_key", [], (k, uaddr = 0) => {
  if (uaddr % 4 !== 0) return -EINVAL;
  return k.memory.isUser(uaddr) ? 0 : -EFAULT;
});

/** The bucket of a key. (key) */
export const FUTEX_HASH: FunctionRef = fn("futex_hash");

/** The key of a futex that `get_futex_key` found, as text. */
export function keyOf(k: Kernel, uaddr: Addr, flags: number): string {
  const { mm } = k.current;
  const area = (flags & FLAGS_SHARED) === 0 ? undefined : mmAt(k, mm)?.find(uaddr);
  if (area === undefined || area.start > uaddr) {
    return `${(flags & FLAGS_SHARED) === 0 ? "p" : "s"} ${mm} ${uaddr}`;
  }
  if ((area.flags & VM_SHARED) === 0) return `s ${mm} ${uaddr}`;
  const offset = area.pgoff * 4096 + (uaddr - area.start);
  const owner = area.shared === null ? FILE.inode.get(k, area.file) : ownerOf(k, area.shared);
  return `f ${owner} ${offset}`;
}

/** A waiter of the running task on its kernel stack, until `popLocals`; in no queue yet. */
export function newWaiter(k: Kernel, uaddr: Addr, key: string, bitset: number, pi = false): FutexWaiter {
  const q = pushLocal(k, sizeOfStruct(k, "futex_q"));
  FUTEX_Q.task.set(k, q, k.current.address);
  FUTEX_Q.bitset.set(k, q, bitset);
  k.memory.writeWord(FUTEX_Q.keyPtr.at(k, q), k.current.mm);
  k.memory.writeWord(FUTEX_Q.keyWord.at(k, q), uaddr - uaddr % 4096);
  FUTEX_Q.keyOffset.set(k, q, uaddr % 4096);
  return { task: k.current, q, bitset, key, queued: false, pi };
}

/** Puts a waiter at the end of its futex's queue. */
export function enqueue(k: Kernel, waiter: FutexWaiter): void {
  const { queues } = futexesOf(k);
  const queue = queues.get(waiter.key);
  if (queue === undefined) queues.set(waiter.key, [waiter]);
  else queue.push(waiter);
  waiter.queued = true;
}

/** Takes a waiter out: whether it was still in a queue. */
export function dequeue(k: Kernel, waiter: FutexWaiter): boolean {
  if (!waiter.queued) return false;
  waiter.queued = false;
  const { queues } = futexesOf(k);
  const queue = queues.get(waiter.key);
  const at = queue?.indexOf(waiter) ?? -1;
  if (queue !== undefined && at >= 0) queue.splice(at, 1);
  if (queue?.length === 0) queues.delete(waiter.key);
  return true;
}

/** Who waits for a futex, longest first. */
export function waitersOf(k: Kernel, key: string): readonly FutexWaiter[] {
  return [...(futexesOf(k).queues.get(key) ?? [])];
}

/** Puts a waiter into the queue of another futex. */
export function moveTo(k: Kernel, waiter: FutexWaiter, key: string): void {
  dequeue(k, waiter);
  waiter.key = key;
  enqueue(k, waiter);
}

/** The value of a futex word; NaN at a bad address. */
export function loadWord(k: Kernel, uaddr: Addr): number {
  try {
    return k.memory.isUser(uaddr) ? k.memory.load(uaddr, 4, false) : Number.NaN;
  } catch (error) {
    if (error instanceof MemoryFault) return Number.NaN;
    throw error;
  }
}

/** Sets a futex word; false at a bad address. */
export function storeWord(k: Kernel, uaddr: Addr, value: number): boolean {
  try {
    if (!k.memory.isUser(uaddr)) return false;
    k.memory.store(uaddr, 4, value >>> 0);
    return true;
  } catch (error) {
    if (error instanceof MemoryFault) return false;
    throw error;
  }
}

function ownerOf(k: Kernel, shared: object): string {
  const futexes = futexesOf(k);
  let number = futexes.owners.get(shared);
  if (number === undefined) futexes.owners.set(shared, number = ++futexes.count);
  return `shared ${number}`;
}
