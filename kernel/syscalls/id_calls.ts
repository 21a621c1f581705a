/**
 * System calls about who a process is: user and group ids, process groups, sessions.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { recorded, recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { CAP_SETGID, CAP_SETUID, NS_CAPABLE, SECURITY_CAPABLE } from "../process/capability.ts";
import { COMMIT_CREDS, fixCapabilities } from "../process/cred.ts";
import { GROUPS } from "../process/groups.ts";
import type { Field } from "../process/objects.ts";
import { FIND_VPID, pidGroup, pidGroupNumber, setPidGroup } from "../process/pid.ts";
import { CRED, TASK, type Task } from "../process/task.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import { SIGNAL, signalOf } from "../signal/fields.ts";
import { PIDTYPE_PGID, PIDTYPE_SID } from "../signal/numbers.ts";
import { type ArgumentKind, syscall } from "./define.ts";
import { EACCES, EFAULT, EINVAL, EPERM, ESRCH } from "./errno.ts";

/** Whether the task may take ids that are not its own. (ns, cap) */
const NS_CAPABLE_SETID: FunctionRef = behaviour(
  "ns_capable_setid",
  [SECURITY_CAPABLE],
  (k, ns = 0, cap = 0) => k.call(SECURITY_CAPABLE, k.current.cred, ns, cap, 4) === 0 ? 1 : 0,
);

/** User or group ids of credentials. */
interface Ids {
  readonly real: Field;
  readonly effective: Field;
  readonly saved: Field;
  readonly fs: Field;
  readonly cap: number;
}
const USER: Ids = { real: CRED.uid, effective: CRED.euid, saved: CRED.suid, fs: CRED.fsuid, cap: CAP_SETUID };
const GROUP: Ids = {
  real: CRED.gid,
  effective: CRED.egid,
  saved: CRED.sgid,
  fs: CRED.fsgid,
  cap: CAP_SETGID,
};

const PREPARE_CREDS = fn("prepare_creds");
const CALLS: readonly FunctionRef[] = [NS_CAPABLE_SETID, PREPARE_CREDS, COMMIT_CREDS];
/** -1: leave it as it is. */
const SAME = 0xffffffff;

function capable(k: Kernel, ids: Ids): boolean {
  return k.call(NS_CAPABLE_SETID, k.image.symbol("init_user_ns")?.address ?? Number.NaN, ids.cap) !== 0;
}

/** Changes ids, with what follows from that: 0, or -errno that `check` found. */
function change(
  k: Kernel,
  ids: Ids,
  check: () => number,
  to: Partial<Record<keyof Omit<Ids, "cap">, number>>,
): number {
  const outcome = recorded(k);
  if (outcome !== undefined && outcome.ret < 0) {
    check();
    return outcome.ret;
  }
  const error = check();
  if (error !== 0 && outcome === undefined) return error;
  const { current } = k;
  const { cred } = current;
  const old = { uid: CRED.uid.get(k, cred), euid: CRED.euid.get(k, cred), suid: CRED.suid.get(k, cred) };
  for (const part of ["real", "effective", "saved", "fs"] as const) {
    const value = to[part];
    if (value !== undefined && value >>> 0 !== SAME) ids[part].set(k, cred, value);
  }
  if (ids === USER) fixCapabilities(k, current, old);
  k.call(COMMIT_CREDS, cred);
  return 0;
}

function current(k: Kernel, ids: Ids): { real: number; effective: number; saved: number } {
  const { cred } = k.current;
  return {
    real: ids.real.get(k, cred),
    effective: ids.effective.get(k, cred),
    saved: ids.saved.get(k, cred),
  };
}

function setid(k: Kernel, ids: Ids, id: number): number {
  if (id >>> 0 === SAME) return -EINVAL;
  k.call(PREPARE_CREDS);
  const old = current(k, ids);
  const privileged = capable(k, ids);
  const allowed = privileged || id === old.real || id === old.saved;
  const all = privileged ? { real: id, saved: id } : {};
  return change(k, ids, () => allowed ? 0 : -EPERM, { ...all, effective: id, fs: id });
}

function setreid(k: Kernel, ids: Ids, real: number, effective: number): number {
  k.call(PREPARE_CREDS);
  const old = current(k, ids);
  const privileged = capable(k, ids);
  const [changesReal, changesEffective] = [real >>> 0 !== SAME, effective >>> 0 !== SAME];
  const check = (): number => {
    if (privileged) return 0;
    if (changesReal && real !== old.real && real !== old.effective) return -EPERM;
    const owns = [old.real, old.effective, old.saved].includes(effective);
    return changesEffective && !owns ? -EPERM : 0;
  };
  const euid = changesEffective ? effective : old.effective;
  const saves = changesReal || (changesEffective && effective !== old.real);
  return change(k, ids, check, { real, effective, fs: euid, ...(saves ? { saved: euid } : {}) });
}

