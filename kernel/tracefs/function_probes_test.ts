import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Kernel } from "../kernel.ts";
import { kernelModule } from "../modules/mod.ts";
import { ARCHES, bootTest } from "../syscalls/test_program.ts";
import { cat, echo, openMissing, TRACING } from "./testing.ts";

const FILTER = "set_ftrace_filter";

/** `echo TEXT >> FILE`. */
function append(k: Kernel, text: string, path = FILTER): number | string {
  const result = k.tracefs.write(`${TRACING}/${path}`, `${text}\n`, { append: true });
  return result.ok ? result.value : result.name;
}

/** Lines of `set_ftrace_filter` behind that of no filter. */
function commands(k: Kernel): string[] {
  const lines = cat(k, FILTER).trimEnd().split("\n");
  assertEquals(lines[0], "#### all functions enabled ####");
  return lines.slice(1);
}

/** Opens a missing file with these commands set; the commands left, and what the trace's records say. */
async function opened(set: readonly string[], times = 1, prepare?: (k: Kernel) => void) {
  const k = await openMissing("x86_64", (k) => {
    for (const text of set) assertEquals(append(k, text), text.length + 1, text);
    prepare?.(k);
  }, times);
  const records = cat(k, "trace").split("\n").filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.replace(/^.*\[\d+\] .{5} +[\d.]+: /, ""));
  return { k, left: commands(k), records };
}

Deno.test("commands work on calls though no tracer runs, and count as they work", async () => {
  const off = await opened(["do_filp_open:traceoff"], 2);
  assertEquals([cat(off.k, "tracing_on"), off.left], ["0\n", ["do_filp_open:traceoff:unlimited"]]);
  // Off already: nothing is counted.
  assertEquals((await opened(["do_filp_open:traceoff:3"], 2)).left, ["do_filp_open:traceoff:count=2"]);
  assertEquals((await opened(["do_filp_open:traceon:3"], 2)).left, ["do_filp_open:traceon:count=3"]);
  const both = await opened(["getname:traceon:5", "do_filp_open:traceoff:2"], 3);
  assertEquals(both.left, ["do_filp_open:traceoff:count=0", "getname:traceon:count=3"]);
  assertEquals(cat(both.k, "tracing_on"), "1\n");
});

Deno.test("stacktrace begins with the function", async () => {
  const { records, left } = await opened(["do_filp_open:stacktrace:1"], 3);
  assertEquals(left, ["do_filp_open:stacktrace:count=0"]);
  assertEquals(records, [
    "<stack trace>",
    " => do_filp_open",
    " => do_sys_openat2",
    " => __x64_sys_openat",
    " => do_syscall_64",
    " => entry_SYSCALL_64_after_hwframe",
  ]);
  const every = await opened(["do_filp_open:stacktrace"], 3);
  assertEquals(every.records.filter((line) => line === "<stack trace>").length, 3);
});

Deno.test("events are switched by calls, by all functions of a command with one count", async () => {
  const event = "events/syscalls/sys_exit_openat/enable";
  const on = await opened(["do_filp_open:enable_event:syscalls:sys_exit_openat"]);
  assertEquals(on.records.map((line) => line.slice(0, 10)), ["sys_openat"]);
  assertEquals([cat(on.k, event), on.left], [
    "1*\n",
    ["do_filp_open:enable_event:syscalls:sys_exit_openat:unlimited"],
  ]);
  assertEquals(append(on.k, "!do_filp_open:enable_event:syscalls:sys_exit_openat"), 52);
  // Without the command the event stays as it was switched last.
  assertEquals([cat(on.k, event), commands(on.k)], ["1\n", []]);
  const off = await opened(["path_openat:disable_event:syscalls:sys_exit_openat:2"], 3, (k) => {
    echo(k, "1", event);
  });
  assertEquals([off.records, off.left], [[], [
    "path_openat:disable_event:syscalls:sys_exit_openat:count=1",
  ]]);
  const two = await opened(["getname*:enable_event:syscalls:sys_exit_openat:9"]);
  assert(two.left.length > 1);
  assert(
    two.left.every((line) => line.endsWith(":enable_event:syscalls:sys_exit_openat:count=8")),
    two.left.join(),
  );
});

