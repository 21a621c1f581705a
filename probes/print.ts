/**
 * `print`, `exit` and `range` for handlers.
 *
 * @module
 */

import type { Printable } from "./context.ts";
import { runningContext } from "./running.ts";

/**
 * Prints one line of output from a `.do` handler: the values, joined by a space. In a captured handler it is part of
 * the graph; in one that runs as it is, it prints for the hit at hand.
 *
 * @throws {TypeError} Outside a handler, where there is no run to print for.
 */
export function print(...values: Printable[]): void {
  runningContext("print").print(...values);
}

/**
 * Ends the run before its next event, from a `.do` handler. The hit ends too; after it only `end` probes run.
 *
 * @throws {TypeError} Outside a handler.
 */
export function exit(code = 0): never {
  return runningContext("exit").exit(code);
}

/** The integers from one up to but not including another, for loops in handlers: `for (const i of range(0, 6))`. */
export function* range(from: number, to: number): Iterable<number> {
  for (let i = from; i < to; i++) yield i;
}
