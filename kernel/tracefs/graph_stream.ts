/**
 * function_graph's lines as a run goes on, however long it is: records are printed and forgotten.
 *
 * @module
 */

import { graphHeader, GraphPrinter } from "./graph_text.ts";
import type { TraceArray } from "./trace_array.ts";
import type { TraceEntry } from "./trace_entry.ts";
import { traceLine } from "./trace_line.ts";

/** KiB per CPU: room for what happens between two drains. */
const ROOM_KB = 1 << 22;

/** A record, and the one behind it on its CPU: how it prints depends on that. */
interface Waiting {
  readonly entry: TraceEntry;
  next: TraceEntry | undefined;
  known: boolean;
}

/** Prints a trace array's records in order. The array's tracer must be function_graph. */
export class GraphStream {
  readonly #array: TraceArray;
  readonly #printer: GraphPrinter;
  /** Records in order of time that are not printed yet. */
  #waiting: Waiting[] = [];
  /** Per CPU the newest of them. */
  readonly #newest = new Map<number, Waiting>();

  constructor(array: TraceArray) {
    array.buffer.resize(ROOM_KB);
    this.#array = array;
    this.#printer = new GraphPrinter(array);
  }

  /** The lines above all others. */
  header(): string {
    return `# tracer: ${this.#array.tracer}\n#\n${graphHeader(this.#array.options)}`;
  }

  /** Lines of what was recorded since, up to the first record whose successor on its CPU isn't known yet. */
  drain(): string {
    for (const entry of this.#array.buffer.consume()) {
      const before = this.#newest.get(entry.cpu);
      if (before !== undefined) {
        before.next = entry;
        before.known = true;
      }
      const waiting: Waiting = { entry, next: undefined, known: false };
      this.#newest.set(entry.cpu, waiting);
      this.#waiting.push(waiting);
    }
    let text = "";
    let printed = 0;
    for (const { entry, next, known } of this.#waiting) {
      if (!known) break;
      text += this.#print(entry, next);
      printed++;
    }
    this.#waiting = this.#waiting.slice(printed);
    return text;
  }

  /** Lines of all that is left. */
  end(): string {
    const text = this.drain() +
      this.#waiting.map(({ entry, next }) => this.#print(entry, next)).join("");
    this.#waiting = [];
    this.#newest.clear();
    return text;
  }

  #print(entry: TraceEntry, next: TraceEntry | undefined): string {
    return this.#printer.print(entry, next) ?? traceLine(this.#array, entry);
  }
}
