import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/mod.ts";
import { Kernel } from "../kernel.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import type { ErrnoResult } from "./result.ts";
import type { Tracefs } from "./tree.ts";

const TRACING = "/sys/kernel/tracing";

async function boot(cpus = 2): Promise<Kernel> {
  return new Kernel(await coreImage("x86_64"), ShapeLibrary.empty(), { cpus });
}

function text(tracefs: Tracefs, path: string): string {
  const result = tracefs.read(path);
  return result.ok ? result.value : result.name;
}

function outcome<T>(result: ErrnoResult<T>): T | string {
  return result.ok ? result.value : result.name;
}

Deno.test("tracefs hangs at two places", async () => {
  const { tracefs } = await boot();
  assertEquals(outcome(tracefs.write(`${TRACING}/tracing_on`, "0\n")), 2);
  assertEquals(text(tracefs, "/sys/kernel/debug/tracing/tracing_on"), "0\n");
  assertEquals(text(tracefs, `${TRACING}/per_cpu/../tracing_on`), "0\n");
});

Deno.test("each way to refuse has its errno", async () => {
  const { tracefs } = await boot();
  assertEquals(text(tracefs, `${TRACING}/none`), "ENOENT");
  assertEquals(text(tracefs, TRACING), "EISDIR");
  assertEquals(text(tracefs, `${TRACING}/trace/none`), "ENOTDIR");
  assertEquals(outcome(tracefs.write(`${TRACING}/none`, "1\n")), "EACCES");
  assertEquals(outcome(tracefs.write(`${TRACING}/none/none`, "1\n")), "ENOENT");
  assertEquals(outcome(tracefs.write(TRACING, "1\n")), "EISDIR");
  assertEquals(outcome(tracefs.write(`${TRACING}/tracing_on`, "x\n")), "EINVAL");
  assertEquals(outcome(tracefs.write(`${TRACING}/buffer_total_size_kb`, "1\n")), "EINVAL");
  assertEquals(outcome(tracefs.list(`${TRACING}/trace`)), "ENOTDIR");
  assertEquals(outcome(tracefs.mkdir(`${TRACING}/mine`)), "EPERM");
});

Deno.test("trace shows what was marked, until it is truncated", async () => {
  const k = await boot();
  k.clock.now = 1_234_567_500;
  const header = (count: string) =>
    `# tracer: nop
#
# entries-in-buffer/entries-written: ${count}   #P:2
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;
  assertEquals(text(k.tracefs, `${TRACING}/trace`), header("0/0"));
  k.tracefs.write(`${TRACING}/trace_marker`, "one\n", { append: true });
  assertEquals(
    text(k.tracefs, `${TRACING}/trace`),
    `${header("1/1")}          <idle>-0       [000] .....     1.234568: tracing_mark_write: one\n`,
  );
  k.tracefs.write(`${TRACING}/trace`, "");
  assertEquals(text(k.tracefs, `${TRACING}/trace`), header("0/0"));
});

Deno.test("trace_pipe gives each record once", async () => {
  const { tracefs } = await boot();
  tracefs.write(`${TRACING}/trace_marker`, "one");
  tracefs.write(`${TRACING}/trace_marker`, "two");
  assertEquals(text(tracefs, `${TRACING}/trace_pipe`).split("\n").length, 3);
  assertEquals(text(tracefs, `${TRACING}/trace_pipe`), "");
});

Deno.test("nothing is recorded while tracing is off, and the writer is told", async () => {
  const { tracefs } = await boot();
  tracefs.write(`${TRACING}/tracing_on`, "0");
  assertEquals(outcome(tracefs.write(`${TRACING}/trace_marker`, "one")), "EBADF");
  assertEquals(tracefs.buffer.emit("k1: (vfs_read+0x0/0x310)"), false);
  assertEquals(tracefs.buffer.empty, true);
});

Deno.test("options turn by name, with no before it, or as files", async () => {
  const { tracefs } = await boot();
  tracefs.write(`${TRACING}/trace_options`, "nocontext-info\n");
  tracefs.write(`${TRACING}/trace_marker`, "one");
  assertEquals(text(tracefs, `${TRACING}/trace_pipe`), "tracing_mark_write: one\n");
  assertEquals(text(tracefs, `${TRACING}/options/context-info`), "0\n");
  tracefs.write(`${TRACING}/options/markers`, "0\n");
  assertEquals(outcome(tracefs.write(`${TRACING}/trace_marker`, "one")), "EINVAL");
  assertEquals(outcome(tracefs.write(`${TRACING}/trace_options`, "nonsense\n")), "EINVAL");
  assertEquals(outcome(tracefs.write(`${TRACING}/options/markers`, "2\n")), "EINVAL");
});
