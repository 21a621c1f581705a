/**
 * `trigger` files: what a record sets off.
 *
 * @module
 */

import { EEXIST, EINVAL } from "../../syscalls/errno.ts";
import { isErrno, kstrtoul } from "../probe_events/kstrto.ts";
import type { EventDirectory } from "./event_directory.ts";
import type { EventFile, EventRecord, EventTrigger } from "./event_file.ts";
import { createFilter, type EventFilter } from "./filter.ts";
import { writeHistTrigger } from "./hist_trigger.ts";

const AVAILABLE = "# Available triggers:\n" +
  "# traceon traceoff snapshot stacktrace enable_event disable_event enable_hist disable_hist hist\n";
/** Most characters of a command. */
const PAGE_SIZE = 4096;

/** Text of an event's `trigger` file. */
export function readTriggers(file: EventFile | undefined): string {
  if (file === undefined || file.triggers.length === 0) return AVAILABLE;
  return file.triggers.map(({ text }) => `${text}\n`).join("");
}

/** One write to a `trigger` file: `[!]COMMAND[:PARAM] [if FILTER]`. Bytes taken, or -errno. */
export function writeTrigger(text: string, file: EventFile, directory: EventDirectory): number {
  if (text.length >= PAGE_SIZE) return -EINVAL;
  const line = text.trim();
  const removes = line.startsWith("!");
  const command = /^[^: \t]*/.exec(removes ? line.slice(1) : line)?.[0] ?? "";
  const rest = line.slice(command.length + (removes ? 1 : 0)).replace(/^[: \t]/, "").trim();
  if (command === "hist") return writeHistTrigger(rest, removes, file, directory) || text.length;
  const action = ACTIONS[command];
  if (action === undefined) return -EINVAL;
  return setTrigger(command, action, rest, removes, file, directory) || text.length;
}

/** What a trigger does, and whether once per event only. */
interface Action {
  readonly isPost: boolean;
  /** Takes `SYSTEM:EVENT` in front of the count. */
  readonly takesEvent: boolean;
  run(directory: EventDirectory, target: EventFile | null, record: EventRecord): void;
}

const ACTIONS: Readonly<Record<string, Action | undefined>> = {
  traceon: { isPost: false, takesEvent: false, run: (directory) => directory.host.setTracing(true) },
  traceoff: { isPost: false, takesEvent: false, run: (directory) => directory.host.setTracing(false) },
  stacktrace: { isPost: true, takesEvent: false, run: emitStack },
  enable_event: { isPost: false, takesEvent: true, run: (_, target) => target?.softEnable(true) },
  disable_event: { isPost: false, takesEvent: true, run: (_, target) => target?.softEnable(false) },
};

/** The record of a stack: what handled the hit, then the callers. */
function emitStack(directory: EventDirectory, _target: EventFile | null, record: EventRecord): void {
  const callers = directory.host.stack().slice(record.hidesCaller ? 1 : 0);
  const lines = [...record.handlers(), ...callers].map((line) => ` => ${line}`);
  const text = ["<stack trace>", ...lines].join("\n");
  directory.host.emit(() => text, record.flags, 16 + lines.length * 8);
}

/** `event_trigger_parse` and what it registers. */
function setTrigger(
  command: string,
  action: Action,
  rest: string,
  removes: boolean,
  file: EventFile,
  directory: EventDirectory,
): number {
  const [param = "", condition] = splitCondition(rest);
  let count = param;
  let target: EventFile | null = null;
  let name = command;
  if (action.takesEvent) {
    const [system = "", event = "", limit = ""] = param.split(":");
    target = directory.find(system, event);
    if (target === null) return -EINVAL;
    name = `${command}:${system}:${event}`;
    count = limit;
  }
  const isSame = (trigger: EventTrigger) =>
    trigger instanceof CountedTrigger && trigger.name.split(":")[0] === command &&
    (!action.takesEvent || trigger.name === name);
  if (removes) {
    const found = file.triggers.find(isSame);
    if (found !== undefined) {
      file.removeTrigger(found);
      target?.disable(true);
    }
    return 0;
  }
  const limit = count === "" ? -1n : kstrtoul(count, 0, 64);
  if (isErrno(limit)) return limit;
  if (file.triggers.some(isSame)) return -EEXIST;
  let filter: EventFilter | null = null;
  if (condition !== undefined) {
    filter = createFilter(condition, file.call, file.array.log);
    if (filter.errno < 0) return filter.errno;
  }
  if (target !== null) {
    const result = target.enable(true);
    if (result < 0) return result;
  }
  const trigger = new CountedTrigger(name, Number(limit), filter, file, action.isPost, (record) => {
    action.run(directory, target, record);
  });
  return file.addTrigger(trigger);
}

/** `PARAM if FILTER`. */
export function splitCondition(rest: string): readonly [param: string, condition?: string] {
  if (rest.startsWith("if ")) return ["", rest.slice(3).trim()];
  const at = rest.search(/\sif\s/);
  if (at < 0) return [rest];
  return [rest.slice(0, at).trim(), rest.slice(at + 4).trim()];
}

/** A trigger that stops after some times. */
class CountedTrigger implements EventTrigger {
  readonly name: string;
  readonly isPost: boolean;
  /** Times that are left; -1 for any number. */
  #left: number;
  readonly #filter: EventFilter | null;
  readonly #file: EventFile;
  readonly #run: (record: EventRecord) => void;

  constructor(
    name: string,
    count: number,
    filter: EventFilter | null,
    file: EventFile,
    isPost: boolean,
    run: (record: EventRecord) => void,
  ) {
    this.name = name;
    this.#left = count;
    this.#filter = filter;
    this.#file = file;
    this.isPost = isPost;
    this.#run = run;
  }

  get text(): string {
    const count = this.#left < 0 ? "unlimited" : `count=${this.#left}`;
    return `${this.name}:${count}${this.#filter === null ? "" : ` if ${this.#filter.text}`}`;
  }

  fire(record: EventRecord): void {
    const test = this.#filter?.test;
    if (this.#left === 0 || (test != null && !test(record.reader, this.#file.array.context))) return;
    if (this.#left > 0) this.#left--;
    this.#run(record);
  }
}
