/**
 * `trace_probe_log`: where in the command that is being read an error is.
 *
 * @module
 */

import type { ErrorLog } from "../error_log.ts";
import { type ProbeError, probeErrorText } from "./messages.ts";

/** The words of one command, and the one that is being looked at. */
export class ProbeLog {
  /** Which word an error's offset counts from. */
  index = 0;
  readonly #words: readonly string[];
  readonly #log: ErrorLog;
  readonly #release: string;

  readonly #location: string;

  /** `location` is who logs. */
  constructor(words: readonly string[], log: ErrorLog, release: string, location = "trace_kprobe") {
    this.#words = words;
    this.#location = location;
    this.#log = log;
    this.#release = release;
  }

  /** Logs an error `offset` characters into the current word; behind the command where there is no such word. */
  error(offset: number, error: ProbeError): void {
    const command = this.#words.join(" ");
    let position = command.length + 1;
    if (this.index < this.#words.length) {
      const before = this.#words.slice(0, this.index);
      position = before.reduce((sum, word) => sum + word.length + 1, 0) + offset;
    }
    this.#log.add(this.#location, probeErrorText(error, this.#release), command, position);
  }
}
