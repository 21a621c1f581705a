/**
 * The lines above the records in `trace`.
 *
 * @module
 */

import type { TraceBuffer } from "./buffer.ts";
import { graphHeader } from "./graph_text.ts";
import { latencyColumns, latencyHeader } from "./latency_text.ts";
import type { TraceArray } from "./trace_array.ts";

/** The header of `buffer`'s text. */
export function headerText(array: TraceArray, buffer: TraceBuffer): string {
  return `# tracer: ${array.tracer}\n#\n${columnsText(array, buffer)}`;
}

/** `trace_default_header` and `print_graph_headers`. */
function columnsText(array: TraceArray, buffer: TraceBuffer): string {
  const { options } = array;
  if (!options.has("context-info")) return "";
  const isGraph = array.tracer === "function_graph";
  if (options.has("latency-format")) {
    if (buffer.empty) return "";
    const above = latencyHeader(array, buffer);
    if (isGraph) return above + graphHeader(options);
    return options.has("verbose") ? above : above + latencyColumns();
  }
  if (isGraph) return graphHeader(options);
  if (options.has("verbose")) return "";
  const columns = options.has("irq-info") ? columnsWithFlags : plainColumns;
  return totalsText(array, buffer) + columns(options.has("record-tgid"));
}

/** `print_event_info`: of all CPUs, also above the records of one. */
function totalsText(array: TraceArray, buffer: TraceBuffer): string {
  const { inBuffer, written } = buffer.totals();
  return `# entries-in-buffer/entries-written: ${inBuffer}/${written}   #P:${array.host.cpus}\n#\n`;
}

/** `print_func_help_header_irq` */
function columnsWithFlags(tgid: boolean): string {
  const gap = " ".repeat(tgid ? 12 : 2);
  return `#                            ${gap}  _-----=> irqs-off/BH-disabled
#                            ${gap} / _----=> need-resched
#                            ${gap}| / _---=> hardirq/softirq
#                            ${gap}|| / _--=> preempt-depth
#                            ${gap}||| / _-=> migrate-disable
#                            ${gap}|||| /     delay
#           TASK-PID  ${tgid ? "     TGID   " : gap} CPU#  |||||  TIMESTAMP  FUNCTION
#              | |    ${tgid ? "       |    " : gap}   |   |||||     |         |
`;
}

/** `print_func_help_header` */
function plainColumns(tgid: boolean): string {
  return `#           TASK-PID    ${tgid ? "   TGID   " : ""} CPU#     TIMESTAMP  FUNCTION
#              | |      ${tgid ? "     |    " : ""}   |         |         |
`;
}
