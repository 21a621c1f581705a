import { assertEquals, assertThrows } from "@std/assert";
import { fullImage } from "../../image/load.ts";
import type { Arch, TracepointInfo } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { TraceRecord } from "./record.ts";
import { tracepoint } from "./reference.ts";
import { Tracepoints } from "./tracepoints.ts";

const FORK = tracepoint("sched:sched_process_fork", "parent_comm", "parent_pid", "child_comm", "child_pid");
const EXEC = tracepoint("sched:sched_process_exec", "filename", "pid", "old_pid");
const ENTER = tracepoint("raw_syscalls:sys_enter");

async function tracepoints(arch: Arch): Promise<Tracepoints> {
  const image = await fullImage(arch);
  return new Tracepoints({ image, current: { pid: 321 } } as unknown as Kernel);
}

function offsetOf(info: TracepointInfo, name: string): number {
  return info.fields.find((f) => f.name === name)?.offset ?? NaN;
}

Deno.test("a record has the kernel's layout: common fields, fixed text, integers", async () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const t = await tracepoints(arch);
    let fired = 0;
    t.register("sched:sched_process_fork", (record) => {
      fired++;
      const { info } = record;
      assertEquals([record.load(0, 2, false), record.load(4, 4, true)], [info.id, 321]);
      assertEquals(record.str(offsetOf(info, "parent_comm"), 16, false), "a very long com");
      assertEquals(record.str(offsetOf(info, "child_comm"), 16, false), "sh");
      assertEquals([
        record.load(offsetOf(info, "parent_pid"), 4, true),
        record.load(offsetOf(info, "child_pid"), 4, true),
      ], [7, 8]);
      assertEquals(record.bytes().length, 48);
    });
    t.fire(FORK, "a very long command", 7, "sh", 8);
    assertEquals(fired, 1);
  }
});

Deno.test("dynamic text stands at the end; its field holds offset and length", async () => {
  const t = await tracepoints("x86_64");
  const seen: unknown[] = [];
  t.register("sched:sched_process_exec", (r) => {
    seen.push(r.str(8, 4, true), r.load(12, 4, true), r.load(8, 2, false), r.load(10, 2, false), r.length);
  });
  t.fire(EXEC, "/usr/bin/cat", 5, 5);
  t.fire(EXEC, "é", 6, 6);
  assertEquals(seen, ["/usr/bin/cat", 5, 20, 13, 33, "é", 6, 20, 3, 23]);
});

Deno.test("arrays take their elements, words are exact, NaN reads 0", async () => {
  const t = await tracepoints("i386");
  const x86 = await tracepoints("x86_64");
  const read = (record: TraceRecord) => {
    const args = record.info.fields.find((f) => f.name === "args");
    const size = (args?.size ?? 0) / 6;
    return [0, 1, 2].map((i) => record.loadBig((args?.offset ?? 0) + i * size, size, true));
  };
  const seen: unknown[] = [];
  for (const side of [t, x86]) {
    side.register("raw_syscalls:sys_enter", (record) => void seen.push(read(record)));
  }
  for (const side of [t, x86]) side.fire(ENTER, 3, [-100, NaN, 0x7ffc12345678]);
  assertEquals(seen, [[-100n, 0n, 0x12345678n], [-100n, 0n, 0x7ffc12345678n]]);
  x86.register(
    "raw_syscalls:sys_enter",
    (record) => void assertThrows(() => record.load(16, 8, true), RangeError, "loadBig"),
  );
  x86.fire(ENTER, 3, [2 ** 60]);
});

Deno.test("only those who listen are told, in order of registration, until they stop", async () => {
  const t = await tracepoints("x86_64");
  const seen: string[] = [];
  assertEquals(t.enabled(FORK), false);
  t.fire(FORK, "a", 1, "b", 2);
  const first = t.register("sched:sched_process_fork", () => void seen.push("first"));
  const second = t.register("sched:sched_process_fork", () => {
    seen.push("second");
    t.unregister(first);
    t.fire(FORK, "nested", 1, "b", 2);
  });
  assertEquals([t.enabled(FORK), t.enabled(EXEC), t.active()], [true, false, ["sched:sched_process_fork"]]);
  t.fire(FORK, "a", 1, "b", 2);
  t.fire(FORK, "a", 1, "b", 2);
  assertEquals([seen, t.skipped("sched:sched_process_fork")], [["first", "second", "second"], 2]);
  assertEquals([t.unregister(first), t.unregister(second), t.enabled(FORK)], [false, true, false]);
});

Deno.test("an unknown tracepoint is refused with a near name", async () => {
  const t = await tracepoints("x86_64");
  assertThrows(
    () => t.register("sched:sched_process_frok", () => {}),
    Error,
    'Cannot listen to tracepoint "sched:sched_process_frok": kernel 6.1.0-56-amd64 (x86_64) has no such tracepoint; did you mean "sched:sched_process_fork"?',
  );
  assertThrows(() => t.register("nonsense", () => {}), Error, 'Cannot listen to tracepoint "nonsense"');
});

Deno.test("text into a number is a mistake that is named", async () => {
  const t = await tracepoints("x86_64");
  t.register("sched:sched_process_fork", () => {});
  assertThrows(
    () => t.fire(FORK, "a", "b"),
    TypeError,
    "Cannot write text into parent_pid of sched:sched_process_fork",
  );
});
