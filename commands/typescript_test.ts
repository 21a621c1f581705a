import { assertEquals, assertRejects } from "@std/assert";
import { evaluateExpression } from "./typescript.ts";

Deno.test("an expression sees the scope and loses its types", async () => {
  assertEquals(await evaluateExpression("a + (1 as number)", { a: 2 }), 3);
  assertEquals(await evaluateExpression("{ x: a }", { a: 2 }), { x: 2 });
  assertEquals(await evaluateExpression("await Promise.resolve(a) // end", { a: 2 }), 2);
});

Deno.test("what can't be read or is unknown is an error with its reason", async () => {
  await assertRejects(() => evaluateExpression("a b", { a: 1 }), SyntaxError, "Unexpected identifier");
  const faults: readonly (readonly [text: string, message: string])[] = [
    ["1+", "Unexpected end of input"],
    ["", "Unexpected end of input"],
    ["f(1", "missing ) after argument list"],
    ["{ x: 1", "Unexpected end of input"],
    ["1)", "Unexpected token ')'"],
    ["1; 2", "Unexpected token ';'"],
  ];
  for (const [text, message] of faults) {
    const error = await assertRejects(() => evaluateExpression(text, {}), SyntaxError);
    assertEquals([text, error.message], [text, message]);
  }
  await assertRejects(() => evaluateExpression("kprob()", {}), ReferenceError, "kprob is not defined");
});
