/**
 * The scheduler: interleaves the tasks' coroutines by virtual time.
 *
 * A resumption is an event of the kernel's queue, so timers and tasks are in one total order. When a task resumes at
 * time t the clock becomes t, `k.current` and `k.memory.user` become the task's; it then runs until it yields.
 *
 * @module
 */

import type { Wait } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import type { Coroutine, Thread } from "./coroutine.ts";
import { Cpus } from "./cpus.ts";
import type { BlockedTask, RunOutcome } from "./outcome.ts";
import { fireSwitchIn, fireSwitchOut, fireTimerWakeup, fireWakeup } from "./tracepoints.ts";

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

const IDLE_LIMIT = 1000e9;

/** The tasks' coroutines of one kernel. */
export class Scheduler {
  readonly #k: Kernel;
  readonly #threads = new Map<Task, Thread>();
  readonly #cpus: Cpus;
  /** Who computes in user space on each CPU. */
  readonly #computing: (Thread | null)[];
  /** Programs that a run waits for: all but kernel threads. */
  #programs = 0;
  #resumptions = 0;
  /** The latest time that any task's code reached. */
  #reached = 0;
  #exitCode: number | null = null;
  #beforeResume: ((task: Task) => void) | undefined;
  /** Whose code runs now. */
  #running: Thread | null = null;
  /** Virtual time up to which the code that runs now may go on without giving way. */
  #until = -Infinity;

