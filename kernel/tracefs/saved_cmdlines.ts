/**
 * `saved_cmdlines`: which command name a process id in the trace stands for. Names are looked up when the trace is read, so
 * that a record made before an `execve` shows the program that the task then became.
 *
 * @module
 */

/** A task, as far as names go. Kept, so that a later name counts. */
export interface NamedTask {
  readonly pid: number;
  readonly comm: string;
}

/** Names kept at first. */
export const SAVED_CMDLINES_DEFAULT = 128;

/** A ring of the tasks that were recorded. */
export class SavedCmdlines {
  #slots: (NamedTask | undefined)[] = [];
  readonly #slotOf = new Map<number, number>();
  #size = SAVED_CMDLINES_DEFAULT;
  #next = 0;

  /** How many names are kept. */
  get size(): number {
    return this.#size;
  }

  /** A record of `task` is made. */
  note(task: NamedTask): void {
    if (task.pid === 0) return;
    const slot = this.#slotOf.get(task.pid);
    if (slot !== undefined) {
      this.#slots[slot] = task;
      return;
    }
    const at = this.#next;
    this.#next = (at + 1) % this.#size;
    const old = this.#slots[at];
    if (old !== undefined) this.#slotOf.delete(old.pid);
    this.#slots[at] = task;
    this.#slotOf.set(task.pid, at);
  }

  /** The name to print for a pid. */
  comm(pid: number): string {
    if (pid === 0) return "<idle>";
    const slot = this.#slotOf.get(pid);
    return slot === undefined ? "<...>" : this.#slots[slot]?.comm ?? "<...>";
  }

  /** Keeps `size` names from now on; those known are forgotten. */
  resize(size: number): void {
    this.#size = size;
    this.#slots = [];
    this.#slotOf.clear();
    this.#next = 0;
  }

  /** The file: `PID COMM` lines. */
  text(): string {
    return this.#slots.map((task) => task === undefined ? "" : `${task.pid} ${task.comm}\n`).join("");
  }
}
