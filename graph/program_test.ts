/** Whole handlers of statements: locals, loops, maps that are written and read, output, exit. */

import { assertEquals, assertThrows } from "@std/assert";
import { coreImage } from "../image/load.ts";
import { BudgetError } from "./codegen/budget.ts";
import { analyze, compile, type CompileOptions } from "./compile.ts";
import { graphFromJson, graphToJson } from "./json.ts";
import type { BinaryOperator, Expr, MapNode, ProbeNode, Program, Statement, Step } from "./nodes.ts";
import { PlainHit } from "./plain_hit.ts";

const image = await coreImage("x86_64");

const num = (value: number | bigint): Expr => ({ op: "literal", value });
const text = (value: string): Expr => ({ op: "literal", value });
const local = (name: string): Expr => ({ op: "local", name });
const bin = (left: Expr, operator: BinaryOperator, right: Expr, signed?: boolean): Expr =>
  signed === undefined
    ? { op: "binary", operator, left, right }
    : { op: "binary", operator, left, right, signed };
const PID: Expr = { op: "builtin", name: "pid" };
const NSECS: Expr = { op: "builtin", name: "nsecs" };
const get = (map: string, ...key: Expr[]): Expr => ({ op: "mapGet", map, key });
const values = (name: string, keyParts: number, more: Partial<MapNode> = {}): MapNode => ({
  name,
  aggregation: { fn: "value" },
  keyParts,
  ...more,
});

function made(steps: readonly Step[], maps: readonly MapNode[], probe: Partial<ProbeNode> = {}): Program {
  const node: ProbeNode = {
    name: "p",
    point: { kind: "kprobe", target: "vfs_read", offset: 0 },
    steps,
    ...probe,
  };
  return { graph: { version: 2, probes: [node], maps }, functions: [] };
}

/** Runs a program, also as its JSON reads back: both give the same. */
function ran(program: Program, hits: readonly PlainHit[], options: CompileOptions = {}): string[] {
  const texts = [program, graphFromJson(graphToJson(program.graph))].map((one) => {
    const compiled = compile(one, image, options);
    for (const hit of hits) {
      for (const attachment of compiled.attachments) attachment.handler(hit);
    }
    return compiled.snapshot().map((map) =>
      `${map.name} ${map.entries.map(({ key, value }) => `${key.join(",")}=${String(value)}`).join(" ")}`
    );
  });
  const [direct = [], again = []] = texts;
  assertEquals(direct, again);
  return direct;
}

function problems(program: Program): string[] {
  return analyze(program, image).diagnostics.map((d) => d.message);
}

Deno.test("a map keeps what was stored, by key, until it is deleted", () => {
  const steps: Step[] = [
    { op: "store", map: "start", key: [PID], value: NSECS },
    {
      op: "if",
      test: bin(PID, ">", num(2)),
      then: [{ op: "delete", map: "start", key: [PID] }],
      else: [{ op: "store", map: "last", key: [], value: get("start", PID) }],
    },
  ];
  const hits = [1, 2, 3].map((pid) => new PlainHit({ pid, nsecs: pid * 10 }));
  assertEquals(ran(made(steps, [values("start", 1), values("last", 0)]), hits), [
    "last =20",
    "start 1=10 2=20",
  ]);
});

Deno.test("what is not there reads as undefined, in C's arithmetic as zero", () => {
  const add: Step[] = [
    { op: "store", map: "n", key: [PID], value: bin(get("n", PID), "+", num(1)) },
    { op: "print", parts: [get("n", num(99)), { op: "mapHas", map: "n", key: [num(99)] }] },
  ];
  const hit = new PlainHit({ pid: 7 });
  assertEquals(ran(made(add, [values("n", 1)], { arithmetic: "c" }), [hit, hit]), ["n 7=2"]);
  assertEquals(hit.printed[0], [0, false]);
  const guarded = made([
    { op: "store", map: "n", key: [PID], value: bin(bin(get("n", PID), "??", num(0)), "+", num(1)) },
    { op: "print", parts: [get("n", num(99))] },
    { op: "print", parts: [bin(get("n", num(99)), "==", { op: "literal", value: null })] },
  ], [values("n", 1)]);
  const plain = new PlainHit({ pid: 7 });
  assertEquals(ran(guarded, [plain, plain]), ["n 7=2"]);
  assertEquals(plain.printed.slice(0, 2), [[null], [true]]);
});