  /** For a kernel whose clock, events and CPUs are there already. */
  constructor(k: Kernel) {
    this.#k = k;
    this.#cpus = new Cpus(k.cpus);
    this.#computing = new Array<Thread | null>(k.cpus).fill(null);
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

  /** Whether `task` has a coroutine that did not end. */
  has(task: Task): boolean {
    return this.#threads.has(task);
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
    const thread: Thread = {
      task,
      coroutine,
      state: asleep ? "blocked" : "ready",
      event: null,
      since: at,
      firm: false,
      woken: false,
      daemon,
    };
    this.#threads.set(task, thread);
    if (!daemon) this.#programs++;
    if (!asleep) this.#schedule(thread, at);
  }

  /**
   * Runs `handler` in interrupt context on `cpu` at virtual time `at`, or as soon as the kernel code that runs there by
   * then is done. It is told which task it interrupted, and whether in user space.
   */
  interrupt(cpu: number, at: number, handler: (task: Task, user: boolean) => void): PendingInterrupt {
    const { events } = this.#k;
    const deliver = (): void => {
      const reached = this.#cpus.reached(cpu);
      if (reached > this.#k.clock.now) event = events.at(reached, deliver);
      else this.#interrupted(cpu, handler);
    };
    let event = events.at(Math.max(at, 0), deliver);
    return { cancel: () => events.cancel(event) };
  }

  #interrupted(cpu: number, handler: (task: Task, user: boolean) => void): void {
    const { clock, tasks } = this.#k;
    const task = this.#computing[cpu]?.task ?? tasks.idleOf(cpu);
    this.#enter(task);
    try {
      handler(task, task.pid !== 0);
    } finally {
      this.#cpus.reach(cpu, clock.now);
      this.#enter(tasks.idle);
    }
  }

  /**
   * Wakes a task that waits in the kernel, at `at` or now; never before it began to wait. A task that runs keeps the
   * wake-up for its next wait; one that is on its way already keeps the earlier time.
   */
  wake(task: Task, at: number = this.#k.clock.now): void {
    const thread = this.#threads.get(task);
    if (thread === undefined || thread.state === "user" || thread.state === "done") return;
    if (thread.state === "running") {
      thread.woken = true;
      return;
    }
    if (thread.firm) return;
    const time = Math.max(at, thread.since);
    if (thread.event !== null) {
      if (thread.event.time <= time) return;
      this.#k.events.cancel(thread.event);
    }
    thread.state = "ready";
    fireWakeup(this.#k, task, this.#cpus.pick(task.cpu, time));
    this.#schedule(thread, time);
  }

  /**
   * The running task computes in user space until virtual time `until`. True where nothing else happens before: the time
   * has passed, and the task goes on at once. Else it has to `yield userTime(until)`.
   */
  compute(until: number): boolean {
    const thread = this.#running;
    const { clock, events } = this.#k;
    if (thread === null || until > this.#until || !(events.nextTime > until) || this.#exitCode !== null) {
      return false;
    }
    // All that giving way and going on comes to.
    const { cpu } = thread.task;
    const { now } = clock;
    if (now > this.#reached) this.#reached = now;
    this.#cpus.reach(cpu, now);
    this.#cpus.occupy(cpu, until);
    if (until > now) clock.now = until;
    thread.since = now;
    thread.woken = false;
    this.#resumptions++;
    return true;
  }

  /** A task that computes in user space looks at its signals now: its computing is cut short. */
  kick(task: Task): void {
    const thread = this.#threads.get(task);
    if (thread === undefined || thread.state !== "user" || thread.event === null || task.replayed) return;
    const time = Math.max(this.#k.clock.now, thread.since);
    if (thread.event.time <= time) return;
    this.#k.events.cancel(thread.event);
    this.#schedule(thread, time);
  }

  /** Ends a task's program wherever it stands, as a fatal signal does once the kernel has let go of it. */
  kill(task: Task): void {
    const thread = this.#threads.get(task);
    if (thread === undefined) return;
    if (thread.event !== null) this.#k.events.cancel(thread.event);
    thread.event = null;
    this.#end(thread);
  }

  #end(thread: Thread): void {
    thread.state = "done";
    this.#threads.delete(thread.task);
    if (this.#computing[thread.task.cpu] === thread) this.#computing[thread.task.cpu] = null;
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

  /** Lets one task go on until it waits; events before that happen too. False when no task will go on. */
  step(options: RunOptions = {}): boolean {
    const k = this.#k;
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
    for (const { task, state, event, since, daemon } of this.#threads.values()) {
      if (state !== "blocked" || event !== null || daemon) continue;
      const functions: string[] = [];
      for (let depth = task.depth - 1; depth >= 0; depth--) functions.push(task.frames[depth]!.fn.name);
      tasks.push({ pid: task.pid, comm: task.comm, syscall: task.request?.name ?? null, functions, since });
    }
    return tasks.sort((a, b) => a.pid - b.pid);
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

  #schedule(thread: Thread, at: number): void {
    thread.event = this.#k.events.at(at, () => this.#resume(thread));
  }

  #resume(thread: Thread): void {
    const k = this.#k;
    const { task } = thread;
    const before = thread.state;
    thread.event = null;
    if (before !== "user") {
      const cpu = this.#cpus.pick(task.cpu, k.clock.now);
      const free = this.#cpus.reached(cpu);
      if (free > k.clock.now) {
        this.#schedule(thread, free);
        return;
      }
    }
    thread.state = "running";
    if (this.#computing[task.cpu] === thread) this.#computing[task.cpu] = null;
    thread.firm = false;
    if (before !== "user") {
      const cpu = this.#cpus.pick(task.cpu, k.clock.now);
      if (cpu !== task.cpu) task.cpu = cpu;
      // Its time came: the timer interrupt wakes it.
      if (before === "blocked") fireTimerWakeup(k, task, cpu);
      fireSwitchIn(k, task);
    }
    this.#enter(task);
    this.#beforeResume?.(task);
    this.#resumptions++;
    this.#running = thread;
    try {
      const wait = this.#advance(thread);
      thread.since = k.clock.now;
      // `kill` may have ended it from within.
      if (thread.state === "running") this.#park(thread, wait);
    } catch (error) {
      this.kill(task);
      throw error;
    } finally {
      this.#running = null;
      k.calls.rest(task);
      this.#reached = Math.max(this.#reached, k.clock.now);
      this.#cpus.reach(task.cpu, k.clock.now);
      this.#enter(k.tasks.idle);
    }
  }

  /** Runs its code up to the next wait, or to its end (null). */
  #advance(thread: Thread): Wait | null {
    for (;;) {
      thread.woken = false;
      const next = thread.coroutine.next();
      if (next.done === true) return null;
      // A wake-up that came while it ran ends a wait for one at once.
      if (!thread.woken || next.value.until !== undefined) return next.value;
    }
  }

  #park(thread: Thread, wait: Wait | null): void {
    const { task } = thread;
    if (wait === null) {
      this.#end(thread);
      fireSwitchOut(this.#k, task);
      return;
    }
    const { until } = wait;
    thread.state = "user" in wait ? "user" : "blocked";
    thread.firm = wait.firm === true && until !== undefined;
    if (thread.state === "blocked") fireSwitchOut(this.#k, task);
    if (until === undefined) return;
    if (thread.state === "user") {
      this.#cpus.occupy(task.cpu, until);
      this.#computing[task.cpu] = thread;
    }
    this.#schedule(thread, Math.max(until, thread.since));
  }

  #enter(task: Task): void {
    this.#k.current = task;
    this.#k.memory.user = task.userSpace;
  }

  #anyScheduled(): boolean {
    for (const thread of this.#threads.values()) if (thread.event !== null) return true;
    return false;
  }

  /** The clock at the end of a run: no task's code was later. */
  #settle(): number {
    const clock = this.#k.clock;
    if (clock.now < this.#reached) clock.now = this.#reached;
    return clock.now;
  }
}
