import { assertEquals } from "@std/assert";
import { ARCHES, bootTest, start } from "../syscalls/test_program.ts";
import type { Kernel } from "../kernel.ts";
import { kzalloc } from "../process/alloc.ts";
import { TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE } from "../process/task.ts";
import { ERESTARTSYS, ETIME } from "../syscalls/errno.ts";
import { SEND_SIG } from "../signal/send.ts";
import type { Task } from "../process/task.ts";
import { flushSignals } from "../signal/action.ts";
import { recalc } from "../signal/pending.ts";
import { COMPLETE, COMPLETE_ALL, initCompletion, waitForCompletion } from "./completion.ts";
import { initWaitQueueHead, waitQueueActive, waitQueueEntries, WAKE_UP } from "./wait.ts";
import { waitEvent } from "./wait_event.ts";
import { TASK_NORMAL } from "./wake_up.ts";

function forget(k: Kernel, task: Task): void {
  flushSignals(k, task, true);
  recalc(k, task);
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: a wake-up wakes all that share a queue and one that is exclusive`, async () => {
    const k = await bootTest(arch);
    const head = kzalloc(k, 64);
    initWaitQueueHead(k, head);
    const log: string[] = [];
    let open = false;
    for (const [name, exclusive] of [["a", true], ["b", false], ["c", true], ["d", false]] as const) {
      start(k, name, function* () {
        const result = yield* waitEvent(k, head, () => open, { exclusive });
        log.push(`${name} ${result}`);
      });
    }
    start(k, "waker", function* () {
      yield { until: k.clock.now + 1_000_000 };
      assertEquals(waitQueueEntries(k, head).length, 4);
      open = true;
      k.call(WAKE_UP, head, TASK_NORMAL, 1, 0);
      yield { until: k.clock.now + 1_000_000 };
      // In the order of the queue they were woken, and ran on two CPUs.
      assertEquals(log.toSorted(), ["a 0", "b 0", "d 0"]);
      assertEquals(waitQueueEntries(k, head).length, 1);
      k.call(WAKE_UP, head, TASK_NORMAL, 1, 0);
    });
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals(log[3], "c 0");
    assertEquals(waitQueueActive(k, head), false);
  });

  Deno.test(`${arch}: a wait ends by time or by a signal, and its entry leaves the queue`, async () => {
    const k = await bootTest(arch);
    const head = kzalloc(k, 64);
    initWaitQueueHead(k, head);
    const log: number[] = [];
    start(k, "timed", function* () {
      const begin = k.clock.now;
      log.push(yield* waitEvent(k, head, () => false, { until: begin + 5_000_000 }));
      assertEquals(k.clock.now >= begin + 5_000_000, true);
    });
    const sleeper = start(k, "sleeper", function* () {
      log.push(yield* waitEvent(k, head, () => false));
      forget(k, sleeper.task);
    });
    const deaf = start(k, "deaf", function* () {
      log.push(yield* waitEvent(k, head, () => false, { state: TASK_UNINTERRUPTIBLE, until: 20_000_000 }));
      forget(k, deaf.task);
    });
    start(k, "sender", function* () {
      yield { until: k.clock.now + 1_000_000 };
      k.call(SEND_SIG, 15, sleeper.task.address, 0);
      k.call(SEND_SIG, 15, deaf.task.address, 0);
    });
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals(log, [-ERESTARTSYS, -ETIME, -ETIME]);
    assertEquals(waitQueueActive(k, head), false);
  });

  Deno.test(`${arch}: a completion lets as many go on as it was completed, or all`, async () => {
    const k = await bootTest(arch);
    const done = kzalloc(k, 64);
    initCompletion(k, done);
    const log: string[] = [];
    for (const name of ["a", "b", "c"]) {
      start(k, name, function* () {
        yield* waitForCompletion(k, done, TASK_INTERRUPTIBLE);
        log.push(name);
      });
    }
    start(k, "completes", function* () {
      yield { until: k.clock.now + 1_000_000 };
      k.call(COMPLETE, done);
      yield { until: k.clock.now + 1_000_000 };
      assertEquals(log, ["a"]);
      k.call(COMPLETE_ALL, done);
    });
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals(log, ["a", "b", "c"]);
  });
}