Deno.test("C's arithmetic is exact beyond 2^53 and wraps at 64 bits", () => {
  const big = 0xffff_ffff_ffff_fff0n;
  const cases: [Expr, number | bigint | boolean][] = [
    [bin(num(2 ** 53 - 1), "+", num(2)), 2n ** 53n + 1n],
    [bin(num(big), "+", num(32)), 16],
    [bin(num(7), "/", num(2)), 3],
    [bin(num(7), "/", num(0)), 0],
    [bin(num(1), "<<", num(40)), 2 ** 40],
    [bin(bin(num(1), "<<", num(63)), ">>", num(63)), -1],
    [bin(bin(num(1), "<<", num(63), false), ">>", num(63), false), 1],
    [bin({ op: "unary", operator: "-", operand: num(1) }, ">", num(1), false), true],
    [{ op: "cast", base: bin(num(255), "+", num(2)), type: "uint8" }, 1],
    [{ op: "cast", base: num(200), type: "int8" }, -56],
    [bin({ op: "argn", index: 0 }, "&", num(0xff)), 0xf0],
    [bin({ op: "cast", base: { op: "argn", index: 0 }, type: "uint64" }, ">>", num(60)), 15],
  ];
  for (const [value, expected] of cases) {
    // Once as it is, once where nothing can be folded.
    for (
      const steps of [[], [{
        op: "let",
        name: "z",
        value: bin({ op: "argn", index: 1 }, "*", num(0)),
      }]] as Step[][]
    ) {
      const shown = steps.length === 0 ? value : unfolded(value);
      const hit = new PlainHit({ pid: 5, wide: [big] });
      ran(made([...steps, { op: "print", parts: [shown] }], [], { arithmetic: "c" }), [hit]);
      assertEquals(
        hit.printed[0],
        [expected],
        JSON.stringify(value, (_, v) => typeof v === "bigint" ? `${v}` : v),
      );
    }
  }
});

/** The same with a local that is 0 added to every literal. */
function unfolded(expr: Expr): Expr {
  switch (expr.op) {
    case "binary":
      return { ...expr, left: unfolded(expr.left), right: unfolded(expr.right) };
    case "unary":
      return { ...expr, operand: unfolded(expr.operand) };
    case "cast":
      return { ...expr, base: unfolded(expr.base) };
    case "literal": {
      const sum = bin(expr, "|", local("z"));
      return typeof expr.value === "bigint" ? { op: "cast", base: sum, type: "uint64" } : sum;
    }
    default:
      return expr;
  }
}

Deno.test("64 bits are read from memory exactly", () => {
  const hit = new PlainHit({ args: [0x1000] });
  hit.poke(0x1000, 8, 0xdead_beef_dead_beefn);
  const read: Expr = {
    op: "index",
    base: { op: "cast", base: { op: "argn", index: 0 }, type: "unsigned long *" },
    index: num(0),
  };
  ran(made([{ op: "print", parts: [read, bin(read, "^", read)] }], [], { arithmetic: "c" }), [hit]);
  assertEquals(hit.printed[0], [0xdead_beef_dead_beefn, 0]);
});

const count = (to: Expr, body: Statement[]): Step => ({ op: "range", name: "i", from: num(0), to, body });

Deno.test("loops count, break and go on; locals are assigned", () => {
  const even = bin(bin(local("i"), "%", num(2)), "==", num(0));
  const steps: Step[] = [
    { op: "let", name: "sum", value: num(0) },
    count(num(10), [
      { op: "if", test: even, then: [{ op: "continue" }], else: [] },
      { op: "if", test: bin(local("i"), ">", num(6)), then: [{ op: "break" }], else: [] },
      { op: "set", name: "sum", value: bin(local("sum"), "+", local("i")) },
    ]),
    { op: "let", name: "n", value: num(0) },
    {
      op: "while",
      test: bin(local("n"), "<", num(5)),
      update: [{ op: "set", name: "n", value: bin(local("n"), "+", num(1)) }],
      body: [
        { op: "if", test: bin(local("n"), "==", num(2)), then: [{ op: "continue" }], else: [] },
        { op: "print", parts: [local("n")] },
      ],
    },
    { op: "print", parts: [local("sum")] },
  ];
  const hit = new PlainHit();
  ran(made(steps, []), [hit]);
  assertEquals(hit.printed.slice(0, 5), [[0], [1], [3], [4], [1 + 3 + 5]]);
});

Deno.test("a loop that does not end is ended, and says so", () => {
  const program = made([{ op: "while", test: { op: "literal", value: true }, update: [], body: [] }], []);
  const handler = compile(program, image, { budget: 1000 }).attachments[0]!.handler;
  const error = assertThrows(() => handler(new PlainHit()), BudgetError);
  assertEquals(error.message.startsWith("A loop ran for more than 1000 instructions"), true);
});

