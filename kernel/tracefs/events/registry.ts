/**
 * All trace events of one kernel: its own, and those that users define.
 *
 * @module
 */

import type { KernelImage } from "../../../image/model.ts";
import { EBUSY, ENODEV } from "../../syscalls/errno.ts";
import type { EventCall } from "./call.ts";
import type { EventDirectory } from "./event_directory.ts";

/** Largest `common_type`. */
const TRACE_EVENT_TYPE_MAX = 65535;

/** Makes the event of one of the kernel's own tracepoints. */
export type StaticCallMaker = (name: `${string}:${string}`) => EventCall | undefined;

/** The events of one kernel. */
export class EventRegistry {
  readonly #image: KernelImage;
  readonly #make: StaticCallMaker;
  readonly #static = new Map<string, EventCall | undefined>();
  #staticNames: readonly string[] | null = null;
  #systems: ReadonlyMap<string, readonly string[]> | null = null;
  readonly #dynamic: EventCall[] = [];
  readonly #directories: EventDirectory[] = [];
  #nextType = 0;

  constructor(image: KernelImage, make: StaticCallMaker) {
    this.#image = image;
    this.#make = make;
  }

  /** Events that users defined, in their order. */
  get dynamic(): readonly EventCall[] {
    return this.#dynamic;
  }

  /** `SYSTEM:EVENT` of the kernel's own events, by id. */
  get staticNames(): readonly string[] {
    if (this.#staticNames === null) {
      const names = this.#image.tracepoints();
      const ids = new Map(names.map((name) => [name, this.#id(name)]));
      this.#staticNames = [...names].sort((a, b) => (ids.get(a) ?? 0) - (ids.get(b) ?? 0));
    }
    return this.#staticNames;
  }

  /** The kernel's own systems, and the events of each. */
  get staticSystems(): ReadonlyMap<string, readonly string[]> {
    if (this.#systems === null) {
      const systems = new Map<string, string[]>();
      for (const name of this.#image.tracepoints()) {
        const [system = "", event = ""] = name.split(":");
        const events = systems.get(system);
        if (events === undefined) systems.set(system, [event]);
        else events.push(event);
      }
      this.#systems = systems;
    }
    return this.#systems;
  }

  /** An event by its names. */
  find(system: string, name: string): EventCall | undefined {
    return this.#dynamic.find((call) => call.system === system && call.name === name) ??
      this.staticCall(`${system}:${name}`);
  }

  /** One of the kernel's own events. */
  staticCall(name: string): EventCall | undefined {
    if (!isEventName(name)) return undefined;
    if (!this.#static.has(name)) this.#static.set(name, this.#make(name));
    return this.#static.get(name);
  }

  /** Whether an event has these names, without making anything. */
  exists(system: string, name: string): boolean {
    return this.#dynamic.some((call) => call.system === system && call.name === name) ||
      (this.staticSystems.get(system)?.includes(name) ?? false);
  }

  /** `register_trace_event` and `trace_add_event_call`: gives the event a number and its files. 0 or -errno. */
  add(call: EventCall): number {
    const type = this.#allocateType();
    if (type === 0) return -ENODEV;
    call.id = type;
    this.#dynamic.push(call);
    for (const directory of this.#directories) directory.addEvent(call);
    return 0;
  }

  /** `trace_remove_event_call`: -EBUSY while any trace array has it enabled. */
  remove(call: EventCall): number {
    if (this.#directories.some((directory) => directory.fileOf(call)?.enabled)) return -EBUSY;
    const at = this.#dynamic.indexOf(call);
    if (at >= 0) this.#dynamic.splice(at, 1);
    for (const directory of this.#directories) directory.removeEvent(call);
    return 0;
  }

  /** Forgets the records of trace arrays in which a removed event was enabled: nothing could print them. */
  resetArrays(): void {
    for (const directory of this.#directories) directory.clearIfStale();
  }

  /** Files of these events appear in, and disappear from, a trace array's directory. */
  attach(directory: EventDirectory): void {
    this.#directories.push(directory);
  }

  /** A trace array goes away. */
  detach(directory: EventDirectory): void {
    const at = this.#directories.indexOf(directory);
    if (at >= 0) this.#directories.splice(at, 1);
  }

  /** The next number; once they have run out, the lowest that is free. */
  #allocateType(): number {
    if (this.#nextType === 0) {
      const ids = this.#image.tracepoints().map((name) => this.#id(name));
      this.#nextType = Math.max(0, ...ids) + 1;
    }
    if (this.#nextType <= TRACE_EVENT_TYPE_MAX) return this.#nextType++;
    const taken = new Set(this.#dynamic.map((call) => call.id));
    const first = Math.max(0, ...this.#image.tracepoints().map((name) => this.#id(name))) + 1;
    for (let type = first; type <= TRACE_EVENT_TYPE_MAX; type++) if (!taken.has(type)) return type;
    return 0;
  }

  #id(name: string): number {
    return isEventName(name) ? this.#image.tracepoint(name)?.id ?? 0 : 0;
  }
}

function isEventName(name: string): name is `${string}:${string}` {
  return name.includes(":");
}
