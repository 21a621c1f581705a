/** What a call comes to whose probe's handler set `ip` or changed registers, on whole kernels. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { Arch } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import type { Kernel } from "../kernel.ts";
import { KernelBug, Kprobe, type KprobeOptions, Kretprobe } from "../kprobes/mod.ts";
import { accessUser } from "../mm/page_fault.ts";
import type { Coroutine } from "../sched/coroutine.ts";
import { TASK_INTERRUPTIBLE } from "../process/task.ts";
import { ARCHES, bootTest, pick, run, start, TestProgram } from "../syscalls/test_program.ts";
import { type Blocking, fn } from "./function.ts";

/** What the system calls of a program gave: a file is written and read, then written once more. */
interface Outcome {
  readonly results: readonly number[];
  readonly exitCode: number | null;
  readonly log: string;
}

const CONTENT = "hello world";
const O_RDWR_CREAT = 0o102;

/** Writes, reads with `count`, and asks how large the file then is. */
function readBack(k: Kernel, count = CONTENT.length): Outcome {
  const results: number[] = [];
  const from = k.log.next;
  const { task } = run(k, function* (p) {
    const file = yield* p.call("openat", -100, "/tmp/file", O_RDWR_CREAT, 0o644);
    const buffer = p.room(64);
    k.memory.writeString(buffer, CONTENT);
    yield* p.call("write", file, buffer, CONTENT.length);
    yield* p.call("lseek", file, 0, 0);
    results.push(yield* p.call("read", file, buffer, count));
    if (p.task.exitCode !== null) return;
    results.push(yield* p.call("lseek", file, 0, 2));
  });
  assertEquals([task.depth, task.instances], [0, null]);
  return { results, exitCode: task.exitCode, log: k.log.dmesg(from) };
}

function probe(k: Kernel, symbolName: string, handler: (regs: PtRegs) => number | void, offset = 0): Kprobe {
  return register(k, { symbolName, offset, preHandler: (_, regs) => handler(regs) });
}

function register(k: Kernel, options: KprobeOptions): Kprobe {
  const p = new Kprobe(options);
  assertEquals([k.kprobes.registerKprobe(p), k.kprobes.reasonOf(p)], [0, undefined]);
  return p;
}

/** Notes what returns of a function give. */
function results(k: Kernel, symbolName: string): number[] {
  const seen: number[] = [];
  const rp = new Kretprobe({ symbolName, handler: (_, regs) => void seen.push(regs.returnValue) });
  assertEquals(k.kprobes.registerKretprobe(rp), 0);
  return seen;
}

function address(k: Kernel, name: string): number {
  return k.image.func(name)?.address ?? NaN;
}

