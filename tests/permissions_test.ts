/** The core needs no permission; what needs one says so. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { deno } from "./subprocess.ts";

const script = (name: string): string => new URL(`./fixtures/${name}.ts`, import.meta.url).pathname;

Deno.test("a program runs on a built-in workload without any permission", async () => {
  const { code, stdout, stderr } = await deno(["run", "--no-prompt", script("no_permission")]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(stdout, "x86_64 4\narm64 4\ni386 4\n");
});

Deno.test("the whole kernel without permission is refused in a sentence that names the flag", async () => {
  const { code, stdout } = await deno(["run", "--no-prompt", script("whole_kernel")]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "--allow-read");
});
