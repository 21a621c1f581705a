/**
 * Virtual time in few characters.
 *
 * @module
 */

const UNITS = [["s", 1e9], ["ms", 1e6], ["us", 1e3]] as const;

/** `0ns`, `731ns`, `12.5us`, `3.042ms`, `1.5s`: at most six digits. */
export function timeText(ns: number): string {
  for (const [unit, size] of UNITS) {
    if (ns >= size) return `${trimZeros((ns / size).toFixed(3))}${unit}`;
  }
  return `${ns}ns`;
}

function trimZeros(text: string): string {
  return text.replace(/\.?0+$/, "");
}
