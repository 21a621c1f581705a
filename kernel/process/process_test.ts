import { assert, assertEquals } from "@std/assert";
import { FILE } from "../fs/fields.ts";
import { fdFile } from "../fs/files_struct.ts";
import { AT_FDCWD, S_IFREG } from "../fs/modes.ts";
import type { Kernel } from "../kernel.ts";
import { MM } from "../mm/fields.ts";
import { mmAt } from "../mm/mm_struct.ts";
import { ARCHES, bootTest, pick, run, start, TestProgram } from "../syscalls/test_program.ts";
import type { Blocking } from "../calls/function.ts";
import { TASK, type Task } from "./task.ts";

/** Gives every task that the kernel makes this program. */
function children(k: Kernel, body: (program: TestProgram) => Blocking<void>): Task[] {
  const made: Task[] = [];
  k.tasks.onNewTask = (task) => {
    made.push(task);
    const program = new TestProgram(k, task);
    k.scheduler.spawn(task, body(program));
  };
  return made;
}

const SIGCHLD = 17;

for (const arch of ARCHES) {
  Deno.test(`${arch}: a task_struct is true in memory`, async () => {
    const k = await bootTest(arch);
    const task = k.tasks.create({ pid: 4711, comm: "a-very-long-program-name", uid: 1000, gid: 100, cpu: 1 });
    const at = task.address;
    assertEquals(k.memory.readString(TASK.comm.at(k, at), 16), "a-very-long-pro");
    assertEquals([TASK.pid.get(k, at), TASK.tgid.get(k, at), TASK.cpu.get(k, at)], [4711, 4711, 1]);
    assertEquals([task.uid, task.gid], [1000, 100]);
    const chain: number[] = [];
    for (let p = at; chain.length < 10; p = TASK.realParent.get(k, p)) {
      chain.push(TASK.pid.get(k, p));
      if (TASK.realParent.get(k, p) === p) break;
    }
    assertEquals(chain, [4711, 1, 0]);
    assertEquals(task.userRegs - task.stackBase > 0, true);
    assertEquals(TASK.stack.get(k, at), task.stackBase);
  });

  Deno.test(`${arch}: fork, exit and wait`, async () => {
    const k = await bootTest(arch);
    const made = children(k, function* (p) {
      yield* p.call("close", 0);
      yield* p.call("exit_group", 7);
      assertEquals(p.task.exitCode, 7 << 8);
    });
    let status = 0;
    const parent = run(k, function* (p) {
      const child = yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
      assertEquals(child, p.task.pid + 1);
      assertEquals(made[0]?.parent, p.task);
      const at = p.room(4);
      assertEquals(yield* p.call("wait4", -1, at, 0, 0), child);
      status = k.memory.readS32(at);
      assertEquals(yield* p.call("wait4", -1, at, 0, 0), -10);
      assertEquals(k.tasks.byPid(child), undefined);
      assert(fdFile(k, p.task.files, 0) !== 0, "the child's close is its own");
    });
    assertEquals(status, 7 << 8);
    assertEquals(parent.task.children, []);
  });

  Deno.test(`${arch}: a wait without WNOHANG sleeps, with it it returns`, async () => {
    const k = await bootTest(arch);
    children(k, function* (p) {
      const at = p.room(16);
      k.memory.store(at, k.image.pointerSize, 0);
      k.memory.store(at + k.image.pointerSize, k.image.pointerSize, 5_000_000);
      assertEquals(yield* p.call("nanosleep", at, 0), 0);
      yield* p.call("exit", 0);
    });
    run(k, function* (p) {
      const child = yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
      assertEquals(yield* p.call("wait4", child, 0, 1, 0), 0);
      const before = k.clock.now;
      assertEquals(yield* p.call("wait4", child, 0, 0, 0), child);
      assert(k.clock.now - before > 4_000_000, `slept ${k.clock.now - before} ns`);
    });
  });

  Deno.test(`${arch}: execve changes the name and the memory, and closes what it should`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/usr/bin/a-program-with-a-long-name", { mode: S_IFREG | 0o755 });
    k.vfs.makePath("/etc/text", { mode: S_IFREG | 0o644 });
    const program = run(k, function* (p) {
      const keep = yield* p.call("openat", AT_FDCWD, "/etc/text", 0, 0);
      const lose = yield* p.call("openat", AT_FDCWD, "/etc/text", 0o2000000, 0);
      const mm = p.task.mm;
      assertEquals(yield* p.call("execve", "/etc/none", 0, 0), -2);
      assertEquals(yield* p.call("execve", "/etc/text", 0, 0), -13);
      assertEquals(p.task.comm, "test");
      assertEquals(yield* p.call("execve", "/usr/bin/a-program-with-a-long-name", 0, 0), 0);
      p.map();
      assertEquals(p.task.comm, "a-program-with-");
      assert(p.task.mm !== mm);
      assert(fdFile(k, p.task.files, keep) !== 0);
      assertEquals(fdFile(k, p.task.files, lose), 0);
      assertEquals(MM.mapCount.get(k, p.task.mm), mmAt(k, p.task.mm)?.areas.length);
    });
    assertEquals(program.task.comm, "a-program-with-");
  });

  Deno.test(`${arch}: a vfork parent waits for execve`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/bin/prog", { mode: S_IFREG | 0o755 });
    const order: string[] = [];
    children(k, function* (p) {
      order.push("child runs");
      assertEquals(yield* p.call("execve", "/bin/prog", 0, 0), 0);
      p.map();
      order.push(`child is ${p.task.comm}`);
      yield* p.call("exit_group", 0);
    });
    run(k, function* (p) {
      const child = yield* p.call("clone", 0x4000 | 0x100 | SIGCHLD, 0, 0, 0, 0);
      order.push("parent goes on");
      assert(child > 0);
      assertEquals(yield* p.call("wait4", child, 0, 0, 0), child);
    });
    assertEquals(order.indexOf("child runs") < order.indexOf("parent goes on"), true);
  });

  Deno.test(`${arch}: pipes make readers wait, and tell them the end`, async () => {
    const k = await bootTest(arch);
    const got: string[] = [];
    let fds: number[] = [];
    children(k, function* (p) {
      yield* p.call("close", fds[0] as number);
      const at = p.room(16);
      k.memory.store(at, k.image.pointerSize, 0);
      k.memory.store(at + k.image.pointerSize, k.image.pointerSize, 1_000_000);
      for (const word of ["one", "two"]) {
        yield* p.call("nanosleep", at, 0);
        assertEquals(yield* p.call("write", fds[1] as number, word, 3), 3);
      }
      yield* p.call("exit_group", 0);
    });
    run(k, function* (p) {
      const at = p.room(8);
      yield* p.call("pipe2", at, 0);
      fds = [k.memory.readS32(at), k.memory.readS32(at + 4)];
      yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
      yield* p.call("close", fds[1] as number);
      const buf = p.room(64);
      for (;;) {
        const length = yield* p.call("read", fds[0] as number, buf, 64);
        assert(length >= 0);
        if (length === 0) break;
        got.push(k.memory.readString(buf, length));
      }
      assert((yield* p.call("wait4", -1, 0, 0, 0)) > 0);
    });
    assertEquals(got, ["one", "two"]);
  });

  Deno.test(`${arch}: a full pipe makes the writer wait, one without readers fails`, async () => {
    const k = await bootTest(arch);
    let fds: number[] = [];
    children(k, function* (p) {
      const buf = p.room(0x8000);
      yield* p.call("close", fds[1] as number);
      let total = 0;
      for (let n = 1; n > 0;) total += n = yield* p.call("read", fds[0] as number, buf, 0x8000);
      assertEquals(total, 3 * 0x8000);
      yield* p.call("exit_group", 0);
    });
    run(k, function* (p) {
      const at = p.room(8);
      yield* p.call("pipe2", at, 0);
      fds = [k.memory.readS32(at), k.memory.readS32(at + 4)];
      yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
      yield* p.call("close", fds[0] as number);
      for (let i = 0; i < 3; i++) {
        assertEquals(yield* p.call("write", fds[1] as number, p.room(0), 0x8000), 0x8000);
      }
      yield* p.call("close", fds[1] as number);
      yield* p.call("wait4", -1, 0, 0, 0);
      yield* p.call("pipe2", at, 0o4000);
      const [read = -1, write = -1] = [k.memory.readS32(at), k.memory.readS32(at + 4)];
      assertEquals(yield* p.call("read", read, p.room(8), 8), -11);
      yield* p.call("close", read);
      // Nobody reads: the call fails, and SIGPIPE ends the program before it sees that.
      yield* p.call("write", write, "x", 1);
      assertEquals(p.task.exitCode, 13);
    });
  });

  Deno.test(`${arch}: a signal ends a task that sleeps`, async () => {
    const k = await bootTest(arch);
    children(k, function* (p) {
      const at = p.room(16);
      k.memory.store(at, k.image.pointerSize, 100);
      k.memory.store(at + k.image.pointerSize, k.image.pointerSize, 0);
      yield* p.call("nanosleep", at, 0);
      assertEquals(p.task.exitCode, 15);
    });
    run(k, function* (p) {
      const child = yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
      assertEquals(yield* p.call("kill", 99999, 15), -3);
      assertEquals(yield* p.call("kill", child, 0), 0);
      assertEquals(yield* p.call("kill", child, 15), 0);
      const at = p.room(4);
      assertEquals(yield* p.call("wait4", child, at, 0, 0), child);
      assertEquals(k.memory.readS32(at), 15);
    });
    assert(k.clock.now < 1e9);
  });

  Deno.test(`${arch}: memory is mapped, protected and given back`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/lib/x.so", { content: new TextEncoder().encode("ELF!"), mode: S_IFREG | 0o755 });
    const mmap = pick(k, "mmap2", "mmap");
    run(k, function* (p) {
      const mm = mmAt(k, p.task.mm);
      assert(mm !== undefined);
      const before = mm.areas.length;
      const at = address(k, yield* p.call(mmap, 0, 0x3000, 3, 0x22, -1, 0));
      assertEquals(at % 4096, 0);
      k.memory.store(at + 0x1000, 4, 42);
      assertEquals(yield* p.call("mprotect", at + 0x1000, 0x1000, 1), 0);
      assertEquals(mm.areas.length, before + 3);
      assertEquals(MM.mapCount.get(k, mm.address), before + 3);
      assertEquals(yield* p.call("munmap", at, 0x3000), 0);
      assertEquals(mm.areas.length, before);
      assertEquals(yield* p.call("munmap", at + 1, 0x1000), -22);
      assertEquals(yield* p.call("mprotect", at, 0x1000, 1), -12);
      assertEquals(yield* p.call(mmap, 0, 0, 3, 0x22, -1, 0), -22);
      assertEquals(yield* p.call(mmap, 0, 0x1000, 1, 2, 99, 0), -9);
      const fd = yield* p.call("openat", AT_FDCWD, "/lib/x.so", 0, 0);
      const file = fdFile(k, p.task.files, fd);
      const text = address(k, yield* p.call(mmap, 0, 0x1000, 1, 2, fd, 0));
      assertEquals(k.memory.readString(text, 4), "ELF!");
      yield* p.call("close", fd);
      assertEquals(FILE.count.get(k, file), 1);
      assertEquals(yield* p.call("munmap", text, 0x1000), 0);
      assertEquals(k.vfs.files.has(file), false);
      const old = address(k, yield* p.call("brk", 0));
      assertEquals(address(k, yield* p.call("brk", old + 0x5000)), old + 0x5000);
      assertEquals(address(k, yield* p.call("brk", old + 0x1000)), old + 0x1000);
    });
  });

  Deno.test(`${arch}: a replay takes results, times and ids from the recording`, async () => {
    const k = await bootTest(arch);
    const program = run(k, function* (p) {
      const begin = k.clock.now;
      const fd = yield* p.replay("openat", [AT_FDCWD, "/etc/hosts", 0, 0], { ret: 7, durationNs: 12_345 });
      assertEquals(fd, 7);
      assertEquals(k.clock.now, begin + 12_345);
      assertEquals(k.vfs.lookup("/etc/hosts")?.inode?.type, S_IFREG);
      const data = new TextEncoder().encode("127.0.0.1");
      assertEquals(yield* p.replay("read", [7, p.room(64), 64], { ret: 49, data }), 49);
      assertEquals(k.vfs.lookup("/etc/hosts")?.inode?.size, 49);
      assertEquals(yield* p.replay("openat", [AT_FDCWD, "/etc/hosts", 0, 0], { ret: -2 }), -2);
      assertEquals(k.vfs.lookup("/etc/hosts"), null);
      assertEquals(yield* p.replay("openat", [AT_FDCWD, "/etc/hosts", 0, 0], { ret: -13 }), -13);
      assertEquals(yield* p.replay("read", [55, p.room(64), 64], { ret: 3 }), 3);
      assertEquals(k.syscalls.warnings.length, 1);
      assertEquals(yield* p.replay("close", [55], { ret: 0 }), 0);
      assertEquals(yield* p.replay("quotactl", [0, 0, 0, 0], { ret: 0, durationNs: 500 }), 0);
      assertEquals(k.syscalls.unmodeled.get("quotactl"), 1);
      const child = yield* p.replay("clone", [SIGCHLD, 0, 0, 0, 0], { ret: 31337, durationNs: 90_000 });
      assertEquals(child, 31337);
      assertEquals(k.tasks.byPid(31337)?.parent, p.task);
      k.tasks.exit(k.tasks.byPid(31337) as Task, 256);
      const before = k.clock.now;
      const waited = yield* p.replay("wait4", [-1, 0, 0, 0], {
        ret: 31337,
        durationNs: 3_000_000,
        interrupted: true,
      });
      assertEquals([waited, k.clock.now - before], [31337, 3_000_000]);
      assertEquals(k.tasks.byPid(31337), undefined);
    });
    assertEquals([...k.syscalls.overruled], []);
    assertEquals(program.task.syscalls, 9);
  });
}

