/**
 * Watching changes nothing: virtual time and the tree's size are the same whatever is armed, in real replays.
 */
import { assert, assertEquals } from "@std/assert";
import type { Arch } from "../image/model.ts";
import { mixKey } from "../kernel/calls/choice.ts";
import { bootKernel } from "../session/boot.ts";
import { replay } from "../workloads/mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

/** Replays `cat`, with hooks on the recorded functions that `armed` picks; gives what can be compared. */
async function run(arch: Arch, armed: (index: number) => boolean) {
  const kernel = await bootKernel({ arch });
  const file = new URL("../examples/recordings/cat.strace.gz", import.meta.url);
  const workload = await replay(await Deno.readFile(file), { name: "cat" });
  let hits = 0;
  let last = 0;
  kernel.calls.shapes.functionNames().forEach((name, i) => {
    const fn = armed(i) ? kernel.calls.functionByName(name) : undefined;
    if (fn === undefined) return;
    fn.hooks = {
      offsets: [],
      entry: () => {
        hits++;
        assert(Number.isInteger(kernel.clock.now));
        last = kernel.clock.now;
        return false;
      },
      at: () => {},
    };
  });
  workload.start(kernel);
  kernel.scheduler.run();
  const { walked, accounted } = kernel.calls.stats;
  assert(last <= kernel.clock.now);
  return {
    hits,
    walked,
    end: kernel.clock.now,
    calls: walked + accounted,
    systemCalls: workload.report().calls,
  };
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: the same end and the same calls with nothing, something and everything armed`, async () => {
    const nothing = await run(arch, () => false);
    assertEquals(nothing.hits, 0);
    for (const seed of [1, 2]) {
      const some = await run(arch, (i) => (mixKey(seed, i) & 31) === 0);
      assert(some.hits > 0 && some.walked > nothing.walked);
      assertEquals({ ...some, hits: 0, walked: 0 }, { ...nothing, hits: 0, walked: 0 });
    }
    const everything = await run(arch, () => true);
    assertEquals({ ...everything, hits: 0, walked: 0 }, { ...nothing, hits: 0, walked: 0 });
    assert(everything.hits > everything.calls * 0.9);
  });
}
