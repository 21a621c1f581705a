/**
 * Counts by name.
 *
 * @module
 */

/** A tally by name, read out in the order of names. */
export class Counter {
  readonly #counts = new Map<string, number>();

  /** Adds to the count of `name`. */
  add(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  /** The counts, by name. */
  sorted(): ReadonlyMap<string, number> {
    return new Map([...this.#counts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }

  /** Forgets everything. */
  clear(): void {
    this.#counts.clear();
  }
}
