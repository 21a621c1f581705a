import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Host, Output } from "../commands/context.ts";
import { Live } from "../commands/live.ts";
import { REPL_COMMANDS } from "../commands/mod.ts";
import { bootKernel } from "../session/boot.ts";
import { builtinWorkload } from "../workloads/builtin.ts";
import { replay } from "../workloads/replay/replay.ts";
import { linesOf, runPiped } from "./piped.ts";
import { Shell } from "./shell.ts";

/** A parent that waits for a child: its `wait4` blocks, so returns are pending between steps. */
const RECORDING = [
  '101 1700000000.000100 execve("/bin/sh", ["sh"], 0x7ffc9c11c298 /* 3 vars */) = 0 <0.000162>',
  "101 1700000000.000500 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, " +
  "child_tidptr=0x7f1ec47dfa10) = 102 <0.000100>",
  "101 1700000000.000700 wait4(-1,  <unfinished ...>",
  '102 1700000000.000800 openat(AT_FDCWD, "a.txt", O_RDONLY) = 3 <0.000014>',
  '102 1700000000.000900 read(3, "hello\\n", 131072) = 6 <0.000016>',
  "102 1700000000.001000 close(3) = 0 <0.000007>",
  "102 1700000000.001100 exit_group(0) = ?",
  "102 1700000000.001200 +++ exited with 0 +++",
  "101 1700000000.001300 <... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 102 <0.000600>",
  "101 1700000000.001400 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=102, si_uid=0, si_status=0, " +
  "si_utime=0, si_stime=0} ---",
  "101 1700000000.001500 exit_group(0) = ?",
  "101 1700000000.001600 +++ exited with 0 +++",
  "",
].join("\n");

interface Transcript {
  readonly code: number;
  readonly out: string;
  readonly notes: string;
}

async function session(...lines: readonly string[]): Promise<Transcript> {
  const kernel = await bootKernel();
  const workload = await replay(new TextEncoder().encode(RECORDING), { name: "sample" });
  workload.start(kernel);
  let text = "";
  let notes = "";
  const out: Output = {
    write: (piece) => void (text += piece),
    note: (line) => void (notes += `${line}\n`),
    columns: undefined,
  };
  const host: Host = {
    open: () => Promise.reject(new Error("no files here")),
    importModule: (path) => Promise.resolve({ default: path }),
    wholeImage: () => Promise.reject(new Error("no files here")),
  };
  const live = new Live(kernel, workload.name, out);
  const shell = new Shell({ live, out, host, commands: REPL_COMMANDS });
  const input = new Blob([lines.join("\n")]).stream();
  return { code: await runPiped(shell, linesOf(input), out), out: text, notes };
}

Deno.test("values are printed, statements are silent, the exit code is 0", async () => {
  assertEquals(await session("const a: number = 40", "a + 2", "`${kernel.archName}`", "undefined"), {
    code: 0,
    out: '42\n"x86_64"\n',
    notes: "",
  });
});

Deno.test("an error names its line, the rest runs on, the exit code is 1", async () => {
  const { code, out, notes } = await session("1", "nope", "", "2", ".nope", ".step x");
  assertEquals(code, 1);
  assertEquals(out, "1\n2\n");
  assertEquals(
    notes,
    'line 2: ReferenceError: nope is not defined\nline 5: Unknown command ".nope"; .help lists the commands\n' +
      'line 6: N is "x": it takes a whole number from 1\n',
  );
});

Deno.test("input goes on over lines, and must not end inside something", async () => {
  assertEquals((await session("const f = (", "  x: number,", ") => x * 2;", "f(4)")).out, "8\n");
  const open = await session("1", "f(");
  assertEquals([open.code, open.out], [1, "1\n"]);
  assertStringIncludes(open.notes, "line 2: the input ends before this is finished");
});

Deno.test(".exit ends the session", async () => {
  assertEquals((await session("1", ".exit", "2")).out, "1\n");
});

Deno.test("a pending return shows whose it is, and counts once it comes", async () => {
  const { code, out, notes } = await session(
    'attach(kretprobe("do_wait", { maxactive: 1 }).by((c) => c.comm).count().as("waits"));',
    ".instances",
    ".step --active",
    ".instances",
    ".stack 101",
    ".run",
    ".instances",
    ".maps",
    ".probes",
  );
  assertEquals([code, notes], [0, ""]);
  const lines = out.split("\n");
  assert(lines.includes("kretprobe:do_wait maxactive=1 free=1 active=0 nmissed=0"), out);
  assert(lines.includes("kretprobe:do_wait maxactive=1 free=0 active=1 nmissed=0"), out);
  assert(
    lines.some((line) => /^ {4}sh \(101\) since \d+ ns, returns to kernel_wait4\+0x[0-9a-f]+ \(/.test(line)),
    out,
  );
  assert(lines.some((line) => /^#0 .* \S+\+0x/.test(line)), out);
  assert(lines.includes("@waits[sh]: 1"), out);
  assert(lines.some((line) => /^1 +kretprobe:do_wait +1 +0 +attached$/.test(line.replace(/ +$/, ""))), out);
});

Deno.test("probes attach and detach while the kernel stands still", async () => {
  const { out, code, notes } = await session(
    'const opens = attach(kprobe("do_sys_openat2").as("opens").count())',
    "opens.attached",
    ".run 600000",
    ".detach 1",
    "opens.attached",
    ".run",
    ".maps",
    ".probes",
  );
  assertEquals([code, notes], [0, ""]);
  assertStringIncludes(out, "true\n");
  assertStringIncludes(out, "false\n");
  assertStringIncludes(out, "@opens: 0\n");
  assertStringIncludes(out, "detached");
});

Deno.test(".help lists every command, .help NAME tells about one", async () => {
  const { out } = await session(".help", ".help step");
  for (const { name } of REPL_COMMANDS) assertStringIncludes(out, `  .${name} `);
  assertStringIncludes(out, "Usage: .step [N]");
});

Deno.test("a throwing handler is an error at its line, and the prompt goes on", async () => {
  const { code, notes, out } = await session(
    'attach(kprobe("do_sys_openat2").do((c) => { throw new Error("own words"); }));',
    ".run",
    "1",
  );
  assertEquals(code, 1);
  assertStringIncludes(notes, "own words");
  assertStringIncludes(notes, "line 2: ");
  assert(out.endsWith("1\n"));
});

Deno.test("what one instance can't hold is counted as missed", async () => {
  const kernel = await bootKernel();
  const workload = builtinWorkload("sleepers:tasks=3,times=5");
  workload.start(kernel);
  let text = "";
  const out: Output = {
    write: (piece) => void (text += piece),
    note: (line) => void (text += line),
    columns: 80,
  };
  const host: Host = {
    open: () => Promise.reject(new Error("no files here")),
    importModule: () => Promise.reject(new Error("no files here")),
    wholeImage: () => Promise.reject(new Error("no files here")),
  };
  const shell = new Shell({ live: new Live(kernel, workload.name, out), out, host, commands: REPL_COMMANDS });
  const lines = ['attach(kretprobe("hrtimer_nanosleep", { maxactive: 1 }).count())', ".run", ".probes"];
  assertEquals(await runPiped(shell, linesOf(new Blob([lines.join("\n")]).stream()), out), 0);
  const row = /kretprobe:hrtimer_nanosleep +(\d+) +(\d+) +attached/.exec(text);
  assert(row !== null, text);
  assert(Number(row[2]) > 0, text);
  assertEquals(Number(row[1]) + Number(row[2]), 15);
});
