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
  /** `kernel.ftrace_enabled`: anything but 0 is on. */
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
      const number = firstNumber(text);
      if (number === null || number < min || number > max) return -EINVAL;
      value.set(number);
      return text.length;
    },
  });
}

/** Most characters of a number, its sign included. */
const LONGEST = 20;

/** `proc_get_long`: the first number of a text, in base 8, 10 or 16; what stands behind a space doesn't count. Null where none is. */
function firstNumber(text: string): number | null {
  const found = /^\s*(-?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)(?=[ \t\n]|$)/.exec(text);
  if (found === null) return null;
  const [, sign = "", digits = ""] = found;
  if (sign.length + digits.length > LONGEST) return null;
  const octal = /^0[0-7]/.test(digits);
  const value = octal ? Number.parseInt(digits, 8) : Number(digits);
  return sign === "" ? value : -value;
}