Deno.test("a command that comes after the tracer runs before it, and the other way round", async () => {
  const functions = async (...steps: readonly (readonly [string, string])[]) => {
    const k = await openMissing("x86_64", (k) => {
      for (const [text, file] of steps) assert(typeof append(k, text, file) === "number", text);
    });
    return cat(k, "trace").split("\n").filter((line) => line.includes("do_filp_open <-")).length;
  };
  const command = ["do_filp_open:traceoff", FILTER] as const;
  const tracer = ["function", "current_tracer"] as const;
  assertEquals(await functions(tracer, command), 0);
  assertEquals(await functions(command, tracer), 1);
});

Deno.test("snapshot keeps what came before; dump writes it into the log, once", async () => {
  const event = (k: Kernel) => void echo(k, "1", "events/syscalls/sys_enter_openat/enable");
  const taken = await opened(["do_filp_open:snapshot:1"], 2, event);
  assertEquals(taken.left, ["do_filp_open:snapshot:count=0"]);
  assertMatch(cat(taken.k, "snapshot"), /: sys_openat\(.*\)\n$/);
  assertEquals(taken.records.length, 1);
  const dumped = await opened(["do_filp_open:dump"], 2, event);
  assertEquals([dumped.left, dumped.records, cat(dumped.k, "tracing_on")], [
    ["do_filp_open:dump:count=0"],
    [],
    "0\n",
  ]);
  assertMatch(
    dumped.k.log.dmesg(),
    /\] Dumping ftrace buffer:\n.*\] -{33}\n.*\] {3}opener-301 {7}0\.\.\.1\. +\d+us : sys_openat\(.*\)\n.*\] -{33}\n$/,
  );
  const empty = await opened(["do_filp_open:cpudump"]);
  assertMatch(empty.k.log.dmesg(), /\] Dumping ftrace buffer:\n.*\] {4}\(ftrace buffer empty\)\n$/);
});

Deno.test("a command with a count is another one than that without; the newest kind is listed first", async () => {
  const k = await bootTest();
  assertEquals(append(k, "vfs_read:traceoff"), 18);
  assertEquals(append(k, "vfs_read:traceoff"), "EINVAL");
  assertEquals(append(k, "vfs_read:traceoff:3 vfs_write:traceoff:0x10"), 44);
  assertEquals(append(k, "vfs_read:traceoff:5"), "EINVAL");
  assertEquals(append(k, "vfs_read:stacktrace"), 20);
  assertEquals(commands(k).toSorted(), [
    "vfs_read:stacktrace:unlimited",
    "vfs_read:traceoff:count=3",
    "vfs_read:traceoff:unlimited",
    "vfs_write:traceoff:count=16",
  ]);
  assertEquals([commands(k)[0], commands(k).at(-1)], [
    "vfs_read:stacktrace:unlimited",
    "vfs_read:traceoff:unlimited",
  ]);
  // Truncating takes functions away, not commands.
  assertEquals(echo(k, "vfs_open", FILTER), 9);
  assertEquals(cat(k, FILTER).split("\n").slice(0, 2), ["vfs_open", "vfs_read:stacktrace:unlimited"]);
  k.tracefs.write(`${TRACING}/${FILTER}`, "");
  assertEquals(commands(k).length, 4);
  assertEquals([append(k, "!vfs_write:traceoff"), append(k, "!vfs_write:traceoff:0")], ["EINVAL", 22]);
  assertEquals([append(k, "!*:traceoff:0"), append(k, "!:traceoff"), append(k, "!vfs_r*:stacktrace")], [
    14,
    11,
    19,
  ]);
  assertEquals(commands(k), []);
  assertEquals(append(k, "!vfs_read:traceoff"), "EINVAL");
});

Deno.test("functions of one command are listed as the kernel's hash has them", async () => {
  const k = await bootTest();
  append(k, "vfs_*:traceoff");
  const listed = commands(k).map((line) => line.split(":")[0] ?? "");
  const names = cat(k, "available_filter_functions").split("\n").filter((name) => name.startsWith("vfs_"));
  assertEquals(listed.toSorted(), names.toSorted());
  const bits = 31 - Math.clz32(names.length);
  const bucket = (name: string) =>
    Number(
      BigInt.asUintN(64, BigInt(k.image.symbol(name)?.address ?? 0) * 0x61C8864680B583EBn) >>
        BigInt(64 - bits),
    );
  const buckets = listed.map(bucket);
  assertEquals(buckets, buckets.toSorted((a, b) => a - b));
});

