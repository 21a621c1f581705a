import { assert, assertEquals, assertMatch } from "@std/assert";
import { coreImage, coreShapes } from "../../image/mod.ts";
import type { Arch } from "../../image/model.ts";
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
  const probes = ["vfs_open", "do_dentry_open", "do_filp_open"].map((symbolName) =>
    new Kretprobe({
      symbolName,
      handler: (instance) =>
        void lines.push(`${symbolName} <- ${k.kprobes.describeReturn(instance.returnAddress)}`),
    })
  );
  assertEquals(k.kprobes.registerKretprobes(probes), 0);
  assert(open() >= 0);
  assertMatch(
    lines.join("; "),
    /^do_dentry_open <- \[unknown\/kretprobe'd\]; vfs_open <- path_openat\+0x[0-9a-f]+; do_filp_open <- do_sys_openat2\+0xaf$/,
  );
  assertEquals([task.instances, probes.map((rp) => rp.pool?.free)], [null, [10, 10, 10]]);
  lines.length = 0;
  open();
  assertEquals(lines.length, 3);
});
