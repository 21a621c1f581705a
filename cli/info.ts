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
    { line: "run examples/vfs_open_cat.ts --workload cat", summary: "Run a probe script" },
    {
      line: "eval 'kprobe(\"vfs_open\").by(c => c.comm).count()' --replay app.strace.gz",
      summary: "Probe a recording",
    },
    { line: "list -v 'kprobe:vfs_*'", summary: "See what can be probed" },
    { line: "repl --workload shell-loop", summary: "Look around live" },
  ],
};
