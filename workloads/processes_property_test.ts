import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { coreImage, coreShapes } from "../image/mod.ts";
import type { Arch } from "../image/model.ts";
import { Kernel } from "../kernel/kernel.ts";
import { ECHILD, EINTR } from "../kernel/syscalls/errno.ts";
import { ShapeLibrary } from "../kernel/shapes/library.ts";
import { programWorkload, type Steps } from "./program.ts";
import { name, NULL } from "./replay/build_value.ts";
import type { Sys } from "./sys.ts";

/** Something that a worker does. */
type Act =
  | { readonly kind: "sleep"; readonly us: number }
  | { readonly kind: "compute"; readonly us: number }
  | { readonly kind: "fork"; readonly us: number; readonly status: number }
  | { readonly kind: "orphan"; readonly us: number }
  | { readonly kind: "threads"; readonly count: number; readonly rounds: number }
  | { readonly kind: "pipe"; readonly bytes: number }
  | { readonly kind: "alarm"; readonly us: number }
  | { readonly kind: "raise" };

/** A signal for a worker, after a while. */
interface Shot {
  readonly us: number;
  readonly at: number;
  readonly signal: "SIGUSR1" | "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCHLD";
}

const us = fc.integer({ min: 1, max: 900 });
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constant("sleep" as const), us }),
  fc.record({ kind: fc.constant("compute" as const), us }),
  fc.record({ kind: fc.constant("fork" as const), us, status: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant("orphan" as const), us }),
  fc.record({
    kind: fc.constant("threads" as const),
    count: fc.integer({ min: 1, max: 4 }),
    rounds: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ kind: fc.constant("pipe" as const), bytes: fc.integer({ min: 1, max: 200_000 }) }),
  fc.record({ kind: fc.constant("alarm" as const), us }),
  fc.record({ kind: fc.constant("raise" as const) }),
);
const shot: fc.Arbitrary<Shot> = fc.record({
  us,
  at: fc.nat({ max: 3 }),
  signal: fc.constantFrom("SIGUSR1", "SIGTERM", "SIGKILL", "SIGSTOP", "SIGCHLD"),
});

/** What happened, in order. */
type Log = string[];

function* sleep(sys: Sys, time: number): Steps<void> {
  yield* sys.nanosleep(time * 1000);
}

/** Waits for children until there are none: how many ended. */
function* reap(sys: Sys): Steps<number> {
  let reaped = 0;
  for (;;) {
    const pid = yield* sys.wait();
    if (pid === -ECHILD) return reaped;
    if (pid > 0) reaped++;
    else if (pid !== -EINTR) throw new Error(`wait4 returned ${pid}`);
  }
}

/** Threads that pass a token around on a futex, `rounds` times each. */
function* threads(sys: Sys, count: number, rounds: number): Steps<void> {
  const at = yield* sys.mmap(4096, "PROT_READ|PROT_WRITE", "MAP_PRIVATE|MAP_ANONYMOUS");
  const started: number[] = [];
  for (let own = 0; own < count; own++) {
    started.push(
      yield* sys.thread(function* (thread) {
        for (let round = 0; round < rounds; round++) {
          const turn = round * count + own;
          for (let now = thread.load(at); now !== turn; now = thread.load(at)) {
            yield* thread.call("futex", at, name("FUTEX_WAIT_PRIVATE"), now, NULL);
          }
          thread.store(at, turn + 1);
          yield* thread.call("futex", at, name("FUTEX_WAKE_PRIVATE"), 0x7fffffff);
        }
      }),
    );
  }
  for (const thread of started) yield* sys.join(thread);
  assertEquals(sys.load(at), count * rounds);
}

/** A child writes, the parent reads to the end. */
function* pipe(sys: Sys, bytes: number): Steps<void> {
  const ends = yield* sys.pipe();
  if (typeof ends === "number") return;
  const [input, output] = ends;
  yield* sys.fork(function* (child) {
    yield* child.close(input);
    for (let left = bytes; left > 0;) {
      const written = yield* child.write(output, "x".repeat(Math.min(left, 4000)));
      if (written < 0) return 1;
      left -= written;
    }
  });
  yield* sys.close(output);
  let got = 0;
  for (let count = yield* sys.read(input, 4096); count !== 0; count = yield* sys.read(input, 4096)) {
    if (count > 0) got += count;
    else if (count !== -EINTR) throw new Error(`read returned ${count}`);
  }
  assertEquals(got, bytes);
  yield* sys.close(input);
  yield* reap(sys);
}

