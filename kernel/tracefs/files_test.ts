import { assert, assertEquals } from "@std/assert";
import { fullImage } from "../../image/mod.ts";
import { Kernel } from "../kernel.ts";
import { Kprobe, KPROBE_FLAG_DISABLED, Kretprobe } from "../kprobes/mod.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import { bootTest } from "../syscalls/test_program.ts";
import { cat, echo, openMissing, told, TRACING } from "./testing.ts";

const KPROBES = "/sys/kernel/debug/kprobes";

Deno.test("kprobes/list tells kind, place and flags of each probe", async () => {
  const k = await bootTest();
  const probes = [
    new Kprobe({ symbolName: "vfs_read" }),
    new Kprobe({ symbolName: "vfs_read", flags: KPROBE_FLAG_DISABLED }),
  ];
  const ret = new Kretprobe({ symbolName: "vfs_read", handler: () => {} });
  assertEquals(probes.map((p) => k.kprobes.registerKprobe(p)), [0, 0]);
  assertEquals(k.kprobes.registerKretprobe(ret), 0);
  const address = BigInt.asUintN(64, BigInt(probes[0]?.addr ?? 0)).toString(16);
  assertEquals(
    cat(k, `${KPROBES}/list`),
    `${address}  r  vfs_read+0x0    [FTRACE]
${address}  k  vfs_read+0x0    [DISABLED][FTRACE]
${address}  k  vfs_read+0x0    [FTRACE]
`,
  );
  echo(k, "2", "/proc/sys/kernel/kptr_restrict");
  assert(cat(k, `${KPROBES}/list`).startsWith("0000000000000000  r  vfs_read+0x0    [FTRACE]\n"));
});

Deno.test("kprobes/enabled disarms and arms, and takes what kstrtobool takes", async () => {
  const k = await bootTest();
  assertEquals(cat(k, `${KPROBES}/enabled`), "1\n");
  for (
    const [text, enabled] of [["0", false], ["y", true], ["off", false], ["on", true], ["N", false]] as const
  ) {
    assertEquals(echo(k, text, `${KPROBES}/enabled`), text.length + 1);
    assertEquals(k.kprobes.enabled, enabled);
  }
  assertEquals(echo(k, "2", `${KPROBES}/enabled`), "EINVAL");
});

Deno.test("the blacklist has a line per range, with zeros where addresses are hidden", async () => {
  const k = await bootTest();
  const lines = cat(k, `${KPROBES}/blacklist`).trimEnd().split("\n");
  assert(lines.length > 10);
  assert(lines.every((line) => /^0x[0-9a-f]{16}-0x[0-9a-f]{16}\t\S+$/.test(line)));
  echo(k, "2", "/proc/sys/kernel/kptr_restrict");
  assert(cat(k, `${KPROBES}/blacklist`).startsWith("0x0000000000000000-0x0000000000000000\t"));
});

Deno.test("kallsyms lists every symbol of the kernel by unsigned address, and hides addresses", async () => {
  const k = new Kernel(await fullImage("x86_64"), ShapeLibrary.empty());
  const lines = cat(k, "/proc/kallsyms").trimEnd().split("\n");
  assertEquals(lines.length, 94266);
  assertEquals(lines.slice(0, 2), [
    "0000000000000000 A fixed_percpu_data",
    "0000000000000000 A __per_cpu_start",
  ]);
  const addresses = lines.map((line) => line.slice(0, 16));
  assertEquals(addresses, [...addresses].sort());
  assert(
    lines.includes(
      `${BigInt.asUintN(64, BigInt(k.image.symbol("vfs_read")?.address ?? 0)).toString(16)} T vfs_read`,
    ),
  );
  echo(k, "2", "/proc/sys/kernel/kptr_restrict");
  assert(cat(k, "/proc/kallsyms").includes("0000000000000000 T vfs_read\n"));
});

