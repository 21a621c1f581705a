/**
 * The kernel's log: what `printk` writes and `dmesg` reads.
 *
 * @module
 */

import type { Clock } from "../time/clock.ts";

/** Severities, as in the kernel: lower is worse. */
export const LOG_LEVELS = {
  emerg: 0,
  alert: 1,
  crit: 2,
  err: 3,
  warn: 4,
  notice: 5,
  info: 6,
  debug: 7,
} as const;

/** A severity's name. */
export type LogLevel = keyof typeof LOG_LEVELS;

/** One line of the log. */
export interface LogRecord {
  /** Counts up from 0 over all records ever written. */
  readonly sequence: number;
  /** Virtual nanoseconds since boot. */
  readonly time: number;
  readonly level: LogLevel;
  /** Without newline. */
  readonly text: string;
}

/** Bytes of records that the ring keeps (`CONFIG_LOG_BUF_SHIFT` 17), each counted with its header. */
const RING_SIZE = 1 << 17;
/** Bytes that a record takes besides its text. */
const RECORD_HEADER = 48;

/**
 * A ring of log records: the oldest go when it is full.
 *
 * ```ts
 * import { Clock } from "../time/clock.ts";
 * import { LogRing } from "./ring.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new Clock();
 * const log = new LogRing(clock);
 * clock.now = 5_123_456_789;
 * log.printk("kprobes: Kprobes globally disabled\n");
 * assertEquals(log.dmesg(), "[    5.123456] kprobes: Kprobes globally disabled\n");
 * ```
 */
export class LogRing {
  readonly #clock: Clock;
  #records: LogRecord[] = [];
  #size = 0;
  #sequence = 0;
  readonly #listeners = new Set<(record: LogRecord) => void>();
  readonly #once = new Set<string>();

  /** Times are those of `clock`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Writes a message; each of its lines becomes a record. A newline at the end adds none. */
  printk(message: string, level: LogLevel = "info"): void {
    for (const text of message.replace(/\n$/, "").split("\n")) this.#add(text, level);
  }

  /** `printk_once`: writes a message unless one with that key was written before. */
  printkOnce(key: string, message: string, level: LogLevel = "info"): void {
    if (this.#once.has(key)) return;
    this.#once.add(key);
    this.printk(message, level);
  }

  /** Records that are still kept, oldest first; from a sequence number on if given. */
  records(from = 0): readonly LogRecord[] {
    return this.#records.filter((record) => record.sequence >= from);
  }

  /** The sequence number that the next record will have: pass it to `records` or `dmesg` later to see what came since. */
  get next(): number {
    return this.#sequence;
  }

  /** The log as `dmesg` prints it, a line per record: `[    5.123456] text`. */
  dmesg(from = 0): string {
    return this.records(from).map((record) => `${stamp(record.time)} ${record.text}\n`).join("");
  }

  /** Forgets all records, as `dmesg --clear` does. */
  clear(): void {
    this.#records = [];
    this.#size = 0;
  }

  /** Calls `listener` for each new record, until the function that it returns is called. */
  listen(listener: (record: LogRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #add(text: string, level: LogLevel): void {
    const record: LogRecord = { sequence: this.#sequence++, time: this.#clock.now, level, text };
    this.#records.push(record);
    this.#size += RECORD_HEADER + text.length;
    let drop = 0;
    while (this.#size > RING_SIZE && drop < this.#records.length - 1) {
      this.#size -= RECORD_HEADER + (this.#records[drop] as LogRecord).text.length;
      drop++;
    }
    if (drop > 0) this.#records.splice(0, drop);
    for (const listener of this.#listeners) listener(record);
  }
}

/** `[    5.123456]` */
function stamp(ns: number): string {
  const micros = Math.floor(ns / 1000);
  const seconds = Math.floor(micros / 1e6);
  return `[${String(seconds).padStart(5)}.${String(micros - seconds * 1e6).padStart(6, "0")}]`;
}