Deno.test("a loop over a map sees its entries as they were; what is deleted on the way is left out", () => {
  const steps: Step[] = [
    count(num(4), [{
      op: "store",
      map: "m",
      key: [local("i"), text("k")],
      value: bin(local("i"), "*", num(10)),
    }]),
    {
      op: "each",
      map: "m",
      key: "k",
      value: "v",
      body: [
        { op: "delete", map: "m", key: [num(2), text("k")] },
        { op: "print", parts: [{ op: "index", base: local("k"), index: num(0) }, local("k"), local("v")] },
      ],
    },
    { op: "print", parts: [{ op: "mapLen", map: "m" }] },
  ];
  const hit = new PlainHit();
  ran(made(steps, [values("m", 2)]), [hit]);
  const tuple = (n: number) => ({ kind: "tuple" as const, items: [n, "k"] });
  assertEquals(hit.printed.slice(0, 4), [[0, tuple(0), 0], [1, tuple(1), 10], [3, tuple(3), 30], [3]]);
});

Deno.test("return leaves a do, and the whole hit elsewhere; exit leaves the hit", () => {
  const leave: Statement = {
    op: "if",
    test: bin(PID, "==", num(1)),
    then: [{ op: "return", value: undefined }],
    else: [],
  };
  const steps: Step[] = [
    { op: "do", body: [leave, { op: "print", parts: ["in do"] }] },
    { op: "print", parts: ["behind do"] },
    leave,
    { op: "exit", code: num(3) },
    { op: "print", parts: ["never"] },
  ];
  const [one, two] = [new PlainHit({ pid: 1 }), new PlainHit({ pid: 2 })];
  ran(made(steps, []), [one, two]);
  assertEquals([one.printed[0], one.exits], [["behind do"], []]);
  assertEquals([two.printed.slice(0, 2), two.exits[0]], [[["in do"], ["behind do"]], 3]);
});

Deno.test("clear, zero, and printing of maps", () => {
  const steps: Step[] = [
    { op: "aggregate", map: "n", key: [PID], value: undefined },
    { op: "printMap", map: "n", key: undefined, top: num(5), div: undefined },
    { op: "printMap", map: "n", key: [PID], top: undefined, div: undefined },
    { op: "zero", map: "n" },
    { op: "store", map: "gone", key: [], value: num(1) },
    { op: "clear", map: "gone" },
  ];
  const hit = new PlainHit({ pid: 4 });
  const maps: MapNode[] = [{ name: "n", aggregation: { fn: "count" }, keyParts: 1 }, values("gone", 0)];
  assertEquals(ran(made(steps, maps), [hit]), ["gone ", "n 4=0"]);
  assertEquals(hit.maps[0]?.map.entries, [{ key: [4], value: 1 }]);
  assertEquals([hit.maps[0]?.top, hit.entries[0]], [5, 1]);
});

Deno.test("an LRU map forgets the key used longest ago, others lose updates", () => {
  const steps: Step[] = [{ op: "store", map: "m", key: [PID], value: NSECS }];
  const hits = [1, 2, 1, 3].map((pid, i) => new PlainHit({ pid, nsecs: i }));
  assertEquals(ran(made(steps, [values("m", 1, { maxEntries: 2, lru: true })]), hits), ["m 1=2 3=3"]);
  assertEquals(ran(made(steps, [values("m", 1, { maxEntries: 2 })]), hits), ["m 2=1 1=2"]);
});

Deno.test("rows are records, and limit and sample let some hits through", () => {
  const row: Expr = {
    op: "record",
    fields: [{ name: "pid", value: PID }, { name: "twice", value: bin(PID, "*", num(2)) }],
  };
  const steps: Step[] = [{ op: "sample", count: 2 }, { op: "limit", count: 2 }, {
    op: "emit",
    table: "t",
    row,
  }];
  const hits = [1, 2, 3, 4, 5, 6, 7].map((pid) => new PlainHit({ pid }));
  ran(made(steps, []), hits);
  assertEquals(hits.map((hit) => hit.rows.length / 2), [1, 0, 1, 0, 0, 0, 0]);
  assertEquals(hits[0]?.rows[0], {
    table: "t",
    row: { kind: "struct", fields: [{ name: "pid", value: 1 }, { name: "twice", value: 2 }] },
  });
});

