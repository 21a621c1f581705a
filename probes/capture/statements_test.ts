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
  assertEquals(captured("c => { while (true) {} }"), "`while` cannot run inside a probe");
  assertEquals(
    captured("c => console.log(c.pid)"),
    "`console.log` is a function from outside, which a probe cannot run; write out what it does",
  );
});
