import { assertEquals, assertThrows } from "@std/assert";
import { coreImage, coreShapes } from "../../image/mod.ts";
import { Kernel } from "../kernel.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import { runSyscall } from "../syscalls/entry.ts";
import { callFromHandler } from "./handler_call.ts";
import { Kprobe, Kretprobe } from "./mod.ts";

const PATH = 0x10000;

async function booted() {
  const k = new Kernel(await coreImage("x86_64"), ShapeLibrary.decode(await coreShapes("x86_64")));
  const task = k.tasks.create({ comm: "cat" });
  k.current = task;
  k.memory.user = task.userSpace;
  task.userSpace?.map(PATH, 4096, 3);
  k.memory.writeString(PATH, "/etc");
  const open = (): number => {
    const call = runSyscall(k, task, { name: "openat", args: [-100, PATH, 0, 0] });
    for (let step = call.next();; step = call.next()) if (step.done === true) return step.value;
  };
  return { k, task, open };
}

Deno.test("functions called by a handler miss their probes, and change neither results nor time", async () => {
  const run = async (probed: boolean) => {
    const { k, open, task } = await booted();
    const inner = new Kprobe({ symbolName: "getname" });
    const returns = new Kretprobe({ symbolName: "getname" });
    const places: readonly (readonly [string, number])[] = [["do_sys_openat2", 0], ["path_openat", 0x5], [
      "vfs_open",
      0,
    ]];
    const outer = places.map(([symbolName, offset]) =>
      new Kprobe({ symbolName, offset, preHandler: () => void callFromHandler(k, "getname", PATH) })
    );
    let calls = 0;
    const after = new Kretprobe({
      symbolName: "do_filp_open",
      handler: () => {
        calls++;
        callFromHandler(k, "getname", PATH);
      },
    });
    if (probed) {
      assertEquals(k.kprobes.registerKprobes([inner, ...outer]), 0);
      assertEquals(k.kprobes.registerKretprobes([returns, after]), 0);
    }
    const results = [open() >= 0, k.now(), open() >= 0, k.now()];
    assertEquals([task.instances, k.kprobes.currentOn(task.cpu)], [null, null]);
    if (probed) {
      // Twice: from each of the probes that calls it, and the return handler.
      assertEquals([calls, inner.nmissed, returns.kp.nmissed, returns.nmissed], [2, 8, 8, 0]);
    }
    return results;
  };
  assertEquals(await run(true), await run(false));
});

Deno.test("a handler can't call what may sleep", async () => {
  const { k } = await booted();
  assertThrows(() => callFromHandler(k, "schedule"), Error, "may block");
});
