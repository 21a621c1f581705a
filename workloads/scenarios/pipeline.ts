/**
 * A shell that runs `cat FILE | wc -l` again and again.
 *
 * @module
 */

import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { cat, installCat, numbersText } from "./cat.ts";
import { installProgram, startProgram } from "./start_program.ts";

/** Becomes `wc -l`: reads standard input to its end. */
function* wc(sys: Sys): Steps<void> {
  yield* startProgram(sys, "/usr/bin/wc", ["wc", "-l"]);
  let lines = 0;
  for (;;) {
    const text = yield* sys.readText(0, 16384);
    if (text === null || text === "") break;
    lines += text.split("\n").length - 1;
  }
  yield* sys.fstat(1);
  yield* sys.write(1, `${lines}\n`);
  yield* sys.close(0);
  yield* sys.close(1);
  yield* sys.close(2);
}

function* shell(sys: Sys, rounds: number): Steps<void> {
  yield* startProgram(sys, "/usr/bin/sh", ["sh", "-c", "for f in src/*; do cat $f | wc -l; done"]);
  for (let round = 1; round <= rounds; round++) {
    const ends = yield* sys.pipe();
    if (typeof ends === "number") return;
    const [input, output] = ends;
    yield* sys.fork(function* (child) {
      yield* child.close(input);
      yield* child.dup2(output, 1);
      yield* child.close(output);
      yield* cat(child, [`src/file${round}.txt`]);
    });
    yield* sys.close(output);
    yield* sys.fork(function* (child) {
      yield* child.dup2(input, 0);
      yield* child.close(input);
      yield* wc(child);
    });
    yield* sys.close(input);
    yield* sys.wait();
    yield* sys.wait();
  }
}

/** The workload: `rounds` pipelines, one after another. */
export function pipelineWorkload(rounds: number): Workload {
  return programWorkload({
    name: "pipeline",
    description: `sh runs cat FILE | wc -l, ${rounds} times`,
    prepare(k): void {
      installCat(k);
      installProgram(k, "/usr/bin/sh", 125688);
      installProgram(k, "/usr/bin/wc", 52280);
      for (let round = 1; round <= rounds; round++) {
        k.vfs.makePath(`/src/file${round}.txt`, { content: numbersText(round, 140 + 150 * (round % 8)) });
      }
    },
    programs: [{ program: (sys) => shell(sys, rounds) }],
  });
}
