/**
 * The files of the tracers: `current_tracer`, filters, and what can be traced.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { releaseSymbol } from "../release/release.ts";
import { ftracePagesText } from "./ftrace_pages.ts";
import type { Directory } from "./directory.ts";
import { microsecondsFile } from "./buffer_settings.ts";
import type { FollowedFunctions } from "./followed_functions.ts";
import { parseUnsigned } from "./numbers.ts";
import type { TraceArray } from "./trace_array.ts";
import type { Tracers } from "./tracers.ts";

/** Hangs up the files of a trace array's tracer. */
export function addTracerFiles(directory: Directory, array: TraceArray, tracers: Tracers): void {
  directory.add("current_tracer", {
    mode: 0o640,
    read: () => `${array.tracer}\n`,
    write(text): number {
      const result = tracers.choose(text.trimEnd());
      return result < 0 ? result : text.length;
    },
  });
  directory.add("available_tracers", { mode: 0o440, read: () => tracers.available() });
  directory.add("set_ftrace_filter", tracers.filter.file(0o640));
  directory.add("set_ftrace_notrace", tracers.notrace.file(0o640));
  directory.add("set_ftrace_pid", tracers.pids.file("no pid\n"));
  directory.add("set_ftrace_notrace_pid", tracers.notracePids.file("no pid\n"));
}

/** Hangs up what only the kernel's own trace array has. */
export function addFtraceFiles(
  directory: Directory,
  k: Kernel,
  tracers: Tracers,
  followed: FollowedFunctions,
): void {
  directory.add("available_filter_functions", {
    mode: 0o440,
    read: () =>
      k.image.filterFunctions().map((line) => {
        const [name = "", ...owner] = line.split(" ");
        return `${[releaseSymbol(k.release, name), ...owner].join(" ")}\n`;
      }).join(""),
  });
  directory.add("dyn_ftrace_total_info", { mode: 0o440, read: () => ftracePagesText(k.image) });
  directory.add("enabled_functions", { mode: 0o440, read: () => followed.text() });
  directory.add("set_graph_function", tracers.graphFunction.file(0o640));
  directory.add("set_graph_notrace", tracers.graphNotrace.file(0o640));
  directory.add("tracing_thresh", microsecondsFile(tracers.threshold));
  directory.add("max_graph_depth", {
    mode: 0o640,
    read: () => `${tracers.maxGraphDepth}\n`,
    write(text): number {
      const depth = parseUnsigned(text);
      if (depth < 0) return depth;
      tracers.maxGraphDepth = depth;
      return text.length;
    },
  });
}
