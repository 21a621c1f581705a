/**
 * Every example prints what its golden files say, on each architecture. To change one on purpose:
 * `deno test --allow-read --allow-write --allow-env tests/examples_test.ts -- --update`, then read the difference.
 */

import { assert, assertEquals } from "@std/assert";
import { type Arch, asProgram, replay, run } from "../mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];
const examples = new URL("../examples/", import.meta.url);
const golden = new URL("./golden/", import.meta.url);

/** The recording that each example is about. */
const RECORDINGS: Readonly<Record<string, string>> = {
  opens_by_program: "shell-loop",
  reads_by_size: "cat",
  set_task_comm: "shell-loop",
  vfs_open_cat: "cat",
  waits: "shell-loop",
};

function exampleNames(): readonly string[] {
  return [...Deno.readDirSync(examples)].filter((entry) => entry.isFile && entry.name.endsWith(".ts"))
    .map((entry) => entry.name.replace(/\.ts$/, "")).sort();
}

Deno.test("every example has a recording to run on", () => {
  assertEquals(exampleNames(), Object.keys(RECORDINGS).sort());
});

for (const name of exampleNames()) {
  for (const arch of ARCHES) {
    Deno.test(`example ${name} prints its golden output on ${arch}`, async () => {
      const recording = await Deno.readFile(new URL(`recordings/${RECORDINGS[name]}.strace.gz`, examples));
      const module: { readonly default: unknown } = await import(new URL(`${name}.ts`, examples).href);
      const result = await run(asProgram(module.default), { arch, workload: await replay(recording) });
      const file = new URL(`${name}.${arch}.txt`, golden);
      if (Deno.args.includes("--update")) await Deno.writeTextFile(file, result.text());
      assertEquals(result.text(), await Deno.readTextFile(file));
      assert(result.outcome.reason === "done");
    });
  }
}
