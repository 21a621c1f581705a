/**
 * Checks of what builders are given: shapes only. Whether a function exists is decided where the probe attaches.
 *
 * @module
 */

import type { Aggregation } from "../graph/nodes.ts";
import { shown, type Values } from "./capture/mod.ts";
import { isState } from "./state.ts";

/** Options of `.hist()`. */
export interface HistOptions {
  /** Buckets per power of two are 2 to the power of this: 0 to 5, normally 0. */
  readonly bits?: number;
}

/** Options of `.lhist()`. */
export interface LhistOptions {
  /** Where the first bucket begins; what is below is counted apart. */
  readonly min: number;
  /** Where the last bucket ends; this and what is above is counted apart. */
  readonly max: number;
  /** Width of a bucket; (max - min) / step is at most 1,000. */
  readonly step: number;
}

/** Most buckets of a linear histogram, as in bpftrace. */
export const MAX_LHIST_BUCKETS = 1_000;

/** A non-empty string, or a TypeError sentence. */
export function checkName(given: unknown, what: string, where: string): string {
  if (typeof given === "string" && given.trim() !== "") return given;
  throw new TypeError(
    `Cannot build ${where} from ${shown(given)}: its ${what} must be a string that is not empty`,
  );
}

/** A map's name: what bpftrace takes after the `@`. A leading `@` is left off. */
export function checkMapName(given: unknown): string {
  const name = typeof given === "string" && given.startsWith("@") ? given.slice(1) : given;
  if (typeof name === "string" && /^[A-Za-z_]\w*$/.test(name)) return name;
  throw new TypeError(
    `Cannot name a map ${shown(given)}: a name is letters, digits and _, and starts with no digit`,
  );
}

/** An integer in a range, or a TypeError sentence. */
export function checkInteger(given: unknown, min: number, max: number, what: string): number {
  if (typeof given === "number" && Number.isInteger(given) && given >= min && given <= max) return given;
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`;
  throw new TypeError(`Cannot use ${shown(given)} as ${what}: it must be an integer, ${range}`);
}

/** Refuses options that the builder doesn't know: a misspelt one would silently do nothing. */
export function checkOptions(given: unknown, known: readonly string[], where: string): void {
  if (given === undefined) return;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    const choices = known.length === 0 ? "none" : known.map((name) => `\`${name}\``).join(", ");
    throw new TypeError(`Cannot build ${where} with ${shown(given)}: options are an object with ${choices}`);
  }
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const choices = known.map((name) => `\`${name}\``).join(", ");
    throw new TypeError(`Cannot build ${where} with option ${shown(name)}: its options are ${choices}`);
  }
}

/** Values for `.with()`: plain ones, which the graph can hold. */
export function checkValues(given: unknown): asserts given is Values {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new TypeError(`Cannot use ${shown(given)} in .with(): it takes an object of values, { limit: 10 }`);
  }
  for (const [name, value] of Object.entries(given)) {
    const plain = typeof value === "string" || typeof value === "boolean" || typeof value === "bigint" ||
      typeof value === "number" && Number.isFinite(value);
    if (isState(value)) {
      if (value.name === name) continue;
      throw new TypeError(
        `Cannot give the map "@${value.name}" as ${
          shown(name)
        } in .with(): it goes by its own name, { ${value.name} }`,
      );
    }
    if (!plain) {
      throw new TypeError(
        `Cannot use ${shown(value)} as the value ${
          shown(name)
        } in .with(): it takes finite numbers, strings, booleans, bigints, and maps of hash() and scalar()`,
      );
    }
  }
}

/** A log2 histogram's options. */
export function checkHist(options: HistOptions | undefined): Aggregation {
  checkOptions(options, ["bits"], ".hist()");
  return { fn: "hist", bits: checkInteger(options?.bits ?? 0, 0, 5, "the bits of .hist()") };
}

/** A linear histogram's options. */
export function checkLhist(options: LhistOptions): Aggregation {
  if (options === undefined) {
    throw new TypeError("Cannot build .lhist() without options: it takes { min, max, step }");
  }
  checkOptions(options, ["min", "max", "step"], ".lhist()");
  const { MIN_SAFE_INTEGER: low, MAX_SAFE_INTEGER: high } = Number;
  const min = checkInteger(options.min, low, high, "the min of .lhist()");
  const max = checkInteger(options.max, low, high, "the max of .lhist()");
  const step = checkInteger(options.step, 1, high, "the step of .lhist()");
  if (min >= max) {
    throw new TypeError(`Cannot build .lhist() from ${min} to ${max}: min must be less than max`);
  }
  if ((max - min) / step > MAX_LHIST_BUCKETS) {
    throw new TypeError(
      `Cannot build .lhist() from ${min} to ${max} in steps of ${step}: it may have ${MAX_LHIST_BUCKETS} buckets at most`,
    );
  }
  return { fn: "lhist", min, max, step };
}
