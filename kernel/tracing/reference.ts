/**
 * Tracepoints as behaviours name them: independent of any kernel, cheap to test and fire.
 *
 * @module
 */

/** A handle to a tracepoint. Same name and arguments, same layout on every kernel that has it. */
export interface TracepointRef {
  /** `subsystem:event`. */
  readonly name: `${string}:${string}`;
  /** Index into the table of all handles of this process. */
  readonly index: number;
  /** Fields that `fire` takes, in its order; null: all fields in the order of the kernel's format. */
  readonly fields: readonly string[] | null;
}

/** What a field is given as: an integer, a string, or the elements of an array. */
export type TraceValue = number | bigint | string | ArrayLike<number>;

const refs: TracepointRef[] = [];

/**
 * A handle, made once at module level. Naming the fields makes `fire` independent of their order in a kernel's format;
 * fields of other kernels that aren't named read 0.
 *
 * ```ts
 * import { tracepoint } from "./reference.ts";
 *
 * const fork = tracepoint("sched:sched_process_fork", "parent_comm", "parent_pid", "child_comm", "child_pid");
 * if (fork.fields?.length !== 4) throw new Error("four fields");
 * ```
 */
export function tracepoint(name: `${string}:${string}`, ...fields: string[]): TracepointRef {
  const ref: TracepointRef = { name, index: refs.length, fields: fields.length === 0 ? null : fields };
  refs.push(ref);
  return ref;
}
