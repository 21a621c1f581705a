/**
 * The `events` directory of one trace array, with `set_event` and `available_events`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { EINVAL } from "../../syscalls/errno.ts";
import type { TraceFile, TraceTree } from "../file.ts";
import { isErrno, kstrtoul } from "../probe_events/kstrto.ts";
import { type EventCall, formatText } from "./call.ts";
import { type EventArray, EventFile, type EventRecord } from "./event_file.ts";
import { createFilter, refusedFilterText } from "./filter.ts";
import { headerEventText, headerPageText } from "./headers.ts";
import type { EventRegistry } from "./registry.ts";
import { readTriggers, truncateTriggers, writeTrigger } from "./trigger_files.ts";
import type { HistTable } from "./hist_table.ts";
import { definesVariable, readHist } from "./hist_trigger.ts";

/** A directory that can be hung with files when it is first looked into. */
export interface LazyTree extends TraceTree {
  lazy(path: string, fill: (directory: TraceTree) => void): void;
}

/** What a directory of events needs of its trace array. */
export interface EventDirectoryHost extends EventArray {
  readonly wordSize: 4 | 8;
  /** The kernel's own trace array, not one of `instances`. */
  readonly isMain: boolean;
  /** Forgets all records. */
  clear(): void;
  /** Gives the buffer its full size: something is going to be recorded. */
  expand(): void;
  /** `tracing_on`. */
  isTracing(): boolean;
  setTracing(on: boolean): void;
  /** Makes room for snapshots. */
  allocateSnapshot(): void;
  /** Takes one, for a trigger in the context that these columns tell of. */
  snapshot(flags: string): void;
  /** Records the running kernel's stack, as a trigger finds it. */
  emitStack(record: EventRecord): void;
  /** The same stack, innermost first. */
  stackOf(record: EventRecord): readonly (Addr | string)[];
  /** What the trace's clock shows. */
  now(): number;
  /** A symbol, with the offset into it if wanted; hex where there is none. */
  symbol(address: bigint, offset: boolean): string;
  /** Command name of a task, as the trace would show it. */
  commOf(pid: number): string;
  /** Name of a system call, or `unknown_syscall`. */
  syscallName(nr: number): string;
}

const SYSTEM_FILTER_MESSAGE = "### global filter ###\n" +
  "# Use this to set filters for multiple events.\n" +
  "# Only events with the given fields will be affected.\n" +
  "# If no events are modified, an error message will be displayed here\n";
/** Most bytes that one write to a filter takes. */
const PAGE_SIZE = 4096;

/** The events of one trace array. */
export class EventDirectory {
  readonly host: EventDirectoryHost;
  readonly #registry: EventRegistry;
  /** Tables of `hist` triggers that have a name. */
  readonly namedHists: Map<string, HistTable> = new Map();
  readonly #tree: LazyTree;
  readonly #files = new Map<EventCall, EventFile>();
  /** Events of users in the order of the trace array's list: which it had from the beginning, and newer ones. */
  readonly #first: EventCall[];
  readonly #newer: EventCall[] = [];
  readonly #systemFilters = new Map<string, string>();
  #stale = false;

