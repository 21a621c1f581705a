import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { epochBase, parseLine } from "./parse_line.ts";
import { parseCall } from "./parse_call.ts";
import { printCall } from "./print_value.ts";
import type { LineHead } from "./record.ts";

function headOf(line: string): LineHead | null {
  const parsed = parseLine(line);
  return "head" in parsed ? parsed.head : null;
}

Deno.test("pid and time stamp in all of strace's forms", () => {
  const call = "close(3)        = 0 <0.000007>";
  const cases: [string, Partial<LineHead>][] = [
    ["11360 1795320102.413733 ", { pid: 11360, time: 320102.413733e9, clock: "epoch" }],
    ["1795320102.413733 ", { pid: 0, clock: "epoch" }],
    ["1795320102.413733123 ", { pid: 0, time: 320102413733123, clock: "epoch" }],
    ["1795320102 ", { pid: 0, time: 320102e9, clock: "epoch" }],
    ["[pid 11360] 1795320102.413733 ", { pid: 11360, clock: "epoch" }],
    ["[pid  1136<cat>] 1795320102.413733 ", { pid: 1136, comm: "cat", clock: "epoch" }],
    ["111   1795325699.241288 ", { pid: 111, clock: "epoch" }],
    ["7<sh> 13:45:01.000002 ", {
      pid: 7,
      comm: "sh",
      time: (13 * 3600 + 45 * 60 + 1) * 1e9 + 2000,
      clock: "day",
    }],
    ["13:45:01 ", { pid: 0, clock: "day" }],
    ["     0.000120 ", { pid: 0, time: 120000, clock: "relative" }],
    ["12      0.000120 ", { pid: 12, time: 120000, clock: "relative" }],
    ["1795320102.413733 (+     0.000123) ", { pid: 0, clock: "epoch" }],
    ["12 1795320102.413733 [   3] [00007f1ec49ce000] ", { pid: 12, clock: "epoch" }],
    ["", { pid: 0, clock: "none" }],
    ["12 ", { pid: 12, clock: "none" }],
  ];
  for (const [head, wanted] of cases) {
    const parsed = parseLine(head + call);
    assertEquals(parsed.kind, "call", head);
    const found = headOf(head + call)!;
    for (const [key, value] of Object.entries(wanted)) {
      assertEquals(found[key as keyof LineHead], value, `${head}: ${key}`);
    }
  }
  assertEquals(epochBase("11360 1795320102.413733 close(3) = 0"), 1795000000);
});

Deno.test("kinds of lines", () => {
  const at = "12 1795320102.413733 ";
  const cases: [string, string][] = [
    ["close(4 <unfinished ...>", "call"],
    ["vfork( <unfinished ...>", "call"],
    ["<... close resumed>) = 0 <0.000019>", "resumed"],
    ["<... wait4 resumed>[{WIFEXITED(s)}], 0, NULL) = 11377 <0.002089>", "resumed"],
    ["--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=11377} ---", "signal"],
    ["--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---", "signal"],
    ["--- stopped by SIGSTOP ---", "stopped"],
    ["+++ exited with 3 +++", "exited"],
    ["+++ killed by SIGKILL +++", "killed"],
    ["+++ killed by SIGSEGV (core dumped) +++", "killed"],
    ["+++ superseded by execve in pid 14 +++", "superseded"],
    ["exit_group(0)   = ?", "call"],
    ["close(4", "malformed"],
    ["hello", "malformed"],
    ["+++ what +++", "malformed"],
  ];
  for (const [text, kind] of cases) assertEquals(parseLine(at + text).kind, kind, text);
  assertEquals(parseLine("strace: Process 11377 attached").kind, "chatter");
  assertEquals(parseLine("").kind, "chatter");
  assertEquals(parseLine(" | 00000  7f 45 4c 46  .ELF |").kind, "chatter");
  assertEquals(parseLine(" > /lib/libc.so.6(__read+0xd) [0xf81dd]").kind, "chatter");
});

Deno.test("results", () => {
  const cases: [string, unknown][] = [
    ["f() = 0", { value: 0 }],
    ["f()             = 0x5599b00db000 <0.000007>", { value: 0x5599b00db000 }],
    ["f() = -1 ENOENT (No such file or directory) <0.000009>", {
      value: -1,
      errno: "ENOENT",
      detail: "No such file or directory",
    }],
    ["f() = ?", { value: NaN }],
    ["f() = ? ERESTARTSYS (To be restarted if SA_RESTART is set)", {
      value: NaN,
      errno: "ERESTARTSYS",
      detail: "To be restarted if SA_RESTART is set",
    }],
    ["f() = 0 (Timeout)", { value: 0, detail: "Timeout" }],
    ["f() = 0x8002 (flags O_RDWR|O_LARGEFILE)", { value: 0x8002, detail: "flags O_RDWR|O_LARGEFILE" }],
    ["f() = 1 ([{fd=3, revents=POLLIN}], left {tv_sec=0, tv_nsec=9})", {
      value: 1,
      detail: "[{fd=3, revents=POLLIN}], left {tv_sec=0, tv_nsec=9}",
    }],
    ["f() = 3</etc/hosts> <0.1>", { value: 3 }],
    ["f() = 022", { value: 0o22 }],
    ["f() = ? <unavailable>", { value: NaN, detail: "<unavailable>" }],
  ];
  for (const [text, result] of cases) {
    const call = parseCall(text, 2);
    assertEquals(typeof call === "string" ? call : call.result, result, text);
  }
  const timed = parseCall("f() = 0 <1.000019>", 2);
  assertEquals(typeof timed === "string" ? timed : timed.duration, 1000019000);
  assertEquals(typeof parseCall("f() = oops", 2), "string");
});

Deno.test("a string that looks like a result is no result", () => {
  const line = `5 1795320102.4 write(1, "x) = 5", 6) = 6 <0.000008>`;
  const parsed = parseLine(line);
  assertEquals(parsed.kind, "call");
  if (parsed.kind !== "call") return;
  const call = parseCall(parsed.text, parsed.argsAt);
  assertEquals(typeof call === "string" ? call : [call.result.value, call.args.length, call.duration], [
    6,
    3,
    8000,
  ]);
});

Deno.test("a printed call is read back the same", () => {
  const call = fc.record({
    name: fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/),
    values: fc.array(fc.integer({ min: -99999, max: 99999 }).filter((value) => value !== 0), {
      maxLength: 6,
    }),
    result: fc.integer({ min: -100, max: 2 ** 31 }),
    micros: fc.nat(5_000_000),
  });
  fc.assert(fc.property(call, ({ name, values, result, micros }) => {
    const args = values.map((value) => ({ value: { kind: "number" as const, text: String(value), value } }));
    const text = printCall(name, args, { value: result === 0 ? 0 : result }, micros * 1000);
    const line = parseLine(`7 1795320102.413733 ${text}`);
    assertEquals(line.kind, "call");
    if (line.kind !== "call") return;
    assertEquals(parseCall(line.text, line.argsAt), {
      args,
      result: { value: result === 0 ? 0 : result },
      duration: micros * 1000,
    });
  }));
});
