/**
 * Layouts of the structs that system calls take from user memory, found by the field names that strace prints.
 *
 * @module
 */

import type { StraceArgument } from "./value.ts";

/** C types of fields. `long` and pointers have the word's size; `wide` is 64-bit everywhere. */
export type FieldType =
  | "short"
  | "int"
  | "long"
  | "wide"
  | "pointer"
  | "sigset"
  | "timespec"
  | "timeval"
  | "bits";

/** A struct as system calls take it. */
export interface StructLayout {
  readonly name: string;
  readonly fields: readonly (readonly [name: string, type: FieldType])[];
  /** No padding between fields, on these architectures. */
  readonly packed?: "x86_64";
}

const LAYOUTS: readonly StructLayout[] = [
  { name: "timespec", fields: [["tv_sec", "long"], ["tv_nsec", "long"]] },
  { name: "timeval", fields: [["tv_sec", "long"], ["tv_usec", "long"]] },
  { name: "itimerspec", fields: [["it_interval", "timespec"], ["it_value", "timespec"]] },
  { name: "itimerval", fields: [["it_interval", "timeval"], ["it_value", "timeval"]] },
  { name: "iovec", fields: [["iov_base", "pointer"], ["iov_len", "long"]] },
  { name: "pollfd", fields: [["fd", "int"], ["events", "short"], ["revents", "short"]] },
  { name: "sembuf", fields: [["sem_num", "short"], ["sem_op", "short"], ["sem_flg", "short"]] },
  { name: "epoll_event", fields: [["events", "int"], ["data", "wide"]], packed: "x86_64" },
  { name: "rlimit64", fields: [["rlim_cur", "wide"], ["rlim_max", "wide"]] },
  {
    name: "flock",
    fields: [["l_type", "short"], ["l_whence", "short"], ["l_start", "long"], ["l_len", "long"], [
      "l_pid",
      "int",
    ]],
  },
  {
    name: "sigaction",
    fields: [["sa_handler", "pointer"], ["sa_flags", "long"], ["sa_restorer", "pointer"], [
      "sa_mask",
      "sigset",
    ]],
  },
  {
    name: "clone_args",
    fields: [
      ["flags", "wide"],
      ["pidfd", "wide"],
      ["child_tid", "wide"],
      ["parent_tid", "wide"],
      ["exit_signal", "wide"],
      ["stack", "wide"],
      ["stack_size", "wide"],
      ["tls", "wide"],
      ["set_tid", "wide"],
      ["set_tid_size", "wide"],
      ["cgroup", "wide"],
    ],
  },
  { name: "open_how", fields: [["flags", "wide"], ["mode", "wide"], ["resolve", "wide"]] },
  {
    name: "msghdr",
    fields: [
      ["msg_name", "pointer"],
      ["msg_namelen", "int"],
      ["msg_iov", "pointer"],
      ["msg_iovlen", "long"],
      ["msg_control", "pointer"],
      ["msg_controllen", "long"],
      ["msg_flags", "int"],
    ],
  },
  {
    name: "user_desc",
    fields: [
      ["entry_number", "int"],
      ["base_addr", "int"],
      ["limit", "int"],
      ["seg_32bit", "bits"],
    ],
  },
];

/** The layout that has the struct's first field and most of the others; undefined for structs that calls only fill in. */
export function layoutOf(fields: readonly StraceArgument[]): StructLayout | undefined {
  const first = fields[0]?.name;
  if (first === undefined) return undefined;
  let best: StructLayout | undefined;
  let bestCount = 0;
  for (const layout of LAYOUTS) {
    const names = new Set(layout.fields.map(([name]) => name));
    if (!names.has(first)) continue;
    let count = fields.filter((field) => field.name !== undefined && names.has(field.name)).length;
    if (first === "it_interval" && isMicroseconds(fields[0]!) === (layout.name === "itimerval")) count++;
    if (count > bestCount) [best, bestCount] = [layout, count];
  }
  return best;
}

function isMicroseconds(field: StraceArgument): boolean {
  return field.value.kind === "struct" && field.value.fields.some((inner) => inner.name === "tv_usec");
}
