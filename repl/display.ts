/**
 * Values as the prompt shows them.
 *
 * @module
 */

import { Kernel } from "../kernel/kernel.ts";
import { Task } from "../kernel/process/task.ts";
import { ResultMap, Session } from "../session/mod.ts";
import { isProgram, MapProbe, pointName, Probe } from "../probes/mod.ts";

/** Most lines that one value takes. */
const MOST_LINES = 60;

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
  if (value instanceof Kernel) return kernelText(value);
  if (value instanceof Task) return taskText(value);
  if (hasText(value)) return value.text().replace(/^\n+|\n+$/g, "");
  return cut(
    Deno.inspect(withPlainMaps(value), {
      colors: options.colors,
      depth: 2,
      iterableLimit: 50,
      strAbbreviateSize: 200,
      breakLength: options.columns,
    }),
  );
}

/** The first lines of a text that is too long to be read at a prompt. */
function cut(text: string): string {
  const lines = text.split("\n");
  if (lines.length <= MOST_LINES) return text;
  return [...lines.slice(0, MOST_LINES - 1), `... ${lines.length - MOST_LINES + 1} more lines`].join("\n");
}

function kernelText(k: Kernel): string {
  return `Linux ${k.image.release} on ${k.archName}: ${k.cpus} CPUs, ${k.tasks.all().length} tasks, ` +
    `${k.image.functions().length} functions, at ${k.now()} ns`;
}

function taskText(task: Task): string {
  return `task ${task.pid} "${task.comm}" on CPU ${task.cpu}; task(${task.pid}) shows its task_struct`;
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
