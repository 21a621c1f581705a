/**
 * From process start to the first line of the demo, as a user waits for it.
 *
 * @module
 */

import { median } from "./median.ts";

/** Milliseconds, medians over some starts. */
export interface StartupResult {
  /** `deno run` of the demo until its first line of output. */
  readonly firstLine: number;
  /** `deno run` of an empty module until it ends: what Deno itself takes. */
  readonly floor: number;
}

const DEMO = [
  "run",
  "--no-prompt",
  "--allow-read",
  "cli/main.ts",
  "run",
  "examples/vfs_open_cat.ts",
  "--replay",
];

async function untilFirstLine(args: readonly string[]): Promise<number> {
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: new URL("..", import.meta.url),
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const passed = performance.now() - start;
  while (!(await reader.read()).done);
  await child.status;
  return passed;
}

/** Starts the demo some times; the first start, which fills Deno's caches, is not counted. */
export async function benchStartup(rounds = 9): Promise<StartupResult> {
  const demo = [...DEMO, "examples/recordings/cat.strace.gz"];
  const empty = ["eval", ""];
  await untilFirstLine(demo);
  const firstLines: number[] = [];
  const floors: number[] = [];
  for (let i = 0; i < rounds; i++) {
    firstLines.push(await untilFirstLine(demo));
    floors.push(await untilFirstLine(empty));
  }
  return { firstLine: median(firstLines), floor: median(floors) };
}
