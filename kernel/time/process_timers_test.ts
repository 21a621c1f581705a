import { assertEquals } from "@std/assert";
import { ARCHES, bootTest, run, type TestProgram } from "../syscalls/test_program.ts";
import type { Blocking } from "../calls/function.ts";
import { EINVAL } from "../syscalls/errno.ts";

const SIGUSR1 = 10;
const SIGALRM = 14;

/** Installs a handler for a signal. */
function* handle(p: TestProgram, signal: number): Blocking<void> {
  const w = p.k.image.pointerSize;
  const at = p.room(4 * w + 8);
  p.k.memory.fill(at, 4 * w + 8, 0);
  p.k.memory.writeWord(at, 0x401000);
  assertEquals(yield* p.call("rt_sigaction", signal, at, 0, 8), 0);
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: an interval timer fires again each time its signal is taken`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      const times: number[] = [];
      // deno-lint-ignore require-yield -- a handler that only takes note
      p.task.runHandler = function* () {
        times.push(k.clock.now);
      };
      yield* handle(p, SIGALRM);
      const w = k.image.pointerSize;
      const value = p.room(4 * w);
      [0, 2000, 0, 1000].forEach((word, i) => k.memory.store(value + i * w, w, word));
      const begin = k.clock.now;
      assertEquals(yield* p.call("setitimer", 0, value, 0), 0);
      for (let i = 0; i < 3; i++) yield* p.call("ppoll", 0, 0, 0, 0, 8);
      assertEquals(times.map((time) => Math.floor((time - begin) / 1e6)), [1, 3, 5]);
      assertEquals(yield* p.call("getitimer", 0, value), 0);
      assertEquals(k.memory.load(value + w, w, true), 2000);
      [0, 0, 0, 0].forEach((word, i) => k.memory.store(value + i * w, w, word));
      assertEquals(yield* p.call("setitimer", 0, value, 0), 0);
      assertEquals(yield* p.call("getitimer", 0, value), 0);
      assertEquals(k.memory.load(value + 3 * w, w, true), 0);
    });
  });

  Deno.test(`${arch}: a timer's signal carries its value; expiries meanwhile are counted`, async () => {
    const k = await bootTest(arch);
    const settime = arch === "i386" ? "timer_settime64" : "timer_settime";
    run(k, function* (p) {
      const signals: number[] = [];
      // deno-lint-ignore require-yield -- a handler that only takes note
      p.task.runHandler = function* (frame) {
        signals.push(frame.signal);
      };
      yield* handle(p, SIGUSR1);
      const w = k.image.pointerSize;
      const event = p.room(64);
      k.memory.fill(event, 64, 0);
      k.memory.store(event + w, 4, SIGUSR1);
      const id = p.room(8);
      assertEquals(yield* p.call("timer_create", 99, event, id), -EINVAL);
      k.memory.store(event + w, 4, 65);
      assertEquals(yield* p.call("timer_create", 1, event, id), -EINVAL);
      k.memory.store(event + w, 4, SIGUSR1);
      assertEquals(yield* p.call("timer_create", 1, event, id), 0);
      const timer = k.memory.readS32(id);
      const value = p.room(32);
      [0, 1_000_000, 0, 1_000_000].forEach((word, i) => k.memory.store(value + i * 8, 8, word));
      // While it is blocked one signal waits, and the others are counted.
      const set = p.room(8);
      k.memory.writeBig(set, 8, 1n << 9n);
      yield* p.call("rt_sigprocmask", 0, set, 0, 8);
      assertEquals(yield* p.call(settime, timer, 0, value, 0), 0);
      yield { until: k.clock.now + 3_500_000 };
      assertEquals(signals, []);
      yield* p.call("rt_sigprocmask", 1, set, 0, 8);
      assertEquals(signals, [SIGUSR1]);
      assertEquals(yield* p.call("timer_getoverrun", timer), 2);
      assertEquals(yield* p.call("timer_delete", timer), 0);
      assertEquals(yield* p.call("timer_delete", timer), -EINVAL);
    });
  });

  Deno.test(`${arch}: a timerfd counts expiries, is waited for, and can be disarmed`, async () => {
    const k = await bootTest(arch);
    const fd = k.image.syscallNumber("timerfd_settime64") === undefined
      ? "timerfd_settime"
      : "timerfd_settime64";
    run(k, function* (p) {
      const timer = yield* p.call("timerfd_create", 1, 0o4000);
      assertEquals(timer >= 0, true);
      const value = p.room(32);
      [0, 1_000_000, 0, 500_000].forEach((word, i) => k.memory.store(value + i * 8, 8, word));
      assertEquals(yield* p.call(fd, timer, 0, value, 0), 0);
      const count = p.room(8);
      assertEquals(yield* p.call("read", timer, count, 8), -11);
      yield { until: k.clock.now + 3_700_000 };
      assertEquals(yield* p.call("read", timer, count, 8), 8);
      assertEquals(k.memory.readBig(count, 8, false), 4n);
      k.memory.fill(value, 32, 0);
      assertEquals(yield* p.call(fd, timer, 0, value, 0), 0);
      yield { until: k.clock.now + 3_000_000 };
      assertEquals(yield* p.call("read", timer, count, 8), -11);
    });
  });
}
