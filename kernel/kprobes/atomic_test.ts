/** What handlers must not do: Linux says so in the log, the model too. */

import { assertEquals, assertThrows } from "@std/assert";
import { kernelModule } from "../modules/mod.ts";
import { ARCHES, bootTest, run } from "../syscalls/test_program.ts";
import { Kprobe, Kretprobe, ProbeHandlerError } from "./mod.ts";

type Boot = Awaited<ReturnType<typeof bootTest>>;

/** What the log has of scheduling while a program reads once. */
function logged(k: Boot): readonly string[] {
  const from = k.log.next;
  run(k, function* (p) {
    yield* p.call("openat", -100, "/tmp/file", 0o102, 0o644);
    yield* p.call("read", 0, p.room(16), 4);
  });
  return k.log.records(from).map((r) => r.text).filter((text) => text.includes("scheduling"));
}

Deno.test("what waits is told of in a handler, and not outside one", async () => {
  const module = kernelModule({ name: "adder", setup: () => ({ init: () => 0, exit: () => {} }) });
  for (const arch of ARCHES) {
    const other = new Kprobe({ symbolName: "vfs_write" });
    const ways: readonly ((k: Boot) => void)[] = [
      (k) => k.kprobes.unregisterKprobe(other),
      (k) => void k.modules.insmod(module),
      (k) => void k.modules.rmmod("adder"),
      (k) => void k.tracefs.write("/sys/kernel/tracing/kprobe_events", "p:mine vfs_open"),
    ];
    for (const [i, way] of ways.entries()) {
      const k = await bootTest(arch);
      if (i === 2) k.modules.insmod(module);
      other.reset();
      assertEquals(k.kprobes.register(other), null);
      const probe = new Kprobe({ symbolName: "vfs_read", preHandler: () => way(k) });
      assertEquals(k.kprobes.register(probe), null);
      const ended = logged(k)[0]?.replace(/0x\w+$/, "");
      assertEquals([i, ended], [i, "BUG: scheduling while atomic: test/301/"]);
      k.kprobes.unregisterKprobe(probe);
      way(k);
      assertEquals(logged(k), []);
    }
  }
});

Deno.test("the count is that of what the handler runs in", async () => {
  const counts = async (probe: (k: Boot) => Kprobe | Kretprobe) => {
    const k = await bootTest("x86_64");
    const other = new Kprobe({ symbolName: "vfs_write" });
    assertEquals(k.kprobes.register(other, probe(k)), null);
    const warn = logged(k);
    assertEquals(warn.length, 1);
    return warn[0]?.split("/")[2];
  };
  const insmod = (k: Boot) => void k.modules.rmmod("none");
  const all = [
    (k: Boot) => new Kprobe({ symbolName: "vfs_read", preHandler: () => insmod(k) }),
    (k: Boot) =>
      new Kprobe({ symbolName: "vfs_read", offset: 5, preHandler: () => insmod(k), postHandler() {} }),
    (k: Boot) => new Kretprobe({ symbolName: "vfs_read", handler: () => insmod(k) }),
  ];
  assertEquals(await Promise.all(all.map(counts)), ["0x00000001", "0x00110000", "0x00000001"]);
});

Deno.test("a handler can't run the scheduler", async () => {
  const k = await bootTest("x86_64");
  const probe = new Kprobe({ symbolName: "vfs_read", preHandler: () => void k.scheduler.run() });
  assertEquals(k.kprobes.register(probe), null);
  assertThrows(
    () => logged(k),
    ProbeHandlerError,
    'Cannot run the scheduler inside a handler of the probe "vfs_read": the task that it interrupted goes on when',
  );
});
