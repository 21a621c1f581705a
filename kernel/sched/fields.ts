/**
 * Fields of the scheduler's objects: `struct rq`, `cfs_rq`, `sched_entity` and what `task_struct` keeps of scheduling.
 *
 * @module
 */

import { field } from "../process/objects.ts";

/** `struct rq`, one per CPU. */
export const RQ = {
  nrRunning: field("rq", "nr_running"),
  nrSwitches: field("rq", "nr_switches"),
  nrUninterruptible: field("rq", "nr_uninterruptible"),
  curr: field("rq", "curr"),
  idle: field("rq", "idle"),
  clock: field("rq", "clock"),
  clockTask: field("rq", "clock_task"),
  cpu: field("rq", "cpu"),
  online: field("rq", "online"),
  cfs: field("rq", "cfs"),
  calcLoadActive: field("rq", "calc_load_active"),
} as const;

/** `struct cfs_rq`, of which each `struct rq` has one. */
export const CFS_RQ = {
  nrRunning: field("cfs_rq", "nr_running"),
  hNrRunning: field("cfs_rq", "h_nr_running"),
  minVruntime: field("cfs_rq", "min_vruntime"),
  weight: field("cfs_rq", "load.weight"),
  curr: field("cfs_rq", "curr"),
  rq: field("cfs_rq", "rq"),
} as const;

/** Scheduling in `task_struct`. */
export const SCHED = {
  se: field("task_struct", "se"),
  weight: field("task_struct", "se.load.weight"),
  seOnRq: field("task_struct", "se.on_rq"),
  execStart: field("task_struct", "se.exec_start"),
  sumExec: field("task_struct", "se.sum_exec_runtime"),
  prevSumExec: field("task_struct", "se.prev_sum_exec_runtime"),
  vruntime: field("task_struct", "se.vruntime"),
  nrMigrations: field("task_struct", "se.nr_migrations"),
  cfsRq: field("task_struct", "se.cfs_rq"),
  onCpu: field("task_struct", "on_cpu"),
  onRq: field("task_struct", "on_rq"),
  wakeCpu: field("task_struct", "wake_cpu"),
  policy: field("task_struct", "policy"),
  rtPriority: field("task_struct", "rt_priority"),
  nrCpusAllowed: field("task_struct", "nr_cpus_allowed"),
  cpusPtr: field("task_struct", "cpus_ptr"),
  cpusMask: field("task_struct", "cpus_mask"),
  nvcsw: field("task_struct", "nvcsw"),
  nivcsw: field("task_struct", "nivcsw"),
  utime: field("task_struct", "utime"),
  stime: field("task_struct", "stime"),
} as const;
