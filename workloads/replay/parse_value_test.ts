import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseList, parseValue, wordOf } from "./parse_value.ts";
import { printValue } from "./print_value.ts";
import { type StraceArgument, type StraceValue, stringText, structField } from "./value.ts";

Deno.test("numbers in every base become signed words", () => {
  assertEquals(wordOf("42"), 42);
  assertEquals(wordOf("-1"), -1);
  assertEquals(wordOf("0644"), 0o644);
  assertEquals(wordOf("0"), 0);
  assertEquals(wordOf("0x7f1ec49ce000"), 0x7f1ec49ce000);
  assertEquals(wordOf("0xffffffffffffffff"), -1);
  assertEquals(wordOf("18446744073709551615"), -1);
  assertEquals(wordOf("0xffff800000000000"), -0x800000000000);
  assertEquals(wordOf("0x123456789abcdef1"), NaN);
});

Deno.test("each kind of value keeps its structure", () => {
  const cases: [string, StraceValue][] = [
    ["NULL", { kind: "null" }],
    ["AT_FDCWD", { kind: "name", name: "AT_FDCWD" }],
    ["0x26000", { kind: "number", text: "0x26000", value: 0x26000 }],
    ["0x7ffc9c11c298 /* 3 vars */", {
      kind: "number",
      text: "0x7ffc9c11c298",
      value: 0x7ffc9c11c298,
      comment: "3 vars",
    }],
    ["???", { kind: "raw", text: "???" }],
    ["~[RT_1]", {
      kind: "unary",
      operator: "~",
      operand: {
        kind: "array",
        items: [{ value: { kind: "name", name: "RT_1" } }],
        omitted: false,
        spaced: false,
      },
    }],
    ["[16 => 8]", {
      kind: "array",
      items: [{
        value: {
          kind: "changed",
          before: { kind: "number", text: "16", value: 16 },
          after: { kind: "number", text: "8", value: 8 },
        },
      }],
      omitted: false,
      spaced: false,
    }],
  ];
  for (const [text, value] of cases) assertEquals(parseValue(text), value, text);
});

Deno.test("strings keep their bytes, quotes and brackets inside do no harm", () => {
  const value = parseValue('"a\\"b, (c) [d] {e} = 1 <f>\\n\\0\\1\\177\\x41"...');
  assertEquals(value.kind, "string");
  assertEquals(stringText(value), 'a"b, (c) [d] {e} = 1 <f>\n\0\x01\x7fA');
  assertEquals(value.kind === "string" && value.truncated, true);
  // An octal escape is as long as its digits go, three at most.
  assertEquals(stringText(parseValue('"\\0205\\2"')), "\x105\x02");
});

Deno.test("a list of arguments as recorded", () => {
  const text = `AT_FDCWD, "/lib/x (1).so", {st_mode=S_IFREG|0644, st_size=8192*1024, ...}, [RTMIN RT_1], ` +
    `{sa_family=AF_INET, sin_port=htons(9009), sin_addr=inet_addr("127.0.0.1")}, flags=CLONE_VM) = 0`;
  const { items, end } = parseList(text, 0, ")");
  assertEquals(text.slice(end), ") = 0");
  assertEquals(items.map((item) => item.value.kind), ["name", "string", "struct", "array", "struct", "name"]);
  assertEquals(items[5]?.name, "flags");
  const stat = items[2]?.value;
  assertEquals(stat?.kind === "struct" && stat.omitted, true);
  assertEquals(structField(stat, "st_size"), {
    kind: "expression",
    terms: [{ kind: "number", text: "8192", value: 8192 }, { kind: "number", text: "1024", value: 1024 }],
    operators: ["*"],
  });
  const set = items[3]?.value;
  assertEquals(set?.kind === "array" && set.spaced && set.items.length, 2);
});

