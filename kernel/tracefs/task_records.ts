/**
 * What is kept of the tasks that traces show, and while what: their names with `record-cmd`, their processes with
 * `record-tgid`.
 *
 * @module
 */

import { type NamedTask, SavedCmdlines } from "./saved_cmdlines.ts";
import { SavedTgids, type ThreadTask } from "./saved_tgids.ts";

/** The options that say what is kept. */
export type TaskOption = "record-cmd" | "record-tgid";

/** What is kept of tasks, by all trace arrays of a kernel. */
export class TaskRecords {
  readonly cmdlines: SavedCmdlines;
  readonly tgids: SavedTgids = new SavedTgids();
  /** Events that are on. */
  readonly #events = new Set<object>();
  /** Those of them that ask for it. */
  readonly #asking: Readonly<Record<TaskOption, Set<object>>> = {
    "record-cmd": new Set(),
    "record-tgid": new Set(),
  };
  #tracers = 0;

  constructor(pointerSize: 4 | 8) {
    this.cmdlines = new SavedCmdlines(pointerSize);
  }

  /** An event is switched on in a trace array with these options. */
  eventOn(event: object, options: { has(option: TaskOption): boolean }): void {
    this.#events.add(event);
    for (const option of OPTIONS) if (options.has(option)) this.#asking[option].add(event);
  }

  /** An event is switched off. */
  eventOff(event: object): void {
    this.#events.delete(event);
    for (const option of OPTIONS) this.#asking[option].delete(event);
  }

  /** An option is turned, in whatever trace array: that counts for every event that is on. */
  turn(option: TaskOption, on: boolean): void {
    const asking = this.#asking[option];
    if (!on) asking.clear();
    else for (const event of this.#events) asking.add(event);
  }

  /** A tracer of functions begins, or ends: it has names kept, whatever the options say. */
  tracer(on: boolean): void {
    this.#tracers += on ? 1 : -1;
  }

  /** A record of `task` is made. */
  note(task: NamedTask & ThreadTask): void {
    if (this.#tracers > 0 || this.#asking["record-cmd"].size > 0) this.cmdlines.note(task);
    if (this.#asking["record-tgid"].size > 0) this.tgids.note(task);
  }
}

const OPTIONS: readonly TaskOption[] = ["record-cmd", "record-tgid"];
