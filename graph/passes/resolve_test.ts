import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import type { CType, KernelImage, Prototype, TracepointInfo } from "../../image/model.ts";
import { type Diagnostic, reporter } from "../diagnostic.ts";
import { irText } from "../expr_text.ts";
import type { AttachPoint, Expr } from "../nodes.ts";
import { typeText } from "../types.ts";
import type { ResolvedPoint } from "./attach_points.ts";
import { fold } from "./fold.ts";
import { MapTypes } from "./map_types.ts";
import { resolveExpr } from "./resolve.ts";

const image = await coreImage("x86_64");

const U32: CType = { kind: "int", id: 0, name: "unsigned int", size: 4, signed: false, encoding: "int" };
const S64: CType = { kind: "int", id: 0, name: "long", size: 8, signed: true, encoding: "int" };
const CHAR: CType = { kind: "int", id: 0, name: "char", size: 1, signed: true, encoding: "int" };
const FLAG: CType = { kind: "int", id: 0, name: "_Bool", size: 1, signed: false, encoding: "bool" };
const KUID: CType = {
  kind: "struct",
  id: 901,
  name: "kuid_t",
  size: 4,
  members: [{ name: "val", type: U32, bitOffset: 0, bitSize: 0 }],
};
const BOX: CType = {
  kind: "struct",
  id: 900,
  name: "box",
  size: 64,
  members: [
    { name: "low", type: U32, bitOffset: 0, bitSize: 3 },
    { name: "high", type: { ...U32, signed: true }, bitOffset: 3, bitSize: 5 },
    { name: "ready", type: FLAG, bitOffset: 8, bitSize: 0 },
    { name: "label", type: { kind: "array", id: 0, of: CHAR, length: 16 }, bitOffset: 64, bitSize: 0 },
    { name: "table", type: { kind: "array", id: 0, of: S64, length: 3 }, bitOffset: 192, bitSize: 0 },
    { name: "owner", type: KUID, bitOffset: 384, bitSize: 0 },
  ],
};

function pointer(to: CType): CType {
  return { kind: "ptr", id: 0, to };
}

const PROTOTYPE: Prototype = {
  name: "f",
  text: "int f(...)",
  ret: { ...U32, signed: true },
  params: [
    { name: "box", type: pointer(BOX) },
    { name: "uid", type: KUID },
    {
      name: "mode",
      type: { kind: "int", id: 0, name: "unsigned short", size: 2, signed: false, encoding: "int" },
    },
    { name: "yes", type: FLAG },
    { name: "buf", type: pointer({ kind: "const", id: 0, name: "", to: CHAR }) },
    { name: "bytes", type: pointer({ kind: "typedef", id: 0, name: "u8", to: CHAR }) },
    { name: "any", type: pointer({ kind: "void", id: 0 }) },
  ],
};

/** The image with one struct more. */
const withBox: KernelImage = new Proxy(image, {
  get(target, name) {
    if (name === "field") {
      return (type: CType, path: string) => {
        const members = type === BOX || type === KUID ? type.members : undefined;
        const member = members?.find((m) => m.name === path);
        if (members === undefined) return target.field(type, path);
        return member && {
          type: member.type,
          offset: member.bitOffset >> 3,
          bitShift: member.bitSize > 0 ? member.bitOffset & 7 : 0,
          bitSize: member.bitSize,
        };
      };
    }
    if (name === "fieldNames") {
      return (type: CType) => type.kind === "struct" ? type.members.map((m) => m.name) : [];
    }
    const value: unknown = Reflect.get(target, name);
    return typeof value === "function" ? value.bind(target) : value;
  },
});

interface Resolved {
  readonly text: string;
  readonly type: string;
  readonly found: readonly string[];
}

function resolveAt(expr: Expr, at: ResolvedPoint): Resolved {
  const found: Diagnostic[] = [];
  const ir = fold(resolveExpr(expr, {
    image: withBox,
    at,
    functions: 0,
    locals: new Map(),
    c: false,
    maps: new MapTypes([]),
    entry: undefined,
    inside: { loop: false, block: false },
    report: reporter(found, "p"),
  }));
  return {
    text: irText(ir),
    type: typeText(ir.type, withBox),
    found: found.map((d) => d.hint === undefined ? d.message : `${d.message} (${d.hint})`),
  };
}