Deno.test("what strace -y adds to descriptors is skipped", () => {
  const text = `3</etc/hosts>, 4<TCP:[127.0.0.1:80->127.0.0.1:90]>, AT_FDCWD</srv>, 10)`;
  const { items } = parseList(text, 0, ")");
  assertEquals(items.map((item) => printValue(item.value)), ["3", "4", "AT_FDCWD", "10"]);
});

Deno.test("a value of unknown form is raw and spoils nothing after it", () => {
  const { items } = parseList(`3, <what> "x, y" {a), 5)`, 0, ")");
  assertEquals(items[0]?.value.kind, "number");
  assertEquals(items[1]?.value.kind, "raw");
});

Deno.test("names of one value stay one argument", () => {
  const { items } = parseList("5, BTRFS_IOC_CLONE or FICLONE, 4)", 0, ")");
  assertEquals(items.map((item) => printValue(item.value)), ["5", "BTRFS_IOC_CLONE or FICLONE", "4"]);
});

Deno.test("terminal settings and wait statuses", () => {
  assertEquals(parseValue("{B38400 opost isig -icanon echo ...}").kind, "struct");
  const status = parseValue("[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]");
  assertEquals(printValue(status), "[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]");
});

const numberValue = fc.oneof(
  fc.integer().map((value): StraceValue => ({
    kind: "number",
    text: String(value),
    value: value === 0 ? 0 : value,
  })),
  fc.nat(2 ** 31 - 1).map((value): StraceValue => ({
    kind: "number",
    text: `0x${value.toString(16)}`,
    value,
  })),
  fc.integer({ min: 1, max: 0o7777 }).map((value): StraceValue => ({
    kind: "number",
    text: `0${value.toString(8)}`,
    value,
  })),
);
const word = fc.stringMatching(/^[A-Z][A-Z0-9_]{1,8}[A-Z0-9]$/).filter((name) => name !== "NULL");
const nameValue = word.map((name): StraceValue => ({ kind: "name", name }));
const stringValue = fc.record({ bytes: fc.uint8Array({ maxLength: 24 }), truncated: fc.boolean() })
  .map(({ bytes, truncated }): StraceValue => ({ kind: "string", bytes: Uint8Array.from(bytes), truncated }));
const fieldName = fc.stringMatching(/^[a-z][a-z_]{0,6}[a-z0-9]$/);

const tree = fc.letrec<{ value: StraceValue; argument: StraceArgument; field: StraceArgument }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    numberValue,
    nameValue,
    stringValue,
    fc.constant<StraceValue>({ kind: "null" }),
    fc.array(tie("argument"), { maxLength: 3 }).map((items): StraceValue => ({
      kind: "array",
      items,
      omitted: false,
      spaced: false,
    })),
    fc.record({ fields: fc.array(tie("field"), { maxLength: 3 }), omitted: fc.boolean() })
      .map(({ fields, omitted }): StraceValue => ({ kind: "struct", fields, omitted })),
    fc.record({ name: word, args: fc.array(tie("argument"), { maxLength: 2 }) })
      .map(({ name, args }): StraceValue => ({ kind: "call", name, args })),
    fc.array(nameValue, { minLength: 2, maxLength: 4 }).map((terms): StraceValue => ({
      kind: "expression",
      terms,
      operators: terms.slice(1).map(() => "|"),
    })),
    fc.array(nameValue, { minLength: 2, maxLength: 4 }).map((names): StraceValue => ({
      kind: "array",
      items: names.map((value) => ({ value })),
      omitted: false,
      spaced: true,
    })),
  ),
  argument: tie("value").map((value) => ({ value })),
  field: fc.record({ name: fieldName, value: tie("value") }),
}));

Deno.test("what is printed is read back the same", () => {
  fc.assert(fc.property(tree.value, (value) => {
    assertEquals(parseValue(printValue(value)), value);
  }));
});

Deno.test("any text is read to its end without throwing", () => {
  fc.assert(fc.property(fc.string({ unit: "binary-ascii", maxLength: 60 }), (text) => {
    const { end } = parseList(text, 0, ")");
    assertEquals(end <= text.length, true);
    parseValue(text);
  }));
});