Deno.test("what is no command is refused, and notrace takes none", async () => {
  const k = await bootTest();
  for (
    const text of [
      "vfs_read:bogus",
      "nosuch:traceoff",
      "vfs_read:traceoff:x",
      "vfs_read:",
      ":traceoff",
      "vfs_read:enable_event",
      "vfs_read:enable_event:sched",
      "vfs_read:enable_event:sched:nosuch",
      "vfs_read:enable_event:sched:sched_switch:",
      "nosuch:enable_event:sched:sched_switch",
    ]
  ) {
    assertEquals(append(k, text), "EINVAL", text);
  }
  assertEquals([commands(k), cat(k, "events/sched/sched_switch/enable")], [[], "0\n"]);
  assertEquals(append(k, "vfs_read:traceoff", "set_ftrace_notrace"), "EINVAL");
  assertEquals(append(k, "vfs_read:traceoff", "set_graph_function"), "EINVAL");
  assertEquals(append(k, "vfs_read:mod:", "set_graph_function"), "EINVAL");
});

Deno.test("functions of modules are chosen, those to come too", async () => {
  const k = await bootTest();
  const module = kernelModule({
    name: "adder",
    functions: { adder_add: { size: 64 }, adder_sub: { size: 64 } },
    setup: () => ({ init: () => 0, exit: () => {} }),
  });
  assertEquals([append(k, "adder_a*:mod:adder"), append(k, ":mod:other"), append(k, "!x:mod:other")], [
    19,
    11,
    "EINVAL",
  ]);
  assertEquals(commands(k), [":mod:other", "adder_a*:mod:adder"]);
  k.modules.insmod(module);
  assertEquals(cat(k, FILTER), "adder_add [adder]\n:mod:other\n");
  assertEquals([append(k, "!*:mod:other"), append(k, "nosuch:mod:adder")], [13, "EINVAL"]);
  assertEquals(append(k, ":mod:adder"), 11);
  assertEquals(cat(k, FILTER), "adder_add [adder]\nadder_sub [adder]\ncleanup_module [adder]\n");
  assertEquals([append(k, "!*a*d*d*_*:mod:adder"), cat(k, FILTER)], [21, "cleanup_module [adder]\n"]);
  assertEquals([echo(k, "adder_*:mod:!", FILTER), echo(k, "vfs_read:mod:!adder", FILTER)], [14, 20]);
  assertEquals(cat(k, FILTER), "vfs_read\n");
});

Deno.test("an instance has commands of its own, which go with it", async () => {
  const k = await openMissing("x86_64", (k) => {
    k.tracefs.mkdir(`${TRACING}/instances/a`);
    assertEquals(append(k, "do_filp_open:traceoff", "instances/a/set_ftrace_filter"), 22);
  });
  assertEquals([cat(k, "tracing_on"), cat(k, "instances/a/tracing_on"), commands(k)], ["1\n", "0\n", []]);
  assert(k.calls.armedCount > 0);
  k.tracefs.rmdir(`${TRACING}/instances/a`);
  assertEquals(k.calls.armedCount, 0);
});

Deno.test("enabled_functions counts commands, and time is the same with them", async () => {
  for (const arch of ARCHES) {
    const plain = await openMissing(arch, () => {});
    const k = await openMissing(arch, (k) => {
      append(k, "do_filp_open:traceoff");
      append(k, "do_filp_open:stacktrace");
    });
    assertEquals(k.clock.now, plain.clock.now);
    assert(cat(k, "enabled_functions").startsWith("do_filp_open (2)"));
    append(k, "!do_filp_open:stacktrace");
    const line = cat(k, "enabled_functions");
    assert(line.startsWith("do_filp_open (1)"));
    assertEquals(line.includes("function_trace_probe_call"), arch === "x86_64");
  }
});
