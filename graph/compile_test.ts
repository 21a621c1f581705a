import { assertEquals, assertThrows } from "@std/assert";
import { coreImage, fullImage } from "../image/load.ts";
import type { Arch } from "../image/model.ts";
import { compile, type CompiledProgram } from "./compile.ts";
import { ProgramError } from "./diagnostic.ts";
import type { AttachPoint, Expr, MapNode, Program, Step } from "./nodes.ts";
import { PlainHit } from "./plain_hit.ts";

const OPEN: AttachPoint = { kind: "kprobe", target: "vfs_open", offset: 0 };
const COMM: Expr = { op: "builtin", name: "comm" };
const PID: Expr = { op: "builtin", name: "pid" };

function literal(value: string | number): Expr {
  return { op: "literal", value };
}

function field(base: Expr, ...names: readonly string[]): Expr {
  return names.reduce<Expr>((inner, name) => ({ op: "field", base: inner, name }), base);
}

function program(
  point: AttachPoint,
  steps: readonly Step[],
  maps: readonly MapNode[] = [],
  functions: Program["functions"] = [],
): Program {
  return { graph: { version: 2, probes: [{ name: "p", point, steps }], maps }, functions };
}

async function compiled(program: Program, arch: Arch = "x86_64"): Promise<CompiledProgram> {
  return compile(program, await coreImage(arch));
}

function run(program: CompiledProgram, hit: PlainHit): void {
  for (const { handler } of program.attachments) handler(hit);
}

Deno.test("a filter lets its hits through, and a count by key counts them", async () => {
  const p = await compiled(program(OPEN, [
    { op: "filter", test: { op: "binary", operator: "==", left: COMM, right: literal("cat") } },
    { op: "aggregate", map: "m", key: [COMM, PID], value: undefined },
  ], [{ name: "m", aggregation: { fn: "count" }, keyParts: 2 }]));
  for (const [comm, pid] of [["cat", 1], ["dd", 1], ["cat", 2], ["cat", 1]] as const) {
    run(p, new PlainHit({ comm, pid }));
  }
  assertEquals(p.snapshot()[0]?.entries, [{ key: ["cat", 2], value: 1 }, { key: ["cat", 1], value: 2 }]);
});

Deno.test("what is needed twice is read once, and only when it is needed", async () => {
  const p = await compiled(program(OPEN, [
    { op: "filter", test: { op: "binary", operator: "==", left: PID, right: literal(7) } },
    { op: "filter", test: { op: "binary", operator: "!=", left: COMM, right: literal("x") } },
    { op: "aggregate", map: "m", key: [COMM], value: PID },
  ], [{ name: "m", aggregation: { fn: "sum" }, keyParts: 1 }]));
  const other = new PlainHit({ comm: "cat", pid: 8 });
  run(p, other);
  assertEquals([other.asked.get("pid"), other.asked.get("comm")], [1, undefined]);
  const hit = new PlainHit({ comm: "cat", pid: 7 });
  run(p, hit);
  assertEquals([hit.asked.get("pid"), hit.asked.get("comm")], [1, 1]);
  assertEquals(p.snapshot()[0]?.entries, [{ key: ["cat"], value: 7 }]);
});

Deno.test("what is needed on some ways only is read at most once", async () => {
  const isCat: Expr = { op: "binary", operator: "==", left: COMM, right: literal("cat") };
  const isDd: Expr = { op: "binary", operator: "==", left: COMM, right: literal("dd") };
  const p = await compiled(program(OPEN, [
    {
      op: "do",
      body: [{
        op: "if",
        test: { op: "binary", operator: "==", left: PID, right: literal(7) },
        then: [
          { op: "if", test: isCat, then: [{ op: "print", parts: ["cat"] }], else: [] },
          { op: "if", test: isDd, then: [], else: [{ op: "print", parts: ["no dd", COMM] }] },
        ],
        else: [],
      }],
    },
    { op: "filter", test: isCat },
    { op: "print", parts: ["last"] },
  ]));
  const hit = new PlainHit({ comm: "cat", pid: 7 });
  run(p, hit);
  assertEquals(hit.printed, [["cat"], ["no dd", "cat"], ["last"]]);
  assertEquals(hit.asked.get("comm"), 1);
  const other = new PlainHit({ comm: "sh", pid: 8 });
  run(p, other);
  assertEquals([other.asked.get("comm"), other.printed.length], [1, 0]);
});

