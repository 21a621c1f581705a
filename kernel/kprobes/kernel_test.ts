import { assert, assertEquals, assertMatch } from "@std/assert";
import { coreImage, coreShapes } from "../../image/mod.ts";
import type { Arch } from "../../image/model.ts";
import { fn } from "../calls/function.ts";
import { Kernel } from "../kernel.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import { runSyscall } from "../syscalls/entry.ts";
import { Kprobe, Kretprobe } from "./mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];
const PATH = 0x10000;

/** A kernel with one task that can open a file that isn't there. */
async function booted(arch: Arch) {
  const k = new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
  const task = k.tasks.create({ comm: "cat" });
  k.current = task;
  k.memory.user = task.userSpace;
  task.userSpace?.map(PATH, 4096, 3);
  k.memory.writeString(PATH, "/no/such/file");
  const open = (): number => {
    const call = runSyscall(k, task, { name: "openat", args: [-100, PATH, 0, 0] });
    for (let step = call.next();; step = call.next()) if (step.done === true) return step.value;
  };
  return { k, task, open };
}

Deno.test("probes on a system call's path see arguments, results and real return addresses", async () => {
  for (const arch of ARCHES) {
    const { k, task, open } = await booted(arch);
    const seen: string[] = [];
    const entry = new Kprobe({
      symbolName: "do_sys_openat2",
      preHandler: (_, regs) => {
        seen.push(`${regs.arg(0) | 0} ${k.memory.readString(regs.arg(1))}`);
        assertMatch(k.image.describe(regs.returnAddress), /_sys_openat\+0x/);
        assert(regs.sp >= task.stackBase && regs.sp < task.userRegs);
      },
    });
    const name = new Kretprobe({
      symbolName: "getname",
      handler: (_, regs) => {
        const filename = k.structs.field("struct filename", "name").get(regs.returnValue);
        seen.push(k.memory.readString(filename));
      },
    });
    const result = new Kretprobe({
      symbolName: "do_filp_open",
      handler: (_, regs) => {
        seen.push(`${regs.returnValue}`);
        assertMatch(k.image.describe(regs.ip), /^do_sys_openat2\+0x/);
      },
    });
    assertEquals(k.kprobes.registerKprobe(entry), 0);
    assertEquals(k.kprobes.registerKretprobes([name, result]), 0);
    assertEquals(open(), -2);
    assertEquals(seen, ["-100 /no/such/file", "/no/such/file", "-2"]);
    assertEquals(task.instances, null);
    k.kprobes.unregisterKprobe(entry);
    k.kprobes.unregisterKretprobes([name, result]);
    assertEquals([open(), seen.length, k.memory.text.patches()], [-2, 3, []]);
  }
});

Deno.test("what is probed changes neither results nor virtual time", async () => {
  for (const arch of ARCHES) {
    const run = async (names: readonly string[]) => {
      const { k, open } = await booted(arch);
      const probes = names.map((symbolName) => new Kretprobe({ symbolName }));
      for (const rp of probes) assertEquals(k.kprobes.registerKretprobe(rp), 0);
      return [open(), k.now(), open(), k.now()];
    };
    const alone = await run([]);
    assertEquals(
      await run(["do_sys_openat2", "path_openat", "do_filp_open", "kmem_cache_alloc", "getname"]),
      alone,
    );
  }
});

Deno.test("a function that a hooked one jumps to returns through the same trampoline", async () => {
  const { k, task, open } = await booted("x86_64");
  k.memory.writeString(PATH, "/etc");
  const lines: string[] = [];
  const describe = (address: number): string =>
    address === k.kprobes.trampolineAddress ? "the trampoline" : k.image.describe(address);
  const probes = ["vfs_open", "do_dentry_open", "do_filp_open"].map((symbolName) =>
    new Kretprobe({
      symbolName,
      handler: (instance) => void lines.push(`${symbolName} <- ${describe(instance.returnAddress)}`),
    })
  );
  assertEquals(k.kprobes.registerKretprobes(probes), 0);
  assert(open() >= 0);
  assertMatch(
    lines.join("; "),
    /^do_dentry_open <- the trampoline; vfs_open <- path_openat\+0x[0-9a-f]+; do_filp_open <- do_sys_openat2\+0xaf$/,
  );
  assertEquals([task.instances, probes.map((rp) => rp.pool?.free)], [null, [10, 10, 10]]);
  lines.length = 0;
  open();
  assertEquals(lines.length, 3);
});

Deno.test("a hooked return stands where the call has it, whether or not a handler looks at the registers", async () => {
  for (const arch of ARCHES) {
    const { k, task, open } = await booted(arch);
    const { trampolineAddress } = k.kprobes;
    let returned = 0;
    const outer = new Kretprobe({
      symbolName: "do_sys_openat2",
      handler: (instance) => {
        returned++;
        assertMatch(k.image.describe(instance.returnAddress), /_sys_openat\+0x/);
        // The trampoline has put the saved address back before handlers run.
        if (arch !== "arm64") assertEquals(k.memory.readPointer(instance.frame), instance.returnAddress);
      },
    });
    let inside = 0;
    const inner = new Kprobe({
      symbolName: "getname",
      preHandler: () => {
        inside++;
        const frame = task.instances?.frame ?? NaN;
        assert(frame >= task.stackBase && frame < task.userRegs);
        if (arch !== "arm64") assertEquals(k.memory.readPointer(frame), trampolineAddress);
      },
    });
    // Registered first, so its handler runs last, when the return is hooked.
    const same = new Kprobe({
      symbolName: "do_sys_openat2",
      preHandler: (_, regs) => {
        assertEquals(regs.returnAddress, trampolineAddress);
        if (arch === "arm64") assertEquals(regs.get("lr"), trampolineAddress);
        else assertEquals(k.memory.readPointer(regs.sp), trampolineAddress);
        assertEquals(regs.returnAddress, trampolineAddress);
      },
    });
    assertEquals(k.kprobes.registerKprobes([inner]), 0);
    assertEquals(k.kprobes.registerKretprobe(outer), 0);
    assertEquals([open(), returned, inside], [-2, 1, 1]);
    k.kprobes.unregisterKretprobe(outer);
    outer.kp.reset();
    assertEquals(k.kprobes.registerKprobe(same), 0);
    assertEquals(k.kprobes.registerKretprobe(outer), 0);
    assertEquals([open(), returned, inside], [-2, 2, 2]);
  }
});

Deno.test("a return handler that sets the result changes it, also where nothing determined it", async () => {
  const { k, task } = await booted("x86_64");
  const rp = new Kretprobe({ symbolName: "mutex_lock", handler: (_, regs) => void (regs.returnValue = 7) });
  assertEquals(k.kprobes.registerKretprobe(rp), 0);
  assertEquals(k.calls.enter(task, fn("mutex_lock"), [1], undefined, { kind: "bare" }), 7);
  rp.handler = (_, regs) => void (regs.returnValue = 0);
  assertEquals(k.calls.enter(task, fn("mutex_lock"), [1], undefined, { kind: "bare" }), 0);
  rp.handler = (_, regs) => void regs.sp;
  assertEquals(k.calls.enter(task, fn("mutex_lock"), [1], undefined, { kind: "bare" }), NaN);
});
