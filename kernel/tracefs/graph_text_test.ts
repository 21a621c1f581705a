import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/mod.ts";
import { durationMark, durationText } from "./duration.ts";
import { TraceArray } from "./trace_array.ts";
import { traceText } from "./trace_text.ts";

const image = await coreImage("x86_64");
const FILP_OPEN = address("do_filp_open");
const GETNAME = address("getname");

function address(name: string): number {
  const found = image.symbol(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found.address;
}

interface Host {
  readonly array: TraceArray;
  call(func: number, depth: number, at: number): void;
  ret(func: number, depth: number, from: number, to: number): void;
  on(cpu: number, pid: number, comm: string): void;
}

function host(): Host {
  const state = {
    cpus: 2,
    image,
    clock: { now: 0 },
    current: { pid: 98, comm: "sysx", cpu: 0 },
  };
  const array = new TraceArray(state);
  array.tracer = "function_graph";
  array.shared.tasks.tracer(true);
  return {
    array,
    call(func, depth, at): void {
      state.clock.now = at;
      array.buffer.record({ kind: "graph_entry", func, depth }, ".....", 20);
    },
    ret(func, depth, from, to): void {
      state.clock.now = to;
      array.buffer.record(
        { kind: "graph_return", func, depth, calltime: from, rettime: to },
        ".....",
        40,
      );
    },
    on(cpu, pid, comm): void {
      state.current = { pid, comm, cpu };
    },
  };
}

const HEADER = `# tracer: function_graph
#
# CPU  DURATION                  FUNCTION CALLS
# |     |   |                     |   |   |   |
`;

Deno.test("durations have at most seven digits", () => {
  const texts = [0, 999, 21_702, 1_338_221, 12_345_678, 123_456_789, 1_234_567_891, 98_765_432_100].map(
    durationText,
  );
  assertEquals(texts, [
    "0.000 us    ",
    "0.999 us    ",
    "21.702 us   ",
    "1338.221 us ",
    "12345.67 us ",
    "123456.7 us ",
    "1234567 us  ",
    "98765432 us ",
  ]);
});

Deno.test("a duration's mark tells its order of magnitude, from just above each power of ten", () => {
  const marks = [10_000, 10_001, 100_001, 1e6 + 1, 1e7 + 1, 1e8 + 1, 1e9, 1e9 + 1].map(durationMark);
  assertEquals(marks, [" ", "+", "!", "#", "*", "@", "@", "$"]);
});

Deno.test("calls are blocks; one that calls nothing is a line", () => {
  const { array, call, ret } = host();
  call(FILP_OPEN, 0, 100);
  call(GETNAME, 1, 200);
  ret(GETNAME, 1, 200, 1302);
  ret(FILP_OPEN, 0, 100, 25_400);
  assertEquals(
    traceText(array),
    `${HEADER} 0)               |  do_filp_open() {
 0)   1.102 us    |    getname();
 0) + 25.300 us   |  }
`,
  );
});

Deno.test("a return without its call names the function; so does funcgraph-tail", () => {
  const { array, call, ret } = host();
  ret(FILP_OPEN, 0, 0, 500);
  array.options.set("funcgraph-tail", true);
  call(FILP_OPEN, 0, 1000);
  call(GETNAME, 1, 1000);
  call(GETNAME, 2, 1000);
  ret(GETNAME, 2, 1000, 1100);
  ret(GETNAME, 1, 1000, 1100);
  ret(FILP_OPEN, 0, 1000, 1100);
  assertEquals(
    traceText(array).slice(HEADER.length),
    ` 0)   0.500 us    |  } /* do_filp_open */
 0)               |  do_filp_open() {
 0)               |    getname() {
 0)   0.100 us    |      getname();
 0)   0.100 us    |    } /* getname */
 0)   0.100 us    |  } /* do_filp_open */
`,
  );
});

Deno.test("another task on a CPU is announced, and CPUs don't disturb one another", () => {
  const { array, call, ret, on } = host();
  call(FILP_OPEN, 0, 0);
  on(1, 15, "rcu_preempt");
  call(GETNAME, 0, 10);
  on(0, 0, "swapper/0");
  call(GETNAME, 0, 20);
  ret(GETNAME, 0, 20, 4797);
  on(1, 15, "rcu_preempt");
  ret(GETNAME, 0, 10, 5000);
  on(0, 98, "sysx");
  ret(FILP_OPEN, 0, 0, 6000);
  assertEquals(
    traceText(array).slice(HEADER.length),
    ` 0)               |  do_filp_open() {
 1)   4.990 us    |  getname();
 ------------------------------------------
 0)    sysx-98     =>    <idle>-0   
 ------------------------------------------

 0)   4.777 us    |  getname();
 ------------------------------------------
 0)    <idle>-0    =>    sysx-98    
 ------------------------------------------

 0)   6.000 us    |  } /* do_filp_open */
`,
  );
});

Deno.test("events stand between calls as comments", () => {
  const { array, call, ret } = host();
  call(FILP_OPEN, 0, 0);
  array.buffer.emit("k1: (getname+0x0/0x20)");
  ret(FILP_OPEN, 0, 0, 900);
  array.buffer.record({ kind: "print", place: "tracing_mark_write", text: "hello" }, ".....", 16);
  assertEquals(
    traceText(array).slice(HEADER.length),
    ` 0)               |  do_filp_open() {
 0)               |  /* k1: (getname+0x0/0x20) */
 0)   0.900 us    |  }
 0)               |  /* hello */
`,
  );
});

Deno.test("columns come and go with the options", () => {
  const { array, call, ret } = host();
  call(FILP_OPEN, 0, 1_000_000_000);
  ret(FILP_OPEN, 0, 1_000_000_000, 1_000_012_345);
  array.options.set("funcgraph-proc", true);
  array.options.set("funcgraph-abstime", true);
  array.options.set("funcgraph-overhead", false);
  assertEquals(
    traceText(array),
    `# tracer: function_graph
#
#     TIME        CPU  TASK/PID         DURATION                  FUNCTION CALLS
#      |          |     |    |           |   |                     |   |   |   |
    1.000000 |   0)    sysx-98     |   12.345 us   |  do_filp_open();
`,
  );
  array.options.set("funcgraph-cpu", false);
  array.options.set("funcgraph-duration", false);
  array.options.set("funcgraph-abstime", false);
  assertEquals(traceText(array).split("\n")[4], "   sysx-98     | do_filp_open();");
});
