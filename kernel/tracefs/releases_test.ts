/** What the trace files of old releases lack. */

import { assertEquals, assertMatch } from "@std/assert";
import { fullImage } from "../../image/load.ts";
import { Kernel } from "../kernel.ts";
import type { ReleaseName } from "../release/release.ts";
import { ShapeLibrary } from "../shapes/library.ts";

const TRACING = "/sys/kernel/tracing";

async function boot(release: ReleaseName): Promise<Kernel> {
  return new Kernel(await fullImage("x86_64"), ShapeLibrary.empty(), { release });
}

Deno.test("files that came later are not there, in instances neither", async () => {
  const has = async (release: ReleaseName) => {
    const k = await boot(release);
    k.tracefs.mkdir(`${TRACING}/instances/a`);
    const there = (path: string) => k.tracefs.read(path).ok;
    return [
      there(`${TRACING}/error_log`),
      there(`${TRACING}/instances/a/error_log`),
      there(`${TRACING}/dynamic_events`),
      there(`${TRACING}/synthetic_events`),
      there(`${TRACING}/kprobe_events`),
      there("/sys/kernel/debug/kprobes/blacklist"),
      there("/sys/kernel/debug/kprobes/list"),
    ];
  };
  assertEquals(await has("6.1"), [true, true, true, true, true, true, true]);
  assertEquals(await has("4.18"), [false, false, false, true, true, true, true]);
  assertEquals(await has("2.6.38"), [false, false, false, false, true, false, true]);
});

Deno.test("types and immediate values that came later are refused", async () => {
  for (const release of ["6.1", "4.18"] as const) {
    const k = await boot(release);
    const define = (arg: string) => k.tracefs.write(`${TRACING}/kprobe_events`, `p:e vfs_open ${arg}`).ok;
    const later = ["a=+0(%di):ustring", "a=%di:symstr", "a=%di:symbol", "a=\\1", 'a=\\"x"'].map(define);
    assertEquals(later, later.map(() => release === "6.1"), release);
    assertEquals([define("a=%di:x8"), define("a=+0(%di):string")], [true, true]);
  }
});

Deno.test("a kernel says which release it is", async () => {
  const version = async (release: ReleaseName) => {
    const k = await boot(release);
    const read = k.tracefs.read("/proc/version");
    return [k.image.release, read.ok ? read.value : ""];
  };
  assertEquals(await version("4.18"), ["4.18.0", "Linux version 4.18.0 #1 SMP PREEMPT\n"]);
  assertEquals(await version("2.6.38"), ["2.6.38", "Linux version 2.6.38 #1 SMP PREEMPT\n"]);
  const [name, text] = await version("6.1");
  assertEquals(name, "6.1.0-56-amd64");
  assertMatch(text ?? "", /^Linux version 6\.1\.0-56-amd64 \(.*gcc-12.*\) #1 SMP PREEMPT_DYNAMIC/);
});

Deno.test("a function is known by the name that the release has for it", async () => {
  for (const [release, name] of [["6.1", "kernel_clone"], ["4.18", "_do_fork"]] as const) {
    const k = await boot(release);
    const write = (text: string) =>
      k.tracefs.write(`${TRACING}/kprobe_events`, `${text}\n`, { append: true });
    assertEquals([write("p:t/a _do_fork").ok, write("p:t/b kernel_clone").ok], [
      name === "_do_fork",
      name === "kernel_clone",
    ]);
    const read = (path: string) => {
      const text = k.tracefs.read(path);
      return text.ok ? text.value : "";
    };
    const other = name === "_do_fork" ? "kernel_clone" : "_do_fork";
    const names = (path: string) => [name, other].map((one) => new RegExp(`\\b${one}\\b`).test(read(path)));
    for (
      const path of [
        "/proc/kallsyms",
        `${TRACING}/available_filter_functions`,
        "/sys/kernel/debug/kprobes/list",
        `${TRACING}/kprobe_events`,
      ]
    ) {
      assertEquals(names(path), [true, false], `${release} ${path}`);
    }
  }
});
