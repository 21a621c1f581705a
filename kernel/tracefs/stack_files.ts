/**
 * The stack tracer's files: `stack_trace`, `stack_max_size`, `stack_trace_filter`. Depths of stacks are not modeled, so it
 * is never switched on.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { Directory } from "./directory.ts";
import { FunctionFilter } from "./ftrace_filter.ts";
import { parseUnsigned } from "./numbers.ts";

const HEAD = `        Depth    Size   Location    (0 entries)
        -----    ----   --------
`;
const DISABLED = `#
#  Stack tracer disabled
#
# To enable the stack tracer, either add 'stacktrace' to the
# kernel command line
# or 'echo 1 > /proc/sys/kernel/stack_tracer_enabled'
#
`;

/** Hangs them up. */
export function addStackFiles(directory: Directory, image: KernelImage): void {
  let largest = 0;
  directory.add("stack_max_size", {
    mode: 0o640,
    read: () => `${largest}\n`,
    write(text): number {
      const size = parseUnsigned(text);
      if (size < 0) return size;
      largest = size;
      return text.length;
    },
  });
  directory.add("stack_trace", { mode: 0o440, read: () => HEAD + (largest === 0 ? DISABLED : "") });
  const filter = new FunctionFilter(image, "#### all functions enabled ####", () => {});
  directory.add("stack_trace_filter", filter.file(0o640));
}
