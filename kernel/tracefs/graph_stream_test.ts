import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/mod.ts";
import { GraphStream } from "./graph_stream.ts";
import { TraceArray } from "./trace_array.ts";
import { traceText } from "./trace_text.ts";

/** Calls and returns on two CPUs by turns; `drain` runs after each record. */
async function traced(drain: (array: TraceArray) => void): Promise<TraceArray> {
  const image = await coreImage("x86_64");
  const state = { cpus: 2, image, clock: { now: 1e9 }, current: { pid: 7, comm: "a", cpu: 0 } };
  const array = new TraceArray(state);
  array.tracer = "function_graph";
  array.shared.tasks.tracer(true);
  array.options.set("funcgraph-proc", true);
  const address = (name: string) => image.symbol(name)?.address ?? 0;
  const step = (cpu: number, name: string, depth: number, returns: boolean) => {
    state.current = { pid: 7 + cpu, comm: "ab"[cpu] ?? "", cpu };
    state.clock.now += 1000;
    const now = state.clock.now;
    const func = address(name);
    array.buffer.record(
      returns
        ? { kind: "graph_return", func, depth, calltime: now - 500, rettime: now }
        : { kind: "graph_entry", func, depth },
      ".....",
      32,
    );
    drain(array);
  };
  step(0, "vfs_open", 0, false);
  step(1, "vfs_read", 0, false);
  step(0, "fput", 1, false);
  step(1, "vfs_read", 0, true);
  step(0, "fput", 1, true);
  step(1, "vfs_write", 0, false);
  step(0, "vfs_open", 0, true);
  return array;
}

Deno.test("drained as it comes, the text is that of the whole trace", async () => {
  const whole = traceText(await traced(() => {}));
  let stream: GraphStream | undefined;
  let text = "";
  await traced((array) => {
    if (stream === undefined) {
      // The first record came before the stream was made.
      stream = new GraphStream(array);
      text = stream.header();
    }
    text += stream.drain();
  });
  assertEquals(text + (stream?.end() ?? ""), whole);
});
