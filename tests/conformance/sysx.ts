/**
 * The small program of the recordings that makes the system calls it is told to, and nothing else.
 *
 * @module
 */

import type { Steps } from "../../workloads/program.ts";
import type { Sys } from "../../workloads/sys.ts";

/** Prints a line. */
type Print = (line: string) => Steps<void>;

/**
 * Runs one operation:
 *
 * - `rw`: opens `/tmp/f1`, reads it, writes a byte
 * - `open FILE [TIMES]`: opens and closes a file; a failure is printed
 * - `sleep N NS [TIMES]`: N tasks that sleep at once
 */
export function* runSysx(sys: Sys, args: readonly string[], print: Print): Steps<number> {
  const [operation, ...operands] = args;
  switch (operation) {
    case "rw":
      yield* readAndWrite(sys);
      return 0;
    case "open":
      return yield* opens(sys, operands[0] ?? "", Number(operands[1] ?? 1), print);
    case "sleep":
      yield* sleepers(sys, Number(operands[0]), Number(operands[1]), Number(operands[2] ?? 1));
      return 0;
    default:
      throw new Error(`sysx has no operation "${operation}"`);
  }
}

function* readAndWrite(sys: Sys): Steps<void> {
  const fd = yield* sys.open("/tmp/f1", "O_RDWR|O_CREAT");
  yield* sys.read(fd, 64);
  yield* sys.write(fd, "x");
  yield* sys.close(fd);
}

function* opens(sys: Sys, path: string, times: number, print: Print): Steps<number> {
  for (let time = 0; time < times; time++) {
    const fd = yield* sys.open(path, "O_RDONLY");
    if (fd < 0) {
      yield* print(`open=-1 ${-fd}\n`);
      return 1;
    }
    yield* sys.close(fd);
  }
  return 0;
}

function* sleepers(sys: Sys, tasks: number, ns: number, times: number): Steps<void> {
  function* sleeper(task: Sys): Steps<void> {
    for (let time = 0; time < times; time++) yield* task.nanosleep(ns);
  }
  if (tasks === 1) return yield* sleeper(sys);
  for (let task = 0; task < tasks; task++) yield* sys.fork(sleeper);
  for (let task = 0; task < tasks; task++) yield* sys.wait();
}
