/**
 * Whose line is it? Without `-o`, strace names the process only while it traces several: `[pid 11377] close(3)`, and
 * plain `close(3)` before the first fork and after the last but one process has ended.
 *
 * @module
 */

/** Pid of lines that name none, for as long as nothing tells whose they are. */
const NAMELESS = 0;

/** Gives lines without a pid to the process that they belong to. */
export class PidResolver {
  /** The process whose first lines had no pid, once it is known. */
  #first: number | null = null;
  readonly #alive = new Set<number>();
  readonly #children = new Set<number>();
  readonly #ended = new Set<number>();

  /** `pid` was made by a process of the recording, or strace told that it follows it from now on. */
  made(pid: number): void {
    this.#children.add(pid);
    if (!this.#ended.has(pid)) this.#alive.add(pid);
  }

  /** `pid` has ended. */
  ended(pid: number): void {
    this.#ended.add(pid);
    this.#alive.delete(pid);
  }

  /** The process of a line that names `pid` (0: none). `renamed` tells that lines so far of 0 are its own. */
  resolve(pid: number): { readonly pid: number; readonly renamed: boolean } {
    if (pid !== NAMELESS) {
      const renamed = this.#first === null && this.#alive.has(NAMELESS) && !this.#children.has(pid);
      if (renamed) {
        this.#first = pid;
        this.#alive.delete(NAMELESS);
      }
      if (!this.#ended.has(pid)) this.#alive.add(pid);
      return { pid, renamed };
    }
    if (this.#first === null && this.#children.size === 0) this.#alive.add(NAMELESS);
    if (this.#alive.size === 1) return { pid: [...this.#alive][0]!, renamed: false };
    return { pid: this.#first ?? NAMELESS, renamed: false };
  }
}
