/** What is not used goes; what may fail or change something stays. */

import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import { compile } from "../compile.ts";
import type { Expr, Step } from "../nodes.ts";

const image = await coreImage("x86_64");
const PID: Expr = { op: "builtin", name: "pid" };

function opsOf(steps: readonly Step[]): readonly string[] {
  const program = {
    graph: {
      version: 2,
      probes: [{ name: "p", point: { kind: "kprobe", target: "vfs_read", offset: 0 }, steps }],
      maps: [{ name: "m", aggregation: { fn: "value" }, keyParts: 1 }],
    },
    functions: [() => 0],
  } as const;
  return compile(program, image).attachments[0]?.steps.map((step) =>
    step.op === "let" || step.op === "set" ? `${step.op} ${step.name}` : step.op
  ) ?? [];
}

const local = (name: string): Expr => ({ op: "local", name });

Deno.test("locals that are never read go, with what only they used", () => {
  assertEquals(
    opsOf([
      { op: "let", name: "a", value: PID },
      { op: "let", name: "b", value: local("a") },
      { op: "set", name: "b", value: { op: "tuple", items: [local("a"), PID] } },
      { op: "expr", value: PID },
      { op: "let", name: "c", value: PID },
      { op: "print", parts: [local("c")] },
    ]),
    ["let c", "print"],
  );
});

Deno.test("reads of memory, chance and functions that run as they are stay", () => {
  assertEquals(
    opsOf([
      { op: "let", name: "a", value: { op: "builtin", name: "rand" } },
      { op: "expr", value: { op: "opaque", fn: 0, source: "f", reason: "" } },
      { op: "let", name: "b", value: { op: "field", base: { op: "arg", name: "file" }, name: "f_flags" } },
      { op: "store", map: "m", key: [PID], value: PID },
    ]),
    ["expr", "expr", "expr", "store"],
  );
});
