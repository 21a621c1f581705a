import { assertEquals } from "@std/assert";
import type { Expr } from "../../graph/nodes.ts";
import { captureValue } from "./mod.ts";

/** The captured expression of a source text, without spans; or the reason why there is none. */
function captured(source: string, values: Record<string, number> = {}): unknown {
  const fn: unknown = new Function(`return (${source})`)();
  const result = captureValue(fn, ".filter()", values);
  if ("opaque" in result) return result.opaque.reason;
  return JSON.parse(
    JSON.stringify(result.value, (key, value: unknown) => key === "span" ? undefined : value),
  );
}

const builtin = (name: string) => ({ op: "builtin", name });
const literal = (value: unknown) => ({ op: "literal", value });
const arg = (name: string) => ({ op: "arg", name });
const field = (base: unknown, name: string) => ({ op: "field", base, name });
const binary = (left: unknown, operator: string, right: unknown) => ({ op: "binary", operator, left, right });

Deno.test("members of the context become builtins, arguments, fields, elements and registers", () => {
  assertEquals(captured("c => c.pid"), builtin("pid"));
  assertEquals(captured("c => c.duration"), builtin("duration"));
  const name = field(field(field(arg("path"), "dentry"), "d_name"), "name");
  assertEquals(captured("c => c.args.path.dentry.d_name.name"), name);
  assertEquals(captured("c => c?.args?.path?.dentry.d_name['name']"), name);
  assertEquals(captured("c => c.args.pos[0]"), { op: "index", base: arg("pos"), index: literal(0) });
  assertEquals(captured("c => c.regs.di"), { op: "reg", name: "di" });
  assertEquals(captured("c => c.curtask.pid"), field(builtin("curtask"), "pid"));
  assertEquals(captured("c => c.comm.length"), { op: "call", fn: "length", args: [builtin("comm")] });
  assertEquals(captured("c => c.args.q.length"), field(arg("q"), "length"));
});

Deno.test("operators keep their meaning, and === is ==", () => {
  assertEquals(captured("c => c.comm === 'cat'"), binary(builtin("comm"), "==", literal("cat")));
  assertEquals(captured("c => c.pid !== 1 && c.tid > 2"), {
    op: "binary",
    operator: "&&",
    left: binary(builtin("pid"), "!=", literal(1)),
    right: binary(builtin("tid"), ">", literal(2)),
  });
  assertEquals(captured("c => c.pid ?? 0"), binary(builtin("pid"), "??", literal(0)));
  assertEquals(captured("c => -1"), literal(-1));
  assertEquals(captured("c => !c.pid"), { op: "unary", operator: "!", operand: builtin("pid") });
  assertEquals(captured("c => c.pid ? 1 : 2"), {
    op: "cond",
    test: builtin("pid"),
    then: literal(1),
    else: literal(2),
  });
  assertEquals(captured("c => c.args.x === undefined"), binary(arg("x"), "==", literal(null)));
});

Deno.test("tuples and templates keep their parts", () => {
  assertEquals(captured("c => [c.pid, c.comm]"), { op: "tuple", items: [builtin("pid"), builtin("comm")] });
  assertEquals(captured("c => `${c.comm}: ${c.pid}\\n`"), {
    op: "template",
    parts: [builtin("comm"), ": ", builtin("pid"), "\n"],
  });
  assertEquals(captured("c => `plain`"), literal("plain"));
});

Deno.test("calls: string methods and the context's functions", () => {
  assertEquals(captured("c => c.comm.startsWith('c')"), {
    op: "call",
    fn: "startsWith",
    args: [builtin("comm"), literal("c")],
  });
  assertEquals(captured("c => c.arg(2)"), { op: "argn", index: 2 });
  assertEquals(captured("c => c.kstack()"), { op: "kstack", depth: 127 });
  assertEquals(captured("c => c.kstack(3)"), { op: "kstack", depth: 3 });
  assertEquals(captured("c => c.reg('di')"), { op: "reg", name: "di" });
  assertEquals(captured("c => c.ksym(c.arg(0))"), {
    op: "call",
    fn: "ksym",
    args: [{ op: "argn", index: 0 }],
  });
  assertEquals(captured("c => c.str(c.arg(1), 16)"), {
    op: "call",
    fn: "str",
    args: [{ op: "argn", index: 1 }, literal(16)],
  });
  assertEquals(captured("c => Math.trunc(c.pid / 2)"), {
    op: "call",
    fn: "trunc",
    args: [binary(builtin("pid"), "/", literal(2))],
  });
  assertEquals(captured("c => ['cat', 'dd'].includes(c.comm)"), {
    op: "binary",
    operator: "||",
    left: binary(builtin("comm"), "==", literal("cat")),
    right: binary(builtin("comm"), "==", literal("dd")),
  });
  assertEquals(captured("c => c.args.sk.cast('tcp_sock').snd_cwnd"), {
    op: "field",
    base: { op: "cast", base: arg("sk"), type: "tcp_sock *" },
    name: "snd_cwnd",
  });
});

Deno.test("parameters may be taken apart, also functions of the context", () => {
  assertEquals(captured("({ comm, pid: who }) => who"), builtin("pid"));
  assertEquals(captured("({ args: { path: { dentry } } }) => dentry.d_flags"), {
    op: "field",
    base: field(arg("path"), "dentry"),
    name: "d_flags",
  });
  assertEquals(captured("({ arg, kstack }) => [arg(0), kstack(1)]"), {
    op: "tuple",
    items: [{ op: "argn", index: 0 }, { op: "kstack", depth: 1 }],
  });
});

