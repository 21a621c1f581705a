/**
 * The contents of a file of the model, as `cat` in a script prints them.
 *
 * @module
 */

import type { Kernel } from "../kernel/kernel.ts";

/** Most bytes of a file that are shown. */
const MAX_BYTES = 64 * 1024;

/** A file's text; empty where there is none. */
export function fileText(kernel: Kernel, path: string): string {
  const inode = kernel.vfs.lookup(path)?.inode;
  return inode === undefined || inode === null ? "" : new TextDecoder().decode(inode.read(0, MAX_BYTES));
}
