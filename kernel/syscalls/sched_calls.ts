/**
 * System calls about scheduling: policies, priorities, niceness, CPUs.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { recorded, recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { CAP_SYS_NICE, nsCapable } from "../process/capability.ts";
import { pidGroupNumber } from "../process/pid.ts";
import { limitOf, RLIMIT_NICE } from "../process/rlimit.ts";
import { SCHEDULE, sleep } from "../process/sleep.ts";
import { type Task, TASK_UNINTERRUPTIBLE } from "../process/task.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser, storeUserBytes } from "../process/user_store.ts";
import { sliceOf } from "../sched/account.ts";
import {
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_IDLE,
  SCHED_NORMAL,
  SCHED_RR,
} from "../sched/entity.ts";
import { yieldTask } from "../sched/fair.ts";
import { RR_TIMESLICE, setPolicy } from "../sched/policy.ts";
import { PIDTYPE_PGID } from "../signal/numbers.ts";
import { NS_PER_TICK } from "../time/jiffies.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { EACCES, EBUSY, EFAULT, EINVAL, EPERM, ESRCH } from "./errno.ts";

const RESET_ON_FORK = 0x40000000;
const RLIMIT_RTPRIO = 14;
const MAX_RT = 99;
/** `sizeof(struct sched_attr)` of 6.1, and of the first version. */
const ATTR_SIZE = 56;
const ATTR_SIZE_VER0 = 48;
const PAGE = 4096;
const PRIO_PROCESS = 0;
const PRIO_USER = 2;

function find(k: Kernel, pid: number): Task | undefined {
  return pid === 0 ? k.current : k.tasks.byPid(pid);
}

/** Whether the current task may change another one: same user, or a capability. */
function mayChange(k: Kernel, task: Task): boolean {
  return task.uid === k.current.uid || nsCapable(k, CAP_SYS_NICE);
}

const DO_SCHED_YIELD: FunctionRef = blocking("do_sched_yield", [SCHEDULE], function* (k) {
  yieldTask(k, k.scheduler.rq(k.cpu));
  yield* k.calls.callBlocking(SCHEDULE);
  return Number.NaN;
});
blockingSyscall("sched_yield", [], [DO_SCHED_YIELD], function* (k): Blocking<number> {
  // In a replay the recording says when it goes on.
  if (recorded(k) === undefined) yield* k.calls.callBlocking(DO_SCHED_YIELD);
  return 0;
});

/** `getaffinity`'s mask: bytes of as many words as the possible CPUs take. */
function maskBytes(k: Kernel): number {
  const word = k.arch.wordSize;
  return Math.ceil(k.cpus / (8 * word)) * word;
}

const SCHED_GETAFFINITY: FunctionRef = behaviour(
  "sched_getaffinity",
  [],
  (k, pid = 0) => find(k, pid) === undefined ? -ESRCH : 0,
);
syscall(
  "sched_getaffinity",
  ["int", "uint", "ulong"],
  [SCHED_GETAFFINITY],
  (k, pid = 0, size = 0, at = 0) => {
    if (size * 8 < k.cpus || size % k.arch.wordSize !== 0) return recordedOr(k, -EINVAL);
    const result = k.call(SCHED_GETAFFINITY, pid, Number.NaN);
    const task = find(k, pid);
    if (result < 0 || task === undefined) return recordedOr(k, result);
    const length = Math.min(size, maskBytes(k));
    const bytes = new Uint8Array(length);
    for (let cpu = 0; cpu < k.cpus; cpu++) {
      if (task.se.allowed?.has(cpu) ?? true) bytes[cpu >> 3] = (bytes[cpu >> 3] ?? 0) | 1 << (cpu & 7);
    }
    return recordedOr(k, storeUserBytes(k, at, bytes) ? length : -EFAULT);
  },
);

const SCHED_SETAFFINITY: FunctionRef = behaviour("sched_setaffinity", [], (k, pid = 0) => {
  const task = find(k, pid);
  if (task === undefined) return -ESRCH;
  if (task.bound) return -EINVAL;
  return mayChange(k, task) ? 0 : -EPERM;
});
const GET_USER_CPU_MASK = fn("get_user_cpu_mask");
blockingSyscall(
  "sched_setaffinity",
  ["int", "uint", "ulong"],
  [GET_USER_CPU_MASK, SCHED_SETAFFINITY],
  function* (k, pid = 0, size = 0, at = 0): Blocking<number> {
    const allowed = new Set<number>();
    const length = Math.min(size, maskBytes(k));
    k.call(GET_USER_CPU_MASK, at, size, Number.NaN);
    for (let cpu = 0; cpu < Math.min(k.cpus, length * 8); cpu++) {
      const byte = loadUser(k, at + (cpu >> 3), 1, false);
      if (Number.isNaN(byte)) return recordedOr(k, -EFAULT);
      if ((byte >> (cpu & 7) & 1) !== 0) allowed.add(cpu);
    }
    const result = k.call(SCHED_SETAFFINITY, pid, Number.NaN);
    const task = find(k, pid);
    // The recording's machine may have had other CPUs.
    if (recorded(k) !== undefined) return recordedOr(k, result);
    if (result < 0 || task === undefined) return result;
    if (allowed.size === 0) return -EINVAL;
    task.se.allowed = allowed.size === k.cpus ? null : allowed;
    // Where it must not stay it waits until it was moved (`affine_move_task`).
    if (task === k.current && !allowed.has(task.cpu)) {
      yield* sleep(k, { until: k.clock.now }, TASK_UNINTERRUPTIBLE);
    }
    return 0;
  },
);

