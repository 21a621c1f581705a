/**
 * Durations in traces.
 *
 * @module
 */

/** A duration's mark: how many nanoseconds it must exceed. */
const MARKS: readonly (readonly [ns: number, mark: string])[] = [
  [1e9, "$"],
  [1e8, "@"],
  [1e7, "*"],
  [1e6, "#"],
  [1e5, "!"],
  [1e4, "+"],
];

/** The mark of a duration: `+` above 10 µs up to `$` above a second. */
export function durationMark(ns: number): string {
  return MARKS.find(([above]) => ns > above)?.[1] ?? " ";
}

/** `21.702 us   `: at most seven digits. */
export function durationText(ns: number): string {
  let text = String(Math.floor(ns / 1000));
  if (text.length < 7) {
    const digits = Math.min(3, 7 - text.length);
    text += `.${String(ns % 1000).padStart(3, "0").slice(0, digits)}`;
  }
  return `${text} us ${" ".repeat(Math.max(0, 8 - text.length))}`;
}
