/** Misuse of `run` and `attach` through the API: sentences. */

import { assertRejects } from "@std/assert";
import { type Arch, kprobe, program, run } from "../mod.ts";

Deno.test("an unknown architecture, a bad number of CPUs, a bad seed are refused", async () => {
  const opens = program({ opens: kprobe("vfs_open").count() });
  await assertRejects(() => run(opens, { arch: "mips" as Arch }), TypeError, "x86_64, arm64, i386");
  await assertRejects(() => run(opens, { cpus: 0 }), TypeError, "1 to 64");
  await assertRejects(() => run(opens, { seed: 1.5 }), TypeError, "whole number");
});

Deno.test("a probe that is in no program is refused with what to do", async () => {
  const probe = kprobe("vfs_open").count() as unknown as ReturnType<typeof program>;
  await assertRejects(() => run(probe), TypeError, "program({ … })");
});
