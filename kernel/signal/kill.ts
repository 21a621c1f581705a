/**
 * `kill`, `tkill`, `tgkill`, `rt_sigqueueinfo`: whom a signal goes to, and who may send it.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { CAP_KILL, NS_CAPABLE, nsCapable } from "../process/capability.ts";
import { FIND_VPID, PID_TASK, pidGroup } from "../process/pid.ts";
import { CRED, type Task } from "../process/task.ts";
import { recorded } from "../fs/recorded.ts";
import { EINVAL, EPERM, ESRCH } from "../syscalls/errno.ts";
import { NSIG, PIDTYPE_PGID, PIDTYPE_PID, PIDTYPE_SID, PIDTYPE_TGID, SIGCONT } from "./numbers.ts";
import { DO_SEND_SIG_INFO } from "./send.ts";
import { siCode } from "./siginfo.ts";

/** Whether the running task may send a signal: 0 or -errno. (sig, info, task) */
export const CHECK_KILL_PERMISSION: FunctionRef = behaviour(
  "check_kill_permission",
  [NS_CAPABLE],
  (k, signal = 0, info = 0, address = 0) => {
    if (signal < 0 || signal > NSIG) return -EINVAL;
    // What the kernel itself sends goes anywhere.
    if (info !== 0 && (info === 1 || siCode(k, info) > 0)) return 0;
    const target = k.tasks.byAddress(address);
    const { current } = k;
    if (target === undefined || target.tgid === current.tgid || mayKill(k, current, target)) return 0;
    const sameSession = pidGroup(k, target, PIDTYPE_SID) === pidGroup(k, current, PIDTYPE_SID);
    return signal === SIGCONT && sameSession ? 0 : -EPERM;
  },
);

/** The same for a whole process: checked, then sent if there is a signal. (sig, info, task, type) */
export const GROUP_SEND_SIG_INFO: FunctionRef = behaviour(
  "group_send_sig_info",
  [CHECK_KILL_PERMISSION, DO_SEND_SIG_INFO],
  (k, signal = 0, info = 0, address = 0, type = 0) => {
    const error = k.call(CHECK_KILL_PERMISSION, signal, info, address);
    if (error !== 0 || signal === 0) return error;
    return k.call(DO_SEND_SIG_INFO, signal, info, address, type);
  },
);

/** Sends a signal to the process of a `struct pid`: 0 or -errno. (sig, info, pid) */
export const KILL_PID_INFO: FunctionRef = behaviour(
  "kill_pid_info",
  [PID_TASK, CHECK_KILL_PERMISSION, DO_SEND_SIG_INFO, GROUP_SEND_SIG_INFO],
  (k, signal = 0, info = 0, pid = 0) => {
    const target = k.call(PID_TASK, pid, PIDTYPE_PID);
    if (target === 0) return -ESRCH;
    return k.call(GROUP_SEND_SIG_INFO, signal, info, target, PIDTYPE_TGID);
  },
);

/** Sends a signal to a process group: 0 if it reached one. (sig, info, pid) */
export const KILL_PGRP_INFO: FunctionRef = behaviour(
  "__kill_pgrp_info",
  [GROUP_SEND_SIG_INFO],
  (k, signal = 0, info = 0, pgrp = 0) => {
    const members = k.tasks.leaders().filter((task) => pidGroup(k, task, PIDTYPE_PGID) === pgrp);
    return toAll(k, members, signal, info);
  },
);

/** `kill`: 0 or -errno. (sig, info, pid) */
export const KILL_SOMETHING_INFO: FunctionRef = behaviour(
  "kill_something_info",
  [FIND_VPID, KILL_PID_INFO, KILL_PGRP_INFO, GROUP_SEND_SIG_INFO],
  (k, signal = 0, info = 0, pid = 0) => {
    if (pid > 0) return k.call(KILL_PID_INFO, signal, info, k.call(FIND_VPID, pid));
    if (pid === -0x80000000) return -ESRCH;
    if (pid !== -1) {
      const pgrp = pid === 0 ? pidGroup(k, k.current, PIDTYPE_PGID) : k.call(FIND_VPID, -pid);
      return pgrp === 0 ? -ESRCH : k.call(KILL_PGRP_INFO, signal, info, pgrp);
    }
    const others = k.tasks.leaders().filter((task) => task.pid > 1 && task.tgid !== k.current.tgid);
    let error = -ESRCH;
    for (const task of others) {
      const own = k.call(GROUP_SEND_SIG_INFO, signal, info, task.address, PIDTYPE_TGID);
      if (own !== -EPERM) error = own;
      else if (error === -ESRCH) error = own;
    }
    return error;
  },
);

/** A signal for one thread, of process `tgid` if that is positive: 0 or -errno. (tgid, pid, sig, info) */
export const DO_SEND_SPECIFIC: FunctionRef = behaviour(
  "do_send_specific",
  [CHECK_KILL_PERMISSION, DO_SEND_SIG_INFO],
  (k, tgid = 0, pid = 0, signal = 0, info = 0) => {
    const target = k.tasks.byPid(pid);
    if (target === undefined || (tgid > 0 && target.tgid !== tgid)) return -ESRCH;
    const error = k.call(CHECK_KILL_PERMISSION, signal, info, target.address);
    if (error !== 0 || signal === 0) return error;
    const sent = k.call(DO_SEND_SIG_INFO, signal, info, target.address, PIDTYPE_PID);
    return sent === -ESRCH ? 0 : sent;
  },
);

/** Whether a recorded call to `kill` and its like reached somebody: what failed then sends nothing now. */
export function sendsInReplay(k: Kernel): boolean {
  const outcome = recorded(k);
  return outcome === undefined || outcome.ret >= 0;
}

function toAll(k: Kernel, members: readonly Task[], signal: number, info: number): number {
  let success = false;
  let error = -ESRCH;
  for (const member of members) {
    error = k.call(GROUP_SEND_SIG_INFO, signal, info, member.address, PIDTYPE_PGID);
    success ||= error === 0;
  }
  return success ? 0 : error;
}

/** The sender's user ids fit the receiver's, or it may kill anything (`kill_ok_by_cred`). */
function mayKill(k: Kernel, from: Task, to: Task): boolean {
  const [euid, uid] = [CRED.euid.get(k, from.cred), CRED.uid.get(k, from.cred)];
  const [theirs, saved] = [CRED.uid.get(k, to.cred), CRED.suid.get(k, to.cred)];
  return euid === saved || euid === theirs || uid === saved || uid === theirs || nsCapable(k, CAP_KILL);
}
