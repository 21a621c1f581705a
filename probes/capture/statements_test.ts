import { assertEquals } from "@std/assert";
import { captureHandler } from "./mod.ts";

/** The captured statements of a source text, without spans; or the reason why there are none. */
function captured(source: string): unknown {
  const fn: unknown = new Function(`return (${source})`)();
  const result = captureHandler(fn, ".do()", {});
  if ("opaque" in result) return result.opaque.reason;
  return JSON.parse(
    JSON.stringify(result.value, (key, value: unknown) => key === "span" ? undefined : value),
  );
}

const pid = { op: "builtin", name: "pid" };
const print = (...parts: unknown[]) => ({ op: "print", parts });

Deno.test("print takes several values, as a function or from the context", () => {
  assertEquals(captured("c => print('pid', c.pid)"), [print("pid", pid)]);
  assertEquals(captured("c => c.print(c.pid)"), [print(pid)]);
  assertEquals(captured("({ print, pid }) => print(pid)"), [print(pid)]);
});

Deno.test("a handler's const is a let of the graph, with a name of its own", () => {
  assertEquals(captured("c => { const p = c.pid; print(p); { const p = 1; print(p); } print(p); }"), [
    { op: "let", name: "p", value: pid },
    print({ op: "local", name: "p" }),
    { op: "let", name: "p_2", value: { op: "literal", value: 1 } },
    print({ op: "local", name: "p_2" }),
    print({ op: "local", name: "p" }),
  ]);
});

Deno.test("if, && and ?: choose what is printed", () => {
  const test = { op: "binary", operator: ">", left: pid, right: { op: "literal", value: 1 } };
  const either = [{ op: "if", test, then: [print("a")], else: [print("b")] }];
  assertEquals(captured("c => { if (c.pid > 1) print('a'); else print('b'); }"), either);
  assertEquals(captured("c => c.pid > 1 ? print('a') : print('b')"), either);
  assertEquals(captured("c => c.pid > 1 && print('a')"), [{ op: "if", test, then: [print("a")], else: [] }]);
  assertEquals(captured("c => c.pid > 1 || print('b')"), [{ op: "if", test, then: [], else: [print("b")] }]);
});

Deno.test("an early return puts the rest into the other branch", () => {
  assertEquals(captured("c => { if (c.pid) { print('a'); return; } print('b'); }"), [
    { op: "if", test: pid, then: [print("a")], else: [print("b")] },
  ]);
  assertEquals(captured("c => { if (c.pid) { const x = 1; if (x) return; } print('b'); }"), [{
    op: "if",
    test: pid,
    then: [
      { op: "let", name: "x", value: { op: "literal", value: 1 } },
      { op: "if", test: { op: "local", name: "x" }, then: [], else: [print("b")] },
    ],
    else: [print("b")],
  }]);
});

Deno.test("a handler that does more runs as it is", () => {
  assertEquals(captured("c => { do {} while (true) }"), "`do while` cannot run inside a probe");
  assertEquals(
    captured("c => console.log(c.pid)"),
    "`console.log` is a function from outside, which a probe cannot run; write out what it does",
  );
});

const local = (name: string) => ({ op: "local", name });
const literal = (value: unknown) => ({ op: "literal", value });

Deno.test("assignments and counting loops are statements", () => {
  assertEquals(captured("c => { let x = 1; x += 2; x++; print(x); }"), [
    { op: "let", name: "x", value: literal(1) },
    { op: "set", name: "x", value: { op: "binary", operator: "+", left: local("x"), right: literal(2) } },
    { op: "set", name: "x", value: { op: "binary", operator: "+", left: local("x"), right: literal(1) } },
    { op: "print", parts: [local("x")] },
  ]);
  assertEquals(captured("c => { for (let i = 0; i < 3; i++) { if (i) return; } }"), [
    { op: "let", name: "i", value: literal(0) },
    {
      op: "while",
      test: { op: "binary", operator: "<", left: local("i"), right: literal(3) },
      update: [{
        op: "set",
        name: "i",
        value: { op: "binary", operator: "+", left: local("i"), right: literal(1) },
      }],
      body: [{ op: "if", test: local("i"), then: [{ op: "return" }], else: [] }],
    },
  ]);
  assertEquals(captured("c => { for (const i of range(0, c.pid)) print(i); exit(1); }"), [
    {
      op: "range",
      name: "i",
      from: literal(0),
      to: { op: "builtin", name: "pid" },
      body: [{ op: "print", parts: [local("i")] }],
    },
    { op: "exit", code: literal(1) },
  ]);
});

Deno.test("only a function's own variables can be assigned", () => {
  assertEquals(captured("c => { c.pid = 1; }"), "only the function's own variables can be assigned");
});
