/** `uprobe_events` on three architectures: what is defined, hit, listed and refused. */
import { assert, assertEquals } from "@std/assert";
import { bootKernel, type Kernel } from "../mod.ts";
import { builtinWorkload } from "../workloads/mod.ts";
import { placeUserFile, userFile, userSymbols } from "../workloads/user/symbols.ts";

const ARCHES = ["x86_64", "arm64", "i386"] as const;
const T = "/sys/kernel/tracing";
const FIRST_ARGUMENT = { x86_64: "%di", arm64: "%x0", i386: "$stack1" } as const;

async function boot(arch: (typeof ARCHES)[number]): Promise<{ k: Kernel; libc: string; malloc: string }> {
  const k = await bootKernel({ arch });
  const libc = userFile(arch, "libc");
  placeUserFile(k, libc);
  const offset = userSymbols(libc).find(({ name }) => name === "malloc")?.offset ?? 0;
  return { k, libc, malloc: `${libc}:0x${offset.toString(16)}` };
}

function write(k: Kernel, text: string, file: string): string | number {
  const result = k.tracefs.write(`${T}/${file}`, `${text}\n`, { append: true });
  return result.ok ? result.value : result.name;
}

function read(k: Kernel, file: string): string {
  const result = k.tracefs.read(`${T}/${file}`);
  return result.ok ? result.value : result.name;
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: events on a library's function tell arguments, results and hits`, async () => {
    const { k, libc, malloc } = await boot(arch);
    write(k, `p:g/taken ${malloc} size=${FIRST_ARGUMENT[arch]}:u32 who=$comm`, "uprobe_events");
    write(k, `r:g/given ${malloc} piece=$retval`, "uprobe_events");
    write(k, `p:kprobes/opened do_filp_open`, "kprobe_events");
    const digits = arch === "i386" ? 8 : 16;
    const place = `${libc}:0x${malloc.slice(libc.length + 3).padStart(digits, "0")}`;
    const listed = `p:g/taken ${place} size=${FIRST_ARGUMENT[arch]}:u32 who=$comm\n` +
      `r:g/given ${place} piece=$retval\n`;
    assertEquals(read(k, "uprobe_events"), listed);
    assertEquals(read(k, "dynamic_events"), `${listed}p:kprobes/opened do_filp_open\n`);
    assertEquals(write(k, "1", "events/g/enable"), 2);
    write(k, "size > 100 && who == cat", "events/g/taken/filter");
    const workload = builtinWorkload("cat");
    workload.start(k);
    k.scheduler.run();
    const lines = read(k, "trace").split("\n").filter((line) => /: (taken|given): /.test(line));
    // All of them are cat's, and the filter leaves the large ones.
    const taken = lines.flatMap((
      line,
    ) => [...line.matchAll(/taken: \((0x[0-9a-f]+)\) size=(\d+) who="cat"$/g)]);
    const given = lines.flatMap((
      line,
    ) => [...line.matchAll(/given: \((0x[0-9a-f]+) <- (0x[0-9a-f]+)\) piece=0x[0-9a-f]+$/g)]);
    assertEquals(taken.map(([, , size]) => size), ["472", "120"]);
    assertEquals(given.length, 2);
    assertEquals(new Set([...taken.map(([, at]) => at), ...given.map(([, , entry]) => entry)]).size, 1);
    const flags = arch === "arm64" ? "....." : "DNZff";
    assert(lines.every((line) => line.includes(`[000] ${flags} `) || line.includes(`[001] ${flags} `)));
    assertEquals(
      read(k, "uprobe_profile"),
      ["taken", "given"].map((event) => `  ${libc} ${event.padEnd(44)} ${"2".padStart(15)}\n`).join(""),
    );
    // While they are enabled they stay; then a group goes at once, and other kinds of events stay.
    assertEquals(write(k, "-:g/taken", "uprobe_events"), "EBUSY");
    assertEquals(read(k, "uprobe_events"), listed);
    write(k, "0", "events/g/enable");
    assertEquals(write(k, "-:g/", "dynamic_events"), 5);
    assertEquals([read(k, "uprobe_events"), read(k, "kprobe_events")], [
      "",
      "p:kprobes/opened do_filp_open\n",
    ]);
    assertEquals(read(k, "events/g/taken/id"), "ENOENT");
  });
}

