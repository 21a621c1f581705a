/**
 * Programs out of what a script exports or an expression gives.
 *
 * @module
 */

import type { Program } from "../graph/nodes.ts";
import { asProgram, isProgram } from "../probes/program.ts";

/** What a script exports or an expression gives, as programs: one, several in an array, or probes. */
export function programsOf(given: unknown): readonly Program[] {
  if (Array.isArray(given) && given.some(isProgram)) return given.map(asProgram);
  return [asProgram(given)];
}
