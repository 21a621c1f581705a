/**
 * The files under test as one tree of absolute paths: tracefs, debugfs and procfs of a modeled kernel.
 *
 * @module
 */

import { S_IFDIR } from "../../kernel/fs/modes.ts";
import type { ErrnoResult } from "../../kernel/tracefs/result.ts";
import type { Tracefs } from "../../kernel/tracefs/tree.ts";

/** What the runner needs of a file system; a number is `-errno`. */
export interface FileTree {
  /** The whole text. */
  read(path: string): string | number;
  /** One write(2): bytes taken. */
  write(path: string, text: string): number;
  /** What an open with `O_TRUNC` does. */
  truncate(path: string): number;
  /** Names in a directory, sorted. */
  list(path: string): readonly string[] | number;
  /** Type and permission bits; undefined when nothing is there. */
  mode(path: string): number | undefined;
  /** `mkdir`: 0 or `-errno`. */
  mkdir(path: string): number;
  /** `rmdir`: 0 or `-errno`. */
  rmdir(path: string): number;
}

/** Where the file systems of the tree are mounted. */
export const MOUNTS: readonly string[] = ["/sys/", "/proc/"];

/** The tree of a modeled kernel. */
export function treeOf(tracefs: Tracefs): FileTree {
  return {
    read: (path) => plain(tracefs.read(path)),
    write: (path, text) => plain(tracefs.write(path, text, { append: true })),
    truncate: (path) => plain(tracefs.write(path, "")),
    list: (path) => plain(tracefs.list(path)),
    mode(path): number | undefined {
      const found = tracefs.stat(path);
      if (!found.ok) return undefined;
      return found.value.directory ? S_IFDIR | found.value.mode : found.value.mode;
    },
    mkdir: (path) => plain(tracefs.mkdir(path)),
    rmdir: (path) => plain(tracefs.rmdir(path)),
  };
}

function plain<T>(result: ErrnoResult<T>): T | number {
  return result.ok ? result.value : -result.errno;
}
