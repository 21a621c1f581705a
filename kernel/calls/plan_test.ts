import { assertEquals } from "@std/assert";
import { Forest } from "../shapes/forest.ts";
import { behaviour, fn } from "./function.ts";
import { fakeKernel } from "./fake_kernel.ts";
import type { FunctionHooks } from "./hooks.ts";

const TEXT = {
  p_read: ["p_check", "p_hit", "p_miss", "p_copy", "p_error", "p_touch", "p_odd"],
  p_check: [],
  p_hit: [],
  p_miss: [],
  p_copy: [],
  p_error: [],
  p_touch: [],
  p_odd: [],
};
const hit = fn("p_hit");
const miss = fn("p_miss");
const odd = fn("p_odd");
let script: readonly ("p_hit" | "p_miss" | "p_odd")[] = [];
let result = 0;
const read = behaviour("p_read", [hit, miss, odd], (k) => {
  for (const name of script) k.call(fn(name));
  return result;
});

function recordings(): Forest {
  const forest = new Forest();
  const leaf = (name: string) => ({ fn: name, self: 10 });
  const add = (outcome: "zero" | "positive" | "errno", ...names: string[]) =>
    forest.add({ fn: "p_read", self: 100, outcome, calls: names.map(leaf) });
  for (let i = 0; i < 9; i++) add("positive", "p_check", "p_hit", "p_copy", "p_touch");
  add("positive", "p_check", "p_miss", "p_hit", "p_copy", "p_touch");
  add("errno", "p_check", "p_miss", "p_error");
  return forest;
}

/** The calls that are made when the behaviour follows a script. */
function callsFor(calls: typeof script, returns: number): string {
  script = calls;
  result = returns;
  const { k, engine } = fakeKernel(TEXT, { shapes: recordings() });
  const seen: string[] = [];
  for (const name of Object.keys(TEXT)) {
    const hooks: FunctionHooks = {
      offsets: [],
      entry: () => {
        seen.push(name);
        return false;
      },
      at: () => {},
    };
    engine.functionByName(name)!.hooks = hooks;
  }
  k.call(read);
  return seen.map((name) => name.slice(2)).join(" ");
}

Deno.test("padding follows the variant that fits the calls made", () => {
  assertEquals(callsFor(["p_hit"], 10), "read check hit copy touch");
  assertEquals(callsFor(["p_miss", "p_hit"], 10), "read check miss hit copy touch");
  assertEquals(callsFor(["p_miss"], -5), "read check miss error");
});

Deno.test("calls that no recording shows are made, recorded ones that aren't made are skipped", () => {
  assertEquals(callsFor(["p_hit", "p_odd"], 10), "read check hit odd copy touch");
  assertEquals(callsFor(["p_odd"], -5), "read odd check error");
});

Deno.test("the same key gives the same choice, whatever else was chosen", () => {
  const clocks = [1, 2].map(() => {
    const { k, engine, task } = fakeKernel(TEXT, { shapes: recordings(), seed: 7 });
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      task.syscalls = i;
      script = [];
      const before = k.clock.now;
      engine.enter(task, fn("p_read"), []);
      times.push(k.clock.now - before);
    }
    return times.join();
  });
  assertEquals(clocks[0], clocks[1]);
});

const inner = behaviour("n_inner", [], () => 0);
const outer = behaviour("n_outer", [inner], (k) => k.call(inner));

Deno.test("a modeled call that recordings show inside another one stands for that one", () => {
  const forest = new Forest();
  forest.add({
    fn: "n_outer",
    self: 10,
    calls: [
      { fn: "n_before", self: 10 },
      {
        fn: "n_between",
        self: 10,
        calls: [{ fn: "n_inner", self: 10, calls: [{ fn: "n_leaf", self: 10 }] }],
      },
      { fn: "n_after", self: 10 },
    ],
  });
  const text = {
    n_outer: ["n_before", "n_between", "n_inner", "n_after"],
    n_before: [],
    n_between: ["n_inner"],
    n_inner: ["n_leaf"],
    n_leaf: [],
    n_after: [],
  };
  const { k, engine } = fakeKernel(text, { shapes: forest });
  const seen: string[] = [];
  for (const name of Object.keys(text)) {
    engine.functionByName(name)!.hooks = {
      offsets: [],
      entry: () => {
        seen.push(name);
        return false;
      },
      at: () => {},
    };
  }
  k.call(outer);
  assertEquals(seen, ["n_outer", "n_before", "n_inner", "n_leaf", "n_after"]);
});
