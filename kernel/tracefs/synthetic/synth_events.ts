/**
 * `synthetic_events`: definitions of events that consist of fields alone.
 *
 * ```text
 * NAME TYPE FIELD[; TYPE FIELD]...     !NAME
 * ```
 *
 * @module
 */

import type { LogRing } from "../../printk/ring.ts";
import { EBUSY, EEXIST, EINVAL, ENOENT } from "../../syscalls/errno.ts";
import type { ErrorLog } from "../error_log.ts";
import type { EventRegistry } from "../events/registry.ts";
import type { TraceFile } from "../file.ts";
import { type DynEventKind, type DynEvents, ECANCELED, splitWords } from "../probe_events/dyn_events.ts";
import { isGoodName } from "../probe_events/names.ts";
import { runCommands } from "../probe_events/run_commands.ts";
import { SYNTH_SYSTEM, SynthEvent, type SynthOwner } from "./synth_event.ts";
import { type SynthField, synthField } from "./synth_field.ts";

/** Most fields. */
const SYNTH_FIELDS_MAX = 64;

const ERRORS = {
  BAD_NAME: "Illegal name",
  INVALID_CMD: "Command must be of the form: <name> field[;field] ...",
  INVALID_DYN_CMD: "Command must be of the form: s or -:[synthetic/]<name> field[;field] ...",
  EVENT_EXISTS: "Event already exists",
  TOO_MANY_FIELDS: "Too many fields",
  INCOMPLETE_TYPE: "Incomplete type",
  INVALID_TYPE: "Invalid type",
  INVALID_FIELD: "Invalid field",
  INVALID_ARRAY_SPEC: "Invalid array specification",
} as const;

/** What synthetic events need of a kernel. */
export interface SynthHost {
  readonly wordSize: 4 | 8;
  readonly events: EventRegistry;
  readonly errors: ErrorLog;
  readonly log: Pick<LogRing, "printk">;
}

/** Logs an error at a part of the command, or at its beginning, and gives -EINVAL. */
type Refuse = (error: keyof typeof ERRORS, part?: string, errno?: number) => number;

/** All synthetic events of one kernel. */
export class SynthEvents implements DynEventKind, SynthOwner {
  readonly #host: SynthHost;
  readonly #dyn: DynEvents;
  readonly #events: SynthEvent[] = [];

  constructor(host: SynthHost, dyn: DynEvents) {
    this.#host = host;
    this.#dyn = dyn;
    dyn.addKind(this);
  }

  /** `synthetic_events`. */
  readonly file: TraceFile = {
    mode: 0o640,
    read: () => this.#events.map(({ definition }) => `${definition}\n`).join(""),
    write: (text) => runCommands(text, (line) => this.command(line), this.#host.log),
    truncate: () => this.#dyn.releaseAll(this),
  };

  /** One line of `synthetic_events` (`create_or_delete_synth_event`): 0 or -errno. */
  command(line: string): number {
    const command = line.trimStart();
    if (command === "") return 0;
    const refuse = this.#refuser(command);
    if (!isComplete(command)) return refuse("INVALID_CMD");
    const space = command.search(/[ \t]/);
    if (space < 0 && !command.startsWith("!")) return refuse("INVALID_CMD");
    const name = space < 0 ? command : command.slice(0, space);
    if (!name.startsWith("!")) return this.#create(name, command.slice(space), refuse);
    const event = this.#events.find((one) => one.name === name.slice(1));
    return event === undefined ? -ENOENT : this.release(event);
  }

  /** One line of `dynamic_events`: `s:[synthetic/]NAME FIELDS`. */
  create(line: string): number {
    const command = line.trimStart();
    if (command === "") return 0;
    if (!command.startsWith("s:")) return -ECANCELED;
    const refuse = this.#refuser(command);
    const space = command.search(/[ \t]/);
    if (space < 0) return refuse("INVALID_CMD");
    let start = "s:".length;
    if (command.includes("/")) {
      if (!command.startsWith(`${SYNTH_SYSTEM}/`, start)) return refuse("INVALID_DYN_CMD");
      start += SYNTH_SYSTEM.length + 1;
    }
    if (!isComplete(command.slice(start))) return refuse("INVALID_CMD");
    return this.#create(command.slice(start, space), command.slice(space), refuse);
  }

  /** `destroy_synth_event`: -EBUSY while it is enabled. */
  release(event: SynthEvent): number {
    if (event.isBusy || this.#host.events.remove(event) < 0) return -EBUSY;
    this.#events.splice(this.#events.indexOf(event), 1);
    this.#dyn.remove(event);
    return 0;
  }

  /** `__create_synth_event`. */
  #create(name: string, text: string, refuse: Refuse): number {
    if (name === "") return refuse("INVALID_CMD");
    if (!isGoodName(name)) return refuse("BAD_NAME", name);
    if (this.#events.some((one) => one.name === name)) return refuse("EVENT_EXISTS", name, -EEXIST);
    const fields: SynthField[] = [];
    for (const part of text.split(";")) {
      let words = splitWords(part);
      while (words.length > 0) {
        const parsed = this.#parseField(words, refuse);
        if (typeof parsed === "number") return parsed;
        if (fields.length === SYNTH_FIELDS_MAX) return refuse("TOO_MANY_FIELDS");
        fields.push(parsed.field);
        words = words.slice(parsed.consumed);
      }
    }
    if (fields.length === 0) return refuse("INVALID_CMD");
    const event = new SynthEvent(name, fields, this);
    const added = this.#host.events.add(event);
    if (added < 0) return added;
    this.#events.push(event);
    this.#dyn.add(event);
    return 0;
  }

  /** `parse_synth_field`: `[unsigned] TYPE NAME[LENGTH]`. */
  #parseField(
    words: readonly string[],
    refuse: Refuse,
  ): { readonly field: SynthField; readonly consumed: number } | number {
    const isUnsigned = words[0] === "unsigned";
    if (isUnsigned && words.length < 3) return refuse("INCOMPLETE_TYPE", words[0]);
    const [type = "", spelt] = isUnsigned ? words.slice(1) : words;
    if (spelt === undefined) return refuse("INVALID_FIELD", type);
    const bracket = spelt.indexOf("[");
    const name = bracket < 0 ? spelt : spelt.slice(0, bracket);
    const array = bracket < 0 ? "" : spelt.slice(bracket);
    if (!isGoodName(name)) return refuse("BAD_NAME", spelt);
    const field = synthField(`${isUnsigned ? "unsigned " : ""}${type}${array}`, name, this.#host.wordSize);
    if (field !== null) return { field, consumed: isUnsigned ? 3 : 2 };
    const isArraySpec = array !== "" && `${type}${array}`.includes("char[");
    return isArraySpec ? refuse("INVALID_ARRAY_SPEC", spelt) : refuse("INVALID_TYPE", type);
  }

  #refuser(command: string): Refuse {
    return (error, part, errno = -EINVAL) => {
      const at = part === undefined ? 0 : Math.max(command.indexOf(part), 0);
      this.#host.errors.add("synthetic_events", ERRORS[error], command, at);
      return errno;
    };
  }
}

/** `check_command`: what stands in front of the first `;` has a name, a type and a field, unless it is a deletion. */
function isComplete(command: string): boolean {
  const first = command.split(";")[0] ?? "";
  return first.startsWith("!") || splitWords(first).length >= 3;
}