function setresid(k: Kernel, ids: Ids, real: number, effective: number, saved: number): number {
  const old = current(k, ids);
  const owns = (id: number): boolean =>
    id >>> 0 === SAME || [old.real, old.effective, old.saved].includes(id);
  const check = (): number => {
    const own = owns(real) && owns(effective) && owns(saved);
    return own || capable(k, ids) ? 0 : -EPERM;
  };
  const fs = effective >>> 0 === SAME ? old.effective : effective;
  const same = [[real, old.real], [effective, old.effective], [saved, old.saved]] as const;
  if (recorded(k) === undefined || recordedOr(k, 0) === 0) {
    if (same.every(([id, own]) => id >>> 0 === SAME || id === own) && ids.fs.get(k, k.current.cred) === fs) {
      return 0;
    }
  }
  k.call(PREPARE_CREDS);
  return change(k, ids, check, { real, effective, saved, fs });
}

/** Returns what it was, whether or not it was changed. */
function setfsid(k: Kernel, ids: Ids, id: number): number {
  const { cred } = k.current;
  const old = ids.fs.get(k, cred);
  const own = [...Object.values(current(k, ids)), old].includes(id);
  if (id >>> 0 !== SAME && (own || capable(k, ids))) ids.fs.set(k, cred, id);
  return recordedOr(k, old);
}

function getresid(k: Kernel, ids: Ids, size: 2 | 4, places: readonly number[]): number {
  const values = Object.values(current(k, ids));
  const stored = places.every((at, i) => storeUser(k, at, size, values[i] ?? 0));
  return stored ? 0 : recordedOr(k, -EFAULT);
}

type InnerName = `set${"" | "re" | "res" | "fs"}${"u" | "g"}id`;
/** What the calls of both widths come to: `__sys_setuid` and its like. */
const INNER: Readonly<Record<InnerName, FunctionRef>> = {
  setuid: behaviour("__sys_setuid", CALLS, (k, a = 0) => setid(k, USER, a)),
  setgid: behaviour("__sys_setgid", CALLS, (k, a = 0) => setid(k, GROUP, a)),
  setreuid: behaviour("__sys_setreuid", CALLS, (k, a = 0, b = 0) => setreid(k, USER, a, b)),
  setregid: behaviour("__sys_setregid", CALLS, (k, a = 0, b = 0) => setreid(k, GROUP, a, b)),
  setresuid: behaviour("__sys_setresuid", CALLS, (k, a = 0, b = 0, c = 0) => setresid(k, USER, a, b, c)),
  setresgid: behaviour("__sys_setresgid", CALLS, (k, a = 0, b = 0, c = 0) => setresid(k, GROUP, a, b, c)),
  setfsuid: behaviour("__sys_setfsuid", CALLS, (k, a = 0) => setfsid(k, USER, a)),
  setfsgid: behaviour("__sys_setfsgid", CALLS, (k, a = 0) => setfsid(k, GROUP, a)),
};

/** A 16-bit id of i386's first calls; 65535 is -1. */
const widen = (id: number): number => (id & 0xffff) === 0xffff ? SAME : id & 0xffff;

for (const [suffix, narrow] of [["", false], ["16", true]] as const) {
  const kind: ArgumentKind = "uint";
  const id = (value: number): number => narrow ? widen(value) : value;
  const size = narrow ? 2 : 4;
  for (const letter of ["u", "g"] as const) {
    const one = INNER[`set${letter}id`];
    const two = INNER[`setre${letter}id`];
    const three = INNER[`setres${letter}id`];
    const fs = INNER[`setfs${letter}id`];
    syscall(`set${letter}id${suffix}`, [kind], [one], (k, a = 0) => k.call(one, id(a)));
    syscall(`setre${letter}id${suffix}`, [kind, kind], [two], (k, a = 0, b = 0) => k.call(two, id(a), id(b)));
    syscall(
      `setres${letter}id${suffix}`,
      [kind, kind, kind],
      [three],
      (k, a = 0, b = 0, c = 0) => k.call(three, id(a), id(b), id(c)),
    );
    syscall(`setfs${letter}id${suffix}`, [kind], [fs], (k, a = 0) => k.call(fs, id(a)));
    syscall(
      `getres${letter}id${suffix}`,
      ["ulong", "ulong", "ulong"],
      [],
      (k, a = 0, b = 0, c = 0) => getresid(k, letter === "u" ? USER : GROUP, size, [a, b, c]),
    );
  }
  syscall(`getgroups${suffix}`, ["int", "ulong"], [], (k, room = 0, list = 0) => {
    const groups = GROUPS.read(k, k.current.cred);
    if (room < 0 || (room > 0 && groups.length > room)) return -EINVAL;
    if (room > 0 && !groups.every((gid, i) => storeUser(k, list + i * size, size, gid))) {
      return recordedOr(k, -EFAULT);
    }
    return recordedOr(k, groups.length);
  });
  syscall(`setgroups${suffix}`, ["int", "ulong"], [NS_CAPABLE, ...CALLS], (k, count = 0, list = 0) => {
    if (!capable(k, GROUP)) return recordedOr(k, -EPERM);
    if (count >>> 0 > 65536) return -EINVAL;
    const groups = Array.from({ length: count }, (_, i) => loadUser(k, list + i * size, size, false));
    if (groups.some(Number.isNaN)) return recordedOr(k, -EFAULT);
    GROUPS.write(k, k.current.cred, groups);
    k.call(COMMIT_CREDS, k.current.cred);
    return 0;
  });
}
/** i386's first calls, which tell 16 bits. */
const TOLD: Readonly<Record<string, Field>> = {
  getuid16: CRED.uid,
  geteuid16: CRED.euid,
  getgid16: CRED.gid,
  getegid16: CRED.egid,
};
for (const [name, field] of Object.entries(TOLD)) {
  syscall(name, [], [], (k) => {
    const id = field.get(k, k.current.cred);
    // What does not fit is told as the overflow id.
    return recordedOr(k, id > 0xffff ? 65534 : id);
  });
}

