/**
 * `dd if=blob.bin of=copy.bin bs=4k`: a copy in blocks.
 *
 * @module
 */

import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { installProgram, startProgram } from "./start_program.ts";

const BLOCK = 4096;

/** Becomes `dd`, and copies `count` blocks. */
export function* dd(sys: Sys, from: string, to: string, count: number): Steps<void> {
  yield* startProgram(sys, "/usr/bin/dd", ["dd", `if=${from}`, `of=${to}`, "bs=4k"]);
  const input = yield* sys.open(from);
  yield* sys.dup2(input, 0);
  yield* sys.close(input);
  yield* sys.lseek(0, 0, "SEEK_CUR");
  const output = yield* sys.open(to, "O_WRONLY|O_CREAT|O_TRUNC", 0o666);
  yield* sys.dup2(output, 1);
  yield* sys.close(output);
  for (let block = 0; block <= count; block++) {
    const length = yield* sys.read(0, BLOCK);
    if (length <= 0) break;
    yield* sys.write(1, length);
  }
  yield* sys.close(0);
  yield* sys.close(1);
  yield* sys.write(2, `${count}+0 records in\n${count}+0 records out\n`);
  yield* sys.close(2);
}

/** The workload: `blocks` blocks of 4 KiB. */
export function ddWorkload(blocks: number): Workload {
  return programWorkload({
    name: "dd",
    description: `a copy of ${blocks} blocks of 4 KiB`,
    prepare(k): void {
      installProgram(k, "/usr/bin/dd", 85760);
      k.vfs.makePath("/blob.bin", { size: blocks * BLOCK });
    },
    programs: [{ program: (sys) => dd(sys, "blob.bin", "copy.bin", blocks) }],
  });
}
