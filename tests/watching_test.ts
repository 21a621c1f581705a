/**
 * Watching changes nothing: what each task calls, when, what it gets and the tree's size are the same whatever is armed,
 * in real replays.
 */
import { assert, assertEquals } from "@std/assert";
import type { Arch } from "../image/model.ts";
import { mixKey } from "../kernel/calls/choice.ts";
import type { RunOptions } from "../kernel/sched/scheduler.ts";
import { bootKernel } from "../session/boot.ts";
import { replay } from "../workloads/mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

/** What a run must be the same in, and what watching is allowed to change. */
interface Observed {
  readonly same: {
    readonly end: number;
    readonly calls: number;
    readonly systemCalls: number;
    /** Time, task, CPU, call and its first argument or result, as every system call comes and goes. */
    readonly log: readonly string[];
  };
  readonly hits: number;
  /** A digest of the hits: when they were, on which functions, from where, with which first argument. */
  readonly seen: number;
  readonly walked: number;
}

/** Replays a recording, with hooks on the recorded functions that `armed` picks. */
async function run(
  name: string,
  arch: Arch,
  armed: (index: number) => boolean,
  logged = true,
  options: RunOptions = {},
  defers = false,
): Promise<Observed> {
  const kernel = await bootKernel({ arch });
  const file = new URL(`../examples/recordings/${name}.strace.gz`, import.meta.url);
  const workload = await replay(await Deno.readFile(file), { name });
  kernel.calls.defers = defers;
  let hits = 0;
  let seen = 0;
  let last = 0;
  kernel.calls.shapes.functionNames().forEach((name, i) => {
    const fn = armed(i) ? kernel.calls.functionByName(name) : undefined;
    if (fn === undefined) return;
    fn.hooks = {
      offsets: [],
      entry: (regs) => {
        hits++;
        for (
          const what of [kernel.clock.now, i, regs.returnAddress, regs.halves[regs.argumentIndex[0] ?? 0]]
        ) {
          seen = mixKey(seen, what ?? 0);
        }
        assert(Number.isInteger(kernel.clock.now));
        last = Math.max(last, kernel.clock.now);
        return false;
      },
      at: () => {},
    };
  });
  const log: string[] = [];
  if (logged) {
    const word = kernel.image.pointerSize;
    // Behind the 8 bytes that all records begin with: the call's number, then its first argument or its result.
    for (const event of ["sys_enter", "sys_exit"]) {
      kernel.tracepoints.register(`raw_syscalls:${event}`, (record) => {
        const [id, value] = [record.load(8, word, true), record.load(8 + word, word, true)];
        log.push(`${kernel.clock.now} ${kernel.current.pid} on ${kernel.cpu} ${event} ${id} ${value}`);
      });
    }
  }
  workload.start(kernel);
  kernel.scheduler.run(Infinity, options);
  const { walked, accounted } = kernel.calls.stats;
  assert(last <= kernel.clock.now);
  const systemCalls = workload.report().calls;
  return { same: { end: kernel.clock.now, calls: walked + accounted, systemCalls, log }, hits, seen, walked };
}

for (const name of ["cat", "shell-loop"]) {
  for (const arch of ARCHES) {
    Deno.test(`${name} on ${arch}: every call at the same time with nothing, something and everything armed`, async () => {
      const nothing = await run(name, arch, () => false);
      assertEquals(nothing.hits, 0);
      assert(nothing.same.log.length > nothing.same.systemCalls, "calls are logged coming and going");
      for (const seed of [1, 2]) {
        const some = await run(name, arch, (i) => (mixKey(seed, i) & 31) === 0);
        assert(some.hits > 0 && some.walked > nothing.walked);
        assertEquals(some.same, nothing.same);
        // Nor does leaving the time open of what nobody looks at: only its calls are not counted.
        const deferred = await run(name, arch, (i) => (mixKey(seed, i) & 31) === 0, true, {}, true);
        assertEquals([deferred.hits, deferred.seen], [some.hits, some.seen]);
        assertEquals(deferred.same, { ...some.same, calls: deferred.same.calls });
      }
      const unwatched = await run(name, arch, () => false, true, {}, true);
      assertEquals(unwatched.same, { ...nothing.same, calls: unwatched.same.calls });
      assert(unwatched.same.calls < nothing.same.calls);
      const everything = await run(name, arch, () => true);
      assertEquals(everything.same, nothing.same);
      assert(everything.hits > everything.same.calls * 0.9);
      // Nor does listening itself.
      const unheard = await run(name, arch, () => false, false);
      assertEquals(unheard.same, { ...nothing.same, log: [] });
    });
  }
}

Deno.test("a run that is looked at whenever a task goes on is the same", async () => {
  for (const name of ["cat", "shell-loop"]) {
    let resumed = 0;
    const looked = await run(name, "x86_64", () => false, true, { beforeResume: () => void resumed++ });
    assertEquals(looked, await run(name, "x86_64", () => false));
    assert(resumed > looked.same.systemCalls / 2, "tasks give way between their calls");
  }
});
