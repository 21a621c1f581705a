/** What files of procfs say, held against the kernel's objects. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Blocking } from "../../calls/function.ts";
import { MM } from "../../mm/fields.ts";
import { TASK } from "../../process/task.ts";
import { ARCHES, bootTest, run, start, type TestProgram } from "../../syscalls/test_program.ts";
import { AT_FDCWD } from "../modes.ts";

/** All that a file says, read in pieces; the errno where it does not open. */
function* textOf(p: TestProgram, path: string): Blocking<string> {
  const fd = yield* p.call("openat", AT_FDCWD, path, 0, 0);
  if (fd < 0) return String(fd);
  const buf = p.room(1024);
  let text = "";
  for (;;) {
    const count = yield* p.call("read", fd, buf, 1024);
    if (count <= 0) break;
    text += new TextDecoder().decode(p.k.memory.readBytes(buf, count));
  }
  yield* p.call("close", fd);
  return text;
}

function* sleep(p: TestProgram, ns: number): Blocking<void> {
  const word = p.k.image.pointerSize;
  const time = p.room(16);
  p.k.memory.store(time, word, 0);
  p.k.memory.store(time + word, word, ns);
  yield* p.call("nanosleep", time, 0);
}

/** Pointers to strings, with the null at their end. */
function strings(p: TestProgram, ...texts: readonly string[]): number {
  const word = p.k.image.pointerSize;
  const addresses = texts.map((text) => p.text(text));
  const at = p.room((texts.length + 1) * word);
  addresses.forEach((address, i) => p.k.memory.store(at + i * word, word, address));
  p.k.memory.store(at + texts.length * word, word, 0);
  return at;
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: a program's arguments and environment are on its stack and in procfs`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/bin/tool", { mode: 0o100755, size: 16384 });
    const other = start(k, "sh", function* (p) {
      const argv = strings(p, "tool", "-n", "a b", "");
      const envp = strings(p, "HOME=/root", "LANG=C");
      assertEquals(yield* p.call("execve", "/bin/tool", argv, envp), 0);
      p.map();
      yield* sleep(p, 50_000_000);
    });
    const { pid } = other.task;
    run(k, function* (p) {
      yield* sleep(p, 10_000_000);
      assertEquals(yield* textOf(p, `/proc/${pid}/cmdline`), "tool\0-n\0a b\0\0");
      assertEquals(yield* textOf(p, `/proc/${pid}/environ`), "HOME=/root\0LANG=C\0");
      assertEquals(yield* textOf(p, `/proc/${pid}/comm`), "tool\n");
      const buf = p.room(64);
      const count = yield* p.call("readlinkat", AT_FDCWD, `/proc/${pid}/exe`, buf, 64);
      assertEquals(new TextDecoder().decode(p.k.memory.readBytes(buf, count)), "/bin/tool");
      const stat = (yield* textOf(p, `/proc/${pid}/stat`)).trimEnd().split(" ");
      assertEquals(stat.length, 52);
      assertEquals(stat.slice(0, 3), [String(pid), "(tool)", "S"]);
      assertEquals(Number(stat[27]), MM.startStack.get(k, other.task.mm));
      assertEquals(Number(stat[21]), Math.floor(TASK.startTime.get(k, other.task.address) / 1e7));
      const status = yield* textOf(p, `/proc/${pid}/status`);
      assertMatch(status, /^Name:\ttool\nUmask:\t0022\nState:\tS \(sleeping\)\nTgid:\t/);
      assertMatch(status, /\nCapEff:\t000001ffffffffff\n/);
      const statm = (yield* textOf(p, `/proc/${pid}/statm`)).split(" ").map(Number);
      assertEquals(statm[0], MM.totalVm.get(k, other.task.mm));
      const maps = yield* textOf(p, `/proc/${pid}/maps`);
      const areas = maps.trimEnd().split("\n").map((line) => line.split(/[- ]/).slice(0, 2));
      const mapped = areas.reduce((sum, [from, to]) => sum + Number(`0x${to}`) - Number(`0x${from}`), 0);
      assertEquals(mapped, (statm[0] ?? 0) * 4096);
      assertEquals(yield* textOf(p, "/proc/99999/stat"), "-2");
    });
  });

  Deno.test(`${arch}: wrong arguments of execve leave the old program`, async () => {
    const k = await bootTest(arch);
    k.vfs.makePath("/bin/tool", { mode: 0o100755, size: 16384 });
    run(k, function* (p) {
      const bad = p.room(2 * k.image.pointerSize);
      k.memory.store(bad, k.image.pointerSize, 16);
      k.memory.store(bad + k.image.pointerSize, k.image.pointerSize, 0);
      assertEquals(yield* p.call("execve", "/bin/tool", bad, 0), -14);
      assertEquals(yield* p.call("execve", "/bin/tool", 16, 0), -14);
      assertEquals(yield* p.call("execve", "/bin/none", strings(p, "none"), 0), -2);
      assertEquals(p.task.comm, "test");
    });
  });
}

