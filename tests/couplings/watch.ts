/**
 * What a run tells, event by event, for rules that must hold over all of it.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { Kprobe } from "../../kernel/kprobes/kprobe.ts";
import type { PtRegs } from "../../kernel/arch/pt_regs.ts";
import type { TraceRecord } from "../../kernel/tracing/record.ts";

/** Violations beyond these are only counted. */
const SHOWN = 8;

/** An integer field of the event that is told. */
export type Field = (name: string) => number;

/** What a rule found broken, and how much it looked at. */
export interface Findings {
  /** Events looked at. */
  readonly events: number;
  readonly violations: readonly string[];
}

/** A rule's view of one run. */
export class Watch {
  readonly k: Kernel;
  #events = 0;
  #broken = 0;
  readonly #violations: string[] = [];
  readonly #ends: (() => void)[] = [];

  constructor(k: Kernel) {
    this.k = k;
  }

  /** Listens to a tracepoint; a kernel that has no such one tells nothing. */
  on(event: `${string}:${string}`, told: (field: Field) => void): void {
    const info = this.k.image.tracepoint(event);
    if (info === undefined) return;
    const fields = new Map(info.fields.map((field) => [field.name, field]));
    let record: TraceRecord;
    const read: Field = (name) => {
      const field = fields.get(name);
      if (field === undefined) throw new Error(`${event} has no field ${name}`);
      return record.load(field.offset, field.size, field.signed || field.size === 8);
    };
    this.k.tracepoints.register(event, (passed) => {
      record = passed;
      this.#events++;
      told(read);
    });
  }

  /** Looks at the first argument of each call of a function. */
  onEntry(symbolName: string, called: (argument: number) => void): void {
    const preHandler = (_probe: Kprobe, regs: PtRegs): number => {
      this.#events++;
      called(regs.arg(0));
      return 0;
    };
    const error = this.k.kprobes.registerKprobe(new Kprobe({ symbolName, preHandler }));
    if (error !== 0) throw new Error(`Cannot watch ${symbolName}: error ${error}`);
  }

  /** Looks once more when the run is over. */
  atEnd(look: () => void): void {
    this.#ends.push(look);
  }

  /** Says what is broken unless `holds`. */
  must(holds: boolean, says: () => string): void {
    if (holds) return;
    this.#broken++;
    if (this.#violations.length >= SHOWN) return;
    const { k } = this;
    this.#violations.push(`${k.clock.now} ns, CPU ${k.cpu}, ${k.current.comm}/${k.current.pid}: ${says()}`);
  }

  /** Ends the run. */
  findings(): Findings {
    for (const look of this.#ends) look();
    const more = this.#broken - this.#violations.length;
    return {
      events: this.#events,
      violations: more > 0 ? [...this.#violations, `and ${more} more`] : this.#violations,
    };
  }
}

/** A rule: it listens to a run from its start. */
export type Rule = (watch: Watch) => void;
