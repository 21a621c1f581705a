/**
 * Tracepoints of one kernel: who listens, and what they are told.
 *
 * @module
 */

import type { TracepointField } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { buildInfo } from "../release/build_info.ts";
import { TraceRecord } from "./record.ts";
import type { TracepointRef, TraceValue } from "./reference.ts";

/** Runs when a tracepoint is passed, with a record that is valid during the call. */
export type TraceHandler = (record: TraceRecord) => void;

/** A handler that listens, until `Tracepoints.unregister`. */
export interface TraceRegistration {
  readonly name: string;
  readonly handler: TraceHandler;
}

interface Listeners {
  readonly record: TraceRecord;
  readonly registrations: TraceRegistration[];
  /** Fields in the order of a handle's arguments, per handle. */
  readonly orders: Map<TracepointRef, readonly (TracepointField | undefined)[]>;
  /** Passes while a handler of the same tracepoint ran. */
  nested: number;
  busy: boolean;
}

/**
 * The tracepoints of one kernel. Firing one that nobody listens to costs a comparison.
 *
 * A tracepoint that is passed again while its handlers run is not told them a second time; `skipped` counts those.
 */
export class Tracepoints {
  readonly #k: Kernel;
  readonly #preemptible: boolean;
  readonly #byName = new Map<string, Listeners>();
  /** By handle index; null where nobody listens. */
  readonly #byRef: (Listeners | null)[] = [];
  #active = 0;

  constructor(k: Kernel) {
    this.#k = k;
    this.#preemptible = buildInfo(k.image).preemptible;
  }

  /** Listens to a tracepoint. Handlers run in the order of registration. Throws with near names if the kernel has none such. */
  register(name: string, handler: TraceHandler): TraceRegistration {
    const listeners = this.#listeners(name);
    const registration: TraceRegistration = { name, handler };
    listeners.registrations.push(registration);
    this.#active++;
    this.#relink();
    return registration;
  }

  /** Stops listening. False where the registration was gone already. */
  unregister(registration: TraceRegistration): boolean {
    const listeners = this.#byName.get(registration.name);
    const at = listeners?.registrations.indexOf(registration) ?? -1;
    if (listeners === undefined || at < 0) return false;
    listeners.registrations.splice(at, 1);
    this.#active--;
    this.#relink();
    return true;
  }

  /** Whether anyone listens: ask before preparing values that cost something. */
  enabled(ref: TracepointRef): boolean {
    return this.#active !== 0 && this.#of(ref) !== null;
  }

  /** Names that someone listens to, sorted. */
  active(): readonly string[] {
    return [...this.#byName].filter(([, l]) => l.registrations.length > 0).map(([name]) => name).sort();
  }

  /** Passes that handlers weren't told of, because they came from inside a handler of the same tracepoint. */
  skipped(name: string): number {
    return this.#byName.get(name)?.nested ?? 0;
  }

  /** Name of the tracepoint whose handlers run now; null outside of them. */
  firing: string | null = null;

  /**
   * The first three columns of a trace line's context (interrupts off, need-resched, hard or soft interrupt), over what
   * the place of the tracepoint itself says: `d..4.`. A kernel that can't be preempted counts no preemption.
   */
  context(place: string): string {
    const { contexts, scheduler, cpu } = this.#k;
    if (contexts === undefined || scheduler === undefined) return place;
    const { hardirq, softirq } = contexts.of(cpu);
    const off = hardirq > 0 ? "d" : place[0] ?? ".";
    const need = scheduler.rq(cpu).needResched ? "N" : ".";
    const inside = hardirq > 0 ? (softirq ? "H" : "h") : softirq ? "s" : ".";
    const depth = this.#preemptible ? place.slice(3) : `.${place.slice(4)}`;
    return `${off}${need}${inside}${depth}`;
  }

  /** A tracepoint is passed. Values go to the handle's fields in order; a field without value reads 0, so does NaN. */
  fire(ref: TracepointRef, ...values: TraceValue[]): void {
    if (this.#active === 0) return;
    const listeners = this.#of(ref);
    if (listeners === null) return;
    if (listeners.busy) {
      listeners.nested++;
      return;
    }
    const { record } = listeners;
    record.begin(this.#k.current.pid);
    const order = this.#order(listeners, ref);
    for (let i = 0; i < values.length; i++) {
      const field = order[i];
      if (field !== undefined) record.put(field, values[i] as TraceValue);
    }
    const outer = this.firing;
    this.firing = ref.name;
    listeners.busy = true;
    try {
      for (const { handler } of listeners.registrations.slice()) handler(record);
    } finally {
      this.firing = outer;
      listeners.busy = false;
    }
  }

  #listeners(name: string): Listeners {
    let listeners = this.#byName.get(name);
    if (listeners === undefined) {
      const image = this.#k.image;
      const info = isTracepointName(name) ? image.tracepoint(name) : undefined;
      if (info === undefined) {
        const near = image.nearTracepoints(name, 1)[0];
        throw new Error(
          `Cannot listen to tracepoint "${name}": kernel ${image.release} (${image.arch}) has no such tracepoint${
            near === undefined ? "" : `; did you mean "${near}"?`
          }`,
        );
      }
      listeners = {
        record: new TraceRecord(info),
        registrations: [],
        orders: new Map(),
        nested: 0,
        busy: false,
      };
      this.#byName.set(name, listeners);
    }
    return listeners;
  }

  #of(ref: TracepointRef): Listeners | null {
    const known = this.#byRef[ref.index];
    if (known !== undefined) return known;
    const listeners = this.#byName.get(ref.name);
    const found = listeners !== undefined && listeners.registrations.length > 0 ? listeners : null;
    this.#byRef[ref.index] = found;
    return found;
  }

  /** Called when somebody begins or ends to listen to anything. */
  readonly changed: (() => void)[] = [];

  #relink(): void {
    this.#byRef.length = 0;
    for (const tell of this.changed) tell();
  }

  #order(listeners: Listeners, ref: TracepointRef): readonly (TracepointField | undefined)[] {
    let order = listeners.orders.get(ref);
    if (order === undefined) {
      const { fields } = listeners.record.info;
      order = ref.fields === null ? fields : ref.fields.map((name) => fields.find((f) => f.name === name));
      listeners.orders.set(ref, order);
    }
    return order;
  }
}

function isTracepointName(name: string): name is `${string}:${string}` {
  return /^[^:]+:[^:]+$/.test(name);
}
