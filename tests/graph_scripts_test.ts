/**
 * Scripts as graphs in C's arithmetic, as a front end for another language would make them: run on a modeled kernel.
 */

import { assert, assertEquals } from "@std/assert";
import type { BinaryOperator, Expr, MapNode, ProbeNode, Program, Statement } from "../graph/nodes.ts";
import { builtinWorkload, run } from "../mod.ts";

const num = (value: number | bigint): Expr => ({ op: "literal", value });
const text = (value: string): Expr => ({ op: "literal", value });
const b = (name: "pid" | "tid" | "comm" | "nsecs" | "curtask" | "probe" | "retval" | "cpu"): Expr => ({
  op: "builtin",
  name,
});
const arg = (name: string): Expr => ({ op: "arg", name });
const get = (map: string, ...key: Expr[]): Expr => ({ op: "mapGet", map, key });
const bin = (left: Expr, operator: BinaryOperator, right: Expr): Expr => ({
  op: "binary",
  operator,
  left,
  right,
});
const field = (base: Expr, ...names: string[]): Expr =>
  names.reduce<Expr>((inner, name) => ({ op: "field", base: inner, name }), base);
const store = (map: string, key: Expr[], value: Expr): Statement => ({ op: "store", map, key, value });
const values = (name: string, keyParts: number): MapNode => ({
  name,
  aggregation: { fn: "value" },
  keyParts,
});

function made(probes: readonly Omit<ProbeNode, "arithmetic">[], maps: readonly MapNode[]): Program {
  return {
    graph: { version: 2, probes: probes.map((probe) => ({ ...probe, arithmetic: "c" })), maps },
    functions: [],
  };
}

const at = (event: string) => ({ kind: "tracepoint", subsystem: "syscalls", event }) as const;

Deno.test("who opens what: a string by thread, between the two ends of a call", async () => {
  const opensnoop = made([
    {
      name: "enter",
      point: at("sys_enter_openat"),
      more: [at("sys_enter_open"), at("sys_enter_nothing")],
      missing: "warn",
      steps: [store("file", [b("tid")], { op: "call", fn: "str", args: [arg("filename")] })],
    },
    {
      name: "exit",
      point: at("sys_exit_openat"),
      steps: [
        { op: "filter", test: { op: "mapHas", map: "file", key: [b("tid")] } },
        { op: "let", name: "ret", value: arg("ret") },
        {
          op: "let",
          name: "errno",
          value: {
            op: "cond",
            test: bin(local("ret"), ">=", num(0)),
            then: num(0),
            else: minus(local("ret")),
          },
        },
        {
          op: "printf",
          format: "%-6d %-16s %4d %s %s\n",
          args: [b("pid"), b("comm"), local("ret"), get("file", b("tid")), {
            op: "call",
            fn: "strerror",
            args: [local("errno")],
          }],
        },
        { op: "delete", map: "file", key: [b("tid")] },
      ],
    },
    { name: "end", point: { kind: "end" }, steps: [{ op: "clear", map: "file" }] },
  ], [values("file", 1)]);
  for (const arch of ["x86_64", "arm64"] as const) {
    const result = await run(opensnoop, { arch });
    assert(
      result.lines.some((line) => /^\d+ +cat +3 \/etc\/ld\.so\.cache Success$/.test(line)),
      result.text(),
    );
    assertEquals(result.mapsText(), "");
    assert(result.notes.some((note) => note.includes("sys_enter_nothing")));
  }
});

const local = (name: string): Expr => ({ op: "local", name });
const minus = (operand: Expr): Expr => ({ op: "unary", operator: "-", operand });