Deno.test("a block's locals are put in place, and early returns become conditions", () => {
  assertEquals(
    captured("c => { const f = c.args.file; const { f_flags } = f; return f_flags & 1; }"),
    binary(field(arg("file"), "f_flags"), "&", literal(1)),
  );
  assertEquals(captured("c => { if (c.pid === 1) return 'init'; return c.comm; }"), {
    op: "cond",
    test: binary(builtin("pid"), "==", literal(1)),
    then: literal("init"),
    else: builtin("comm"),
  });
  assertEquals(captured("function (c) { return c.tid; }"), builtin("tid"));
  assertEquals(captured("c => {}"), literal(null));
});

Deno.test("a local of an inner block does not leak into what follows", () => {
  assertEquals(captured("c => { const x = c.pid; if (c.cpu) { const x = 1; if (x) {} } return x; }"), {
    op: "cond",
    test: builtin("cpu"),
    then: { op: "cond", test: literal(1), then: builtin("pid"), else: builtin("pid") },
    else: builtin("pid"),
  });
});

Deno.test("values given with .with() become literals", () => {
  assertEquals(captured("(c, v) => c.pid > v.limit", { limit: 7 }), binary(builtin("pid"), ">", literal(7)));
  assertEquals(captured("(c, { limit }) => limit", { limit: 7 }), literal(7));
  assertEquals(captured("(c, { limit }) => limit", {}), "no value `limit` was given with .with({ … })");
});

Deno.test("a method of an object is captured as well", () => {
  const holder = {
    test(c: { pid: number }) {
      return c.pid;
    },
  };
  const result = captureValue(holder.test, ".filter()", {});
  assertEquals("value" in result && result.value.op, "builtin");
});

Deno.test("what cannot be captured says why, and points at it", () => {
  const reasons: readonly (readonly [string, string])[] = [
    [
      "c => c.pid > limit",
      "`limit` is a name from outside the function; give its value with .with({ limit }) and take it from the second parameter",
    ],
    [
      "c => helper(c)",
      "`helper` is a function from outside, which a probe cannot run; write out what it does",
    ],
    [
      "c => c.comm.toUpperCase()",
      ".toUpperCase() cannot run inside a probe; startsWith, endsWith, includes and cast can",
    ],
    ["c => { for (const x in c) {} }", "`for in` cannot run inside a probe"],
    ["c => { let n = 0; n **= c.pid; return n; }", "`**=` has no counterpart in a probe"],
    ["c => new Date()", "`new` cannot run inside a probe"],
    ["c => typeof c.pid", "`typeof` has no counterpart in a probe"],
    ["c => c.pid ** 2", "`**` has no counterpart in a probe"],
    ["c => /x/.test(c.comm)", "such a literal has no counterpart in a probe"],
    ["c => c.args === 1", "`args` as a whole is not a value; name one of them"],
    ["c => c === 1", "the context as a whole is not a value; name what is wanted of it"],
    ["c => c.arg", "`arg` is a function; call it"],
    ["c => c.arg(c.pid)", "`arg` takes a number that is written out: arg(1)"],
    ["c => c[c.comm]", "a computed name is not known before the probe runs"],
    ["(c = 1) => 1", "a default value has no counterpart in a probe"],
    ["(...c) => 1", "a rest pattern takes what is not named"],
    ["(c, v, w) => 1", "a handler has two parameters, the context and the values"],
    ["c => Math.random()", "Math.random cannot run inside a probe; Math.trunc and Math.floor can"],
    ["c => this.x", "`this` cannot run inside a probe"],
  ];
  for (const [source, reason] of reasons) assertEquals(captured(source), reason, source);
  const fn: unknown = new Function("return c => c.pid > limit")();
  const result = captureValue(fn, ".filter()", {});
  if (!("opaque" in result)) throw new Error("must be opaque");
  const { source, span } = result.opaque;
  assertEquals(source.slice(span?.start, span?.end), "limit");
});

Deno.test("every span points at its own source", () => {
  const result = captureValue(
    (c: { pid: number; comm: string }) => c.pid > 1 && c.comm === "cat",
    ".filter()",
    {},
  );
  if (!("value" in result) || result.value.op !== "binary") throw new Error("must be captured");
  const text = ({ span }: Expr) => span?.source?.slice(span.start, span.end);
  assertEquals(text(result.value.left), "c.pid > 1");
  assertEquals(text(result.value.right), 'c.comm === "cat"');
});

Deno.test("what has no value is kept for the graph to report", () => {
  const novalue = (name: string) => ({ op: "novalue", name });
  assertEquals(captured("c => c.com === 'cat'"), binary(novalue("com"), "==", literal("cat")));
  assertEquals(captured("({ com }) => com"), novalue("com"));
  assertEquals(captured("c => c.nope(1)"), novalue("nope"));
  assertEquals(captured("c => c"), novalue(""));
  assertEquals(captured("c => c.args"), novalue("args"));
  assertEquals(captured("c => { return [c.pid, c.regs]; }"), {
    op: "tuple",
    items: [builtin("pid"), novalue("regs")],
  });
  // In what runs as it is, the first name that no context has.
  assertEquals(captured("c => helper(c.pid, c.com, c.co)"), novalue("com"));
  assertEquals(captured("({ pid, com }) => helper(pid, com)"), novalue("com"));
  const outside = "`helper` is a function from outside, which a probe cannot run; write out what it does";
  for (
    const source of [
      "c => helper(c['comm'], c[c.comm], c.kstack(2))",
      "c => helper(c.pid, list.map(c => c.com))",
      "c => helper(() => { try { f(); } catch (c) { g(c.message); } })",
      "c => helper(function c() { return c.name; })",
      "(c, v) => helper(v.com)",
    ]
  ) assertEquals(captured(source), outside, source);
});
