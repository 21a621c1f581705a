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

/** Names asked for at first. */
const SAVED_CMDLINES_DEFAULT = 128;
/** Process ids are told apart up to here; those above share a place with one below. */
const PID_MAX_DEFAULT = 32768;
const PAGE_SIZE = 4096;
/** `TASK_COMM_LEN`, and the process id that it belongs to (`SAVED_CMDLINE_MAP_ELEMENT_SIZE`). */
const ELEMENT = 16 + 4;

/** A ring of the tasks that were recorded. */
export class SavedCmdlines {
  readonly #pointerSize: 4 | 8;
  #size: number;
  #slots: (NamedTask | undefined)[] = [];
  /** By the lower bits of the process id; a slot that went to another task stays noted, and is used again. */
  readonly #slotOf = new Map<number, number>();
  #last = 0;

  /** Room for as many names as the kernel has at first. */
  constructor(pointerSize: 4 | 8) {
    this.#pointerSize = pointerSize;
    this.#size = roomFor(SAVED_CMDLINES_DEFAULT, pointerSize);
  }

  /** How many names are kept. */
  get size(): number {
    return this.#size;
  }

  /** `trace_save_cmdline`. */
  note(task: NamedTask): void {
    if (task.pid === 0) return;
    const place = task.pid % PID_MAX_DEFAULT;
    let slot = this.#slotOf.get(place);
    if (slot === undefined) {
      slot = this.#last = (this.#last + 1) % this.#size;
      this.#slotOf.set(place, slot);
    }
    this.#slots[slot] = task;
  }

  /** The name to print for a pid. */
  comm(pid: number): string {
    if (pid === 0) return "<idle>";
    const slot = this.#slotOf.get(pid % PID_MAX_DEFAULT);
    const task = slot === undefined ? undefined : this.#slots[slot];
    return task?.pid === pid ? task.comm : "<...>";
  }

  /** Keeps at least `size` names from now on; those known are forgotten. */
  resize(size: number): void {
    this.#size = roomFor(size, this.#pointerSize);
    this.#slots = [];
    this.#slotOf.clear();
    this.#last = 0;
  }

  /** The file: `PID COMM` lines. */
  text(): string {
    let text = "";
    for (const task of this.#slots) if (task !== undefined) text += `${task.pid} ${task.comm}\n`;
    return text;
  }
}

/** `allocate_cmdlines_buffer`: the pages that the table takes, a power of two of them, are filled with names. */
function roomFor(names: number, pointerSize: 4 | 8): number {
  // A word for each process id and one more, a pointer, two counters.
  const head = Math.ceil((PID_MAX_DEFAULT + 1) * 4 / pointerSize) * pointerSize + pointerSize + 8;
  const pages = Math.ceil((head + names * ELEMENT) / PAGE_SIZE);
  return Math.floor((PAGE_SIZE * 2 ** Math.ceil(Math.log2(pages)) - head) / ELEMENT);
}
