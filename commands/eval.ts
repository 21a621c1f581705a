/**
 * `eval`: probes typed on the command line.
 *
 * @module
 */

import { command } from "./definition.ts";
import { KERNEL_OPTIONS, RESULT_OPTIONS, WORKLOAD_OPTIONS } from "./kernel_options.ts";
import { evaluateExpression } from "./typescript.ts";

/** `eval EXPR…`. */
export const evalCommand = command({
  name: "eval",
  place: "cli",
  summary: "Run probes given as expressions",
  description:
    "EXPR is TypeScript with kprobe, kretprobe, uprobe, uretprobe, tracepoint, latency, interval, begin, end and program in " +
    "scope; it gives a probe, several, or a program. A handler that never returns blocks kscope: stop it with Ctrl-C.",
  arguments: [{
    name: "EXPR",
    summary: "A probe, several in an array, or a program",
    required: true,
    many: true,
  }],
  options: [...WORKLOAD_OPTIONS, ...KERNEL_OPTIONS, ...RESULT_OPTIONS],
  examples: [
    {
      line: "eval 'kprobe(\"vfs_open\").by(c => c.comm).count()' --workload cat",
      summary: "Count opens by program",
    },
    {
      line: "eval 'latency(\"vfs_read\").hist(c => c.duration)' -r app.strace",
      summary: "How long reads take",
    },
  ],
  async run(context, options, words) {
    const values: unknown[] = [];
    for (const word of words) {
      const value = await evaluate(word);
      if (Array.isArray(value)) values.push(...value);
      else values.push(value);
    }
    const { programsOf } = await import("./programs.ts");
    const programs = programsOf(values.length === 1 ? values[0] : values);
    await (await import("./run_programs.ts")).runPrograms(context, programs, options);
  },
});

async function evaluate(source: string): Promise<unknown> {
  try {
    return await evaluateExpression(source, await import("../probes/mod.ts"));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ReferenceError) {
      throw new Error(`Cannot evaluate "${source}": ${error.message}`, { cause: error });
    }
    throw error;
  }
}
