import { assertEquals } from "@std/assert";
import type { Blocking } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { ARCHES, bootTest, pick, run, TestProgram } from "../syscalls/test_program.ts";
import { EAGAIN, EINTR, EINVAL, EPERM, ESRCH } from "../syscalls/errno.ts";
import { SA_NOCLDWAIT, SA_RESTART, SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGTSTP } from "./numbers.ts";

const SIGUSR1 = 10;
const SIGUSR2 = 12;
const SIGTERM = 15;

/** Installs a handler; its number is its address. */
function* sigaction(p: TestProgram, signal: number, handler: number, flags = 0, mask = 0n): Blocking<number> {
  const w = p.k.image.pointerSize;
  const at = p.room(4 * w + 8);
  p.k.memory.writeWord(at, handler);
  p.k.memory.writeWord(at + w, flags);
  p.k.memory.writeWord(at + 2 * w, 0);
  p.k.memory.writeBig(at + 3 * w, 8, mask);
  return yield* p.call("rt_sigaction", signal, at, 0, 8);
}

function* block(p: TestProgram, how: number, set: bigint): Blocking<number> {
  const at = p.room(8);
  p.k.memory.writeBig(at, 8, set);
  return yield* p.call("rt_sigprocmask", how, at, 0, 8);
}

function handles(
  p: TestProgram,
  log: string[],
  what: (signal: number) => Blocking<void> = function* () {},
): void {
  p.task.runHandler = function* (frame) {
    log.push(`${frame.signal} in`);
    yield* what(frame.signal);
    log.push(`${frame.signal} out`);
  };
}

