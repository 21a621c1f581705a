import { assertEquals } from "@std/assert";
import type { TracepointField } from "../../../image/model.ts";
import { ErrorLog } from "../error_log.ts";
import { BytesReader } from "./bytes_reader.ts";
import type { EventCall } from "./call.ts";
import { createFilter } from "./filter.ts";

function field(name: string, type: string, offset: number, size: number, signed = false): TracepointField {
  return { name, type, offset, size, signed };
}

const CALL: EventCall = {
  system: "test",
  name: "event",
  id: 1,
  common: [field("common_pid", "int", 4, 4, true)],
  fields: [
    field("a", "int", 8, 4, true),
    field("u", "u64", 16, 8),
    field("b", "u8", 24, 1),
    field("comm_of", "char[8]", 32, 8),
    field("path", "__data_loc char[]", 40, 4, true),
  ],
  printFmt: '""',
  enable: () => 0,
  disable() {},
};

function record(a: number, u: bigint, b: number, comm: string, path: string): BytesReader {
  const bytes = new Uint8Array(44 + path.length + 1);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, 77, true);
  view.setInt32(8, a, true);
  view.setBigUint64(16, u, true);
  view.setUint8(24, b);
  bytes.set(new TextEncoder().encode(comm), 32);
  view.setUint32(40, ((path.length + 1) << 16) | 44, true);
  bytes.set(new TextEncoder().encode(path), 44);
  return new BytesReader(bytes);
}

const CONTEXT = { cpu: 1, comm: "cat", readString: () => null };

function passes(filter: string, reader = record(-5, 0x8000n, 200, "bash", "/tmp/f1")): boolean {
  const made = createFilter(filter, CALL, new ErrorLog({ now: 0 }));
  assertEquals(made.errno, 0, `${filter}: ${made.text}`);
  return made.test?.(reader, CONTEXT) ?? false;
}

Deno.test("comparisons follow the field's size and sign", () => {
  const cases: Readonly<Record<string, boolean>> = {
    "a == -5": true,
    "a < 0": true,
    "a >= -4": false,
    "a != -5": false,
    "u == 0x8000": true,
    "u == 0100000": true,
    "u & 0x8001": true,
    "u & 1": false,
    "u > 18446744073709551615": false,
    "b == 200": true,
    "b == 456": true, // cut to eight bits
    "common_pid == 77": true,
    "cpu == 1": true,
    "CPU > 1": false,
  };
  for (const [filter, expected] of Object.entries(cases)) assertEquals(passes(filter), expected, filter);
});

Deno.test("texts compare whole, or by globs", () => {
  const cases: Readonly<Record<string, boolean>> = {
    'path == "/tmp/f1"': true,
    "path == '/tmp/f1'": true,
    'path != "/tmp/f1"': false,
    'path ~ "*f1"': true,
    'path ~ "/tmp/*"': true,
    'path ~ "*mp*"': true,
    'path ~ "/tmp/f?"': true,
    'path ~ "/tmp/f[2-9]"': false,
    'path ~ "/tmp"': false,
    'path ~ "!*f1"': false,
    'comm_of == "bash"': true,
    'comm_of ~ "ba*"': true,
    'comm == "cat"': true,
    'COMM ~ "d*"': false,
  };
  for (const [filter, expected] of Object.entries(cases)) assertEquals(passes(filter), expected, filter);
});

Deno.test("&& binds before ||, ! and parentheses as in C, for every combination of three terms", () => {
  const shapes: Readonly<Record<string, (x: boolean, y: boolean, z: boolean) => boolean>> = {
    "X && Y || Z": (x, y, z) => x && y || z,
    "X || Y && Z": (x, y, z) => x || y && z,
    "(X || Y) && Z": (x, y, z) => (x || y) && z,
    "X && (Y || Z)": (x, y, z) => x && (y || z),
    "!(X && Y) || Z": (x, y, z) => !(x && y) || z,
    "!(X || Y) && Z": (x, y, z) => !(x || y) && z,
    "!X && !(Y || !Z)": (x, y, z) => !x && !(y || !z),
    "!(!(X) && (Y || Z))": (x, y, z) => !(!x && (y || z)),
    "X && Y && Z": (x, y, z) => x && y && z,
    "X || Y || Z": (x, y, z) => x || y || z,
  };
  for (const [shape, expected] of Object.entries(shapes)) {
    const filter = shape.replace("X", "a == 1").replace("Y", "u == 1").replace("Z", "b == 1");
    for (let bits = 0; bits < 8; bits++) {
      const [x, y, z] = [(bits & 1) !== 0, (bits & 2) !== 0, (bits & 4) !== 0];
      const reader = record(x ? 1 : 2, y ? 1n : 2n, z ? 1 : 2, "", "");
      assertEquals(passes(filter, reader), expected(x, y, z), `${filter} for ${x}, ${y}, ${z}`);
    }
  }
});

Deno.test("what is refused tells what and where, as the kernel does", () => {
  const log = new ErrorLog({ now: 4_812_603_000 });
  const nosuch = createFilter("nosuch == 1", CALL, log);
  assertEquals(nosuch.errno, -22);
  assertEquals(nosuch.text, "nosuch == 1\n       ^\nparse_error: Field not found\n");
  assertEquals(
    log.read(),
    "[    4.812603] event filter parse error: error: Field not found\n" +
      "  Command: nosuch == 1\n                  ^\n",
  );
  const cases: readonly (readonly [filter: string, errno: number, message: string])[] = [
    ["a = 1", 22, "Invalid operator"],
    ["(a == 1", 2, "Too many '('"],
    ["a == 1)", 1, "Too few '('"],
    ['path == "x', 3, "Missing matching quote"],
    ["path == 1", 22, "Expecting string field"],
    ['a == "1"', 22, "Expecting numeric field"],
    ["a ~ 1", 22, "Illegal operation for field type"],
    ['path < "x"', 22, "Illegal operation for field type"],
    ["u == 0xzz", 22, "Illegal integer value"],
    ["a == b", 22, "Invalid value (did you forget quotes)?"],
    ["a == 1 b == 2", 1, "Too many terms in predicate expression"],
    ["a == 1 &&", 22, "Meaningless filter expression"],
    ["a == 1 || b == 2 ||", 22, "Meaningless filter expression"],
  ];
  for (const [filter, errno, message] of cases) {
    const made = createFilter(filter, CALL, new ErrorLog({ now: 0 }));
    assertEquals([-made.errno, made.text.split("\n")[2]], [errno, `parse_error: ${message}`], filter);
    assertEquals(made.test, null);
  }
});