/** A process by pid, 0 for the caller's. */
function processOf(k: Kernel, pid: number): Task | undefined {
  return pid === 0 ? k.current.leader : k.tasks.byPid(pid);
}

/** Process group of a process: its number, or -errno. (pid) */
const DO_GETPGID: FunctionRef = behaviour("do_getpgid", [], (k, pid = 0) => {
  const task = processOf(k, pid);
  return recordedOr(k, task === undefined ? -ESRCH : pidGroupNumber(k, task, PIDTYPE_PGID));
});
syscall("getpgid", ["int"], [DO_GETPGID], (k, pid = 0) => k.call(DO_GETPGID, pid));
syscall("getpgrp", [], [DO_GETPGID], (k) => k.call(DO_GETPGID, 0));
syscall("getsid", ["int"], [], (k, pid = 0) => {
  const task = processOf(k, pid);
  return recordedOr(k, task === undefined ? -ESRCH : pidGroupNumber(k, task, PIDTYPE_SID));
});
syscall("setpgid", ["int", "int"], [FIND_VPID], (k, pid = 0, pgid = 0) => {
  const { leader } = k.current;
  const number = pid === 0 ? leader.pid : pid;
  const group = pgid === 0 ? number : pgid;
  const outcome = recorded(k);
  if (group < 0) return -EINVAL;
  const task = k.tasks.byPid(number);
  const refused = refusal(k, leader, task, group);
  if (outcome === undefined ? refused !== 0 : outcome.ret < 0) return outcome?.ret ?? refused;
  const struct = k.call(FIND_VPID, group);
  if (task !== undefined && struct !== 0) setPidGroup(k, task, PIDTYPE_PGID, struct);
  return 0;
});

function refusal(k: Kernel, leader: Task, task: Task | undefined, group: number): number {
  if (task === undefined) return -ESRCH;
  if (task.leader !== task) return -EINVAL;
  const session = pidGroup(k, leader, PIDTYPE_SID);
  if (task.parent?.tgid === leader.pid) {
    if (pidGroup(k, task, PIDTYPE_SID) !== session) return -EPERM;
    // The child has begun a program of its own.
    if ((TASK.flags.get(k, task.address) & 0x40) === 0) return -EACCES;
  } else if (task !== leader) return -ESRCH;
  if (isLeader(k, task)) return -EPERM;
  if (group === task.pid) return 0;
  const exists = k.tasks.leaders().some((other) =>
    pidGroupNumber(k, other, PIDTYPE_PGID) === group && pidGroup(k, other, PIDTYPE_SID) === session
  );
  return exists ? 0 : -EPERM;
}

function isLeader(k: Kernel, task: Task): boolean {
  return pidGroupNumber(k, task, PIDTYPE_SID) === task.pid;
}

const KSYS_SETSID: FunctionRef = behaviour("ksys_setsid", [], (k) => {
  const { leader } = k.current;
  const outcome = recorded(k);
  if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
  const leads = k.tasks.leaders().some((task) => pidGroupNumber(k, task, PIDTYPE_PGID) === leader.pid);
  if (outcome === undefined && (isLeader(k, leader) || leads)) return -EPERM;
  const struct = TASK.threadPid.get(k, leader.address);
  setPidGroup(k, leader, PIDTYPE_PGID, struct);
  setPidGroup(k, leader, PIDTYPE_SID, struct);
  SIGNAL.leader.set(k, signalOf(k, leader), 1);
  return recordedOr(k, leader.pid);
});
syscall("setsid", [], [KSYS_SETSID], (k) => k.call(KSYS_SETSID));
