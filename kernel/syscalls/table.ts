/**
 * What a kernel remembers of the system calls made: which had no model, where a recording overruled the model, and
 * what was impossible in a recording.
 *
 * @module
 */

import { type CallFacts, callFacts } from "./call_facts.ts";
import type { KernelImage } from "../../image/model.ts";

/** Most warnings that are kept; the rest is only counted. */
const MAX_WARNINGS = 200;

/** Account of the system calls of one kernel. */
export class SyscallTable {
  /** In a replay: the port of the next connection to a listening port, 0 where the recording does not tell. */
  recordedPort: ((listening: number) => number) | null = null;
  /** System calls without a behaviour, by name: they ran as entry function and tracepoints. */
  readonly unmodeled: Map<string, number> = new Map();
  /** Calls whose modeled result differed from the recorded one, which was returned, by name. */
  readonly overruled: Map<string, number> = new Map();
  /** What a recording did that the model finds impossible, as sentences; at most 200. */
  readonly warnings: string[] = [];
  /** Number of warnings, those not kept included. */
  warned = 0;
  readonly #facts = new Map<string, CallFacts>();

  /**
   * What is known of a system call by its name; `via`: the call of the table that it is made through.
   *
   * @throws {Error} Where this architecture has none of that name
   */
  facts(image: KernelImage, name: string, via?: string): CallFacts {
    const key = via === undefined ? name : `${via} ${name}`;
    let facts = this.#facts.get(key);
    if (facts === undefined) this.#facts.set(key, facts = callFacts(image, name, via));
    return facts;
  }

  /** Counts a call that has no behaviour. */
  countUnmodeled(name: string): void {
    this.unmodeled.set(name, (this.unmodeled.get(name) ?? 0) + 1);
  }

  /** Counts a call whose recorded result replaced the modeled one. */
  countOverruled(name: string): void {
    this.overruled.set(name, (this.overruled.get(name) ?? 0) + 1);
  }

  /** Keeps a warning. */
  warn(sentence: string): void {
    this.warned++;
    if (this.warnings.length < MAX_WARNINGS) this.warnings.push(sentence);
  }
}
