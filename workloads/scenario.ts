/**
 * What a built-in workload is defined by: its name, what it exercises, its parameters with their defaults.
 *
 * @module
 */

import { nearNames } from "../image/near.ts";
import type { Workload } from "./workload.ts";

/** Parameters by name: numbers are positive integers, the rest is text. */
export type Parameters = Readonly<Record<string, number | string>>;

/** A built-in workload, for lists. */
export interface BuiltinWorkload {
  /** What `--workload` takes. */
  readonly name: string;
  /** What it is, in a few words. */
  readonly summary: string;
  /** Parts of the kernel that it drives, in a few words. */
  readonly exercises: string;
  /** Its parameters and their defaults, in the order in which they may be given without names. */
  readonly parameters: Parameters;
  /** The last parameter takes all further words. */
  readonly rest: boolean;
}

/** A built-in workload that can be made. */
export interface Scenario extends BuiltinWorkload {
  /** Makes it; every parameter of `given` must be one of its own, of its kind. */
  make(given: Parameters): Workload;
}

/** What defines a scenario whose parameters have the defaults `P`. */
export interface ScenarioDefinition<P extends Parameters> {
  readonly name: string;
  readonly summary: string;
  readonly exercises: string;
  readonly parameters: P;
  readonly rest?: boolean;
  /** Makes the workload, with every parameter given or by default. */
  make(parameters: { readonly [K in keyof P]: P[K] extends number ? number : string }): Workload;
}

/**
 * Defines a built-in workload.
 *
 * ```ts
 * import { scenario } from "./scenario.ts";
 * import { programWorkload } from "./program.ts";
 *
 * const naps = scenario({
 *   name: "naps",
 *   summary: "a task that sleeps",
 *   exercises: "timers",
 *   parameters: { times: 3 },
 *   make: ({ times }) =>
 *     programWorkload({
 *       name: "naps",
 *       description: `a task sleeps ${times} times`,
 *       programs: [{
 *         *program(sys) {
 *           for (let time = 0; time < times; time++) yield* sys.nanosleep(1000);
 *         },
 *       }],
 *     }),
 * });
 * if (naps.make({ times: 5 }).description !== "a task sleeps 5 times") throw new Error("five times");
 * ```
 */
export function scenario<P extends Parameters>(definition: ScenarioDefinition<P>): Scenario {
  const { name, summary, exercises, parameters, rest = false } = definition;
  return {
    name,
    summary,
    exercises,
    parameters,
    rest,
    make(given) {
      for (const [parameter, value] of Object.entries(given)) check(this, parameter, value);
      // Checked above: each has the kind of its default.
      return definition.make(
        { ...parameters, ...given } as Parameters as Parameters & Record<keyof P, never>,
      );
    },
  };
}

/** Reads what stands behind a colon: `NAME=VALUE,…`, or values alone, which are the parameters in their order. */
export function parseParameters(scenario: BuiltinWorkload, text: string): Parameters {
  const names = Object.keys(scenario.parameters);
  const parameters = text.split(",").map((part, at) => {
    const equals = part.indexOf("=");
    const name = equals >= 0 ? part.slice(0, equals) : positional(scenario, names[at], part);
    if (name === undefined) {
      throw refused(
        scenario,
        NUMBER.test(part) || names.length > 0 && at >= names.length
          ? `there is no parameter for "${part}"; it has ${names.length === 0 ? "none" : names.join(", ")}`
          : `the parameter "${part}" has no value; write NAME=NUMBER`,
      );
    }
    return [name, valueOf(scenario, name, part.slice(equals + 1))] as const;
  });
  // An entry whatever it is called: `make` refuses names that are no parameter.
  return Object.fromEntries(parameters);
}

/** Reads words: `openat /etc/hosts`. A scenario with `rest` gives its last parameter all further ones. */
export function parseWords(scenario: BuiltinWorkload, words: readonly string[]): Parameters {
  const names = Object.keys(scenario.parameters);
  if (words.length > names.length && !scenario.rest) {
    const known = names.length === 0 ? "none" : names.join(", ");
    throw refused(scenario, `there is no parameter for "${words[names.length]}"; it has ${known}`);
  }
  const parameters: Record<string, number | string> = {};
  names.forEach((name, at) => {
    const last = at === names.length - 1;
    const word = scenario.rest && last ? words.slice(at).join(" ") : words[at];
    if (word !== undefined && word !== "") parameters[name] = valueOf(scenario, name, word);
  });
  return parameters;
}

/** What is a number at least; whether it will do is checked with the parameter. */
const NUMBER = /^[-+]?\d[\d.]*(?:e\d+)?$/i;

function positional(scenario: BuiltinWorkload, name: string | undefined, part: string): string | undefined {
  const isText = name !== undefined && typeof scenario.parameters[name] === "string";
  return isText || NUMBER.test(part) ? name : undefined;
}

function valueOf(scenario: BuiltinWorkload, name: string, text: string): number | string {
  return typeof scenario.parameters[name] === "string" ? text : Number(text);
}

/** Parameters that say how many tasks there are at once. */
const TASKS: ReadonlySet<string> = new Set([
  "tasks",
  "hogs",
  "readers",
  "clients",
  "parents",
  "children",
  "threads",
]);
const MOST_TASKS = 30_000;

function check(scenario: BuiltinWorkload, parameter: string, value: number | string): void {
  const names = Object.keys(scenario.parameters);
  if (!names.includes(parameter)) {
    const near = nearNames(parameter, names)[0];
    const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
    throw refused(
      scenario,
      `it has no parameter "${parameter}"; ${near === undefined ? known : `did you mean "${near}"?`}`,
    );
  }
  if (typeof scenario.parameters[parameter] === "string") {
    if (typeof value === "string") return;
    throw refused(scenario, `${parameter} is the number ${value}, and must be text`);
  }
  if (!Number.isSafeInteger(value) || Number(value) < 1) {
    throw refused(scenario, `${parameter} is ${value}, and must be a positive integer`);
  }
  if (TASKS.has(parameter) && Number(value) > MOST_TASKS) {
    throw refused(scenario, `${parameter} is ${value}, and at most ${MOST_TASKS}: process ids end at 32768`);
  }
}

function refused(scenario: BuiltinWorkload, why: string): Error {
  return new Error(`Cannot run workload "${scenario.name}": ${why}`);
}
