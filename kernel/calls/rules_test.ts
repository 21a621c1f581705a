import { assertEquals } from "@std/assert";
import { Forest } from "../shapes/forest.ts";
import { behaviour, fn } from "./function.ts";
import { fakeKernel } from "./fake_kernel.ts";

const TEXT = { r_top: ["r_alloc", "r_mid"], r_alloc: [], r_mid: ["r_get", "r_put"], r_get: [], r_put: [] };

function recordings(): Forest {
  const forest = new Forest();
  const get = {
    fn: "r_get",
    self: 5,
    outcome: "pointer" as const,
    result: { from: "argument", index: 0, plus: 16 } as const,
  };
  const put = {
    fn: "r_put",
    self: 5,
    outcome: "zero" as const,
    result: { from: "constant", value: 0 } as const,
  };
  const getId = forest.functionId("r_get");
  const result = { from: "result", fn: getId, plus: -8 } as const;
  const mid = { fn: "r_mid", self: 10, outcome: "pointer" as const, result, calls: [get, put] };
  forest.add({ fn: "r_top", self: 10, outcome: "zero", calls: [{ fn: "r_alloc", self: 5 }, mid] });
  forest.setArgumentRules("r_top", "r_mid", [
    { from: "result", fn: forest.functionId("r_alloc"), plus: 4 },
    { from: "argument", index: 1, plus: 0 },
    { from: "current" },
  ]);
  forest.setArgumentRules("r_mid", "r_get", [{ from: "argument", index: 0, plus: 0 }]);
  forest.setArgumentRules("r_mid", "r_put", [{ from: "result", fn: getId, plus: 1 }, undefined, {
    from: "field",
    index: 0,
    offset: 8,
    size: 8,
    signed: true,
    plus: 0,
  }]);
  return forest;
}

const alloc = behaviour("r_alloc", [], () => 1000);
const top = behaviour("r_top", [alloc], (k) => {
  k.call(alloc);
  return 0;
});

Deno.test("arguments of padded calls come from arguments, results, memory and the running task", () => {
  const { k, engine, task, words } = fakeKernel(TEXT, { shapes: recordings() });
  words.set(1012, 77);
  const seen: Record<string, number[]> = {};
  const unknown: string[] = [];
  engine.armed.onUnknown = (name, argument) => unknown.push(`${name} ${argument}`);
  for (const name of ["r_mid", "r_get", "r_put"]) {
    engine.functionByName(name)!.hooks = {
      offsets: [],
      entry: (regs) => {
        seen[name] = [regs.arg(0), regs.arg(1), regs.arg(2)];
        return false;
      },
      at: () => {},
    };
  }
  k.call(top, 5, 6);
  assertEquals(seen["r_mid"], [1004, 6, task.address]);
  assertEquals(seen["r_get"]![0], 1004);
  assertEquals(seen["r_put"], [1021, 0, 77]);
  assertEquals(unknown.filter((line) => line.startsWith("r_put")), ["r_put 1"]);
});

Deno.test("a shaped call's result follows its rule whether or not it is walked", () => {
  for (const arm of [false, true]) {
    const { k, engine } = fakeKernel(TEXT, { shapes: recordings() });
    if (arm) engine.functionByName("r_get")!.hooks = { offsets: [], entry: () => false, at: () => {} };
    assertEquals(k.call(fn("r_mid"), 500), 508);
  }
});
