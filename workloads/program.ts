/**
 * User programs written here: generators over `Sys`, each run by a task of its own.
 *
 * @module
 */

import type { MountedDisk } from "../kernel/fs/ext4/mount.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Coroutine } from "../kernel/sched/coroutine.ts";
import type { Wait } from "../kernel/calls/function.ts";
import type { Task } from "../kernel/process/task.ts";
import { Counter } from "./counter.ts";
import { Handlers } from "./handlers.ts";
import { ProgramExit, Sys } from "./sys.ts";
import type { Workload, WorkloadReport } from "./workload.ts";

/** A step of a user program: it may wait, and ends with a value. */
export type Steps<T> = Generator<Wait, T, void>;

/** A user program: makes system calls through `sys`. What it returns is its exit status; nothing is 0. */
export type UserProgram = (sys: Sys) => Steps<number | void>;

/** A program that a workload starts with. */
export interface StartedProgram {
  /** What it does. */
  readonly program: UserProgram;
  /** Process id; the next free one by default. */
  readonly pid?: number;
  /** Command name before its first `execve`. Default `sh`, as if a shell had just forked it. */
  readonly comm?: string;
  /** User and group id. Default 0. */
  readonly uid?: number;
  /** Virtual time at which it starts, in nanoseconds. Default 0. */
  readonly at?: number;
}

/** What a workload of programs is made of. */
export interface ProgramWorkload {
  /** Its name in reports. */
  readonly name: string;
  /** One line for lists. */
  readonly description: string;
  /** What starts it off. */
  readonly programs: readonly StartedProgram[];
  /** Puts files in place before the programs start. */
  readonly prepare?: (k: Kernel) => void;
  /** Disks that a kernel should be booted with for it. */
  readonly disks?: readonly MountedDisk[];
}

/**
 * A workload out of programs.
 *
 * ```ts
 * import { programWorkload } from "./program.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const touch = programWorkload({
 *   name: "touch",
 *   description: "makes a file",
 *   programs: [{
 *     comm: "touch",
 *     *program(sys) {
 *       const fd = yield* sys.open("/tmp/new", "O_WRONLY|O_CREAT", 0o644);
 *       return fd < 0 ? 1 : yield* sys.close(fd);
 *     },
 *   }],
 * });
 * assertEquals(touch.name, "touch");
 * ```
 */
export function programWorkload(definition: ProgramWorkload): Workload {
  return new Programs(definition);
}

/** What the programs of one run share. */
export class ProgramRun {
  readonly kernel: Kernel;
  readonly leftOut: Counter = new Counter();
  readonly unknown: Counter = new Counter();
  calls = 0;
  /** What the child of a fork runs that is being made, by parent. */
  readonly children: Map<Task, UserProgram> = new Map();
  /** Where the id of a thread lies that nobody has waited for, by that id. */
  readonly threads: Map<number, number> = new Map();
  /** Handlers of signals. */
  readonly handlers: Handlers = new Handlers();

  constructor(k: Kernel) {
    this.kernel = k;
    const before = k.tasks.onNewTask;
    k.tasks.onNewTask = (task) => {
      before?.(task);
      // Whoever makes it runs now; a thread's parent is its process' parent.
      const program = this.children.get(k.current);
      if (program === undefined) return;
      this.children.delete(k.current);
      this.spawn(task, program, k.clock.now);
    };
  }

  /** Gives `task` its program. */
  spawn(task: Task, program: UserProgram, at: number): void {
    this.kernel.scheduler.spawn(task, this.#life(task, program), at);
  }

  *#life(task: Task, program: UserProgram): Coroutine {
    const sys = new Sys(this, task);
    try {
      const status = yield* program(sys);
      const code = typeof status === "number" ? status : 0;
      if (task.leader === task) yield* sys.exit(code);
      else yield* sys.exitThread(code);
    } catch (error) {
      if (!(error instanceof ProgramExit) || error.task !== task) throw error;
    }
  }
}

class Programs implements Workload {
  readonly name: string;
  readonly description: string;
  readonly disks: readonly MountedDisk[];
  readonly #definition: ProgramWorkload;
  #run: ProgramRun | null = null;

  constructor(definition: ProgramWorkload) {
    this.name = definition.name;
    this.description = definition.description;
    this.disks = definition.disks ?? [];
    this.#definition = definition;
  }

  start(k: Kernel): void {
    const run = new ProgramRun(k);
    this.#run = run;
    this.#definition.prepare?.(k);
    for (const { program, pid, comm = "sh", uid = 0, at = 0 } of this.#definition.programs) {
      const task = k.tasks.create({ comm, uid, gid: uid, ...(pid === undefined ? {} : { pid }) });
      run.spawn(task, program, k.clock.now + at);
    }
  }

  report(): WorkloadReport {
    const run = this.#run;
    if (run === null) throw new Error(`Cannot report on the workload ${this.name}: it was not started`);
    const { unmodeled, warnings } = run.kernel.syscalls;
    return {
      workload: this.name,
      calls: run.calls,
      leftOut: run.leftOut.sorted(),
      unmodeled: new Map([...unmodeled].sort(([a], [b]) => (a < b ? -1 : 1))),
      signals: new Map(),
      unknownArguments: run.unknown.sorted(),
      warnings: [...warnings],
    };
  }
}
