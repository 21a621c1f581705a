/**
 * `snapshot`: a second buffer that changes places with the trace array's own.
 *
 * @module
 */

import { EINVAL } from "../syscalls/errno.ts";
import type { Directory } from "./directory.ts";
import { parseUnsigned } from "./numbers.ts";
import type { TraceArray } from "./trace_array.ts";
import { traceText } from "./trace_text.ts";

const MAIN_HELP = `# echo 0 > snapshot : Clears and frees snapshot buffer
# echo 1 > snapshot : Allocates snapshot buffer, if not already allocated.
#                      Takes a snapshot of the main buffer.
# echo 2 > snapshot : Clears snapshot buffer (but does not allocate or free)
#                      (Doesn't have to be '2' works with any number that
#                       is not a '0' or '1')
`;
/** As of kernels that can't swap the buffer of one CPU. */
const CPU_HELP = `# echo 0 > snapshot : Invalid for per_cpu snapshot file.
# echo 1 > snapshot : Not supported with this kernel.
#                     Must use main snapshot file to allocate.
# echo 2 > snapshot : Clears this cpu's snapshot buffer (but does not allocate or free)
#                      (Doesn't have to be '2' works with any number that
#                       is not a '0' or '1')
`;

/** Hangs up `snapshot`, and for a CPU `snapshot_raw`. */
export function addSnapshotFiles(directory: Directory, array: TraceArray, cpu?: number): void {
  directory.add("snapshot", {
    mode: 0o640,
    read: () => snapshotText(array, cpu),
    write: (text) => writeSnapshot(array, text, cpu),
  });
  if (cpu === undefined) return;
  // Pages as they are, of which the model has none.
  directory.add("snapshot_raw", { mode: 0o440, read: () => "" });
}

function snapshotText(array: TraceArray, cpu?: number): string {
  const { snapshot } = array;
  const records = snapshot?.entries(cpu).length ?? 0;
  if (snapshot !== null && records > 0) return traceText(array, cpu, snapshot);
  const state = snapshot === null ? "freed" : "allocated";
  const help = cpu === undefined ? MAIN_HELP : CPU_HELP;
  return `# tracer: ${array.tracer}\n#\n#\n# * Snapshot is ${state} *\n#\n# Snapshot commands:\n${help}`;
}

/** `tracing_snapshot_write`: 0 frees, 1 takes a snapshot, anything else clears. */
function writeSnapshot(array: TraceArray, text: string, cpu?: number): number {
  array.buffer.expand();
  const value = parseUnsigned(text);
  if (value < 0) return value;
  if (value <= 1 && cpu !== undefined) return -EINVAL;
  if (value === 0) array.freeSnapshot();
  else if (value === 1) {
    array.allocateSnapshot();
    array.takeSnapshot();
  } else if (cpu === undefined) array.snapshot?.clear();
  else array.snapshot?.cpu(cpu)?.clear();
  return text.length;
}