/** -errno where a policy cannot have such a priority, or the task may not give it. */
function refusal(k: Kernel, task: Task, policy: number, priority: number, nice: number): number {
  if (![SCHED_NORMAL, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE].includes(policy)) return -EINVAL;
  const realtime = policy === SCHED_FIFO || policy === SCHED_RR;
  if (realtime ? priority < 1 || priority > MAX_RT : priority !== 0) return -EINVAL;
  if (nsCapable(k, CAP_SYS_NICE)) return 0;
  if (!mayChange(k, task)) return -EPERM;
  if (realtime && priority > task.se.rtPriority && priority > limitOf(k, task, RLIMIT_RTPRIO)) return -EPERM;
  return !realtime && nice < task.se.nice && !canNice(k, task, nice) ? -EPERM : 0;
}

/** `can_nice`. */
function canNice(k: Kernel, task: Task, nice: number): boolean {
  return 20 - nice <= limitOf(k, task, RLIMIT_NICE) || nsCapable(k, CAP_SYS_NICE);
}

function change(k: Kernel, pid: number, policy: number, priority: number, nice: number | null): number {
  if (pid < 0 || policy < 0) return -EINVAL;
  const task = find(k, pid);
  if (task === undefined) return -ESRCH;
  const wanted = nice ?? task.se.nice;
  const refused = refusal(k, task, policy & ~RESET_ON_FORK, priority, wanted);
  if (refused < 0) return refused;
  setPolicy(k, task, policy & ~RESET_ON_FORK, priority, wanted);
  return 0;
}

syscall("sched_setscheduler", ["int", "int", "ulong"], [], (k, pid = 0, policy = 0, param = 0) => {
  const priority = loadUser(k, param, 4, true);
  if (param === 0) return recordedOr(k, -EINVAL);
  if (Number.isNaN(priority)) return recordedOr(k, -EFAULT);
  return recordedOr(k, change(k, pid, policy, priority, null));
});
syscall("sched_setparam", ["int", "ulong"], [], (k, pid = 0, param = 0) => {
  const priority = loadUser(k, param, 4, true);
  if (param === 0) return recordedOr(k, -EINVAL);
  if (Number.isNaN(priority)) return recordedOr(k, -EFAULT);
  return recordedOr(k, change(k, pid, find(k, pid)?.se.policy ?? 0, priority, null));
});
syscall("sched_getscheduler", ["int"], [], (k, pid = 0) => {
  if (pid < 0) return recordedOr(k, -EINVAL);
  return recordedOr(k, find(k, pid)?.se.policy ?? -ESRCH);
});
syscall("sched_getparam", ["int", "ulong"], [], (k, pid = 0, param = 0) => {
  if (param === 0 || pid < 0) return recordedOr(k, -EINVAL);
  const task = find(k, pid);
  if (task === undefined) return recordedOr(k, -ESRCH);
  return recordedOr(k, storeUser(k, param, 4, task.se.rtPriority) ? 0 : -EFAULT);
});

syscall("sched_getattr", ["int", "ulong", "uint", "uint"], [], (k, pid = 0, at = 0, size = 0, flags = 0) => {
  if (at === 0 || pid < 0 || size > PAGE || size < ATTR_SIZE_VER0 || flags !== 0) {
    return recordedOr(k, -EINVAL);
  }
  const task = find(k, pid);
  if (task === undefined) return recordedOr(k, -ESRCH);
  const length = Math.min(size, ATTR_SIZE);
  const view = new DataView(new ArrayBuffer(length));
  view.setUint32(0, length, true);
  view.setUint32(4, task.se.policy, true);
  if (task.se.rtPriority > 0) view.setUint32(20, task.se.rtPriority, true);
  else view.setInt32(16, task.se.nice, true);
  if (length === ATTR_SIZE) view.setUint32(52, 1024, true);
  return recordedOr(k, storeUserBytes(k, at, new Uint8Array(view.buffer)) ? 0 : -EFAULT);
});
syscall("sched_setattr", ["int", "ulong", "uint"], [], (k, pid = 0, at = 0, flags = 0) => {
  if (at === 0 || pid < 0 || flags !== 0) return recordedOr(k, -EINVAL);
  const load = (offset: number, size: number): number => loadUser(k, at + offset, size, true);
  if (Number.isNaN(load(0, 4))) return recordedOr(k, -EFAULT);
  const policy = load(4, 4);
  // A deadline needs admission control, which is not modeled: as on a CPU whose bandwidth is given away.
  if (policy === SCHED_DEADLINE) return recordedOr(k, nsCapable(k, CAP_SYS_NICE) ? -EBUSY : -EPERM);
  const nice = Math.min(19, Math.max(-20, load(16, 4)));
  return recordedOr(k, change(k, pid, policy, load(20, 4), nice));
});

