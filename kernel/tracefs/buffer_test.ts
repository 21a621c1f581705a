import { assert, assertEquals } from "@std/assert";
import { coreImage } from "../../image/mod.ts";
import { TraceArray } from "./trace_array.ts";
import { pipeText, traceText } from "./trace_text.ts";

async function make() {
  const state = {
    cpus: 2,
    image: await coreImage("x86_64"),
    clock: { now: 0 },
    current: { pid: 10, comm: "a", cpu: 0 },
  };
  const array = new TraceArray(state);
  // As a tracer does: names are kept.
  array.shared.tasks.tracer(true);
  return { state, array };
}

Deno.test("records of several CPUs are read by time", async () => {
  const { state, array } = await make();
  for (const [time, cpu] of [[10, 0], [30, 0], [20, 1], [40, 1], [30, 1]] as const) {
    state.clock.now = time * 1000;
    state.current = { pid: 10 + cpu, comm: "a", cpu };
    array.buffer.emit(`e${time}.${cpu}`);
  }
  // Records of one CPU stay in their order.
  assertEquals(array.buffer.entries().map((entry) => [entry.time / 1000, entry.cpu]), [
    [10, 0],
    [20, 1],
    [30, 0],
    [40, 1],
    [30, 1],
  ]);
  assertEquals(array.buffer.entries(1).length, 3);
});

Deno.test("a full buffer gives up its oldest page, and says so", async () => {
  const { state, array } = await make();
  array.buffer.resize(8);
  assertEquals(array.buffer.kb(), 11);
  const fits = 3 * Math.floor(array.buffer.pageBytes / 104);
  for (let i = 0; i <= fits; i++) array.buffer.emit(`e${i}`, { size: 100 });
  const lost = Math.floor(array.buffer.pageBytes / 104);
  const { inBuffer, written } = array.buffer.totals();
  assertEquals([inBuffer, written], [fits + 1 - lost, fits + 1]);
  assertEquals(array.buffer.entries().length, inBuffer);
  const text = traceText(array);
  assert(text.includes(`# entries-in-buffer/entries-written: ${inBuffer}/${written}   #P:2\n`));
  assert(text.includes(`: e${lost}\n`) && !text.includes(`: e${lost - 1}\n`));
  state.current = { pid: 11, comm: "b", cpu: 1 };
  array.buffer.emit("other");
  assert(traceText(array).includes("##### CPU 1 buffer started ####\n"));
  assert(pipeText(array).startsWith(`CPU:0 [LOST ${lost} EVENTS]\n`));
});

Deno.test("without overwriting, a full buffer refuses what is new", async () => {
  const { array } = await make();
  array.buffer.resize(8);
  array.buffer.overwrite = false;
  let taken = 0;
  while (array.buffer.emit("e", { size: 100 })) taken++;
  assertEquals(array.buffer.totals(), { inBuffer: taken, written: taken, overrun: 0 });
  assertEquals(array.buffer.cpu(0)?.dropped, 1);
});

Deno.test("names are those that tasks have when the trace is read", async () => {
  const { state, array } = await make();
  const task = { pid: 10, comm: "sh", cpu: 0 };
  state.current = task;
  array.buffer.emit("e");
  task.comm = "cat";
  assert(traceText(array).endsWith("             cat-10      [000] .....     0.000000: e\n"));
});

Deno.test("names are kept as long as there is room, which is rounded up to whole pages", async () => {
  const { state, array } = await make();
  const { cmdlines } = array.buffer;
  // (262144 - 131096) / 20: 64 pages without the table of process ids.
  assertEquals(cmdlines.size, 6552);
  cmdlines.resize(1);
  assertEquals(cmdlines.size, 6552);
  cmdlines.resize(10_000);
  assertEquals(cmdlines.size, 19_659);
  cmdlines.resize(1);
  for (let pid = 1; pid <= 6554; pid++) {
    state.current = { pid, comm: `t${pid}`, cpu: 0 };
    array.buffer.emit("e");
  }
  // The first slot is the last one to be taken.
  assertEquals([1, 2, 3, 6552, 6554].map((pid) => cmdlines.comm(pid)), [
    "<...>",
    "<...>",
    "t3",
    "t6552",
    "t6554",
  ]);
  assertEquals(cmdlines.text().split("\n").slice(0, 4), ["6552 t6552", "6553 t6553", "6554 t6554", "3 t3"]);
  // Ids above 32768 share the place of one below.
  state.current = { pid: 32768 + 3, comm: "high", cpu: 0 };
  array.buffer.emit("e");
  assertEquals([3, 32768 + 3].map((pid) => cmdlines.comm(pid)), ["<...>", "high"]);
});

Deno.test("microseconds are rounded, a second included", async () => {
  const { state, array } = await make();
  state.clock.now = 1_999_999_500;
  array.buffer.emit("e");
  assert(traceText(array).endsWith("     2.000000: e\n"));
});
