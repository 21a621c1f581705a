import { assertEquals } from "@std/assert";
import { coreShapes, fullImage } from "../../image/mod.ts";
import { behaviour, blocking } from "../calls/function.ts";
import { Kernel } from "../kernel.ts";
import { sleep } from "../process/sleep.ts";
import { type Coroutine, userTime } from "../sched/coroutine.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import { queueWork } from "../workqueue/workqueue.ts";
import { IRQ_HANDLED } from "./irq_desc.ts";
import { RAISE_SOFTIRQ_IRQOFF, SOFTIRQ } from "./softirq.ts";

const log: string[] = [];

function say(k: Kernel, what: string): void {
  log.push(`${k.clock.now >= 1000 ? "later" : k.clock.now} cpu${k.cpu} ${k.current.comm} ${what}`);
}

const DISK_DONE = behaviour("test_disk_done", [], (k) => {
  say(k, "block softirq");
  queueWork(k, k.workqueues.queue("events"), k.workqueues.newWork(WORK));
  return 0;
});
const DISK_IRQ = behaviour("test_disk_irq", [RAISE_SOFTIRQ_IRQOFF], (k, irq, dev) => {
  say(k, `irq ${irq} of ${dev}`);
  k.call(RAISE_SOFTIRQ_IRQOFF, SOFTIRQ.BLOCK);
  return IRQ_HANDLED;
});
const WORK = blocking("test_work", [], function* (k) {
  say(k, "work");
  yield* sleep(k, { until: k.clock.now + 5_000_000 });
  say(k, "work after its sleep");
  return 0;
});

async function boot(arch: "x86_64" | "arm64" | "i386"): Promise<Kernel> {
  return new Kernel(await fullImage(arch), ShapeLibrary.decode(await coreShapes(arch)), { cpus: 2 });
}

Deno.test("an interrupt runs on what its CPU does, then its softirqs, then a worker its work", async () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const k = await boot(arch);
    k.softirqs.open(SOFTIRQ.BLOCK, DISK_DONE);
    const line = k.irqs.request({ name: "disk0", handler: DISK_IRQ, devId: 1234 });
    const stacks: string[] = [];
    k.tracepoints.register("irq:irq_handler_entry", () => {
      stacks.push(k.calls.stack(k.current).map((at) => k.image.symbolAt(at)?.symbol.name ?? "?").join(" "));
    });
    log.length = 0;
    const program = k.tasks.create({ comm: "prog" });
    k.scheduler.spawn(
      program,
      (function* (): Coroutine {
        yield userTime(20_000_000);
      })(),
      0,
    );
    k.interrupts.raise(line, 0, 500);
    k.interrupts.raise(line, 1, 700);
    const taken = k.interrupts.raise(line, 1, 800);
    assertEquals([taken.cancel(), taken.cancel()], [true, false]);
    assertEquals(k.scheduler.run().reason, "done");
    const place = (text: string): string => text.replace(/^\S+ /, "");
    assertEquals([log.length, log[0]], [8, "500 cpu0 prog irq 24 of 1234"]);
    assertEquals(log.filter((text) => text.includes("irq 24")), [
      "500 cpu0 prog irq 24 of 1234",
      "700 cpu1 swapper/1 irq 24 of 1234",
    ]);
    assertEquals(log.filter((text) => text.endsWith("softirq")).map(place), [
      "cpu0 prog block softirq",
      "cpu1 swapper/1 block softirq",
    ]);
    assertEquals(log.filter((text) => text.includes("work")).map(place).sort(), [
      "cpu0 kworker/0:1 work",
      "cpu0 kworker/0:1 work after its sleep",
      "cpu1 kworker/1:0 work",
      "cpu1 kworker/1:0 work after its sleep",
    ]);
    assertEquals(stacks[0], STACKS[arch]);
    assertEquals(k.tasks.byPid(17)?.comm, "kworker/0:1");
  }
});

const STACKS = {
  x86_64: "__handle_irq_event_percpu handle_irq_event handle_edge_irq __common_interrupt common_interrupt " +
    "asm_common_interrupt",
  arm64:
    "__handle_irq_event_percpu handle_irq_event handle_edge_irq handle_irq_desc generic_handle_domain_irq " +
    "gic_handle_irq do_interrupt_handler el0_interrupt __el0_irq_handler_common el0t_64_irq_handler el0t_64_irq",
  i386: "__handle_irq_event_percpu handle_irq_event handle_edge_irq __handle_irq __common_interrupt " +
    "common_interrupt asm_common_interrupt",
};