Deno.test("pointers are followed to a name, on 64 and on 32 bits", async () => {
  const name = field({ op: "arg", name: "path" }, "dentry", "d_name", "name");
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const image = await coreImage(arch);
    const p = await compiled(program(OPEN, [{ op: "print", parts: [name] }]), arch);
    const offsets = [["struct path", "dentry"], ["struct dentry", "d_name"], ["struct qstr", "name"]].map(
      ([type, path]) => {
        const struct = image.type(type ?? "");
        const layout = struct === undefined ? undefined : image.field(struct, path ?? "");
        return layout?.offset ?? 0;
      },
    );
    const [dentry = 0, dName = 0, text = 0] = offsets;
    const hit = new PlainHit({ args: [0x1000, 0] });
    hit.poke(0x1000 + dentry, image.pointerSize, 0x2000);
    hit.poke(0x2000 + dName + text, image.pointerSize, 0x3000);
    hit.pokeString(0x3000, "hosts");
    run(p, hit);
    assertEquals([hit.printed, hit.faults], [[["hosts"]], 0]);
  }
});

Deno.test("arguments and results have the width and sign of their C type", async () => {
  const read: AttachPoint = { kind: "kretprobe", target: "vfs_open", maxactive: 0 };
  const p = await compiled(program(read, [{ op: "print", parts: [{ op: "builtin", name: "retval" }] }]));
  const hit = new PlainHit({ retval: 0xfffffffe });
  run(p, hit);
  // vfs_open returns int.
  assertEquals(hit.printed, [[-2]]);
});

Deno.test("an unsigned word beyond 2^53 is an error that names the argument", async () => {
  const read: AttachPoint = { kind: "kprobe", target: "vfs_read", offset: 0 };
  const p = await compiled(program(read, [{ op: "print", parts: [{ op: "arg", name: "count" }] }]));
  const error = assertThrows(() => run(p, new PlainHit({ args: [0, 0, -1] })), RangeError);
  assertEquals(
    error.message.includes('"args.count"') && error.message.includes("18446744073709551615"),
    true,
  );
});

Deno.test("tracepoint fields come from the record", async () => {
  const point: AttachPoint = { kind: "tracepoint", subsystem: "syscalls", event: "sys_enter_openat" };
  const image = await coreImage("x86_64");
  const fields = image.tracepoint("syscalls:sys_enter_openat")?.fields ?? [];
  const offset = (name: string) => fields.find((f) => f.name === name)?.offset ?? -1;
  const parts: Expr[] = [{ op: "arg", name: "dfd" }, { op: "arg", name: "filename" }];
  const p = await compiled(program(point, [{ op: "print", parts }]));
  const hit = new PlainHit();
  hit.pokeRecord(offset("dfd"), 8, 2n ** 64n - 100n);
  hit.pokeRecord(offset("filename"), 8, 0x7fff0000);
  hit.pokeString(0x7fff0000, "/etc/hosts");
  run(p, hit);
  assertEquals(hit.printed, [[-100, "/etc/hosts"]]);
});

Deno.test("an array of a record prints whole, or by element", async () => {
  const point: AttachPoint = { kind: "tracepoint", subsystem: "sock", event: "inet_sock_set_state" };
  const image = await fullImage("x86_64");
  const offset =
    image.tracepoint("sock:inet_sock_set_state")?.fields.find((f) => f.name === "saddr")?.offset ?? -1;
  const saddr: Expr = { op: "arg", name: "saddr" };
  const second: Expr = { op: "index", base: saddr, index: literal(1) };
  const hit = new PlainHit();
  [127, 0, 0, 1].forEach((byte, i) => hit.pokeRecord(offset + i, 1, byte));
  run(compile(program(point, [{ op: "print", parts: [saddr, second] }]), image), hit);
  assertEquals(hit.printed, [[{ kind: "array", items: [127, 0, 0, 1] }, 0]]);
});

Deno.test("stacks are keys by their frames", async () => {
  const p = await compiled(program(OPEN, [
    { op: "aggregate", map: "m", key: [{ op: "kstack", depth: 2 }, PID], value: undefined },
  ], [{ name: "m", aggregation: { fn: "count" }, keyParts: 2 }]));
  const open = p.attachments[0]?.at.address ?? 0;
  for (const stack of [[open + 1, 16], [open + 1, 16, 32], [open + 1]]) {
    run(p, new PlainHit({ pid: 1, stack }));
  }
  assertEquals(p.snapshot()[0]?.entries, [
    { key: [{ kind: "stack", frames: [open + 1], symbols: ["vfs_open+1"] }, 1], value: 1 },
    { key: [{ kind: "stack", frames: [open + 1, 16], symbols: ["vfs_open+1", "0x10"] }, 1], value: 2 },
  ]);
});