Deno.test("blocks compute a value, also what counts up in place", () => {
  const block: Expr = {
    op: "block",
    body: [
      { op: "let", name: "before", value: local("i") },
      { op: "set", name: "i", value: bin(local("i"), "+", num(1)) },
      { op: "return", value: local("before") },
    ],
  };
  const hit = new PlainHit();
  ran(
    made([{ op: "let", name: "i", value: num(4) }, { op: "print", parts: [block, block, local("i")] }], []),
    [hit],
  );
  assertEquals(hit.printed[0], [4, 5, 6]);
});

Deno.test("enum constants, sizes and offsets are the kernel's", () => {
  const hit = new PlainHit({ args: [0, 0x5000] });
  const parts: Expr[] = [
    { op: "enum", name: "PIDTYPE_TGID" },
    { op: "sizeof", of: "struct list_head" },
    { op: "offsetof", type: "struct dentry", field: "d_name.name" },
    {
      op: "containerOf",
      pointer: { op: "argn", index: 1 },
      type: "struct dentry",
      field: "d_name",
    },
  ];
  ran(made([{ op: "print", parts }], [], { arithmetic: "c" }), [hit]);
  const offset = image.field(image.type("struct dentry")!, "d_name")!.offset;
  const name = image.field(image.type("struct dentry")!, "d_name.name")!.offset;
  assertEquals(hit.printed[0], [1, 16, name, { kind: "pointer", address: 0x5000 - offset }]);
});

Deno.test("what is wrong with maps, loops and types is said when the program is built", () => {
  const one = (step: Step, maps: MapNode[] = [values("m", 1)], probe: Partial<ProbeNode> = {}) =>
    problems(made([step], maps, probe));
  assertEquals(one({ op: "store", map: "x", key: [], value: num(1) }), ['No map "@x" in the graph']);
  assertEquals(one({ op: "store", map: "m", key: [], value: num(1) }), [
    'Map "@m" has a key of 1 part, but this use gives no key',
  ]);
  assertEquals(one({ op: "break" }), ['"break" is outside a loop']);
  assertEquals(one({ op: "set", name: "x", value: num(1) }), ['Unknown name "x"']);
  assertEquals(
    one({ op: "store", map: "m", key: [PID], value: num(1) }, [{
      name: "m",
      aggregation: { fn: "count" },
      keyParts: 1,
    }]),
    ['"@m" is a count; a plain value cannot be stored in it'],
  );
  assertEquals(
    problems(made([
      { op: "store", map: "m", key: [PID], value: num(1) },
      { op: "store", map: "m", key: [PID], value: text("x") },
    ], [values("m", 1)])),
    ['Type mismatch for the value of "@m": string here, int64 in kprobe:vfs_read'],
  );
  assertEquals(
    problems(made(
      [
        { op: "let", name: "x", value: num(1) },
        { op: "set", name: "x", value: text("a") },
      ],
      [],
      { arithmetic: "c" },
    )),
    ["Type mismatch for x: it holds int64, and string is assigned"],
  );
  assertEquals(one({ op: "print", parts: [bin(text("a"), "+", num(1))] }, [], { arithmetic: "c" }), [
    '"+" does not take string and int64',
  ]);
  assertEquals(one({ op: "print", parts: [num(0.5)] }, [], { arithmetic: "c" }), [
    "0.5 is no integer: C's arithmetic has no fractions",
  ]);
  assertEquals(one({ op: "emit", table: "t", row: PID }), [
    "A row is made of named columns, not of a uint32",
  ]);
  assertEquals(
    one({ op: "print", parts: [get("h")] }, [{
      name: "h",
      aggregation: { fn: "hist", bits: 0 },
      keyParts: 0,
    }]),
    ['The value of "@h" cannot be read: it is a hist'],
  );
});

Deno.test("a map that nothing is stored in is named where it is read", () => {
  const step: Step = { op: "print", parts: [get("m", PID)] };
  const found = (probe: Partial<ProbeNode>) =>
    analyze(made([step], [values("m", 1)], probe), image).diagnostics.map((d) => [d.severity, d.message]);
  assertEquals(found({ arithmetic: "c" }), [["error", '"@m" is read, but nothing is ever stored in it']]);
  assertEquals(found({}), [["warning", '"@m" is read, but nothing is ever stored in it']]);
});

Deno.test("characters of a string are integers in C", () => {
  const hit = new PlainHit({ comm: "cat" });
  const char = (index: number): Expr => ({
    op: "index",
    base: { op: "builtin", name: "comm" },
    index: num(index),
  });
  ran(
    made([{ op: "print", parts: [char(0), char(3), bin(char(1), "==", num(97))] }], [], { arithmetic: "c" }),
    [hit],
  );
  assertEquals(hit.printed[0], [99, 0, true]);
});
