/**
 * An interactive shell: bash reads lines, and runs what they name; one of them looks up host names.
 *
 * @module
 */

import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { cat, installCat } from "./cat.ts";
import { installProgram, startProgram } from "./start_program.ts";

const BASH = "/bin/bash";
const LINES = ["cat /etc/hosts", "getent hosts example.org", "cat /etc/hosts", "getent hosts example.net"];
/** Nanoseconds that a line takes to type, and that an answer takes to come. */
const TYPING = 40_000_000;
const ANSWER = 12_000_000;

/** `readline`: the text of a line that somebody typed, in memory of the heap. */
function* readline(sys: Sys, line: string): Steps<number> {
  return yield* sys.inFunction(BASH, "readline", [sys.textAt("$ ")], function* () {
    const text = yield* sys.libc.malloc(line.length + 1);
    yield* sys.nanosleep(TYPING);
    sys.pokeText(text, line);
    return text;
  });
}

function* getent(sys: Sys, host: string): Steps<void> {
  yield* startProgram(sys, "/usr/bin/getent", ["getent", "hosts", host]);
  yield* sys.libc.getaddrinfo(host, ANSWER);
  yield* sys.libc.puts(`192.0.2.1       ${host}`);
}

function* bash(sys: Sys, lines: number): Steps<void> {
  yield* startProgram(sys, BASH, ["bash", "-i"]);
  for (let i = 0; i < lines; i++) {
    const line = LINES[i % LINES.length] ?? "";
    const text = yield* readline(sys, line);
    const [command = "", ...operands] = line.split(" ");
    yield* sys.fork(function* (child) {
      if (command === "cat") yield* cat(child, operands);
      else yield* getent(child, operands.at(-1) ?? "");
    });
    yield* sys.wait();
    yield* sys.libc.free(text);
  }
}

/** The workload: `lines` lines are typed. */
export function interactiveWorkload(lines: number): Workload {
  return programWorkload({
    name: "interactive",
    description: `bash reads ${lines} lines and runs what they name`,
    prepare(k): void {
      installCat(k);
      installProgram(k, BASH, 1_265_648);
      installProgram(k, "/usr/bin/getent", 35_424);
    },
    programs: [{ program: (sys) => bash(sys, lines) }],
  });
}
