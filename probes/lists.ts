/**
 * Probes on several places at once.
 *
 * @module
 */

import type { AttachPoint } from "../graph/nodes.ts";
import { shown } from "./capture/mod.ts";
import { checkName } from "./options.ts";
import { emptySpec, type ProbeSpec } from "./spec.ts";

/** The spec of a probe on one function, or on each of a list. Throws a `TypeError` for what is no name. */
export function listSpec(
  names: string | readonly string[],
  what: string,
  point: (name: string) => AttachPoint,
): ProbeSpec {
  const list: readonly string[] = typeof names === "string" ? [names] : names;
  if (!Array.isArray(list)) {
    checkName(names, "function", what);
  }
  const [first, ...more] = list;
  if (first === undefined) {
    throw new TypeError(`Cannot build ${what} from ${shown(names)}: the list names no function`);
  }
  for (const name of list) checkName(name, "function", what);
  return emptySpec(point(first), ...more.map(point));
}
