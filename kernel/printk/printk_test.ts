import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { Clock } from "../time/clock.ts";
import { PointerFormat } from "./pointer.ts";
import { LogRing } from "./ring.ts";

Deno.test("dmesg stamps each line with seconds and microseconds", () => {
  const clock = new Clock();
  const log = new LogRing(clock);
  log.printk("first");
  clock.now = 123_456_789_012_345;
  log.printk("two\nlines\n", "warn");
  assertEquals(log.dmesg(), "[    0.000000] first\n[123456.789012] two\n[123456.789012] lines\n");
  assertEquals(log.records().map((r) => [r.sequence, r.level]), [[0, "info"], [1, "warn"], [2, "warn"]]);
  const from = log.next;
  log.printk("later");
  assertEquals(log.dmesg(from), "[123456.789012] later\n");
  log.clear();
  assertEquals([log.dmesg(), log.next], ["", 4]);
});

Deno.test("a message that is written once stays one", () => {
  const log = new LogRing(new Clock());
  const heard: string[] = [];
  const stop = log.listen((record) => heard.push(record.text));
  for (let i = 0; i < 3; i++) log.printkOnce("warn", "only this", "warn");
  stop();
  log.printk("unheard");
  assertEquals([heard, log.records().length], [["only this"], 2]);
});

Deno.test("the ring drops its oldest records when it is full", () => {
  const log = new LogRing(new Clock());
  for (let i = 0; i < 3000; i++) log.printk(`line ${i} ${"x".repeat(80)}`);
  const kept = log.records();
  assertEquals(kept.at(-1)?.sequence, 2999);
  assertEquals(kept[0]?.sequence, 3000 - kept.length);
  assertEquals(kept.length > 500 && kept.length < 1200, true);
});

Deno.test("%p hides pointers the same way each time, but not NULL and error pointers", () => {
  const address = -0x7ec9c2c0;
  const wide = new PointerFormat(1, 8, true);
  assertMatch(wide.hashed(address), /^00000000[0-9a-f]{8}$/);
  assertEquals(wide.hashed(address), new PointerFormat(1, 8, true).hashed(address));
  assertNotEquals(wide.hashed(address), new PointerFormat(2, 8, true).hashed(address));
  assertNotEquals(wide.hashed(address), wide.hashed(address + 1));
  assertEquals([wide.hashed(0), wide.hashed(-2)], ["0000000000000000", "fffffffffffffffe"]);
  assertEquals([wide.plain(address), wide.hex(0x10)], ["ffffffff81363d40", "10"]);
  assertMatch(new PointerFormat(1, 4, true).hashed(0xc12df150), /^[0-9a-f]{8}$/);
  assertEquals(new PointerFormat(1, 4, false).hashed(0xc12df150), "c12df150");
});
