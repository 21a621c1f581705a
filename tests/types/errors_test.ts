/** What a user reads when a script names what the kernel does not have, and what an editor offers. */

import { assert, assertEquals } from "@std/assert";
import { Snippets } from "./compiler.ts";

const snippets = new Snippets({
  fine: `
    export default program({
      opens: kprobe("vfs_open").filter((c) => c.comm === "cat").by((c) => c.args.path.dentry.d_name.name).count(),
      sizes: kretprobe("vfs_read").filter((c) => c.retval > 0).hist((c) => c.retval),
      slow: latency("vfs_read").lhist((c) => c.duration, { min: 0, max: 1000, step: 10 }),
      log: tracepoint("sched:sched_switch").do((c) => { print(c.args.prev_comm, c.args.next_pid); }),
      tick: interval("1s").print((c) => \`\${c.elapsed}\`),
      first: begin().print(() => "go"),
      last: end().print(() => "done"),
      other: kprobe.any("some_static_function").filter((c) => c.args.n! > 1 && c.str(c.arg(0)) === "x").count(),
    });`,
  symbol: `kprobe("vfs_opne");`,
  argument: `kprobe("vfs_open").filter((c) => c.args.flie.f_flags > 0);`,
  field: `kprobe("vfs_open").filter((c) => c.args.file.f_flag > 0);`,
  deep: `kprobe("vfs_open").by((c) => c.args.path.dentry.d_nam.name).count();`,
  retval: `kprobe("vfs_open").filter((c) => c.retval > 0);`,
  args: `kretprobe("vfs_open").filter((c) => c.args.path.isNull);`,
  duration: `kretprobe("vfs_read").hist((c) => c.duration);`,
  nothing: `kretprobe("fput").sum((c) => c.retval);`,
  event: `tracepoint("sched:sched_swich");`,
  record: `tracepoint("sched:sched_switch").filter((c) => c.args.prev_com === "cat");`,
  compare: `kprobe("vfs_open").filter((c) => c.comm === 1);`,
  sum: `kprobe("vfs_open").sum((c) => c.comm);`,
  assign: `kprobe("vfs_read").do((c) => { c.args.count = 1; });`,
  period: `interval("often");`,
  options: `kretprobe("vfs_read", { maxactiv: 1 });`,
  values: `kprobe("vfs_open").with({ limit: 1 }).filter((c, v) => c.pid > v.limt);`,
  result: `
    const p = program({ opens: kprobe("vfs_open").by((c) => c.comm).count() });
    export function f(r: ResultOf<typeof p>): unknown { return [r.maps.opens.get(1), r.maps.open]; }`,
  state: `
    const start = hash<number, number>("start");
    export default program({
      a: kprobe("vfs_read").with({ start }).do((c, { start }) => start.set(c.comm, c.nsecs)),
      b: kprobe("vfs_read").with({ start }).do((c, { start }) => start.hist(c.tid, c.nsecs)),
    });`,
  rows: `
    const p = program({
      opens: kprobe("vfs_open").emit((c) => ({ file: c.args.path.dentry.d_name.name, pid: c.pid })),
    });
    export function f(r: ResultOf<typeof p>): unknown { return [r.rows.opens[0]?.fil, r.rows.open]; }`,
  entry: `
    kretprobe("vfs_read", { entry: (c) => ({ size: c.args.count }) }).sum((c) => c.entry.siz);`,
  list: `kprobe(["vfs_read", "vfs_wirte"]);`,
  complete: `
    kprobe("vfs_o");
    kprobe("vfs_open").filter((c) => c.args.file.f_);
    tracepoint("sched:sched_s");`,
});

Deno.test("a right script compiles", () => {
  assertEquals(snippets.errors("fine"), []);
});

