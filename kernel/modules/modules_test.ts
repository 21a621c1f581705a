import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import type { Arch } from "../../image/model.ts";
import { Kernel } from "../kernel.ts";
import { parseParams } from "./params.ts";
import { EINVAL, Kprobe, KPROBE_FLAG_GONE, listLine } from "../kprobes/mod.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import { EBUSY, EEXIST, ENOENT } from "../syscalls/errno.ts";
import { type AnyModule, kernelModule } from "./mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

async function boot(arch: Arch = "x86_64"): Promise<Kernel> {
  return new Kernel(await coreImage(arch), ShapeLibrary.empty());
}

function adder(init: (k: Kernel) => number | void = () => 0): AnyModule {
  return kernelModule({
    name: "adder",
    params: { step: 1, label: "x", loud: false },
    functions: {
      add: { calls: ["vfs_read"] },
      hidden: { nokprobe: true },
      early: { section: "init" },
    },
    setup: (k, { step }) => ({
      init: () => init(k),
      exit: () => k.log.printk("adder: gone"),
      functions: { add: (a = 0) => a + step },
    }),
  });
}

Deno.test("a module's function runs and can be probed by name, module and address", async () => {
  for (const arch of ARCHES) {
    const k = await boot(arch);
    const seen: number[] = [];
    const p = new Kprobe({ symbolName: "adder:add", preHandler: (_, regs) => void seen.push(regs.arg(0)) });
    assertEquals(k.kprobes.registerKprobe(p), -ENOENT);
    assertEquals(k.modules.insmod(adder(), { step: 5 }), 0);
    assertEquals([k.kprobes.registerKprobe(p), k.modules.call("adder", "add", 2), seen], [0, 7, [2]]);
    const start = k.image.symbol("adder:add")?.address ?? NaN;
    assertEquals([p.addr, k.image.symbolAt(start + 4)?.offset], [start, 4]);
    assertMatch(k.image.describe(start + 4), /^add\+0x4 \[adder\]$/);
    const [listed] = k.kprobes.listing();
    assert(listed !== undefined);
    const flags = arch === "arm64" ? "" : "[FTRACE]";
    assertEquals(listLine(listed, "A"), `A  k  add+0x0  adder ${flags}`);
    k.kprobes.unregisterKprobe(p);
    k.modules.call("adder", "add", 3);
    assertEquals([seen, k.memory.text.patches()], [[2], []]);
  }
});

Deno.test("probes in a module's text die with it, stay listed, and can be unregistered", async () => {
  const k = await boot();
  const clean = k.image.symbol("adder:add");
  assertEquals(clean, undefined);
  k.modules.insmod(adder());
  let hits = 0;
  const p = new Kprobe({ symbolName: "add", preHandler: () => void hits++ });
  assertEquals(k.kprobes.registerKprobe(p), 0);
  assertEquals([k.modules.rmmod("adder"), p.flags & KPROBE_FLAG_GONE], [0, KPROBE_FLAG_GONE]);
  const [listed] = k.kprobes.listing();
  assertMatch(listLine(listed!, "A"), /^A {2}k {2}add\+0x0 {2}adder \[GONE\]/);
  assertEquals([k.kprobes.enableKprobe(p), k.memory.text.patches()], [-EINVAL, []]);
  k.modules.insmod(adder());
  k.modules.call("adder", "add", 1);
  assertEquals(hits, 0);
  // A new probe on the same address, with the dead one still there.
  const q = new Kprobe({ symbolName: "add", preHandler: () => void hits++ });
  assertEquals(k.kprobes.registerKprobe(q), 0);
  k.modules.call("adder", "add", 1);
  assertEquals(hits, 1);
  k.kprobes.unregisterKprobes([p, q]);
  assertEquals([k.kprobes.list(), k.memory.text.patches()], [[], []]);
});

