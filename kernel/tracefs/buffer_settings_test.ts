import { assert, assertEquals } from "@std/assert";
import { ARCHES, bootTest } from "../syscalls/test_program.ts";
import { cat, echo, openMissing, told, TRACING } from "./testing.ts";

const MARKED = /tracing_mark_write: (\w+)/g;

function marks(text: string): (string | undefined)[] {
  return [...text.matchAll(MARKED)].map(([, mark]) => mark);
}

Deno.test("the main buffer begins small and grows once something is going to be recorded", async () => {
  const k = await bootTest();
  told(k.tracefs.mkdir(`${TRACING}/instances/mine`));
  const sizes = () =>
    ["buffer_size_kb", "buffer_total_size_kb", "per_cpu/cpu0/buffer_size_kb", "instances/mine/buffer_size_kb"]
      .map((path) => cat(k, path).trimEnd());
  assertEquals(sizes(), ["7 (expanded: 1408)", "14 (expanded: 2816)", "7", "1410 (expanded: 1408)"]);
  for (let n = 0; n < 1000; n++) echo(k, `mark${n}`, "trace_marker");
  assert(k.tracefs.buffer.totals().inBuffer < 300);
  echo(k, "1", "events/sched/sched_switch/enable");
  assertEquals(sizes(), ["1410", "2820", "1410", "1410"]);
  assertEquals(echo(k, "100", "per_cpu/cpu1/buffer_size_kb"), 4);
  assertEquals([cat(k, "buffer_size_kb"), cat(k, "per_cpu/cpu1/buffer_size_kb")], ["X\n", "103\n"]);
  assertEquals(echo(k, "0", "buffer_size_kb"), "EINVAL");
  echo(k, "1", "options/disable_on_free");
  echo(k, "", "free_buffer");
  assertEquals([cat(k, "buffer_size_kb"), cat(k, "tracing_on")], ["7\n", "0\n"]);
});

Deno.test("a CPU that the mask leaves out records nothing", async () => {
  for (const arch of ARCHES) {
    const k = await bootTest(arch);
    assertEquals(cat(k, "tracing_cpumask"), "3\n");
    assertEquals(echo(k, "2", "tracing_cpumask"), 2);
    echo(k, "unseen", "trace_marker");
    assertEquals(echo(k, "00000000,1", "tracing_cpumask"), arch === "arm64" ? 11 : "EOVERFLOW");
    assertEquals([echo(k, "g", "tracing_cpumask"), echo(k, "123456789", "tracing_cpumask")], [
      "EINVAL",
      "EOVERFLOW",
    ]);
    echo(k, "3", "tracing_cpumask");
    echo(k, "seen", "trace_marker");
    assertEquals(marks(cat(k, "trace")), ["seen"]);
  }
});

Deno.test("buffer_percent, tracing_thresh, tracing_max_latency and timestamp_mode hold what they may", async () => {
  const k = await bootTest();
  assertEquals(["0", "100", "101", "x"].map((text) => echo(k, text, "buffer_percent")), [
    2,
    4,
    "EINVAL",
    "EINVAL",
  ]);
  assertEquals(cat(k, "buffer_percent"), "100\n");
  assertEquals([echo(k, "17", "tracing_thresh"), cat(k, "tracing_thresh")], [3, "17\n"]);
  assertEquals([echo(k, "-1", "tracing_thresh"), cat(k, "tracing_max_latency")], ["EINVAL", "0\n"]);
  for (
    const file of ["tracing_thresh", "buffer_percent", "tracing_on", "buffer_size_kb", "max_graph_depth"]
  ) {
    assertEquals(echo(k, "18446744073709551616", file), "ERANGE", file);
  }
  assertEquals(echo(await bootTest("i386"), "4294967296", "buffer_size_kb"), "ERANGE");
  assertEquals([cat(k, "timestamp_mode"), echo(k, "absolute", "timestamp_mode")], [
    "[delta] absolute\n",
    "EINVAL",
  ]);
});

Deno.test("tracing_thresh leaves function_graph the returns of long calls", async () => {
  const k = await openMissing("x86_64", (k) => {
    echo(k, "function_graph", "current_tracer");
    echo(k, "do_sys_openat2", "set_graph_function");
    echo(k, "1", "tracing_thresh");
  });
  const lines = cat(k, "trace").trimEnd().split("\n").slice(4);
  assert(lines.length > 0);
  for (const line of lines) {
    assert(/ us +\| {2} *\} \/\* \w[\w.]* \*\/$/.test(line), line);
    assert(Number(/([\d.]+) us/.exec(line)?.[1]) >= 1, line);
  }
});

