import { assertEquals } from "@std/assert";
import { coreImage, coreShapes } from "../../image/mod.ts";
import { Kernel } from "../kernel.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import type { TraceRecord } from "../tracing/record.ts";
import { type Coroutine, userTime } from "./coroutine.ts";

function text(record: TraceRecord, name: string): string {
  const field = record.info.fields.find((candidate) => candidate.name === name)!;
  const bytes = record.bytes().subarray(field.offset, field.offset + field.size);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function number(record: TraceRecord, name: string): number {
  const field = record.info.fields.find((candidate) => candidate.name === name)!;
  return record.load(field.offset, field.size, true);
}

Deno.test("switches and wakeups are told on the CPU where they happen, user time is no switch", async () => {
  const k = new Kernel(await coreImage("x86_64"), ShapeLibrary.decode(await coreShapes("x86_64")), {
    cpus: 2,
  });
  const log: string[] = [];
  k.tracepoints.register("sched:sched_switch", (record) => {
    log.push(
      `${k.clock.now} cpu${k.cpu} ${text(record, "prev_comm")} state ${number(record, "prev_state")} -> ` +
        text(record, "next_comm"),
    );
  });
  k.tracepoints.register("sched:sched_wakeup", (record) => {
    log.push(
      `${k.clock.now} cpu${k.cpu} ${k.current.comm} wakes ${text(record, "comm")} on ${
        number(record, "target_cpu")
      }`,
    );
  });
  const first = k.tasks.create({ comm: "first" });
  const second = k.tasks.create({ comm: "second" });
  k.scheduler.spawn(
    first,
    (function* (): Coroutine {
      yield userTime(10);
      first.state = 1;
      yield {};
      first.state = 0;
    })(),
    0,
  );
  k.scheduler.spawn(
    second,
    (function* (): Coroutine {
      second.state = 2;
      yield { until: 20 };
      second.state = 0;
      k.clock.advance(5);
      k.scheduler.wake(first);
    })(),
    1,
  );
  assertEquals(k.scheduler.run().reason, "done");
  assertEquals(
    log,
    [
      "0 cpu0 swapper/0 state 0 -> first",
      "1 cpu1 swapper/1 state 0 -> second",
      "1 cpu1 second state 2 -> swapper/1",
      "10 cpu0 first state 1 -> swapper/0",
      "20 cpu1 swapper/1 wakes second on 1",
      "20 cpu1 swapper/1 state 0 -> second",
      "25 cpu1 second wakes first on 0",
      "25 cpu1 second state 0 -> swapper/1",
      "25 cpu0 swapper/0 state 0 -> first",
      "25 cpu0 first state 0 -> swapper/0",
    ].map((line) => line),
  );
});
