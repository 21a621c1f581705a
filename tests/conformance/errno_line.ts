/**
 * How the recorded programs print results of system calls.
 *
 * @module
 */

import { errnoName } from "../../kernel/errno_name.ts";
import { errnoText as kernelText } from "../../kernel/tracefs/errno_text.ts";

/** `Invalid argument` for 22 or -22. */
export function errnoText(errno: number): string {
  return kernelText(Math.abs(errno));
}

/** `write(5 bytes) = -1 EINVAL (22, Invalid argument)`, or the result. */
export function resultText(call: string, result: number): string {
  if (result >= 0) return `${call} = ${result}`;
  return `${call} = -1 ${errnoName(result)} (${-result}, ${errnoText(result)})`;
}
