/**
 * Which cell belongs to which aggregation.
 *
 * @module
 */

import type { Aggregation } from "../nodes.ts";
import { AvgCell } from "./avg.ts";
import type { Cell } from "./cell.ts";
import { CountCell } from "./count.ts";
import { HistCell } from "./hist.ts";
import { LhistCell } from "./lhist.ts";
import { MaxCell } from "./max.ts";
import { MinCell } from "./min.ts";
import { StatsCell } from "./stats.ts";
import { SumCell } from "./sum.ts";
import { ValueCell } from "./value_cell.ts";

/** A fresh cell for an aggregation. */
export function newCell(aggregation: Aggregation): Cell {
  switch (aggregation.fn) {
    case "value":
      return new ValueCell();
    case "count":
      return new CountCell();
    case "sum":
      return new SumCell();
    case "avg":
      return new AvgCell();
    case "min":
      return new MinCell();
    case "max":
      return new MaxCell();
    case "stats":
      return new StatsCell();
    case "hist":
      return new HistCell(aggregation.bits);
    case "lhist":
      return new LhistCell(aggregation);
  }
}
