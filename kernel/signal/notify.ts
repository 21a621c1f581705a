/**
 * Telling parents of their children: SIGCHLD and those who wait (`do_notify_parent`).
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { WAKE_UP_PARENT } from "../process/wait_queue.ts";
import { notifyPidfd } from "../process/pidfd_file.ts";
import { WAKE_UP } from "../sched/wait.ts";
import { TASK, type Task } from "../process/task.ts";
import { actionOf, SIGACTION, SIGNAL, signalOf } from "./fields.ts";
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  PIDTYPE_TGID,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SIG_IGN,
  SIGCHLD,
  SIGCONT,
} from "./numbers.ts";
import { SEND_SIGNAL_LOCKED, SEND_SIGNAL_LOCKED_INNER, withSiginfo } from "./send.ts";
import type { Siginfo } from "./siginfo.ts";

/** A child has ended: tells its parent. 1 if nobody will wait for it. (task, sig) */
export const DO_NOTIFY_PARENT: FunctionRef = behaviour(
  "do_notify_parent",
  [WAKE_UP, SEND_SIGNAL_LOCKED_INNER, WAKE_UP_PARENT],
  (k, address = 0, wanted = 0) => {
    const task = k.tasks.byAddress(address);
    const parent = task?.parent ?? null;
    if (task === undefined || parent === null) return 1;
    notifyPidfd(k, TASK.threadPid.get(k, address));
    let signal = wanted;
    let autoreap = false;
    if (signal === SIGCHLD) {
      const action = actionOf(k, parent.address, SIGCHLD);
      const ignored = SIGACTION.handler.get(k, action) === SIG_IGN;
      if (ignored || (SIGACTION.flags.get(k, action) & SA_NOCLDWAIT) !== 0) autoreap = true;
      if (ignored) signal = 0;
    }
    // In a replay a parent that waits finds what the recording says it found.
    if (task.replayed) autoreap = false;
    if (signal > 0) {
      withSiginfo(k, endOf(k, task, signal), (info) => {
        return k.call(SEND_SIGNAL_LOCKED_INNER, signal, info, parent.address, PIDTYPE_TGID, 0);
      });
    }
    k.call(WAKE_UP_PARENT, address, parent.address);
    return autoreap ? 1 : 0;
  },
);

/** A child has stopped or goes on: tells its parent. (task, for_ptracer, why) */
export const DO_NOTIFY_PARENT_CLDSTOP: FunctionRef = behaviour(
  "do_notify_parent_cldstop",
  [SEND_SIGNAL_LOCKED, WAKE_UP_PARENT],
  (k, address = 0, _ptracer = 0, why = 0) => {
    const leader = k.tasks.byAddress(address)?.leader;
    const parent = leader?.parent ?? null;
    if (leader === undefined || parent === null) return Number.NaN;
    const action = actionOf(k, parent.address, SIGCHLD);
    const wanted = SIGACTION.handler.get(k, action) !== SIG_IGN &&
      (SIGACTION.flags.get(k, action) & SA_NOCLDSTOP) === 0;
    if (wanted) {
      const status = why === CLD_CONTINUED
        ? SIGCONT
        : SIGNAL.groupExitCode.get(k, signalOf(k, leader)) & 0x7f;
      const info = { signo: SIGCHLD, code: why, pid: leader.pid, uid: leader.uid, status };
      withSiginfo(k, info, (at) => k.call(SEND_SIGNAL_LOCKED, SIGCHLD, at, parent.address, PIDTYPE_TGID));
    }
    k.call(WAKE_UP_PARENT, address, parent.address);
    return Number.NaN;
  },
);

function endOf(k: Kernel, task: Task, signo: number): Siginfo {
  const code = TASK.exitCode.get(k, task.address);
  const [how, status] = (code & 0x80) !== 0
    ? [CLD_DUMPED, code & 0x7f]
    : (code & 0x7f) !== 0
    ? [CLD_KILLED, code & 0x7f]
    : [CLD_EXITED, code >> 8];
  return { signo, code: how, pid: task.pid, uid: task.uid, status };
}
