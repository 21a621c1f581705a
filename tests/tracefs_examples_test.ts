/**
 * The shell examples print what their golden files say, on each architecture. To change one on purpose:
 * `deno test --allow-read --allow-write --allow-env tests/tracefs_examples_test.ts -- --update`, then read the difference.
 */

import { assertEquals } from "@std/assert";
import { Shell } from "../commands/shell/shell.ts";
import { bootKernel } from "../session/boot.ts";

const ARCHES = ["x86_64", "arm64", "i386"] as const;
const examples = new URL("../examples/", import.meta.url);
const golden = new URL("./golden/", import.meta.url);

const names = [...Deno.readDirSync(examples)].filter((entry) => entry.isFile && entry.name.endsWith(".sh"))
  .map((entry) => entry.name.replace(/\.sh$/, "")).sort();

for (const name of names) {
  for (const arch of ARCHES) {
    Deno.test(`example ${name} prints its golden output on ${arch}`, async () => {
      const shell = new Shell({
        kernel: await bootKernel({ arch, image: "whole" }),
        workloads: { replay: () => Promise.reject(new Error("no recordings here")), named: null },
        note: () => {},
      });
      let printed = "";
      for (const line of (await Deno.readTextFile(new URL(`${name}.sh`, examples))).split("\n")) {
        for await (const result of shell.run(line)) printed += result.output;
      }
      const file = new URL(`${name}.${arch}.txt`, golden);
      if (Deno.args.includes("--update")) await Deno.writeTextFile(file, printed);
      assertEquals(printed, await Deno.readTextFile(file));
    });
  }
}
