/**
 * The scheduler's machine: one time line per CPU, on which interrupts, kernel code and user time follow one another.
 *
 * What happens next on a CPU is an event of the kernel's queue, so that all CPUs, timers and tasks are in one total order.
 * When a CPU's turn comes the clock is set to its time, `k.current` and `k.memory.user` become those of the task that
 * has it, and its code runs until it gives up the CPU, goes to user space or waits. Who runs next is decided by kernel
 * code (`schedule.ts`, `fair.ts`, `wake_up.ts`); this only keeps the books.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Wait } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { exited, TaskExit } from "../process/exit.ts";
import { TASK, type Task, TASK_RUNNING } from "../process/task.ts";
import { type Tunables, tunablesOf } from "./account.ts";
import { type Coroutine, HALT, SWITCH, type Thread, type UserTime } from "./coroutine.ts";
import { SCHED_IDLE } from "./entity.ts";
import { SCHED } from "./fields.ts";
import { idleProgram } from "./idle.ts";
import type { BlockedTask, RunOutcome } from "./outcome.ts";
import { type RaisedInterrupt, Rq } from "./rq.ts";
import { activate, detach, migrate, selectForClaim } from "./placement.ts";
import { reschedule } from "./resched.ts";
import { givesWay, leave, rawSleep, startsRunning } from "./schedule.ts";
import { SleepTimers } from "./sleep_timers.ts";
import { wake } from "./wake_up.ts";
import { DEFAULT_PRIO, WEIGHT_IDLEPRIO, weightOf } from "./weights.ts";

/** How a run is done. */
export interface RunOptions {
  /** Called before a task's code goes on, with the clock at that time: for stepping and inspection. */
  readonly beforeResume?: (task: Task) => void;
  /**
   * Virtual nanoseconds that may pass without any task running while timers still fire; then the run ends as a
   * deadlock. Default 1000 seconds.
   */
  readonly idleLimit?: number;
}

/** How a task's program is begun. */
export interface SpawnOptions {
  /** A kernel thread: the run does not wait for it. */
  readonly daemon?: boolean;
  /** It sleeps until its first wake-up. */
  readonly asleep?: boolean;
}

/** An interrupt that was raised. */
export interface PendingInterrupt {
  /** Takes it back. False if it was taken already. */
  cancel(): boolean;
}

/** What an interrupt runs: told which task it interrupted, and whether in user space. */
export type InterruptHandler = (task: Task, user: boolean) => void;

const IDLE_LIMIT = 1000e9;
/** What it takes, in nanoseconds, to give a CPU to a task whose recorded time comes. */
const CLAIM_LATENCY = 8_000;

/** The tasks' coroutines and the CPUs of one kernel. */
export class Scheduler {
  /** Timers of waits that have a time. */
  readonly sleepTimers: SleepTimers;
  /** How long turns are. */
  readonly tunables: Tunables;
  readonly #k: Kernel;
  readonly #threads = new Map<Task, Thread>();
  readonly #rqs: (Rq | undefined)[] = [];
  readonly #byAddress = new Map<Addr, Rq>();
  /** Programs that a run waits for: all but kernel threads. */
  #programs = 0;
  #resumptions = 0;
  #sequence = 0;
  /** The latest time that any task's code reached. */
  #reached = 0;
  #exitCode: number | null = null;
  #beforeResume: ((task: Task) => void) | undefined;
  /** The CPU whose code runs now. */
  #running: Rq | null = null;
  /** Whose code runs now. */
  #thread: Thread | null = null;
  /** Time stands still while a replayed task takes over a CPU. */
  #frozen = false;
  /** Sections with interrupts off, nested. */
  #held = 0;
  /** Virtual time up to which the code that runs now may go on without giving way. */
  #until = -Infinity;
  /** A task that is being made: its first run is `wake_up_new_task`'s. */
  newborn: Task | null = null;

  /** For a kernel whose clock, events and tasks are there already. */
  constructor(k: Kernel) {
    this.#k = k;
    this.sleepTimers = new SleepTimers(k);
    this.tunables = tunablesOf(k.cpus);
    k.clock.onLimit = () => this.#interruptRunning();
  }

  /** Tasks whose coroutine has not ended, but for kernel threads. */
  get alive(): number {
    return this.#programs;
  }

  /** True when nothing is left to do: no task is alive. */
  get idle(): boolean {
    return this.#programs === 0;
  }

