/**
 * Programs that want more of the CPUs than there is: hogs of differing niceness, a storm of forks, a machine at night.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { programWorkload, type UserProgram } from "../program.ts";
import { name } from "../replay/build_value.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { installProgram, startProgram } from "./start_program.ts";

const MS = 1_000_000;
/** How long a hog computes between two looks at the clock. */
const STRETCH = 2 * MS;

/** The workload: `hogs` programs compute for `ms` milliseconds each, in `levels` levels of niceness: 0, 5, 10, … */
export function hogsWorkload(hogs: number, ms: number, levels: number): Workload {
  return programWorkload({
    name: "cpuhogs",
    description: `${hogs} programs compute ${ms} ms each, in ${levels} levels of niceness`,
    programs: Array.from({ length: hogs }, (_, at) => ({
      comm: `hog${at}`,
      *program(sys: Sys) {
        const nice = Math.min(19, at % levels * 5);
        if (nice > 0) yield* sys.call("setpriority", name("PRIO_PROCESS"), 0, nice);
        for (let left = ms * MS; left > 0; left -= STRETCH) yield* sys.compute(Math.min(left, STRETCH));
      },
    })),
  });
}

/** The workload: `parents` programs make `children` children each, as fast as they can, and then wait for them. */
export function forkStormWorkload(parents: number, children: number): Workload {
  const child: UserProgram = function* (sys) {
    yield* sys.compute(1 * MS);
  };
  return programWorkload({
    name: "forkstorm",
    description: `${parents} programs make ${children} children each at once`,
    programs: Array.from({ length: parents }, (_, at) => ({
      comm: `storm${at}`,
      *program(sys: Sys) {
        for (let n = 0; n < children; n++) yield* sys.fork(child);
        for (let n = 0; n < children; n++) yield* sys.wait();
      },
    })),
  });
}

/** Every `seconds` a daemon wakes up and starts `jobs` programs that read, compute and write; `rounds` times. */
export function cronWorkload(jobs: number, rounds: number, seconds: number): Workload {
  return programWorkload({
    name: "cron",
    description: `every ${seconds} s, ${rounds} times, ${jobs} programs start that read, compute and write`,
    prepare,
    programs: [{
      comm: "cron",
      *program(sys) {
        for (let round = 0; round < rounds; round++) {
          yield* sys.nanosleep(seconds * 1e9);
          for (let n = 0; n < jobs; n++) yield* sys.fork(job(round * jobs + n));
          for (let n = 0; n < jobs; n++) yield* sys.wait();
        }
      },
    }],
  });
}

function prepare(k: Kernel): void {
  installProgram(k, "/usr/bin/run-parts");
  k.vfs.makePath("/var/log/syslog", { content: new TextEncoder().encode("line of a log\n".repeat(4000)) });
}

/** A nice program, as those that clean up at night are. */
function job(number: number): UserProgram {
  return function* (sys) {
    yield* startProgram(sys, "/usr/bin/run-parts", ["run-parts", "/etc/cron.daily"]);
    yield* sys.call("setpriority", name("PRIO_PROCESS"), 0, 10);
    const log = yield* sys.open("/var/log/syslog");
    const out = yield* sys.open(`/tmp/report${number}`, "O_WRONLY|O_CREAT|O_TRUNC", 0o644);
    for (let length = yield* sys.read(log, 16384); length > 0; length = yield* sys.read(log, 16384)) {
      yield* sys.compute(MS + number * 577 % 1000 * 2000);
      yield* sys.write(out, 200);
    }
    yield* sys.close(log);
    yield* sys.close(out);
  };
}
