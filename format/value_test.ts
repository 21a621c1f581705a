import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { keyJson, keyText, type PlainValue, valueJson, valueText } from "./value.ts";

const CASES: readonly (readonly [value: PlainValue, text: string, json: string])[] = [
  [5, "5", "5"],
  [-5, "-5", "-5"],
  [-0, "0", "0"],
  [2.5, "2.5", "2.5"],
  [9007199254740993n, "9007199254740993", '"9007199254740993"'],
  [2n ** 60n, "1152921504606846976", "1152921504606846976"],
  [true, "true", "true"],
  [null, "null", "null"],
  [undefined, "null", "null"],
  ['a "b"\n\t\\\u0001é', 'a "b"\n\t\\\u0001é', '"a \\"b\\"\\n\\t\\\\\\u0001é"'],
  [{ kind: "pointer", address: 31 }, "0x1f", "31"],
  [{ kind: "pointer", address: 0 }, "0x0", "0"],
  [{ kind: "pointer", address: -0x77fffc3b3000 }, "0xffff880003c4d000", "18446612132377448448"],
  [{ kind: "pointer", address: 0xc1000000 }, "0xc1000000", "3238002688"],
  [
    { kind: "tuple", items: [1, "abc", { kind: "tuple", items: [2, 3] }] },
    "(1, abc, (2, 3))",
    '[1,"abc",[2,3]]',
  ],
  [{ kind: "array", items: [1, 2, 3] }, "[1,2,3]", "[1,2,3]"],
  [
    { kind: "struct", fields: [{ name: "a", value: 1 }, { name: "b", value: "x" }] },
    "{ .a = 1, .b = x }",
    '{"a": 1, "b": "x"}',
  ],
  [
    { kind: "stack", symbols: ["vfs_read+1", "ksys_read+108"] },
    "\n        vfs_read+1\n        ksys_read+108\n",
    '"\\n        vfs_read+1\\n        ksys_read+108\\n"',
  ],
];

Deno.test("each value as text and as JSON", () => {
  for (const [value, text, json] of CASES) {
    assertEquals(valueText(value), text);
    assertEquals(valueJson(value), json);
  }
});

/** What JSON of a value says: what `JSON.parse` must give back. */
function parsed(value: PlainValue): unknown {
  switch (typeof value) {
    case "number":
      return value + 0;
    case "bigint":
      return BigInt(Number(value)) === value ? Number(value) : String(value);
    case "undefined":
      return null;
    case "object":
      break;
    default:
      return value;
  }
  switch (value?.kind) {
    case undefined:
      return null;
    case "pointer":
      return Number(BigInt.asUintN(64, BigInt(value.address)));
    case "tuple":
    case "array":
      return value.items.map(parsed);
    case "struct":
      return Object.fromEntries(value.fields.map((field) => [field.name, parsed(field.value)]));
    case "stack":
      return `\n${value.symbols.map((symbol) => `        ${symbol}\n`).join("")}`;
  }
}

const values = fc.letrec<{ value: PlainValue; items: PlainValue[] }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof<fc.Arbitrary<PlainValue>[]>(
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.string({ unit: "binary" }),
      fc.boolean(),
      fc.constantFrom(null, undefined),
      fc.maxSafeInteger().map((address): PlainValue => ({ kind: "pointer", address })),
      fc.array(fc.string()).map((symbols): PlainValue => ({ kind: "stack", symbols })),
    ),
    tie("items").map((items): PlainValue => ({ kind: "tuple", items })),
    tie("items").map((items): PlainValue => ({ kind: "array", items })),
    tie("items").map((items): PlainValue => ({
      kind: "struct",
      fields: items.map((value, i) => ({ name: `f${i}`, value })),
    })),
  ),
  items: fc.array(tie("value"), { maxLength: 4 }),
})).value;

Deno.test("JSON of a value says what the value is", () => {
  for (const [value, , json] of CASES) assertEquals(JSON.parse(json), parsed(value));
  fc.assert(
    fc.property(values, (value) => assertEquals(JSON.parse(valueJson(value)), parsed(value))),
    { numRuns: 500, seed: 20261122 },
  );
});

Deno.test("keys lose their outer parentheses, and in JSON all spaces", () => {
  assertEquals(keyText(["bash", 12]), "bash, 12");
  assertEquals(keyText([{ kind: "tuple", items: ["bash", 12] }]), "bash, 12");
  assertEquals(keyText(["(sd-pam)"]), "(sd-pam)");
  assertEquals(keyText([1, { kind: "tuple", items: [2, 3] }]), "1, (2, 3)");
  assertEquals(keyJson(["bash", 12]), '"bash,12"');
  assertEquals(keyJson([{ kind: "stack", symbols: ["f+1"] }]), '"\\nf+1\\n"');
});

Deno.test("a stack prints as bpftrace, as perf, or as addresses", () => {
  const stack = { kind: "stack", symbols: ["vfs_read+1", "ksys_read+108"], frames: [-4096, 16] } as const;
  assertEquals(valueText(stack), "\n        vfs_read+1\n        ksys_read+108\n");
  assertEquals(
    valueText({ ...stack, mode: "perf" }),
    "\n\tfffffffffffff000 vfs_read+1\n\t10 ksys_read+108\n",
  );
  assertEquals(valueText({ ...stack, mode: "raw" }), "\nfffffffffffff000\n10\n");
});

Deno.test("bytes print as text where they are, as JSON as numbers", () => {
  const buffer = { kind: "buffer", bytes: [0x61, 0, 0xff] } as const;
  assertEquals([valueText(buffer), valueJson(buffer)], ["a\\x00\\xff", "[97,0,255]"]);
});
