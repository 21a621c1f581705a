/**
 * From process start to the first byte of output, as a user waits for it: help, the demo, a tracefs shell's answer.
 *
 * @module
 */

import { median } from "./median.ts";

/** Milliseconds, medians over some starts. */
export interface StartupResult {
  /** `--help`. */
  readonly help: number;
  /** The demo. */
  readonly demo: number;
  /** `tracefs`, a command after its start answered. */
  readonly tracefs: number;
  /** `deno eval` of nothing: what Deno itself takes. */
  readonly floor: number;
}

interface Start {
  readonly args: readonly string[];
  readonly input?: string;
}

const CLI = ["run", "--no-prompt", "--allow-read", "cli/main.ts"];
const DEMO = ["run", "examples/vfs_open_cat.ts", "--replay", "examples/recordings/cat.strace.gz"];
const STARTS: Readonly<Record<keyof StartupResult, Start>> = {
  help: { args: [...CLI, "--help"] },
  demo: { args: [...CLI, ...DEMO] },
  tracefs: { args: [...CLI, "tracefs"], input: "cat /sys/kernel/tracing/tracing_on\n" },
  floor: { args: ["eval", ""] },
};

async function untilOutput({ args, input }: Start): Promise<number> {
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: new URL("..", import.meta.url),
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = input === undefined ? null : child.stdin.getWriter();
  await writer?.write(new TextEncoder().encode(input));
  const reader = child.stdout.getReader();
  await reader.read();
  const passed = performance.now() - start;
  await writer?.close();
  while (!(await reader.read()).done);
  await child.status;
  return passed;
}

/** Starts each some times, in turns; the first start, which fills Deno's caches, is not counted. */
export async function benchStartup(rounds = 9): Promise<StartupResult> {
  const times: Record<keyof StartupResult, number[]> = { help: [], demo: [], tracefs: [], floor: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const name of ["help", "demo", "tracefs", "floor"] as const) {
      const passed = await untilOutput(STARTS[name]);
      if (round > 0) times[name].push(passed);
    }
  }
  const { help, demo, tracefs, floor } = times;
  return { help: median(help), demo: median(demo), tracefs: median(tracefs), floor: median(floor) };
}

/** The result in a line. */
export function startupLine(result: StartupResult): string {
  const ms = (time: number) => `${time.toFixed(0)} ms`;
  return `process start to first output: --help ${ms(result.help)}, demo ${ms(result.demo)}, ` +
    `tracefs ${ms(result.tracefs)} (an empty deno: ${ms(result.floor)})\n`;
}

if (import.meta.main) console.log(startupLine(await benchStartup()).trimEnd());
