/**
 * Splits what is written to a file of commands: `trace_parse_run_command`.
 *
 * @module
 */

import type { LogRing } from "../../printk/ring.ts";
import { EINVAL } from "../../syscalls/errno.ts";

/** Bytes that are looked at together. */
const WRITE_BUFSIZE = 4096;

/**
 * Runs each line of a write, without its comment. Bytes taken, or the first -errno; what was done before stays done.
 * A line that fills the kernel's buffer is refused.
 */
export function runCommands(
  text: string,
  run: (line: string) => number,
  log: Pick<LogRing, "printk">,
): number {
  let done = 0;
  while (done < text.length) {
    const chunk = text.slice(done, done + WRITE_BUFSIZE - 1);
    let at = 0;
    do {
      const newline = chunk.indexOf("\n", at);
      const end = newline < 0 ? chunk.length : newline + 1;
      if (newline < 0 && done + end - at < text.length) {
        if (at !== 0) break;
        log.printk(`Line length is too long: Should be less than ${WRITE_BUFSIZE - 2}`, "warn");
        return -EINVAL;
      }
      const line = chunk.slice(at, newline < 0 ? undefined : newline);
      done += end - at;
      at = end;
      const comment = line.indexOf("#");
      const result = run(comment < 0 ? line : line.slice(0, comment));
      if (result !== 0) return result;
    } while (done < text.length && at < chunk.length);
  }
  return done;
}
