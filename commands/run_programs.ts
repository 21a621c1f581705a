/**
 * Runs programs and prints what they found: shared by `run` and `eval`.
 *
 * @module
 */

import type { Program } from "../graph/nodes.ts";
import { explain } from "../graph/explain.ts";
import { imageFor } from "./image_choice.ts";
import { run } from "../session/run.ts";
import type { Arch } from "../image/model.ts";
import type { CommandContext } from "./context.ts";
import { disksOf } from "./kernel_options.ts";
import { openWorkload } from "./workload.ts";

/** The options of `run` and `eval`. */
export interface RunValues {
  readonly arch: Arch;
  readonly cpus: number;
  readonly seed: number;
  readonly image: string | undefined;
  readonly disk?: string | undefined;
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
    const image = await imageFor(context, programs, values);
    context.out.write(programs.map((program) => `${explain(program, image)}\n`).join("\n"));
    return;
  }
  const disks = disksOf(values.disk);
  const workload = await openWorkload(context, values);
  const result = await run(programs, {
    arch: values.arch,
    cpus: values.cpus,
    seed: values.seed,
    ...(disks === undefined ? {} : { disks }),
    image: await imageFor(context, programs, values),
    workload,
    keepGoing: values.keepGoing,
    format: values.format,
    onAttached: (probes) => context.out.note(`Attached ${probes} probe${probes === 1 ? "" : "s"}`),
    // Text goes out as it is printed, so nothing of it is kept.
    ...(values.format === "text" ? { onLine: (text) => context.out.write(text), keep: false } : {}),
  });
  context.out.write(values.format === "json" ? result.json() : `\n\n${result.mapsText()}`);
  for (const note of result.notes) context.out.note(note);
}
