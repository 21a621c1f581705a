import { assertEquals, assertMatch } from "@std/assert";
import { Kretprobe } from "../kernel/kprobes/mod.ts";
import { formatInstancePool, instancePool } from "./instances.ts";
import { sampleKernel } from "./testing.ts";

Deno.test("a pool that waits for nothing is all free; maxactive is what registration made of it", async () => {
  const k = await sampleKernel("x86_64");
  const given = new Kretprobe({ symbolName: "ksys_read", maxactive: 3, handler: () => {} });
  const left = new Kretprobe({ symbolName: "vfs_read", handler: () => {} });
  assertEquals([k.kprobes.registerKretprobe(given), k.kprobes.registerKretprobe(left)], [0, 0]);
  const { maxactive, free, active, nmissed } = instancePool(k, given);
  assertEquals([maxactive, free, active, nmissed], [3, 3, [], 0]);
  assertEquals(instancePool(k, left).maxactive, 10);
});

Deno.test("an active instance is told with task, time and return address", async () => {
  const k = await sampleKernel("x86_64");
  const kretprobe = new Kretprobe({
    symbolName: "vfs_read",
    maxactive: 1,
    handler: () => {},
    label: "kretprobe:vfs_read",
  });
  assertEquals(k.kprobes.registerKretprobe(kretprobe), 0);
  const instance = kretprobe.pool!.take()!;
  instance.task = k.tasks.create({ pid: 55, comm: "reader" });
  instance.since = 1234;
  instance.returnAddress = k.image.symbol("ksys_read")!.address + 0x6b;
  const view = instancePool(k, kretprobe);
  assertEquals([view.free, view.active.length], [0, 1]);
  const [head, line] = formatInstancePool(view).split("\n");
  assertEquals(head, "kretprobe:vfs_read maxactive=1 free=0 active=1 nmissed=0");
  assertMatch(
    line!,
    /^ {4}reader \(55\) since 1234 ns, returns to ksys_read\+0x6b \(0xffffffff[0-9a-f]{8}\), saved from 0x/,
  );
  kretprobe.pool!.recycle(instance);
  assertEquals(instancePool(k, kretprobe).free, 1);
});
