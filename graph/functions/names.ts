/**
 * Names of the context's functions that `table.ts` defines.
 *
 * @module
 */

/** All of them. */
export const FUNCTION_NAMES = [
  "strncmp",
  "strcontains",
  "strlen",
  "strstr",
  "ntop",
  "bswap",
  "macaddr",
  "buf",
  "kaddr",
  "strerror",
  "signal_name",
  "syscall_name",
  "strftime",
  "path",
  "cgroupid",
  "cgroup_path",
] as const;

/** One of them. */
export type FunctionName = typeof FUNCTION_NAMES[number];
