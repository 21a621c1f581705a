/** The accessors that C programs know are there for modules written here. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Arch, bootKernel, builtinWorkload, linux } from "../mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

for (const arch of ARCHES) {
  Deno.test(`PT_REGS accessors read what vfs_read was called with and gave on ${arch}`, async () => {
    const kernel = await bootKernel({ arch });
    const entries: number[] = [];
    const results: number[] = [];
    const kp = new linux.Kprobe({
      symbolName: "vfs_read",
      preHandler(_p, regs) {
        entries.push(linux.kernelArgument(regs, 2));
        assertEquals(linux.ptRegsParm(regs, 3), linux.kernelArgument(regs, 2));
        assertEquals(linux.kernelStackNth(regs, 0), kernel.memory.readWord(linux.ptRegsSp(regs)));
        assertEquals(linux.ptRegsSp(regs), regs.sp);
        assert(linux.ptRegsIp(regs) === regs.ip && linux.ptRegsFp(regs) === regs.get(regs.model.fpRegister));
        // The macro's quirk: on x86 it is where the return address lies, on arm64 the address.
        const ret = arch === "arm64"
          ? linux.ptRegsRet(regs)
          : kernel.memory.readPointer(linux.ptRegsRet(regs));
        assertEquals(ret, regs.returnAddress);
        assertThrows(() => linux.ptRegsParm(regs, 6), RangeError, "PT_REGS_PARM6");
      },
    });
    const rp = new linux.Kretprobe({
      symbolName: "vfs_read",
      maxactive: 20,
      handler(_instance, regs) {
        results.push(linux.ptRegsRc(regs));
      },
    });
    assertEquals([kernel.kprobes.registerKprobe(kp), kernel.kprobes.registerKretprobe(rp)], [0, 0]);
    builtinWorkload("dd", { blocks: 4 }).start(kernel);
    kernel.scheduler.run();
    assertEquals(entries.length, results.length);
    assert(entries.filter((count) => count === 4096).length >= 4);
    assert(results.filter((count) => count === 4096).length >= 4);
  });
}
