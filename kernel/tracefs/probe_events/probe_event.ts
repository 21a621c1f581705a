/**
 * A probe event: one or more probes that make the same kind of record.
 *
 * @module
 */

import type { TracepointField } from "../../../image/model.ts";
import type { EventCall } from "../events/call.ts";
import type { EventFile } from "../events/event_file.ts";
import { COMMON_FIELDS, probeFields, probePrintFmt } from "./print.ts";
import type { TraceKprobe } from "./trace_kprobe.ts";

/** The event of the probes that share its name. */
export class ProbeEvent implements EventCall {
  readonly system: string;
  readonly name: string;
  readonly isReturn: boolean;
  readonly common: readonly TracepointField[] = COMMON_FIELDS;
  readonly fields: readonly TracepointField[];
  readonly printFmt: string;
  id = 0;
  /** In the order of definition. */
  readonly probes: TraceKprobe[] = [];
  /** Files of trace arrays that want its records. */
  readonly files: EventFile[] = [];

  /** The event of its first probe. */
  constructor(first: TraceKprobe, wordSize: 4 | 8) {
    const { group, event, isReturn, args } = first.definition;
    this.system = group;
    this.name = event;
    this.isReturn = isReturn;
    this.fields = probeFields(isReturn, args, wordSize);
    this.printFmt = probePrintFmt(isReturn, args);
    this.append(first);
  }

  /** Whether anyone wants its records. */
  get enabled(): boolean {
    return this.files.length > 0;
  }

  /** Another probe makes these records. */
  append(probe: TraceKprobe): void {
    this.probes.push(probe);
    probe.event = this;
  }

  /** A probe goes. */
  unlink(probe: TraceKprobe): void {
    const at = this.probes.indexOf(probe);
    if (at >= 0) this.probes.splice(at, 1);
    probe.event = null;
  }

  /** `enable_trace_kprobe`: arms all probes; if one can't be, none stays armed. */
  enable(file: EventFile): number {
    const before = this.enabled;
    this.files.push(file);
    if (before) return 0;
    for (const probe of this.probes) {
      const result = probe.isGone ? 0 : probe.enable();
      if (result === 0) continue;
      for (const armed of this.probes) armed.disable();
      this.#drop(file);
      return result;
    }
    return 0;
  }

  /** `disable_trace_kprobe`. */
  disable(file: EventFile): void {
    this.#drop(file);
    if (!this.enabled) { for (const probe of this.probes) probe.disable(); }
  }

  #drop(file: EventFile): void {
    const at = this.files.indexOf(file);
    if (at >= 0) this.files.splice(at, 1);
  }
}
