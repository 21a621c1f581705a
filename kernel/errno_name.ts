/**
 * Names of error numbers.
 *
 * @module
 */

import * as probeErrno from "./kprobes/errno.ts";
import * as errno from "./syscalls/errno.ts";

const names = new Map<number, string>(
  Object.entries({ ...errno, ...probeErrno }).flatMap(([name, value]) =>
    typeof value === "number" ? [[value, name] as const] : []
  ),
);

/** `EINVAL` for 22 or -22; `errno 999` for a number without a name. */
export function errnoName(value: number): string {
  return names.get(Math.abs(value)) ?? `errno ${Math.abs(value)}`;
}
