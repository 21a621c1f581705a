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
    case "fentry":
    case "fexit":
      return `${point.kind}:${point.target}`;
    case "uprobe":
      return `uprobe:${point.path}:${point.target}${point.offset === 0 ? "" : `+${point.offset}`}`;
    case "uretprobe":
      return `uretprobe:${point.path}:${point.target}`;
    case "tracepoint":
      return `tracepoint:${point.subsystem}:${point.event}`;
    case "interval":
    case "profile":
      return `${point.kind}:${point.spec}`;
    case "software":
      return `software:${point.event}:${point.count}`;
    case "begin":
    case "end":
      return point.kind;
  }
}
