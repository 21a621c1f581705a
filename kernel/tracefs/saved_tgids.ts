/**
 * `saved_tgids`: which process a thread in the trace belongs to.
 *
 * @module
 */

/** A task, as far as its process goes. */
export interface ThreadTask {
  readonly pid: number;
  /** Absent: it is a process of its own. */
  readonly tgid?: number;
}

/** The processes of the tasks that were recorded with `record-tgid`. */
export class SavedTgids {
  readonly #tgids = new Map<number, number>();

  /** `trace_save_tgid`. */
  note(task: ThreadTask): void {
    if (task.pid !== 0) this.#tgids.set(task.pid, task.tgid ?? task.pid);
  }

  /** `trace_find_tgid`: 0 where nobody noted it. */
  find(pid: number): number {
    return this.#tgids.get(pid) ?? 0;
  }

  /** The file: `PID TGID` lines. */
  text(): string {
    return [...this.#tgids].sort(([a], [b]) => a - b).map(([pid, tgid]) => `${pid} ${tgid}\n`).join("");
  }
}
