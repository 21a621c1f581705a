/** Where control goes on after a handler set `ip`, by what lies there. */

import { assertEquals, assertMatch } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import type { Arch } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import type { Resumption } from "../arch/resumption.ts";
import { FakeMachine } from "./fake_machine.ts";
import { Kprobe, type KprobeOptions, Kretprobe, OPTIMIZE_DELAY } from "./mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

async function machine(arch: Arch, release?: string): Promise<FakeMachine> {
  return new FakeMachine(await coreImage(arch), 2, release);
}

function register(m: FakeMachine, options: Partial<KprobeOptions>): Kprobe {
  const p = new Kprobe({ symbolName: "vfs_read", ...options });
  assertEquals([m.table.registerKprobe(p), m.table.reasonOf(p)], [0, undefined]);
  return p;
}

/** Where a call of vfs_read goes on whose handler did `change` and returned 1. */
function after(m: FakeMachine, change: (regs: PtRegs, p: Kprobe) => void, offset = 0): Resumption | null {
  const p = register(m, {
    offset,
    preHandler: (kp, regs) => {
      change(regs, kp);
      return 1;
    },
  });
  const regs = m.call("vfs_read", [1, 2, 3, 4]);
  if (offset !== 0) m.calls.functionByName("vfs_read")?.hooks?.at(offset, regs);
  m.current.frames.pop();
  m.table.unregisterKprobe(p);
  m.pass(OPTIMIZE_DELAY);
  assertEquals([m.table.currentOn(0), m.memory.text.patches()], [null, []]);
  return regs.resumption;
}

/** The same in short: what kind, which trap, what the sentence says last. */
function outcome(r: Resumption | null): string {
  if (r === null) return "goes on";
  if (r.kind === "continues") return `continues at ${r.offset}`;
  if (r.kind === "enters") return `enters ${r.name}`;
  if (r.kind === "returns") return r.kind;
  assertMatch(
    r.fault.reason,
    /^(A handler of kprobe "\S+" made \S+ go on at [^:]+: \S|Handlers of the probe at )/,
  );
  const { trap } = r.fault;
  return trap.kind === "page" ? `page ${trap.cause}` : trap.kind;
}

/** Offset of an instruction of vfs_read of several bytes, at `from` or behind. */
function inside(m: FakeMachine, from: number): number {
  const boundaries = [...m.image.func("vfs_read")?.boundaries() ?? []];
  return boundaries.find((at, i) => at >= from && boundaries[i + 1] !== at + 1) ?? NaN;
}

Deno.test("nonzero with ip untouched: inside the breakpoint on x86, the breakpoint again on arm64", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    assertEquals(outcome(after(m, () => {})), arch === "arm64" ? "lockup" : "opcode");
    const at = inside(m, 12);
    assertEquals(outcome(after(m, () => {}, at)), arch === "arm64" ? "lockup" : "opcode");
  }
});

Deno.test("a one-byte instruction is left out where ip stays behind its breakpoint", async () => {
  for (const arch of ["x86_64", "i386"] as const) {
    const m = await machine(arch);
    const boundaries = [...m.image.func("vfs_read")?.boundaries() ?? []];
    const short = boundaries.find((at, i) => at > 5 && boundaries[i + 1] === at + 1) ?? NaN;
    assertEquals(outcome(after(m, () => {}, short)), `continues at ${short + 1}`);
  }
});

Deno.test("the next instruction is where a function goes on anyway; one further on is where it continues", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const next = arch === "arm64" ? 4 : 5;
    assertEquals(outcome(after(m, (regs, p) => regs.ip = (p.addr ?? 0) + next)), "goes on");
    const further = inside(m, 30);
    assertEquals(
      outcome(after(m, (regs, p) => regs.ip = (p.addr ?? 0) + further)),
      `continues at ${further}`,
    );
    const at = inside(m, 12);
    const entry = m.address("vfs_read");
    assertEquals(outcome(after(m, (regs) => regs.ip = entry + further, at)), `continues at ${further}`);
    // The model does not run code twice.
    assertEquals(outcome(after(m, (regs) => regs.ip = entry, at)), "unmodeled");
  }
});

