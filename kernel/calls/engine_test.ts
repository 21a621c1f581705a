import { assertEquals, assertThrows } from "@std/assert";
import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import { Forest } from "../shapes/forest.ts";
import { behaviour, blocking, fn } from "./function.ts";
import type { FunctionHooks } from "./hooks.ts";
import { fakeKernel } from "./fake_kernel.ts";

let stackSeen: Addr[] = [];
const inner = behaviour("t_inner", [], (k, a, b) => {
  stackSeen = k.calls.stack(k.current);
  return a! + b!;
});
const tailed = behaviour("t_tailed", [inner], (k, a) => k.call(inner, a, 10));
const inlined = behaviour("t_inlined", [tailed], (k, a) => k.call(tailed, a));
const outer = behaviour("t_outer", [inlined], (k, a) => 2 * k.call(inlined, a));
const sleeper = blocking("t_sleeper", [inner], function* (k, a) {
  k.call(inner, a, 1);
  yield { until: 1000 };
  return k.call(inner, a, 2);
});

const TEXT = {
  t_outer: ["other", "t_tailed"],
  t_tailed: ["jump:t_inner"],
  t_inner: [],
  t_sleeper: ["t_inner"],
};

/** Counts entries and asks for the return of each call. */
function recorder(entries: number[][], hookReturn = true): FunctionHooks {
  return {
    offsets: [],
    entry: (regs) => {
      entries.push([regs.arg(0), regs.arg(1), regs.returnAddress]);
      return hookReturn;
    },
    at: () => {},
  };
}

Deno.test("a call runs the behaviour and pops its frame", () => {
  const { k, task } = fakeKernel(TEXT);
  assertEquals(k.call(outer, 5), 30);
  assertEquals(task.depth, 0);
});

Deno.test("return addresses come from call sites; tail jumps and inlined functions leave none", () => {
  const { k, engine } = fakeKernel(TEXT);
  k.call(outer, 5);
  const outerAt = engine.functionByName("t_outer")?.address ?? 0;
  assertEquals(stackSeen, [outerAt + 0x25]);
});

Deno.test("an armed call has its arguments and return address in registers and on the stack, and runs the trampoline", () => {
  const entries: number[][] = [];
  const { k, engine, returned, task } = fakeKernel(TEXT);
  const armed = engine.functionByName("t_inner");
  const generation = engine.armedGeneration;
  armed!.hooks = recorder(entries);
  assertEquals(engine.armedGeneration, generation + 1);
  assertEquals(k.call(outer, 5), 30);
  const outerAt = engine.functionByName("t_outer")?.address ?? 0;
  assertEquals(entries, [[5, 10, outerAt + 0x25]]);
  assertEquals(returned.map((regs) => regs.returnValue), [15]);
  armed!.hooks = null;
  k.call(outer, 5);
  assertEquals(entries.length, 1);
  assertEquals(task.depth, 0);
});

Deno.test("a handler of the return may change the result, one at entry may skip the function", () => {
  const change = fakeKernel(TEXT, { onReturn: (regs) => regs.returnValue = 100 });
  change.engine.functionByName("t_inner")!.hooks = recorder([]);
  assertEquals(change.k.call(outer, 5), 200);
  const skip = fakeKernel(TEXT);
  skip.engine.functionByName("t_tailed")!.hooks = {
    offsets: [],
    entry: (regs: PtRegs) => {
      regs.overrideReturn(-12);
      return false;
    },
    at: () => {},
  };
  assertEquals(skip.k.call(outer, 5), -24);
});

Deno.test("a blocking call keeps its frames while it waits", () => {
  const { k, engine, task } = fakeKernel(TEXT);
  const run = engine.enterBlocking(task, sleeper, [7], undefined, { kind: "bare" })[Symbol.iterator]();
  assertEquals(run.next().value, { until: 1000 });
  assertEquals(task.frames.slice(0, task.depth).map((f) => f.fn.name), ["", "t_sleeper"]);
  const end = run.next();
  assertEquals([end.done, end.value], [true, 9]);
  assertEquals(task.depth, 0);
  assertThrows(() => k.call(sleeper, 1), Error, "may block");
});

Deno.test("a failing behaviour leaves no frames behind a root call", () => {
  const boom = behaviour("t_boom", [], () => {
    throw new Error("boom");
  });
  const { engine, task } = fakeKernel({ ...TEXT, t_boom: [] });
  assertThrows(() => engine.enter(task, boom, []), Error, "boom");
  assertEquals(task.depth, 0);
});

Deno.test("offsets fire when a call site behind them is reached, or at return where no call is left", () => {
  const seen: number[] = [];
  const a = fn("t_a");
  const b = fn("t_b");
  const parent = behaviour("t_offsets", [a, b], (k) => {
    seen.push(-1);
    k.call(a);
    seen.push(-2);
    k.call(b);
    seen.push(-3);
    return 0;
  });
  const { k, engine } = fakeKernel({ t_offsets: ["t_a", "t_b"], t_a: [], t_b: [] });
  engine.functionByName("t_offsets")!.hooks = {
    offsets: [0x8, 0x10, 0x18, 0x30],
    entry: () => false,
    at: (offset, regs) => {
      assertEquals(regs.ip, engine.functionByName("t_offsets")!.address + offset);
      seen.push(offset);
    },
  };
  k.call(parent);
  assertEquals(seen, [-1, 0x8, 0x10, -2, 0x18, -3, 0x30]);
});

