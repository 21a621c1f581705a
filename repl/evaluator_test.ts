import { assertEquals, assertRejects } from "@std/assert";
import { Evaluator } from "./evaluator.ts";

async function evaluate(lines: readonly string[], scope: Record<string, unknown> = {}): Promise<unknown> {
  const evaluator = new Evaluator(scope, (specifier) => Promise.resolve({ default: specifier, a: 1 }));
  let value: unknown;
  for (const line of lines) value = await evaluator.evaluate(line);
  return value;
}

Deno.test("the value of the last expression comes back, awaited", async () => {
  assertEquals(await evaluate(["1 + 1"]), 2);
  assertEquals(await evaluate(["1; 2; 3"]), 3);
  assertEquals(await evaluate(["await Promise.resolve(4)"]), 4);
  assertEquals(await evaluate(["Promise.resolve(5)"]), 5);
  assertEquals(await evaluate(["const a = 1"]), undefined);
  assertEquals(await evaluate(["{ a: 1 }"]), { a: 1 });
  assertEquals(await evaluate(["if (true) { 1 }"]), undefined);
});

Deno.test("names declared at the prompt live on and may be declared again", async () => {
  assertEquals(await evaluate(["const a = 1", "const a = 2", "a"]), 2);
  assertEquals(
    await evaluate(["const { a, b: [c, ...d], ...e } = { a: 1, b: [2, 3], x: 4 }", "[a, c, d, e]"]),
    [
      1,
      2,
      [3],
      { x: 4 },
    ],
  );
  assertEquals(await evaluate(["let n", "n = 5", "n"]), 5);
  assertEquals(await evaluate(["function f(x: number): number { return x * 2 }", "f(4)"]), 8);
  assertEquals(await evaluate(["g(); function g() { return 1 }", "g()"]), 1);
  assertEquals(await evaluate(["class A { x = 3 }", "new A().x"]), 3);
  assertEquals(await evaluate(["1 + 2", "_ * 2"]), 6);
  assertEquals(await evaluate(["const f = () => 1", "f.name"]), "f");
});

Deno.test("what a block declares stays in the block", async () => {
  await assertRejects(() => evaluate(["{ const inner = 1; inner }", "inner"]), ReferenceError);
});

Deno.test("types are stripped", async () => {
  assertEquals(await evaluate(["const a: number = 1 as number", "a satisfies number"]), 1);
  assertEquals(await evaluate(["interface A { x: number }", "({ x: 1 } as A).x"]), 1);
});

Deno.test("imports go through the host", async () => {
  assertEquals(await evaluate(['import d, { a as b } from "./x.ts"', "[d, b]"]), ["./x.ts", 1]);
  assertEquals(await evaluate(['import * as all from "./y.ts"', "all.default"]), "./y.ts");
  assertEquals(await evaluate(['(await import("./z.ts")).default + "import(1)"']), "./z.tsimport(1)");
});

Deno.test("the scope's names are seen, an arrow function keeps its source", async () => {
  assertEquals(await evaluate(["double(4)"], { double: (x: number) => x * 2 }), 8);
  assertEquals(
    await evaluate(["String(source((c: any) => c.comm === 'cat'))"], { source: (f: unknown) => f }),
    "(c     ) => c.comm === 'cat'",
  );
});

Deno.test("errors come as they are thrown, syntax errors with a place", async () => {
  await assertRejects(() => evaluate(["throw new RangeError('x')"]), RangeError, "x");
  await assertRejects(() => evaluate(["a b c"]), SyntaxError, "Unexpected identifier 'b'");
  await assertRejects(() => evaluate(["enum A { B }"]), SyntaxError, "enum is not supported");
});
