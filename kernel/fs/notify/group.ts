/**
 * What `inotify_init` makes: a group with its watches and its queue of events.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { Kernel } from "../../kernel.ts";
import { initList } from "../../memory/list.ts";
import { kfree, kzalloc } from "../../process/alloc.ts";
import { field, sizeOfStruct } from "../../process/objects.ts";
import { initWaitQueueHead } from "../../sched/wait.ts";
import { IN_Q_OVERFLOW } from "./masks.ts";
import type { Watch } from "./watches.ts";

/** Fields of `struct fsnotify_group`. */
const GROUP = {
  notificationList: field("fsnotify_group", "notification_list"),
  waitQueue: field("fsnotify_group", "notification_waitq"),
  length: field("fsnotify_group", "q_len"),
  max: field("fsnotify_group", "max_events"),
} as const;
/** `fs.inotify.max_queued_events`. */
const MAX_QUEUED = 16384;
/** Bytes of a `struct inotify_event` before the name. */
const HEADER = 16;

interface Event {
  readonly wd: number;
  readonly mask: number;
  readonly cookie: number;
  /** Bytes of the name. */
  readonly name: Uint8Array;
}

/** An inotify instance. */
export class InotifyGroup {
  /** Address of the `struct fsnotify_group`. */
  readonly address: Addr;
  /** Watches by descriptor. */
  readonly watches: Map<number, Watch> = new Map();
  readonly #k: Kernel;
  readonly #events: Event[] = [];
  #nextWd = 1;

  constructor(k: Kernel) {
    this.#k = k;
    this.address = kzalloc(k, sizeOfStruct(k, "fsnotify_group"));
    initList(k, GROUP.notificationList.at(k, this.address));
    initWaitQueueHead(k, this.waitQueue);
    GROUP.max.set(k, this.address, MAX_QUEUED);
  }

  /** Address of the queue of those who wait for events. */
  get waitQueue(): Addr {
    return GROUP.waitQueue.at(this.#k, this.address);
  }

  /** Events that wait. */
  get length(): number {
    return this.#events.length;
  }

  /** Bytes that all waiting events take. */
  get bytes(): number {
    return this.#events.reduce((sum, event) => sum + sizeOf(event), 0);
  }

  /** Bytes that the next event takes; 0 if there is none. */
  get nextBytes(): number {
    const event = this.#events[0];
    return event === undefined ? 0 : sizeOf(event);
  }

  /** A descriptor for a new watch; they are never given twice. */
  newWd(): number {
    return this.#nextWd++;
  }

  /** Queues an event; one like the last is merged with it, past the limit all are lost. True if it was queued. */
  queue(wd: number, mask: number, cookie: number, name: string): boolean {
    const event: Event = { wd, mask, cookie, name: new TextEncoder().encode(name) };
    const last = this.#events.at(-1);
    if (last !== undefined && sameEvent(last, event)) return false;
    if (this.#events.length >= MAX_QUEUED) {
      if (last?.mask === IN_Q_OVERFLOW) return false;
      this.#push({ wd: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: new Uint8Array(0) });
      return true;
    }
    this.#push(event);
    return true;
  }

  /** Takes the next event out, as `read` stores it. */
  take(): Uint8Array {
    const event = this.#events.shift();
    if (event === undefined) return new Uint8Array(0);
    GROUP.length.set(this.#k, this.address, this.#events.length);
    const bytes = new Uint8Array(sizeOf(event));
    const view = new DataView(bytes.buffer);
    view.setInt32(0, event.wd, true);
    view.setUint32(4, event.mask >>> 0, true);
    view.setUint32(8, event.cookie, true);
    view.setUint32(12, bytes.length - HEADER, true);
    bytes.set(event.name, HEADER);
    return bytes;
  }

  /** Gives the object back. */
  free(): void {
    kfree(this.#k, this.address);
  }

  #push(event: Event): void {
    this.#events.push(event);
    GROUP.length.set(this.#k, this.address, this.#events.length);
  }
}

function sizeOf({ name }: Event): number {
  return HEADER + (name.length === 0 ? 0 : Math.ceil((name.length + 1) / HEADER) * HEADER);
}

function sameEvent(one: Event, other: Event): boolean {
  return one.wd === other.wd && one.mask === other.mask && one.cookie === other.cookie &&
    one.name.length === other.name.length && one.name.every((byte, i) => byte === other.name[i]);
}
