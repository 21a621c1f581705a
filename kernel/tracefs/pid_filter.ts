/**
 * Lists of processes that users write: `set_ftrace_pid`, `set_ftrace_notrace_pid`.
 *
 * @module
 */

import { EINVAL } from "../syscalls/errno.ts";
import type { TraceFile } from "./file.ts";

/** Largest process id on 64-bit kernels (`PID_MAX_LIMIT`). */
const PID_MAX = 4194304;

/** A set of process ids. */
export class PidFilter {
  readonly #pids = new Set<number>();

  /** Whether none is chosen. */
  get empty(): boolean {
    return this.#pids.size === 0;
  }

  /** Whether a process is chosen. */
  has(pid: number): boolean {
    return this.#pids.has(pid);
  }

  /** The file: ids between blanks are added; those before a wrong one count. */
  file(): TraceFile {
    return {
      mode: 0o640,
      read: () =>
        this.empty ? "no pid\n" : [...this.#pids].sort((a, b) => a - b).map((pid) => `${pid}\n`).join(""),
      write: (text) => {
        for (const word of text.split(/\s+/)) {
          if (word === "") continue;
          if (!/^\d+$/.test(word) || Number(word) >= PID_MAX) return -EINVAL;
          this.#pids.add(Number(word));
        }
        return text.length;
      },
      truncate: () => {
        this.#pids.clear();
        return 0;
      },
    };
  }
}
