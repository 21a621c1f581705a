/**
 * `stats(n)`: count, average and total.
 *
 * @module
 */

import { AvgCell } from "./avg.ts";
import type { AggregateValue } from "./cell.ts";

/** Cell of a `stats` map: an average that also tells what it was made of. */
export class StatsCell extends AvgCell {
  override snapshot(): AggregateValue {
    return {
      kind: "stats",
      count: this.count,
      average: this.total.average(this.count),
      total: this.total.get(),
    };
  }
}
