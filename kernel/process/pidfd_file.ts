/**
 * Descriptors for processes: `pidfd_open`, `CLONE_PIDFD`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { anonInodeGetfd, GETFD } from "../fs/anon_inodes.ts";
import { FILE } from "../fs/fields.ts";
import { PIDFD } from "../fs/fileops.ts";
import { O_CLOEXEC, O_RDWR } from "../fs/modes.ts";
import { EPOLLIN, EPOLLRDNORM, pollWait, QUEUE_PROCS } from "../fs/poll.ts";
import type { Kernel } from "../kernel.ts";
import { initWaitQueueHead, WAKE_UP } from "../sched/wait.ts";
import { TASK_NORMAL } from "../sched/wake_up.ts";
import { field } from "./objects.ts";
import { pidNumber } from "./pid.ts";
import type { Task } from "./task.ts";

/** Where those wait who poll a process. */
const WAIT_PIDFD = field("pid", "wait_pidfd");

/** A descriptor for a `struct pid`. (pid, flags, ret) */
export const PIDFD_PREPARE: FunctionRef = behaviour("pidfd_create", [GETFD], (k, pid = 0, flags = 0) => {
  k.tasks.getPid(pid);
  return anonInodeGetfd(k, "[pidfd]", PIDFD, pid, flags | O_RDWR | O_CLOEXEC);
});

/** Readable when the process has ended. (file, poll_table) */
export const PIDFD_POLL: FunctionRef = behaviour("pidfd_poll", QUEUE_PROCS, (k, address = 0, table = 0) => {
  const pid = FILE.privateData.get(k, address);
  pollWait(k, address, WAIT_PIDFD.at(k, pid), table);
  return ended(k, pid) ? EPOLLIN | EPOLLRDNORM : 0;
});

/** The descriptor is closed. (inode, file) */
export const PIDFD_RELEASE: FunctionRef = behaviour("pidfd_release", [], (k, _inode, address = 0) => {
  const pid = FILE.privateData.get(k, address);
  if (pid !== 0) k.tasks.putPid(pid);
  return 0;
});

/** A process has ended: those who poll it are told (`do_notify_pidfd`). */
export function notifyPidfd(k: Kernel, pid: number): void {
  k.call(WAKE_UP, WAIT_PIDFD.at(k, pid), TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM);
}

/** Makes the queue of a new `struct pid`. */
export function initPidfdQueue(k: Kernel, pid: number): void {
  initWaitQueueHead(k, WAIT_PIDFD.at(k, pid));
}

/** The process of a pidfd; undefined when it was reaped, or the file is none. */
export function pidfdTask(k: Kernel, address: number): Task | undefined {
  return k.tasks.byPid(pidNumber(k, FILE.privateData.get(k, address)));
}

function ended(k: Kernel, pid: number): boolean {
  const task = k.tasks.byPid(pidNumber(k, pid));
  return task === undefined || (task.exitCode !== null && task.threadGroup.length === 1);
}