Deno.test("ip on the probe itself hits it again, until the handler lets it go or the CPU counts as stuck", async () => {
  for (const arch of ARCHES) {
    for (const offset of [0, 12]) {
      const m = await machine(arch);
      const at = offset === 0 ? 0 : inside(m, offset);
      let hits = 0;
      let most = 7;
      const rp = new Kretprobe({ symbolName: "vfs_read" });
      register(m, {
        offset: at,
        preHandler: (p, regs) => {
          regs.ip = p.addr ?? 0;
          return ++hits < most ? 1 : 0;
        },
      });
      assertEquals(m.table.registerKretprobe(rp), 0);
      const hit = (): Resumption | null => {
        hits = 0;
        const regs = m.call("vfs_read");
        if (at !== 0) m.calls.functionByName("vfs_read")?.hooks?.at(at, regs);
        return regs.resumption;
      };
      assertEquals([hit(), hits], [null, 7]);
      // Each time round the kretprobe hooked the return; all of them go back with the one return.
      assertEquals(m.table.instancesOf(rp).length, at === 0 ? 7 : 1);
      assertEquals([m.ret().ip, m.current.instances], [m.address("do_sys_openat2") + 0x10, null]);
      assertEquals(rp.pool?.free, 10);
      most = Infinity;
      assertEquals([outcome(hit()), hits], ["lockup", 1000]);
      assertEquals([m.table.currentOn(0), rp.nmissed], [null, at === 0 ? 990 : 0]);
    }
  }
});

Deno.test("a handler that takes its own probe off while it sends control back to it ends the loop", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    let hits = 0;
    register(m, {
      preHandler: (p, regs) => {
        hits++;
        regs.ip = p.addr ?? 0;
        m.table.unregisterKprobe(p);
        return 1;
      },
    });
    assertEquals([m.call("vfs_read").resumption, hits, m.table.points()], [null, 1, []]);
  }
});

Deno.test("another function's entry runs that function, its middle does not", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const other = m.image.func("vfs_open");
    const { address = NaN, size = NaN } = other ?? {};
    const second = other?.boundaries()[1] ?? NaN;
    assertEquals(outcome(after(m, (regs) => regs.ip = address)), "enters vfs_open");
    assertEquals(outcome(after(m, (regs) => regs.ip = address + second)), "unmodeled");
    assertEquals(
      outcome(after(m, (regs) => regs.ip = address + 2)),
      arch === "arm64" ? "alignment" : "opcode",
    );
    // Inside a function neither the stack nor the link register is modeled.
    assertEquals(outcome(after(m, (regs) => regs.ip = address, inside(m, 12))), "unmodeled");
    const padding = m.image.symbolAt(address + size)?.symbol.name === "vfs_open";
    if (padding) {
      assertEquals(
        outcome(after(m, (regs) => regs.ip = address + size)),
        arch === "arm64" ? "unmodeled" : "breakpoint",
      );
    }
  }
});

Deno.test("the caller: by the link register, by an override, by taking the return address off; not by ip alone", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const linked = arch === "arm64";
    assertEquals(outcome(after(m, (regs) => regs.overrideReturn(-5))), "returns");
    assertEquals(
      outcome(after(m, (regs) => regs.ip = regs.returnAddress)),
      linked ? "returns" : "protection",
    );
    const pop = (regs: PtRegs) => {
      regs.ip = regs.returnAddress;
      regs.sp += m.arch.wordSize;
    };
    // What ftrace's call saved of the stack pointer is not loaded again; a breakpoint's frame is.
    assertEquals(outcome(after(m, pop)), linked ? "returns" : "protection");
    assertEquals(outcome(after(m, pop, linked ? 8 : 5)), "returns");
    // An override that something else follows is none.
    const m2 = await machine(arch);
    const changed = after(m2, (regs) => {
      regs.overrideReturn(-5);
      regs.ip = m2.address("vfs_open");
    });
    assertEquals(outcome(changed), "enters vfs_open");
    assertEquals(outcome(after(m2, (regs) => regs.overrideReturn(1), inside(m2, 12))), "unmodeled");
  }
});

Deno.test("on x86_64 the text's own returns return", async () => {
  const m = await machine("x86_64");
  for (const name of ["vfs_read", "ksys_read"]) {
    const { address = NaN } = m.image.func(name) ?? {};
    const site = m.image.func(name)?.callSites().find((one) => one.target === "__x86_return_thunk");
    const at = address + (site?.offset ?? NaN);
    assertEquals(outcome(after(m, (regs) => regs.ip = at)), "returns");
    assertEquals(outcome(after(m, (regs) => regs.ip = at + 1)), "breakpoint");
  }
});

Deno.test("no code: unmapped, data, user memory, addresses that are none", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const to = (ip: number) => outcome(after(m, (regs) => regs.ip = ip));
    assertEquals(to(0), "page absent");
    assertEquals(to(0x4000), "page absent");
    assertEquals(to(m.current.stack), "page data");
    assertEquals(to(m.arch.layout.vmallocEnd - 0x10000), "page absent");
    const end = m.image.symbol("_etext")?.address;
    if (end !== undefined) assertEquals(to(Math.ceil(end / 4096) * 4096 + 0x100000), "page data");
    if (arch === "i386") continue;
    const odd = after(m, (regs) => regs.set(m.arch.ipRegister, 0x1234567812345678n));
    assertEquals(outcome(odd), arch === "x86_64" ? "protection" : "page absent");
    assertMatch(
      odd?.kind === "faults" ? odd.fault.reason : "",
      /at 0x1234567812345678: no address looks like that/,
    );
  }
});

