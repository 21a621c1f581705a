/** Return probes on every function at once: jumps between hooked functions included, no return goes astray. */

import { assert, assertEquals } from "@std/assert";
import { type Arch, kprobe, kretprobe, program, run } from "../mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

for (const arch of ARCHES) {
  Deno.test(`a return probe on every function sees every call come back on ${arch}`, async () => {
    const calls = await run(program({ calls: kprobe.any("*").by((c) => c.func).count() }), { arch });
    const returns = await run(
      program({ returns: kretprobe.any("*", { maxactive: 64 }).by((c) => c.func).count() }),
      { arch },
    );
    assertEquals(returns.outcome, calls.outcome);
    for (const [name, count] of returns.maps.returns) {
      const entered = calls.maps.calls.get(name) ?? 0;
      assert(count <= entered, `${name} returned ${count} times of ${entered}`);
    }
    // What exits or never comes back, and nothing else.
    const lost = [...calls.maps.calls].filter(([name, count]) =>
      (returns.maps.returns.get(name) ?? 0) < count
    );
    assert(
      lost.length < calls.maps.calls.size / 20,
      `${lost.length} of ${calls.maps.calls.size} functions lost returns`,
    );
  });
}
