/**
 * An event of one trace array: `struct trace_event_file`, with its switches, filter and triggers.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { EINVAL } from "../../syscalls/errno.ts";
import type { ErrorLog } from "../error_log.ts";
import type { EventText } from "../trace_entry.ts";
import type { EventCall, RecordReader } from "./call.ts";
import { createFilter, type EventFilter, type FilterContext } from "./filter.ts";
import { type EventTrigger, isConditional } from "./trigger.ts";

/** What an event needs of the trace array that it records to. */
export interface EventArray {
  readonly log: ErrorLog;
  readonly context: FilterContext;
  /** Whether the array records no such event of the running task (`trace_event_ignore_this_pid`). */
  ignores(call: EventCall, reader: RecordReader): boolean;
  /** Appends a record of an event with this number. */
  emit(record: EventRecord, type: number): void;
  /**
   * Where a record made now goes: null while nothing is recorded. With `waits` that is asked when the record is
   * complete, not now.
   */
  reserve(waits: boolean): RecordPlace | null;
  /** Its source is switched on, or off. */
  switched(file: EventFile, on: boolean): void;
}

/** The place of a record that isn't complete. */
export interface RecordPlace {
  /** Puts a record of an event with this number there. */
  commit(record: EventRecord, type: number): void;
}

/** A record on its way to the buffer. */
export interface EventRecord {
  readonly reader: RecordReader;
  /** What follows the context columns; asked for when the trace is read. */
  readonly text: EventText;
  readonly flags: string;
  /** What a stack trace begins with, innermost first, before the function's callers. */
  readonly handlers: () => readonly (Addr | string)[];
  /** Leave out the innermost caller: an architecture with a link register has not stored it at a function's entry. */
  readonly hidesCaller: boolean;
  /** Where the registers say that it happened, and how many callers a stack from there leaves out. */
  readonly registers?: { readonly ip: Addr; readonly skip: 0 | 1 };
  /** Bytes. */
  readonly size: number;
}

/** One event of one trace array. */
export class EventFile {
  readonly call: EventCall;
  readonly array: EventArray;
  /** In the order in which they run and the file shows them. */
  readonly triggers: EventTrigger[] = [];
  /** Whether it was enabled at any time. */
  wasEnabled = false;
  #enabled = false;
  #softDisabled = false;
  #softUsers = 0;
  #filter: EventFilter | null = null;
  /** Whether triggers wait for the record, all of them, because one does (`EVENT_FILE_FL_TRIGGER_COND`). */
  #conditional = false;

  constructor(call: EventCall, array: EventArray) {
    this.call = call;
    this.array = array;
  }

  /** Whether the event's source is on, if only for triggers. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** Whether the source is on without anything being recorded. */
  get softDisabled(): boolean {
    return this.#softDisabled;
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
    this.array.switched(this, true);
    return 0;
  }

  /** Switches it off; the source stays on while triggers need it. */
  disable(soft = false): void {
    if (soft && --this.#softUsers > 0) return;
    const off = soft ? this.#softDisabled : this.#softUsers === 0;
    if (off && this.#enabled) {
      this.#enabled = false;
      this.call.disable(this);
      this.array.switched(this, false);
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

  /** The event happened: triggers run, and its record goes to the buffer unless the filter holds it back. */
  deliver(record: EventRecord): void {
    if (this.triggers.length > 0) this.#deliverTriggering(record);
    else if (this.#isWanted(record)) this.array.emit(record, this.call.id);
  }

  /**
   * Triggers without conditions run before anything is reserved in the buffer: what `traceon` sees is recorded.
   * Where one has a condition, all run on the finished record, which has its place by then; and where the buffer is
   * off, on a record that goes nowhere. A filter or a soft-disabled event puts the record aside, and the buffer is
   * asked when it is complete.
   */
  #deliverTriggering(record: EventRecord): void {
    if (!this.#conditional) {
      const held = this.#softDisabled;
      for (const trigger of this.triggers.slice()) trigger.fire(record);
      if (held) return;
    }
    if (this.array.ignores(this.call, record.reader)) return;
    const place = this.array.reserve(this.#softDisabled || this.#filter?.test != null);
    const after = this.#conditional ? this.#fireMatching(record) : [];
    if (place !== null && this.#isWanted(record)) place.commit(record, this.call.id);
    for (const trigger of after) trigger.fire(record);
  }

  /** Runs the triggers that a record is for; the result waits until it is in the buffer. */
  #fireMatching(record: EventRecord): EventTrigger[] {
    const after: EventTrigger[] = [];
    for (const trigger of this.triggers.slice()) {
      const test = trigger.filter?.test;
      if (trigger.paused || (test != null && !test(record.reader, this.array.context))) continue;
      if (trigger.isPost) after.push(trigger);
      else trigger.fire(record);
    }
    return after;
  }

  #isWanted({ reader }: EventRecord): boolean {
    const test = this.#filter?.test;
    return !this.#softDisabled && (test == null || test(reader, this.array.context)) &&
      !this.array.ignores(this.call, reader);
  }

  /** Adds a trigger, and switches the source on for it. New ones run first, unless they go to the end. */
  addTrigger(trigger: EventTrigger, atEnd = false): number {
    const result = this.enable(true);
    if (result < 0) return result;
    if (atEnd) this.triggers.push(trigger);
    else this.triggers.unshift(trigger);
    this.#conditional = this.triggers.some(isConditional);
    return 0;
  }

  /** Takes a trigger away; -EINVAL where it isn't there. */
  removeTrigger(trigger: EventTrigger): number {
    const at = this.triggers.indexOf(trigger);
    if (at < 0) return -EINVAL;
    this.triggers.splice(at, 1);
    this.#conditional = this.triggers.some(isConditional);
    this.disable(true);
    trigger.removed?.();
    return 0;
  }
}
