import { assert, assertEquals, assertMatch } from "@std/assert";
import { coreImage } from "../../image/mod.ts";
import { bootTest } from "../syscalls/test_program.ts";
import { cat, echo, openMissing } from "./testing.ts";
import { TraceArray } from "./trace_array.ts";
import type { TraceOption } from "./trace_options.ts";
import { pipeText, traceText } from "./trace_text.ts";

const image = await coreImage("x86_64");
const OPEN = image.symbol("do_filp_open")?.address ?? 0;
const NAME = image.symbol("getname")?.address ?? 0;

/** A trace array with a record of an event, a marker and a call, by two threads of one process. */
function make(...options: (readonly [TraceOption, boolean])[]) {
  const state = {
    cpus: 2,
    image,
    clock: { now: 1_000_000_000 },
    current: { pid: 41, tgid: 40, comm: "worker", cpu: 1 },
  };
  const array = new TraceArray(state);
  for (const [name, on] of options) array.options.set(name, on);
  array.shared.tasks.eventOn({}, array.options);
  array.buffer.record({ kind: "event", text: "k1: (getname+0x0/0x20)", type: 1500 }, "d.h2.", 24);
  state.clock.now += 12_345_678;
  state.current = { pid: 40, tgid: 40, comm: "main", cpu: 0 };
  array.buffer.record({ kind: "print", place: "tracing_mark_write", text: "hello" }, ".....", 24);
  state.clock.now += 1_000;
  array.buffer.record({ kind: "function", ip: OPEN, parent: NAME + 4 }, "...1.", 24);
  return { array, state };
}

const lines = (array: TraceArray) => traceText(array).split("\n").filter((line) => !line.startsWith("#"));

Deno.test("nocontext-info leaves the tracer's name, and what records say", () => {
  const { array } = make(["context-info", false]);
  assertEquals(
    traceText(array),
    "# tracer: nop\n#\nk1: (getname+0x0/0x20)\ntracing_mark_write: hello\ndo_filp_open <-getname\n",
  );
  array.tracer = "function_graph";
  array.buffer.record({ kind: "graph_entry", func: OPEN, depth: 0 }, ".....", 20);
  assert(traceText(array).startsWith("# tracer: function_graph\n#\n/* k1: (getname+0x0/0x20) */\n"));
  assert(traceText(array).endsWith("\ndo_filp_open() {\n"));
});

Deno.test("noirq-info has neither the column of flags nor its explanation", () => {
  const { array } = make(["irq-info", false]);
  assertEquals(
    traceText(array).slice(0, traceText(array).indexOf("main")),
    `# tracer: nop
#
# entries-in-buffer/entries-written: 3/3   #P:2
#
#           TASK-PID     CPU#     TIMESTAMP  FUNCTION
#              | |         |         |         |
          worker-41      [001]      1.000000: k1: (getname+0x0/0x20)
            `,
  );
});

Deno.test("record-tgid has a column for the process, with dashes where nobody noted it", () => {
  const { array, state } = make(["record-tgid", true]);
  state.current = { ...state.current, pid: 0, comm: "swapper/0" };
  array.buffer.emit("idle");
  assertEquals(
    traceText(array),
    `# tracer: nop
#
# entries-in-buffer/entries-written: 4/4   #P:2
#
#                                          _-----=> irqs-off/BH-disabled
#                                         / _----=> need-resched
#                                        | / _---=> hardirq/softirq
#                                        || / _--=> preempt-depth
#                                        ||| / _-=> migrate-disable
#                                        |||| /     delay
#           TASK-PID       TGID    CPU#  |||||  TIMESTAMP  FUNCTION
#              | |           |       |   |||||     |         |
          worker-41      (     40) [001] d.h2.     1.000000: k1: (getname+0x0/0x20)
            main-40      (     40) [000] .....     1.012346: tracing_mark_write: hello
            main-40      (     40) [000] ...1.     1.012347: do_filp_open <-getname
          <idle>-0       (-------) [000] .....     1.012347: idle
`,
  );
  array.options.set("irq-info", false);
  assertEquals(traceText(array).split("\n").slice(4, 7), [
    "#           TASK-PID       TGID    CPU#     TIMESTAMP  FUNCTION",
    "#              | |           |       |         |         |",
    "          worker-41      (     40) [001]      1.000000: k1: (getname+0x0/0x20)",
  ]);
});

