/**
 * Workloads that a user's module exports.
 *
 * @module
 */

import { programWorkload, type UserProgram } from "./program.ts";
import type { Workload } from "./workload.ts";

const GENERATOR = Object.getPrototypeOf(function* () {});

/**
 * The workload that a module's default export means: one made by `programWorkload`, or generator functions over `sys`,
 * one or several in an array, each of which becomes a program that starts at time 0, named after its function.
 *
 * @throws {Error} When it is neither; the sentence says what was found, and what would do
 */
export function workloadOf(exported: unknown, path: string): Workload {
  if (isWorkload(exported)) return exported;
  const programs = Array.isArray(exported) ? exported : [exported];
  if (programs.length > 0 && programs.every(isProgram)) {
    const name = path.replace(/^.*\//, "").replace(/\.\w+$/, "");
    return programWorkload({
      name,
      description: `${path}: ${programs.length === 1 ? "a program" : `${programs.length} programs`}`,
      // The kernel keeps 15 characters of a command's name.
      programs: programs.map((program) => ({
        program,
        comm: (program.name === "default" || program.name === "" ? name : program.name).slice(0, 15),
      })),
    });
  }
  throw new Error(
    `Cannot run "${path}" as a workload: its default export is ${describe(exported)}; ` +
      'export a generator function, as in `export default function* (sys) { yield* sys.open("/etc/hosts"); }`, ' +
      "or what programWorkload makes",
  );
}

function isWorkload(value: unknown): value is Workload {
  return typeof value === "object" && value !== null && "start" in value &&
    typeof value.start === "function" &&
    "report" in value && typeof value.report === "function";
}

function isProgram(value: unknown): value is UserProgram {
  return typeof value === "function" && Object.getPrototypeOf(value) === GENERATOR;
}

function describe(value: unknown): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array of other things";
  return typeof value === "function"
    ? "an ordinary function"
    : `${/^[aeiou]/.test(typeof value) ? "an" : "a"} ${typeof value}`;
}
