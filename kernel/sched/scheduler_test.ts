import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { Clock } from "../time/clock.ts";
import { EventQueue } from "../time/events.ts";
import { type Coroutine, userTime } from "./coroutine.ts";
import { describeOutcome } from "./outcome.ts";
import { Scheduler } from "./scheduler.ts";

/** What the scheduler needs of a kernel, and tasks that are names only. */
class Machine {
  readonly clock = new Clock();
  readonly events = new EventQueue();
  readonly memory: { user: unknown } = { user: null };
  readonly tracepoints = { enabled: (): boolean => false };
  readonly tasks: { idle: Task };
  readonly cpus: number;
  current: Task;
  readonly log: string[] = [];
  readonly scheduler: Scheduler;

  constructor(cpus = 2) {
    this.cpus = cpus;
    this.current = this.task(0, "swapper/0");
    this.tasks = { idle: this.current };
    this.scheduler = new Scheduler(this as unknown as Kernel);
  }

  task(pid: number, comm = `t${pid}`): Task {
    return {
      pid,
      comm,
      cpu: 0,
      depth: 0,
      frames: [],
      userSpace: `memory of ${pid}`,
      request: null,
    } as unknown as Task;
  }

  note(what: string): void {
    this.log.push(`${this.clock.now} ${this.current.comm}@${this.current.cpu} ${what}`);
  }
}

/** A program that never waits. */
// deno-lint-ignore require-yield -- that is the point
function* once(body: () => void): Coroutine {
  body();
}

Deno.test("tasks take turns by time, each with its own context", () => {
  const m = new Machine();
  function* worker(step: number): Coroutine {
    for (let round = 0; round < 2; round++) {
      m.note(`round ${round}, ${m.memory.user}`);
      m.clock.advance(3);
      yield { until: m.clock.now + step };
    }
    m.note("ends");
  }
  m.scheduler.spawn(m.task(1), worker(10), 0);
  m.scheduler.spawn(m.task(2), worker(4), 5);
  assertEquals(m.scheduler.run(), { reason: "done", time: 26 });
  assertEquals(m.log, [
    "0 t1@0 round 0, memory of 1",
    "5 t2@0 round 0, memory of 2",
    "12 t2@0 round 1, memory of 2",
    "13 t1@1 round 1, memory of 1",
    "19 t2@0 ends",
    "26 t1@1 ends",
  ]);
  assertEquals([m.current.pid, m.memory.user, m.scheduler.idle], [0, "memory of 0", true]);
});

Deno.test("a wake-up resumes a sleeper, never before it slept", () => {
  const m = new Machine();
  const sleeper = m.task(1);
  m.scheduler.spawn(
    sleeper,
    (function* (): Coroutine {
      m.clock.advance(100);
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
    50,
  );
  m.scheduler.run();
  assertEquals(m.log, ["50 t2@1 wakes", "100 t1@0 woken"]);
});

Deno.test("a wake-up cuts a timed sleep short, and does not touch a task in user space", () => {
  const m = new Machine();
  const timed = m.task(1);
  const computing = m.task(2);
  m.scheduler.spawn(
    timed,
    (function* (): Coroutine {
      yield { until: 1000 };
      m.note("awake");
    })(),
    0,
  );
  m.scheduler.spawn(
    computing,
    (function* (): Coroutine {
      yield userTime(500);
      m.note("computed");
    })(),
    0,
  );
  m.scheduler.spawn(
    m.task(3),
    once(() => {
      m.scheduler.wake(timed);
      m.scheduler.wake(computing);
      m.scheduler.wake(timed, 300);
    }),
    20,
  );
  assertEquals(m.scheduler.run(), { reason: "done", time: 500 });
  assertEquals(m.log, ["20 t1@1 awake", "500 t2@0 computed"]);
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
  Object.assign(task, {
    request: { name: "read", args: [] },
    depth: 1,
    frames: [{ fn: { name: "pipe_read" } }],
  });
  m.scheduler.spawn(
    task,
    (function* (): Coroutine {
      m.clock.advance(5);
      yield {};
    })(),
    0,
  );
  const outcome = m.scheduler.run();
  assertEquals(outcome, {
    reason: "deadlock",
    time: 5,
    blocked: [{ pid: 7, comm: "cat", syscall: "read", functions: ["pipe_read"], since: 5 }],
  });
  assertEquals(
    describeOutcome(outcome),
    "Stopped at 5 ns: nothing will wake the task that is left: " +
      "cat (7) waits in pipe_read, system call read, since 5 ns",
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
    m.events.at(m.clock.now + 1000, tick);
  }
  m.events.at(0, tick);
  assertEquals(m.scheduler.run(Infinity, { idleLimit: 50_000 }).reason, "deadlock");
});

Deno.test("timers up to the end of the last task fire, later ones don't", () => {
  const m = new Machine();
  const fired: number[] = [];
  for (const time of [1, 9, 10, 11]) m.events.at(time, () => fired.push(time));
  m.scheduler.spawn(
    m.task(1),
    once(() => {
      m.clock.advance(10);
    }),
    0,
  );
  assertEquals(m.scheduler.run(), { reason: "done", time: 10 });
  assertEquals(fired, [1, 9, 10]);
});

Deno.test("a run stops at a time and goes on from there", () => {
  const m = new Machine();
  m.scheduler.spawn(
    m.task(1),
    (function* (): Coroutine {
      for (;;) {
        m.note("tick");
        if (m.clock.now >= 30) return;
        yield { until: m.clock.now + 10 };
      }
    })(),
    0,
  );
  assertEquals(m.scheduler.run(15), { reason: "until", time: 15 });
  assertEquals(m.clock.now, 15);
  assertEquals(m.log.length, 2);
  assertEquals(m.scheduler.run(), { reason: "done", time: 30 });
  assertEquals(m.log.length, 4);
});

Deno.test("steps resume one task each, with a look before", () => {
  const m = new Machine();
  const seen: string[] = [];
  function* two(): Coroutine {
    yield { until: m.clock.now + 10 };
  }
  m.scheduler.spawn(m.task(1), two(), 0);
  m.scheduler.spawn(m.task(2), two(), 5);
  const options = {
    beforeResume: (task: Task): number => seen.push(`${m.clock.now} ${task.comm} ${m.current.comm}`),
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
      m.clock.advance(7);
      m.scheduler.requestExit(2);
      yield { until: 100 };
      m.note("too late");
    })(),
    0,
  );
  assertEquals(m.scheduler.run(), { reason: "exit", time: 7, code: 2 });
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
  assertEquals([m.current.pid, m.scheduler.alive], [0, 1]);
  assertEquals(m.scheduler.run().reason, "done");
  assertEquals(m.log, ["0 t2@1 runs"].map((line) => line.replace("@1", "@0")));
});

