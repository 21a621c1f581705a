import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import type { Arch } from "../../image/model.ts";
import { FakeMachine } from "./fake_machine.ts";
import { KernelBug, Kprobe, Kretprobe } from "./mod.ts";
import { ProbePoint } from "./point.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

async function machine(arch: Arch = "x86_64", cpus = 2): Promise<FakeMachine> {
  return new FakeMachine(await coreImage(arch), cpus);
}

function mustRegister(m: FakeMachine, ...probes: (Kprobe | Kretprobe)[]): void {
  for (const p of probes) {
    assertEquals(p instanceof Kprobe ? m.table.registerKprobe(p) : m.table.registerKretprobe(p), 0);
  }
}

Deno.test("a stack that was tampered with: a warning once, and the handlers stop", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    let ran = 0;
    const rp = new Kretprobe({ symbolName: "vfs_read", handler: () => void ran++ });
    mustRegister(m, rp);
    const tampered = () => {
      m.call("vfs_read", [], 0x4444);
      const { instances } = m.current;
      assert(instances !== null);
      instances.frame += 64;
      m.memory.writeWord(instances.frame, 0);
      return m.ret();
    };
    const from = m.log.next;
    assertEquals([tampered().ip, tampered().ip, ran, rp.pool?.free], [0x4444, 0x4444, 0, 10]);
    const lines = m.log.records(from).map((r) => r.text);
    assertEquals(lines.length, 3);
    assertMatch(lines[1] ?? "", /^WARNING: CPU: 0 PID: 1 at kernel\/.*trampoline_handler$/);
  }
});

Deno.test("calls inside a nested hit's functions miss once for each probe, two levels deep", async () => {
  const m = await machine();
  const deepest = new Kprobe({ symbolName: "do_sys_openat2" });
  const inner = new Kprobe({
    symbolName: "vfs_open",
    preHandler: () => {
      m.call("do_sys_openat2");
      m.ret();
    },
  });
  const outer = new Kprobe({
    symbolName: "vfs_read",
    preHandler: () => {
      // The function that a handler calls calls another one: both are reached while this handler runs.
      m.call("vfs_open");
      m.call("do_sys_openat2");
      m.ret();
      m.ret();
    },
  });
  mustRegister(m, deepest, inner, outer);
  m.call("vfs_read");
  assertEquals([deepest.nmissed, inner.nmissed, outer.nmissed], [1, 1, 0]);
});

Deno.test("a probe on a function that its own handlers call misses twice for one call", async () => {
  const m = await machine();
  const call = () => {
    m.call("vfs_read");
    m.ret();
  };
  const p = new Kprobe({ symbolName: "vfs_read", preHandler: call, postHandler: call });
  mustRegister(m, p);
  m.call("vfs_read");
  assertEquals(p.nmissed, 2);
});

Deno.test("a hit while a nested one is stepped over is the end: the kernel says so and stops", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const p = new Kprobe({ symbolName: "vfs_read" });
    mustRegister(m, p);
    const place = m.table.pointOf(p)?.place;
    assert(place !== undefined);
    // No handler runs while an instruction is stepped over: the state is made by hand.
    const state = { current: p, status: "reenter" as const, hooked: false };
    const facts = { place, onFtrace: false, length: 1, branches: false, detour: null };
    const point = new ProbePoint(m, [state, state], facts);
    const error = assertThrows(() => point.hit(m.call("vfs_open")), KernelBug);
    assertMatch(error.message, /^Cannot step over the kprobe at vfs_read\+0x0: /);
    assertMatch(
      m.log.dmesg(),
      arch === "arm64"
        ? /kprobes: Failed to recover from reentered/
        : /kprobes: Unrecoverable kprobe detected\./,
    );
    assertMatch(m.log.dmesg(), /\.symbol_name = vfs_read, \.offset = 0, /);
  }
});
