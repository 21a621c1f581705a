/**
 * `run`: a probe script over a workload.
 *
 * @module
 */

import { command } from "./definition.ts";
import { KERNEL_OPTIONS, RESULT_OPTIONS, WORKLOAD_OPTIONS } from "./kernel_options.ts";
import type { programsOf } from "./programs.ts";

/** `run SCRIPT`. */
export const runCommand = command({
  name: "run",
  place: "cli",
  summary: "Run a probe script over a recorded or built-in workload",
  description:
    "SCRIPT default-exports a program, a probe, or several in an array. Wherever it lies, it imports them " +
    'from "@kscope/kscope". Results go to stdout, notes to stderr. A handler that never returns ' +
    "blocks kscope: stop it with Ctrl-C.",
  arguments: [{ name: "SCRIPT", summary: "TypeScript file that default-exports a program", required: true }],
  options: [...WORKLOAD_OPTIONS, ...KERNEL_OPTIONS, ...RESULT_OPTIONS],
  examples: [
    { line: "run opens.ts --workload pipeline", summary: "Over a built-in workload" },
    { line: "run opens.ts --replay app.strace.gz --arch arm64", summary: "Over a recording" },
    { line: "run opens.ts -r app.strace -f json", summary: "Results as JSON lines" },
  ],
  async run(context, options, words) {
    const path = words[0]!;
    const module = await context.host.importModule(path);
    if (module["default"] === undefined) {
      const names = Object.keys(module).sort();
      throw new Error(
        `Cannot run "${path}": it has no default export${
          names.length === 0 ? "" : ` (it exports ${names.join(", ")})`
        }; end it with \`export default program({ … })\``,
      );
    }
    const { programsOf } = await import("./programs.ts");
    const programs = programsFrom(path, module["default"], programsOf);
    await (await import("./run_programs.ts")).runPrograms(context, programs, options);
  },
});

function programsFrom(
  path: string,
  exported: unknown,
  read: typeof programsOf,
): ReturnType<typeof programsOf> {
  try {
    return read(exported);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot run "${path}": its default export is no program. ${reason}`, { cause: error });
  }
}
