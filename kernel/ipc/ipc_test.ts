import { assertEquals } from "@std/assert";
import type { Blocking } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { ARCHES, bootTest, run, TestProgram } from "../syscalls/test_program.ts";
import {
  E2BIG,
  EACCES,
  EAGAIN,
  EEXIST,
  EFBIG,
  EIDRM,
  EINVAL,
  ENOENT,
  ENOMSG,
  ERANGE,
} from "../syscalls/errno.ts";

const SIGCHLD = 17;
const CREAT = 0o1000;
const EXCL = 0o2000;
const NOWAIT = 0o4000;
const UNDO = 0x1000;

/** Runs `body` in a child. */
function* fork(k: Kernel, p: TestProgram, body: (c: TestProgram) => Blocking<void>): Blocking<number> {
  k.tasks.onNewTask = (child) => {
    k.scheduler.spawn(
      child,
      (function* () {
        const c = new TestProgram(k, child, true);
        yield* body(c);
        if (child.exitCode === null) yield* c.call("exit_group", 0);
      })(),
    );
  };
  return yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
}

/** `semop` with operations on semaphores of a set. */
function* semop(
  p: TestProgram,
  id: number,
  ...ops: (readonly [num: number, op: number, flags?: number])[]
): Blocking<number> {
  const at = p.room(6 * ops.length);
  ops.forEach(([num, op, flags = 0], i) => {
    p.k.memory.store(at + 6 * i, 2, num);
    p.k.memory.store(at + 6 * i + 2, 2, op);
    p.k.memory.store(at + 6 * i + 4, 2, flags);
  });
  // i386 has no `semop` of its own.
  return p.k.archName === "i386"
    ? yield* p.call("ipc", 1, id, ops.length, 0, at, 0)
    : yield* p.call("semop", id, at, ops.length);
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: semaphores: together or not at all, waited for, undone at the end`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      const id = yield* p.call("semget", 77, 2, CREAT | 0o600);
      assertEquals(id, 0);
      assertEquals(yield* p.call("semget", 77, 2, CREAT | EXCL | 0o600), -EEXIST);
      assertEquals(yield* p.call("semget", 77, 3, 0o600), -EINVAL);
      assertEquals(yield* p.call("semget", 78, 1, 0), -ENOENT);
      const value = function* (num: number): Blocking<number> {
        return yield* p.call("semctl", id, num, 12, 0);
      };
      assertEquals(yield* semop(p, id, [0, 1], [1, -1, NOWAIT]), -EAGAIN);
      assertEquals([yield* value(0), yield* value(1)], [0, 0]);
      assertEquals(yield* semop(p, id, [2, 1]), -EFBIG);
      assertEquals(yield* p.call("semctl", id, 0, 16, 32768), -ERANGE);
      // A child takes what it waited for, with undo, and dies.
      const child = yield* fork(k, p, function* (c) {
        assertEquals(yield* semop(c, id, [0, -2, UNDO], [1, 1]), 0);
        yield* c.call("ppoll", 0, 0, 0, 0, 8);
      });
      yield { until: k.clock.now + 1e6 };
      assertEquals(yield* p.call("semctl", id, 0, 14, 0), 1);
      assertEquals(yield* semop(p, id, [0, 3]), 0);
      yield { until: k.clock.now + 1e6 };
      assertEquals([yield* value(0), yield* value(1)], [1, 1]);
      assertEquals(yield* p.call("semctl", id, 0, 11, 0), child);
      yield* p.call("kill", child, 9);
      yield* p.call("wait4", child, 0, 0, 0);
      assertEquals([yield* value(0), yield* value(1)], [3, 1]);
      // Removing it tells who waits.
      const results: number[] = [];
      yield* fork(k, p, function* (c) {
        results.push(yield* semop(c, id, [0, 0]));
      });
      yield { until: k.clock.now + 1e6 };
      assertEquals(yield* p.call("semctl", id, 0, 0, 0), 0);
      yield* p.call("wait4", -1, 0, 0, 0);
      assertEquals(results, [-EIDRM]);
      assertEquals(yield* semop(p, id, [0, 1]), -EINVAL);
      // The slot is used again under another number.
      assertEquals(yield* p.call("semget", 0, 1, 0o600), 32768);
    });
  });

  Deno.test(`${arch}: shared memory is one for all who attach it, and goes with the last of them`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      const id = yield* p.call("shmget", 5, 8192, CREAT | 0o600);
      assertEquals(yield* p.call("shmget", 5, 10000, 0), -EINVAL);
      assertEquals(yield* p.call("shmget", 0, 0, 0o600), -EINVAL);
      const attach = function* (c: TestProgram): Blocking<number> {
        if (arch !== "i386") return yield* c.call("shmat", id, 0, 0);
        const at = c.room(4);
        assertEquals(yield* c.call("ipc", 21, id, 0, at, 0, 0), 0);
        return k.memory.readU32(at);
      };
      const at = yield* attach(p);
      k.memory.store(at + 4096, 4, 42);
      yield* fork(k, p, function* (c) {
        assertEquals(k.memory.readU32(at + 4096), 42);
        const other = yield* attach(c);
        k.memory.store(other + 4100, 4, 43);
        assertEquals(k.memory.readU32(at + 4100), 43);
      });
      yield* p.call("wait4", -1, 0, 0, 0);
      assertEquals(k.memory.readU32(at + 4100), 43);
      assertEquals(yield* p.call("shmdt", at + 4096), -EINVAL);
      assertEquals(yield* p.call("shmctl", id, 0, 0), 0);
      assertEquals(yield* p.call("shmget", 5, 8192, 0), -ENOENT);
      assertEquals(k.memory.readU32(at + 4096), 42);
      assertEquals(yield* p.call("shmdt", at), 0);
      assertEquals(k.memory.user?.areaAt(at), undefined);
    });
  });

  Deno.test(`${arch}: messages come by type, and wait for room`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      const w = k.image.pointerSize;
      const id = yield* p.call("msgget", 9, CREAT | 0o600);
      const buffer = p.room(w + 8192);
      const send = function* (q: TestProgram, type: number, size: number, flags = 0): Blocking<number> {
        k.memory.store(buffer, w, type);
        return yield* q.call("msgsnd", id, buffer, size, flags);
      };
      const receive = function* (type: number, size = 100, flags = 0): Blocking<readonly number[]> {
        const got = yield* p.call("msgrcv", id, buffer, size, type, flags);
        return got < 0 ? [got] : [k.memory.load(buffer, w, true), got];
      };
      assertEquals(yield* send(p, 0, 1), -EINVAL);
      assertEquals(yield* send(p, 1, 8193), -EINVAL);
      for (const [type, size] of [[3, 30], [1, 10], [2, 20], [3, 31]] as const) {
        assertEquals(yield* send(p, type, size), 0);
      }
      assertEquals(yield* receive(3, 5), [-E2BIG]);
      assertEquals(yield* receive(3, 5, 0o10000), [3, 5]);
      assertEquals(yield* receive(-2), [1, 10]);
      assertEquals(yield* receive(2, 100, 0o20000), [3, 31]);
      assertEquals(yield* receive(7, 100, NOWAIT), [-ENOMSG]);
      assertEquals(yield* receive(0), [2, 20]);
      assertEquals(yield* send(p, 1, 8192), 0);
      assertEquals(yield* send(p, 1, 8192), 0);
      assertEquals(yield* send(p, 1, 1, NOWAIT), -EAGAIN);
      const results: number[] = [];
      yield* fork(k, p, function* (c) {
        results.push(yield* send(c, 4, 1));
      });
      yield { until: k.clock.now + 1e6 };
      assertEquals(results, []);
      assertEquals(yield* receive(1, 8192), [1, 8192]);
      yield* p.call("wait4", -1, 0, 0, 0);
      assertEquals(results, [0]);
      assertEquals(yield* receive(4), [4, 1]);
    });
  });
}

Deno.test("what belongs to others is theirs", async () => {
  const k = await bootTest("x86_64");
  const user = k.tasks.create({ comm: "user", uid: 1000, gid: 1000 });
  const results: number[] = [];
  run(k, function* (p) {
    const id = yield* p.call("semget", 1, 1, CREAT | 0o600);
    const other = new TestProgram(k, user);
    k.scheduler.spawn(
      user,
      (function* () {
        results.push(yield* other.call("semget", 1, 1, 0o600), yield* other.call("semctl", id, 0, 12, 0));
        results.push(yield* other.call("semctl", id, 0, 0, 0));
      })(),
    );
  });
  k.scheduler.run();
  assertEquals(results, [-EACCES, -EACCES, -1]);
});