for (const [name, highest] of [["sched_get_priority_max", MAX_RT], ["sched_get_priority_min", 1]] as const) {
  syscall(name, ["int"], [], (k, policy = 0) => {
    if (policy === SCHED_FIFO || policy === SCHED_RR) return recordedOr(k, highest);
    return recordedOr(
      k,
      [SCHED_NORMAL, SCHED_BATCH, SCHED_IDLE, SCHED_DEADLINE].includes(policy) ? 0 : -EINVAL,
    );
  });
}

for (const narrow of [false, true]) {
  syscall(`sched_rr_get_interval${narrow ? "_time32" : ""}`, ["int", "ulong"], [], (k, pid = 0, at = 0) => {
    if (pid < 0) return recordedOr(k, -EINVAL);
    const task = find(k, pid);
    if (task === undefined) return recordedOr(k, -ESRCH);
    const rq = k.scheduler.rq(task.cpu);
    const { policy } = task.se;
    const slice = policy === SCHED_RR
      ? RR_TIMESLICE
      : policy === SCHED_FIFO || rq.weight === 0
      ? 0
      : Math.floor(sliceOf(k, rq, task) / NS_PER_TICK) * NS_PER_TICK;
    const size = narrow ? 4 : 8;
    const sec = Math.floor(slice / 1e9);
    const stored = storeUser(k, at, size, sec) && storeUser(k, at + size, size, slice - sec * 1e9);
    return recordedOr(k, stored ? 0 : -EFAULT);
  });
}

syscall("getcpu", ["ulong", "ulong", "ulong"], [], (k, cpu = 0, node = 0) => {
  if (cpu !== 0 && !storeUser(k, cpu, 4, k.cpu)) return recordedOr(k, -EFAULT);
  return recordedOr(k, node === 0 || storeUser(k, node, 4, 0) ? 0 : -EFAULT);
});

const SET_USER_NICE: FunctionRef = behaviour("set_user_nice", [], (k, address = 0, nice = 0) => {
  const task = k.tasks.byAddress(address);
  if (task !== undefined) k.scheduler.setNice(task, nice);
  return Number.NaN;
});
const SET_ONE_PRIO: FunctionRef = behaviour(
  "set_one_prio",
  [SET_USER_NICE],
  (k, address = 0, nice = 0, error = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined) return error;
    if (!mayChange(k, task)) return -EPERM;
    if (nice < task.se.nice && !canNice(k, task, nice)) return -EACCES;
    k.call(SET_USER_NICE, address, nice);
    return error === -ESRCH ? 0 : error;
  },
);

/** The tasks that a `which` and `who` mean. */
function meant(k: Kernel, which: number, who: number): readonly Task[] {
  if (which === PRIO_PROCESS) {
    const task = find(k, who);
    return task === undefined ? [] : [task];
  }
  const all = k.tasks.all();
  if (which === PRIO_USER) {
    const uid = who === 0 ? k.current.uid : who;
    return all.filter((task) => task.uid === uid && task.pid > 0);
  }
  const group = who === 0 ? pidGroupNumber(k, k.current, PIDTYPE_PGID) : who;
  return all.filter((task) => task.pid > 0 && pidGroupNumber(k, task, PIDTYPE_PGID) === group);
}

syscall("setpriority", ["int", "int", "int"], [SET_ONE_PRIO], (k, which = 0, who = 0, wanted = 0) => {
  if (which < PRIO_PROCESS || which > PRIO_USER) return recordedOr(k, -EINVAL);
  const nice = Math.min(19, Math.max(-20, wanted));
  let result = -ESRCH;
  for (const task of meant(k, which, who)) result = k.call(SET_ONE_PRIO, task.address, nice, result);
  return recordedOr(k, result);
});
syscall("getpriority", ["int", "int"], [], (k, which = 0, who = 0) => {
  if (which < PRIO_PROCESS || which > PRIO_USER) return recordedOr(k, -EINVAL);
  const tasks = meant(k, which, who);
  // 1 to 40, so that it is no errno.
  return recordedOr(k, tasks.length === 0 ? -ESRCH : Math.max(...tasks.map((task) => 20 - task.se.nice)));
});
syscall("nice", ["int"], [SET_USER_NICE], (k, increment = 0) => {
  const task = k.current;
  const nice = Math.min(19, Math.max(-20, task.se.nice + Math.min(40, Math.max(-40, increment))));
  if (increment < 0 && !canNice(k, task, nice)) return recordedOr(k, -EPERM);
  k.call(SET_USER_NICE, task.address, nice);
  return 0;
});
