/**
 * Runs programs and prints what they found: shared by `run` and `eval`.
 *
 * @module
 */

import type { Program } from "../graph/nodes.ts";
import { explain } from "../graph/explain.ts";
import { run } from "../session/run.ts";
import type { Arch } from "../image/model.ts";
import type { CommandContext } from "./context.ts";
import { openWorkload } from "./workload.ts";

/** The options of `run` and `eval`. */
export interface RunValues {
  readonly arch: Arch;
  readonly cpus: number;
  readonly seed: number;
  readonly replay: string | undefined;
  readonly workload: string | undefined;
  readonly format: "text" | "json";
  readonly keepGoing: boolean;
  readonly explain: boolean;
}

/** Runs programs under the options, or explains them. */
export async function runPrograms(
  context: CommandContext,
  programs: readonly Program[],
  values: RunValues,
): Promise<void> {
  if (values.explain) {
    context.out.write(programs.map((program) => `${explain(program)}\n`).join("\n"));
    return;
  }
  const workload = await openWorkload(context, values);
  const probes = programs.reduce((sum, program) => sum + program.graph.probes.length, 0);
  const streamed = { text: "" };
  const result = await run(programs, {
    arch: values.arch,
    cpus: values.cpus,
    seed: values.seed,
    workload,
    keepGoing: values.keepGoing,
    onAttached: () => context.out.note(`Attached ${probes} probe${probes === 1 ? "" : "s"}`),
    ...(values.format === "text"
      ? {
        onLine(text: string) {
          streamed.text += text;
          context.out.write(text);
        },
      }
      : {}),
  });
  const whole = values.format === "json" ? result.json() : result.text();
  context.out.write(whole.slice(streamed.text.length));
}