Deno.test("each clock stamps in its own way, and choosing one forgets the records", async () => {
  for (const arch of ARCHES) {
    const k = await bootTest(arch);
    const tsc = arch === "arm64" ? "" : " x86-tsc";
    assertEquals(
      cat(k, "trace_clock"),
      `[local] global counter uptime perf mono mono_raw boot tai${tsc}\n`,
    );
    assertEquals(echo(k, "x86-tsc", "trace_clock"), arch === "arm64" ? "EINVAL" : 8);
    k.clock.now = 3_456_789_500;
    const stamp = (clock: string) => {
      assertEquals(echo(k, clock, "trace_clock"), clock.length + 1);
      assertEquals(marks(cat(k, "trace")), []);
      echo(k, "one", "trace_marker");
      echo(k, "two", "trace_marker");
      return [...cat(k, "trace").matchAll(/\.\.\.\.\.( +[\d.]+): /g)].map(([, time]) => time);
    };
    assertEquals(stamp("boot"), ["     3.456790", "     3.456790"]);
    assertEquals(stamp("counter"), ["            1", "            2"]);
    assert(cat(k, "per_cpu/cpu0/stats").includes("oldest event ts: 1\nnow ts: 3\n"));
    assertEquals(stamp("uptime"), ["          345", "          345"]);
  }
});

Deno.test("a snapshot changes places with the buffer", async () => {
  const k = await bootTest();
  const snapshot = (text: string, path = "snapshot") => echo(k, text, path);
  assert(
    cat(k, "snapshot").startsWith("# tracer: nop\n#\n#\n# * Snapshot is freed *\n#\n# Snapshot commands:\n"),
  );
  echo(k, "one", "trace_marker");
  assertEquals(snapshot("2"), 2);
  assert(cat(k, "snapshot").includes("freed"));
  assertEquals(snapshot("1"), 2);
  echo(k, "two", "trace_marker");
  assertEquals([marks(cat(k, "snapshot")), marks(cat(k, "trace"))], [["one"], ["two"]]);
  assertEquals(marks(cat(k, "per_cpu/cpu0/snapshot")), ["one"]);
  assertEquals(snapshot("1"), 2);
  assertEquals([marks(cat(k, "snapshot")), marks(cat(k, "trace"))], [["two"], ["one"]]);
  assertEquals(["0", "1", "x"].map((text) => snapshot(text, "per_cpu/cpu0/snapshot")), [
    "EINVAL",
    "EINVAL",
    "EINVAL",
  ]);
  assertEquals(snapshot("2", "per_cpu/cpu0/snapshot"), 2);
  assert(cat(k, "snapshot").includes("# * Snapshot is allocated *"));
  assertEquals([snapshot("0"), marks(cat(k, "trace"))], [2, ["one"]]);
  assert(cat(k, "per_cpu/cpu1/snapshot").includes("#                     Must use main snapshot file"));
});

Deno.test("a raw marker shows its id and its bytes to the end of the record", async () => {
  const k = await bootTest();
  const raw = (text: string) => told(k.tracefs.write(`${TRACING}/trace_marker_raw`, text));
  assertEquals([raw("abc"), raw("\x0a\x01\x00\x00hello")], ["EINVAL", 9]);
  assert(
    cat(k, "trace").includes(": # 10a buf: 68 65 6c 6c 6f 00 00 00 00 00 00 00 00 00 00 00\n"),
    cat(k, "trace"),
  );
});

Deno.test("set_event_pid and its notrace sibling hold back events of other processes", async () => {
  for (const arch of ARCHES) {
    const recorded = async (file: string, pid: string) => {
      const k = await openMissing(arch, (k) => {
        echo(k, "p:opens do_filp_open", "kprobe_events");
        echo(k, "1", "events/kprobes/opens/enable");
        assertEquals(cat(k, file), "");
        assertEquals(echo(k, pid, file), pid.length + 1);
      });
      assert(/opens +1 +0$/m.test(cat(k, "kprobe_profile")));
      return cat(k, "trace").includes("opens: (do_filp_open");
    };
    assertEquals([await recorded("set_event_pid", "301"), await recorded("set_event_pid", "1")], [
      true,
      false,
    ]);
    assertEquals([
      await recorded("set_event_notrace_pid", "301"),
      await recorded("set_event_notrace_pid", "1"),
    ], [
      false,
      true,
    ]);
  }
});

Deno.test("the stack tracer's files say that it is off", async () => {
  const k = await bootTest();
  assert(
    cat(k, "stack_trace").endsWith(
      "#  Stack tracer disabled\n#\n" +
        "# To enable the stack tracer, either add 'stacktrace' to the\n# kernel command line\n" +
        "# or 'echo 1 > /proc/sys/kernel/stack_tracer_enabled'\n#\n",
    ),
  );
  assertEquals([cat(k, "stack_max_size"), echo(k, "x", "stack_max_size")], ["0\n", "EINVAL"]);
  assertEquals(echo(k, "vfs_read", "stack_trace_filter"), 9);
  assertEquals(cat(k, "stack_trace_filter"), "vfs_read\n");
});
