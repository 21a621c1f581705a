/**
 * A file of the modeled tracefs, debugfs or procfs: what its `file_operations` amount to.
 *
 * A result below zero is `-errno`, as a system call would return it.
 */
export interface TraceFile {
  /** Permission bits, as `ls -l` shows them (0o640, 0o440, …). */
  readonly mode: number;
  /** The whole text, or `-errno`. */
  read(): string | number;
  /** One write(2) of `text`: the bytes taken, or `-errno`. Absent where the file cannot be written. */
  write?(text: string): number;
  /** What an open with `O_TRUNC` does first: 0, or the `-errno` with which the open fails. */
  truncate?(): number;
}

/** The directory tree into which files are hung. Paths are relative to its root, with `/` between names. */
export interface TraceTree {
  /** Hangs `file` at `path`; directories on the way appear by themselves. */
  add(path: string, file: TraceFile): void;
  /** Takes a file, or a directory with all that is in it, away. */
  remove(path: string): void;
}
