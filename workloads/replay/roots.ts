/**
 * The processes that a recording begins with.
 *
 * @module
 */

import type { RecordedProcess, Recording } from "./recording.ts";
import type { ReplayOptions } from "./options.ts";

/** A process that exists before the first line. */
export interface Root {
  readonly process: RecordedProcess;
  readonly comm: string;
  /** It executes its program with its first call. */
  readonly executes: boolean;
}

/** Those that no recorded call made, in the order of their first lines, with their first command name. */
export function rootsOf(recording: Recording, options: ReplayOptions): readonly Root[] {
  const { processes } = recording;
  const pids = new Set(processes.map((process) => process.pid));
  return processes
    .filter((process) =>
      process.parent === undefined || !pids.has(process.parent) || process.parent === process.pid
    )
    .map((process) => {
      const executes = beginsWithExec(recording, process);
      const comm = options.comm ?? process.comm ?? (executes ? "strace" : "unknown");
      return { process, comm, executes };
    });
}

function beginsWithExec(recording: Recording, process: RecordedProcess): boolean {
  const first = recording.events(process.pid).next();
  return first.done !== true && first.value.kind === "call" && first.value.name.startsWith("execve");
}
