/**
 * Triggers: what a record of an event sets off, and when.
 *
 * @module
 */

import type { EventRecord } from "./event_file.ts";
import type { EventFilter } from "./filter.ts";

/** Something that a record sets off: `struct event_trigger_data`. */
export interface EventTrigger {
  /** An event has one trigger of a type at most (`trigger_type`); those that switch another event name it. */
  readonly type: string;
  /** As the `trigger` file shows it. */
  readonly text: string;
  /** Runs after the record was made instead of before. */
  readonly isPost: boolean;
  /** Looks at the record: it must be made first. */
  readonly needsRecord: boolean;
  /** Doesn't run for now. */
  readonly paused: boolean;
  /** Records that it is for; null: all. */
  readonly filter: EventFilter | null;
  /** A record that passed its filter. */
  fire(record: EventRecord): void;
  /** It was taken away. */
  removed?(): void;
}

/** Whether a trigger can't be run before the record is made (`update_cond_flag`). */
export function isConditional(trigger: EventTrigger): boolean {
  return trigger.filter !== null || trigger.isPost || trigger.needsRecord;
}

/** What a trigger does. */
export interface TriggerAction {
  readonly type: string;
  readonly isPost: boolean;
  /** Whether there is nothing to do, so that a count isn't used up. */
  readonly idle?: () => boolean;
  readonly run: (record: EventRecord) => void;
  /** Before it is added. */
  readonly added?: () => void;
  readonly removed?: () => void;
}

/** A trigger that stops after some times, or never. */
export class CountedTrigger implements EventTrigger {
  readonly type: string;
  readonly isPost: boolean;
  readonly needsRecord = false;
  readonly paused = false;
  readonly filter: EventFilter | null;
  readonly #name: string;
  readonly #action: TriggerAction;
  /** Times that are left; -1 for any number. */
  #left: number;

  /** `name` is what the file shows before the count. */
  constructor(name: string, action: TriggerAction, count: number, filter: EventFilter | null) {
    this.type = action.type;
    this.isPost = action.isPost;
    this.filter = filter;
    this.#name = name;
    this.#action = action;
    this.#left = count;
  }

  get text(): string {
    const count = this.#left === -1 ? "unlimited" : `count=${this.#left}`;
    return `${this.#name}:${count}${this.filter === null ? "" : ` if ${this.filter.text}`}`;
  }

  fire(record: EventRecord): void {
    if (this.#left === 0 || this.#action.idle?.() === true) return;
    if (this.#left !== -1) this.#left--;
    this.#action.run(record);
  }

  removed(): void {
    this.#action.removed?.();
  }
}
