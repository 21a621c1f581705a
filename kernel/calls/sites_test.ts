import { assertEquals } from "@std/assert";
import { behaviour } from "./function.ts";
import { fakeKernel } from "./fake_kernel.ts";

let returns: number[] = [];
const leaf = behaviour("t_leaf", [], (k) => {
  returns.push(k.calls.returnAddress(k.current));
  return 0;
});
const other = behaviour("t_other", [], (k) => {
  returns.push(k.calls.returnAddress(k.current));
  return 0;
});
const folded = behaviour("t_folded", [leaf], (k) => k.call(leaf));
const caller = behaviour("t_caller", [leaf, other, folded], (k, turns) => {
  for (let i = 0; i < (turns ?? 0); i++) {
    k.call(leaf);
    k.call(other);
  }
  return k.call(folded);
});

const TEXT = {
  t_caller: ["t_leaf", "t_other", "t_leaf", "jump:t_leaf", "t_leaf"],
  t_leaf: [],
  t_other: [],
};
const [FIRST, OTHER, SECOND, THIRD] = [0x15, 0x25, 0x35, 0x55];

/** Offsets that the calls of one call of `t_caller` returned to. */
function offsets(turns: number, armed: boolean): number[] {
  returns = [];
  const { k, engine } = fakeKernel(TEXT);
  const start = engine.functionByName("t_caller")?.address ?? 0;
  const hooks = { offsets: [], entry: () => false, at: () => {} };
  if (armed) engine.functionByName("t_leaf")!.hooks = hooks;
  k.call(caller, turns);
  return returns.map((address) => address - start);
}

Deno.test("calls of one callee go through the caller's sites in their order, and begin again in a loop", () => {
  for (const armed of [false, true]) {
    assertEquals(offsets(0, armed), [FIRST]);
    // What the text has inlined calls in the caller's place.
    assertEquals(offsets(1, armed), [FIRST, OTHER, SECOND]);
    assertEquals(offsets(3, armed), [FIRST, OTHER, SECOND, OTHER, THIRD, OTHER, FIRST]);
  }
});

Deno.test("each call of the caller begins at the first site", () => {
  returns = [];
  const { k, engine } = fakeKernel(TEXT);
  const start = engine.functionByName("t_caller")?.address ?? 0;
  k.call(caller, 1);
  k.call(caller, 1);
  assertEquals(returns.map((address) => address - start), [FIRST, OTHER, SECOND, FIRST, OTHER, SECOND]);
});