Deno.test("sysctls take numbers in their range", async () => {
  const k = await bootTest();
  const path = "/proc/sys/debug/kprobes-optimization";
  assertEquals([cat(k, path), echo(k, "0", path), cat(k, path), echo(k, "2", path)], [
    "1\n",
    2,
    "0\n",
    "EINVAL",
  ]);
  assertEquals(echo(k, "x", path), "EINVAL");
  assertEquals(cat(await bootTest("arm64"), path), "ENOENT");
  assertEquals(echo(k, "7", "/proc/sys/kernel/ftrace_enabled"), 2);
  assertEquals(cat(k, "/proc/sys/kernel/ftrace_enabled"), "7\n");
});

Deno.test("a sysctl takes the first number of a text, in any base", async () => {
  const k = await bootTest();
  const tried = (name: string, texts: readonly string[]) =>
    texts.map((text) => {
      const path = `/proc/sys/${name}`;
      const before = cat(k, path);
      const result = echo(k, text, path);
      if (typeof result === "number") assertEquals(result, text.length + 1);
      else assertEquals(cat(k, path), before);
      return typeof result === "number" ? cat(k, path).trimEnd() : result;
    });
  assertEquals(tried("debug/kprobes-optimization", ["0x0", "1 0", "0\t7", " 01", "0x2", "-1"]), [
    "0",
    "1",
    "0",
    "1",
    "EINVAL",
    "EINVAL",
  ]);
  assertEquals(tried("kernel/ftrace_enabled", ["0x1", "0 1", "2", "-3", "010", "0X1f", "0x7fffffff"]), [
    "1",
    "0",
    "2",
    "-3",
    "8",
    "31",
    "2147483647",
  ]);
  const refused = ["", " ", "x", "+1", "1a", "08", "0x", "- 1", "1,2", "0x80000000", "0".repeat(21)];
  assertEquals(tried("kernel/ftrace_enabled", refused), refused.map(() => "EINVAL"));
  assertEquals(tried("kernel/kptr_restrict", ["0x2", "2 x", "3"]), ["2", "2", "EINVAL"]);
});

Deno.test("ftrace_enabled 0 takes the calls out of ftrace's sites, and no probe's flags change", async () => {
  for (const [arch, silent] of [["x86_64", true], ["arm64", false]] as const) {
    const seen: string[] = [];
    const switched = (k: Kernel, value: string) => echo(k, value, "/proc/sys/kernel/ftrace_enabled");
    const k = await openMissing(arch, (k) => {
      const register = (symbolName: string) => {
        const p = new Kprobe({ symbolName, preHandler: () => void seen.push(symbolName) });
        assertEquals(k.kprobes.registerKprobe(p), 0);
      };
      register("do_filp_open");
      switched(k, "0");
      register("getname");
      assert(!cat(k, `${KPROBES}/list`).includes("DISABLED"));
    });
    assertEquals(seen, silent ? [] : ["getname", "do_filp_open"]);
    switched(k, "1");
    assertEquals(k.kprobes.list().every((p) => k.kprobes.pointOf(p)?.armed), true);
  }
});

Deno.test("CPUs and the build are as the kernel was made", async () => {
  const k = await bootTest();
  assertEquals(cat(k, "/sys/devices/system/cpu/possible"), "0-1\n");
  assert(cat(k, "/proc/version").startsWith("Linux version 6.1.0-56-amd64 ("));
});

Deno.test("README names the clock of each architecture", async () => {
  const tsc = "x86-tsc:   TSC cycle counter";
  assert(cat(await bootTest(), "README").includes(tsc));
  assert(!cat(await bootTest("arm64"), "README").includes(tsc));
});

Deno.test("instances have buffers and options of their own", async () => {
  const k = await bootTest();
  const path = `${TRACING}/instances/mine`;
  assertEquals([told(k.tracefs.mkdir(path)), told(k.tracefs.mkdir(path))], [0, "EEXIST"]);
  echo(k, "there", `${path}/trace_marker`);
  echo(k, "nocontext-info", `${path}/trace_options`);
  assertEquals(cat(k, `${path}/trace_pipe`), "tracing_mark_write: there\n");
  assertEquals(k.tracefs.buffer.empty, true);
  assertEquals([told(k.tracefs.rmdir(path)), told(k.tracefs.rmdir(path))], [0, "ENOENT"]);
  assertEquals(cat(k, `${path}/trace`), "ENOENT");
});
