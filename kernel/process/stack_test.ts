import { assert, assertEquals } from "@std/assert";
import { SP } from "../calls/frame.ts";
import { ARCHES, bootTest, run } from "../syscalls/test_program.ts";

for (const arch of ARCHES) {
  Deno.test(`${arch}: objects on the stack lie above every callee's stack pointer, in no other frame`, async () => {
    const k = await bootTest(arch);
    let seen = 0;
    k.calls.functionByName("vfs_open")!.hooks = {
      offsets: [],
      entry: (regs) => {
        const task = k.current;
        // The path is that of the `struct nameidata` in do_filp_open's frame.
        const path = arch === "i386" ? regs.arg(0) >>> 0 : regs.arg(0);
        assertEquals(regs.sp % (arch === "arm64" ? 16 : 4), 0);
        assert(path > regs.sp && path < task.userRegs, `path ${path - regs.sp} bytes above sp`);
        const frame = task.frames.slice(0, task.depth).find((candidate) =>
          candidate.fn.base === "do_filp_open"
        )!;
        const high = frame.words[SP]!;
        assert(path < high && path >= high - frame.stackSize + 64);
        seen++;
        return false;
      },
      at: () => {},
    };
    k.vfs.makePath("/etc/hosts", {});
    run(k, function* (program) {
      yield* program.call("openat", -100, "/etc/hosts", 0, 0);
    });
    assertEquals(seen, 1);
  });
}
