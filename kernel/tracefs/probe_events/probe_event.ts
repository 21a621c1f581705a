/**
 * A probe event: one or more probes that make the same kind of record.
 *
 * @module
 */

import type { TracepointField } from "../../../image/model.ts";
import { EBUSY } from "../../syscalls/errno.ts";
import type { EventCall } from "../events/call.ts";
import type { EventFile } from "../events/event_file.ts";
import type { EventRegistry } from "../events/registry.ts";
import { COMMON_FIELDS, probeFields, probePrintFmt } from "./print.ts";
import type { ProbeArg } from "./fetch_code.ts";
import { MAX_ARGSTR_LEN } from "./parse_arg.ts";

/** One probe of an event, at whatever kind of place: `struct trace_probe`. */
export interface EventProbe {
  readonly definition: {
    readonly group: string;
    readonly event: string;
    readonly isReturn: boolean;
    readonly args: readonly ProbeArg[];
  };
  /** The event that it belongs to; set when it is defined or appended. */
  event: ProbeEvent | null;
  /** Its code is gone: there is nothing to arm. */
  readonly isGone: boolean;
  /** Arms it: 0 or -errno. */
  enable(): number;
  /** Disarms it. */
  disable(): void;
}

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
  readonly probes: EventProbe[] = [];
  /** Files of trace arrays that want its records. */
  readonly files: EventFile[] = [];

  /** The event of its first probe. */
  constructor(first: EventProbe, wordSize: 4 | 8) {
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
  append(probe: EventProbe): void {
    this.probes.push(probe);
    probe.event = this;
  }

  /** A probe goes. */
  unlink(probe: EventProbe): void {
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

/** `unregister_trace_kprobe` and its like, the event's part: -EBUSY while it is in use, unless it has other probes. */
export function releaseProbe(probe: EventProbe, registry: EventRegistry): number {
  const { event } = probe;
  if (event === null) return 0;
  if (event.probes.length === 1) {
    if (event.enabled || registry.remove(event) < 0) return -EBUSY;
  }
  event.unlink(probe);
  return 0;
}

/** `trace_probe_match_command_args`: whether a deletion's words are the first arguments. */
export function matchesArgs(args: readonly ProbeArg[], words: readonly string[]): boolean {
  return words.length <= args.length && words.every((word, i) => {
    const arg = args[i];
    return arg !== undefined && `${arg.name}=${arg.text}`.slice(0, MAX_ARGSTR_LEN) === word;
  });
}

/** `trace_probe_compare_arg_type`: 0, or the first argument (counted from 1) in which the records would differ. */
export function firstDifference(a: readonly ProbeArg[], b: readonly ProbeArg[]): number {
  if (a.length !== b.length) return Math.min(a.length, b.length) + 1;
  return a.findIndex((arg, i) => {
    const other = b[i];
    return other === undefined || arg.type !== other.type || arg.count !== other.count ||
      arg.name !== other.name;
  }) + 1;
}
