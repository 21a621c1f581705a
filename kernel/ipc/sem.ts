/**
 * System V semaphores: `ipc/sem.c`. The operations of one call happen together or not at all.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { TASK_NORMAL } from "../sched/wake_up.ts";
import { initWaitQueueHead, waitQueueHeadSize, WAKE_UP } from "../sched/wait.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import { E2BIG, EAGAIN, EFBIG, EIDRM, EINTR, EINVAL, ENOSPC, ERANGE, ETIME } from "../syscalls/errno.ts";
import { allowed, IPC_NOWAIT, IpcIds, type IpcPerm } from "./ids.ts";

/** Semaphores of a set, their highest value, and operations of a call, at most. */
const SEMMSL = 32000;
/** Highest value. */
export const SEMVMX = 32767;
const SEMOPM = 500;
const SEM_UNDO = 0x1000;

/** A set. */
export interface SemArray {
  readonly perm: IpcPerm;
  readonly values: number[];
  /** Who operated on each last. */
  readonly pids: number[];
  /** Where those wait that cannot go on: a `wait_queue_head_t`. */
  readonly queue: Addr;
  /** For each semaphore how many wait for more, and for 0. */
  readonly waiting: { more: number; zero: number }[];
  otime: number;
  ctime: number;
}
/** One operation. */
export interface SemOperation {
  readonly num: number;
  readonly op: number;
  readonly flags: number;
}
const all = new WeakMap<Kernel, IpcIds<SemArray>>();

/** The sets of a kernel. */
export function semIds(k: Kernel): IpcIds<SemArray> {
  let ids = all.get(k);
  if (ids === undefined) all.set(k, ids = new IpcIds());
  return ids;
}

/** (key, nsems, flags) */
export const KSYS_SEMGET: FunctionRef = behaviour(
  "ksys_semget",
  [fn("ipcget")],
  (k, key = 0, count = 0, flags = 0) => {
    if (count < 0 || count > SEMMSL) return -EINVAL;
    k.call(fn("ipcget"));
    return semIds(k).getOrMake(
      k,
      key,
      flags,
      (set) => count > set.values.length ? -EINVAL : 0,
      (perm) => {
        if (count === 0) return -EINVAL;
        if (semIds(k).all().length >= SEMMSL) return -ENOSPC;
        const queue = kzalloc(k, waitQueueHeadSize(k));
        initWaitQueueHead(k, queue);
        return {
          perm,
          values: new Array<number>(count).fill(0),
          pids: new Array<number>(count).fill(0),
          queue,
          waiting: Array.from({ length: count }, () => ({ more: 0, zero: 0 })),
          otime: 0,
          ctime: k.clock.now,
        };
      },
    );
  },
);

const wanteds = new WeakMap<
  object,
  { readonly ops: readonly SemOperation[]; readonly until: number | undefined }
>();

/** Does operations when they can all be done: 0 or -errno. (semid, ops, nops, timeout): given by `semop`. */
const DO_SEMTIMEDOP: FunctionRef = blocking(
  "do_semtimedop",
  [WAKE_UP, ...WAIT_EVENT_CALLS],
  function* (k, id = 0): Blocking<number> {
    const wanted = wanteds.get(k.current);
    if (wanted === undefined) return -EINVAL;
    const { ops, until } = wanted;
    if (ops.length < 1 || id < 0) return -EINVAL;
    if (ops.length > SEMOPM) return -E2BIG;
    const set = semIds(k).get(id);
    if (set === undefined) return -EINVAL;
    if (ops.some(({ num }) => num >= set.values.length)) return -EFBIG;
    const alters = ops.some(({ op }) => op !== 0);
    if (!allowed(k, set.perm, alters ? 0o222 : 0o444)) return -13;
    const outcome = recorded(k);
    if (outcome !== undefined) {
      yield* waitEvent(k, set.queue, () => blocker(set, ops) === null);
      if (outcome.ret === 0 && blocker(set, ops) === null) perform(k, set, ops);
      return outcome.ret;
    }
    for (;;) {
      const found = blocker(set, ops);
      if (found === "range") return -ERANGE;
      if (found === null) {
        perform(k, set, ops);
        return 0;
      }
      if ((found.flags & IPC_NOWAIT) !== 0) return -EAGAIN;
      const counts = set.waiting[found.num]!;
      const side = found.op === 0 ? "zero" : "more";
      counts[side]++;
      const ready = (): boolean => set.perm.deleted || blocker(set, ops) !== found;
      const error = yield* waitEvent(k, set.queue, ready, until === undefined ? {} : { until });
      counts[side]--;
      if (set.perm.deleted) return -EIDRM;
      if (error === -ETIME) return -EAGAIN;
      if (error < 0) return -EINTR;
    }
  },
);
/** What `semop`'s callers list. */
export const SEMOP: FunctionRef = DO_SEMTIMEDOP;