Deno.test("an unknown system call is refused with a sentence", async () => {
  const k = await bootTest("arm64");
  let message = "";
  run(k, function* (p) {
    try {
      yield* p.call("opne");
    } catch (error) {
      message = String(error);
    }
  });
  assert(message.includes('Cannot make system call "opne"'), message);
});

Deno.test("tracepoints tell of calls, forks, programs and exits", async () => {
  const k = await bootTest("x86_64");
  k.vfs.makePath("/bin/prog", { mode: S_IFREG | 0o755 });
  const seen: string[] = [];
  const field = (name: string, of: string) => {
    const info = k.image.tracepoint(name as `${string}:${string}`)?.fields.find((f) => f.name === of);
    if (info === undefined) throw new Error(`${name} has no ${of}`);
    return info;
  };
  const listen = (name: string, of: string) => {
    const info = field(name, of);
    k.tracepoints.register(name, (record) => {
      const value = /char/.test(info.type)
        ? record.str(info.offset, info.size, info.type.startsWith("__data_loc"))
        : String(record.load(info.offset, info.size, info.signed));
      seen.push(`${name.split(":")[1]} ${value}`);
    });
  };
  listen("raw_syscalls:sys_enter", "id");
  listen("syscalls:sys_exit_clone", "ret");
  listen("sched:sched_process_fork", "child_pid");
  listen("task:task_newtask", "comm");
  listen("sched:sched_process_exec", "filename");
  listen("sched:sched_process_exit", "comm");
  children(k, function* (p) {
    yield* p.call("execve", "/bin/prog", 0, 0);
    p.map();
    yield* p.call("exit_group", 0);
  });
  run(k, function* (p) {
    yield* p.call("clone", SIGCHLD, 0, 0, 0, 0);
    yield* p.call("wait4", -1, 0, 0, 0);
  });
  for (
    const line of [
      "sys_enter 56",
      "task_newtask test",
      "sched_process_exec /bin/prog",
      "sched_process_exit prog",
      "sys_enter 231",
    ]
  ) assert(seen.includes(line), `${line} in ${seen.join(", ")}`);
  assertEquals(seen.filter((line) => line.startsWith("sys_exit_clone")).length, 1);
});

