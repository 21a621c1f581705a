import { assertEquals } from "@std/assert";
import { interval } from "../probes/interval.ts";
import { kprobe } from "../probes/kprobe.ts";
import { asProgram } from "../probes/program.ts";
import { run } from "../session/run.ts";
import type { CommandContext } from "./context.ts";
import { runPrograms, type RunValues } from "./run_programs.ts";

const VALUES: RunValues = {
  arch: "x86_64",
  cpus: 2,
  seed: 1,
  image: undefined,
  replay: undefined,
  workload: "cat",
  format: "text",
  keepGoing: false,
  explain: false,
};

const PROGRAM = asProgram([
  kprobe("vfs_open").print((c) => c.comm),
  interval("100us").print((c) => `tick on ${c.cpu}`),
  kprobe("vfs_read").count(),
]);

function recorder(): { readonly written: string[]; readonly context: CommandContext } {
  const written: string[] = [];
  const refuse = () => Promise.reject(new Error("nothing to open here"));
  const context: CommandContext = {
    out: { write: (text) => written.push(text), note: () => {}, columns: undefined },
    host: { open: refuse, importModule: refuse, wholeImage: refuse },
    setExitCode: () => {},
  };
  return { written, context };
}

Deno.test("text goes out as it is printed, then the maps: together what a run returns", async () => {
  const { written, context } = recorder();
  await runPrograms(context, [PROGRAM], VALUES);
  const whole = await run(PROGRAM);
  assertEquals(written.join(""), whole.text());
  assertEquals(written.length, whole.lines.length + 1);
});

Deno.test("JSON lines come at the end, all of them", async () => {
  const { written, context } = recorder();
  await runPrograms(context, [PROGRAM], { ...VALUES, format: "json" });
  assertEquals(written.join(""), (await run(PROGRAM, { format: "json" })).json());
});

Deno.test("a run that keeps nothing hands the text on and still has its maps", async () => {
  const heard: string[] = [];
  const result = await run(PROGRAM, { keep: false, onLine: (text) => heard.push(text) });
  const whole = await run(PROGRAM);
  assertEquals([result.lines, result.text()], [[], `\n\n${whole.mapsText()}`]);
  assertEquals(`${heard.join("")}${result.text()}`, whole.text());
});
