import { assertEquals } from "@std/assert";
import type { Blocking } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { ARCHES, bootTest, run, start, TestProgram } from "../syscalls/test_program.ts";
import { EAGAIN, EBADF, EEXIST, EINTR, EINVAL, ELOOP, ENOENT, EPERM } from "../syscalls/errno.ts";
import { epollEventLayout } from "./eventpoll.ts";

const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLLHUP = 0x10;
const EPOLLONESHOT = 1 << 30;
const EPOLLET = -0x80000000;

function* pipe(p: TestProgram, flags = 0): Blocking<readonly [number, number]> {
  const at = p.room(8);
  assertEquals(yield* p.call("pipe2", at, flags), 0);
  return [p.k.memory.readS32(at), p.k.memory.readS32(at + 4)];
}

/** A program's poll of descriptors: result and what each is ready for. */
function* poll(
  p: TestProgram,
  fds: readonly (readonly [number, number])[],
  timeout: number,
): Blocking<number[]> {
  const { memory } = p.k;
  const at = p.room(8 * fds.length + 16);
  const time = p.room(16);
  fds.forEach(([fd, events], i) => {
    memory.store(at + 8 * i, 4, fd);
    memory.store(at + 8 * i + 4, 2, events);
    memory.store(at + 8 * i + 6, 2, 0);
  });
  const w = p.k.image.pointerSize;
  memory.store(time, w, Math.floor(timeout / 1000));
  memory.store(time + w, w, (timeout % 1000) * 1e6);
  const count = p.k.archName === "arm64"
    ? yield* p.call("ppoll", at, fds.length, timeout < 0 ? 0 : time, 0, 8)
    : yield* p.call("poll", at, fds.length, timeout);
  return [count, ...fds.map((_, i) => memory.load(at + 8 * i + 6, 2, false))];
}

function* ctl(
  p: TestProgram,
  epfd: number,
  op: number,
  fd: number,
  events: number,
  data = fd,
): Blocking<number> {
  const at = p.room(16);
  p.k.memory.store(at, 4, events);
  p.k.memory.writeBig(at + epollEventLayout(p.k).data, 8, BigInt(data));
  return yield* p.call("epoll_ctl", epfd, op, fd, at);
}

function* wait(p: TestProgram, epfd: number, timeout: number, max = 8): Blocking<string> {
  const { size, data } = epollEventLayout(p.k);
  const at = p.room(8 * 16);
  const count = yield* p.call("epoll_pwait", epfd, at, max, timeout, 0, 8);
  if (count < 0) return String(count);
  const events: string[] = [];
  for (let i = 0; i < count; i++) {
    const place = at + i * size;
    events.push(`${p.k.memory.readBig(place + data, 8, false)}:${p.k.memory.load(place, 4, false)}`);
  }
  return events.join(" ");
}