function* does(sys: Sys, what: Act, handled: { count: number }): Steps<void> {
  switch (what.kind) {
    case "sleep":
      return yield* sleep(sys, what.us);
    case "compute":
      return yield* sys.compute(what.us * 1000);
    case "fork":
      yield* sys.fork(function* (child) {
        yield* sleep(child, what.us);
        return what.status;
      });
      yield* reap(sys);
      return;
    case "orphan":
      // Its child's child is left to init.
      yield* sys.fork(function* (child) {
        yield* child.fork((grandchild) => sleep(grandchild, what.us));
      });
      yield* reap(sys);
      return;
    case "threads":
      return yield* threads(sys, what.count, what.rounds);
    case "pipe":
      return yield* pipe(sys, what.bytes);
    case "alarm": {
      // One expiry is waited for: a wake-up that was lost would leave it in `pause` for ever.
      const before = handled.count;
      yield* sys.call("setitimer", 0, timer(what.us), NULL);
      while (handled.count === before) yield* sleep(sys, 50);
      return;
    }
    case "raise": {
      const before = handled.count;
      yield* sys.kill(sys.task.tgid, "SIGALRM");
      assertEquals(handled.count, before + 1);
      return;
    }
  }
}

function timer(time: number) {
  const value = (n: number) => ({ kind: "number" as const, text: String(n), value: n });
  const part = (n: number) => ({
    kind: "struct" as const,
    omitted: false,
    fields: [{ name: "tv_sec", value: value(0) }, { name: "tv_usec", value: value(n) }],
  });
  return {
    kind: "struct" as const,
    omitted: false,
    fields: [{ name: "it_interval", value: part(0) }, { name: "it_value", value: part(time) }],
  };
}

async function runOnce(
  arch: Arch,
  workers: readonly (readonly Act[])[],
  shots: readonly Shot[],
): Promise<Log> {
  const k = new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
  const log: Log = [];
  const workload = programWorkload({
    name: "mix",
    description: "random processes",
    programs: [{
      comm: "root",
      *program(sys) {
        const pids: number[] = [];
        for (const acts of workers) {
          pids.push(
            yield* sys.fork(function* (worker) {
              const handled = { count: 0 };
              yield* worker.onSignal("SIGUSR1", function* (self, signal) {
                handled.count++;
                log.push(`${self.pid} ${signal}`);
                yield* self.getpid();
              });
              yield* worker.onSignal("SIGALRM", function* () {
                handled.count++;
              });
              for (const what of acts) yield* does(worker, what, handled);
            }),
          );
        }
        for (const { us: wait, at, signal } of shots) {
          yield* sleep(sys, wait);
          const pid = pids[at % pids.length];
          if (pid === undefined) continue;
          yield* sys.kill(pid, signal);
          if (signal !== "SIGSTOP") continue;
          yield* sleep(sys, 30);
          yield* sys.kill(pid, "SIGCONT");
        }
        log.push(`reaped ${yield* reap(sys)}`);
      },
    }],
  });
  workload.start(k);
  const outcome = k.scheduler.run();
  assertEquals(outcome.reason, "done", JSON.stringify(outcome));
  assertEquals(log.at(-1), `reaped ${workers.length}`);
  // Nobody is left: no zombie, no sleeper, no thread.
  const left = [...k.tasks.each()].filter((task) => task.userSpace !== null && task !== k.tasks.init);
  assertEquals(left.map((task) => `${task.comm} ${task.pid} ${task.exitCode}`), []);
  log.push(`${outcome.time}`);
  return log;
}

for (const arch of ["x86_64", "arm64", "i386"] as const) {
  Deno.test(`${arch}: whatever processes, threads and signals do, nobody waits for ever and nobody is left`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(act, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        fc.array(shot, { maxLength: 5 }),
        async (workers, shots) => {
          const log = await runOnce(arch, workers, shots);
          assertEquals(await runOnce(arch, workers, shots), log);
        },
      ),
      { numRuns: 8, seed: 7 },
    );
  });
}