Deno.test("run queue latency: wake-ups and switches by thread", async () => {
  const wakeup = (event: string) => ({ kind: "tracepoint", subsystem: "sched", event }) as const;
  const runqlat = made([
    {
      name: "wake",
      point: wakeup("sched_wakeup"),
      more: [wakeup("sched_wakeup_new")],
      steps: [store("qtime", [arg("pid")], b("nsecs"))],
    },
    {
      name: "switch",
      point: wakeup("sched_switch"),
      steps: [
        {
          op: "if",
          test: bin(arg("prev_state"), "==", num(0)),
          then: [store("qtime", [arg("prev_pid")], b("nsecs"))],
          else: [],
        },
        { op: "let", name: "ns", value: get("qtime", arg("next_pid")) },
        {
          op: "if",
          test: local("ns"),
          then: [{
            op: "aggregate",
            map: "usecs",
            key: [],
            value: bin(bin(b("nsecs"), "-", local("ns")), "/", num(1000)),
          }],
          else: [],
        },
        { op: "delete", map: "qtime", key: [arg("next_pid")] },
      ],
    },
    { name: "end", point: { kind: "end" }, steps: [{ op: "clear", map: "qtime" }] },
  ], [values("qtime", 1), { name: "usecs", aggregation: { fn: "hist", bits: 0 }, keyParts: 0 }]);
  const result = await run(runqlat, { workload: builtinWorkload("pipeline") });
  assert(/^@usecs:\n\[/.test(result.mapsText()), result.mapsText());
});

Deno.test("connections: addresses in memory order, states by number, structs by cast", async () => {
  const sk = { op: "cast", base: { op: "argn", index: 0 }, type: "struct sock *" } as const;
  const common = field(sk, "__sk_common");
  const port = field(common, "skc_dport");
  const connect = made([
    {
      name: "connect",
      point: { kind: "kprobe", target: "tcp_connect", offset: 0 },
      steps: [
        { op: "let", name: "family", value: field(common, "skc_family") },
        { op: "filter", test: bin(local("family"), "==", num(2)) },
        {
          op: "printf",
          format: "%s %s %d\n",
          args: [
            b("comm"),
            { op: "call", fn: "ntop", args: [local("family"), field(common, "skc_daddr")] },
            { op: "call", fn: "bswap", args: [port] },
          ],
        },
        { op: "aggregate", map: "states", key: [field(common, "skc_state")], value: undefined },
      ],
    },
  ], [{ name: "states", aggregation: { fn: "count" }, keyParts: 1 }]);
  const result = await run(connect, { workload: builtinWorkload("web") });
  assert(result.lines.length > 0, result.text());
  for (const line of result.lines) assert(/^\S+ \d+\.\d+\.\d+\.\d+ \d+$/.test(line), line);
});

Deno.test("a counter without key, in a loop, printed and cleared by an interval", async () => {
  const counting = made([
    {
      name: "read",
      point: { kind: "kprobe", target: "vfs_read", offset: 0 },
      steps: [
        store("n", [], bin(get("n"), "+", num(1))),
        {
          op: "range",
          name: "i",
          from: num(0),
          to: num(3),
          body: [
            store("by", [local("i"), b("comm")], bin(get("by", local("i"), b("comm")), "+", local("i"))),
          ],
        },
      ],
    },
    {
      name: "tick",
      point: { kind: "interval", ns: 100_000, spec: "us:100" },
      steps: [
        { op: "output", form: "time", format: "", args: [] },
        { op: "printMap", map: "n", key: undefined, top: undefined, div: undefined },
        { op: "clear", map: "n" },
      ],
    },
    {
      name: "end",
      point: { kind: "end" },
      steps: [{
        op: "each",
        map: "by",
        key: "k",
        value: "v",
        body: [{
          op: "if",
          test: bin({ op: "index", base: local("k"), index: num(1) }, "==", text("cat")),
          then: [{ op: "print", parts: [{ op: "tuple", items: [local("k"), local("v")] }] }],
          else: [],
        }],
      }],
    },
  ], [values("n", 0), values("by", 2)]);
  const result = await run(counting);
  assert(/^00:00:00\n@n: \d+\n/m.test(result.text()), result.text());
  const reads = result.lines.filter((line) => line.startsWith("((2, cat), ")).map((line) =>
    /, (\d+)\)$/.exec(line)?.[1]
  );
  assertEquals(reads, ["14"]);
});
