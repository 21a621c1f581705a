/**
 * The switches of `/proc/sys` that belong to tracing.
 *
 * @module
 */

import { EINVAL } from "../syscalls/errno.ts";
import type { Directory } from "./directory.ts";

/** Values of the switches. */
export class Sysctls {
  /** `kernel.kptr_restrict`: 2 hides addresses from everyone. */
  kptrRestrict = 0;
  /** `kernel.perf_event_paranoid`. */
  perfEventParanoid = 3;
  /** `kernel.ftrace_enabled`. */
  ftraceEnabled = 1;

  /** Whether `/proc/kallsyms` and debugfs print zeros for addresses, to root too. */
  get hidesAddresses(): boolean {
    return this.kptrRestrict >= 2 && this.perfEventParanoid > 1;
  }
}

/** Where a switch keeps its value. */
export interface SysctlValue {
  get(): number;
  set(value: number): void;
}

/** Hangs up a switch that takes whole numbers from `min` to `max`. */
export function addSysctl(
  directory: Directory,
  path: string,
  value: SysctlValue,
  min: number,
  max: number,
): void {
  directory.add(path, {
    mode: 0o644,
    read: () => `${value.get()}\n`,
    write(text): number {
      const found = /^\s*(-?\d+)\s*$/.exec(text)?.[1];
      const number = Number(found);
      if (found === undefined || number < min || number > max) return -EINVAL;
      value.set(number);
      return text.length;
    },
  });
}