/** `semop` and `semtimedop`. */
export function* semop(
  k: Kernel,
  id: number,
  ops: readonly SemOperation[],
  until: number | undefined,
): Blocking<number> {
  wanteds.set(k.current, { ops, until });
  const result = yield* k.calls.callBlocking(DO_SEMTIMEDOP, id, Number.NaN, ops.length, Number.NaN);
  wanteds.delete(k.current);
  return result;
}

/** Sets values, for `semctl`, and tells those who wait. */
export function setValues(
  k: Kernel,
  set: SemArray,
  values: readonly (readonly [num: number, value: number])[],
): void {
  for (const [num, value] of values) {
    set.values[num] = value;
    set.pids[num] = k.current.tgid;
    for (const undos of undosOf(k).values()) undos.delete(undoKey(set, num));
  }
  set.ctime = k.clock.now;
  k.call(WAKE_UP, set.queue, TASK_NORMAL, 0, 0);
}

/** Removes a set: who waits is told. */
export function removeSet(k: Kernel, set: SemArray): void {
  semIds(k).remove(set);
  k.call(WAKE_UP, set.queue, TASK_NORMAL, 0, 0);
  kfree(k, set.queue);
}

/** A process ends: what it did with `SEM_UNDO` is undone. (task) */
export const EXIT_SEM: FunctionRef = behaviour("exit_sem", [WAKE_UP], (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined || task.threadGroup.some((thread) => thread !== task && thread.exitCode === null)) {
    return Number.NaN;
  }
  const undos = undosOf(k).get(task.tgid);
  undosOf(k).delete(task.tgid);
  for (const { set, num, by } of undos?.values() ?? []) {
    if (set.perm.deleted) continue;
    set.values[num] = Math.max(0, Math.min(SEMVMX, (set.values[num] ?? 0) + by));
    set.pids[num] = task.tgid;
    k.call(WAKE_UP, set.queue, TASK_NORMAL, 0, 0);
  }
  return Number.NaN;
});

interface Undo {
  readonly set: SemArray;
  readonly num: number;
  by: number;
}
const allUndos = new WeakMap<Kernel, Map<number, Map<string, Undo>>>();
function undosOf(k: Kernel): Map<number, Map<string, Undo>> {
  let found = allUndos.get(k);
  if (found === undefined) allUndos.set(k, found = new Map());
  return found;
}
function undoKey(set: SemArray, num: number): string {
  return `${set.perm.id} ${num}`;
}

/** The first operation that cannot be done now; null if all can, `range` if a value would be too high. */
function blocker(set: SemArray, ops: readonly SemOperation[]): SemOperation | "range" | null {
  const values = [...set.values];
  for (const operation of ops) {
    const value = values[operation.num] ?? 0;
    if (operation.op === 0 ? value !== 0 : value + operation.op < 0) return operation;
    if (value + operation.op > SEMVMX) return "range";
    values[operation.num] = value + operation.op;
  }
  return null;
}

function perform(k: Kernel, set: SemArray, ops: readonly SemOperation[]): void {
  const { tgid } = k.current;
  for (const { num, op, flags } of ops) {
    set.values[num] = (set.values[num] ?? 0) + op;
    set.pids[num] = tgid;
    if ((flags & SEM_UNDO) === 0 || op === 0) continue;
    const own = undosOf(k).get(tgid) ?? new Map<string, Undo>();
    undosOf(k).set(tgid, own);
    const undo = own.get(undoKey(set, num));
    if (undo === undefined) own.set(undoKey(set, num), { set, num, by: -op });
    else undo.by -= op;
  }
  set.otime = k.clock.now;
  if (ops.some(({ op }) => op !== 0)) k.call(WAKE_UP, set.queue, TASK_NORMAL, 0, 0);
}
