/**
 * Reading and writing another process's memory: `mm/process_vm_access.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { loadUser } from "../process/user_load.ts";
import type { Task } from "../process/task.ts";
import { EFAULT, EINVAL, EPERM, ESRCH } from "../syscalls/errno.ts";
import { VM_READ, VM_WRITE } from "./fields.ts";
import { mmAt, PAGE } from "./mm_struct.ts";
import { FOLL_WRITE, GET_USER_PAGES } from "./populate.ts";

const UIO_MAXIOV = 1024;

interface Range {
  readonly base: Addr;
  readonly length: number;
}

/** A vector of user memory: its ranges, or -errno. */
function importVector(k: Kernel, at: Addr, count: number): readonly Range[] | number {
  if (count < 0 || count > UIO_MAXIOV) return -EINVAL;
  const word = k.image.pointerSize;
  const ranges: Range[] = [];
  for (let i = 0; i < count; i++) {
    const base = loadUser(k, at + i * 2 * word, word, false);
    const length = loadUser(k, at + i * 2 * word + word, word, word === 8);
    if (Number.isNaN(base) || Number.isNaN(length)) return -EFAULT;
    if (length < 0) return -EINVAL;
    ranges.push({ base, length });
  }
  return ranges;
}

/** Moves bytes between the caller's ranges and the other process's: how many. */
const CORE: FunctionRef = behaviour(
  "process_vm_rw_core",
  [fn("find_get_task_by_vpid"), fn("mm_access"), GET_USER_PAGES],
  (k, pid = 0) => {
    const job = jobs.get(k);
    const task = k.tasks.byPid(pid);
    k.call(fn("find_get_task_by_vpid"), pid);
    if (job === undefined || task === undefined || task.reaped) return -ESRCH;
    const allowed = k.current.uid === 0 || k.current.uid === task.uid;
    k.call(fn("mm_access"), task.address, 2);
    if (!allowed) return -EPERM;
    return transfer(k, task, job);
  },
);

interface Job {
  readonly local: readonly Range[];
  readonly remote: readonly Range[];
  readonly write: boolean;
}

const jobs = new WeakMap<Kernel, Job>();

function transfer(k: Kernel, task: Task, { local, remote, write }: Job): number {
  const pieces = remote.filter(({ length }) => length > 0);
  let done = 0;
  let at = 0;
  let used = 0;
  const room = local.reduce((sum, { length }) => sum + length, 0);
  for (const { base, length } of pieces) {
    for (let offset = 0; offset < length && done < room;) {
      while (at < local.length && used >= (local[at]?.length ?? 0)) {
        at++;
        used = 0;
      }
      const own = local[at];
      if (own === undefined) return done;
      const there = base + offset;
      const count = Math.min(
        length - offset,
        own.length - used,
        PAGE - there % PAGE,
        PAGE - (own.base + used) % PAGE,
      );
      const moved = movePiece(k, task, there, own.base + used, count, write);
      if (moved < 0) return done > 0 ? done : moved;
      done += count;
      offset += count;
      used += count;
    }
  }
  return done;
}

/** One piece that lies in one page on either side: 0 or -errno. */
function movePiece(k: Kernel, task: Task, there: Addr, here: Addr, count: number, write: boolean): number {
  const mm = mmAt(k, task.mm);
  const space = mm?.space ?? null;
  const area = mm?.find(there);
  const key = Math.floor(there / PAGE);
  if (mm === undefined || space === null || area === undefined || area.start > there) return -EFAULT;
  if ((area.flags & (write ? VM_WRITE : VM_READ)) === 0) return -EFAULT;
  if (k.calls.callN(GET_USER_PAGES, [mm.address, key * PAGE, 1, write ? FOLL_WRITE : 0, 0, 0, 0]) !== 1) {
    return -EFAULT;
  }
  const page = space.pageAt(key)?.page;
  if (page === undefined || k.memory.user?.areaAt(here) === undefined) return -EFAULT;
  const part = page.bytes.subarray(there % PAGE, there % PAGE + count);
  if (write) part.set(k.memory.readBytes(here, count));
  else k.memory.writeBytes(here, part);
  return 0;
}

/** `process_vm_readv`, `process_vm_writev`: bytes moved, or -errno. */
export const PROCESS_VM_RW: FunctionRef = behaviour(
  "process_vm_rw",
  [CORE],
  (k, pid = 0, lvec = 0, liovcnt = 0, rvec = 0, riovcnt = 0, flags = 0, ...rest) => {
    if (flags !== 0) return -EINVAL;
    const local = importVector(k, lvec, liovcnt);
    if (typeof local === "number") return local;
    if (!local.some(({ length }) => length > 0)) return 0;
    const remote = importVector(k, rvec, riovcnt);
    if (typeof remote === "number") return remote;
    jobs.set(k, { local, remote, write: (rest[0] ?? 0) !== 0 });
    const result = k.call(CORE, pid);
    jobs.delete(k);
    return result;
  },
);
