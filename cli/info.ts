/**
 * What the program says of itself.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import type { ProgramInfo } from "./build.ts";

/** Version, introduction and examples of `kscope --help`. */
export const INFO: ProgramInfo = {
  version: config.version,
  intro:
    "kscope probes a modeled Linux kernel: typed TypeScript probes, recorded or built-in workloads, three " +
    "architectures, the same result on every run.",
  examples: [
    {
      line: "run examples/vfs_open_cat.ts -r examples/recordings/cat.strace.gz",
      summary: "Run a probe script over a recording",
    },
    {
      line: "eval 'kprobe(\"vfs_open\").by(c => c.comm).count()' --workload pipeline",
      summary: "Probe a built-in workload",
    },
    { line: "list -v 'kprobe:vfs_*'", summary: "See what can be probed" },
    { line: "repl --workload pipeline", summary: "Look around live" },
  ],
};
