/**
 * `cat /etc/hosts src/file7.txt`, from its execve to its exit.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { name } from "../replay/build_value.ts";
import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { installProgram, startProgram } from "./start_program.ts";

const HOSTS = "127.0.0.1 localhost\n127.0.0.1 runner.example.org\n".slice(0, 49);
const BUFFER = 131072;

/** The text of a file of consecutive numbers. */
export function numbersText(from: number, size: number): Uint8Array {
  let text = "";
  for (let n = from; text.length < size; n++) text += `${n}\n`;
  return new TextEncoder().encode(text.slice(0, size));
}

/** Copies a file to standard output, as `cat` does. */
export function* copyOut(sys: Sys, path: string): Steps<void> {
  const fd = yield* sys.open(path);
  if (fd < 0) return;
  yield* sys.fstat(fd);
  yield* sys.given({ ret: 0, duration: 500 }, "fadvise64", fd, 0, 0, name("POSIX_FADV_SEQUENTIAL"));
  const buffer = yield* sys.mmap(BUFFER + 8192, "PROT_READ|PROT_WRITE", "MAP_PRIVATE|MAP_ANONYMOUS");
  for (;;) {
    const length = yield* sys.read(fd, BUFFER);
    if (length <= 0) break;
    yield* sys.write(1, length);
  }
  yield* sys.munmap(buffer, BUFFER + 8192);
  yield* sys.close(fd);
}

/** Puts `cat` and the two files in place. */
export function installCat(k: Kernel): void {
  installProgram(k, "/usr/bin/cat");
  k.vfs.makePath("/etc/hosts", { content: new TextEncoder().encode(HOSTS) });
}

/** Becomes `cat` with these operands. */
export function* cat(sys: Sys, paths: readonly string[]): Steps<void> {
  yield* startProgram(sys, "/usr/bin/cat", ["cat", ...paths]);
  // What setlocale and the options' parser keep.
  const names = yield* sys.libc.malloc(472);
  yield* sys.libc.malloc(120);
  yield* sys.libc.free(names);
  yield* sys.fstat(1);
  for (const path of paths) yield* copyOut(sys, path);
  yield* sys.close(1);
  yield* sys.close(2);
}

/** The workload. */
export function catWorkload(): Workload {
  return programWorkload({
    name: "cat",
    description: "cat /etc/hosts src/file7.txt, from execve to exit",
    prepare(k): void {
      installCat(k);
      k.vfs.makePath("/src/file7.txt", { content: numbersText(7, 1280) });
    },
    programs: [{ program: (sys) => cat(sys, ["/etc/hosts", "src/file7.txt"]) }],
  });
}