function events(k: Kernel, name: `${string}:${string}`): string[] {
  const seen: string[] = [];
  k.tracepoints.register(name, (record) => {
    const of = (field: string) => {
      const found = record.info.fields.find((candidate) => candidate.name === field)!;
      if (field !== "comm") return record.load(found.offset, found.size, true);
      const bytes = record.bytes().subarray(found.offset, found.offset + found.size);
      return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
    };
    seen.push(
      name === "signal:signal_generate"
        ? `${of("sig")} ${of("comm")} ${of("result")}`
        : `${of("sig")} ${of("code")} ${k.current.comm}`,
    );
  });
  return seen;
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: a handler runs before the call returns, and blocks its own signal meanwhile`, async () => {
    const k = await bootTest(arch);
    const log: string[] = [];
    let sent = 0;
    run(k, function* (p) {
      handles(p, log, function* (signal) {
        if (signal === SIGUSR1 && sent++ === 0) {
          yield* p.call("kill", p.task.pid, SIGUSR1);
          yield* p.call("kill", p.task.pid, SIGUSR2);
        }
      });
      yield* sigaction(p, SIGUSR1, 0x401000);
      yield* sigaction(p, SIGUSR2, 0x401010);
      assertEquals(yield* p.call("kill", p.task.pid, SIGUSR1), 0);
      log.push("returned");
      assertEquals(p.task.signalFrames.length, 0);
    });
    // The second SIGUSR1 waits until the first one's handler is done.
    assertEquals(log, ["10 in", "12 in", "12 out", "10 out", "10 in", "10 out", "returned"]);
  });

  Deno.test(`${arch}: blocked signals wait, once each, real-time ones in a queue`, async () => {
    const k = await bootTest(arch);
    const log: string[] = [];
    const generated = events(k, "signal:signal_generate");
    run(k, function* (p) {
      handles(p, log);
      yield* sigaction(p, SIGUSR1, 0x401000);
      yield* sigaction(p, 40, 0x401000);
      yield* block(p, 0, (1n << 9n) | (1n << 39n));
      for (let i = 0; i < 2; i++) {
        yield* p.call("kill", p.task.pid, SIGUSR1);
        yield* p.call("kill", p.task.pid, 40);
      }
      assertEquals(log, []);
      const pending = p.room(8);
      assertEquals(yield* p.call("rt_sigpending", pending, 8), 0);
      assertEquals(k.memory.readBig(pending, 8, false), (1n << 9n) | (1n << 39n));
      yield* block(p, 1, (1n << 9n) | (1n << 39n));
    });
    assertEquals(generated, ["10 test 0", "40 test 0", "10 test 2", "40 test 0"]);
    // Frames are set up in order of number, so the last one's handler runs first.
    assertEquals(log, ["40 in", "40 out", "40 in", "40 out", "10 in", "10 out"]);
  });

  Deno.test(`${arch}: SA_RESTART decides whether an interrupted call goes on`, async () => {
    for (const flags of [0, SA_RESTART]) {
      const k = await bootTest(arch);
      const log: string[] = [];
      run(k, function* (p) {
        handles(p, log);
        yield* sigaction(p, SIGUSR1, 0x401000, flags);
        const fds = p.room(8);
        yield* p.call("pipe2", fds, 0);
        const [read, write] = [k.memory.readS32(fds), k.memory.readS32(fds + 4)];
        k.tasks.onNewTask = (child) => {
          k.scheduler.spawn(
            child,
            (function* () {
              const c = new TestProgram(k, child);
              yield { until: k.clock.now + 1_000_000 };
              yield* c.call("kill", p.task.pid, SIGUSR1);
              yield { until: k.clock.now + 1_000_000 };
              yield* c.call("write", write, "x", 1);
              yield* c.call("exit_group", 0);
            })(),
          );
        };
        yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
        log.push(`read ${yield* p.call("read", read, p.room(16), 1)}`);
      });
      assertEquals(log, ["10 in", "10 out", flags === 0 ? `read ${-EINTR}` : "read 1"]);
    }
  });

  Deno.test(`${arch}: a sleep that a handler ends tells what is left, one that is stopped goes on`, async () => {
    const k = await bootTest(arch);
    const log: string[] = [];
    run(k, function* (p) {
      handles(p, log);
      yield* sigaction(p, SIGUSR1, 0x401000, SA_RESTART);
      const w = k.image.pointerSize;
      const time = p.room(2 * w);
      const left = p.room(2 * w);
      k.memory.store(time, w, 0);
      k.memory.store(time + w, w, 10_000_000);
      const sends = (signals: readonly number[]): void => {
        k.tasks.onNewTask = (child) => {
          k.scheduler.spawn(
            child,
            (function* () {
              const c = new TestProgram(k, child);
              for (const signal of signals) {
                yield { until: k.clock.now + 2_000_000 };
                yield* c.call("kill", p.task.pid, signal);
              }
              yield* c.call("exit_group", 0);
            })(),
          );
        };
      };
      sends([SIGUSR1]);
      yield* p.call("clone", 0, 0, 0, 0, 0);
      assertEquals(yield* p.call("nanosleep", time, left), -EINTR);
      const rest = k.memory.load(left + w, w, true);
      assertEquals(rest > 7_500_000 && rest < 8_500_000, true);
      sends([SIGSTOP, SIGCONT]);
      const begin = k.clock.now;
      yield* p.call("clone", 0, 0, 0, 0, 0);
      assertEquals(yield* p.call("nanosleep", time, left), 0);
      assertEquals(k.clock.now - begin >= 10_000_000 && k.clock.now - begin < 11_000_000, true);
    });
  });

  Deno.test(`${arch}: errors of kill and its like`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      assertEquals(yield* p.call("kill", 99999, 0), -ESRCH);
      assertEquals(yield* p.call("kill", p.task.pid, 65), -EINVAL);
      assertEquals(yield* p.call("kill", p.task.pid, 0), 0);
      assertEquals(yield* p.call("tgkill", p.task.pid, 99999, SIGTERM), -ESRCH);
      assertEquals(yield* p.call("tgkill", -1, p.task.pid, SIGTERM), -EINVAL);
      assertEquals(yield* p.call("tkill", 0, SIGTERM), -EINVAL);
      assertEquals(yield* sigaction(p, SIGKILL, 0x401000), -EINVAL);
      assertEquals(yield* sigaction(p, SIGSTOP, 1), -EINVAL);
      assertEquals(yield* sigaction(p, 65, 1), -EINVAL);
      assertEquals(yield* p.call("rt_sigaction", SIGTERM, 0, 0, 4), -EINVAL);
      const set = p.room(16);
      k.memory.writeBig(set, 8, 1n << 39n);
      const time = p.room(16);
      assertEquals(yield* p.call(pick(k, "rt_sigtimedwait"), set, 0, time, 8), -EAGAIN);
    });
    const other = k.tasks.create({ comm: "other", uid: 1000 });
    const user = k.tasks.create({ comm: "user", uid: 1001 });
    const program = new TestProgram(k, user);
    k.scheduler.spawn(
      user,
      (function* () {
        assertEquals(yield* program.call("kill", other.pid, SIGTERM), -EPERM);
        assertEquals(yield* program.call("kill", other.pid, 0), -EPERM);
      })(),
    );
    k.scheduler.run();
  });

  Deno.test(`${arch}: what stops a child, continues and kills it is told to its parent`, async () => {
    const k = await bootTest(arch);
    const delivered = events(k, "signal:signal_deliver");
    run(k, function* (p) {
      k.tasks.onNewTask = (child) => {
        k.scheduler.spawn(
          child,
          (function* () {
            const c = new TestProgram(k, child);
            yield* c.call("pause");
          })(),
        );
      };
      const pid = yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
      const status = p.room(8);
      const wait = function* (options: number): Blocking<readonly [number, number]> {
        const found = yield* p.call("wait4", pid, status, options, 0);
        return [found, k.memory.readS32(status)];
      };
      assertEquals(yield* p.call("wait4", pid, status, 1, 0), 0);
      yield* p.call("kill", pid, SIGSTOP);
      assertEquals(yield* wait(2), [pid, SIGSTOP << 8 | 0x7f]);
      assertEquals(yield* p.call("wait4", pid, status, 3, 0), 0);
      yield* p.call("kill", pid, SIGCONT);
      assertEquals(yield* wait(8), [pid, 0xffff]);
      yield* p.call("kill", pid, SIGTERM);
      assertEquals(yield* wait(0), [pid, SIGTERM]);
      assertEquals(yield* p.call("wait4", pid, status, 0, 0), -10);
      assertEquals(yield* p.call("kill", pid, SIGTERM), -ESRCH);
    });
    // One that ends a process makes SIGKILL of itself in all its threads; SIGCONT and SIGCHLD are ignored when sent.
    assertEquals(delivered, ["19 0 test", "9 0 test"]);
  });

  Deno.test(`${arch}: children of who does not want to know are gone at once`, async () => {
    const k = await bootTest(arch);
    run(k, function* (p) {
      k.tasks.onNewTask = (child) => {
        k.scheduler.spawn(
          child,
          (function* () {
            const c = new TestProgram(k, child);
            yield* c.call("exit_group", 3);
          })(),
        );
      };
      yield* sigaction(p, SIGCHLD, 0, SA_NOCLDWAIT);
      const pid = yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
      assertEquals(yield* p.call("wait4", -1, 0, 0, 0), -10);
      assertEquals(k.tasks.byPid(pid), undefined);
      yield* sigaction(p, SIGCHLD, 0);
      const second = yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
      assertEquals(yield* p.call("wait4", -1, 0, 0, 0), second);
    });
  });
}

Deno.test("an orphaned process group does not stop at a terminal's signals", async () => {
  const k = await bootTest("x86_64");
  const log: number[] = [];
  run(k, function* (p) {
    log.push(yield* p.call("kill", p.task.pid, SIGTSTP));
    log.push(-EINTR);
  });
  assertEquals(log, [0, -EINTR]);
});
