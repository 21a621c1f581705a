/**
 * An event of one trace array: `struct trace_event_file`, with its switches, filter and triggers.
 *
 * @module
 */

import { EINVAL } from "../../syscalls/errno.ts";
import type { ErrorLog } from "../error_log.ts";
import type { EventCall, RecordReader } from "./call.ts";
import { createFilter, type EventFilter, type FilterContext } from "./filter.ts";

/** What an event needs of the trace array that it records to. */
export interface EventArray {
  readonly log: ErrorLog;
  readonly context: FilterContext;
  /** Whether the array records no such event of the running task (`trace_event_ignore_this_pid`). */
  ignores(call: EventCall, reader: RecordReader): boolean;
  /** Appends a record: its text behind the context columns, the five flags and its size in bytes. */
  emit(text: () => string, flags: string, size: number): void;
}

/** Something that a record sets off. */
export interface EventTrigger {
  /** As the `trigger` file shows it. */
  readonly text: string;
  /** Runs after the record was made instead of before. */
  readonly isPost: boolean;
  fire(record: EventRecord): void;
}

/** A record on its way to the buffer. */
export interface EventRecord {
  readonly reader: RecordReader;
  /** What follows the context columns; asked for when the trace is read. */
  readonly text: () => string;
  readonly flags: string;
  /** What a stack trace begins with, innermost first, before the function's callers. */
  readonly handlers: () => readonly string[];
  /** Leave out the innermost caller: an architecture with a link register has not stored it at a function's entry. */
  readonly hidesCaller: boolean;
  /** Bytes. */
  readonly size: number;
}

/** One event of one trace array. */
export class EventFile {
  readonly call: EventCall;
  readonly array: EventArray;
  readonly triggers: EventTrigger[] = [];
  /** Whether it was enabled at any time. */
  wasEnabled = false;
  #enabled = false;
  #softDisabled = false;
  #softUsers = 0;
  #filter: EventFilter | null = null;

  constructor(call: EventCall, array: EventArray) {
    this.call = call;
    this.array = array;
  }

  /** Whether the event's source is on, if only for triggers. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** What the `enable` file shows: `0`, `1`, with a `*` where triggers keep the source on. */
  get state(): string {
    const on = this.#enabled && !this.#softDisabled;
    return (on ? "1" : "0") + (this.#softDisabled || this.#softUsers > 0 ? "*" : "");
  }

  /** What the `filter` file shows. */
  get filterText(): string {
    return this.#filter?.text ?? "none";
  }

  /** Switches it on: 0 or -errno. With `soft`, for a trigger: nothing is recorded because of that. */
  enable(soft = false): number {
    if (soft) {
      if (++this.#softUsers > 1) return 0;
    } else {
      this.#softDisabled = false;
    }
    if (this.#enabled) return 0;
    if (soft) this.#softDisabled = true;
    const result = this.call.enable(this);
    if (result < 0) {
      if (soft) {
        this.#softUsers--;
        this.#softDisabled = false;
      }
      return result;
    }
    this.#enabled = true;
    this.wasEnabled = true;
    return 0;
  }

  /** Switches it off; the source stays on while triggers need it. */
  disable(soft = false): void {
    if (soft && --this.#softUsers > 0) return;
    const off = soft ? this.#softDisabled : this.#softUsers === 0;
    if (off && this.#enabled) {
      this.#enabled = false;
      this.call.disable(this);
    }
    this.#softDisabled = this.#softUsers > 0;
  }

  /** What a trigger of another event does: lets the records through, or holds them back. */
  softEnable(on: boolean): void {
    this.#softDisabled = !on;
  }

  /** `apply_event_filter`: 0 or -errno. `0` takes the filter away; a bad one too, and the file then tells why. */
  setFilter(text: string): number {
    if (text.trim() === "0") {
      this.#filter = null;
      return 0;
    }
    this.#filter = createFilter(text.trimEnd(), this.call, this.array.log);
    return this.#filter.errno;
  }

  /** Takes a filter over that was made elsewhere, or none. */
  replaceFilter(filter: EventFilter | null): void {
    this.#filter = filter;
  }

  /** A record was made: triggers run, and it goes to the buffer unless the filter holds it back. */
  deliver(record: EventRecord): void {
    const { triggers } = this;
    if (triggers.length > 0) { for (const t of triggers.slice()) if (!t.isPost) t.fire(record); }
    const test = this.#filter?.test;
    if (
      !this.#softDisabled && (test == null || test(record.reader, this.array.context)) &&
      !this.array.ignores(this.call, record.reader)
    ) {
      this.array.emit(record.text, record.flags, record.size);
    }
    if (triggers.length > 0) { for (const t of triggers.slice()) if (t.isPost) t.fire(record); }
  }

  /** Adds a trigger, and switches the source on for it. */
  addTrigger(trigger: EventTrigger): number {
    const result = this.enable(true);
    if (result < 0) return result;
    this.triggers.push(trigger);
    return 0;
  }

  /** Takes a trigger away; -EINVAL where it isn't there. */
  removeTrigger(trigger: EventTrigger): number {
    const at = this.triggers.indexOf(trigger);
    if (at < 0) return -EINVAL;
    this.triggers.splice(at, 1);
    this.disable(true);
    return 0;
  }
}
