/**
 * `repl`: a prompt over a live kernel.
 *
 * @module
 */

import type { CommandContext } from "./context.ts";
import { command } from "./definition.ts";
import { type ImageValues, wholeImageOf } from "./image_choice.ts";
import { disksOf, KERNEL_OPTIONS, WORKLOAD_OPTIONS } from "./kernel_options.ts";
import type { KernelImage } from "../image/model.ts";

/** `repl`. */
export const replCommand = command({
  name: "repl",
  place: "cli",
  summary: "Probe a live kernel at a prompt, in TypeScript",
  description:
    "The kernel stands still until .step or .run. Lines can be piped in: the exit code is 1 if any failed. While a line " +
    "computes, Ctrl-C ends kscope: a handler or a loop that never ends cannot be stopped from inside.",
  arguments: [],
  options: [...WORKLOAD_OPTIONS, ...KERNEL_OPTIONS],
  examples: [
    { line: "repl --workload pipeline", summary: "Over a built-in workload" },
    { line: "repl --replay app.strace.gz --arch arm64 < session.ts", summary: "Lines from a file" },
  ],
  async run(context, options) {
    const start = context.host.repl;
    if (start === undefined) throw new Error("Cannot start a prompt here: there is no terminal to read from");
    const { bootKernel } = await import("../session/boot.ts");
    const { Live } = await import("./live.ts");
    const { openWorkload } = await import("./workload.ts");
    const workload = await openWorkload(context, options);
    const kernel = await bootKernel({
      arch: options.arch,
      cpus: options.cpus,
      seed: options.seed,
      disks: disksOf(options.disk) ?? workload.disks ?? [],
      image: await imageOrCore(context, options),
    });
    workload.start(kernel);
    context.setExitCode(await start.call(context.host, new Live(kernel, workload.name, context.out)));
  },
});

/** The whole kernel where it may be read, so that everything can be listed and probed; else the built-in core. */
async function imageOrCore(context: CommandContext, values: ImageValues): Promise<KernelImage | "core"> {
  try {
    return await wholeImageOf(context, values);
  } catch (error) {
    if (values.image !== undefined) throw error;
    context.out.note(
      "Only what modeled functions need is known here: reading the whole kernel needs --allow-read",
    );
    return "core";
  }
}