Deno.test("a wrong symbol, argument, field or event is an error that names it", () => {
  const expected: Readonly<Record<string, readonly string[]>> = {
    symbol: [
      `Argument of type '"vfs_opne"' is not assignable to parameter of type 'KnownFunction<Functions> | readonly KnownFunction<Functions>[]'.`,
    ],
    argument: [
      "Property 'flie' does not exist on type 'Readonly<{ path: Ptr<path>; file: Ptr<file>; }>'.",
    ],
    field: ["Property 'f_flag' does not exist on type 'Ptr<file>'. Did you mean 'f_flags'?"],
    deep: ["Property 'd_nam' does not exist on type 'Ptr<dentry>'. Did you mean 'd_name'?"],
    retval: [`Property 'retval' does not exist on type 'KprobeContext<"vfs_open", Functions>'.`],
    args: [`Property 'args' does not exist on type 'KretprobeContext<"vfs_open", Functions>'.`],
    duration: [`Property 'duration' does not exist on type 'KretprobeContext<"vfs_read", Functions>'.`],
    nothing: ["Type 'undefined' is not assignable to type 'Numeric'."],
    event: [
      `Argument of type '"sched:sched_swich"' is not assignable to parameter of type 'KnownTracepoint<Tracepoints>'.`,
    ],
    compare: [
      "This comparison appears to be unintentional because the types 'string' and 'number' have no overlap.",
    ],
    sum: ["Type 'string' is not assignable to type 'Numeric'."],
    assign: ["Cannot assign to 'count' because it is a read-only property."],
    options: [
      `Object literal may only specify known properties, but 'maxactiv' does not exist in type 'EntryOptions<KprobeContext<"vfs_read", Functions>, never>'. Did you mean to write 'maxactive'?`,
    ],
    values: ["Property 'limt' does not exist on type '{ limit: number; }'. Did you mean 'limit'?"],
  };
  for (const [name, messages] of Object.entries(expected)) {
    assertEquals(snippets.errors(name), messages, name);
  }
  assertEquals(snippets.errors("record").length, 1);
  assert(snippets.errors("record")[0]?.startsWith("Property 'prev_com' does not exist on type"));
  assert(
    snippets.errors("period")[0]?.startsWith(
      `Argument of type '"often"' is not assignable to parameter of type`,
    ),
  );
});

Deno.test("shared maps, rows, entry data and lists are typed", () => {
  const firsts = (name: "state" | "rows" | "entry" | "list") =>
    snippets.errors(name).map((text) => text.split("\n")[0]);
  assertEquals(firsts("state"), [
    "Argument of type 'string' is not assignable to parameter of type 'number'.",
    "The 'this' context of type 'StateMap<number, number>' is not assignable to method's 'this' of type 'StateMap<number, HistogramValue>'.",
  ]);
  assertEquals(firsts("rows"), [
    "Property 'fil' does not exist on type '{ readonly file: string; readonly pid: number; }'. Did you mean 'file'?",
    "Property 'open' does not exist on type 'RowsOf<{ opens: RowProbe<{ readonly file: string; readonly pid: number; }, NoValues>; }>'. Did you mean 'opens'?",
  ]);
  assertEquals(firsts("entry"), [
    "Property 'siz' does not exist on type '{ size: number; }'. Did you mean 'size'?",
  ]);
  assertEquals(firsts("list"), [
    `Argument of type '("vfs_read" | "vfs_wirte")[]' is not assignable to parameter of type 'KnownFunction<Functions> | readonly KnownFunction<Functions>[]'.`,
  ]);
});

Deno.test("results have exactly the maps of the program, with their key types", () => {
  assertEquals(snippets.errors("result"), [
    "Argument of type 'number' is not assignable to parameter of type 'string'.",
    "Property 'open' does not exist on type 'MapsOf<{ opens: MapProbe<KeyedMap<string, number>, NoValues>; }>'. Did you mean 'opens'?",
  ]);
});

Deno.test("an editor offers functions, fields and tracepoints", () => {
  const functions = snippets.completions("complete", 'kprobe("vfs_o');
  assert(functions.includes("vfs_open") && functions.includes("do_sys_openat2"), "functions");
  const fields = snippets.completions("complete", "c.args.file.f_");
  assert(fields.includes("f_flags") && fields.includes("f_path") && fields.includes("isNull"), "fields");
  assert(
    snippets.completions("complete", 'tracepoint("sched:sched_s').includes("sched:sched_switch"),
    "tracepoints",
  );
});
