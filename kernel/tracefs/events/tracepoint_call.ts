/**
 * The kernel's own tracepoints as trace events.
 *
 * @module
 */

import type { TracepointField, TracepointInfo } from "../../../image/model.ts";
import type { TraceRecord } from "../../tracing/record.ts";
import type { TraceRegistration } from "../../tracing/tracepoints.ts";
import { BytesReader } from "./bytes_reader.ts";
import type { EventCall } from "./call.ts";
import type { EventFile } from "./event_file.ts";
import { PrintFmt, type PrintFmtHost } from "./print_fmt.ts";

/** What an event needs of the kernel's tracepoints. */
export interface TracepointSource {
  register(name: string, handler: (record: TraceRecord) => void): TraceRegistration;
  unregister(registration: TraceRegistration): boolean;
  /** Context columns, over those of the tracepoint's place. */
  context(place: string): string;
}

/** Context columns of a system call's events: preemption is off while they are recorded, and they count that. */
const SYSCALL_FLAGS = "...1.";

/** Context columns of events that are passed with interrupts off: in the scheduler, with its locks held. */
const FLAGS: ReadonlyMap<string, string> = new Map(Object.entries<string>({
  "sched:sched_switch": "d..2.",
  "sched:sched_wakeup": "d..4.",
  "sched:sched_wakeup_new": "d..4.",
  "sched:sched_waking": "d..4.",
  "timer:hrtimer_expire_entry": "d.h..",
  "block:block_rq_complete": "d.h..",
}));

/** One tracepoint. */
export class TracepointCall implements EventCall {
  readonly system: string;
  readonly name: string;
  id: number;
  readonly common: readonly TracepointField[];
  readonly fields: readonly TracepointField[];
  readonly printFmt: string;
  readonly #source: TracepointSource;
  readonly #host: PrintFmtHost;
  readonly #registrations = new Map<EventFile, TraceRegistration>();
  #print: ((record: BytesReader, rawPointers: boolean) => string) | null = null;

  constructor(info: TracepointInfo, source: TracepointSource, host: PrintFmtHost) {
    this.system = info.subsystem;
    this.name = info.name;
    this.id = info.id;
    this.common = info.common;
    this.fields = info.fields;
    this.printFmt = info.printFmt;
    this.#source = source;
    this.#host = host;
  }

  enable(file: EventFile): number {
    const name = `${this.system}:${this.name}`;
    const place = FLAGS.get(name) ?? (this.system === "syscalls" ? SYSCALL_FLAGS : ".....");
    const registration = this.#source.register(name, (record) => {
      const reader = new BytesReader(record.bytes());
      file.deliver({
        reader,
        text: ({ rawPointers }) => this.text(reader, rawPointers),
        flags: this.#source.context(place),
        handlers: () => [],
        hidesCaller: false,
        size: reader.bytes.length,
      });
    });
    this.#registrations.set(file, registration);
    return 0;
  }

  disable(file: EventFile): void {
    const registration = this.#registrations.get(file);
    if (registration !== undefined) this.#source.unregister(registration);
    this.#registrations.delete(file);
  }

  /** A record's text behind the context columns. */
  text(record: BytesReader, rawPointers = false): string {
    this.#print ??= this.#printer();
    return this.#print(record, rawPointers);
  }

  #printer(): (record: BytesReader, rawPointers: boolean) => string {
    const call = /^sys_(enter|exit)_(.+)$/.exec(this.name);
    if (this.system === "syscalls" && call !== null) {
      return call[1] === "enter" ? this.#enterPrinter(`sys_${call[2]}`) : this.#exitPrinter(`sys_${call[2]}`);
    }
    const format = new PrintFmt(this.printFmt, this.common, this.fields, this.#host);
    return (record, rawPointers) => `${this.name}: ${format.print(record, rawPointers)}`;
  }

  /** `print_syscall_enter`: these events don't print by their format. */
  #enterPrinter(name: string): (record: BytesReader) => string {
    const args = this.fields.filter((field) => field.name !== "__syscall_nr");
    return (record) => {
      const shown = args.map((f) => `${f.name}: ${record.loadBig(f.offset, f.size, false).toString(16)}`);
      return `${name}(${shown.join(", ")})`;
    };
  }

  #exitPrinter(name: string): (record: BytesReader) => string {
    const ret = this.fields.find((field) => field.name === "ret");
    return (record) => {
      const value = ret === undefined ? 0n : record.loadBig(ret.offset, ret.size, false);
      return `${name} -> 0x${value.toString(16)}`;
    };
  }
}
