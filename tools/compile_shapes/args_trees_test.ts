import { assertEquals } from "@std/assert";
import { parseArgs } from "./args_trees.ts";
import type { CallData } from "./call_tree.ts";

/** A call as nested names. */
function names({ fn, calls }: CallData): string {
  return calls.length === 0 ? fn : `${fn}(${calls.map(names).join(" ")})`;
}

Deno.test("a system call stands in no scheduler whose return was not seen", () => {
  const entries = ["do_wait", "schedule", "__x64_sys_rseq", "do_it", "__x64_sys_exit"];
  const text = entries.map((fn, at) =>
    `           calls-116     [000] d....    13.22162${at}: ${fn}: (${fn}+0x0/0x310) a1=0x1`
  ).join("\n");
  const words = { arguments: (_fn: string, recorded: number[]) => recorded, result: () => 0 };
  const [task] = parseArgs(`${text}\n`, words);
  assertEquals(task?.roots.map(names), ["do_wait(schedule)", "__x64_sys_rseq(do_it(__x64_sys_exit))"]);
});
