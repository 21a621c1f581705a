/**
 * The time of a line since the first line, whichever of strace's options stamped it.
 *
 * @module
 */

import { epochBase } from "./parse_line.ts";
import type { ClockKind, LineHead } from "./record.ts";

const DAY = 86_400e9;
/** What epoch stamps are cut at, see `parse_line.ts`. */
const EPOCH_PERIOD = 1_000_000e9;

/**
 * `seconds`: stamps that look like -r's, but don't begin with -r's 0.000000: -ttt on a machine whose clock stands near
 * its epoch.
 */
type Base = ClockKind | "seconds";

/** Turns stamps into nanoseconds since the first. */
export class TimeBase {
  #clock: Base | null = null;
  #first = NaN;
  #previous = 0;
  #wrapped = 0;
  #epochSeconds = NaN;

  /** The wall clock at the first line, in nanoseconds since 1970; undefined unless its stamp tells. */
  get epoch(): bigint | undefined {
    if (Number.isNaN(this.#epochSeconds)) return undefined;
    return BigInt(this.#epochSeconds) * 1_000_000_000n + BigInt(this.#first);
  }

  /** Nanoseconds since the first line; NaN where the line has no stamp, or one of another kind than the first. */
  since(head: LineHead, line: string): number {
    if (Number.isNaN(head.time)) return NaN;
    this.#clock ??= head.clock === "relative" && head.time > 0 ? "seconds" : head.clock;
    if (head.clock !== (this.#clock === "seconds" ? "relative" : this.#clock)) return NaN;
    const time = this.#clock === "relative" ? this.#previous + head.time : this.#unwrapped(head.time);
    this.#previous = time;
    if (Number.isNaN(this.#first)) {
      this.#first = time;
      if (this.#clock === "epoch") this.#epochSeconds = epochBase(line);
    }
    // Lines of several processes may stand a little out of order; none is before the first.
    return Math.max(0, time - this.#first);
  }

  /** Stamps start again at midnight, or where epoch stamps are cut. */
  #unwrapped(stamp: number): number {
    if (this.#clock === "seconds") return stamp;
    const period = this.#clock === "day" ? DAY : EPOCH_PERIOD;
    if (stamp + this.#wrapped < this.#previous - period / 2) this.#wrapped += period;
    return stamp + this.#wrapped;
  }
}