Deno.test("two programs that share nothing run beside each other", async () => {
  const k = await bootTest("x86_64");
  const ends: number[] = [];
  for (let i = 0; i < 2; i++) {
    start(k, `p${i}`, function* (p) {
      const at = p.room(16);
      k.memory.store(at, 8, 0);
      k.memory.store(at + 8, 8, 1_000_000);
      yield* p.call("nanosleep", at, 0);
      ends.push(k.clock.now);
    });
  }
  assertEquals(k.scheduler.run().reason, "done");
  assert(ends.every((end) => end >= 1_000_000 && end < 2_000_000), String(ends));
});

function address(k: Kernel, word: number): number {
  return k.image.pointerSize === 4 ? word >>> 0 : word;
}

Deno.test("watching every function changes neither results nor times", async () => {
  async function times(watched: boolean): Promise<readonly string[]> {
    const k = await bootTest("x86_64");
    k.vfs.makePath("/bin/prog", { mode: S_IFREG | 0o755 });
    let hits = 0;
    if (watched) {
      for (const name of k.image.functions()) {
        const fn = k.calls.functionByName(name);
        if (fn === undefined || !k.calls.hitReachable(name)) continue;
        fn.hooks = {
          offsets: [],
          at() {},
          entry() {
            hits++;
            return false;
          },
        };
      }
    }
    const seen: string[] = [];
    const call = function* (p: TestProgram, name: string, ...args: (number | string)[]): Blocking<number> {
      const result = yield* p.call(name, ...args);
      seen.push(`${p.task.comm} ${name} ${result} ${k.clock.now}`);
      return result;
    };
    children(k, function* (p) {
      yield* call(p, "execve", "/bin/prog", 0, 0);
      p.map();
      yield* call(p, "openat", AT_FDCWD, "/tmp/out", 0o1102, 0o644);
      yield* call(p, "write", 3, "text", 4);
      yield* call(p, "exit_group", 0);
    });
    run(k, function* (p) {
      yield* call(p, "clone", SIGCHLD, 0, 0, 0, 0);
      yield* call(p, "wait4", -1, 0, 0, 0);
      yield* call(p, "openat", AT_FDCWD, "/tmp/none", 0, 0);
    });
    assertEquals(hits > 1000, watched);
    return seen;
  }
  assertEquals(await times(true), await times(false));
});
