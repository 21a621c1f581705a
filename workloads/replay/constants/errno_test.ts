import { assert, assertEquals } from "@std/assert";
import * as probes from "../../../kernel/kprobes/errno.ts";
import * as kernel from "../../../kernel/syscalls/errno.ts";
import { errnoValue } from "./mod.ts";

Deno.test("the numbers that the kernel's code uses are those that recordings name", () => {
  const named = Object.entries({ ...kernel, ...probes });
  assert(named.length > 30);
  for (const [name, value] of named) assertEquals(errnoValue(name), value, name);
});
