/**
 * `trigger` files: what users write to set triggers and to take them away.
 *
 * @module
 */

import { EEXIST, EINVAL } from "../../syscalls/errno.ts";
import { isErrno } from "../probe_events/kstrto.ts";
import type { EventDirectory } from "./event_directory.ts";
import type { EventFile } from "./event_file.ts";
import { createFilter, type EventFilter } from "./filter.ts";
import { HIST_TYPE, HistTrigger, writeHistTrigger } from "./hist_trigger.ts";
import { CountedTrigger, type TriggerAction } from "./trigger.ts";
import { parseTriggerCount } from "../trigger_count.ts";

const AVAILABLE = "# Available triggers:\n" +
  "# traceon traceoff snapshot stacktrace enable_event disable_event enable_hist disable_hist hist\n";
/** Most characters of a command. */
const PAGE_SIZE = 4096;
/** What the types of triggers begin with that switch another event's histograms. */
const HIST_ENABLE = "enable_hist";

/** Text of an event's `trigger` file. */
export function readTriggers(file: EventFile | undefined): string {
  if (file === undefined || file.triggers.length === 0) return AVAILABLE;
  return file.triggers.map(({ text }) => `${text}\n`).join("");
}

/** The file is opened with O_TRUNC: what has to do with histograms goes, everything else stays. */
export function truncateTriggers(file: EventFile | undefined): number {
  if (file === undefined) return 0;
  for (const trigger of file.triggers.slice()) {
    if (trigger.type === HIST_TYPE || trigger.type.startsWith(HIST_ENABLE)) file.removeTrigger(trigger);
  }
  return 0;
}

/** One write to a `trigger` file: `[!]COMMAND[:PARAM] [if FILTER]`. Bytes taken, or -errno. */
export function writeTrigger(text: string, file: EventFile, directory: EventDirectory): number {
  if (text.length >= PAGE_SIZE) return -EINVAL;
  const line = text.trim();
  const word = /^[^: \t]*/.exec(line)?.[0] ?? "";
  const removes = word.startsWith("!");
  const command = removes ? word.slice(1) : word;
  const rest = line.slice(word.length + 1).trimStart();
  if (command === "hist") return writeHistTrigger(rest, removes, file, directory) || text.length;
  const kind = KINDS.get(command);
  if (kind === undefined) return -EINVAL;
  return setTrigger(command, kind, rest, removes, file, directory) || text.length;
}

/** Makes what a trigger does; `target` is the event that it names. */
type Kind =
  | { readonly takesEvent: false; make(file: EventFile, directory: EventDirectory): TriggerAction }
  | { readonly takesEvent: true; make(target: EventFile): TriggerAction };

const KINDS: ReadonlyMap<string, Kind> = new Map(Object.entries<Kind>({
  traceon: { takesEvent: false, make: (_, directory) => onOff(directory, true) },
  traceoff: { takesEvent: false, make: (_, directory) => onOff(directory, false) },
  stacktrace: {
    takesEvent: false,
    make: (_, { host }) => ({
      type: "stacktrace",
      isPost: true,
      run: (record) => host.emitStack(record),
    }),
  },
  snapshot: {
    takesEvent: false,
    make: (_, { host }) => ({
      type: "snapshot",
      isPost: false,
      added: () => host.allocateSnapshot(),
      run: ({ flags }) => host.snapshot(flags),
    }),
  },
  enable_event: { takesEvent: true, make: (target) => eventSwitch(target, true) },
  disable_event: { takesEvent: true, make: (target) => eventSwitch(target, false) },
  enable_hist: { takesEvent: true, make: (target) => histSwitch(target, true) },
  disable_hist: { takesEvent: true, make: (target) => histSwitch(target, false) },
}));

function onOff({ host }: EventDirectory, on: boolean): TriggerAction {
  return {
    type: "traceon or traceoff",
    // What ends a trace is still in it.
    isPost: !on,
    idle: () => host.isTracing() === on,
    run: () => host.setTracing(on),
  };
}

function eventSwitch(target: EventFile, on: boolean): TriggerAction {
  return {
    type: `enable_event:${target.call.system}:${target.call.name}`,
    isPost: false,
    idle: () => target.softDisabled !== on,
    run: () => target.softEnable(on),
    removed: () => target.disable(true),
  };
}

function histSwitch(target: EventFile, on: boolean): TriggerAction {
  return {
    type: `${HIST_ENABLE}:${target.call.system}:${target.call.name}`,
    isPost: false,
    run(): void {
      for (const trigger of target.triggers) if (trigger instanceof HistTrigger) trigger.paused = !on;
    },
    removed: () => target.disable(true),
  };
}

/** `event_trigger_parse` and `event_enable_trigger_parse`: 0 or -errno. */
function setTrigger(
  command: string,
  kind: Kind,
  rest: string,
  removes: boolean,
  file: EventFile,
  directory: EventDirectory,
): number {
  const { param, filter: condition } = separateFilter(rest, kind.takesEvent);
  let count = param;
  let name = command;
  let action: TriggerAction;
  let target: EventFile | null = null;
  if (kind.takesEvent) {
    const [system = "", event = "", limit] = param?.split(":") ?? [];
    target = directory.find(system, event);
    if (target === null) return -EINVAL;
    name = `${command}:${system}:${event}`;
    count = limit;
    action = kind.make(target);
  } else {
    action = kind.make(file, directory);
  }
  const existing = file.triggers.find(({ type }) => type === action.type);
  if (removes) {
    if (existing !== undefined) file.removeTrigger(existing);
    return 0;
  }
  // `event_trigger_parse_num`
  const limit = parseTriggerCount(count, directory.host.wordSize);
  if (isErrno(limit)) return limit;
  const filter = parseCondition(condition, file);
  if (typeof filter === "number") return filter;
  action.added?.();
  const enabled = target?.enable(true) ?? 0;
  if (enabled < 0) return enabled;
  const result = existing === undefined
    ? file.addTrigger(new CountedTrigger(name, action, Number(limit), filter))
    : -EEXIST;
  if (result < 0) target?.disable(true);
  return result;
}

/** `event_trigger_separate_filter`: a parameter begins with a digit where none is required. */
function separateFilter(rest: string, required: boolean): { param?: string; filter?: string } {
  if (rest === "") return {};
  if (!required && !/^[0-9]/.test(rest)) return { filter: rest };
  const [param = ""] = rest.split(/[ \t]/, 1);
  const filter = rest.slice(param.length + 1).trimStart();
  return filter === "" ? { param } : { param, filter };
}

/** `set_trigger_filter`: `if FILTER`, or -errno. */
function parseCondition(condition: string | undefined, file: EventFile): EventFilter | null | number {
  if (condition === undefined) return null;
  const [, text] = /^if[ \t](.*)$/s.exec(condition) ?? [];
  if (text === undefined) return -EINVAL;
  // A trigger's filter is refused without a word in the error log.
  const filter = createFilter(text, file.call, null);
  return filter.errno < 0 ? filter.errno : filter;
}
