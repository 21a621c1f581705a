/**
 * Values as the prompt shows them.
 *
 * @module
 */

import { ResultMap, Session } from "../session/mod.ts";
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
  if (value instanceof Session) return sessionText(value);
  if (hasText(value)) return value.text().replace(/\n+$/, "");
  return Deno.inspect(withPlainMaps(value), {
    colors: options.colors,
    depth: 3,
    iterableLimit: 50,
    strAbbreviateSize: 200,
    breakLength: options.columns,
  });
}

function sessionText(session: Session): string {
  const probes = session.probes().map((probe) =>
    `${probe.probe} (${probe.hits} hits, ${probe.missed} missed)`
  );
  return `${session.attached ? "attached" : "detached"}: ${probes.join(", ")}`;
}

/** Result maps, alone or as members of `maps`, as JavaScript maps: those show their entries. */
function withPlainMaps(value: unknown): unknown {
  if (value instanceof ResultMap) return new Map(value);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) {
    return value;
  }
  const members = Object.entries(value);
  if (!members.some(([, member]) => member instanceof ResultMap)) return value;
  return Object.fromEntries(members.map(([name, member]) => [name, withPlainMaps(member)]));
}

/** What a run returned. */
function hasText(value: unknown): value is { text(): string } {
  return typeof value === "object" && value !== null && "text" in value && typeof value.text === "function" &&
    "maps" in value;
}
