/**
 * A program that takes more memory than there is, until the kernel kills it; a small one runs beside it.
 *
 * @module
 */

import { swapOn } from "../../kernel/mm/swap_space.ts";
import { limitMemory, zoneOf } from "../../kernel/mm/zone.ts";
import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { installProgram, startProgram } from "./start_program.ts";

const MIB = 2 ** 20;
const PAGES_PER_MIB = 256;
/** What the program asks for at a time. */
const CHUNK = MIB;
/** Chunks at the beginning that it comes back to: they may be on swap by then. */
const FIRST = 2;

function* hog(sys: Sys, most: number): Steps<void> {
  yield* startProgram(sys, "/usr/bin/hog", ["hog"]);
  const first: number[] = [];
  for (let chunk = 0; chunk < most; chunk++) {
    const at = yield* sys.libc.malloc(CHUNK);
    if (at === 0) return;
    yield* sys.touch(at, CHUNK);
    if (first.length < FIRST) first.push(at);
    else if (chunk % 4 === 0) { for (const old of first) yield* sys.touch(old, CHUNK); }
  }
}

/** The workload: a machine of `memory` MiB with `swap` MiB of swap space (0: none). */
export function hogWorkload(memory: number, swap: number): Workload {
  return programWorkload({
    name: "hog",
    description: `a program takes all of ${memory} MiB${swap > 0 ? ` and ${swap} MiB of swap` : ""}`,
    prepare(k): void {
      installProgram(k, "/usr/bin/hog", 16_384);
      installProgram(k, "/usr/bin/watcher", 16_384);
      // What the machine has in use already comes on top.
      const used = zoneOf(k).managed - zoneOf(k).free;
      limitMemory(k, used + memory * PAGES_PER_MIB);
      if (swap > 0) swapOn(k, swap * PAGES_PER_MIB);
    },
    programs: [
      {
        *program(sys): Steps<void> {
          const pid = yield* sys.fork((child) => hog(child, 4 * (memory + swap)));
          yield* sys.wait(pid);
        },
      },
      {
        *program(sys): Steps<void> {
          yield* startProgram(sys, "/usr/bin/watcher", ["watcher"]);
          for (let i = 0; i < 10; i++) yield* sys.nanosleep(1_000_000);
        },
      },
    ],
  });
}
