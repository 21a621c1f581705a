/**
 * How a recording is replayed.
 *
 * @module
 */

import type { RecordingOptions } from "./recording.ts";

/** Options of `replay`. */
export interface ReplayOptions extends RecordingOptions {
  /**
   * Command name of the processes that the recording begins with, up to their first `execve`. Default: what `strace -Y`
   * printed; else `strace`, which a process that strace starts is called until it executes its program; else, for a
   * process that strace was attached to, `unknown`.
   */
  readonly comm?: string;
  /** Directory that those processes are in: an absolute path, made if it is not there. Default `/`. */
  readonly cwd?: string;
}
