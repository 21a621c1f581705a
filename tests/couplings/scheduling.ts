/**
 * Scheduling: who has which CPU, who is woken before he runs, who moves between CPUs.
 *
 * @module
 */

import type { Watch } from "./watch.ts";

type State = "unknown" | "running" | "runnable" | "asleep" | "new" | "dead";

interface Known {
  state: State;
  /** The CPU that it is on or belongs to. */
  cpu: number;
}

/** `prev_state` of a task that never comes back: EXIT_DEAD or EXIT_ZOMBIE. */
const DEAD = 0x10 | 0x20;

/**
 * Every switch leaves who had the CPU; a task is on one CPU at a time, sleeps until it is woken, and changes its CPU by
 * `sched_migrate_task` alone.
 */
export function switchesFitTogether(watch: Watch): void {
  const { k } = watch;
  const onCpu = new Map<number, number>();
  const since = new Map<number, number>();
  const tasks = new Map<number, Known>();
  /** A task of which nothing was told yet was there from the start. */
  const known = (pid: number): Known => {
    let task = tasks.get(pid);
    if (task === undefined) {
      task = { state: "unknown", cpu: -1 };
      tasks.set(pid, task);
    }
    return task;
  };
  watch.on("sched:sched_process_fork", (field) => {
    const pid = field("child_pid");
    const old = tasks.get(pid)?.state;
    watch.must(old === undefined || old === "dead", () => `makes ${pid}, which is ${old}`);
    watch.must(field("parent_pid") === k.current.pid, () => `forks as ${field("parent_pid")}`);
    tasks.set(pid, { state: "new", cpu: -1 });
  });
  watch.on("sched:sched_wakeup_new", (field) => {
    const pid = field("pid");
    const task = tasks.get(pid);
    watch.must(task?.state === "new", () => `wakes ${pid} as new, which is ${task?.state}`);
    tasks.set(pid, { state: "runnable", cpu: field("target_cpu") });
  });
  watch.on("sched:sched_wakeup", (field) => {
    const pid = field("pid");
    const task = known(pid);
    const { state, cpu } = task;
    watch.must(
      state === "asleep" || state === "running" || state === "unknown",
      () => `wakes ${pid}, which is ${state}`,
    );
    const target = field("target_cpu");
    watch.must(cpu < 0 || cpu === target, () => `wakes ${pid} on CPU ${target}; it belongs to ${cpu}`);
    watch.must(target >= 0 && target < k.cpus, () => `wakes ${pid} on CPU ${target}`);
    task.cpu = target;
    if (state !== "running") task.state = "runnable";
  });
  watch.on("sched:sched_migrate_task", (field) => {
    const pid = field("pid");
    const task = known(pid);
    const [from, to] = [field("orig_cpu"), field("dest_cpu")];
    watch.must(from !== to, () => `moves ${pid} from CPU ${from} to itself`);
    watch.must(task.state !== "running", () => `moves ${pid} while it runs`);
    watch.must(
      task.cpu < 0 || task.cpu === from,
      () => `moves ${pid} from ${from}; it belongs to ${task.cpu}`,
    );
    task.cpu = to;
  });
  watch.on("sched:sched_switch", (field) => {
    const { cpu } = k;
    const [prev, next, state] = [field("prev_pid"), field("next_pid"), field("prev_state")];
    const had = onCpu.get(cpu) ?? 0;
    watch.must(prev === had, () => `CPU ${cpu} leaves ${prev}, but ${had} had it`);
    watch.must(prev === k.current.pid, () => `switches in the name of ${prev}`);
    watch.must(prev !== next, () => `switches from ${prev} to itself`);
    watch.must(k.clock.now >= (since.get(cpu) ?? 0), () => `CPU ${cpu} went back in time`);
    onCpu.set(cpu, next);
    since.set(cpu, k.clock.now);
    if (prev !== 0) {
      const task = known(prev);
      task.state = (state & DEAD) !== 0 ? "dead" : (state & 0xff) === 0 ? "runnable" : "asleep";
      task.cpu = cpu;
    }
    if (next !== 0) {
      const task = known(next);
      const { state: was, cpu: on } = task;
      watch.must(was === "runnable" || was === "unknown", () => `switches to ${next}, which is ${was}`);
      watch.must(on < 0 || on === cpu, () => `CPU ${cpu} takes ${next}, which belongs to CPU ${on}`);
      task.state = "running";
      task.cpu = cpu;
    }
  });
  watch.on("sched:sched_process_exit", (field) => {
    const pid = field("pid");
    watch.must(pid === k.current.pid, () => `ends as ${pid}`);
  });
  watch.atEnd(() => {
    for (const [pid, { state }] of tasks) {
      watch.must(state !== "runnable", () => `${pid} was woken and never ran`);
    }
  });
}

/** A task ends once, does nothing afterwards, and is freed after its end. */
export function tasksEndOnce(watch: Watch): void {
  const { k } = watch;
  const ended = new Set<number>();
  watch.on("sched:sched_process_fork", (field) => ended.delete(field("child_pid")));
  watch.on("sched:sched_process_exit", (field) => {
    const pid = field("pid");
    watch.must(!ended.has(pid), () => `${pid} ends twice`);
    ended.add(pid);
  });
  watch.on("sched:sched_process_exec", (field) => {
    watch.must(field("pid") === k.current.pid, () => `executes as ${field("pid")}`);
    watch.must(!ended.has(field("pid")), () => `${field("pid")} executes after its end`);
  });
  watch.on("sched:sched_process_free", (field) => {
    watch.must(ended.has(field("pid")), () => `frees ${field("pid")}, which didn't end`);
  });
}
