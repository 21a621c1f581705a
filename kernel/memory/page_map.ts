/**
 * Pages by their numbers: runs of neighbours side by side, as in the last level of a page table.
 *
 * @module
 */

import type { UserPage } from "./user_page.ts";

/** Pages in a run: a power of two. */
const RUN = 64;

/** Pages whose numbers differ in the lowest bits alone. */
class Run {
  readonly pages: (UserPage | undefined)[] = new Array<UserPage | undefined>(RUN).fill(undefined);
  /** 1: a write must not change it yet. */
  readonly guarded = new Uint8Array(RUN);
  count = 0;
}

/** The pages that one address space has present, and which of them a write must not change. */
export class PageMap {
  readonly #runs = new Map<number, Run>();
  /** The run that was asked for last. */
  #lastKey = -1;
  #last: Run | undefined = undefined;
  #size = 0;

  /** Pages that are present. */
  get size(): number {
    return this.#size;
  }

  #run(key: number): Run | undefined {
    const run = Math.floor(key / RUN);
    if (run === this.#lastKey) return this.#last;
    this.#lastKey = run;
    return this.#last = this.#runs.get(run);
  }

  /** The page of that number. */
  get(key: number): UserPage | undefined {
    return this.#run(key)?.pages[key % RUN];
  }

  /** Whether a write to it has to wait; false where there is no page. */
  guarded(key: number): boolean {
    const run = this.#run(key);
    return run !== undefined && run.guarded[key % RUN] === 1;
  }

  /** Puts a page there, in place of what was. */
  set(key: number, page: UserPage, guarded: boolean): void {
    let run = this.#run(key);
    if (run === undefined) {
      run = new Run();
      this.#runs.set(this.#lastKey, run);
      this.#last = run;
    }
    const at = key % RUN;
    if (run.pages[at] === undefined) {
      run.count++;
      this.#size++;
    }
    run.pages[at] = page;
    run.guarded[at] = guarded ? 1 : 0;
  }

  /** Says whether a page that is there may be written. */
  guard(key: number, guarded: boolean): void {
    const run = this.#run(key);
    const at = key % RUN;
    if (run?.pages[at] !== undefined) run.guarded[at] = guarded ? 1 : 0;
  }

  /** Takes a page out. */
  delete(key: number): void {
    const run = this.#run(key);
    const at = key % RUN;
    if (run?.pages[at] === undefined) return;
    run.pages[at] = undefined;
    run.guarded[at] = 0;
    this.#size--;
    if (--run.count > 0) return;
    this.#runs.delete(this.#lastKey);
    this.#last = undefined;
  }

  /** Numbers of the pages in `[first, last)`, ascending. */
  keys(first = 0, last = Infinity): number[] {
    const keys: number[] = [];
    const from = Math.floor(first / RUN);
    const to = Math.floor((last - 1) / RUN);
    if (to - from < this.#runs.size) {
      for (let run = from; run <= to; run++) this.#list(run, first, last, keys);
    } else {
      const runs = [...this.#runs.keys()].filter((run) => run >= from && run <= to).sort((a, b) => a - b);
      for (const run of runs) this.#list(run, first, last, keys);
    }
    return keys;
  }

  #list(number: number, first: number, last: number, keys: number[]): void {
    const run = this.#runs.get(number);
    if (run === undefined) return;
    const start = number * RUN;
    let left = run.count;
    for (let i = 0; left > 0; i++) {
      if (run.pages[i] === undefined) continue;
      left--;
      if (start + i >= first && start + i < last) keys.push(start + i);
    }
  }

  /** Takes all of them out. */
  clear(): void {
    this.#runs.clear();
    this.#last = undefined;
    this.#lastKey = -1;
    this.#size = 0;
  }
}