  /** How often a task's code went on so far. */
  get resumptions(): number {
    return this.#resumptions;
  }

  /** Runnable tasks on all CPUs: `nr_running()`. */
  get nrRunning(): number {
    let running = 0;
    for (const rq of this.#rqs) running += rq?.nrRunning ?? 0;
    return running;
  }

  /** Whether `task` has a coroutine that did not end. */
  has(task: Task): boolean {
    return this.#threads.has(task);
  }

  /** A CPU's run queue. */
  rq(cpu: number): Rq {
    return this.#rqs[cpu] ??= this.#boot(cpu);
  }

  /** The run queue at an address, of a `struct rq` or of the `struct cfs_rq` in it. */
  rqAt(address: Addr): Rq | undefined {
    return this.#byAddress.get(address);
  }

  /** The task of a `struct sched_entity`. */
  taskOfEntity(se: Addr): Task | undefined {
    return this.#k.tasks.byAddress(se - SCHED.se.offset(this.#k));
  }

  /** `p->prio`. */
  prioOf(task: Task): number {
    return TASK.prio.get(this.#k, task.address);
  }

  /** `set_user_nice`: -20 to 19. */
  setNice(task: Task, nice: number): void {
    const k = this.#k;
    const { se } = task;
    const rq = this.rq(task.cpu);
    const before = se.weight;
    se.nice = nice;
    se.weight = se.policy === SCHED_IDLE ? WEIGHT_IDLEPRIO : weightOf(nice);
    if (se.onRq) rq.reweigh(se.weight - before);
    // 64-bit kernels keep ten more bits (`scale_load`).
    SCHED.weight.set(k, task.address, k.arch.wordSize === 8 ? se.weight * 1024 : se.weight);
    TASK.staticPrio.set(k, task.address, DEFAULT_PRIO + nice);
    if (se.rtPriority > 0) return;
    TASK.normalPrio.set(k, task.address, DEFAULT_PRIO + nice);
    TASK.prio.set(k, task.address, DEFAULT_PRIO + nice);
  }

  /** Whether a CPU's code runs now. */
  isRunning(rq: Rq): boolean {
    return rq === this.#running;
  }

  /** Whether kernel code of a task runs on a CPU now, or has run ahead of the time that it is. */
  inKernel(rq: Rq): boolean {
    if (rq.reached > this.#k.clock.now) return true;
    const until = this.#threads.get(rq.curr)?.userUntil ?? Number.NaN;
    return rq === this.#running && rq.curr !== rq.idle && until !== until;
  }

  /** Whether a recording says when a task goes on. */
  isFirm(task: Task): boolean {
    const thread = this.#threads.get(task);
    return thread !== undefined &&
      (task.replayed || thread.firmUntil === thread.firmUntil ||
        thread.firmUser && thread.userUntil === thread.userUntil);
  }

  /** The record of a task's coroutine. */
  thread(task: Task): Thread | undefined {
    return this.#threads.get(task);
  }

  /**
   * Gives a task its program, which begins at virtual time `at`.
   *
   * @throws {Error} When the task runs one already
   */
  spawn(
    task: Task,
    coroutine: Coroutine,
    at: number = this.#k.clock.now,
    { daemon = false, asleep = false }: SpawnOptions = {},
  ): void {
    if (this.#threads.has(task)) {
      throw new Error(`Cannot start a program in ${task.comm} (${task.pid}): it runs one already`);
    }
    const thread = newThread(task, coroutine, at, daemon);
    this.#threads.set(task, thread);
    if (!daemon) this.#programs++;
    if (asleep || task === this.newborn) return;
    thread.claim = this.#k.events.at(at, () => {
      thread.claim = null;
      const rq = activate(this.#k, task);
      if (rq.curr === rq.idle && rq.reached <= this.#k.clock.now) this.#begin(rq, thread);
      else if (rq.curr === rq.idle || thread.daemon) reschedule(this.#k, rq);
    });
  }

  /** A task that was just made is on a CPU's queue: a replayed one begins at once there, if the CPU is idle. */
  begin(rq: Rq, task: Task): void {
    const thread = this.#threads.get(task);
    if (thread === undefined) return;
    if (task.replayed && rq.curr === rq.idle && rq.reached <= this.#k.clock.now) this.#begin(rq, thread);
    else if (rq.curr === rq.idle) reschedule(this.#k, rq);
    else if (this.isFirm(task)) {
      rq.claims.push(task);
      reschedule(this.#k, rq);
    }
  }

  /** A program begins on an idle CPU, as if it had been running before: that takes no time. */
  #begin(rq: Rq, thread: Thread): void {
    const { clock } = this.#k;
    const idle = this.#threads.get(rq.idle);
    this.#turnOf(rq, () => {
      rq.needResched = true;
      clock.owed = Infinity;
      if (idle !== undefined) this.#resume(rq, idle);
      clock.owed = 0;
      clock.stolen = 0;
      if (rq.curr === thread.task) thread.started = true;
      this.#goOn(rq);
    });
  }

  /**
   * Runs `handler` in interrupt context on `cpu` at virtual time `at`, or as soon as the kernel code that runs there by
   * then is done. It is told which task it interrupted, and whether in user space.
   */
  interrupt(cpu: number, at: number, handler: InterruptHandler): PendingInterrupt {
    const rq = this.rq(cpu);
    const raised: RaisedInterrupt = { time: at, sequence: this.#sequence++, handler, cancelled: false };
    const { interrupts } = rq;
    let place = interrupts.length;
    while (place > 0 && (interrupts[place - 1] as RaisedInterrupt).time > at) place--;
    interrupts.splice(place, 0, raised);
    if (place === 0) this.#moved(rq);
    return {
      cancel: () => {
        const where = interrupts.indexOf(raised);
        if (where < 0) return false;
        interrupts.splice(where, 1);
        if (where === 0) this.#moved(rq);
        return true;
      },
    };
  }

  /** Turns interrupts off for the running code, until `release`: nested. */
  hold(): void {
    this.#held++;
    this.#k.clock.limit = Infinity;
  }

  /** Turns interrupts on again; what is due comes with the next time that passes. */
  release(): void {
    this.#held--;
    if (this.#held === 0) this.#setLimit();
  }

  /**
   * Wakes a task that waits in the kernel, at `at` or now; never before it began to wait. A task that runs keeps the
   * wake-up for its next wait.
   */
  wake(task: Task, at: number = this.#k.clock.now): void {
    if (at > this.#k.clock.now) {
      this.#k.events.at(at, () => this.wake(task));
      return;
    }
    const thread = this.#threads.get(task);
    if (thread === undefined || thread.state === "done") return;
    if (task.state === TASK_RUNNING || thread === this.#thread) thread.woken = true;
    if (task.state !== TASK_RUNNING) wake(this.#k, task);
  }

  /**
   * The running task computes in user space until virtual time `until`. True where nothing else happens before: the time
   * has passed, and the task goes on at once. Else it has to `yield userTime(until)`.
   */
  compute(until: number): boolean {
    const rq = this.#running;
    const thread = this.#thread;
    const { clock, events } = this.#k;
    if (
      rq === null || thread === null || until > this.#until || !(events.nextTime > until) || rq.needResched ||
      this.#exitCode !== null || thread.nested !== null || rq.curr !== thread.task
    ) return false;
    const next = rq.interrupts[0];
    if (next !== undefined && next.time <= until) return false;
    const { now } = clock;
    if (until > now) {
      thread.task.se.userTime += until - now;
      rq.userTime += until - now;
      clock.now = until;
    }
    thread.woken = false;
    clock.owed = 0;
    clock.stolen = 0;
    this.#resumptions++;
    return true;
  }

  /** A task that computes in user space looks at its signals now: its computing is cut short. */
  kick(task: Task): void {
    const thread = this.#threads.get(task);
    if (thread === undefined || task.replayed) return;
    thread.userLeft = Math.min(thread.userLeft, 0);
    if (thread.state !== "user") return;
    const rq = this.rq(task.cpu);
    thread.userUntil = Math.min(thread.userUntil, Math.max(this.#k.clock.now, rq.reached));
    this.#arm(rq);
  }

  /** Ends a task's program wherever it stands, as a fatal signal does once the kernel has let go of it. */
  kill(task: Task): void {
    const thread = this.#threads.get(task);
    if (thread === undefined) return;
    this.#end(thread);
    // It had no chance to stop the timers on its stack.
    const end = task.stackBase + this.#k.arch.threadSize;
    this.#k.hrtimers.forget(task.stackBase, end);
    this.#k.timers.forget(task.stackBase, end);
    const rq = this.rq(task.cpu);
    if (rq.curr === task && this.#thread !== thread) {
      // It has a CPU: that gives it to another one.
      this.#as(rq, task, () => leave(this.#k, rq));
      rq.goesOn = true;
      this.#arm(rq);
    } else if (task.se.onRq && rq.curr !== task) detach(this.#k, rq, task);
  }

  #end(thread: Thread): void {
    if (thread.state === "done") return;
    if (thread.claim !== null) this.#k.events.cancel(thread.claim);
    thread.claim = null;
    this.sleepTimers.cancel(thread);
    thread.state = "done";
    this.#threads.delete(thread.task);
    if (!thread.daemon) this.#programs--;
  }

  /** Asks the run to stop before the next event. */
  requestExit(code = 0): void {
    this.#exitCode ??= code;
  }

  /** Whether a stop was asked for. */
  get exitRequested(): boolean {
    return this.#exitCode !== null;
  }

  /**
   * Runs until every task has ended, `until` (a virtual time) is reached, something asks to stop, or nothing will wake
   * those that are left. Can be called again to go on. What a coroutine throws comes out; its task is then ended.
   */
  run(until: number = Infinity, options: RunOptions = {}): RunOutcome {
    const k = this.#k;
    this.#refuseInHandler();
    const idleLimit = options.idleLimit ?? IDLE_LIMIT;
    let lastRun = k.clock.now;
    for (;;) {
      if (this.#exitCode !== null) {
        return { reason: "exit", time: this.#settle(), code: this.#exitCode };
      }
      const limit = this.idle ? Math.min(until, this.#reached) : until;
      const next = k.events.nextTime;
      if (this.idle && !(next <= limit)) return { reason: "done", time: this.#settle() };
      if (next === Infinity || (next - lastRun > idleLimit && !this.#anyScheduled())) {
        return { reason: "deadlock", time: this.#settle(), blocked: this.blocked() };
      }
      if (next > limit) {
        k.clock.now = until;
        return { reason: "until", time: until };
      }
      const before = this.#resumptions;
      this.#until = options.beforeResume === undefined ? until : -Infinity;
      this.#event(options.beforeResume);
      if (this.#resumptions !== before) lastRun = k.clock.now;
    }
  }

  /** A handler runs while its task's CPU does nothing else: nothing can go on meanwhile. */
  #refuseInHandler(): void {
    const { kprobes, current } = this.#k;
    const running = kprobes.currentOn(current.cpu);
    if (running === null) return;
    throw new Error(
      `Cannot run the scheduler inside a handler of the probe "${running.label}": the task that it interrupted goes ` +
        "on when it returns; stop the run with scheduler.requestExit, or run on when the run is over",
    );
  }

  /** Lets one task go on until it waits; events before that happen too. False when no task will go on. */
  step(options: RunOptions = {}): boolean {
    const k = this.#k;
    this.#refuseInHandler();
    const before = this.#resumptions;
    const start = k.events.nextTime;
    const limit = options.idleLimit ?? IDLE_LIMIT;
    while (this.#resumptions === before) {
      const next = k.events.nextTime;
      if (this.#exitCode !== null || next === Infinity || this.idle) return false;
      if (next - start > limit && !this.#anyScheduled()) return false;
      this.#event(options.beforeResume);
    }
    return true;
  }

  /** The tasks that wait in the kernel without a time, by pid. */
  blocked(): readonly BlockedTask[] {
    const tasks: BlockedTask[] = [];
    for (const { task, state, since, daemon, claim } of this.#threads.values()) {
      if (state !== "asleep" || daemon || claim !== null) continue;
      const functions: string[] = [];
      for (let depth = task.depth - 1; depth >= 0; depth--) {
        const { name } = task.frames[depth]!.fn;
        if (name !== "") functions.push(name);
      }
      tasks.push({ pid: task.pid, comm: task.comm, syscall: task.request?.name ?? null, functions, since });
    }
    return tasks.sort((a, b) => a.pid - b.pid);
  }

  /** A task lost its CPU or got one: what the machine notes of it. Called by `schedule`, before `next` goes on. */
  switched(rq: Rq, prev: Task, next: Task): void {
    const thread = this.#threads.get(prev);
    if (thread !== undefined) {
      thread.since = this.#k.clock.now;
      thread.state = prev.state === TASK_RUNNING ? "runnable" : "asleep";
      if (thread.firmUser && thread.userUntil === thread.userUntil && thread.claim === null) {
        const at = Math.max(thread.userUntil - CLAIM_LATENCY, this.#k.clock.now);
        thread.claim = this.#k.events.at(at, () => this.#claim(thread));
      }
    }
    const { now } = this.#k.clock;
    if (prev === rq.idle) rq.idleTime += Math.max(0, now - rq.idleSince);
    else if (next === rq.idle) rq.idleSince = now;
    rq.curr = next;
    this.#k.calls.rest(prev);
  }

  /** Something changed on a CPU that is not the running one, or will once the running code gives way. */
  touch(rq: Rq): void {
    if (rq !== this.#running) this.#arm(rq);
  }

  /** A recorded time has come for a task without CPU: it gets one where no kernel code runs. */
  #claim(thread: Thread): void {
    thread.claim = null;
    const k = this.#k;
    const { task } = thread;
    const rq = this.rq(task.cpu);
    if (!task.se.onRq || rq.curr === task) return;
    const target = selectForClaim(k, task);
    if (target !== rq) migrate(k, rq, target, task);
    target.claims.push(task);
    reschedule(k, target);
  }

  #event(beforeResume: ((task: Task) => void) | undefined): void {
    this.#beforeResume = beforeResume;
    try {
      this.#k.events.runNext(this.#k.clock);
    } finally {
      this.#beforeResume = undefined;
      this.#until = -Infinity;
    }
  }

  #boot(cpu: number): Rq {
    const rq = new Rq(this.#k, cpu);
    this.#rqs[cpu] = rq;
    this.#byAddress.set(rq.address, rq);
    this.#byAddress.set(rq.cfs, rq);
    const idle = newThread(rq.idle, idleProgram(this.#k, rq.idle), 0, true);
    this.#threads.set(rq.idle, idle);
    // It idles since it booted: that time is long past.
    const reached = rq.reached;
    this.#as(rq, rq.idle, () => idle.coroutine.next());
    rq.reached = reached;
    idle.started = true;
    return rq;
  }

  /** Sees to it that a CPU's next event is what happens next on it. */
  #arm(rq: Rq): void {
    if (rq === this.#running) return;
    let due = Infinity;
    const irq = rq.interrupts[0];
    if (irq !== undefined) due = Math.max(irq.time, rq.reached);
    if (rq.goesOn) due = Math.min(due, rq.reached);
    else {
      const until = this.#threads.get(rq.curr)?.userUntil ?? Number.NaN;
      if (until === until) due = Math.min(due, Math.max(until, rq.reached));
    }
    const { events } = this.#k;
    if (rq.event !== null) {
      if (rq.event.time === due) return;
      events.cancel(rq.event);
    }
    rq.event = due === Infinity ? null : events.at(due, () => this.#turn(rq));
  }

  /** The first interrupt of a CPU is another one. */
  #moved(rq: Rq): void {
    if (rq === this.#running) this.#setLimit();
    else this.#arm(rq);
  }

  #setLimit(): void {
    this.#k.clock.deferred?.settle();
    this.#k.clock.limit = this.#held > 0 || this.#running === null
      ? Infinity
      : this.#running.interrupts[0]?.time ?? Infinity;
  }

  /** A CPU's turn: an interrupt, or the code of the task that has it. */
  #turn(rq: Rq): void {
    rq.event = null;
    if (this.#k.clock.now < rq.reached) this.#k.clock.now = rq.reached;
    this.#turnOf(rq, () => {
      if (rq.goesOn || !this.#takeInterrupt(rq)) this.#goOn(rq);
    });
  }

  #turnOf(rq: Rq, code: () => void): void {
    const { clock, tasks } = this.#k;
    this.#running = rq;
    this.#frozen = rq.frozen;
    rq.frozen = false;
    clock.owed = this.#frozen ? Infinity : 0;
    clock.stolen = 0;
    try {
      code();
    } finally {
      this.#running = null;
      this.#thread = null;
      clock.limit = Infinity;
      clock.owed = 0;
      clock.stolen = 0;
      if (rq.reached < clock.now) rq.reached = clock.now;
      this.#k.calls.rest(rq.curr);
      this.#enter(tasks.idle);
      this.#arm(rq);
    }
  }

  /** Handles the interrupt that is due while a CPU is idle or in user space; the CPU may change hands then. */
  #takeInterrupt(rq: Rq): boolean {
    const { clock } = this.#k;
    const irq = rq.interrupts[0];
    if (irq === undefined || irq.time > clock.now) return false;
    rq.interrupts.shift();
    const task = rq.curr;
    const thread = this.#threads.get(task);
    const user = thread !== undefined && thread.userUntil === thread.userUntil;
    const start = clock.now;
    if (user) userSpent(rq, task, start - thread.userSince);
    this.#enter(task);
    this.#held++;
    if (rq.claims.length > 0) this.#freeze();
    try {
      irq.handler(task, user);
    } finally {
      this.#held--;
      if (user) {
        if (!thread.firmUser) thread.userUntil += clock.now - start;
        thread.userSince = clock.now;
      }
    }
    if (!rq.needResched || user && thread.firmUser && thread.userUntil <= clock.now) return true;
    if (user) this.#preempt(rq, thread, "interrupt");
    this.#goOn(rq);
    return true;
  }

  /** An interrupt comes while kernel code runs. */
  #interruptRunning(): void {
    const rq = this.#running;
    const { clock, calls } = this.#k;
    const irq = rq?.interrupts[0];
    if (rq === null || irq === undefined || this.#held > 0) {
      clock.limit = Infinity;
      return;
    }
    rq.interrupts.shift();
    const task = this.#k.current;
    const start = clock.now;
    const owed = clock.owed;
    clock.owed = 0;
    clock.limit = Infinity;
    this.#held++;
    try {
      calls.aside(() => irq.handler(task, false));
    } finally {
      this.#held--;
      const took = clock.now - start;
      clock.stolen += took;
      clock.owed = owed + (task.request?.recorded === undefined ? 0 : took);
      this.#setLimit();
    }
  }

  /** A replayed task takes the CPU: the change takes no time, so that both go on when they were recorded to. */
  #freeze(): void {
    this.#frozen = true;
    this.#k.clock.owed = Infinity;
  }

  #thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#k.clock.owed = 0;
    this.#k.clock.stolen = 0;
  }

  /** Puts the way through `schedule` before what a task does next. */
  #preempt(rq: Rq, thread: Thread, from: "interrupt" | "syscall"): void {
    const { clock } = this.#k;
    if (rq.claims.length > 0) this.#freeze();
    if (thread.userUntil === thread.userUntil && !thread.firmUser) {
      thread.userLeft = Math.max(0, thread.userUntil - clock.now);
      thread.userUntil = Number.NaN;
    }
    thread.nested = givesWay(this.#k, rq.curr, from);
  }

  /** The task that has a CPU goes on with its code, until it gives way. */
  #goOn(rq: Rq): void {
    const { clock, events } = this.#k;
    for (;;) {
      const { curr } = rq;
      const thread = this.#threads.get(curr);
      rq.goesOn = false;
      if (thread === undefined) {
        throw new Error(`Nothing runs in ${curr.comm} (${curr.pid}), which has CPU ${rq.cpu}`);
      }
      const wait = this.#resume(rq, thread);
      if (wait === SWITCH) {
        // Where nothing else happens before, the next task goes on in the same turn.
        if (events.nextTime > clock.now && this.#exitCode === null && this.#until >= clock.now) {
          if (rq.reached < clock.now) rq.reached = clock.now;
          if (!this.#frozen) {
            clock.owed = 0;
            clock.stolen = 0;
          }
          continue;
        }
        rq.goesOn = true;
        rq.frozen = this.#frozen;
      }
      return;
    }
  }

  /** Runs a thread's code up to where it gives way: `SWITCH`, or user time or `HALT`, in which its CPU rests. */
  #resume(rq: Rq, thread: Thread): Wait {
    const { clock } = this.#k;
    const { task } = thread;
    if (thread.userUntil === thread.userUntil && thread.nested === null) {
      userSpent(rq, task, Math.max(0, clock.now - thread.userSince));
      thread.userUntil = Number.NaN;
      if (thread.claim !== null) this.#k.events.cancel(thread.claim);
      thread.claim = null;
    }
    thread.state = "runnable";
    this.#enter(task);
    this.#thread = thread;
    this.#setLimit();
    if (task.pid !== 0) {
      this.#beforeResume?.(task);
      this.#resumptions++;
    }
    if (!thread.started) {
      thread.started = true;
      if (task.pid !== 0) startsRunning(this.#k, task);
    }
    try {
      for (;;) {
        const { nested } = thread;
        thread.woken = thread.woken && nested !== null;
        if (nested === null) this.#thaw();
        const next = (nested ?? thread.coroutine).next();
        if (nested !== null && next.done === true) {
          thread.nested = null;
          // Back to the code that waited, or to user space, unless somebody wants the CPU again by now.
          const firm = thread.userUntil === thread.userUntil;
          if (!firm && thread.userLeft < 0) continue;
          // Whose recorded time has come makes its call first.
          if (rq.needResched && !(firm && thread.userUntil <= clock.now)) {
            this.#preempt(rq, thread, "syscall");
            continue;
          }
          const until = firm ? thread.userUntil : clock.now + thread.userLeft;
          thread.userLeft = -1;
          return this.#toUser(thread, { until, user: true, firm });
        }
        if (next.done === true) {
          this.#end(thread);
          if (rq.curr === task) leave(this.#k, rq);
          return SWITCH;
        }
        const wait = next.value;
        if (wait === SWITCH || wait === HALT) return wait;
        if ("user" in wait) {
          const time = wait as UserTime;
          if (!rq.needResched) return this.#toUser(thread, time);
          thread.firmUser = time.firm === true;
          thread.userUntil = time.until;
          thread.userSince = clock.now;
          this.#preempt(rq, thread, "syscall");
        } else thread.nested = rawSleep(this.#k, task, wait);
      }
    } catch (error) {
      this.#end(thread);
      // It ended outside of a system call: in a fault of user space's, or as a kernel thread.
      if (error instanceof TaskExit && error.task === task) {
        exited(this.#k, task, error);
        this.#held = 0;
        if (rq.curr === task) leave(this.#k, rq);
        return SWITCH;
      }
      if (rq.curr === task) {
        this.#k.calls.unwind(task);
        this.#held = 0;
        leave(this.#k, rq);
      }
      rq.goesOn = true;
      throw error;
    } finally {
      if (this.#reached < clock.now && task.pid !== 0 && !thread.daemon) this.#reached = clock.now;
    }
  }

  #toUser(thread: Thread, wait: UserTime): Wait {
    const { clock } = this.#k;
    this.#thaw();
    if (thread.claim !== null) this.#k.events.cancel(thread.claim);
    thread.claim = null;
    thread.state = "user";
    thread.firmUser = wait.firm === true;
    thread.userUntil = Math.max(wait.until, clock.now);
    thread.userSince = clock.now;
    thread.since = clock.now;
    return wait;
  }

  /** Runs kernel code in the name of a CPU whose turn it is not, at the time that it has got to. */
  #as(rq: Rq, task: Task, code: () => unknown): void {
    const { clock } = this.#k;
    const outer = { now: clock.now, current: this.#k.current, running: this.#running, limit: clock.limit };
    clock.now = Math.max(clock.now, rq.reached);
    this.#enter(task);
    this.#held++;
    clock.limit = Infinity;
    try {
      code();
    } finally {
      this.#held--;
      rq.reached = clock.now;
      clock.now = outer.now;
      clock.limit = outer.limit;
      this.#enter(outer.current);
    }
  }

  #enter(task: Task): void {
    this.#k.current = task;
    this.#k.memory.user = task.userSpace;
  }

  #anyScheduled(): boolean {
    for (const thread of this.#threads.values()) {
      if (thread.daemon) continue;
      if (thread.state !== "asleep" || thread.claim !== null) return true;
    }
    return this.#k.hrtimers.size > this.#k.tick.queued;
  }

  /** The clock at the end of a run: no task's code was later. */
  #settle(): number {
    const clock = this.#k.clock;
    if (clock.now < this.#reached) clock.now = this.#reached;
    return clock.now;
  }
}

/** Time in user space counts for the task and for its CPU. */
function userSpent(rq: Rq, task: Task, ns: number): void {
  task.se.userTime += ns;
  rq.userTime += ns;
}

function newThread(task: Task, coroutine: Coroutine, since: number, daemon: boolean): Thread {
  return {
    task,
    coroutine,
    daemon,
    nested: null,
    state: "asleep",
    started: false,
    since,
    userUntil: Number.NaN,
    userSince: 0,
    userLeft: -1,
    firmUser: false,
    claim: null,
    firmUntil: Number.NaN,
    woken: false,
    sleeper: 0,
  };
}