Deno.test("what is wrong with a uprobe's definition is said where it is", async () => {
  const { k, libc, malloc } = await boot("x86_64");
  const at = (text: string, part: string) => text.indexOf(part);
  const cases: readonly (readonly [text: string, errno: string, message: string, column: number])[] = [
    ["p:x /none:0x10", "ENOENT", "Failed to find the given file", 4],
    [`p:x ${libc}:0x10(5`, "EINVAL", "Reference counter brace is not closed", libc.length + 11],
    [`p:x ${libc}:0x10(5)x`, "EINVAL", "Reference counter has wrong suffix", libc.length + 12],
    [`p:x ${libc}:0x10(zz)`, "EINVAL", "Invalid reference counter offset", libc.length + 10],
    [`p:x ${libc}:0x10%ret`, "EINVAL", "Invalid probed address suffix", libc.length + 9],
    [`p:x ${libc}:0xzz`, "EINVAL", "Invalid uprobe offset", libc.length + 5],
    [`p:x ${malloc} @vfs_read`, "EINVAL", "Symbol is not available with uprobe", at(`p:x ${malloc} @`, "@")],
    [`p:x ${malloc} @+zz`, "EINVAL", "Invalid file offset value", at(`p:x ${malloc} @`, "@")],
    [`p:x ${malloc} %di:symbol`, "EINVAL", "Unknown type is specified", at(`p:x ${malloc} %di:`, "%") + 4],
    [`p:x ${malloc} $arg1`, "EINVAL", "Invalid $-variable specified", at(`p:x ${malloc} $`, "$")],
    [`p:x ${malloc} $retval`, "EINVAL", "$retval is not available on probe", at(`p:x ${malloc} $`, "$")],
    [`r:g/a ${malloc}`, "EEXIST", "Probe type is different from existing probe", 0],
    [`p:g/a ${malloc} a=%si`, "EEXIST", "There is already the exact same probe event", 0],
    [`p:g/a ${malloc} b=%si`, "EEXIST", "Argument type or name is different from existing probe", 0],
    [
      `p:sched/sched_switch ${malloc}`,
      "EEXIST",
      "Given group/event name is already used by another event",
      0,
    ],
  ];
  write(k, `p:g/a ${malloc} a=%si`, "uprobe_events");
  const before = read(k, "dynamic_events");
  for (const [text, errno, message, column] of cases) {
    k.tracefs.write(`${T}/error_log`, "");
    assertEquals(write(k, text, "uprobe_events"), errno, text);
    const [head = "", command = "", caret = ""] = read(k, "error_log").split("\n");
    assertEquals(head.replace(/^\[.*?\] /, ""), `trace_uprobe: error: ${message}`, text);
    assertEquals(command, `  Command: ${text}`);
    if (!message.startsWith("Argument type")) assertEquals(caret.indexOf("^") - 11, column, text);
    assertEquals(read(k, "dynamic_events"), before);
  }
  // No colon, no slash, no digit behind the colon: another kind's, refused without a word.
  k.tracefs.write(`${T}/error_log`, "");
  for (const text of ["p:x vfs_read", `p:x ${libc}`, `p:x ${libc}:zz`, "p:x", "q:x /a:0"]) {
    assertEquals(write(k, text, "uprobe_events"), "EINVAL", text);
  }
  assertEquals(read(k, "error_log"), "");
});

Deno.test("a made-up name is the file's up to its first dot, and an offset behind the end is refused when enabled", async () => {
  const { k, libc } = await boot("x86_64");
  assertEquals(write(k, `r ${libc}:0xffffff`, "uprobe_events"), libc.length + 12);
  assertEquals(read(k, "uprobe_events"), `r:uprobes/p_libc_0xffffff ${libc}:0x0000000000ffffff\n`);
  assertEquals(write(k, "1", "events/uprobes/p_libc_0xffffff/enable"), "EINVAL");
  assertEquals(read(k, "events/uprobes/p_libc_0xffffff/enable"), "0\n");
  assertEquals(write(k, `-:uprobes/p_libc_0xffffff ${libc}:0x0000000000fffffe`, "uprobe_events"), "ENOENT");
  assertEquals(
    write(k, `-:uprobes/p_libc_0xffffff ${libc}:0x0000000000ffffff`, "uprobe_events"),
    libc.length + 46,
  );
});
