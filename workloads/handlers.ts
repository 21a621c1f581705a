/**
 * Handlers of signals in programs written here: the kernel knows them by addresses in the program's text.
 *
 * @module
 */

import type { Steps } from "./program.ts";
import type { Sys } from "./sys.ts";

/** What a program does on a signal. It may make system calls. */
export type SignalHandler = (sys: Sys, signal: number) => Steps<void>;

/** Addresses begin here, behind the program's own code, and are so far apart. */
const FIRST = 0x401600;
const STEP = 16;

/** The handlers of one run. */
export class Handlers {
  readonly #handlers: SignalHandler[] = [];

  /** Gives a handler an address; the same one again for the same handler. */
  add(handler: SignalHandler): number {
    let at = this.#handlers.indexOf(handler);
    if (at < 0) at = this.#handlers.push(handler) - 1;
    return FIRST + at * STEP;
  }

  /** The handler at an address. */
  at(address: number): SignalHandler | undefined {
    return this.#handlers[(address - FIRST) / STEP];
  }
}