const ENTRY: AttachPoint = { kind: "kprobe", target: "f", offset: 0 };

function resolve(expr: Expr): Resolved {
  return resolveAt(expr, { point: ENTRY, name: "kprobe:f", prototype: PROTOTYPE });
}

function arg(name: string, ...fields: readonly string[]): Expr {
  return fields.reduce<Expr>((base, field) => ({ op: "field", base, name: field }), { op: "arg", name });
}

function index(base: Expr, at: number | Expr): Expr {
  return { op: "index", base, index: typeof at === "number" ? { op: "literal", value: at } : at };
}

Deno.test("what arguments and fields become", () => {
  const cases: readonly (readonly [expr: Expr, text: string, type: string])[] = [
    [arg("box"), "arg0", "struct box *"],
    [arg("box", "low"), "u3[arg0 bit 0]", "uint32"],
    [arg("box", "high"), "s5[arg0 bit 3]", "int32"],
    [arg("box", "ready"), "u8[arg0 + 1] != 0", "bool"],
    [arg("box", "label"), "str[arg0 + 8]", "string"],
    [index(arg("box", "table"), 2), "s64[arg0 + 40]", "int64"],
    [index(arg("box", "table"), { op: "builtin", name: "cpu" }), "s64[(arg0 + 24 + cpu * 8)]", "int64"],
    [arg("box", "owner", "val"), "u32[arg0 + 48]", "uint32"],
    [arg("box", "isNull"), "arg0 === 0", "bool"],
    [arg("box", "address"), "address(arg0)", "bigint"],
    [arg("uid", "val"), "u32(arg1 >> 0)", "uint32"],
    [arg("mode"), "u16(arg2)", "uint16"],
    [arg("yes"), "u8(arg3) != 0", "bool"],
    [arg("buf"), "str[arg4]", "string"],
    [index(arg("bytes"), 3), "s8[arg5 + 3]", "int8"],
    [{ op: "cast", base: arg("any"), type: "u32" }, "u32(arg6)", "uint32"],
    [{ op: "cast", base: arg("buf"), type: "unsigned long" }, "u64(arg4)", "uint64"],
    [{ op: "call", fn: "str", args: [arg("any")] }, "str[arg6]", "string"],
  ];
  for (const [expr, text, type] of cases) assertEquals(resolve(expr), { text, type, found: [] });
});

Deno.test("a cast pointer has the fields of what it is cast to", () => {
  const { text, type } = resolve({
    op: "field",
    base: { op: "cast", base: arg("any"), type: "file" },
    name: "f_mode",
  });
  const file = image.type("struct file");
  const offset = file === undefined ? 0 : image.field(file, "f_mode")?.offset ?? 0;
  assertEquals([text, type], [`u32[arg6 + ${offset}]`, "uint32"]);
});

Deno.test("what is wrong with an access is said in a sentence", () => {
  const cases: readonly (readonly [expr: Expr, message: string])[] = [
    [arg("bos"), 'No argument "bos" at kprobe:f: the prototype is int f(...) (did you mean "box"?)'],
    [arg("box", "lable"), 'No field "lable" in struct box (did you mean "label'],
    [arg("mode", "x"), 'No field "x" in a value of type uint16'],
    [
      arg("any", "x"),
      'No field "x" in a value of type void * (cast the pointer to the type that it points at)',
    ],
    [index(arg("box", "table"), 3), "Index 3 is outside the array, which has 3 elements"],
    [index(arg("any"), 0), "Cannot index a void *: its elements have no size"],
    [index(arg("yes"), 0), "Cannot index a value of type bool"],
    [
      { op: "builtin", name: "retval" },
      'No "retval" at kprobe:f: only a kretprobe or uretprobe has a return value',
    ],
    [
      { op: "builtin", name: "duration" },
      'No "duration" at kprobe:f: only a timed kretprobe knows how long the call took',
    ],
    [{ op: "reg", name: "dii" }, 'No register "dii" on x86_64 (did you mean "di"?)'],
    [{ op: "kstack", depth: 0 }, "Cannot take a stack of 0 frames: the depth is from 1 to 1024"],
    [
      { op: "cast", base: arg("box", "label"), type: "struct flie" },
      'Cannot cast to "struct flie": no such type',
    ],
    [{ op: "local", name: "x" }, 'Unknown name "x"'],
    [
      { op: "opaque", fn: 0, source: "(c) => x", reason: "it uses x" },
      "Cannot run (c) => x: a graph that was read from JSON holds no functions (it could not be captured (it uses x); attach the program that made the graph)",
    ],
  ];
  for (const [expr, message] of cases) {
    const { found } = resolve(expr);
    assertEquals(found.length, 1);
    assertEquals(found[0]?.startsWith(message), true, `${found[0]} / ${message}`);
  }
});