Deno.test("names and processes are noted for events that ask for it, and by tracers names alone", async () => {
  const opened = async (...options: readonly (readonly [string, string])[]) => {
    const k = await openMissing("x86_64", (k) => {
      for (const [text, file] of options) echo(k, text, file);
      echo(k, "1", "events/syscalls/sys_enter_openat/enable");
    });
    return [cat(k, "saved_cmdlines"), cat(k, "saved_tgids"), lines(k.tracefs.array)[0]?.slice(0, 40)];
  };
  assertEquals(await opened(), ["301 opener\n", "", "          opener-301     [000] ...1.    "]);
  assertEquals(await opened(["norecord-cmd", "trace_options"]), [
    "",
    "",
    "           <...>-301     [000] ...1.    ",
  ]);
  assertEquals(await opened(["record-tgid", "trace_options"]), [
    "301 opener\n",
    "301 301\n",
    "          opener-301     (    301) [000]",
  ]);
  const filtered = ["getname", "set_ftrace_filter"] as const;
  assertEquals(await opened(["norecord-cmd", "trace_options"], filtered, ["function", "current_tracer"]), [
    "301 opener\n",
    "",
    "          opener-301     [000] ...1.    ",
  ]);
  // The option turns what events that are on already have noted.
  assertEquals(
    await opened(["1", "events/syscalls/sys_exit_openat/enable"], ["0", "options/record-cmd"], [
      "1",
      "options/record-cmd",
    ]),
    ["301 opener\n", "", "          opener-301     [000] ...1.    "],
  );
  const k = await bootTest();
  assertEquals([echo(k, "0", "saved_cmdlines_size"), echo(k, "32769", "saved_cmdlines_size")], [
    "EINVAL",
    "EINVAL",
  ]);
  assertEquals([echo(k, "9000", "saved_cmdlines_size"), cat(k, "saved_cmdlines_size")], [5, "19659\n"]);
});

Deno.test("latency-format tells time since the buffer was emptied, and marks long waits", () => {
  const { array, state } = make(["latency-format", true]);
  assertEquals(
    traceText(array),
    `# tracer: nop
#
# nop latency trace v1.1.5 on ${image.release}
# --------------------------------------------------------------------
# latency: 0 us, #3/3, CPU#0 | (M:desktop VP:0, KP:0, SP:0 HP:0 #P:2)
#    -----------------
#    | task: -0 (uid:0 nice:0 policy:0 rt_prio:0)
#    -----------------
#
#                    _------=> CPU#            
#                   / _-----=> irqs-off/BH-disabled
#                  | / _----=> need-resched    
#                  || / _---=> hardirq/softirq 
#                  ||| / _--=> preempt-depth   
#                  |||| / _-=> migrate-disable 
#                  ||||| /     delay           
#  cmd     pid     |||||| time  |   caller     
#     \\   /        ||||||  \\    |    /       
  worker-41        1d.h2. 1000000us*: k1: (getname+0x0/0x20)
    main-40        0..... 1012346us : tracing_mark_write: hello
    main-40        0...1. 1012347us : do_filp_open <-getname
`,
  );
  array.options.set("verbose", true);
  assertEquals(
    lines(array)[0],
    "          worker      41   1 9 00000002 00000001 [000f4240] 1000.000ms (+12.346ms): k1: (getname+0x0/0x20)",
  );
  assertEquals(traceText(array).split("\n").filter((line) => line.startsWith("#")).length, 9);
  array.options.set("latency-format", false);
  assertEquals(traceText(array).split("\n")[2], lines(array)[0]);
  array.options.set("latency-format", true);
  array.options.set("verbose", false);
  array.buffer.clear();
  assertEquals(traceText(array), "# tracer: nop\n#\n");
  state.clock.now += 5_000;
  array.buffer.emit("e");
  assertEquals(lines(array)[0], "    main-40        0.....    5us : e");
  array.tracer = "function_graph";
  array.buffer.record({ kind: "graph_entry", func: OPEN, depth: 0 }, ".....", 20);
  assertEquals(traceText(array).split("\n").slice(9), [
    "#      _-----=> irqs-off        ",
    "#     / _----=> need-resched    ",
    "#    | / _---=> hardirq/softirq ",
    "#    || / _--=> preempt-depth   ",
    "#    ||| /                      ",
    "# CPU||||     DURATION                  FUNCTION CALLS",
    "# |  ||||      |   |                     |   |   |   |",
    " 0)  ..... |               |  /* e */",
    " 0)  ..... |               |  do_filp_open() {",
    "",
  ]);
});

