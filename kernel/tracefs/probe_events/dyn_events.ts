/**
 * Events that users define, of whatever kind: the list of all of them, and what every file of definitions can do.
 *
 * @module
 */

import type { LogRing } from "../../printk/ring.ts";
import { EBUSY, EINVAL, ENOENT } from "../../syscalls/errno.ts";
import type { EventRegistry } from "../events/registry.ts";
import type { TraceFile } from "../file.ts";
import { runCommands } from "./run_commands.ts";

/** The first word of a command is no event's of this kind: somebody else's command, refused without a word here. */
export const ECANCELED = 125;

/** One event that a user defined: `struct dyn_event`. Several can make records of the same name. */
export interface DynEvent {
  readonly owner: DynEventKind;
  /** Its line in `dynamic_events`, without newline. */
  readonly text: string;
  /** Whether anybody wants its records. */
  readonly isBusy: boolean;
  /** Whether a deletion's words mean it; `group` null: any, `event` "": any where the kind allows that. */
  matches(group: string | null, event: string, words: readonly string[]): boolean;
  /** Deletes it: 0 or -errno. */
  release(): number;
}

/** A kind of events: `struct dyn_event_operations`. */
export interface DynEventKind {
  /** Defines what a line says: 0, -ECANCELED where it is another kind's, or -errno. */
  create(line: string): number;
}

/** All events of one kernel that users defined. */
export class DynEvents {
  readonly #list: DynEvent[] = [];
  readonly #kinds: DynEventKind[] = [];
  readonly #registry: EventRegistry;
  readonly #log: Pick<LogRing, "printk">;

  constructor(registry: EventRegistry, log: Pick<LogRing, "printk">) {
    this.#registry = registry;
    this.#log = log;
  }

  /** Makes `dynamic_events` take a kind's definitions. */
  addKind(kind: DynEventKind): void {
    this.#kinds.push(kind);
  }

  /** An event was defined. */
  add(event: DynEvent): void {
    this.#list.push(event);
  }

  /** An event was deleted. */
  remove(event: DynEvent): void {
    const at = this.#list.indexOf(event);
    if (at >= 0) this.#list.splice(at, 1);
  }

  /** `dynamic_events`: all kinds in the order of definition. */
  readonly file: TraceFile = {
    mode: 0o640,
    read: () => this.#list.map(({ text }) => `${text}\n`).join(""),
    write: (text) => runCommands(text, (line) => this.#command(line), this.#log),
    truncate: () => this.releaseAll(null),
  };

  /** A kind's own file of definitions, which lists its events alone. */
  fileOf(kind: DynEventKind): TraceFile {
    return {
      mode: 0o640,
      read: () => this.#of(kind).map(({ text }) => `${text}\n`).join(""),
      write: (text) =>
        runCommands(text, (line) => {
          if (line.startsWith("-")) return this.release(line, kind);
          const result = kind.create(line);
          return result === -ECANCELED ? -EINVAL : result;
        }, this.#log),
      truncate: () => this.releaseAll(kind),
    };
  }

  /** Deletes what `-:[GRP/][EVENT] [WORDS]` names, among one kind's or all: 0 or -errno (`dyn_event_release`). */
  release(line: string, kind: DynEventKind | null): number {
    const [head = "", ...words] = splitWords(line);
    let name: string;
    if (head.startsWith("-")) {
      if (head[1] !== ":") return -EINVAL;
      name = head.slice(2);
    } else {
      const colon = head.indexOf(":");
      if (colon < 0) return -EINVAL;
      name = head.slice(colon + 1);
    }
    const slash = name.indexOf("/");
    const group = slash < 0 ? null : name.slice(0, slash);
    const event = name.slice(slash + 1);
    if (group === null && event === "") return -EINVAL;
    let result = -ENOENT;
    for (const one of this.#of(kind)) {
      if (!one.matches(group, event, words)) continue;
      result = one.release();
      if (result < 0) break;
    }
    this.#registry.resetArrays();
    return result;
  }

  /** Deletes everything, of one kind or all; -EBUSY, and nothing is deleted, while an event is enabled. */
  releaseAll(kind: DynEventKind | null): number {
    const events = this.#of(kind);
    let result = events.some(({ isBusy }) => isBusy) ? -EBUSY : 0;
    for (const event of result === 0 ? events : []) {
      result = event.release();
      if (result < 0) break;
    }
    this.#registry.resetArrays();
    return result;
  }

  /** One line of `dynamic_events`: the first kind that knows it defines it. */
  #command(line: string): number {
    if (line.startsWith("-") || line.startsWith("!")) return this.release(line, null);
    let result = -ECANCELED;
    for (const kind of this.#kinds) {
      result = kind.create(line);
      if (result !== -ECANCELED) break;
    }
    return result === -ECANCELED ? -EINVAL : result;
  }

  /** A copy of the list, or of one kind's part of it. */
  #of(kind: DynEventKind | null): readonly DynEvent[] {
    return this.#list.filter(({ owner }) => kind === null || owner === kind);
  }
}

/** `argv_split`: words between white space. */
export function splitWords(line: string): string[] {
  return line.split(/[\t-\r ]+/).filter((word) => word !== "");
}
