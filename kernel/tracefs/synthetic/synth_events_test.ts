import { assert, assertEquals } from "@std/assert";
import { bootTest } from "../../syscalls/test_program.ts";
import type { Kernel } from "../../kernel.ts";
import { cat, told, TRACING } from "../testing.ts";

function append(k: Kernel, text: string, file = "synthetic_events"): number | string {
  return told(k.tracefs.write(`${TRACING}/${file}`, `${text}\n`, { append: true }));
}

Deno.test("definitions are listed with their fields, and have an event directory", async () => {
  for (const [arch, long] of [["x86_64", 8], ["i386", 4]] as const) {
    const k = await bootTest(arch);
    assertEquals(append(k, "lat u64 delta; pid_t pid; char comm[16]; unsigned long where; char text[]"), 74);
    // Without semicolons, as the first kernels had it; and by the file of all kinds.
    assertEquals(append(k, "old u8 a s16 b unsigned char c"), 31);
    assertEquals(append(k, "s:synthetic/third gfp_t flags;", "dynamic_events"), 31);
    const lines = "lat\tu64 delta; pid_t pid; char[16] comm; unsigned long where; char[] text\n" +
      "old\tu8 a; s16 b; unsigned char c\nthird\tgfp_t flags\n";
    assertEquals(cat(k, "synthetic_events"), lines);
    assertEquals(
      cat(k, "dynamic_events"),
      lines.replace(/^/gm, "s:synthetic/").replace(/s:synthetic\/$/, ""),
    );
    const format = cat(k, "events/synthetic/lat/format");
    const fields = [...format.matchAll(/\tfield:(.*);\toffset:(\d+);\tsize:(\d+);\tsigned:(\d);/g)].slice(4);
    assertEquals(fields.map((field) => field.slice(1).join(" ")), [
      "u64 delta 8 8 0",
      "pid_t pid 16 4 1",
      "char comm[] 24 16 1",
      `unsigned long where 280 ${long} 0`,
      "__data_loc char[] text 288 8 1",
    ]);
    assert(
      format.includes('print fmt: "delta=%llu, pid=%d, comm=%s, where=%lu, text=%s", REC->delta, '),
    );
    assert(format.includes("REC->where, __get_str(text)\n"));
    assertEquals(append(k, "1", "events/synthetic/old/enable"), 2);
    assertEquals([append(k, "!old"), append(k, "!none"), append(k, "!lat")], ["EBUSY", "ENOENT", 5]);
    assertEquals(told(k.tracefs.write(`${TRACING}/synthetic_events`, "")), "EBUSY");
    append(k, "0", "events/synthetic/old/enable");
    assertEquals(append(k, "-:synthetic/", "dynamic_events"), "ENOENT");
    assertEquals(append(k, "-:old", "dynamic_events"), 6);
    assertEquals(told(k.tracefs.write(`${TRACING}/synthetic_events`, "")), 0);
    assertEquals([cat(k, "dynamic_events"), cat(k, "events/synthetic/third/id")], ["", "ENOENT"]);
  }
});

Deno.test("each refusal says what is wrong and where", async () => {
  const k = await bootTest();
  append(k, "there u64 a");
  const FORM = "Command must be of the form: <name> field[;field] ...";
  const cases: readonly (readonly [text: string, message: string, column: number, errno?: string])[] = [
    ["x", FORM, 0],
    ["x u64", FORM, 0],
    ["x ; u64 a", FORM, 0],
    ["1x u64 a", "Illegal name", 0],
    ["x u64 1a", "Illegal name", 6],
    ["there u64 a", "Event already exists", 0, "EEXIST"],
    ["x u64 a; u65 b", "Invalid type", 9],
    ["x u64 a; constructor b", "Invalid type", 9],
    ["x toString a", "Invalid type", 2],
    ["x __proto__ a", "Invalid type", 2],
    ["x u64 a; s64", "Invalid field", 9],
    ["x u64 a; unsigned int", "Incomplete type", 9],
    ["x int a[4]", "Invalid type", 2],
    ["x char name[257]", "Invalid array specification", 7],
    ["x char name[4]x", "Invalid array specification", 7],
    ["x char name[1234]", "Invalid array specification", 7],
    [`x ${"u8 a; ".repeat(65)}`, "Too many fields", 0],
  ];
  for (const [text, message, column, errno = "EINVAL"] of cases) {
    told(k.tracefs.write(`${TRACING}/error_log`, ""));
    assertEquals(append(k, text), errno, text);
    const [head = "", command, caret = ""] = cat(k, "error_log").split("\n");
    assertEquals(head.replace(/^\[.*?\] /, ""), `synthetic_events: error: ${message}`, text);
    assertEquals([command, caret.indexOf("^") - 11], [`  Command: ${text}`, column], text);
    assertEquals(cat(k, "synthetic_events"), "there\tu64 a\n");
  }
  for (const text of ["s:other/x u64 a", "s:x/y u64 a"]) {
    assertEquals(append(k, text, "dynamic_events"), "EINVAL");
    assert(cat(k, "error_log").includes("Command must be of the form: s or -:[synthetic/]<name>"));
  }
});