Deno.test("an opaque function gets the hit's context; its results pass as captured ones would", async () => {
  const functions = [
    (c: { comm: string }) => c.comm === "cat",
    (c: { comm: string }) => [c.comm, 2.5],
    () => 3.9,
  ] as unknown as Program["functions"];
  const opaque = (fn: number): Expr => ({
    op: "opaque",
    fn,
    source: "c => …",
    reason: "uses an outer variable",
  });
  const p = await compiled(program(
    OPEN,
    [{ op: "filter", test: opaque(0) }, { op: "aggregate", map: "m", key: [opaque(1)], value: opaque(2) }],
    [{ name: "m", aggregation: { fn: "sum" }, keyParts: 1 }],
    functions,
  ));
  for (const comm of ["cat", "dd", "cat"]) {
    const hit = new PlainHit();
    hit.context = { comm };
    run(p, hit);
  }
  assertEquals(p.snapshot()[0]?.entries, [{ key: [{ kind: "tuple", items: ["cat", 2] }], value: 6 }]);
});

Deno.test("values print as what they are", async () => {
  const file: Expr = { op: "arg", name: "file" };
  const p = await compiled(program(OPEN, [{
    op: "print",
    parts: [
      "x",
      file,
      { op: "tuple", items: [PID, COMM] },
      { op: "kstack", depth: 1 },
      { op: "binary", operator: "+", left: literal("at "), right: file },
      { op: "field", base: file, name: "isNull" },
      { op: "field", base: file, name: "address" },
    ],
  }, { op: "printf", format: "%d %p\n", args: [PID, file] }]));
  const hit = new PlainHit({ pid: 3, comm: "cat", args: [0, -4096], stack: [1] });
  run(p, hit);
  const pointer = { kind: "pointer", address: -4096 } as const;
  assertEquals(hit.printed, [
    [
      "x",
      pointer,
      { kind: "tuple", items: [3, "cat"] },
      { kind: "stack", frames: [1], symbols: ["0x1"] },
      "at 0xfffffffffffff000",
      false,
      0xfffffffffffff000n,
    ],
    ["%d %p\n", 3, pointer],
  ]);
});

Deno.test("a struct prints field by field", async () => {
  const image = await coreImage("x86_64");
  const p = await compiled(
    program(OPEN, [{ op: "print", parts: [field({ op: "arg", name: "file" }, "f_path")] }]),
  );
  const file = image.type("struct file");
  const offset = file === undefined ? 0 : image.field(file, "f_path")?.offset ?? 0;
  const hit = new PlainHit({ args: [0, 0x1000] });
  hit.poke(0x1000 + offset, 8, 0x10);
  hit.poke(0x1000 + offset + 8, 8, 0x20);
  run(p, hit);
  assertEquals(hit.printed, [[{
    kind: "struct",
    fields: [
      { name: "mnt", value: { kind: "pointer", address: 0x10 } },
      { name: "dentry", value: { kind: "pointer", address: 0x20 } },
    ],
  }]]);
});

Deno.test("a glob compiles to one handler for all functions, unless it uses their arguments", async () => {
  const point: AttachPoint = { kind: "kprobe", target: "vfs_*", offset: 0 };
  const maps: MapNode[] = [{ name: "m", aggregation: { fn: "count" }, keyParts: 1 }];
  const p = await compiled(program(point, [
    { op: "aggregate", map: "m", key: [{ op: "builtin", name: "func" }], value: undefined },
  ], maps));
  const names = p.attachments.map((a) => a.name);
  assertEquals(names.includes("kprobe:vfs_open") && names.includes("kprobe:vfs_read"), true);
  assertEquals(new Set(p.attachments.map((a) => a.handler)).size, 1);
});

Deno.test("all errors of a program are told at once", async () => {
  const image = await coreImage("x86_64");
  const bad: Program = {
    graph: {
      version: 2,
      maps: [{ name: "m", aggregation: { fn: "lhist", min: 0, max: 10, step: 0 }, keyParts: 0 }],
      probes: [
        { name: "a", point: { kind: "kprobe", target: "vfs_opne", offset: 0 }, steps: [] },
        { name: "b", point: OPEN, steps: [{ op: "print", parts: [{ op: "arg", name: "flie" }] }] },
        {
          name: "c",
          point: { kind: "begin" },
          steps: [{ op: "print", parts: [{ op: "builtin", name: "retval" }] }],
        },
      ],
    },
    functions: [],
  };
  const error = assertThrows(() => compile(bad, image), ProgramError);
  assertEquals(error.diagnostics.map((d) => d.message), [
    'Map "@m": the step of lhist is positive, not 0',
    'Cannot attach kprobe "vfs_opne": no such function',
    'No argument "flie" at kprobe:vfs_open: the prototype is int vfs_open(const struct path * path, struct file * file)',
    'No "retval" at begin: only a kretprobe or uretprobe has a return value',
  ]);
  assertEquals(error.diagnostics[1]?.hint?.includes('"vfs_open"'), true);
  assertEquals(error.diagnostics[2]?.hint, 'did you mean "file"?');
});
