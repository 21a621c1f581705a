import { assertEquals } from "@std/assert";
import { coreImage } from "../image/load.ts";
import { explain, outline } from "./explain.ts";
import type { Expr, Program } from "./nodes.ts";

const image = await coreImage("x86_64");
const COMM: Expr = { op: "builtin", name: "comm" };
const NAME: Expr = {
  op: "field",
  base: {
    op: "field",
    base: { op: "field", base: { op: "arg", name: "path" }, name: "dentry" },
    name: "d_name",
  },
  name: "name",
};

const PROGRAM: Program = {
  graph: {
    version: 2,
    maps: [{ name: "opens", aggregation: { fn: "count" }, keyParts: 1 }],
    probes: [{
      name: "opens",
      point: { kind: "kprobe", target: "vfs_open", offset: 0 },
      steps: [
        {
          op: "filter",
          test: { op: "binary", operator: "==", left: COMM, right: { op: "literal", value: "cat" } },
        },
        {
          op: "filter",
          test: { op: "opaque", fn: 0, source: "(c) => wanted(c.pid)", reason: 'it uses "wanted"' },
        },
        { op: "aggregate", map: "opens", key: [NAME], value: undefined },
        {
          op: "do",
          body: [
            { op: "let", name: "d", value: COMM },
            {
              op: "if",
              test: { op: "local", name: "d" },
              then: [{ op: "print", parts: ["x", COMM] }],
              else: [],
            },
          ],
        },
      ],
    }],
  },
  functions: [() => true],
};

Deno.test("explain shows where a program attaches and what its names became", () => {
  const offset = (type: string, field: string) => {
    const struct = image.type(type);
    return struct === undefined ? -1 : image.field(struct, field)?.offset ?? -1;
  };
  const address = BigInt.asUintN(64, BigInt(image.symbol("vfs_open")?.address ?? 0)).toString(16);
  const dentry = offset("struct path", "dentry");
  const name = offset("struct dentry", "d_name") + offset("struct qstr", "name");
  assertEquals(
    explain(PROGRAM, image),
    `opens
└─ kprobe:vfs_open at ${address}
   ├─ int vfs_open(const struct path * path, struct file * file)
   ├─ filter comm === "cat"
   ├─ filter opaque #0
   │  └─ runs as it is: (c) => wanted(c.pid)
   │     └─ because it uses "wanted"
   ├─ @opens = count()
   │  └─ key 0: str[s64[s64[arg0 + ${dentry}] + ${name}]]: string
   └─ do
      ├─ let d = comm: string
      └─ if d
         └─ print
            ├─ "x"
            └─ comm: string
maps
└─ @opens[1] = count()
`,
  );
});

Deno.test("explain can show the code, and shows what is wrong instead of throwing", () => {
  const text = explain(PROGRAM, image, { code: true });
  assertEquals(text.includes("handler\n") && text.includes("hit.opaque(f0)"), true);
  const probe = { name: "p", point: { kind: "kprobe", target: "vfs_opne", offset: 0 }, steps: [] } as const;
  const wrong = explain({ graph: { version: 2, probes: [probe], maps: [] }, functions: [] }, image, {
    code: true,
  });
  assertEquals(wrong.includes('error: Cannot attach kprobe "vfs_opne": no such function'), true);
});

Deno.test("a glob shows its first points only", () => {
  const probe = { name: "all", point: { kind: "kprobe", target: "vfs_*", offset: 0 }, steps: [] } as const;
  const text = explain({ graph: { version: 2, probes: [probe], maps: [] }, functions: [] }, image, {
    points: 2,
  });
  assertEquals(/^ *└─ and \d+ more$/m.test(text), true);
  assertEquals(text.match(/kprobe:vfs_/g)?.length, 2);
});

Deno.test("an outline needs no image and shows the expressions as they were written", () => {
  assertEquals(
    outline(PROGRAM.graph),
    `opens
├─ filter c.comm === "cat"
├─ filter (c) => wanted(c.pid)
├─ @opens[c.args.path.dentry.d_name.name] = count()
└─ do (2 statements)
`,
  );
});
