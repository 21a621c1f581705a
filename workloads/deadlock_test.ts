import { assertEquals, assertMatch } from "@std/assert";
import { coreImage, coreShapes } from "../image/mod.ts";
import { Kernel } from "../kernel/kernel.ts";
import { describeOutcome } from "../kernel/sched/outcome.ts";
import { ShapeLibrary } from "../kernel/shapes/library.ts";
import { programWorkload } from "./program.ts";
import { name, NULL } from "./replay/build_value.ts";

for (const arch of ["x86_64", "arm64", "i386"] as const) {
  Deno.test(`${arch}: whoever waits for ever is named at the end, with the function and the call`, async () => {
    const k = new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
    const workload = programWorkload({
      name: "stuck",
      description: "waits for ever",
      programs: [{
        comm: "locker",
        pid: 700,
        *program(sys) {
          const at = yield* sys.mmap(4096, "PROT_READ|PROT_WRITE", "MAP_PRIVATE|MAP_ANONYMOUS");
          // Each waits for the other.
          const other = yield* sys.thread(function* (thread) {
            yield* thread.call("futex", at + 4, name("FUTEX_WAIT_PRIVATE"), 0, NULL);
          });
          yield* sys.join(other);
        },
      }, {
        comm: "reader",
        pid: 800,
        *program(sys) {
          const ends = yield* sys.pipe();
          if (typeof ends !== "number") yield* sys.read(ends[0], 10);
        },
      }, {
        comm: "parent",
        pid: 900,
        *program(sys) {
          yield* sys.fork(function* (child) {
            yield* child.kill(child.pid, "SIGSTOP");
          });
          yield* sys.wait();
        },
      }],
    });
    workload.start(k);
    const outcome = k.scheduler.run();
    assertEquals(outcome.reason, "deadlock");
    const text = describeOutcome(outcome);
    assertMatch(text, /^Stopped at \d+ ns: nothing will wake the tasks that are left: /);
    const futex = "system call futex(_time32)?";
    assertMatch(text, new RegExp(`locker \\(700\\) waits in \\w+, ${futex}, since`));
    assertMatch(text, /reader \(800\) waits in \w+, system call read, since/);
    assertMatch(text, /parent \(900\) waits in \w+, system call wait4, since/);
    if (outcome.reason !== "deadlock") return;
    const inside = new Map(outcome.blocked.map((task) => [task.pid, task.functions]));
    assertEquals(inside.get(700)?.includes("futex_wait"), true);
    assertEquals(inside.get(800)?.includes("pipe_read"), true);
    assertEquals(inside.get(900)?.includes("do_wait"), true);
    // The thread and the stopped child are told too: nobody is forgotten.
    assertEquals(outcome.blocked.length, 5);
  });
}