/** Sends a call to another function. */
function to(k: Kernel, name: string): (regs: PtRegs) => number {
  return (regs) => {
    regs.ip = address(k, name);
    return 1;
  };
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: a function runs in place of another one, and returns to its caller`, async () => {
    const k = await bootTest(arch);
    const written = results(k, "vfs_write");
    const stacks: string[] = [];
    probe(k, "vfs_write", (regs) => {
      if (written.length === 0) return;
      const stack = k.calls.stack(k.current).map((at) => k.image.describe(at));
      stacks.push(stack[0] ?? "");
      assert(!stack.some((line) => line.startsWith("vfs_read+")));
      assertEquals(regs.arg(2), 4);
    });
    probe(k, "vfs_read", to(k, "vfs_write"));
    const { results: got, exitCode, log } = readBack(k, 4);
    // "hell" over "hello world".
    assertEquals([got, exitCode, log], [[4, CONTENT.length], null, ""]);
    assertEquals([written, stacks.length], [[CONTENT.length, 4], 1]);
    assertMatch(stacks[0] ?? "", /^ksys_read\+0x/);
  });

  Deno.test(`${arch}: kretprobes on both functions see the one return, older probes or newer`, async () => {
    for (const hookedBefore of [true, false]) {
      const k = await bootTest(arch);
      const written = results(k, "vfs_write");
      let read: number[] = [];
      if (!hookedBefore) read = results(k, "vfs_read");
      probe(k, "vfs_read", to(k, "vfs_write"));
      if (hookedBefore) read = results(k, "vfs_read");
      const outcome = readBack(k, 3);
      assertEquals(outcome.results, [3, CONTENT.length]);
      assertEquals([written, read], [[CONTENT.length, 3], hookedBefore ? [3] : []]);
      // Once more on the same stack: nothing was left of the first time.
      assertEquals(readBack(k, 5).results, [5, CONTENT.length]);
      assertEquals([written.slice(2), read], [[CONTENT.length, 5], hookedBefore ? [3, 5] : []]);
    }
  });

  Deno.test(`${arch}: a call goes through several functions, each of which may send it on`, async () => {
    const k = await bootTest(arch);
    const order: string[] = [];
    for (const [from, next] of [["vfs_read", "vfs_fsync"], ["vfs_fsync", "vfs_write"]] as const) {
      probe(k, from, (regs) => {
        order.push(from);
        return to(k, next)(regs);
      });
    }
    assertEquals([readBack(k, 2).results, order], [[2, CONTENT.length], ["vfs_read", "vfs_fsync"]]);
    const circle = await bootTest(arch);
    let hits = 0;
    for (const [from, next] of [["vfs_read", "vfs_fsync"], ["vfs_fsync", "vfs_read"]] as const) {
      probe(circle, from, (regs) => {
        hits++;
        return to(circle, next)(regs);
      });
    }
    const stuck = readBack(circle);
    assertEquals([stuck.exitCode, hits], [11, 101]);
    assertMatch(stuck.log, /watchdog: BUG: soft lockup - CPU#0 stuck for 22s! \[test:\d+\]/);
  });

  Deno.test(`${arch}: an override gives the caller its value, wherever the call stands`, async () => {
    const k = await bootTest(arch);
    const entry = { x86_64: "x64_sys_call", arm64: "invoke_syscall", i386: "ia32_sys_call" }[arch];
    for (const symbolName of ["vfs_read", "ksys_read", systemCall(arch, "read")]) {
      const kp = probe(k, symbolName, (regs) => {
        regs.overrideReturn(-13);
        return 1;
      });
      assertEquals(readBack(k).results, [-13, CONTENT.length], symbolName);
      k.kprobes.unregisterKprobe(kp);
    }
    if (k.image.func(entry) === undefined) return;
    // Below the system call: this leaves out whatever would have been called, here the third call, which seeks.
    let calls = 0;
    probe(k, entry, (regs) => {
      if (++calls !== 3) return 0;
      regs.overrideReturn(-14);
      return 1;
    });
    assertEquals(readBack(k).results, [0, CONTENT.length]);
  });

  Deno.test(`${arch}: arguments that a handler changes are the function's, whatever it returns`, async () => {
    const k = await bootTest(arch);
    const count = { x86_64: "dx", arm64: "x2", i386: "cx" }[arch];
    const kp = probe(k, "vfs_read", (regs) => regs.set(count, 2));
    const seen: number[] = [];
    // Behind it in line: it sees what the newer one did.
    k.kprobes.unregisterKprobe(kp);
    kp.reset();
    probe(k, "vfs_read", (regs) => void seen.push(regs.arg(2)));
    assertEquals(k.kprobes.registerKprobe(kp), 0);
    assertEquals([readBack(k).results, seen], [[2, CONTENT.length], [2]]);
    k.kprobes.unregisterKprobe(kp);
    assertEquals(readBack(k).results, [CONTENT.length, CONTENT.length]);
  });

  Deno.test(`${arch}: a signed argument and a wide one change as their types say`, async () => {
    const k = await bootTest(arch);
    const flag: number[] = [];
    const [fd, length] = { x86_64: ["di", "si"], arm64: ["x0", "x1"], i386: ["ax", "dx"] }[arch] as [
      string,
      string,
    ];
    const symbolName = "do_sys_ftruncate";
    assert(k.image.func(symbolName) !== undefined);
    let change: (regs: PtRegs) => void = () => {};
    probe(k, symbolName, (regs) => {
      change(regs);
      flag.push(regs.param(0), regs.param(1));
    });
    const truncate = (): number => {
      let result = NaN;
      run(k, function* (p) {
        const file = yield* p.call("openat", -100, "/tmp/file", O_RDWR_CREAT, 0o644);
        result = yield* p.call("ftruncate", file, 100);
        if (result === 0) result = yield* p.call("lseek", file, 0, 2);
      });
      return result;
    };
    assertEquals(truncate(), 100);
    change = (regs) => regs.set(length, 7);
    assertEquals(truncate(), 7);
    change = (regs) => regs.set(fd, -1);
    assertEquals(truncate(), -9);
  });

  Deno.test(`${arch}: a call inside a function is left out by going on behind it`, async () => {
    const k = await bootTest(arch);
    const info = k.image.func("ksys_read");
    const site = info?.callSites().find(({ target }) => target === "vfs_read");
    assert(info !== undefined && site !== undefined);
    const read = results(k, "vfs_read");
    const behind: number[] = [];
    probe(k, "ksys_read", () => void behind.push(1), site.returnOffset);
    const kp = probe(k, "ksys_read", (regs) => {
      regs.returnValue = -11;
      regs.ip = info.address + site.returnOffset;
      return 1;
    }, site.offset);
    assertEquals([readBack(k).results, read, behind], [[-11, CONTENT.length], [], [1]]);
    k.kprobes.unregisterKprobe(kp);
    assertEquals([readBack(k).results[0], read, behind.length], [CONTENT.length, [CONTENT.length], 2]);
    // From the entry on: what lies before is left out too, with the probes on it.
    const early: number[] = [];
    const first = info.callSites().find(({ target }) => target === "__fdget_pos");
    assert(first !== undefined);
    probe(k, "ksys_read", () => void early.push(1), first.offset);
    probe(k, "ksys_read", (regs) => {
      regs.returnValue = -12;
      regs.ip = info.address + site.returnOffset;
      return 1;
    });
    assertEquals([readBack(k).results, early, read.length], [[-12, CONTENT.length], [], 1]);
  });

  Deno.test(`${arch}: a function that was diverted does not pass probes at offsets inside`, async () => {
    const k = await bootTest(arch);
    const boundaries = k.image.func("ksys_read")?.boundaries() ?? [];
    let inside = 0;
    for (const offset of [boundaries[8], boundaries.at(-3)]) {
      if (offset !== undefined) probe(k, "ksys_read", () => void inside++, offset);
    }
    const kp = probe(k, "ksys_read", (regs) => {
      regs.overrideReturn(0);
      return 1;
    });
    assertEquals([readBack(k).results, inside], [[0, CONTENT.length], 0]);
    k.kprobes.unregisterKprobe(kp);
    readBack(k);
    assert(inside > 0);
  });

  Deno.test(`${arch}: a task that can't go on dies of it, its parent hears of SIGSEGV, others go on`, async () => {
    const k = await bootTest(arch);
    let doomed: TestProgram["task"] | null = null;
    probe(k, "vfs_read", (regs) => {
      if (k.current !== doomed) return 0;
      regs.ip = 0;
      return 1;
    });
    k.tasks.onNewTask = (task) => {
      doomed = task;
      const program = new TestProgram(k, task);
      k.scheduler.spawn(task, reading(program));
    };
    function* reading(p: TestProgram): Blocking<void> {
      const file = yield* p.call("openat", -100, "/tmp/file", O_RDWR_CREAT, 0o644);
      yield* p.call("read", file, p.room(16), 4);
      if (p.task.exitCode === null) yield* p.call("exit_group", 0);
    }
    const from = k.log.next;
    let status = 0;
    const other = start(k, "other", function* (p) {
      yield* p.call("nanosleep", sleepFor(p, 50), 0);
      yield* reading(p);
    });
    run(k, function* (p) {
      const child = yield* p.call("clone", 17, 0, 0, 0, 0);
      const at = p.room(4);
      assertEquals(yield* p.call("wait4", child, at, 0, 0), child);
      status = k.memory.readS32(at);
    });
    assertEquals([status, other.task.exitCode, k.oopses.all().length], [11, 0, 1]);
    assertEquals(k.kprobes.currentOn(0), null);
    const log = k.log.dmesg(from);
    assertMatch(
      log,
      arch === "arm64"
        ? /Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000\n/
        : /BUG: kernel NULL pointer dereference, address: 0+\n/,
    );
    assertMatch(
      log,
      arch === "arm64" ? /Internal error: Oops: 0000000086000004 \[#1\] SMP\n/ : /Oops: 0010 \[#1\]/,
    );
    assertMatch(log, /\] {2}?ksys_read\+0x[0-9a-f]+\/0x[0-9a-f]+\n/);
    assertMatch(
      log,
      /ends: A handler of kprobe "vfs_read" made vfs_read go on at 0x0: nothing is mapped there\n/,
    );
    assertEquals(k.oopses.all()[0]?.pid, doomed!["pid"]);
  });

  Deno.test(`${arch}: a made-up argument that is no pointer is an oops of the function that follows it`, async () => {
    const k = await bootTest(arch);
    const file = { x86_64: "di", arm64: "x0", i386: "ax" }[arch];
    probe(k, "vfs_read", (regs) => regs.set(file, 0x10));
    const { exitCode, log } = readBack(k);
    assertEquals(exitCode, 11);
    assertMatch(
      log,
      arch === "arm64" ? /NULL pointer dereference/ : /#PF: supervisor read access in kernel mode/,
    );
    assertMatch(log, /What a handler did to vfs_read led astray: Cannot read memory/);
  });

  Deno.test(`${arch}: a function that waits can stand in where the caller can, and not where it can't`, async () => {
    const k = await bootTest(arch);
    probe(k, "vfs_read", (regs) => {
      k.current.wait = { until: k.now() + 5e6 };
      k.current.state = TASK_INTERRUPTIBLE;
      return to(k, "schedule_timeout")(regs);
    });
    const before = k.now();
    assertEquals([readBack(k).exitCode, k.now() - before > 5e6], [null, true]);
    const k2 = await bootTest(arch);
    probe(k2, "__fdget_pos", (regs) => {
      k2.current.wait = { until: k2.now() + 5e6 };
      k2.current.state = TASK_INTERRUPTIBLE;
      return to(k2, "schedule_timeout")(regs);
    });
    const died = readBackFrom(k2);
    assertEquals(died.exitCode, 11);
    assertMatch(died.log, /it waits, and the model's caller of __fdget_pos cannot/);
  });

  Deno.test(`${arch}: kernel threads and faults of user space die as system calls do`, async () => {
    const k = await bootTest(arch);
    probe(k, "mutex_lock", (regs) => {
      regs.ip = 8;
      return 1;
    });
    const thread = k.tasks.create({ comm: "thread", kthread: true });
    let after = false;
    k.scheduler.spawn(
      thread,
      (function* (): Coroutine {
        k.calls.enter(thread, fn("mutex_lock"), [0], undefined, { kind: "kthread" });
        after = true;
        yield { until: 0 };
      })(),
    );
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals([after, thread.exitCode, thread.depth], [false, 11, 0]);
    probe(k, "handle_mm_fault", (regs) => {
      regs.ip = 8;
      return 1;
    });
    const task = k.tasks.create({ comm: "touches" });
    const area = task.userSpace;
    assert(area !== null);
    k.scheduler.spawn(
      task,
      (function* (): Coroutine {
        const program = new TestProgram(k, task);
        const at = yield* program.call(pick(k, "mmap2", "mmap"), 0, 4096, 3, 0x22, -1, 0);
        accessUser(k, task, at, { write: true });
        after = true;
      })(),
    );
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals([after, task.exitCode], [false, 11]);
  });

  Deno.test(`${arch}: an interrupt or init that can't go on is a panic`, async () => {
    const k = await bootTest(arch);
    probe(k, "hrtimer_interrupt", (regs) => {
      regs.ip = 8;
      return 1;
    });
    start(k, "sleeps", function* (p) {
      yield* p.call("nanosleep", sleepFor(p, 50), 0);
    });
    assertThrows(
      () => k.scheduler.run(),
      KernelBug,
      "Kernel panic - not syncing: Fatal exception in interrupt",
    );
    assertMatch(k.dmesg(), /Kernel panic - not syncing: Fatal exception in interrupt\n$/);
    const k2 = await bootTest(arch);
    probe(k2, "mutex_lock", (regs) => {
      regs.ip = 8;
      return 1;
    });
    k2.current = k2.tasks.init;
    assertThrows(
      () => k2.calls.enter(k2.tasks.init, fn("mutex_lock"), [0], undefined, { kind: "bare" }),
      KernelBug,
      "Attempted to kill init! exitcode=0x0000000b",
    );
  });
}

