/**
 * Lists of processes that users write: `set_event_pid`, `set_ftrace_pid` and their `notrace` siblings.
 *
 * @module
 */

import { EINVAL, EPERM } from "../syscalls/errno.ts";
import type { TraceFile } from "./file.ts";
import { isErrno, kstrtoul } from "./probe_events/kstrto.ts";

/** What no process id reaches (`MAX_PID` of the kernel's lists). */
const MAX_PID = 1n << 30n;

/** A set of process ids. */
export class PidFilter {
  #pids = new Set<number>();

  /** Whether none is chosen. */
  get empty(): boolean {
    return this.#pids.size === 0;
  }

  /** Whether a process is chosen. */
  has(pid: number): boolean {
    return this.#pids.has(pid);
  }

  /** Chooses a process, as a chosen one's child with `event-fork` or `function-fork`. */
  add(pid: number): void {
    this.#pids.add(pid);
  }

  /** A process is gone. */
  remove(pid: number): void {
    this.#pids.delete(pid);
  }

  /** The file; `emptyText` is what it reads as while nothing is chosen. */
  file(emptyText: string): TraceFile {
    return {
      mode: 0o640,
      read: () =>
        this.empty ? emptyText : [...this.#pids].sort((a, b) => a - b).map((pid) => `${pid}\n`).join(""),
      write: (text) => this.#write(text),
      truncate: () => {
        this.#pids.clear();
        return 0;
      },
    };
  }

  /** `trace_pid_write`: ids between blanks are added, all of them or none. */
  #write(text: string): number {
    const pids = new Set(this.#pids);
    for (const word of text.split(/\s+/)) {
      if (word === "") continue;
      const value = kstrtoul(word, 0, 64);
      if (isErrno(value)) return -EINVAL;
      const pid = BigInt.asUintN(32, value);
      // The kernel's own -1 gets out.
      if (pid >= MAX_PID) return -EPERM;
      pids.add(Number(pid));
    }
    this.#pids = pids;
    return text.length;
  }
}
