import { assertEquals } from "@std/assert";
import { bootTest } from "../../syscalls/test_program.ts";
import type { Kernel } from "../../kernel.ts";
import { cat, echo, TRACING } from "../testing.ts";

const PATH = "events/t/a/trigger";

async function kernel(): Promise<Kernel> {
  const k = await bootTest();
  echo(k, "p:t/a vfs_open v=%di w=$comm", "kprobe_events");
  return k;
}

function add(k: Kernel, text: string): boolean {
  return k.tracefs.write(`${TRACING}/${PATH}`, `hist:${text}\n`, { append: true }).ok;
}

Deno.test("variables of a trigger, in one option or several, are kept and shown together", async () => {
  const taken: readonly (readonly [text: string, shown: string])[] = [
    [
      "keys=v:x0=v,ts0=common_timestamp.usecs",
      "keys=v:vals=hitcount:x0=v,ts0=common_timestamp.usecs:sort=hitcount",
    ],
    ["keys=v.hex:x1=v:x2=5", "keys=v.hex:vals=hitcount:x1=v,x2=5:sort=hitcount"],
    [
      "keys=common_pid:lat=common_timestamp.usecs-$ts0",
      "keys=common_pid:vals=hitcount:lat=common_timestamp.usecs-$ts0:sort=hitcount",
    ],
    ["keys=common_cpu:y=v,z=$y*2+v", "keys=common_cpu:vals=hitcount:y=v,z=$y*2+v:sort=hitcount"],
    ["keys=v:vals=w", "keys=v:vals=hitcount,w:sort=hitcount"],
    ["keys=v.hex:sort=v.descending", "keys=v.hex:vals=hitcount:sort=v.hex.descending"],
    ["keys=common_pid:vals=v.hex:sort=v", "keys=common_pid:vals=hitcount,v.hex:sort=v.hex"],
  ];
  const k = await kernel();
  for (const [text] of taken) assertEquals(add(k, text), true, text);
  assertEquals(cat(k, PATH), taken.map(([, shown]) => `hist:${shown}:size=2048 [active]\n`).join(""));
  for (const [text] of taken) assertEquals(add(k, text), false, text);
  for (const [text] of taken.toReversed()) {
    k.tracefs.write(`${TRACING}/${PATH}`, `!hist:${text}\n`, { append: true });
  }
  assertEquals(cat(k, PATH).startsWith("# Available triggers:"), true);
});

Deno.test("what is wrong with a variable or an action is told", async () => {
  const k = await kernel();
  assertEquals(add(k, "keys=v:x0=v"), true);
  const many = Array.from({ length: 17 }, (_, i) => `m${i}=v`).join(",");
  const refused: readonly (readonly [text: string, at: string, message: string])[] = [
    ["keys=v:a=v,bb", "bb", "Malformed assignment"],
    [`keys=v:${many}`, "m16", "Too many variables defined"],
    ["keys=v:a=v-$none", "$none", "Couldn't find variable"],
    ["keys=v:a=v+w", "w", "String type can not be an operand in expression"],
    ["keys=v:a=v+v+v+v+v", "v+v+v+v+v", "Too many subexpressions (3 max)"],
    ["keys=v:a=v+zz", "zz", "Couldn't find field"],
    ["keys=v:x0=5", "x0=5", "Variable already defined"],
    ["keys=v:onmatch(t.a).syn($x0)", "syn", "Invalid action param"],
    ["keys=v:onmatch(t.zz).syn($x0)", "zz", "Invalid subsystem or event name"],
    ["keys=v:onmatch(zz).syn($x0)", "zz", "Missing subsystem"],
    ["keys=v:onmatch(t.a", "t.a", "No closing paren found"],
    ["keys=v:onmatch(t.a)", "hist", "No action found"],
    ["keys=v:onmax($x0).save(v)", "save", "Invalid action param"],
    ["keys=v:onchange(x0).snapshot()", "x0", "For onmax(x) or onchange(x), x must be a variable"],
  ];
  for (const [text, at, message] of refused) {
    k.tracefs.write(`${TRACING}/error_log`, "");
    assertEquals(add(k, text), false, text);
    const [head = "", command = "", caret = ""] = cat(k, "error_log").split("\n");
    assertEquals(head.replace(/^.*error: /, ""), message, text);
    const place = caret.indexOf("^") - 11;
    assertEquals([command, place], [`  Command: hist:${text}`, `hist:${text}`.indexOf(at)], text);
  }
  assertEquals(add(k, "keys=v:bogus"), false);
});
