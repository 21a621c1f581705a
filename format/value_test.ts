import { assertEquals } from "@std/assert";
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

Deno.test("JSON of values parses", () => {
  for (const [, , json] of CASES) JSON.parse(json);
});

Deno.test("keys lose their outer parentheses, and in JSON all spaces", () => {
  assertEquals(keyText(["bash", 12]), "bash, 12");
  assertEquals(keyText([{ kind: "tuple", items: ["bash", 12] }]), "bash, 12");
  assertEquals(keyText(["(sd-pam)"]), "(sd-pam)");
  assertEquals(keyText([1, { kind: "tuple", items: [2, 3] }]), "1, (2, 3)");
  assertEquals(keyJson(["bash", 12]), '"bash,12"');
  assertEquals(keyJson([{ kind: "stack", symbols: ["f+1"] }]), '"\\nf+1\\n"');
});
