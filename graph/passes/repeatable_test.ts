import { assertEquals } from "@std/assert";
import type { Diagnostic } from "../diagnostic.ts";
import { reporter } from "../diagnostic.ts";
import type { IrStep } from "../ir.ts";
import { checkRepeatable } from "./repeatable.ts";

function warnings(source: string): readonly string[] {
  const found: Diagnostic[] = [];
  const test = { op: "opaque", fn: 0, source, reason: "", type: { kind: "unknown" } } as const;
  checkRepeatable([{ op: "filter", test } satisfies IrStep], reporter(found, "kprobe:vfs_open"));
  return found.map((one) => one.message);
}

Deno.test("the host's clock, chance and process are warned of", () => {
  assertEquals(warnings("(c) => Date.now() > c.nsecs").length, 1);
  assertEquals(warnings("(c) => new Date().getTime() + Math.random()").length, 2);
  assertEquals(warnings("(c) => process.env.HOME === c.comm").length, 1);
});

Deno.test("names in strings, comments and longer names are not", () => {
  assertEquals(warnings('(c) => c.comm === "Date" /* Date */'), []);
  assertEquals(warnings("(c) => c.args.inode.i_lastUpdate"), []);
  assertEquals(warnings("(c) => Math.max(c.pid, 2) // performance"), []);
});
