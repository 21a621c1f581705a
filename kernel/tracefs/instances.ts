/**
 * `instances/`: directories in which users make trace arrays of their own.
 *
 * @module
 */

import { EEXIST, ENOENT } from "../syscalls/errno.ts";
import type { Directory } from "./directory.ts";
import { TraceArray, type TraceArrayHost } from "./trace_array.ts";

/** Hangs an array's files into a directory; the result takes down what outlives the directory. */
export type ArrayFiles = (array: TraceArray, directory: Directory) => () => void;

/** Makes `instances` a directory in which arrays are made with mkdir and removed with rmdir. */
export function addInstances(
  tracing: Directory,
  host: TraceArrayHost,
  main: TraceArray,
  hang: ArrayFiles,
): void {
  const instances = tracing.directory("instances", 0o750);
  const closers = new Map<string, () => void>();
  instances.operations = {
    mkdir(name): number {
      if (closers.has(name)) return -EEXIST;
      const array = new TraceArray(host, name, main);
      const directory = instances.directory(name, 0o750);
      const close = hang(array, directory);
      closers.set(name, close);
      return 0;
    },
    rmdir(name): number {
      const close = closers.get(name);
      if (close === undefined) return -ENOENT;
      close();
      closers.delete(name);
      instances.remove(name);
      return 0;
    },
  };
}
