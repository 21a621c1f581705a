/**
 * A kernel at the prompt: it stands still until told to go on, and programs attach and detach in between.
 *
 * @module
 */

import type { Program } from "../graph/nodes.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Task } from "../kernel/process/task.ts";
import { describeOutcome } from "../kernel/sched/outcome.ts";
import { attach } from "../session/attach.ts";
import type { Session } from "../session/session.ts";
import type { Output } from "./context.ts";
import { programsOf } from "./programs.ts";

/** How far a step or run went. */
export interface Progress {
  /** Virtual time passed. */
  readonly passedNs: number;
  /** The task that went on last, or undefined when none did. */
  readonly task: Task | undefined;
  /** What there is to say about the end, once nothing is left to do. */
  readonly end: string | undefined;
}

/** A live kernel, what drives it, and what is attached. */
export class Live {
  readonly kernel: Kernel;
  /** Name of the workload that drives it. */
  readonly workload: string;
  readonly #out: Output;
  readonly #sessions: Session[] = [];
  #last: Task | undefined;

  constructor(kernel: Kernel, workload: string, out: Output) {
    this.kernel = kernel;
    this.workload = workload;
    this.#out = out;
  }

  /** What was attached, in order, detached programs included: their maps can still be read. */
  get sessions(): readonly Session[] {
    return this.#sessions;
  }

  /** The task that went on last. */
  get lastTask(): Task | undefined {
    return this.#last;
  }

  /** Attaches a program, a probe, or several. What they print comes out at once. */
  attach(given: unknown): Session {
    const [program, ...more] = programsOf(given);
    if (more.length > 0) {
      throw new TypeError("Cannot attach several programs at once: attach one after the other");
    }
    return this.#attach(program!);
  }

  #attach(program: Program): Session {
    const session = attach(program, this.kernel, { onText: (text: string) => this.#out.write(text) });
    this.#sessions.push(session);
    return session;
  }

  /** Lets `count` tasks go on, each until it waits or returns to user space; fewer once `enough` is true. */
  step(count: number, enough?: () => boolean): Progress {
    const start = this.kernel.now();
    let done = 0;
    let ended = false;
    while (done < count && !ended && enough?.() !== true) {
      ended = !this.kernel.scheduler.step({ beforeResume: (task) => this.#last = task });
      if (!ended) done++;
    }
    return {
      passedNs: this.kernel.now() - start,
      task: done > 0 ? this.#last : undefined,
      end: ended ? "Nothing is left to run" : undefined,
    };
  }

  /** Runs to the end, or until the clock reaches `until`. */
  run(until = Infinity): Progress {
    const start = this.kernel.now();
    const outcome = this.kernel.scheduler.run(until, { beforeResume: (task) => this.#last = task });
    return { passedNs: this.kernel.now() - start, task: this.#last, end: describeOutcome(outcome) };
  }
}