Deno.test("raw, hex and bin are for programs", () => {
  const { array } = make(["raw", true]);
  const hex = (address: number) => BigInt.asUintN(64, BigInt(address)).toString(16);
  const place = hex(image.symbol("tracing_mark_write")?.address ?? 0);
  assertEquals(lines(array), [
    "41 1 1000000000 type: 1500",
    `40 0 1012345678 # ${place} hello`,
    `40 0 1012346678 ${hex(OPEN)} ${hex(NAME + 4)}`,
    "",
  ]);
  array.options.set("hex", true);
  assertEquals(lines(array), [
    "00000029 00000001 000000003b9aca00 type: 1500",
    "",
    "00000028 00000000 000000003c572b4e type: 5",
    "",
    `00000028 00000000 000000003c572f36 ${hex(OPEN)} ${hex(NAME + 4)} `,
    "",
  ]);
  array.options.set("bin", true);
  const bytes = [...traceText(array).split("|         |\n")[1] ?? ""].map((char) => char.charCodeAt(0));
  assertEquals(bytes.slice(0, 16), [41, 0, 0, 0, 1, 0, 0, 0, 0x00, 0xca, 0x9a, 0x3b, 0, 0, 0, 0]);
  assertEquals(bytes.length, 16 + "type: 1500\n".length + 16 + "type: 5\n".length + 32);
  array.options.set("context-info", false);
  assert(traceText(array).startsWith("# tracer: nop\n#\ntype: 1500\ntype: 5\n"));
});

Deno.test("symbols have offsets and addresses where asked for; messages can stand alone", () => {
  const { array } = make();
  array.buffer.record({ kind: "stack", callers: ["commit", OPEN + 0x10] }, ".....", 32);
  const said = () => lines(array).map((line) => line.replace(/^.*\d: /, ""));
  const size = (name: string) => `0x${image.symbol(name)?.size.toString(16)}`;
  const hex = (address: number) => BigInt.asUintN(64, BigInt(address)).toString(16);
  assertEquals(said().slice(2), [
    "do_filp_open <-getname",
    "<stack trace>",
    " => commit",
    " => do_filp_open",
    "",
  ]);
  array.options.set("sym-offset", true);
  assertEquals(said()[2], `do_filp_open+0x0/${size("do_filp_open")} <-getname+0x4/${size("getname")}`);
  assertEquals(said()[5], ` => do_filp_open+0x10/${size("do_filp_open")}`);
  array.options.set("sym-offset", false);
  array.options.set("sym-addr", true);
  assertEquals(said()[2], `do_filp_open <${hex(OPEN)}> <-getname <${hex(NAME + 4)}>`);
  array.options.set("print-parent", false);
  assertEquals(said()[2], `do_filp_open <${hex(OPEN)}>`);
  array.options.set("printk-msg-only", true);
  assertEquals(lines(array)[1], "hello");
  array.options.set("trace_printk", false);
  assertMatch(lines(array)[1] ?? "", /main-40 .*: tracing_mark_write: hello$/);
});

Deno.test("nohash-ptr shows addresses as they are", async () => {
  const k = await openMissing("x86_64", (k) => {
    echo(k, "1", "events/kmem/kmem_cache_alloc/enable");
  });
  const pointers = () => [...cat(k, "trace").matchAll(/ ptr=([0-9a-f]{16}) /g)].map(([, text = ""]) => text);
  const hashed = pointers();
  assert(hashed.length > 0);
  assert(hashed.every((text) => text.startsWith("00000000")), hashed.join());
  echo(k, "0", "options/hash-ptr");
  assert(pointers().every((text) => text.startsWith("ffff")), pointers().join());
  assertEquals(pointers().length, hashed.length);
});

/** Fills CPU 0 until it lost records; with two records of CPU 1 between. */
function overflowing() {
  const { array, state } = make();
  array.buffer.clear();
  array.buffer.resize(8);
  let lost = 0;
  for (let i = 0; lost === 0; i++) {
    state.clock.now += 1000;
    state.current = { pid: 40, tgid: 40, comm: "main", cpu: 0 };
    array.buffer.emit(`e${i}`, { size: 100 });
    if (i === 90) {
      state.current = { pid: 41, tgid: 40, comm: "worker", cpu: 1 };
      array.buffer.emit("other");
    }
    lost = array.buffer.totals().overrun;
  }
  return { array, state, lost };
}

Deno.test("what is lost is told where it is missing, to whoever consumes", () => {
  const { array, lost } = overflowing();
  const text = pipeText(array);
  assert(text.startsWith(`CPU:0 [LOST ${lost} EVENTS]\n`));
  assertEquals(text.split("LOST").length, 2);
  assertEquals(pipeText(array), "");
});