Deno.test("names resolve to the compiler's variants", () => {
  const walk = behaviour("t_walk", [], () => 1);
  const { k, engine } = fakeKernel({ "t_walk.cold": [], "t_walk.part.0.constprop.0": [] });
  let hits = 0;
  engine.functionByName("t_walk.part.0.constprop.0")!.hooks = {
    offsets: [],
    entry: () => {
      hits++;
      return false;
    },
    at: () => {},
  };
  assertEquals(k.call(walk), 1);
  assertEquals([hits, engine.functionByName("t_walk")?.name], [1, "t_walk.part.0.constprop.0"]);
  assertEquals([engine.hitReachable("t_walk"), engine.hitReachable("t_nothing")], [true, false]);
});

Deno.test("padding and budgets: times nest and sum up", () => {
  const leaf = behaviour("t_leaf", [], () => 0);
  const root = behaviour("t_root", [leaf], (k) => {
    k.call(leaf);
    return 0;
  });
  const forest = new Forest();
  forest.add({
    fn: "t_root",
    self: 30,
    outcome: "zero",
    calls: [{ fn: "t_lock", self: 10 }, { fn: "t_leaf", self: 100 }, { fn: "t_unlock", self: 10 }],
  });
  const text = { t_root: ["t_lock", "t_leaf", "t_unlock"], t_lock: [], t_leaf: [], t_unlock: [] };
  const { k, engine, task } = fakeKernel(text, { shapes: forest });
  engine.enter(task, root, []);
  assertEquals(k.clock.now, 150);
  assertEquals([engine.stats.walked, engine.stats.accounted], [2, 2]);
  engine.enter(task, root, [], 1500);
  assertEquals(k.clock.now, 1650);
  const at: number[] = [];
  engine.functionByName("t_unlock")!.hooks = {
    offsets: [],
    entry: () => {
      at.push(k.clock.now - 1650);
      return false;
    },
    at: () => {},
  };
  engine.enter(task, root, [], 1500);
  assertEquals(k.clock.now, 3150);
  assertEquals(at, [1320]);
});

Deno.test("a function that the caller's text has inlined runs as part of it, one that recordings don't show has a frame", () => {
  const depths: Record<string, number> = {};
  const leaf = behaviour("u_leaf", [], (k) => {
    depths["leaf"] = k.current.depth;
    return 0;
  });
  const folded = behaviour("u_folded", [leaf], (k) => k.call(leaf));
  const untraced = behaviour("u_untraced", [leaf], (k) => k.call(leaf));
  const root = behaviour("u_root", [folded, untraced], (k, which) => k.call(which === 0 ? folded : untraced));
  const forest = new Forest();
  forest.add({
    fn: "u_root",
    self: 10,
    outcome: "zero",
    calls: [{ fn: "u_pad", self: 5 }, { fn: "u_leaf", self: 5 }],
  });
  const text = {
    u_root: ["u_pad", "u_untraced", "u_leaf"],
    u_folded: ["u_leaf"],
    u_untraced: ["u_leaf"],
    u_pad: [],
    u_leaf: [],
  };
  const { k, engine } = fakeKernel(text, { shapes: forest });
  k.call(root, 0);
  assertEquals(depths["leaf"], 2);
  k.call(root, 1);
  assertEquals(depths["leaf"], 3);
  // Either way the recorded call of u_leaf is the behaviour's own, and only u_pad is padded.
  assertEquals([engine.stats.walked, engine.stats.accounted], [5, 2]);
  assertEquals(k.clock.now, 40);
});

Deno.test("a call that never returns still finishes what the recordings show", () => {
  const dead = behaviour("n_exit", [inner], (k) => {
    k.call(inner, 1, 2);
    k.calls.neverReturns(k.current);
    throw new Error("gone");
  });
  const forest = new Forest();
  forest.add({ fn: "n_exit", self: 10, calls: [{ fn: "t_inner", self: 5 }, { fn: "n_last", self: 7 }] });
  const { k, engine, task } = fakeKernel({ n_exit: ["t_inner", "n_last"], t_inner: [], n_last: [] }, {
    shapes: forest,
  });
  assertThrows(() => engine.enter(task, dead, []), Error, "gone");
  assertEquals([k.clock.now, task.depth, engine.stats.accounted], [22, 0, 1]);
});

Deno.test("a root call that no recording shows takes its budget too", () => {
  const { k, engine, task } = fakeKernel({ ...TEXT, w_entry: [] });
  assertEquals(engine.enter(task, fn("w_entry"), [], 700), NaN);
  assertEquals(k.clock.now, 700);
  engine.enter(task, outer, [5], 900);
  assertEquals(k.clock.now, 1600);
});

Deno.test("a root call on top of an interrupted one keeps the frames below", () => {
  const softirq = behaviour("v_softirq", [], (k) => k.calls.stack(k.current).length);
  const interrupted = behaviour("t_interrupted", [], (k) => {
    const before = k.calls.stack(k.current).length;
    const inside = k.calls.enter(k.current, softirq, [], undefined, { kind: "irq" });
    return inside * 10 + before;
  });
  const caller = behaviour("t_caller", [interrupted], (k) => k.call(interrupted));
  const { k, task } = fakeKernel({ t_caller: ["t_interrupted"], t_interrupted: [], v_softirq: [] });
  assertEquals(k.call(caller), 11);
  assertEquals(task.depth, 0);
});
