/**
 * Small programs that make a few system calls and nothing else: what to trace when one wants to see one thing.
 *
 * @module
 */

import type { Steps, UserProgram } from "../program.ts";
import { programWorkload } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { installProgram, startProgram } from "./start_program.ts";

/** A file is made, written, read back and closed, `times` times. */
export function rwWorkload(times: number): Workload {
  return repeated("rw", `a file is opened, written, read and closed, ${times} times`, times, function* (sys) {
    const fd = yield* sys.open("/tmp/rw", "O_RDWR|O_CREAT", 0o644);
    yield* sys.write(fd, "hello world\n");
    yield* sys.lseek(fd, 0);
    yield* sys.read(fd, 64);
    yield* sys.close(fd);
  });
}

/** A file that is not there is opened, `times` times. */
export function openfailWorkload(times: number): Workload {
  return repeated("openfail", `a missing file is opened, ${times} times`, times, function* (sys) {
    yield* sys.open("/nonexistent");
  });
}

/** Children are made that do nothing, one after another. */
export function forkWorkload(children: number): Workload {
  return repeated("fork", `${children} children are made and waited for`, children, function* (sys) {
    yield* sys.fork(function* (): Steps<void> {});
    yield* sys.wait();
  });
}

/** A shell runs `/bin/true`, `times` times. */
export function execWorkload(times: number): Workload {
  return programWorkload({
    name: "exec",
    description: `sh runs /bin/true, ${times} times`,
    prepare: (k) => installProgram(k, "/bin/true", 39472),
    programs: [{
      comm: "sh",
      *program(sys) {
        for (let time = 0; time < times; time++) {
          yield* sys.fork((child) => startProgram(child, "/bin/true", ["/bin/true"]));
          yield* sys.wait();
        }
      },
    }],
  });
}

/** Memory is mapped and unmapped, and the heap grows and shrinks, `times` times. */
export function memoryWorkload(times: number): Workload {
  return repeated("memory", `memory is mapped and unmapped, ${times} times`, times, function* (sys) {
    const length = 16 * 4096;
    const at = yield* sys.mmap(length, "PROT_READ|PROT_WRITE", "MAP_PRIVATE|MAP_ANONYMOUS");
    yield* sys.munmap(at, length);
    const heap = yield* sys.brk();
    yield* sys.brk(heap + 4 * 4096);
    yield* sys.brk(heap);
  });
}

function repeated(
  name: string,
  description: string,
  times: number,
  step: (sys: Sys) => Steps<void>,
): Workload {
  const program: UserProgram = function* (sys) {
    for (let time = 0; time < times; time++) yield* step(sys);
  };
  return programWorkload({ name, description, programs: [{ comm: name, program }] });
}