Deno.test("a reader keeps the page that it is in: what is lost comes behind it", () => {
  const { array, state, lost } = overflowing();
  const cpu = array.buffer.cpu(0);
  const first = cpu?.take();
  assertEquals(first?.content, { kind: "event", text: `e${lost}` });
  assertEquals(cpu?.lost, lost);
  // Two pages more are given up, but not the one that is being read.
  state.current = { pid: 40, tgid: 40, comm: "main", cpu: 0 };
  while (array.buffer.totals().overrun < 3 * lost) array.buffer.emit("more", { size: 100 });
  const said = pipeText(array, 0).split("\n");
  assertEquals(said.findIndex((line) => line.includes("LOST")), lost - 1);
  assertEquals(said[lost - 1], `CPU:0 [LOST ${2 * lost} EVENTS]`);
  assert(said[0]?.endsWith(`: e${lost + 1}`));
});

Deno.test("the header of one CPU's trace counts all; where its records begin is told", () => {
  const { array } = overflowing();
  const { inBuffer, written } = array.buffer.totals();
  const counts = `# entries-in-buffer/entries-written: ${inBuffer}/${written}   #P:2\n`;
  assert(traceText(array).includes(counts) && traceText(array, 1).includes(counts));
  assertEquals(lines(array).filter((line) => line.endsWith("other")).length, 1);
  assertMatch(traceText(array), /##### CPU 1 buffer started ####\n.*: other\n/);
  assert(!traceText(array, 1).includes("buffer started"));
  array.options.set("annotate", false);
  assert(!traceText(array).includes("buffer started"));
});

Deno.test("stats count bytes that are left to read", async () => {
  const k = await bootTest();
  echo(k, "a", "trace_marker");
  echo(k, "b", "trace_marker");
  const bytes = () => Number(/bytes: (\d+)/.exec(cat(k, "per_cpu/cpu0/stats"))?.[1]);
  const both = bytes();
  k.tracefs.buffer.cpu(0)?.take();
  assertEquals(bytes(), both / 2);
  assertMatch(cat(k, "per_cpu/cpu0/stats"), /^entries: 1\noverrun: 0\n.*\nread events: 1\n$/s);
  cat(k, "per_cpu/cpu1/trace_pipe");
  assertMatch(cat(k, "per_cpu/cpu0/stats"), /^entries: 1\n/);
  cat(k, "per_cpu/cpu0/trace_pipe");
  assertMatch(cat(k, "per_cpu/cpu0/stats"), /^entries: 0\n.*bytes: 0\n.*read events: 2\n$/s);
});

Deno.test("nooverwrite keeps what is old, and counts what it refuses", async () => {
  const k = await bootTest();
  echo(k, "8", "buffer_size_kb");
  echo(k, "0", "options/overwrite");
  while (k.tracefs.buffer.emit("e", { size: 200 }));
  const { inBuffer } = k.tracefs.buffer.totals();
  for (let i = 0; i < 4; i++) k.tracefs.buffer.emit("late", { size: 200 });
  assert(cat(k, "trace").includes(`entries-written: ${inBuffer}/${inBuffer} `));
  assert(!cat(k, "trace").includes("late"));
  assertMatch(cat(k, "per_cpu/cpu0/stats"), /overrun: 0\n.*dropped events: 5\n/s);
  echo(k, "overwrite", "trace_options");
  assertEquals(k.tracefs.buffer.emit("late", { size: 200 }), true);
});

Deno.test("the nop tracer's options are accepted and refused, as they say", async () => {
  const k = await bootTest();
  assertEquals(echo(k, "test_nop_accept", "trace_options"), 16);
  assertEquals(echo(k, "1", "options/test_nop_refuse"), "EINVAL");
  assertEquals([cat(k, "options/test_nop_accept"), cat(k, "options/test_nop_refuse")], ["1\n", "0\n"]);
  assertMatch(
    k.log.dmesg(),
    /nop_test_accept flag set to 1: we accept\. .*\n.*nop_test_refuse flag set to 1: we refuse\./,
  );
});

Deno.test("an instance begins with the options that the kernel's own trace has", async () => {
  const k = await bootTest();
  echo(k, "sym-offset", "trace_options");
  echo(k, "nooverwrite", "trace_options");
  k.tracefs.mkdir("/sys/kernel/tracing/instances/a");
  assertEquals(cat(k, "instances/a/options/sym-offset"), "1\n");
  assertEquals(k.tracefs.stat("/sys/kernel/tracing/instances/a/options/record-cmd").ok, false);
  assertEquals(k.tracefs.stat("/sys/kernel/tracing/instances/a/options/funcgraph-proc").ok, false);
  assertEquals(cat(k, "instances/a/options/func_stack_trace"), "0\n");
  echo(k, "0", "options/sym-offset");
  assertEquals(cat(k, "instances/a/options/sym-offset"), "1\n");
});