Deno.test("a task runs one program at a time; a killed one runs no more", () => {
  const m = new Machine();
  const task = m.task(1);
  function* forever(): Coroutine {
    for (;;) yield { until: m.clock.now + 1 };
  }
  m.scheduler.spawn(task, forever(), 0);
  assertThrows(
    () => m.scheduler.spawn(task, forever(), 0),
    Error,
    "Cannot start a program in t1 (1): it runs one already",
  );
  m.scheduler.step();
  m.scheduler.kill(task);
  assertEquals([m.scheduler.has(task), m.scheduler.run().reason], [false, "done"]);
});

Deno.test("tasks spread over CPUs and keep theirs", () => {
  const m = new Machine(2);
  function* busy(): Coroutine {
    for (let round = 0; round < 2; round++) {
      m.note("");
      m.clock.advance(10);
      yield { until: m.clock.now + 10 };
    }
  }
  for (let pid = 1; pid <= 3; pid++) m.scheduler.spawn(m.task(pid), busy(), pid);
  m.scheduler.run();
  assertEquals(m.log, ["1 t1@0 ", "2 t2@1 ", "11 t3@0 ", "21 t1@0 ", "22 t2@1 ", "31 t3@0 "]);
});

Deno.test("a wait that only time ends is not woken, and the time of a CPU never goes back", () => {
  const m = new Machine(1);
  const first = m.task(1);
  m.scheduler.spawn(
    first,
    (function* (): Coroutine {
      yield { until: 50, firm: true };
      m.note("goes on");
    })(),
    0,
  );
  m.scheduler.spawn(
    m.task(2),
    (function* (): Coroutine {
      yield { until: 40 };
      m.scheduler.wake(first);
      m.clock.advance(20);
      m.note("ends");
    })(),
    1,
  );
  m.scheduler.run();
  assertEquals(m.log, ["60 t2@0 ends", "60 t1@0 goes on"]);
});

Deno.test("whatever the sleeps, tasks resume in order of time, and again the same", () => {
  const plan = fc.array(fc.array(fc.nat(50), { maxLength: 6 }), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(plan, fc.integer({ min: 1, max: 4 }), (sleeps, cpus) => {
    function play(): readonly string[] {
      const m = new Machine(cpus);
      const times: number[] = [];
      sleeps.forEach((list, at) => {
        m.scheduler.spawn(
          m.task(at + 1),
          (function* (): Coroutine {
            for (const ns of list) {
              times.push(m.clock.now);
              m.note("");
              yield { until: m.clock.now + ns };
            }
          })(),
          0,
        );
      });
      assertEquals(m.scheduler.run(), {
        reason: "done",
        time: Math.max(...sleeps.map((list) => list.reduce((sum, ns) => sum + ns, 0))),
      });
      assertEquals(times, times.toSorted((a, b) => a - b));
      return m.log;
    }
    assertEquals(play(), play());
  }));
});
