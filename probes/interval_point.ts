/**
 * Periods: how often something happens, in virtual time.
 *
 * @module
 */

import type { AttachPoint } from "../graph/nodes.ts";
import { shown } from "./capture/mod.ts";

/** A period, `"10ms"`, or a frequency, `"99hz"`. */
export type Interval = `${number}${"ns" | "us" | "ms" | "s" | "m" | "h" | "hz"}`;

const NANOSECONDS: ReadonlyMap<string, number> = new Map([
  ["ns", 1],
  ["us", 1e3],
  ["ms", 1e6],
  ["s", 1e9],
  ["m", 60e9],
  ["h", 3600e9],
]);

/** The attach point of an interval. Throws a `TypeError` if the period is no positive integer with a unit. */
export function intervalPoint(
  every: Interval,
  what: string,
): Extract<AttachPoint, { readonly kind: "interval" }> {
  const match = typeof every === "string" ? /^([1-9][0-9]*)(ns|us|ms|s|m|h|hz)$/.exec(every) : null;
  const count = Number(match?.[1]);
  const unit = match?.[2] ?? "";
  const ns = unit === "hz" ? Math.round(1e9 / count) : count * (NANOSECONDS.get(unit) ?? NaN);
  if (!Number.isSafeInteger(ns) || ns < 1) {
    throw new TypeError(
      `Cannot build ${what} from ${
        shown(every)
      }: it takes a positive integer and a unit, as "1s", "10ms" or "99hz"`,
    );
  }
  return { kind: "interval", ns, spec: bpftraceSpec(count, unit) };
}

/** As bpftrace writes it, `s:1`; it has no minutes and hours. */
function bpftraceSpec(count: number, unit: string): string {
  if (unit === "m") return `s:${count * 60}`;
  return unit === "h" ? `s:${count * 3600}` : `${unit}:${count}`;
}
