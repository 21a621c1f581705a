/**
 * Attach points as text.
 *
 * @module
 */

import type { AttachPoint } from "./nodes.ts";

/** An attach point as bpftrace names it: `kprobe:vfs_open+4`, `tracepoint:sched:sched_switch`, `begin`. */
export function pointName(point: AttachPoint): string {
  switch (point.kind) {
    case "kprobe":
      return `kprobe:${point.target}${point.offset === 0 ? "" : `+${point.offset}`}`;
    case "kretprobe":
      return `kretprobe:${point.target}`;
    case "uprobe":
      return `uprobe:${point.path}:${point.target}${point.offset === 0 ? "" : `+${point.offset}`}`;
    case "uretprobe":
      return `uretprobe:${point.path}:${point.target}`;
    case "tracepoint":
      return `tracepoint:${point.subsystem}:${point.event}`;
    case "interval":
      return `interval:${point.spec}`;
    case "begin":
    case "end":
      return point.kind;
  }
}
