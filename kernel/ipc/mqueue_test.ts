/** POSIX message queues: order, waiting, notification, errors. */

import { assertEquals } from "@std/assert";
import type { Blocking } from "../calls/function.ts";
import { O_CREAT, O_EXCL, O_NONBLOCK, O_RDWR, O_WRONLY } from "../fs/modes.ts";
import { ARCHES, bootTest, pick, run, start, type TestProgram } from "../syscalls/test_program.ts";
import { BOOT_SECONDS } from "../time/wall_clock.ts";

function attr(p: TestProgram, maxmsg: number, msgsize: number): number {
  const word = p.k.image.pointerSize;
  const at = p.room(8 * word);
  [0, maxmsg, msgsize, 0].forEach((value, i) => p.k.memory.store(at + i * word, word, value));
  return at;
}

function* receive(p: TestProgram, fd: number): Blocking<string> {
  const [buf, prio] = [p.room(64), p.room(4)];
  const count = yield* p.call(pick(p.k, "mq_timedreceive"), fd, buf, 64, prio, 0);
  if (count < 0) return String(count);
  return `${p.k.memory.load(prio, 4, false)}:${new TextDecoder().decode(p.k.memory.readBytes(buf, count))}`;
}

function send(p: TestProgram, fd: number, text: string, priority: number, timeout = 0): Blocking<number> {
  return p.call("mq_timedsend", fd, p.text(text), text.length, priority, timeout);
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: messages come by priority, then age, and limits hold`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      assertEquals(yield* p.call("mq_open", "none", O_RDWR, 0, 0), -2);
      assertEquals(yield* p.call("mq_open", "a/b", O_RDWR | O_CREAT, 0o600, 0), -13);
      assertEquals(yield* p.call("mq_open", "bad", O_RDWR | O_CREAT, 0o600, attr(p, 0, 10)), -22);
      const fd = yield* p.call("mq_open", "box", O_RDWR | O_CREAT | O_NONBLOCK, 0o600, attr(p, 3, 16));
      assertEquals(fd >= 0, true);
      assertEquals(yield* p.call("mq_open", "box", O_RDWR | O_CREAT | O_EXCL, 0o600, 0), -17);
      assertEquals(yield* receive(p, fd), "-11");
      const wide = yield* p.call("mq_open", "wide", O_RDWR | O_CREAT, 0o600, attr(p, 1, 65));
      assertEquals(yield* receive(p, wide), "-90");
      const at = attr(p, 0, 0);
      assertEquals(yield* p.call("mq_getsetattr", fd, 0, at), 0);
      const word = k.image.pointerSize;
      assertEquals([1, 2, 3].map((i) => k.memory.load(at + i * word, word, false)), [3, 16, 0]);
      const big = yield* p.call("mq_open", "big", O_RDWR | O_CREAT | O_NONBLOCK, 0o600, attr(p, 3, 64));
      assertEquals(yield* receive(p, big), "-11");
      for (const [text, priority] of [["low", 1], ["high", 7], ["low2", 1]] as const) {
        assertEquals(yield* send(p, big, text, priority), 0);
      }
      assertEquals(yield* send(p, big, "full", 1), -11);
      assertEquals(yield* send(p, big, "x", 32768), -22);
      assertEquals(yield* send(p, fd, "seventeen letters", 0), -90);
      assertEquals(yield* receive(p, big), "7:high");
      assertEquals(yield* receive(p, big), "1:low");
      assertEquals(yield* receive(p, big), "1:low2");
      const writer = yield* p.call("mq_open", "big", O_WRONLY, 0, 0);
      assertEquals(yield* receive(p, writer), "-9");
      assertEquals(yield* p.call("mq_unlink", "big"), 0);
      assertEquals(yield* p.call("mq_unlink", "big"), -2);
      assertEquals(yield* send(p, big, "still", 0), 0);
      assertEquals(yield* send(p, 99, "x", 0), -9);
    });
  });
}

Deno.test("a receiver sleeps until a message comes, a sender until there is room, or the time is over", async () => {
  const k = await bootTest();
  const got: string[] = [];
  start(k, "receiver", function* (p) {
    const fd = yield* p.call("mq_open", "box", O_RDWR | O_CREAT, 0o600, attr(p, 1, 64));
    for (let i = 0; i < 3; i++) got.push(yield* receive(p, fd));
  });
  run(k, function* (p) {
    const fd = yield* p.call("mq_open", "box", O_RDWR | O_CREAT, 0o600, attr(p, 1, 64));
    for (const text of ["one", "two", "three"]) assertEquals(yield* send(p, fd, text, 0), 0);
    const time = p.room(16);
    k.memory.store(time, 8, BOOT_SECONDS + 5);
    k.memory.store(time + 8, 8, 0);
    const own = yield* p.call("mq_open", "own", O_RDWR | O_CREAT, 0o600, attr(p, 1, 64));
    assertEquals(yield* send(p, own, "a", 0), 0);
    assertEquals(yield* send(p, own, "b", 0, time), -110);
    assertEquals(k.clock.now >= 5e9 && k.clock.now < 5.1e9, true);
  });
  assertEquals(got, ["0:one", "0:two", "0:three"]);
});

Deno.test("who asked is told once, when a message comes to an empty queue", async () => {
  const k = await bootTest();
  run(k, function* (p) {
    const fd = yield* p.call("mq_open", "box", O_RDWR | O_CREAT, 0o600, attr(p, 4, 64));
    const event = p.room(64);
    k.memory.store(event + 8, 4, 10);
    k.memory.store(event + 12, 4, 0);
    // SIGUSR1 is blocked, so that it stays pending.
    const set = p.room(8);
    k.memory.store(set, 8, 1 << 9);
    yield* p.call("rt_sigprocmask", 0, set, 0, 8);
    assertEquals(yield* p.call("mq_notify", fd, event), 0);
    assertEquals(yield* p.call("mq_notify", fd, event), -16);
    assertEquals(yield* send(p, fd, "x", 0), 0);
    const pending = p.room(8);
    yield* p.call("rt_sigpending", pending, 8);
    assertEquals(k.memory.load(pending, 4, false), 1 << 9);
    // The place is free again.
    assertEquals(yield* p.call("mq_notify", fd, event), 0);
    assertEquals(yield* p.call("mq_notify", fd, 0), 0);
  });
});
