/**
 * Values as the prompt shows them.
 *
 * @module
 */

import { isProgram, MapProbe, pointName, Probe } from "../probes/mod.ts";

/** How values are shown. */
export interface DisplayOptions {
  readonly colors: boolean;
  readonly columns: number;
}

/** A value as text, without a newline at its end. */
export function display(value: unknown, options: DisplayOptions): string {
  if (typeof value === "string" && value.includes("\n")) return value.replace(/\n$/, "");
  if (value instanceof Probe || value instanceof MapProbe) {
    return `${pointName(value.point)} (not attached; attach(_) does)`;
  }
  if (isProgram(value)) {
    const points = value.graph.probes.map((probe) => pointName(probe.point)).join(", ");
    return `program of ${points} (not attached; attach(_) does)`;
  }
  if (hasText(value)) return value.text().replace(/\n+$/, "");
  return Deno.inspect(value, {
    colors: options.colors,
    depth: 3,
    iterableLimit: 50,
    strAbbreviateSize: 200,
    breakLength: options.columns,
  });
}

/** What a run returned, or a session at the prompt. */
function hasText(value: unknown): value is { text(): string } {
  return typeof value === "object" && value !== null && "text" in value && typeof value.text === "function" &&
    "maps" in value;
}
