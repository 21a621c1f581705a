/**
 * Descriptors of a replay that come too early. A recorded call runs as a whole when it begins, and so gives its descriptor
 * out before another thread's call, which began later and ended sooner, has closed the file that has that number.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";

/** A file that has no number yet. */
export interface ParkedFile {
  readonly file: Addr;
  readonly cloexec: boolean;
}

const all = new WeakMap<Kernel, Map<Addr, Map<number, ParkedFile>>>();

/** Keeps a file until its number is free. */
export function parkFile(k: Kernel, files: Addr, fd: number, parked: ParkedFile): void {
  let tables = all.get(k);
  if (tables === undefined) all.set(k, tables = new Map());
  let table = tables.get(files);
  if (table === undefined) tables.set(files, table = new Map());
  table.set(fd, parked);
}

/** The file that waits for a number, which it gets now; undefined almost always. */
export function unparkFile(k: Kernel, files: Addr, fd: number): ParkedFile | undefined {
  const table = all.get(k)?.get(files);
  const parked = table?.get(fd);
  if (parked !== undefined) table?.delete(fd);
  return parked;
}