Deno.test("who sleeps is seen where it sleeps, and what it has open", async () => {
  const k = await bootTest();
  k.vfs.makePath("/tmp/file", { content: new Uint8Array(100) });
  const other = start(k, "sleeper", function* (p) {
    const fd = yield* p.call("openat", AT_FDCWD, "/tmp/file", 0o2000000, 0);
    yield* p.call("lseek", fd, 42, 0);
    yield* sleep(p, 50_000_000);
  });
  const { pid } = other.task;
  run(k, function* (p) {
    yield* sleep(p, 10_000_000);
    assertEquals(yield* textOf(p, `/proc/${pid}/wchan`), "hrtimer_nanosleep");
    assertMatch(yield* textOf(p, `/proc/${pid}/stack`), /^\[<0>\] hrtimer_nanosleep\+0x[0-9a-f]+/m);
    assertMatch(yield* textOf(p, `/proc/${pid}/syscall`), /^35 0x/);
    assertMatch(
      yield* textOf(p, `/proc/${pid}/fdinfo/3`),
      /^pos:\t42\nflags:\t02100000\nmnt_id:\t1\nino:\t\d+\n$/,
    );
    const buf = p.room(256);
    const link = yield* p.call("openat", AT_FDCWD, `/proc/${pid}/fd`, 0o200000, 0);
    assert((yield* p.call("getdents64", link, buf, 256)) > 0);
    assertEquals(yield* textOf(p, `/proc/${pid}/oom_score_adj`), "0\n");
    const set = yield* p.call("openat", AT_FDCWD, `/proc/${pid}/oom_score_adj`, 1, 0);
    assertEquals(yield* p.call("write", set, p.text("500\n"), 4), 4);
    assertEquals(yield* p.call("write", set, p.text("5000"), 4), -22);
    assertEquals(yield* textOf(p, `/proc/${pid}/oom_score_adj`), "500\n");
  });
});

Deno.test("memory, processors and disks in numbers", async () => {
  const k = await bootTest();
  run(k, function* (p) {
    const meminfo = yield* textOf(p, "/proc/meminfo");
    const kb = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(meminfo)?.[1]);
    assertEquals(kb("MemTotal"), 2 * 1024 * 1024);
    assert(kb("MemFree") < kb("MemTotal") && kb("MemFree") > 0);
    assert(kb("Slab") > 0 && kb("KernelStack") > 0 && kb("Committed_AS") > 0);
    for (let i = 0; i < 4; i++) yield* sleep(p, 500_000_000);
    const [up = 0, idle = 0] = (yield* textOf(p, "/proc/uptime")).split(" ").map(Number);
    assert(up >= 2 && up < 2.1 && idle > up && idle <= 2 * up, `${up} ${idle}`);
    const stat = yield* textOf(p, "/proc/stat");
    assertMatch(stat, /^cpu {2}\d+ 0 \d+ \d+ 0 0 0 0 0 0\ncpu0 /);
    assert(Number(/^intr (\d+)/m.exec(stat)?.[1]) > 0);
    assertMatch(yield* textOf(p, "/proc/interrupts"), /\nLOC: +\d+ +\d+ +Local timer interrupts\n/);
    assertMatch(yield* textOf(p, "/proc/softirqs"), / +TIMER: +\d+ +\d+\n/);
    assertMatch(yield* textOf(p, "/proc/vmstat"), /^nr_free_pages \d+\n[^]*\npgfault \d+\n/);
    assertMatch(yield* textOf(p, "/proc/version"), /^Linux version 6\.1\.0/);
    assertMatch(yield* textOf(p, "/proc/net/dev"), /\n {4}lo: /);
    assertMatch(yield* textOf(p, "/proc/self/mountinfo"), / - proc proc rw\n/);
  });
});

Deno.test("sockets that listen are in /proc/net/tcp", async () => {
  const k = await bootTest();
  run(k, function* (p) {
    const fd = yield* p.call("socket", 2, 1, 0);
    const address = p.room(16);
    k.memory.store(address, 2, 2);
    k.memory.writeBytes(address + 2, Uint8Array.of(0x1f, 0x90, 127, 0, 0, 1));
    assertEquals(yield* p.call("bind", fd, address, 16), 0);
    assertEquals(yield* p.call("listen", fd, 5), 0);
    const rows = (yield* textOf(p, "/proc/net/tcp")).split("\n");
    assertMatch(rows[1] ?? "", /^ {3}0: 0100007F:1F90 00000000:0000 0A 0{8}:0{8} /);
    assertEquals(rows[1]?.length, 149);
  });
});
