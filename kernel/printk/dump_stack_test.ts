import { assertEquals, assertMatch } from "@std/assert";
import { coreImage, coreShapes } from "../../image/mod.ts";
import { Kernel } from "../kernel.ts";
import { Kprobe } from "../kprobes/mod.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import { runSyscall } from "../syscalls/entry.ts";
import { dumpStack, symbolWithSize } from "./dump_stack.ts";

const PATH = 0x10000;

Deno.test("a handler can log how its function was reached", async () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const k = new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
    const task = k.tasks.create({ comm: "cat", pid: 77 });
    k.current = task;
    k.memory.user = task.userSpace;
    task.userSpace?.map(PATH, 4096, 3);
    k.memory.writeString(PATH, "/etc");
    let dumped = false;
    const p = new Kprobe({
      symbolName: "vfs_open",
      preHandler: (_, regs) => {
        if (!dumped) dumpStack(k, regs.ip);
        dumped = true;
      },
    });
    assertEquals(k.kprobes.registerKprobe(p), 0);
    const from = k.log.next;
    const call = runSyscall(k, task, { name: "openat", args: [-100, PATH, 0, 0] });
    while (call.next().done !== true);
    const lines = k.log.records(from).map((r) => r.text);
    assertMatch(lines[0] ?? "", /^CPU: 0 PID: 77 Comm: cat Not tainted 6\.1\.0-/);
    assertEquals(lines[1], arch === "arm64" ? "Call trace:" : "Call Trace:");
    const trace = lines.filter((line) => line.includes("+0x")).map((line) => line.trim());
    assertMatch(trace[0] ?? "", arch === "arm64" ? /^vfs_open\+0x0\/0x/ : /^vfs_open\+0x1\/0x/);
    assertMatch(trace[1] ?? "", /^(path_openat|do_open.*)\+0x[0-9a-f]+\/0x[0-9a-f]+$/);
    assertEquals(trace.some((line) => line.startsWith("do_sys_openat2+0x")), true);
  }
});

Deno.test("an address without a symbol is shown as a number", async () => {
  const k = new Kernel(await coreImage("x86_64"), ShapeLibrary.empty());
  assertEquals(symbolWithSize(k, 0x10), "0x10");
});