Deno.test("a module's function can stand in for one of the kernel's", async () => {
  for (const arch of ARCHES) {
    const k = await bootTest(arch);
    const args: number[][] = [];
    const result = k.modules.insmod({
      name: "stand_in",
      functions: { my_read: {} },
      setup: () => ({
        init: () => 0,
        functions: {
          my_read: (...given) => {
            args.push(given);
            return 42;
          },
        },
      }),
    });
    assertEquals(result, 0);
    const target = k.image.symbol("my_read")?.address ?? NaN;
    let file = 0;
    probe(k, "vfs_read", (regs) => {
      file = regs.arg(0);
      regs.ip = target;
      return 1;
    });
    assertEquals(readBack(k, 9).results, [42, CONTENT.length]);
    assertEquals([args.length, args[0]?.[0], args[0]?.[2]], [1, file, 9]);
  }
});

function systemCall(arch: Arch, name: string): string {
  return `__${{ x86_64: "x64", arm64: "arm64", i386: "ia32" }[arch]}_sys_${name}`;
}

/** A program that looks up a descriptor. */
function readBackFrom(k: Kernel): Outcome {
  const from = k.log.next;
  const { task } = run(k, function* (p) {
    yield* p.call("read", 0, p.room(16), 4);
  });
  return { results: [], exitCode: task.exitCode, log: k.log.dmesg(from) };
}

function sleepFor(p: TestProgram, ms: number): number {
  const at = p.room(16);
  const word = p.k.arch.wordSize;
  p.k.memory.writeWord(at, 0);
  p.k.memory.writeWord(at + word, ms * 1e6);
  return at;
}
