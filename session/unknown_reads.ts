/**
 * Counts what probes read although nothing in the model determines it. Such values read as 0; the report names them.
 *
 * @module
 */

import type { Kernel } from "../kernel/kernel.ts";
import type { UnknownRead } from "./result.ts";

/** The unknown reads of one kernel, from the moment this is made. */
export class UnknownReads {
  readonly #times = new Map<string, Map<number, number>>();

  constructor(kernel: Kernel) {
    kernel.calls.armed.onUnknown = (functionName, argument) => this.#note(functionName, argument);
  }

  /** What was read, by function and argument. */
  list(): readonly UnknownRead[] {
    return [...this.#times]
      .flatMap(([name, byArgument]) =>
        [...byArgument].map(([argument, times]) => ({ function: name, argument, times }))
      )
      .sort((a, b) => a.function < b.function ? -1 : a.function > b.function ? 1 : a.argument - b.argument);
  }

  #note(functionName: string, argument: number): void {
    let byArgument = this.#times.get(functionName);
    if (byArgument === undefined) this.#times.set(functionName, byArgument = new Map());
    byArgument.set(argument, (byArgument.get(argument) ?? 0) + 1);
  }
}
