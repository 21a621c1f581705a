/**
 * `tracefs`: a root shell among the kernel's tracing files.
 *
 * @module
 */

import type { CommandContext } from "./context.ts";
import { command } from "./definition.ts";
import { wholeImageOf } from "./image_choice.ts";
import { disksOf, KERNEL_OPTIONS } from "./kernel_options.ts";
import type { CommandResult } from "./shell/shell.ts";

/** `tracefs`. */
export const tracefsCommand = command({
  name: "tracefs",
  place: "cli",
  summary: "Answer commands as a root shell in /sys/kernel/tracing would",
  description:
    "Commands come from FILE or standard input: echo [-n] TEXT > FILE, >> FILE, printf, cat FILE..., ls [DIR], cd, mkdir, " +
    "dmesg; words are quoted as in sh. `run WORKLOAD [ARGS]` and `run replay FILE` drive the kernel, `sleep SECONDS` " +
    "lets virtual time pass. A refused command prints why, and the next one goes on; the exit code is the last one's.",
  arguments: [{ name: "FILE", summary: "File with commands; standard input without it" }],
  options: [
    ...KERNEL_OPTIONS,
    {
      kind: "text",
      name: "run",
      value: "WORKLOAD",
      summary: "What `run` alone runs, and `sleep` lets go on",
    },
    { kind: "flag", name: "json", summary: 'A line {"command", "errno", "output"} for each command' },
  ],
  examples: [
    { line: "tracefs", summary: "Type commands" },
    { line: "tracefs --arch arm64 probes.sh", summary: "Commands from a file" },
    { line: "tracefs --run sleepers:tasks=20 --json < probes.sh", summary: "Over a workload, as JSON lines" },
  ],
  async run(context, options, words) {
    const { bootKernel } = await import("../session/boot.ts");
    const { Shell } = await import("./shell/shell.ts");
    const { namedWorkload } = await import("./workload.ts");
    const { replay } = await import("../workloads/replay/replay.ts");
    const { isStandardFile, placeUserFile } = await import("../workloads/user/symbols.ts");
    const { run } = options;
    // A name that is wrong is told before anything runs.
    if (run !== undefined) await namedWorkload(context, run);
    const kernel = await bootKernel({
      arch: options.arch,
      cpus: options.cpus,
      seed: options.seed,
      disks: disksOf(options.disk) ?? [],
      image: await wholeImageOf(context, options),
    });
    kernel.tracefs.events.placeUserFile = (path) => {
      if (isStandardFile(kernel.archName, path)) placeUserFile(kernel, path);
    };
    const shell = new Shell({
      kernel,
      workloads: {
        replay: async (path) => await replay(await context.host.open(path), { name: path }),
        named: run === undefined ? null : () => namedWorkload(context, run),
      },
      note: (text) => context.out.note(text),
    });
    function report(result: CommandResult): void {
      context.out.write(options.json ? `${JSON.stringify(result)}\n` : result.output);
    }
    for await (const line of linesOf(context, words[0])) {
      for await (const result of shell.run(line)) report(result);
      if (shell.ended) break;
    }
    const unfinished = shell.end();
    if (unfinished !== null) report(unfinished);
    context.setExitCode(shell.status);
  },
});

/** Lines of a file, or of standard input as they come. */
async function* linesOf(
  context: CommandContext,
  path: string | undefined,
): AsyncGenerator<string, void, void> {
  if (path === undefined && context.host.input === undefined) {
    throw new Error("Cannot read commands here: there is no standard input; give a FILE");
  }
  const bytes = path === undefined ? context.host.input!() : await context.host.open(path);
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