/** Runs `body` in a thread of its own after `ns`. */
function after(k: Kernel, p: TestProgram, ns: number, body: (q: TestProgram) => Blocking<void>): void {
  const task = k.tasks.create({ comm: "other", threadOf: p.task });
  k.scheduler.spawn(
    task,
    (function* () {
      yield { until: k.clock.now + ns };
      const q = new TestProgram(k, task, true);
      yield* body(q);
      yield* q.call("exit", 0);
    })(),
  );
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: poll tells what is ready, waits for it, and gives up in time`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      const [read, write] = yield* pipe(p);
      assertEquals(yield* poll(p, [[read, EPOLLIN], [write, EPOLLOUT], [99, EPOLLIN], [-1, 1]], 0), [
        2,
        0,
        EPOLLOUT,
        0x20,
        0,
      ]);
      const begin = k.clock.now;
      assertEquals(yield* poll(p, [[read, EPOLLIN]], 5), [0, 0]);
      assertEquals(k.clock.now - begin >= 5e6, true);
      after(k, p, 3e6, function* (q) {
        yield* q.call("write", write, "x", 1);
      });
      const again = k.clock.now;
      assertEquals(yield* poll(p, [[read, EPOLLIN]], 1000), [1, EPOLLIN]);
      assertEquals(k.clock.now - again < 10e6, true);
      yield* p.call("read", read, p.room(8), 1);
      yield* p.call("close", write);
      assertEquals(yield* poll(p, [[read, EPOLLIN]], -1), [1, EPOLLHUP]);
    });
  });

  Deno.test(`${arch}: select answers in its sets, and knows a descriptor that is not open`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      const [read, write] = yield* pipe(p);
      const sets = p.room(64);
      const n = Math.max(read, write) + 1;
      k.memory.store(sets, 4, 1 << read);
      k.memory.store(sets + 16, 4, 1 << write | 1 << read);
      assertEquals(yield* p.call("pselect6", n, sets, sets + 16, 0, 0, 0), 1);
      assertEquals([k.memory.readU32(sets), k.memory.readU32(sets + 16)], [0, 1 << write]);
      k.memory.store(sets, 4, 1 << 30);
      assertEquals(yield* p.call("pselect6", 31, sets, 0, 0, 0, 0), -EBADF);
      assertEquals(yield* p.call("pselect6", -1, 0, 0, 0, 0, 0), -EINVAL);
    });
  });

  Deno.test(`${arch}: epoll, level- and edge-triggered, once, and inside one another`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      const [read, write] = yield* pipe(p);
      const ep = yield* p.call("epoll_create1", 0);
      assertEquals(yield* ctl(p, ep, 1, read, EPOLLIN), 0);
      assertEquals(yield* wait(p, ep, 0), "");
      yield* p.call("write", write, "xy", 2);
      assertEquals(yield* wait(p, ep, 0), `${read}:1`);
      assertEquals(yield* wait(p, ep, 0), `${read}:1`);
      yield* p.call("read", read, p.room(8), 8);
      assertEquals(yield* wait(p, ep, 0), "");
      // Edge: told once per change.
      assertEquals(yield* ctl(p, ep, 3, read, EPOLLIN | EPOLLET, 7), 0);
      yield* p.call("write", write, "x", 1);
      assertEquals(yield* wait(p, ep, 0), "7:1");
      assertEquals(yield* wait(p, ep, 0), "");
      yield* p.call("read", read, p.room(8), 8);
      yield* p.call("write", write, "x", 1);
      assertEquals(yield* wait(p, ep, -1), "7:1");
      // Once: until it is asked for again.
      assertEquals(yield* ctl(p, ep, 3, read, EPOLLIN | EPOLLONESHOT, 8), 0);
      assertEquals(yield* wait(p, ep, 0), "8:1");
      assertEquals(yield* wait(p, ep, 0), "");
      assertEquals(yield* ctl(p, ep, 3, read, EPOLLIN, 9), 0);
      // Nested: the outer one is ready while the inner one is.
      const outer = yield* p.call("epoll_create1", 0);
      assertEquals(yield* ctl(p, outer, 1, ep, EPOLLIN, 5), 0);
      assertEquals(yield* wait(p, outer, 0), "5:1");
      yield* p.call("read", read, p.room(8), 8);
      assertEquals(yield* wait(p, outer, 0), "");
      after(k, p, 1e6, function* (q) {
        yield* q.call("write", write, "x", 1);
      });
      assertEquals(yield* wait(p, outer, 1000), "5:1");
      assertEquals(yield* ctl(p, ep, 1, outer, EPOLLIN), -ELOOP);
      // Closing the watched file ends it.
      yield* p.call("close", read);
      assertEquals(yield* wait(p, ep, 0), "");
    });
  });

  Deno.test(`${arch}: errors of epoll, eventfd, timerfd and signalfd`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/tmp/file", {});
    run(k, function* (p) {
      const [read] = yield* pipe(p);
      const ep = yield* p.call("epoll_create1", 0);
      const file = yield* p.call("openat", -100, "/tmp/file", 0, 0);
      assertEquals(yield* p.call("epoll_create1", 1), -EINVAL);
      assertEquals(yield* ctl(p, ep, 1, file, EPOLLIN), -EPERM);
      assertEquals(yield* ctl(p, ep, 1, ep, EPOLLIN), -EINVAL);
      assertEquals(yield* ctl(p, read, 1, ep, EPOLLIN), -EINVAL);
      assertEquals(yield* ctl(p, 99, 1, read, EPOLLIN), -EBADF);
      assertEquals(yield* ctl(p, ep, 1, 99, EPOLLIN), -EBADF);
      assertEquals(yield* ctl(p, ep, 3, read, EPOLLIN), -ENOENT);
      assertEquals(yield* p.call("epoll_ctl", ep, 2, read, 0), -ENOENT);
      assertEquals(yield* ctl(p, ep, 1, read, EPOLLIN), 0);
      assertEquals(yield* ctl(p, ep, 1, read, EPOLLIN), -EEXIST);
      assertEquals(yield* ctl(p, ep, 9, read, EPOLLIN), -EINVAL);
      assertEquals(yield* wait(p, ep, 0, 0), String(-EINVAL));
      assertEquals(yield* p.call("eventfd2", 0, 2), -EINVAL);
      assertEquals(yield* p.call("timerfd_create", 2, 0), -EINVAL);
      assertEquals(yield* p.call("signalfd4", -1, p.room(8), 4, 0), -EINVAL);
      assertEquals(yield* p.call("signalfd4", read, p.room(8), 8, 0), -EINVAL);
    });
  });

  Deno.test(`${arch}: an eventfd counts, blocks while it is 0, and gives one at a time as a semaphore`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      const value = p.room(8);
      const fd = yield* p.call("eventfd2", 3, 0o4000);
      assertEquals(yield* p.call("read", fd, value, 4), -EINVAL);
      assertEquals(yield* p.call("read", fd, value, 8), 8);
      assertEquals(k.memory.readBig(value, 8, false), 3n);
      assertEquals(yield* p.call("read", fd, value, 8), -EAGAIN);
      k.memory.writeBig(value, 8, 0xffffffffffffffffn);
      assertEquals(yield* p.call("write", fd, value, 8), -EINVAL);
      k.memory.writeBig(value, 8, 0xfffffffffffffffen);
      assertEquals(yield* p.call("write", fd, value, 8), 8);
      assertEquals(yield* p.call("write", fd, value, 8), -EAGAIN);
      assertEquals(yield* poll(p, [[fd, EPOLLIN | EPOLLOUT]], 0), [1, EPOLLIN]);
      const one = yield* p.call("eventfd2", 2, 1);
      for (let i = 0; i < 2; i++) {
        assertEquals(yield* p.call("read", one, value, 8), 8);
        assertEquals(k.memory.readBig(value, 8, false), 1n);
      }
      after(k, p, 1e6, function* (q) {
        k.memory.writeBig(value + 8, 8, 1n);
        yield* q.call("write", one, value + 8, 8);
      });
      assertEquals(yield* p.call("read", one, value, 8), 8);
    });
  });

  Deno.test(`${arch}: a signalfd gives signals that are blocked, with their senders`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      const set = p.room(8);
      k.memory.writeBig(set, 8, 1n << 11n);
      const info = p.room(256);
      yield* p.call("rt_sigprocmask", 0, set, 0, 8);
      const fd = yield* p.call("signalfd4", -1, set, 8, 0o4000);
      assertEquals(yield* p.call("read", fd, info, 128), -EAGAIN);
      assertEquals(yield* p.call("read", fd, info, 127), -EINVAL);
      yield* p.call("kill", p.task.pid, 12);
      assertEquals(yield* poll(p, [[fd, EPOLLIN]], 0), [1, EPOLLIN]);
      assertEquals(yield* p.call("read", fd, info, 256), 128);
      assertEquals([k.memory.readU32(info), k.memory.readU32(info + 12)], [12, p.task.pid]);
      const waiter = yield* p.call("signalfd4", -1, set, 8, 0);
      after(k, p, 1e6, function* (q) {
        yield* q.call("kill", p.task.pid, 12);
      });
      assertEquals(yield* p.call("read", waiter, info, 128), 128);
    });
  });

  Deno.test(`${arch}: a poll that a signal breaks off fails or goes on with what is left of its time`, async () => {
    const k = await bootTest(arch);
    if (k.image.syscallNumber("poll") === undefined) return;
    run(k, function* (p) {
      const [read] = yield* pipe(p);
      const handled: number[] = [];
      // deno-lint-ignore require-yield -- a handler that only takes note
      p.task.runHandler = function* (frame) {
        handled.push(frame.signal);
      };
      const w = k.image.pointerSize;
      const action = p.room(4 * w + 8);
      k.memory.writeWord(action, 0x401000);
      yield* p.call("rt_sigaction", 10, action, 0, 8);
      after(k, p, 2e6, function* (q) {
        yield* q.call("tgkill", p.task.tgid, p.task.pid, 10);
      });
      assertEquals((yield* poll(p, [[read, EPOLLIN]], 10))[0], -EINTR);
      assertEquals(handled, [10]);
      // Stopped and continued there is no handler: the rest of the time is waited.
      const begin = k.clock.now;
      after(k, p, 2e6, function* (q) {
        yield* q.call("getpid");
      });
      start(k, "sender", function* (s) {
        yield { until: k.clock.now + 1e6 };
        yield* s.call("kill", p.task.tgid, 19);
        yield { until: k.clock.now + 1e6 };
        yield* s.call("kill", p.task.tgid, 18);
      });
      assertEquals(yield* poll(p, [[read, EPOLLIN]], 10), [0, 0]);
      assertEquals(k.clock.now - begin >= 10e6 && k.clock.now - begin < 12e6, true);
    });
  });
}
