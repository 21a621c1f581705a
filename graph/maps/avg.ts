/**
 * `avg(n)`: the total divided by the count, the fraction dropped.
 *
 * @module
 */

import { type AggregateValue, type Cell, NO_PARTS } from "./cell.ts";
import { Total } from "./total.ts";

/** Cell of an `avg` map. */
export class AvgCell implements Cell {
  parts: readonly unknown[] = NO_PARTS;
  dead = false;
  /** Values taken in since the last reset. */
  protected count = 0;
  /** Their sum. */
  protected readonly total: Total = new Total();

  add(value: number): void {
    this.count++;
    this.total.add(value);
  }

  addWide(value: bigint): void {
    this.count++;
    this.total.addWide(value);
  }

  get(): number | bigint {
    return this.total.average(this.count);
  }

  reset(): void {
    this.count = 0;
    this.total.reset();
  }

  get updated(): boolean {
    return this.count > 0;
  }

  snapshot(): AggregateValue {
    return this.total.average(this.count);
  }

  /** What the average is made of. */
  get mean(): { readonly count: number; readonly total: number | bigint } {
    return { count: this.count, total: this.total.get() };
  }

  sortValue(): number | bigint {
    return this.total.average(this.count);
  }
}
