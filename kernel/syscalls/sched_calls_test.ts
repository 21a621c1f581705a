import { assert, assertEquals } from "@std/assert";
import { EACCES, ECHILD, EFAULT, EINVAL, EPERM, ESRCH } from "./errno.ts";
import { userTime } from "../sched/coroutine.ts";
import { ARCHES, bootTest, pick, run, start } from "./test_program.ts";

const SIGCHLD = 17;

for (const arch of ARCHES) {
  Deno.test(`${arch}: policies and priorities are what was set, and are inherited`, async () => {
    const k = await bootTest(arch);
    run(k, function* (program) {
      const param = program.text("........");
      const set = (value: number): void => k.memory.store(param, 4, value);
      assertEquals(yield* program.call("sched_getscheduler", 0), 0);
      assertEquals(yield* program.call("sched_getscheduler", -1), -EINVAL);
      assertEquals(yield* program.call("sched_getscheduler", 99999), -ESRCH);
      assertEquals(yield* program.call("sched_get_priority_max", 1), 99);
      assertEquals(yield* program.call("sched_get_priority_min", 2), 1);
      assertEquals(yield* program.call("sched_get_priority_max", 0), 0);
      assertEquals(yield* program.call("sched_get_priority_max", 77), -EINVAL);
      set(0);
      assertEquals(yield* program.call("sched_setscheduler", 0, 1, param), -EINVAL);
      set(7);
      assertEquals(yield* program.call("sched_setscheduler", 0, 0, param), -EINVAL);
      assertEquals(yield* program.call("sched_setscheduler", 0, 2, param), 0);
      assertEquals(yield* program.call("sched_getscheduler", 0), 2);
      set(0);
      assertEquals(yield* program.call("sched_getparam", 0, param), 0);
      assertEquals(k.memory.load(param, 4, true), 7);
      assertEquals(k.scheduler.prioOf(program.task), 99 - 7);
      set(0);
      assertEquals(yield* program.call("sched_setscheduler", 0, 0, param), 0);
      assertEquals(yield* program.call("setpriority", 0, 0, 5), 0);
      assertEquals(yield* program.call("getpriority", 0, 0), 15);
      assertEquals(yield* program.call("getpriority", 9, 0), -EINVAL);
      assertEquals(yield* program.call("setpriority", 0, 99999, 5), -ESRCH);
      assertEquals(k.scheduler.prioOf(program.task), 125);
      const child = yield* program.call("clone", SIGCHLD, 0, 0, 0, 0);
      assertEquals(k.scheduler.prioOf(k.tasks.byPid(child)!), 125);
    });
  });

  Deno.test(`${arch}: who is not root may only become less important`, async () => {
    const k = await bootTest(arch);
    run(k, function* (program) {
      assertEquals(yield* program.call("setpriority", 0, 0, 3), 0);
      assertEquals(yield* program.call("setuid", 1000), 0);
      assertEquals(yield* program.call("setpriority", 0, 0, 10), 0);
      assertEquals(yield* program.call("setpriority", 0, 0, 0), -EACCES);
      assertEquals(yield* program.call("setpriority", 0, 1, 5), -EPERM);
    });
  });

  Deno.test(`${arch}: a mask of CPUs moves the task that sets it`, async () => {
    const k = await bootTest(arch);
    run(k, function* (program) {
      const mask = program.text("................");
      const word = k.arch.wordSize;
      assertEquals(yield* program.call("sched_getaffinity", 0, 16, mask), word);
      assertEquals(k.memory.load(mask, 1, false), (1 << k.cpus) - 1);
      assertEquals(yield* program.call("sched_getaffinity", 0, 3, mask), -EINVAL);
      assertEquals(yield* program.call("sched_getaffinity", 0, 16, 8), -EFAULT);
      for (const cpu of [1, 0]) {
        k.memory.store(mask, 4, 1 << cpu);
        assertEquals(yield* program.call("sched_setaffinity", 0, 4, mask), 0);
        assertEquals(yield* program.call("getcpu", mask, 0, 0), 0);
        assertEquals(k.memory.load(mask, 4, false), cpu);
      }
      k.memory.store(mask, 4, 0);
      assertEquals(yield* program.call("sched_setaffinity", 0, 4, mask), -EINVAL);
    });
  });

  Deno.test(`${arch}: clocks go on, and times are those on the CPU`, async () => {
    const k = await bootTest(arch);
    const narrow = arch === "i386" ? 4 : 8;
    run(k, function* (program) {
      const at = program.text(".".repeat(300));
      const read = (): number =>
        k.memory.load(at, narrow, true) * 1e9 + k.memory.load(at + narrow, narrow, true);
      assertEquals(yield* program.call("clock_gettime", 1, at), 0);
      const begin = read();
      assert(Math.abs(begin - k.clock.now) < 10_000);
      assertEquals(yield* program.call("clock_gettime", 77, at), -EINVAL);
      assertEquals(yield* program.call("clock_gettime", 1, 16), -EFAULT);
      assertEquals(yield* program.call("clock_getres", 1, at), 0);
      assertEquals(read(), 1);
      assertEquals(yield* program.call("clock_getres", 6, at), 0);
      assertEquals(read(), 4_000_000);
      const computed = k.clock.now + 50_000_000;
      while (k.clock.now < computed) yield userTime(computed);
      assertEquals(yield* program.call("clock_gettime", 3, at), 0);
      const used = read();
      assert(used > 50_000_000 && used < 51_000_000, `${used}`);
      assertEquals(yield* program.call("getrusage", 0, at), 0);
      const word = k.arch.wordSize;
      const user = k.memory.load(at, word, true) * 1e6 + k.memory.load(at + word, word, true);
      assert(user >= 49_900 && user <= 50_100, `${user} us`);
      assertEquals(yield* program.call("getrusage", 5, at), -EINVAL);
      assertEquals(yield* program.call("times", at), Math.floor(k.clock.now / 1e7));
      assertEquals(k.memory.load(at, word, true), 5);
      assertEquals(yield* program.call("wait4", -1, 0, 0, 0), -ECHILD);
      const clock = pick(k, "clock_settime");
      assertEquals(yield* program.call(clock, 1, at), -EINVAL);
    });
  });
}

Deno.test("who yields lets the others run", async () => {
  const k = await bootTest("x86_64");
  const order: string[] = [];
  for (const name of ["a", "b", "c"]) {
    start(k, name, function* (program) {
      const mask = program.text("........");
      k.memory.store(mask, 8, 1);
      yield* program.call("sched_setaffinity", 0, 8, mask);
      for (let i = 0; i < 5; i++) {
        order.push(name);
        yield* program.call("sched_yield");
      }
    });
  }
  assertEquals(k.scheduler.run().reason, "done");
  // Once all three are on that CPU.
  const text = order.slice(order.indexOf("c")).join("");
  assert(!/(.)\1\1/.test(text), text);
});
