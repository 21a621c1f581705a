/**
 * `print` for handlers.
 *
 * @module
 */

import type { Printable } from "./context.ts";

/** Where `print` goes while a function runs as it is. */
interface Sink {
  print(...values: Printable[]): void;
}

let sink: Sink | undefined;

/**
 * Prints one line of output from a `.do` handler: the values, joined by a space. In a captured handler it is part of
 * the graph; in one that runs as it is, it prints for the hit at hand.
 *
 * @throws {TypeError} Outside a handler, where there is no run to print for.
 */
export function print(...values: Printable[]): void {
  if (sink === undefined) {
    throw new TypeError("Cannot print here: `print` is for probe handlers; elsewhere use console.log");
  }
  sink.print(...values);
}

/** Runs a function so that `print` inside it prints for the given context. */
export function printingTo<T>(context: Sink, run: () => T): T {
  const before = sink;
  sink = context;
  try {
    return run();
  } finally {
    sink = before;
  }
}
