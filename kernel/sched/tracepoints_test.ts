import { assert, assertEquals } from "@std/assert";
import { coreShapes, fullImage } from "../../image/mod.ts";
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

Deno.test("switches, wake-ups and what comes before them are told on the CPU where they happen", async () => {
  const k = new Kernel(await fullImage("x86_64"), ShapeLibrary.decode(await coreShapes("x86_64")), {
    cpus: 2,
  });
  const log: string[] = [];
  const times: number[] = [];
  const stacks: string[] = [];
  const say = (what: string): void => {
    log.push(`cpu${k.cpu} ${what}`);
    times.push(k.clock.now);
    const names = k.calls.stack(k.current).map((at) => k.image.symbolAt(at)?.symbol.name ?? "?");
    stacks.push(names.join(" "));
  };
  k.tracepoints.register("sched:sched_switch", (record) => {
    say(`${text(record, "prev_comm")} state ${number(record, "prev_state")} -> ${text(record, "next_comm")}`);
  });
  for (const event of ["waking", "wakeup"]) {
    k.tracepoints.register(`sched:sched_${event}`, (record) => {
      say(`${k.current.comm} ${event} ${text(record, "comm")} on ${number(record, "target_cpu")}`);
    });
  }
  const first = k.tasks.create({ comm: "first" });
  const second = k.tasks.create({ comm: "second" });
  k.scheduler.spawn(
    first,
    (function* (): Coroutine {
      yield userTime(10_000);
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
      yield { until: 50_000 };
      k.clock.advance(5);
      k.scheduler.wake(first);
    })(),
    1,
  );
  assertEquals(k.scheduler.run().reason, "done");
  assertEquals(log, [
    "cpu0 swapper/0 state 0 -> first",
    "cpu1 swapper/1 state 0 -> second",
    "cpu1 second state 2 -> swapper/1",
    "cpu0 first state 1 -> swapper/0",
    "cpu1 swapper/1 waking second on 1",
    "cpu1 swapper/1 wakeup second on 1",
    "cpu1 swapper/1 state 0 -> second",
    "cpu1 second waking first on 0",
    // Another CPU's idle task is told by an interrupt and takes it over there.
    "cpu1 second state 0 -> swapper/1",
    "cpu0 swapper/0 wakeup first on 0",
    "cpu0 swapper/0 state 0 -> first",
    "cpu0 first state 0 -> swapper/0",
  ]);
  assertEquals(times[0], 0);
  assertEquals(times[1], 1);
  const timer = "__sysvec_apic_timer_interrupt sysvec_apic_timer_interrupt asm_sysvec_apic_timer_interrupt";
  assertEquals(
    stacks[4]?.split(" do_idle")[0],
    // wake_up_process is left by a jump.
    `try_to_wake_up hrtimer_wakeup __hrtimer_run_queues hrtimer_interrupt ${timer}`,
  );
  assert(
    times.every((time, i) =>
      i === 0 || time >= (times[i - 1] ?? 0) || log[i]?.slice(0, 4) !== log[i - 1]?.slice(0, 4)
    ),
  );
});
