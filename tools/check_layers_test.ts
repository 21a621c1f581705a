import { assert, assertEquals } from "@std/assert";
import { checkHouseRules } from "./check_house.ts";
import { checkLayers } from "./check_layers.ts";
import { formatFinding, type SourceFile } from "./check_tree.ts";

function tree(files: Record<string, string>): SourceFile[] {
  return Object.entries(files).map(([path, text]) => ({ path, text }));
}

function layers(files: Record<string, string>): string[] {
  return checkLayers(tree(files)).map(formatFinding);
}

function house(files: Record<string, string>): string[] {
  return checkHouseRules(tree(files)).map(formatFinding);
}

Deno.test("a tree that keeps to the import table passes", () => {
  assertEquals(
    layers({
      "image/model.ts": `import { a } from "./address.ts";`,
      "kernel/calls/engine.ts":
        `import type { Kernel } from "../kernel.ts";\nimport type { Addr } from "../../image/model.ts";`,
      "session/run.ts":
        `import { Kernel } from "../kernel/kernel.ts"; import { x } from "../graph/nodes.ts";`,
      "cli/main.ts": `import { start } from "../repl/start.ts"; import { Command } from "commander";`,
      "examples/a.ts": `import { kprobe } from "../mod.ts";`,
      "kernel/calls/engine_test.ts": `import { assert } from "@std/assert"; import fc from "fast-check";`,
      "tests/all_test.ts": `import { x } from "../kernel/kernel.ts"; import { y } from "../cli/main.ts";`,
    }),
    [],
  );
});

Deno.test("each import against the table is one sentence", () => {
  assertEquals(
    layers({
      "image/model.ts": `\nimport { fn } from "../kernel/calls/function.ts";`,
      "kernel/a.ts": `export { kprobe } from "../probes/kprobe.ts";`,
      "probes/a.ts": `import type { Script } from "../bpftrace/parser.ts";`,
      "repl/a.ts": `const main = await import("../cli/main.ts");`,
      "examples/a.ts": `import { Kernel } from "../kernel/kernel.ts";`,
    }),
    [
      'image/model.ts:2: error: "image" must not import "kernel" ("../kernel/calls/function.ts"); it may import nothing of ours',
      'kernel/a.ts:1: error: "kernel" must not import "probes" ("../probes/kprobe.ts"); it may import image',
      'probes/a.ts:1: error: "probes" must not import "bpftrace" ("../bpftrace/parser.ts"); it may import graph, image, types',
      'repl/a.ts:1: error: "repl" must not import "cli" ("../cli/main.ts"); it may import image, graph, kernel, workloads, format, types, session, inspect, probes, bpftrace, commands, mod.ts',
      'examples/a.ts:1: error: "examples" must not import "kernel" ("../kernel/kernel.ts"); it may import mod.ts',
    ],
  );
});

Deno.test("packages are loaded only where they belong, and folders have a place", () => {
  const found = layers({
    "kernel/a.ts": `import fs from "node:fs";`,
    "session/b.ts": `import { Command } from "commander"; import { assert } from "@std/assert";`,
    "graph/c.ts": `import x from "npm:left-pad@1";`,
    "helpers/d.ts": ``,
  });
  assertEquals(found.length, 5);
  assert(found[0]!.includes('"kernel" must not import "node:fs"; only commands, repl, cli, notebook may'));
  assert(found[1]!.includes('"session" must not import "commander"; only cli may'));
  assert(found[2]!.includes('only tests may import "@std/assert"'));
  assert(found[3]!.includes('"npm:left-pad@1" is not in the import map'));
  assert(found[4]!.includes('"helpers" has no place in the import table'));
});

Deno.test("an import in a comment or a string is none", () => {
  assertEquals(
    layers({ "image/a.ts": `// import "../kernel/kernel.ts"\nconst a = 'import "../cli/main.ts"';` }),
    [],
  );
});

Deno.test("house rules name what makes runs differ, however it is reached", () => {
  const code = [
    "const a = Date.now();",
    "const b = Math.random();",
    "const c = new Date(5);",
    "performance.now();",
    "const { now } = Date;",
    "const M = Math; M.random();",
    'const d = Date["now"]();',
    "const e = Date();",
    "names.sort((a, b) => a.localeCompare(b));",
    "const f = Deno.pid;",
    "setTimeout(go, 1);",
    "await import(name);",
    'const g = Math["random"]();',
    "const h = { Date };",
    'globalThis["Date"].now();',
    "const { localeCompare: i } = text;",
    "new Intl.NumberFormat();",
    "crypto.randomUUID();",
  ];
  const found = house({ "kernel/a.ts": code.join("\n") });
  assertEquals(found.map((line) => Number(line.split(":")[1])), code.map((_, i) => i + 1));
  assertEquals(found[0], "kernel/a.ts:1: error: Date reads the wall clock; use the kernel's clock");
  assertEquals(found[1], "kernel/a.ts:2: error: Math.random makes runs differ; use the kernel's seed");
});

Deno.test("what only looks like the host is let pass, and so are folders that know it", () => {
  const innocent = [
    "// Date.now() in a comment",
    "const text = 'Math.random()'; const d = Math.max(1, 2);",
    "interface A { Date: number; crypto: B }",
    'const a = { performance: 1 }; a.performance; const m = await import("./m.ts");',
  ].join("\n");
  assertEquals(
    house({
      "kernel/b.ts": innocent,
      "kernel/b_test.ts": "Deno.test('x', () => Date.now());",
      "bench/c.ts": "performance.now(); Date.now();",
      "image/load.ts": "Deno.readFile(url);",
    }),
    [],
  );
  assertEquals(house({ "image/load.ts": "Date.now();" }).length, 1);
  assertEquals(house({ "image/names.ts": "Deno.readFile(url);" }).length, 1);
});

Deno.test("house rules refuse any, ignored errors, hosts, machine paths and package.json", () => {
  const found = house({
    "package.json": "{}",
    "graph/a.ts": "const a: any = 1;\n// @ts-ignore\nconst b = a as any;",
    "graph/badName.ts": "",
    "docs/a.md": "see https://" +
      "registry.internal.net/x and https://github.com/bpftrace/bpftrace\nin /root/dir/x\nor /opt/y",
    "graph/many.ts": "const company = 'any';\n",
  });
  assertEquals(found.map((line) => line.replace(/;.*/, "")), [
    "package.json: error: package.json makes Deno manage node_modules by hand",
    "graph/a.ts:1: error: `any` switches type checking off",
    "graph/a.ts:3: error: `any` switches type checking off",
    "graph/a.ts:2: error: @ts-ignore hides errors",
    'graph/badName.ts: error: "badName.ts" is not in snake_case',
    'docs/a.md:1: error: host "registry.internal.net" is not among those that may be named',
    'docs/a.md:2: error: "/root/" is a path of one machine',
    'docs/a.md:3: error: "/opt/" is a path of one machine',
  ]);
});

Deno.test("a long file is a warning, a generated one is not, and none can call itself generated", () => {
  const long = "const a = 1;\n".repeat(501);
  const warning = "graph/long.ts: warning: has 501 lines; over 500 it probably holds more than one idea";
  assertEquals(house({ "graph/long.ts": long }), [warning]);
  assertEquals(house({ "types/kernel.ts": "// Generated by tools/generate_types.ts.\n" + long }), []);
  const claims = "// Generated by hand.\nconst a: any = 1;\n";
  assertEquals(house({ "graph/claims.ts": claims }).length, 1);
});
