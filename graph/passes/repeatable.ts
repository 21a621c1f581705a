/**
 * Pass: what keeps a run from repeating exactly. Functions that run as they are may reach the host's clock, chance or
 * environment; captured ones cannot.
 *
 * @module
 */

import type { Report } from "../diagnostic.ts";
import { children, expressions, type Ir, type IrStep } from "../ir.ts";

/** What differs from run to run, and what to use instead. */
const HOST: readonly (readonly [pattern: RegExp, name: string, instead: string])[] = [
  [/\bDate\b/, "Date", "c.nsecs is the virtual clock"],
  [/\bperformance\b/, "performance", "c.nsecs is the virtual clock"],
  [
    /\bMath\s*\.\s*random\b/,
    "Math.random",
    "a seed decides what is random in the model: the option seed, --seed",
  ],
  [/\bcrypto\b/, "crypto", "a seed decides what is random in the model: the option seed, --seed"],
  [/\b(?:process|Deno)\b/, "the host's process", "a program should see nothing but the model"],
];

/** Strings, template texts and comments, which name nothing. */
const TEXT = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\/\*[^]*?\*\/|\/\/[^\n]*/g;

/** Warns of functions that make runs differ. */
export function checkRepeatable(steps: readonly IrStep[], report: Report): void {
  for (const ir of steps.flatMap(expressions).flatMap(opaqueParts)) {
    const code = ir.source.replace(TEXT, "");
    for (const [pattern, name, instead] of HOST) {
      if (pattern.test(code)) {
        report("warning", `This function reads ${name}, so runs will not repeat exactly`, { hint: instead });
      }
    }
  }
}

function opaqueParts(ir: Ir): readonly (Ir & { readonly op: "opaque" })[] {
  return ir.op === "opaque" ? [ir] : children(ir).flatMap(opaqueParts);
}