Deno.test("init text can be probed while the module comes, and never again", async () => {
  const k = await boot();
  const p = new Kprobe({ symbolName: "adder:early" });
  const results: number[] = [];
  k.modules.onChange((module, state) => {
    if (state === "coming") results.push(k.kprobes.registerKprobe(p), Number(module.withinInit(p.addr ?? 0)));
  });
  k.modules.insmod(adder());
  assertEquals([results, p.flags & KPROBE_FLAG_GONE], [[0, 1], KPROBE_FLAG_GONE]);
  assertEquals(k.image.symbol("adder:early"), undefined);
  assertEquals(k.kprobes.registerKprobe(new Kprobe({ address: p.addr ?? 0 })), -ENOENT);
});

Deno.test("what a module forbids is on the blacklist while it is loaded", async () => {
  const k = await boot();
  const before = k.kprobes.blacklist().length;
  k.modules.insmod(adder());
  const p = new Kprobe({ symbolName: "adder:hidden" });
  assertEquals(k.kprobes.registerKprobe(p), -EINVAL);
  assertMatch(k.kprobes.refusalOf(p)?.reason ?? "", /hidden is on the kprobe blacklist: hidden, 0xffffffff/);
  assertEquals([k.kprobes.refusalOf(p)?.name, k.kprobes.blacklist().length], ["EINVAL", before + 1]);
  k.modules.rmmod("adder");
  assertEquals(k.kprobes.blacklist().length, before);
});

Deno.test("loading and unloading answer as the kernel does", async () => {
  const k = await boot();
  const from = k.log.next;
  const states: string[] = [];
  k.modules.onChange((module, state) => states.push(`${module.name} ${state}`));
  assertEquals(k.modules.rmmod("adder"), -ENOENT);
  assertEquals([k.modules.insmod(adder()), k.modules.insmod(adder())], [0, -EEXIST]);
  assertEquals(k.modules.list().map((m) => [m.name, m.state, m.size]), [["adder", "live", 4096]]);
  assertEquals(k.modules.rmmod("adder"), 0);
  assertEquals(k.modules.insmod(adder(() => -12)), -12);
  assertEquals(k.modules.insmod(kernelModule({ name: "stuck", setup: () => ({ init: () => 0 }) })), 0);
  assertEquals(k.modules.rmmod("stuck"), -EBUSY);
  assertEquals(states, [
    "adder coming",
    "adder live",
    "adder going",
    "adder coming",
    "adder going",
    "stuck coming",
    "stuck live",
  ]);
  assertEquals(k.log.records(from).map((r) => r.text), ["adder: gone"]);
  assertThrows(() => kernelModule({ name: "no good", setup: () => ({ init() {} }) }), TypeError, "no good");
  assertThrows(() => k.modules.call("adder", "add"), Error, "no loaded module has that function");
});

Deno.test("what throws while a module comes or goes leaves nothing of it behind", async () => {
  const k = await boot();
  const fail = (what: string): never => {
    throw new RangeError(what);
  };
  const module = (broken: "setup" | "init" | "exit" | null): AnyModule =>
    kernelModule({
      name: "adder",
      params: { step: 1 },
      functions: { add: {} },
      setup: () => {
        if (broken === "setup") fail("setup");
        return {
          init: () => broken === "init" ? fail("init") : 0,
          exit: () => broken === "exit" ? fail("exit") : undefined,
        };
      },
    });
  const states: string[] = [];
  k.modules.onChange((_, state) => states.push(state));
  // A value that has no text can't be parsed.
  const unreadable = { step: Object.create(null) as number };
  const gone = (what: string): void => {
    assertEquals([k.modules.list(), k.modules.rmmod("adder"), k.image.symbol("adder:add")], [
      [],
      -ENOENT,
      undefined,
    ]);
    assertEquals(states.splice(0).at(-1), "going", what);
  };
  for (const broken of ["setup", "init"] as const) {
    assertThrows(() => k.modules.insmod(module(broken)), RangeError, broken);
    gone(broken);
  }
  assertThrows(() => k.modules.insmod(module(null), unreadable), TypeError);
  gone("parameters");
  assertEquals(k.modules.insmod(module("exit")), 0);
  const { base = NaN } = k.modules.get("adder") ?? {};
  const p = new Kprobe({ symbolName: "adder:add" });
  assertEquals(k.kprobes.registerKprobe(p), 0);
  assertThrows(() => k.modules.rmmod("adder"), RangeError, "exit");
  gone("exit");
  assertEquals([k.modules.textAt(base), (p.flags & KPROBE_FLAG_GONE) !== 0], [undefined, true]);
  assertEquals([k.modules.insmod(module(null)), k.modules.rmmod("adder")], [0, 0]);
});