Deno.test("returning 0 loses a change of ip, and a jump-optimised probe loses both", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const target = m.address("vfs_open");
    register(m, { preHandler: (_, regs) => void (regs.ip = target) });
    const regs = m.call("vfs_read");
    assertEquals([regs.resumption, regs.ip], [null, m.address("vfs_read")]);
  }
  const m = await machine("x86_64");
  const target = m.address("vfs_open");
  const kp = register(m, {
    offset: 5,
    preHandler: (_, regs) => {
      regs.ip = target;
      return 1;
    },
  });
  const point = m.table.pointOf(kp);
  assertEquals([outcome(m.call("vfs_read").resumption), point?.step], ["enters vfs_open", "slot"]);
  m.table.waitForOptimizer();
  assertEquals([outcome(m.call("vfs_read").resumption), point?.step], ["goes on", "detour"]);
  // A post handler keeps it from becoming a jump.
  m.table.unregisterKprobe(kp);
  register(m, { offset: 5, preHandler: kp.preHandler ?? (() => {}), postHandler: () => {} });
  m.table.waitForOptimizer();
  assertEquals(outcome(m.call("vfs_read").resumption), "enters vfs_open");
});

Deno.test("of several probes the first that says so decides; what those before it left in ip counts", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const seen: string[] = [];
    const probe = (label: string, result: number, ip?: number) =>
      register(m, {
        label,
        preHandler: (_, regs) => {
          seen.push(label);
          if (ip !== undefined) regs.ip = ip;
          return result;
        },
        postHandler: () => void seen.push(`${label} post`),
      });
    probe("oldest", 0);
    probe("says so", 1);
    probe("sets ip", 0, m.address("vfs_open"));
    assertEquals([outcome(m.call("vfs_read").resumption), seen], ["enters vfs_open", ["sets ip", "says so"]]);
  }
});

Deno.test("a kretprobe hooks the return of a call that an older probe diverts, not of one that a newer does", async () => {
  for (const arch of ARCHES) {
    for (const newer of [true, false]) {
      const m = await machine(arch);
      const rp = new Kretprobe({ symbolName: "vfs_read" });
      const options: Partial<KprobeOptions> = {
        preHandler: (_, regs) => {
          regs.overrideReturn(-5);
          return 1;
        },
      };
      if (!newer) register(m, options);
      assertEquals(m.table.registerKretprobe(rp), 0);
      if (newer) register(m, options);
      const regs = m.call("vfs_read", [], 0x7000);
      assertEquals([outcome(regs.resumption), m.table.instancesOf(rp).length], ["returns", newer ? 0 : 1]);
      assertEquals([m.ret(-5).ip, m.current.instances, rp.nmissed], [0x7000, null, 0]);
    }
  }
});

Deno.test("a post handler's ip counts at a breakpoint, and is put back on an ftrace site", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const target = m.address("vfs_open");
    const postHandler = (_: Kprobe, regs: PtRegs) => void (regs.ip = target);
    const kp = register(m, { postHandler });
    assertEquals(outcome(m.call("vfs_read").resumption), arch === "arm64" ? "enters vfs_open" : "goes on");
    m.table.unregisterKprobe(kp);
    register(m, { offset: arch === "arm64" ? 8 : 5, postHandler });
    assertEquals(outcome(m.call("vfs_read").resumption), "enters vfs_open");
  }
});

Deno.test("a missed hit diverts nothing", async () => {
  const m = await machine("x86_64");
  const inner = register(m, {
    symbolName: "vfs_open",
    preHandler: (_, regs) => {
      regs.overrideReturn(-1);
      return 1;
    },
  });
  let seen: Resumption | null | undefined;
  register(m, {
    preHandler: () => {
      seen = m.call("vfs_open").resumption;
      m.ret();
    },
  });
  m.call("vfs_read");
  assertEquals([seen, inner.nmissed], [null, 1]);
});

Deno.test("older releases divert by the same rules", async () => {
  for (const release of ["4.18", "2.6.38"]) {
    for (const arch of ARCHES) {
      const m = await machine(arch, release);
      // 2.6.38 keeps the ftrace site for ftrace: the instruction behind it stands for the entry.
      const offset = release === "2.6.38" && arch !== "arm64" ? 5 : 0;
      const call = (change: (regs: PtRegs) => void) => {
        const p = register(m, {
          offset,
          preHandler: (_, regs) => {
            change(regs);
            return 1;
          },
        });
        const { resumption } = m.call("vfs_read");
        m.table.unregisterKprobe(p);
        return outcome(resumption);
      };
      assertEquals(call((regs) => regs.overrideReturn(-5)), "returns");
      assertEquals(call((regs) => regs.ip = m.address("vfs_open")), "enters vfs_open");
      assertEquals(call((regs) => regs.ip = 8), "page absent");
    }
  }
});
