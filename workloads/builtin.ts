/**
 * The built-in workloads by name.
 *
 * @module
 */

import { nearNames } from "../image/near.ts";
import {
  execWorkload,
  forkWorkload,
  memoryWorkload,
  openfailWorkload,
  rwWorkload,
} from "./scenarios/calls.ts";
import { catWorkload } from "./scenarios/cat.ts";
import { ddWorkload } from "./scenarios/dd.ts";
import { pipelineWorkload } from "./scenarios/pipeline.ts";
import { sleepersWorkload } from "./scenarios/sleepers.ts";
import { treeWorkload } from "./scenarios/tree.ts";
import type { Workload } from "./workload.ts";

/** A built-in workload, for lists. */
export interface BuiltinWorkload {
  /** What `--workload` takes. */
  readonly name: string;
  /** What it is, in a few words. */
  readonly summary: string;
  /** Its parameters and their defaults, positive integers. */
  readonly parameters: Readonly<Record<string, number>>;
}

interface Definition extends BuiltinWorkload {
  make(parameters: Readonly<Record<string, number>>): Workload;
}

const DEFINITIONS: readonly Definition[] = [
  {
    name: "cat",
    summary: "cat of two files, from execve to exit",
    parameters: {},
    make: () => catWorkload(),
  },
  {
    name: "dd",
    summary: "a copy in blocks of 4 KiB",
    parameters: { blocks: 16 },
    make: ({ blocks = 16 }) => ddWorkload(blocks),
  },
  {
    name: "exec",
    summary: "a shell that runs /bin/true again and again",
    parameters: { times: 1 },
    make: ({ times = 1 }) => execWorkload(times),
  },
  {
    name: "fork",
    summary: "children that do nothing, made and waited for",
    parameters: { children: 1 },
    make: ({ children = 1 }) => forkWorkload(children),
  },
  {
    name: "memory",
    summary: "memory mapped and unmapped, a heap that grows and shrinks",
    parameters: { times: 1 },
    make: ({ times = 1 }) => memoryWorkload(times),
  },
  {
    name: "openfail",
    summary: "a missing file, opened again and again",
    parameters: { times: 1 },
    make: ({ times = 1 }) => openfailWorkload(times),
  },
  {
    name: "pipeline",
    summary: "a shell that runs cat FILE | wc -l in a loop",
    parameters: { rounds: 3 },
    make: ({ rounds = 3 }) => pipelineWorkload(rounds),
  },
  {
    name: "rw",
    summary: "a file opened, written, read and closed",
    parameters: { times: 1 },
    make: ({ times = 1 }) => rwWorkload(times),
  },
  {
    name: "sleepers",
    summary: "tasks that sleep, again and again",
    parameters: { tasks: 2, ns: 1_000_000, times: 5 },
    make: ({ tasks = 2, ns = 1_000_000, times = 5 }) => sleepersWorkload(tasks, ns, times),
  },
  {
    name: "tree",
    summary: "directories and files made, renamed and removed",
    parameters: { dirs: 5 },
    make: ({ dirs = 5 }) => treeWorkload(dirs),
  },
];

/** All built-in workloads, by name. */
export function builtinWorkloads(): readonly BuiltinWorkload[] {
  return DEFINITIONS;
}

/**
 * A built-in workload: `cat`, or with parameters `sleepers:tasks=4,ns=500000,times=10`, or in short `sleepers:4,500000,10`.
 *
 * ```ts
 * import { builtinWorkload } from "./builtin.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(builtinWorkload("dd:blocks=4").description, "a copy of 4 blocks of 4 KiB");
 * ```
 *
 * @throws {Error} When there is no workload of that name, or a parameter is wrong
 */
export function builtinWorkload(
  specification: string,
  parameters: Readonly<Record<string, number>> = {},
): Workload {
  const colon = specification.indexOf(":");
  const name = colon < 0 ? specification : specification.slice(0, colon);
  const definition = DEFINITIONS.find((candidate) => candidate.name === name);
  if (definition === undefined) {
    const names = DEFINITIONS.map((candidate) => candidate.name);
    const near = nearNames(name, names)[0];
    const hint = near === undefined ? `the built-in ones are ${names.join(", ")}` : `did you mean "${near}"?`;
    throw new Error(`Cannot run workload "${name}": there is none of that name; ${hint}`);
  }
  const given = { ...(colon < 0 ? {} : parse(definition, specification.slice(colon + 1))), ...parameters };
  for (const [parameter, value] of Object.entries(given)) check(definition, parameter, value);
  return definition.make({ ...definition.parameters, ...given });
}

/** `NAME=NUMBER`, or numbers alone, which are the parameters in their order. */
function parse(definition: Definition, text: string): Record<string, number> {
  const names = Object.keys(definition.parameters);
  const parameters: Record<string, number> = {};
  text.split(",").forEach((part, at) => {
    const equals = part.indexOf("=");
    const name = equals >= 0 ? part.slice(0, equals) : /^\d+$/.test(part) ? names[at] : undefined;
    if (name === undefined) {
      throw new Error(
        `Cannot run workload "${definition.name}": ${
          /^\d+$/.test(part)
            ? `there is no parameter for "${part}"; it has ${names.length === 0 ? "none" : names.join(", ")}`
            : `the parameter "${part}" has no value; write NAME=NUMBER`
        }`,
      );
    }
    parameters[name] = Number(part.slice(equals + 1));
  });
  return parameters;
}

function check(definition: Definition, parameter: string, value: number): void {
  const names = Object.keys(definition.parameters);
  if (!names.includes(parameter)) {
    const near = nearNames(parameter, names)[0];
    const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
    throw new Error(
      `Cannot run workload "${definition.name}": it has no parameter "${parameter}"; ` +
        (near === undefined ? known : `did you mean "${near}"?`),
    );
  }
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(
      `Cannot run workload "${definition.name}": ${parameter} is ${value}, and must be a positive integer`,
    );
  }
}
