/**
 * How a run of the modeled kernel ended.
 *
 * @module
 */

/** A task that waits, and for what. */
export interface BlockedTask {
  /** Thread id. */
  readonly pid: number;
  /** Command name. */
  readonly comm: string;
  /** System call that it is in, if any. */
  readonly syscall: string | null;
  /** Kernel functions that it is in, innermost first. */
  readonly functions: readonly string[];
  /** Virtual time since which it waits. */
  readonly since: number;
}

/** Why a run stopped, at which virtual time. */
export type RunOutcome =
  /** Every task ran to its end. */
  | { readonly reason: "done"; readonly time: number }
  /** The time given as `until` was reached. */
  | { readonly reason: "until"; readonly time: number }
  /** Something asked to stop (`exit()` in a probe). */
  | { readonly reason: "exit"; readonly time: number; readonly code: number }
  /** Tasks are left and nothing will wake them. */
  | { readonly reason: "deadlock"; readonly time: number; readonly blocked: readonly BlockedTask[] };

/** The outcome as a sentence. */
export function describeOutcome(outcome: RunOutcome): string {
  switch (outcome.reason) {
    case "done":
      return `All tasks ended at ${outcome.time} ns`;
    case "until":
      return `Stopped at ${outcome.time} ns as asked`;
    case "exit":
      return `Stopped at ${outcome.time} ns: exit(${outcome.code})`;
    case "deadlock": {
      const waits = outcome.blocked.map((task) =>
        `${task.comm} (${task.pid}) waits in ${task.functions[0] ?? task.syscall ?? "user space"}` +
        (task.syscall === null ? "" : `, system call ${task.syscall},`) + ` since ${task.since} ns`
      );
      return `Stopped at ${outcome.time} ns: nothing will wake ${
        waits.length === 1 ? "the task" : "the tasks"
      } ` +
        `that ${waits.length === 1 ? "is" : "are"} left: ${waits.join("; ")}`;
    }
  }
}
