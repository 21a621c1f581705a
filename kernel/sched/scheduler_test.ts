import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { coreImage, coreShapes } from "../../image/mod.ts";
import { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import { type Coroutine, userTime } from "./coroutine.ts";
import { describeOutcome } from "./outcome.ts";

const image = await coreImage("x86_64");
const shapes = ShapeLibrary.decode(await coreShapes("x86_64"));
const MS = 1_000_000;

/** A kernel, and a log of who did what on which CPU in which millisecond. */
class Machine {
  readonly k: Kernel;
  readonly log: string[] = [];

  constructor(cpus = 2) {
    this.k = new Kernel(image, shapes, { cpus });
  }

  get scheduler(): Kernel["scheduler"] {
    return this.k.scheduler;
  }

  task(pid: number, comm = `t${pid}`): Task {
    return this.k.tasks.create({ pid: 1000 + pid, comm });
  }

  note(what: string): void {
    const { clock, current } = this.k;
    this.log.push(`${Math.floor(clock.now / MS)} ${current.comm}@${current.cpu} ${what}`);
  }
}

/** A program that never waits. */
// deno-lint-ignore require-yield -- that is the point
function* once(body: () => void): Coroutine {
  body();
}

Deno.test("tasks take turns by time, each with its own context", () => {
  const m = new Machine();
  function* worker(task: Task, step: number): Coroutine {
    for (let round = 0; round < 2; round++) {
      m.note(`round ${round}, ${m.k.memory.user === task.userSpace}`);
      m.k.clock.advance(3 * MS);
      yield { until: m.k.clock.now + step * MS };
    }
    m.note("ends");
  }
  const [one, two] = [m.task(1), m.task(2)];
  m.scheduler.spawn(one, worker(one, 10), 0);
  m.scheduler.spawn(two, worker(two, 4), 5 * MS);
  assertEquals(m.scheduler.run().reason, "done");
  // Where two CPUs are idle, a task keeps its own.
  assertEquals(m.log, [
    "0 t1@0 round 0, true",
    "5 t2@0 round 0, true",
    "12 t2@0 round 1, true",
    "13 t1@1 round 1, true",
    "19 t2@0 ends",
    "26 t1@1 ends",
  ]);
  assertEquals([m.k.current.pid, m.scheduler.idle], [0, true]);
});

Deno.test("a wake-up resumes a sleeper, never before it slept", () => {
  const m = new Machine();
  const sleeper = m.task(1);
  m.scheduler.spawn(
    sleeper,
    (function* (): Coroutine {
      m.k.clock.advance(100 * MS);
      yield {};
      m.note("woken");
    })(),
    0,
  );
  m.scheduler.spawn(
    m.task(2),
    once(() => {
      m.scheduler.wake(sleeper);
      m.note("wakes");
    }),
    150 * MS,
  );
  assertEquals(m.scheduler.run().reason, "done");
  assertEquals(m.log, ["150 t2@0 wakes", "150 t1@1 woken"]);
});

Deno.test("a wake-up cuts a timed sleep short, and does not touch a task in user space", () => {
  const m = new Machine();
  const timed = m.task(1);
  const computing = m.task(2);
  m.scheduler.spawn(
    timed,
    (function* (): Coroutine {
      yield { until: 1000 * MS };
      m.note("awake");
    })(),
    0,
  );
  m.scheduler.spawn(
    computing,
    (function* (): Coroutine {
      yield userTime(500 * MS);
      m.note("computed");
    })(),
    0,
  );
  m.scheduler.spawn(
    m.task(3),
    once(() => {
      m.scheduler.wake(timed);
      m.scheduler.wake(computing);
      m.scheduler.wake(timed, 300 * MS);
    }),
    20 * MS,
  );
  const outcome = m.scheduler.run();
  assertEquals([outcome.reason, Math.floor(outcome.time / MS)], ["done", 500]);
  assertEquals(m.log, ["20 t1@0 awake", "500 t2@1 computed"]);
});

Deno.test("a wake-up that comes while the task runs is not lost", () => {
  const m = new Machine();
  const task = m.task(1);
  m.scheduler.spawn(
    task,
    (function* (): Coroutine {
      m.scheduler.wake(task);
      yield {};
      m.note("went on");
    })(),
    0,
  );
  assertEquals(m.scheduler.run().reason, "done");
  assertEquals(m.log, ["0 t1@0 went on"]);
});

Deno.test("who waits for ever is reported", () => {
  const m = new Machine();
  const task = m.task(7, "cat");
  task.request = { name: "read", args: [] };
  m.scheduler.spawn(
    task,
    (function* (): Coroutine {
      yield {};
    })(),
    5,
  );
  const outcome = m.scheduler.run();
  assert(outcome.reason === "deadlock");
  const functions = ["__schedule", "schedule"];
  const since = outcome.blocked[0]?.since ?? 0;
  assert(since > 5 && since <= outcome.time);
  assertEquals(outcome.blocked, [{ pid: 1007, comm: "cat", syscall: "read", functions, since }]);
  assertEquals(
    describeOutcome(outcome),
    `Stopped at ${outcome.time} ns: nothing will wake the task that is left: ` +
      `cat (1007) waits in __schedule, system call read, since ${since} ns`,
  );
});

Deno.test("a timer that fires for ever does not hide a deadlock", () => {
  const m = new Machine();
  m.scheduler.spawn(
    m.task(1),
    (function* (): Coroutine {
      yield {};
    })(),
    0,
  );
  function tick(): void {
    m.k.events.at(m.k.clock.now + 1000, tick);
  }
  m.k.events.at(0, tick);
  assertEquals(m.scheduler.run(Infinity, { idleLimit: 50_000 }).reason, "deadlock");
});

Deno.test("timers up to the end of the last task fire, later ones don't", () => {
  const m = new Machine();
  const fired: number[] = [];
  for (const time of [1, 9, 10, 11]) m.k.events.at(time * MS, () => fired.push(time));
  m.scheduler.spawn(
    m.task(1),
    once(() => {
      m.k.clock.advance(10 * MS);
    }),
    0,
  );
  assertEquals(m.scheduler.run().reason, "done");
  assertEquals(fired, [1, 9, 10]);
});

Deno.test("a run stops at a time and goes on from there", () => {
  const m = new Machine();
  m.scheduler.spawn(
    m.task(1),
    (function* (): Coroutine {
      for (;;) {
        m.note("tick");
        if (m.k.clock.now >= 30 * MS) return;
        yield { until: m.k.clock.now + 10 * MS };
      }
    })(),
    0,
  );
  assertEquals(m.scheduler.run(15 * MS), { reason: "until", time: 15 * MS });
  assertEquals(m.k.clock.now, 15 * MS);
  assertEquals(m.log.length, 2);
  assertEquals(m.scheduler.run().reason, "done");
  assertEquals(m.log.length, 4);
});

Deno.test("steps resume one task each, with a look before", () => {
  const m = new Machine();
  const seen: string[] = [];
  function* two(): Coroutine {
    yield { until: m.k.clock.now + 10 * MS };
  }
  m.scheduler.spawn(m.task(1), two(), 0);
  m.scheduler.spawn(m.task(2), two(), 5 * MS);
  const options = {
    beforeResume: (task: Task): number =>
      seen.push(`${Math.floor(m.k.clock.now / MS)} ${task.comm} ${m.k.current.comm}`),
  };
  while (m.scheduler.step(options));
  assertEquals(seen, ["0 t1 t1", "5 t2 t2", "10 t1 t1", "15 t2 t2"]);
  assertEquals(m.scheduler.resumptions, 4);
});

Deno.test("exit stops before the next event", () => {
  const m = new Machine();
  m.scheduler.spawn(
    m.task(1),
    (function* (): Coroutine {
      m.k.clock.advance(7 * MS);
      m.scheduler.requestExit(2);
      yield { until: 100 * MS };
      m.note("too late");
    })(),
    0,
  );
  const outcome = m.scheduler.run();
  assert(outcome.reason === "exit" && outcome.code === 2 && Math.floor(outcome.time / MS) === 7);
  assertEquals(m.log, []);
});

Deno.test("what a task throws comes out, and the others can go on", () => {
  const m = new Machine();
  m.scheduler.spawn(
    m.task(1),
    once(() => {
      throw new RangeError("no");
    }),
    0,
  );
  m.scheduler.spawn(
    m.task(2),
    once(() => {
      m.note("runs");
    }),
    0,
  );
  assertThrows(() => m.scheduler.run(), RangeError, "no");
  assertEquals([m.k.current.pid, m.scheduler.alive], [0, 1]);
  assertEquals(m.scheduler.run().reason, "done");
  assertEquals(m.log, ["0 t2@1 runs"]);
});

Deno.test("a task runs one program at a time; a killed one runs no more", () => {
  const m = new Machine();
  const task = m.task(1);
  function* forever(): Coroutine {
    for (;;) yield { until: m.k.clock.now + 1 };
  }
  m.scheduler.spawn(task, forever(), 0);
  assertThrows(
    () => m.scheduler.spawn(task, forever(), 0),
    Error,
    "Cannot start a program in t1 (1001): it runs one already",
  );
  m.scheduler.step();
  m.scheduler.kill(task);
  assertEquals([m.scheduler.has(task), m.scheduler.run().reason], [false, "done"]);
});

Deno.test("a computing task that is killed gives its CPU to the next", () => {
  const m = new Machine(1);
  const first = m.task(1);
  m.scheduler.spawn(
    first,
    (function* (): Coroutine {
      yield userTime(Infinity);
    })(),
    0,
  );
  m.scheduler.spawn(
    m.task(2),
    (function* (): Coroutine {
      yield userTime(2 * MS);
      m.scheduler.kill(first);
      m.note("alone");
    })(),
    1 * MS,
  );
  assertEquals(m.scheduler.run().reason, "done");
  assertEquals(m.log.length, 1);
  assertEquals(m.scheduler.rq(0).nrRunning, 0);
});

Deno.test("a wait that only time ends is not woken long before", () => {
  const m = new Machine(1);
  const first = m.task(1);
  m.scheduler.spawn(
    first,
    (function* (): Coroutine {
      yield { until: 50 * MS, firm: true };
      m.note("goes on");
    })(),
    0,
  );
  m.scheduler.spawn(
    m.task(2),
    (function* (): Coroutine {
      yield { until: 40 * MS };
      m.scheduler.wake(first);
      m.note("wakes");
      yield { until: 70 * MS };
      m.note("ends");
    })(),
    1 * MS,
  );
  m.scheduler.run();
  assertEquals(m.log, ["40 t2@0 wakes", "50 t1@0 goes on", "70 t2@0 ends"]);
});

Deno.test("replayed tasks on one CPU each go on when they were recorded to", () => {
  const m = new Machine(1);
  const late: number[] = [];
  function* recorded(task: Task, times: readonly number[]): Coroutine {
    for (const time of times) {
      yield userTime(time, true);
      late.push(m.k.clock.now - time);
      assertEquals(m.k.current, task);
    }
  }
  const [one, two] = [m.task(1), m.task(2)];
  m.scheduler.spawn(one, recorded(one, [10 * MS, 20 * MS, 30 * MS]), 0);
  m.scheduler.spawn(two, recorded(two, [11 * MS, 15 * MS, 32 * MS]), 0);
  assertEquals(m.scheduler.run().reason, "done");
  assert(late.every((ns) => ns >= 0 && ns < 20_000), `late by ${late.join(", ")} ns`);
});

Deno.test("two that compute on one CPU share it by their weights, and their times add up", () => {
  const m = new Machine(1);
  const ends: number[] = [];
  const tasks = [0, 5].map((nice, at) => {
    const task = m.task(at + 1);
    m.scheduler.setNice(task, nice);
    m.scheduler.spawn(
      task,
      (function* (): Coroutine {
        yield userTime(Infinity);
      })(),
      0,
    );
    return task;
  });
  m.scheduler.spawn(
    m.task(3),
    (function* (): Coroutine {
      yield { until: 2000 * MS };
      for (const task of tasks) ends.push(task.se.sumExec);
      m.scheduler.requestExit();
    })(),
    0,
  );
  assertEquals(m.scheduler.run().reason, "exit");
  const [fast = 0, slow = 0] = ends;
  // 1024 to 335.
  assert(Math.abs(fast / slow - 1024 / 335) < 0.2, `${fast} and ${slow}`);
  assert(Math.abs(fast + slow - 2000 * MS) < 20 * MS, `${fast + slow}`);
});

Deno.test("whatever the sleeps, every CPU's time goes forward, and the run is the same again", () => {
  const plan = fc.array(fc.array(fc.nat(50), { maxLength: 6 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(plan, fc.integer({ min: 1, max: 4 }), (sleeps, cpus) => {
      function play(): readonly string[] {
        const m = new Machine(cpus);
        const reached: number[] = [];
        sleeps.forEach((list, at) => {
          m.scheduler.spawn(
            m.task(at + 1),
            (function* (): Coroutine {
              for (const us of list) {
                const { cpu } = m.k;
                assert(m.k.clock.now >= (reached[cpu] ?? 0), `CPU ${cpu} went back`);
                reached[cpu] = m.k.clock.now;
                m.log.push(`${m.k.clock.now} ${m.k.current.comm}@${cpu}`);
                yield us % 2 === 0
                  ? { until: m.k.clock.now + us * 1000 }
                  : userTime(m.k.clock.now + us * 1000);
              }
            })(),
            0,
          );
        });
        assertEquals(m.scheduler.run().reason, "done");
        return m.log;
      }
      assertEquals(play(), play());
    }),
    { numRuns: 40 },
  );
});
