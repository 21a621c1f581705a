/**
 * Resource limits: `prlimit64`, `getrlimit`, `setrlimit`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { recorded, recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { CAP_SYS_RESOURCE, NS_CAPABLE, nsCapable, SECURITY_CAPABLE } from "../process/capability.ts";
import { readLimit, RLIM_NLIMITS, RLIMIT_NOFILE, writeLimit } from "../process/rlimit.ts";
import { CRED, type Task } from "../process/task.ts";
import { MemoryFault } from "../memory/fault.ts";
import { syscall } from "./define.ts";
import { EFAULT, EINVAL, EPERM, ESRCH } from "./errno.ts";

type Limit = readonly [cur: bigint, max: bigint];
/** Most descriptors that a process may ever have (`sysctl_nr_open`). */
const NR_OPEN = 1_048_576n;

const wanteds = new WeakMap<Kernel, { readonly task: Task; readonly limit: Limit | null }>();

const SETRLIMIT = fn("security_task_setrlimit");

/** Tells and sets a limit: 0 or -errno. Pointers to limits in kernel memory. (task, resource, new, old) */
const DO_PRLIMIT: FunctionRef = behaviour(
  "do_prlimit",
  [NS_CAPABLE, SECURITY_CAPABLE, SETRLIMIT],
  (k, _task, resource = 0) => {
    const wanted = wanteds.get(k);
    if (wanted === undefined || resource >= RLIM_NLIMITS) return -EINVAL;
    const { task, limit } = wanted;
    if (limit === null) return 0;
    const [cur, max] = limit;
    if (cur > max) return -EINVAL;
    if (resource === RLIMIT_NOFILE && max > NR_OPEN) return -EPERM;
    const [, hard] = readLimit(k, task, resource);
    const above = BigInt.asUintN(8 * k.image.pointerSize, max) > hard;
    if (above && !nsCapable(k, CAP_SYS_RESOURCE) && recorded(k) === undefined) return -EPERM;
    k.call(SETRLIMIT, task.address, resource, Number.NaN);
    writeLimit(k, task, resource, cur, max);
    return 0;
  },
);

function prlimit(k: Kernel, task: Task, resource: number, limit: Limit | null): number {
  wanteds.set(k, { task, limit });
  return k.call(DO_PRLIMIT, task.address, resource, Number.NaN, Number.NaN);
}

syscall(
  "prlimit64",
  ["int", "uint", "ulong", "ulong"],
  [DO_PRLIMIT],
  (k, pid = 0, resource = 0, wanted = 0, old = 0) => {
    const limit = wanted === 0 ? null : load(k, wanted, 8);
    if (limit === undefined) return recordedOr(k, -EFAULT);
    const task = pid === 0 ? k.current : k.tasks.byPid(pid);
    if (task === undefined) return recordedOr(k, -ESRCH);
    if (!mayLimit(k, task)) return recordedOr(k, -EPERM);
    const before = resource < RLIM_NLIMITS ? readLimit(k, task, resource) : null;
    const error = prlimit(k, task, resource, limit);
    if (error !== 0 || old === 0 || before === null) return error;
    return store(k, old, 8, before.map((value) => unlimited(k, value)) as [bigint, bigint]) ? 0 : fault(k);
  },
);
syscall("getrlimit", ["uint", "ulong"], [DO_PRLIMIT], getrlimit);
/** i386: its own call of that name takes what is beyond 2 GiB as that; programs use this one. */
syscall("old_getrlimit", ["uint", "ulong"], [DO_PRLIMIT], getrlimit);
syscall("setrlimit", ["uint", "ulong"], [DO_PRLIMIT], (k, resource = 0, at = 0) => {
  const limit = load(k, at, k.image.pointerSize as 4 | 8);
  return limit === undefined ? fault(k) : prlimit(k, k.current, resource, limit);
});

function getrlimit(k: Kernel, resource = 0, at = 0): number {
  const error = prlimit(k, k.current, resource, null);
  if (error !== 0) return error;
  return store(k, at, k.image.pointerSize as 4 | 8, readLimit(k, k.current, resource)) ? 0 : fault(k);
}

/** The same user, or somebody who may set anybody's (`check_prlimit_permission`). */
function mayLimit(k: Kernel, task: Task): boolean {
  if (task.tgid === k.current.tgid) return true;
  const [own, uid] = [CRED.uid.get(k, k.current.cred), CRED.uid.get(k, task.cred)];
  const same = own === uid && own === CRED.euid.get(k, task.cred) && own === CRED.suid.get(k, task.cred);
  return same || nsCapable(k, CAP_SYS_RESOURCE);
}

/** No limit is all bits set, in 64 bits too. */
function unlimited(k: Kernel, value: bigint): bigint {
  return value === BigInt.asUintN(8 * k.image.pointerSize, -1n) ? BigInt.asUintN(64, -1n) : value;
}

function load(k: Kernel, at: number, size: 4 | 8): Limit | undefined {
  try {
    if (!k.memory.isUser(at)) return undefined;
    return [k.memory.readBig(at, size, false), k.memory.readBig(at + size, size, false)];
  } catch (error) {
    if (error instanceof MemoryFault) return undefined;
    throw error;
  }
}

function store(k: Kernel, at: number, size: 4 | 8, [cur, max]: Limit): boolean {
  try {
    if (!k.memory.isUser(at)) return false;
    k.memory.writeBig(at, size, cur);
    k.memory.writeBig(at + size, size, max);
    return true;
  } catch (error) {
    if (error instanceof MemoryFault) return false;
    throw error;
  }
}

function fault(k: Kernel): number {
  return recordedOr(k, -EFAULT);
}