  /** Hangs `events`, `set_event` and `available_events` into the root of a trace array. */
  constructor(tree: LazyTree, registry: EventRegistry, host: EventDirectoryHost) {
    this.#tree = tree;
    this.#registry = registry;
    this.host = host;
    tree.add("set_event", {
      mode: 0o640,
      read: () => this.#enabledNames(),
      write: (text) => this.#writeSetEvent(text),
      truncate: () => this.#clearEvents(),
    });
    if (host.isMain) tree.add("available_events", { mode: 0o440, read: () => this.#availableNames() });
    tree.add("events/enable", {
      mode: 0o640,
      read: () => this.#enabledState(null),
      write: (text) => this.#writeEnable(text, null),
    });
    tree.add("events/header_page", { mode: 0o440, read: () => headerPageText(host.wordSize) });
    tree.add("events/header_event", { mode: 0o440, read: () => headerEventText() });
    for (const [system, names] of registry.staticSystems) {
      tree.lazy(`events/${system}`, (directory) => {
        this.#addSystemFiles(directory, "", system);
        for (const name of names) {
          const call = registry.staticCall(`${system}:${name}`);
          if (call !== undefined) this.#addEventFiles(directory, `${name}/`, call);
        }
      });
    }
    registry.attach(this);
    this.#first = [...registry.dynamic];
    for (const call of this.#first) this.#addFiles(call);
  }

  /** The file of an event; made when first needed. */
  file(call: EventCall): EventFile {
    let file = this.#files.get(call);
    if (file === undefined) this.#files.set(call, file = new EventFile(call, this.host));
    return file;
  }

  /** The file of an event, if it was ever needed. */
  fileOf(call: EventCall): EventFile | undefined {
    return this.#files.get(call);
  }

  /** Whether there is an event of these names. */
  hasEvent(system: string, event: string): boolean {
    return this.#registry.exists(system, event);
  }

  /** Whether a hist trigger of any event has a variable of that name. */
  hasHistVariable(name: string): boolean {
    return [...this.#files.values()].some((file) => definesVariable(file, name));
  }

  /** The file of an event by its names; null if there is no such event. */
  find(system: string, event: string): EventFile | null {
    const call = this.#registry.find(system, event);
    return call === undefined ? null : this.file(call);
  }

  /** An event was defined: it comes first in the list. */
  addEvent(call: EventCall): void {
    this.#newer.unshift(call);
    this.#addFiles(call);
  }

  #addFiles(call: EventCall): void {
    const path = `events/${call.system}/`;
    if (!this.#registry.staticSystems.has(call.system)) this.#addSystemFiles(this.#tree, path, call.system);
    this.#addEventFiles(this.#tree, `${path}${call.name}/`, call);
  }

  /** An event was removed; its system goes with the last one. */
  removeEvent(call: EventCall): void {
    if (this.#files.get(call)?.wasEnabled) this.#stale = true;
    this.#files.delete(call);
    for (const list of [this.#first, this.#newer]) {
      const at = list.indexOf(call);
      if (at >= 0) list.splice(at, 1);
    }
    const left = this.#registry.staticSystems.has(call.system) ||
      this.#registry.dynamic.some((other) => other.system === call.system);
    this.#tree.remove(left ? `events/${call.system}/${call.name}` : `events/${call.system}`);
    if (!left) this.#systemFilters.delete(call.system);
  }

  /** Forgets the records if they include some of an event that is gone. */
  clearIfStale(): void {
    if (!this.#stale) return;
    this.#stale = false;
    this.host.clear();
  }

  /** Switches everything off, as when the trace array goes away. */
  close(): void {
    // Triggers keep their events on by themselves (`clear_event_triggers`).
    for (const file of this.#files.values()) {
      for (const trigger of file.triggers.slice()) file.removeTrigger(trigger);
    }
    this.#clearEvents();
    this.#registry.detach(this);
  }

  #addSystemFiles(tree: TraceTree, path: string, system: string): void {
    tree.add(`${path}enable`, {
      mode: 0o640,
      read: () => this.#enabledState(system),
      write: (text) => this.#writeEnable(text, system),
    });
    tree.add(`${path}filter`, {
      mode: 0o640,
      read: () => this.#systemFilters.get(system) ?? SYSTEM_FILTER_MESSAGE,
      write: (text) => this.#writeSystemFilter(text, system),
    });
  }

  #addEventFiles(tree: TraceTree, path: string, call: EventCall): void {
    const files: Record<string, TraceFile> = {
      enable: {
        mode: 0o640,
        read: () => `${this.fileOf(call)?.state ?? "0"}\n`,
        write: (text) => this.#writeEventEnable(text, call),
      },
      filter: {
        mode: 0o640,
        read: () => `${this.fileOf(call)?.filterText ?? "none"}\n`,
        write: (text) => text.length >= PAGE_SIZE ? -EINVAL : this.file(call).setFilter(text) || text.length,
      },
      format: { mode: 0o440, read: () => formatText(call) },
      id: { mode: 0o440, read: () => `${call.id}\n` },
      trigger: {
        mode: 0o640,
        read: () => readTriggers(this.fileOf(call)),
        write: (text) => writeTrigger(text, this.file(call), this),
        truncate: () => truncateTriggers(this.fileOf(call)),
      },
      hist: { mode: 0o440, read: () => readHist(this.fileOf(call)) },
    };
    for (const [name, file] of Object.entries(files)) tree.add(path + name, file);
  }

  #writeEventEnable(text: string, call: EventCall): number {
    const on = parseSwitch(text);
    if (typeof on === "number") return on;
    return this.#switch(call, on) || text.length;
  }

  #writeEnable(text: string, system: string | null): number {
    const on = parseSwitch(text);
    if (typeof on === "number") return on;
    return this.#switchAll(null, system, null, on) || text.length;
  }

  #switch(call: EventCall, on: boolean): number {
    if (on) {
      this.host.expand();
      return this.file(call).enable();
    }
    this.fileOf(call)?.disable();
    return 0;
  }

  /** `__ftrace_set_clr_event`: null matches everything. -EINVAL where nothing matches, else the first error. */
  #switchAll(match: string | null, system: string | null, event: string | null, on: boolean): number {
    let result: number | null = null;
    for (const [callSystem, name] of this.#names()) {
      if (match !== null && match !== callSystem && match !== name) continue;
      if (system !== null && system !== callSystem) continue;
      if (event !== null && event !== name) continue;
      const call = this.#registry.find(callSystem, name);
      if (call === undefined) continue;
      const one = this.#switch(call, on);
      result = result === null || result === 0 ? one : result;
    }
    return result ?? -EINVAL;
  }

  /** Systems and names of all events, in the order of the list: new ones come in front. */
  *#names(): Generator<readonly [system: string, name: string], void, void> {
    for (const { system, name } of this.#newer) yield [system, name];
    for (const name of this.#registry.staticNames) {
      const colon = name.indexOf(":");
      yield [name.slice(0, colon), name.slice(colon + 1)];
    }
    for (const { system, name } of this.#first) yield [system, name];
  }

  /** `0`, `1` or `X` for some of both; `?` where there are none. */
  #enabledState(system: string | null): string {
    let enabled = 0;
    for (const file of this.#files.values()) {
      if (file.enabled && (system === null || file.call.system === system)) enabled++;
    }
    let all = 0;
    for (const [name, events] of this.#registry.staticSystems) {
      if (system === null || system === name) all += events.length;
    }
    all += this.#registry.dynamic.filter((call) => system === null || call.system === system).length;
    const state = all === 0 ? "?" : enabled === 0 ? "0" : enabled === all ? "1" : "X";
    return `${state}\n`;
  }

  #enabledNames(): string {
    const enabled = new Set([...this.#files.values()].filter((file) => file.enabled).map(({ call }) => call));
    const own = [...enabled].filter((call) => !this.#newer.includes(call) && !this.#first.includes(call));
    return [
      ...this.#newer.filter((call) => enabled.has(call)),
      ...own.sort((a, b) => a.id - b.id),
      ...this.#first.filter((call) => enabled.has(call)),
    ].map(({ system, name }) => `${system}:${name}\n`).join("");
  }

  #availableNames(): string {
    const lines: string[] = [];
    for (const [system, name] of this.#names()) lines.push(`${system}:${name}\n`);
    return lines.join("");
  }

  #clearEvents(): number {
    for (const file of this.#files.values()) file.disable();
    return 0;
  }

  /**
   * Each word switches events; the first that matches none fails, and those before it stay. The kernel takes a word a
   * write, and a writer comes back with the rest: this is what comes of it.
   */
  #writeSetEvent(text: string): number {
    for (const word of text.split(/\s+/)) {
      if (word === "") continue;
      const on = !word.startsWith("!");
      const name = on ? word : word.slice(1);
      const colon = name.indexOf(":");
      const wild = (part: string): string | null => part === "" || part === "*" ? null : part;
      const result = colon < 0
        ? this.#switchAll(name, null, null, on)
        : this.#switchAll(null, wild(name.slice(0, colon)), wild(name.slice(colon + 1)), on);
      if (result < 0) return result;
    }
    return text.length;
  }

  /** `apply_subsystem_event_filter`: for each event that has the fields; the file tells where none has. */
  #writeSystemFilter(text: string, system: string): number {
    if (text.length >= PAGE_SIZE) return -EINVAL;
    const filter = text.trimEnd();
    const calls = this.#systemCalls(system);
    if (filter.trim() === "0") {
      for (const call of calls) this.fileOf(call)?.replaceFilter(null);
      this.#systemFilters.delete(system);
      return text.length;
    }
    const unfit = { errno: -EINVAL, error: "BAD_SUBSYS_FILTER", position: 0 } as const;
    const quiet = { add: () => {} };
    let fits = false;
    for (const call of calls) {
      const made = createFilter(filter, call, quiet);
      if (made.errno === 0) fits = true;
      this.file(call).replaceFilter(
        made.errno === 0 ? made : {
          text: refusedFilterText(filter, unfit, this.host.log),
          test: null,
          errno: -EINVAL,
        },
      );
    }
    if (fits) {
      this.#systemFilters.delete(system);
      return text.length;
    }
    this.#systemFilters.set(system, `${refusedFilterText(filter, unfit, this.host.log)}\n`);
    return -EINVAL;
  }

  #systemCalls(system: string): EventCall[] {
    const own = this.#registry.staticSystems.get(system) ?? [];
    const calls = own.map((name) => this.#registry.staticCall(`${system}:${name}`));
    return [...calls, ...this.#registry.dynamic.filter((call) => call.system === system)]
      .filter((call) => call !== undefined);
  }
}

/** `0` or `1` in base 10, else -errno. */
function parseSwitch(text: string): boolean | number {
  const value = kstrtoul(text, 10, 64);
  if (isErrno(value)) return value;
  return value > 1n ? -EINVAL : value === 1n;
}
