/**
 * A heap by time that knows where each of its entries stands, so that any can be taken out.
 *
 * @module
 */

/** What a heap holds: ordered by (time, sequence). */
export interface HeapEntry {
  readonly time: number;
  /** Order among entries of one time. */
  readonly sequence: number;
  /** Position in the heap; -1 outside. The heap keeps it. */
  position: number;
}

/** Entries by time; which of equal times comes first, their sequence says. */
export class TimeHeap<T extends HeapEntry> {
  readonly #entries: T[] = [];

  /** Number of entries. */
  get size(): number {
    return this.#entries.length;
  }

  /** The earliest entry. */
  get first(): T | undefined {
    return this.#entries[0];
  }

  /** Adds an entry that is in no heap. */
  add(entry: T): void {
    entry.position = this.#entries.length;
    this.#entries.push(entry);
    this.#up(entry);
  }

  /** Takes an entry out. False if it is not in this heap. */
  remove(entry: T): boolean {
    const entries = this.#entries;
    const at = entry.position;
    if (at < 0 || entries[at] !== entry) return false;
    entry.position = -1;
    const last = entries.pop() as T;
    if (last === entry) return true;
    last.position = at;
    entries[at] = last;
    this.#up(last);
    this.#down(last);
    return true;
  }

  #up(entry: T): void {
    const entries = this.#entries;
    let at = entry.position;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = entries[above] as T;
      if (!before(entry, parent)) break;
      entries[at] = parent;
      parent.position = at;
      at = above;
    }
    entries[at] = entry;
    entry.position = at;
  }

  #down(entry: T): void {
    const entries = this.#entries;
    const length = entries.length;
    let at = entry.position;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= length) break;
      if (below + 1 < length && before(entries[below + 1] as T, entries[below] as T)) below++;
      const child = entries[below] as T;
      if (!before(child, entry)) break;
      entries[at] = child;
      child.position = at;
      at = below;
    }
    entries[at] = entry;
    entry.position = at;
  }
}

function before(a: HeapEntry, b: HeapEntry): boolean {
  return a.time < b.time || (a.time === b.time && a.sequence < b.sequence);
}
