import { assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { fullImage } from "../../image/load.ts";
import type { Arch } from "../../image/model.ts";
import { FakeMachine } from "./fake_machine.ts";
import { Kprobe, KPROBE_FLAG_DISABLED, listLine, OPTIMIZE_DELAY } from "./mod.ts";

const LATER = OPTIMIZE_DELAY + 1;

async function machine(arch: Arch = "x86_64"): Promise<FakeMachine> {
  return new FakeMachine(await fullImage(arch));
}

/** What `kprobes/list` says: offsets and flags, by offset. */
function flags(m: FakeMachine): string[] {
  return [...m.table.listing()].sort((a, b) => a.offset - b.offset)
    .map((l) => listLine(l, "").replace(/^.*\+0x([0-9a-f]+) {4}/, "$1 ").trim());
}

function probe(offset: number, more: Partial<ConstructorParameters<typeof Kprobe>[0]> = {}): Kprobe {
  return new Kprobe({ symbolName: "vfs_read", offset, ...more });
}

Deno.test("probes are optimised as recorded, where no armed neighbour is in the way", async () => {
  // Debian's 6.1: offsets of vfs_read that were probed, and those that were marked then.
  const recorded: Readonly<Partial<Record<Arch, readonly [number[], number[]]>>> = {
    x86_64: [[5, 7, 9, 11, 13, 14, 15, 19, 28, 36], [0x13, 0x1c, 0x24]],
    i386: [[5, 6, 8, 9, 11, 12, 14, 15, 18, 24, 30, 36], [0x12, 0x18, 0x1e, 0x24]],
  };
  for (const arch of ["x86_64", "i386"] as const) {
    const m = await machine(arch);
    const [offsets, marked] = recorded[arch] ?? [[], []];
    const probes = offsets.map((offset) => probe(offset, { flags: KPROBE_FLAG_DISABLED }));
    assertEquals(m.table.registerKprobes(probes), 0);
    assertEquals(flags(m), offsets.map((o) => `${o.toString(16)} [DISABLED]`));
    for (const p of probes) assertEquals(m.table.enableKprobe(p), 0);
    const enabled = offsets.map((o) => o.toString(16) + (marked.includes(o) ? " [OPTIMIZED]" : ""));
    assertEquals(flags(m), enabled);
    m.pass(LATER);
    m.table.optimization = false;
    assertEquals(flags(m), offsets.map((o) => o.toString(16)));
    m.table.optimization = true;
    assertEquals(flags(m), enabled);
    m.pass(LATER);
    for (const p of probes) m.table.disableKprobe(p);
    assertEquals(
      flags(m),
      offsets.map((o) => `${o.toString(16)} [DISABLED]` + (marked.includes(o) ? "[OPTIMIZED]" : "")),
    );
    m.pass(LATER);
    assertEquals(flags(m), offsets.map((o) => `${o.toString(16)} [DISABLED]`));
    assertEquals(m.memory.text.patches(), []);
    assertMatch(
      m.log.dmesg(),
      /kprobe jump-optimization is disabled. All kprobes are based on software breakpoint.\n.*is enabled\. All/,
    );
  }
});

Deno.test("text holds a breakpoint until the worker has run, then a jump", async () => {
  const m = await machine();
  const p = probe(28);
  const at = m.address("vfs_read") + 28;
  assertEquals(m.table.registerKprobe(p), 0);
  assertEquals([m.text(at, 1), flags(m), m.table.pointOf(p)?.step], ["cc", ["1c [OPTIMIZED]"], "slot"]);
  m.pass(OPTIMIZE_DELAY - 1);
  assertEquals(m.text(at, 1), "cc");
  m.pass(1);
  assertEquals([m.text(at, 1), m.table.pointOf(p)?.step], ["e9", "detour"]);
  assertEquals(m.memory.text.patches().map((patch) => patch.bytes.length), [5]);
  // A probe inside the displaced bytes takes the jump back at once.
  const inside = probe(33);
  m.table.registerKprobe(inside);
  assertEquals([m.text(at, 1), flags(m)], ["e9", ["1c [OPTIMIZED]", "21 [OPTIMIZED]"]]);
  const overlapping = probe(19);
  const before = new Kprobe({ symbolName: "vfs_read", offset: 15 });
  m.table.registerKprobe(before);
  assertEquals(flags(m).slice(0, 1), ["f [OPTIMIZED]"]);
  m.pass(LATER);
  m.table.registerKprobe(overlapping);
  assertEquals([m.text(at - 13, 1), flags(m).slice(0, 2)], ["cc", ["f", "13 [OPTIMIZED]"]]);
  // Linux tries to take the neighbour back while the leaving probe still counts as armed: it stays a breakpoint.
  m.table.unregisterKprobe(overlapping);
  assertEquals(flags(m).slice(0, 1), ["f"]);
  m.table.unregisterKprobes([p, inside, before]);
  m.pass(LATER);
  assertEquals([m.table.list(), m.table.points(), m.memory.text.patches()], [[], [], []]);
});

Deno.test("a jump ignores what handlers return and where they point ip", async () => {
  const m = await machine();
  const seen: string[] = [];
  const p = probe(5, {
    label: "first",
    preHandler: (_, regs) => {
      seen.push("first");
      regs.ip = m.address("vfs_open");
      return 1;
    },
  });
  m.table.registerKprobe(p);
  m.table.registerKprobe(probe(5, { preHandler: () => void seen.push("second") }));
  m.table.registerKprobe(probe(5, {
    preHandler: () => {
      seen.push("third");
      return 1;
    },
  }));
  m.call("vfs_read");
  assertEquals(seen.splice(0), ["third"]);
  m.pass(LATER);
  m.call("vfs_read");
  assertEquals([seen, m.resumption], [["third", "second", "first"], null]);
});

Deno.test("a sibling with a post handler, a call among the displaced bytes, or too little room: no jump", async () => {
  const m = await machine();
  m.table.registerKprobe(probe(28));
  m.pass(LATER);
  const post = probe(28, { postHandler: () => {} });
  m.table.registerKprobe(post);
  assertEquals([flags(m), m.text(m.address("vfs_read") + 28, 1)], [["1c", "1c"], "cc"]);
  m.table.unregisterKprobe(post);
  assertEquals(flags(m), ["1c [OPTIMIZED]"]);
  const info = m.image.func("vfs_read");
  const call = info?.callSites().find((s) => s.target === "rw_verify_area");
  const last = info?.boundaries().at(-1);
  assertEquals([m.table.registerKprobe(probe(call?.offset ?? 0)), m.table.registerKprobe(probe(last ?? 0))], [
    0,
    0,
  ]);
  assertEquals(m.table.listing().filter((l) => l.offset !== 28).map((l) => l.optimized), [false, false]);
  assertEquals(m.table.pointAt((info?.address ?? 0) + (call?.offset ?? 0))?.step, "emulated");
});

Deno.test("an address that is still a jump is reused by the next probe there", async () => {
  const m = await machine();
  let hits = 0;
  const first = probe(5, { preHandler: () => void hits++ });
  m.table.registerKprobe(first);
  m.pass(LATER);
  m.table.unregisterKprobe(first);
  // Nobody is left, but the text is not yet restored.
  assertEquals([m.table.list(), m.memory.text.patches().length], [[], 1]);
  m.call("vfs_read");
  assertEquals(hits, 0);
  m.table.registerKprobe(probe(5, { preHandler: () => void hits++ }));
  m.call("vfs_read");
  assertEquals([hits, flags(m)], [1, ["5 [OPTIMIZED]"]]);
  m.pass(LATER);
  assertEquals([m.text(m.address("vfs_read") + 5, 1), m.table.points().length], ["e9", 1]);
});

Deno.test("enabling what is still a jump writes a breakpoint over it: it counts as a jump, and handlers divert", async () => {
  const ways: Readonly<Record<string, (m: FakeMachine, p: Kprobe, make: () => Kprobe) => number>> = {
    enabled: (m, p) => m.table.enableKprobe(p),
    joined: (m, _, make) => m.table.registerKprobe(make()),
  };
  for (const [way, again] of Object.entries(ways)) {
    const m = await machine();
    const at = m.address("vfs_read") + 28;
    const hit = (machine: FakeMachine) => {
      const regs = machine.call("vfs_read");
      regs.ip = at;
      machine.calls.functionByName("vfs_read")?.hooks?.at(28, regs);
      return regs.resumption;
    };
    const make = () =>
      probe(28, {
        preHandler: (_, regs) => {
          regs.ip = 0;
          return 1;
        },
      });
    const p = make();
    m.table.registerKprobe(p);
    m.pass(LATER);
    const jump = m.text(at, 5);
    assertEquals([jump.slice(0, 2), hit(m)], ["e9", null], way);
    assertEquals([m.table.disableKprobe(p), m.text(at, 5)], [0, jump]);
    assertEquals(again(m, p, make), 0);
    for (const ns of [0, LATER]) {
      m.pass(ns);
      assertEquals([m.text(at, 5), m.table.pointOf(p)?.step], [`cc${jump.slice(2)}`, "detour"]);
      assertEquals(flags(m)[0], "1c [OPTIMIZED]");
      assertEquals(hit(m)?.kind, "faults");
    }
    // Made anew, it is a jump again.
    m.table.optimization = false;
    assertEquals([m.text(at, 5).slice(0, 2), m.text(at + 1, 4) === jump.slice(3)], ["cc", false]);
    m.table.optimization = true;
    m.pass(LATER);
    assertEquals([m.text(at, 5), hit(m)], [jump, null]);
    for (const q of [...m.table.list()]) m.table.unregisterKprobe(q);
    m.pass(LATER);
    assertEquals([m.memory.text.patches(), m.table.points()], [[], []]);
  }
});

Deno.test("disarming everything takes jumps back at once", async () => {
  const m = await machine();
  m.table.registerKprobe(probe(5));
  m.pass(LATER);
  m.table.enabled = false;
  assertEquals([flags(m), m.memory.text.patches()], [["5"], []]);
  m.table.enabled = false;
  m.table.enabled = true;
  assertEquals([flags(m), m.text(m.address("vfs_read") + 5, 1)], [["5 [OPTIMIZED]"], "cc"]);
  assertEquals(m.log.records().map((r) => r.text).filter((text) => text.includes("globally")), [
    "kprobes: Kprobes globally disabled",
    "kprobes: Kprobes globally enabled",
  ]);
});

Deno.test("arm64 and entries have no jumps", async () => {
  const arm = await machine("arm64");
  arm.table.registerKprobe(probe(16));
  const x86 = await machine();
  x86.table.registerKprobe(probe(0));
  assertEquals([flags(arm), flags(x86), arm.events.size], [["10"], ["0 [FTRACE]"], 0]);
});

Deno.test("a jump that is on its way out is finished, also where a neighbour made it a breakpoint before", async () => {
  for (const arch of ["x86_64", "i386"] as const) {
    const m = await machine(arch);
    const [low, high] = arch === "x86_64" ? [7, 9] : [6, 8];
    const first = probe(low);
    const at = m.address("vfs_read") + low;
    const text = m.text(at, 8);
    m.table.registerKprobe(first);
    m.pass(LATER);
    m.table.unregisterKprobe(first);
    const second = probe(high);
    m.table.registerKprobe(second);
    m.pass(LATER);
    m.table.unregisterKprobe(second);
    m.pass(LATER);
    assertEquals([m.text(at, 8), m.table.list(), m.table.points(), m.memory.text.patches()], [
      text,
      [],
      [],
      [],
    ]);
  }
});

Deno.test("whatever happened before, text is the kernel's own once no probe is enabled and the worker has run", async () => {
  const steps = fc.array(
    fc.tuple(fc.constantFrom("on", "off", "enable", "disable", "wait"), fc.nat({ max: 2 })),
    { maxLength: 40 },
  );
  for (const arch of ["x86_64", "i386"] as const) {
    const image = await fullImage(arch);
    const boundaries = [...image.func("vfs_read")?.boundaries() ?? []].filter((at) => at > 4).slice(0, 6);
    fc.assert(
      fc.property(
        steps,
        fc.shuffledSubarray(boundaries, { minLength: 3, maxLength: 3 }),
        (history, offsets) => {
          const m = new FakeMachine(image);
          const probes = offsets.map((offset) => probe(offset));
          for (const [what, which] of history) {
            const one = probes[which] as Kprobe;
            // Registering one that is there already is refused, and leaves it as it is.
            if (what === "on") m.table.registerKprobe(one);
            else if (what === "off") m.table.unregisterKprobe(one);
            else if (what === "enable") m.table.enableKprobe(one);
            else if (what === "disable") m.table.disableKprobe(one);
            else m.pass(LATER);
          }
          for (const one of probes) m.table.disableKprobe(one);
          m.pass(LATER);
          assertEquals(m.memory.text.patches(), []);
          for (const one of probes) m.table.unregisterKprobe(one);
          m.pass(LATER);
          assertEquals([m.table.list(), m.table.points()], [[], []]);
        },
      ),
      { seed: 7, numRuns: 500 },
    );
  }
});
