import { assert, assertEquals, assertMatch } from "@std/assert";
import { Kprobe } from "../kernel/kprobes/mod.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { kprobe } from "../probes/kprobe.ts";
import { program } from "../probes/program.ts";
import { replay } from "../workloads/replay/replay.ts";
import type { Workload } from "../workloads/workload.ts";
import { ARCHES } from "../session/boot.ts";
import { run } from "../session/run.ts";

/** The recording, on a kernel with a probe whose handler sends every fourth read nowhere. */
function astray(inner: Workload): Workload {
  let reads = 0;
  const probe = new Kprobe({
    symbolName: "vfs_read",
    preHandler(_, regs) {
      if (++reads % 4 !== 0) return 0;
      regs.ip = 0;
      return 1;
    },
  });
  return {
    name: inner.name,
    description: inner.description,
    start(k: Kernel) {
      assertEquals(k.kprobes.register(probe), null);
      inner.start(k);
    },
    report: () => inner.report(),
  };
}

Deno.test("a replay goes on without the tasks that the kernel ended, and the notes tell of them", async () => {
  const recording = new URL("../examples/recordings/shell-loop.strace.gz", import.meta.url);
  for (const arch of ARCHES) {
    const workload = astray(await replay(await Deno.readFile(recording)));
    const writes = program({ writes: kprobe("vfs_write").by((c) => c.comm).count() });
    const { outcome, notes, maps } = await run(writes, { arch, workload });
    assertEquals(outcome.reason, "done");
    assertMatch(
      notes[0] ?? "",
      /^The kernel could not go on in cat \(\d+\): A handler of kprobe "vfs_read" made vfs_read go on at 0x0: nothing is mapped there$/,
    );
    assert([...maps.writes.entries()].length > 0);
  }
});
