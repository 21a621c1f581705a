import { assertEquals, assertThrows } from "@std/assert";
import { captureHandler, captureValue, MAX_SOURCE } from "./mod.ts";

/** The reason why a function runs as it is. */
function reason(fn: unknown): string {
  const result = captureValue(fn, ".filter()", {});
  return "opaque" in result ? result.opaque.reason : "captured";
}

Deno.test("native and bound functions run as they are", () => {
  assertEquals(reason(Math.max), "a native or bound function has no source to read");
  assertEquals(
    reason(((c: { pid: number }) => c.pid).bind(null)),
    "a native or bound function has no source to read",
  );
  assertEquals(
    reason(new Proxy((c: { pid: number }) => c.pid, {})),
    "a native or bound function has no source to read",
  );
});

Deno.test("what could never work as a handler is refused with a sentence", () => {
  const refused: readonly (readonly [unknown, string])[] = [
    [undefined, "Cannot build .filter() from undefined: it takes a function of the context, c => …"],
    ["c.pid", 'Cannot build .filter() from "c.pid": it takes a function of the context, c => …'],
    [{}, "Cannot build .filter() from an object: it takes a function of the context, c => …"],
    [
      async () => await 1,
      "Cannot build .filter() from an async function: a probe cannot wait; write it without async",
    ],
    [
      function* () {},
      "Cannot build .filter() from a generator: a probe runs it once; write it without the star",
    ],
    [class A {}, "Cannot build .filter() from a class: it takes a function of the context, c => …"],
  ];
  for (const [fn, message] of refused) {
    assertEquals(assertThrows(() => captureValue(fn, ".filter()", {}), TypeError).message, message);
  }
});

Deno.test("a function whose toString lies is read by its real source", () => {
  const fn = (c: { pid: number }) => c.pid;
  fn.toString = () => "c => c.tid";
  const result = captureValue(fn, ".filter()", {});
  assertEquals("value" in result && result.value.op === "builtin" && result.value.name, "pid");
});

Deno.test("very long, very large and very deep functions run as they are", () => {
  const make = (body: string): unknown => new Function(`return c => ${body}`)();
  assertEquals(
    reason(make(`"${"x".repeat(MAX_SOURCE)}"`)),
    `the function is longer than ${MAX_SOURCE} characters`,
  );
  assertEquals(
    reason(make("{" + "if (c.pid) {} ".repeat(40) + "return 1; }")),
    "the function is larger than 5000 expressions",
  );
  assertEquals(reason(make("(".repeat(500) + "c.pid" + ")".repeat(500))), "captured");
  assertEquals(reason(make("!".repeat(900) + "c.pid")), "captured");
});

Deno.test("an opaque function keeps the values of the moment it was given", () => {
  const values = { limit: 3 };
  const outer = 1;
  const result = captureHandler((_c: unknown, v: { limit: number }) => v.limit + outer, ".do()", values);
  if (!("opaque" in result)) throw new Error("must be opaque");
  assertEquals(result.opaque.run(undefined as never), 4);
});
