import { assertEquals, assertMatch } from "@std/assert";
import { coreImage, fullImage } from "../../image/load.ts";
import { MemoryFault } from "../memory/fault.ts";
import { FakeMachine } from "./fake_machine.ts";
import { EEXIST, EINVAL, ENOENT, Kprobe, Kretprobe } from "./mod.ts";

Deno.test("4.18: _do_fork is kernel_clone's name, and there is a fault handler", async () => {
  const m = new FakeMachine(await coreImage("x86_64"), 2, "4.18");
  const traps: number[] = [];
  let handled = 1;
  const p = new Kprobe({
    symbolName: "_do_fork",
    preHandler: () => {
      throw new MemoryFault(0x10, "read", 8);
    },
    faultHandler: (_, regs, trapnr) => {
      traps.push(trapnr, regs.arg(0));
      return handled;
    },
  });
  assertEquals([m.table.registerKprobe(p), p.addr], [0, m.address("kernel_clone")]);
  m.call("kernel_clone", [7]);
  assertEquals([traps, m.table.currentOn(0), m.log.dmesg().includes("BUG")], [[14, 7], null, false]);
  handled = 0;
  m.call("kernel_clone", [8]);
  assertEquals(m.resumption, {
    kind: "faults",
    fault: {
      trap: { kind: "access", address: 0x10, access: "read" },
      reason:
        'A handler of kprobe "_do_fork" made a bad access: Cannot read memory at 0x10: nothing is mapped there',
    },
  });
  const newer = new Kprobe({ symbolName: "kernel_clone" });
  assertEquals(m.table.registerKprobe(newer), -ENOENT);
  assertMatch(m.table.reasonOf(newer) ?? "", /did you mean "_do_fork"\?$/);
  const big = new Kretprobe({ symbolName: "vfs_read", dataSize: 10_000 });
  assertEquals([m.table.registerKretprobe(big), big.maxactive], [0, 2]);
});

Deno.test("6.1 has no fault handler: a fault in a handler is the kernel's own", async () => {
  for (const arch of ["x86_64", "arm64"] as const) {
    const m = new FakeMachine(await coreImage(arch));
    const p = new Kprobe({
      symbolName: "vfs_read",
      preHandler: () => void m.memory.readU8(8),
      faultHandler: () => 1,
    });
    m.table.registerKprobe(p);
    m.call("vfs_read");
    assertEquals(m.resumption?.kind, "faults");
    assertEquals(m.table.currentOn(0), null);
  }
});

Deno.test("2.6.38: every refusal is EINVAL, names forbid instead of ranges, ftrace keeps its sites", async () => {
  const { table } = new FakeMachine(await fullImage("x86_64"), 2, "2.6.38");
  const answer = (symbolName: string, offset = 0) => table.registerKprobe(new Kprobe({ symbolName, offset }));
  assertEquals([answer("nosuch"), answer("vfs_read", 0x10000000), answer("linux_banner")], [
    -EINVAL,
    -EINVAL,
    -EINVAL,
  ]);
  assertEquals([answer("vfs_read"), answer("vfs_read", 5)], [-EINVAL, 0]);
  // Forbidden today by a range, not in the old array; and the reverse.
  assertEquals([answer("kprobe_dispatcher"), answer("do_syscall_64")], [0, 0]);
  assertEquals(answer("preempt_schedule"), -EINVAL);
  const names = table.blacklist().map((range) => range.name);
  assertEquals(names.includes("preempt_schedule") && !names.includes("kprobe_dispatcher"), true);
  const twice = new Kprobe({ symbolName: "vfs_read", offset: 7 });
  assertEquals([table.registerKprobe(twice), table.registerKprobe(twice)], [0, -EINVAL]);
});

Deno.test("before 4.19 an address takes one jprobe, which comes last; 6.1 knows no break handler", async () => {
  for (const release of ["2.6.38", "4.18", "6.1"]) {
    const m = new FakeMachine(await coreImage("arm64"), 2, release);
    const seen: string[] = [];
    const probe = (label: string, jprobe: boolean) =>
      new Kprobe({
        symbolName: "vfs_read",
        preHandler: () => void seen.push(label),
        ...(jprobe ? { breakHandler: () => 1 } : {}),
      });
    const results = [["a", false], ["j", true], ["b", false], ["k", true]] as const;
    const old = release !== "6.1";
    assertEquals(
      results.map(([label, jprobe]) => m.table.registerKprobe(probe(label, jprobe))),
      [0, 0, 0, old ? -EEXIST : 0],
      release,
    );
    m.call("vfs_read");
    assertEquals(seen, old ? ["b", "a", "j"] : ["k", "b", "j", "a"]);
  }
});

Deno.test("before 4.19 a break handler keeps a breakpoint", async () => {
  for (const release of ["4.18", "6.1"]) {
    const m = new FakeMachine(await coreImage("x86_64"), 2, release);
    const jprobe = new Kprobe({ symbolName: "vfs_read", offset: 28, breakHandler: () => 1 });
    assertEquals(m.table.registerKprobe(jprobe), 0);
    m.table.waitForOptimizer();
    assertEquals(m.text(m.address("vfs_read") + 28, 1), release === "4.18" ? "cc" : "e9");
  }
});

Deno.test("2.6.38: a kretprobe takes any offset, and an instance that its entry handler refuses is lost", async () => {
  const m = new FakeMachine(await coreImage("x86_64"), 2, "2.6.38");
  let refuse = 1;
  let returns = 0;
  const rp = new Kretprobe({
    symbolName: "vfs_read",
    offset: 5,
    maxactive: 2,
    dataSize: 5000,
    entryHandler: () => refuse,
    handler: () => void returns++,
  });
  assertEquals(m.table.registerKretprobe(rp), 0);
  m.call("vfs_read");
  m.ret();
  assertEquals([rp.nmissed, rp.pool?.free], [0, 1]);
  refuse = 0;
  m.call("vfs_read", [], 0x4444);
  assertEquals([m.ret().ip, returns, rp.pool?.free], [0x4444, 1, 1]);
  refuse = 1;
  m.call("vfs_read");
  m.ret();
  m.call("vfs_read");
  m.ret();
  assertEquals([rp.nmissed, rp.pool?.free, returns, m.table.instancesOf(rp)], [1, 0, 1, []]);
});
