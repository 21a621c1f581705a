/** The log of an oops, as each architecture has it. */

import { assertEquals } from "@std/assert";
import { kernelModule } from "../modules/mod.ts";
import { taintMask } from "../printk/taint.ts";
import type { Trap } from "../arch/resumption.ts";
import { Kprobe } from "../kprobes/mod.ts";
import { ARCHES, bootTest, run } from "../syscalls/test_program.ts";

/** What the log has of a task that reads, and is sent to `ip`: times, addresses and offsets left out. */
async function logged(arch: (typeof ARCHES)[number], ip: number): Promise<readonly string[]> {
  const k = await bootTest(arch);
  const probe = new Kprobe({
    symbolName: "vfs_read",
    preHandler(_, regs) {
      regs.ip = ip === 1 ? k.current.address : ip;
      return 1;
    },
  });
  assertEquals(k.kprobes.register(probe), null);
  const from = k.log.next;
  run(k, function* (p) {
    yield* p.call("openat", -100, "/tmp/file", 0o102, 0o644);
    yield* p.call("read", 0, p.room(16), 4);
  });
  return k.log.records(from).map(({ text }) => text.replace(/\+0x[0-9a-f]+\/0x[0-9a-f]+/g, "").trim());
}

Deno.test("x86_64: nothing at the address, and data there", async () => {
  const lines = await logged("x86_64", 0x10);
  assertEquals(lines.slice(0, 4), [
    "BUG: kernel NULL pointer dereference, address: 0000000000000010",
    "#PF: supervisor instruction fetch in kernel mode",
    "#PF: error_code(0x0010) - not-present page",
    "Oops: 0010 [#1] PREEMPT SMP NOPTI",
  ]);
  assertEquals(lines[5], "RIP: 0010:0x10");
  assertEquals(lines.slice(9, 13), ["Call Trace:", "<TASK>", "ksys_read", "do_syscall_64"]);
  assertEquals(lines.slice(-5), [
    "</TASK>",
    "Modules linked in:",
    "CR2: 0000000000000010",
    "---[ end trace 0000000000000000 ]---",
    'kscope: test[301] ends: A handler of kprobe "vfs_read" made vfs_read go on at 0x10: nothing is mapped there',
  ]);
  const data = await logged("x86_64", 1);
  assertEquals(data[0], "kernel tried to execute NX-protected page - exploit attempt? (uid: 0)");
  assertEquals(data.slice(2, 5), [
    "#PF: supervisor instruction fetch in kernel mode",
    "#PF: error_code(0x0011) - permissions violation",
    "Oops: 0011 [#1] PREEMPT SMP NOPTI",
  ]);
});

Deno.test("arm64: nothing at the address, data, and no multiple of 4", async () => {
  const lines = await logged("arm64", 0x10);
  assertEquals(lines.slice(0, 8), [
    "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010",
    "Mem abort info:",
    "ESR = 0x0000000086000004",
    "EC = 0x21: IABT (current EL), IL = 32 bits",
    "SET = 0, FnV = 0",
    "EA = 0, S1PTW = 0",
    "FSC = 0x04: level 0 translation fault",
    "Internal error: Oops: 0000000086000004 [#1] SMP",
  ]);
  assertEquals(
    [lines[8], lines[10], lines[13], lines[14]],
    ["Modules linked in:", "pc : 0x10", "Call trace:", "ksys_read"],
  );
  const data = await logged("arm64", 1);
  assertEquals(
    [data[0]?.replace(/[0-9a-f]{16}/, "X"), data[7]],
    [
      "Unable to handle kernel execute from non-executable memory at virtual address X",
      "Internal error: Oops: 000000008600000f [#1] SMP",
    ],
  );
  const odd = await logged("arm64", 6);
  assertEquals(odd[0], "Internal error: SP/PC alignment exception: 000000008a000000 [#1] SMP");
});

Deno.test("i386: nothing at the address", async () => {
  const lines = await logged("i386", 0x10);
  assertEquals(lines.slice(0, 4), [
    "BUG: kernel NULL pointer dereference, address: 00000010",
    "#PF: supervisor instruction fetch in kernel mode",
    "#PF: error_code(0x0010) - not-present page",
    "Oops: 0010 [#1] PREEMPT SMP NOPTI",
  ]);
  assertEquals([lines[5], lines.includes("CR2: 00000010")], ["EIP: 0x10", false]);
});

Deno.test("oopses are counted; those that Linux would not have are not, and no task ends twice", async () => {
  for (const arch of ARCHES) {
    const k = await bootTest(arch);
    const die = (trap: Trap): string => {
      const from = k.log.next;
      run(k, function* (p) {
        yield* p.call("getpid");
        k.oopses.die({ trap, reason: "because" }, null);
      });
      return k.log.dmesg(from);
    };
    const page: Trap = { kind: "access", address: 0x20, access: "write" };
    const loaded = kernelModule({ name: "adder", setup: () => ({ init: () => 0 }) });
    assertEquals([k.modules.insmod(loaded), taintMask(k)], [0, 0]);
    const first = die(page);
    assertEquals([first.includes("[#1]"), first.includes("Comm: test Not tainted 6.1.0-")], [true, true]);
    assertEquals([first.includes("Modules linked in: adder\n"), taintMask(k)], [true, 128]);
    assertEquals(die({ kind: "unmodeled" }).includes("[#"), false);
    const second = die(page);
    const tainted = `Comm: test Tainted: G${" ".repeat(6)}D${" ".repeat(11)} 6.1.0-`;
    assertEquals([second.includes("[#2]"), second.includes(tainted)], [true, true]);
    assertEquals(
      k.oopses.all().map(({ reason, comm }) => `${comm} ${reason}`),
      Array(3).fill("test because"),
    );
    // do_exit itself can't go on either.
    const probe = new Kprobe({
      symbolName: "do_exit",
      preHandler(_, regs) {
        regs.ip = 8;
        return 1;
      },
    });
    assertEquals(k.kprobes.register(probe), null);
    assertEquals(die(page).includes("Fixing recursive fault but reboot is needed!"), true);
    assertEquals([k.oopses.all().length, k.scheduler.run().reason], [5, "done"]);
  }
});