Deno.test("arguments are there at the entry of a function only", () => {
  const ret: AttachPoint = { kind: "kretprobe", target: "f", maxactive: 0 };
  const at = (point: AttachPoint) =>
    resolveAt(arg("box"), { point, name: "x", prototype: PROTOTYPE }).found[0] ?? "";
  assertEquals(at(ret).includes("arguments can be read at the entry only"), true);
  assertEquals(at({ ...ENTRY, offset: 4 } as AttachPoint).includes("may hold something else"), true);
  assertEquals(at({ kind: "begin" }).includes("has no arguments"), true);
});

Deno.test("a result has the type of the prototype", () => {
  const point: AttachPoint = { kind: "kretprobe", target: "f", maxactive: 0 };
  const { text, type } = resolveAt({ op: "builtin", name: "retval" }, {
    point,
    name: "kretprobe:f",
    prototype: PROTOTYPE,
  });
  assertEquals([text, type], ["s32(retval)", "int32"]);
});

const TRACEPOINT: TracepointInfo = {
  subsystem: "a",
  name: "b",
  id: 1,
  printFmt: "",
  common: [],
  fields: [
    { name: "dfd", type: "int", offset: 16, size: 8, signed: false },
    { name: "prev_comm", type: "char[16]", offset: 24, size: 16, signed: false },
    { name: "name", type: "__data_loc char[]", offset: 40, size: 4, signed: false },
    { name: "filename", type: "const char *", offset: 48, size: 8, signed: false },
    { name: "nums", type: "u32[4]", offset: 56, size: 16, signed: false },
    { name: "ok", type: "bool", offset: 72, size: 1, signed: false },
    { name: "skb", type: "const void *", offset: 80, size: 8, signed: false },
    { name: "data", type: "__data_loc u8[]", offset: 88, size: 4, signed: false },
  ],
};

Deno.test("fields of a tracepoint's record", () => {
  const at: ResolvedPoint = {
    point: { kind: "tracepoint", subsystem: "a", event: "b" },
    name: "tracepoint:a:b",
    tracepoint: TRACEPOINT,
  };
  const cases: readonly (readonly [expr: Expr, text: string, type: string])[] = [
    // The C type tells the sign; the format says 8 unsigned bytes.
    [arg("dfd"), "record.s32[16]", "int32"],
    [arg("prev_comm"), "record.str[24]", "string"],
    [arg("name"), "record.dynamic_str[40]", "string"],
    [arg("filename"), "str[record.s64[48]]", "string"],
    [index(arg("nums"), 2), "record.u32[56 + 2 * 4]", "uint32"],
    [arg("ok"), "record.u8[72] != 0", "bool"],
    [arg("skb"), "record.s64[80]", "void *"],
  ];
  for (const [expr, text, type] of cases) assertEquals(resolveAt(expr, at), { text, type, found: [] });
  assertEquals(resolveAt(arg("data"), at).found, [
    'Cannot read "data" at tracepoint:a:b: a dynamic array that is no string',
  ]);
  assertEquals(resolveAt(arg("prev_com"), at).found, [
    'No field "prev_com" in tracepoint:a:b (did you mean "prev_comm"?)',
  ]);
});
