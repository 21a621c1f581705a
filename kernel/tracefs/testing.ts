/**
 * Kernels for the tests of this folder.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { bootTest, TestProgram } from "../syscalls/test_program.ts";
import type { ErrnoResult } from "./result.ts";

/** tracefs' root. */
export const TRACING = "/sys/kernel/tracing";

/** A file's text, or the name of the error. `path` is relative to tracefs. */
export function cat(k: Kernel, path: string): string {
  return told(k.tracefs.read(absolute(path)));
}

/** Writes with a truncation first: the bytes taken, or the name of the error. */
export function echo(k: Kernel, text: string, path: string): number | string {
  return told(k.tracefs.write(absolute(path), `${text}\n`));
}

/** A result's value, or the name of its error. */
export function told<T>(result: ErrnoResult<T>): T | string {
  return result.ok ? result.value : result.name;
}

/** Boots a kernel with `prepare`, then lets a program open a missing file `times` times. */
export async function openMissing(
  arch: Arch,
  prepare: (k: Kernel) => void,
  times = 1,
): Promise<Kernel> {
  const k = await bootTest(arch);
  prepare(k);
  const task = k.tasks.create({ comm: "opener" });
  const program = new TestProgram(k, task);
  k.scheduler.spawn(
    task,
    (function* () {
      for (let time = 0; time < times; time++) yield* program.call("openat", -100, "/none", 0, 0);
    })(),
  );
  k.scheduler.run();
  return k;
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${TRACING}/${path}`;
}