Deno.test("parameters are checked by the type of their default", async () => {
  const k = await boot();
  const from = k.log.next;
  const insmod = (params: Record<string, string | number | boolean>) => {
    const result = k.modules.insmod(adder(), params);
    k.modules.rmmod("adder");
    return result;
  };
  assertEquals([insmod({ step: "0x10" }), insmod({ loud: "on" }), insmod({ label: "a b" })], [0, 0, 0]);
  assertEquals([insmod({ step: "many" }), insmod({ loud: "maybe" }), insmod({ label: "x".repeat(1025) })], [
    -EINVAL,
    -EINVAL,
    -28,
  ]);
  const steps = ["010", "-0x10", "+7", "08", "-2147483648", "2147483648", "1e3", 1.5];
  assertEquals(steps.map((step) => insmod({ step })), [0, 0, 0, -EINVAL, 0, -34, -EINVAL, -EINVAL]);
  assertEquals(parseParams("adder", { step: 1, low: 1 }, { step: "010", low: "-0x10" }), {
    params: { step: 8, low: -16 },
    warnings: [],
  });
  assertEquals([insmod({ size: 3 }), insmod({ constructor: 1, toString: 2, ["__proto__"]: 3 })], [0, 0]);
  const lines = k.log.records(from).map((r) => r.text).filter((text) => text !== "adder: gone");
  assertEquals(lines.slice(0, 2), [
    "adder: `many' invalid for parameter `step'",
    "adder: `maybe' invalid for parameter `loud'",
  ]);
  assertEquals(lines.slice(3, 7), [
    "adder: `08' invalid for parameter `step'",
    "adder: `2147483648' invalid for parameter `step'",
    "adder: `1e3' invalid for parameter `step'",
    "adder: `1.5' invalid for parameter `step'",
  ]);
  assertEquals(lines.slice(7), [
    "adder: unknown parameter 'size' ignored",
    "adder: unknown parameter 'constructor' ignored",
    "adder: unknown parameter 'toString' ignored",
    "adder: unknown parameter '__proto__' ignored",
  ]);
});

Deno.test("another module of the same name has its functions where it puts them", async () => {
  const k = await boot();
  const seen: string[] = [];
  const make = (names: readonly string[]) =>
    kernelModule({
      name: "changing",
      functions: Object.fromEntries(names.map((name) => [name, { size: 6000 }])),
      setup: () => ({
        init: () => 0,
        exit() {},
        functions: Object.fromEntries(names.map((name) => [name, () => void seen.push(name)])),
      }),
    });
  const bases: number[] = [];
  for (const names of [["one"], ["zero", "one"], ["one"]]) {
    assertEquals(k.modules.insmod(make(names)), 0);
    bases.push(k.modules.get("changing")?.base ?? 0);
    const p = new Kprobe({ symbolName: "changing:one", preHandler: () => void seen.push("probe") });
    assertEquals(k.kprobes.registerKprobe(p), 0);
    k.modules.call("changing", "one");
    k.kprobes.unregisterKprobe(p);
    k.modules.rmmod("changing");
  }
  assertEquals(seen, ["probe", "one", "probe", "one", "probe", "one"]);
  assertEquals([bases[0] === bases[1], bases[1] === bases[2]], [false, true]);
});
