import { assertEquals } from "@std/assert";
import { coreImage, coreShapes } from "../../image/mod.ts";
import type { Arch } from "../../image/model.ts";
import { Kernel } from "../../kernel/kernel.ts";
import { ShapeLibrary } from "../../kernel/shapes/library.ts";
import type { TraceRecord } from "../../kernel/tracing/record.ts";
import { replay } from "./replay.ts";
import type { Workload, WorkloadReport } from "../workload.ts";

const RECORDINGS = ["cat", "dd", "grep", "shell-loop"];
const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

async function recorded(name: string): Promise<Uint8Array> {
  return await Deno.readFile(new URL(`../../examples/recordings/${name}.strace.gz`, import.meta.url));
}

async function textOf(gzip: Uint8Array): Promise<string> {
  const stream = new Blob([new Uint8Array(gzip)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

async function boot(arch: Arch, cpus = 2, seed = 1): Promise<Kernel> {
  return new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch)), { cpus, seed });
}

interface Played {
  /** System calls made, by `pid comm name`. */
  readonly calls: ReadonlyMap<string, number>;
  /** Times, pids, names and results of all calls in order. */
  readonly log: readonly string[];
  readonly end: number;
  readonly report: WorkloadReport;
}

/** An integer field of a record. */
function field(record: TraceRecord, name: string): number {
  const found = record.info.fields.find((candidate) => candidate.name === name)!;
  return record.load(found.offset, found.size, true);
}

function play(k: Kernel, workload: Workload): Played {
  const calls = new Map<string, number>();
  const log: string[] = [];
  k.tracepoints.register("raw_syscalls:sys_enter", (record) => {
    const name = k.image.syscallName(field(record, "id"));
    const key = `${k.current.pid} ${k.current.comm} ${name}`;
    calls.set(key, (calls.get(key) ?? 0) + 1);
    log.push(`${k.clock.now} cpu${k.cpu} ${key}`);
  });
  k.tracepoints.register("raw_syscalls:sys_exit", (record) => {
    log.push(`${k.clock.now} ${k.current.pid} returns ${field(record, "ret")}`);
  });
  workload.start(k);
  const outcome = k.scheduler.run();
  assertEquals(outcome.reason, "done");
  return { calls, log, end: outcome.time, report: workload.report() };
}

/** The same counts, read off the recording's text line by line. */
function counted(text: string): ReadonlyMap<string, number> {
  const calls = new Map<string, number>();
  const comms = new Map<string, string>();
  const executing = new Map<string, string>();
  for (const line of text.split("\n")) {
    const parts = /^([0-9]+) +[0-9.]+ (.*)$/.exec(line);
    if (parts === null) continue;
    const pid = parts[1]!;
    const rest = parts[2]!;
    const comm = comms.get(pid) ?? "strace";
    const call = /^([a-z_0-9]+)\(/.exec(rest);
    if (call !== null) {
      const key = `${pid} ${comm} ${call[1]}`;
      calls.set(key, (calls.get(key) ?? 0) + 1);
    }
    const program = /^execve\("(?:[^"]*\/)?([^"/]+)"/.exec(rest);
    if (program !== null) executing.set(pid, program[1]!.slice(0, 15));
    const result = /= ([0-9]+)(?: <[0-9.]+>)?$/.exec(rest);
    if (result === null) continue;
    if (/^(<\.\.\. )?execve/.test(rest)) comms.set(pid, executing.get(pid)!);
    if (/^(<\.\.\. )?(clone|vfork|fork)/.test(rest)) {
      if (!comms.has(result[1]!)) comms.set(result[1]!, comm);
      // A child's lines may stand before the line that tells of its making.
      for (const [key, count] of [...calls]) {
        if (!key.startsWith(`${result[1]} strace `)) continue;
        calls.delete(key);
        calls.set(key.replace(" strace ", ` ${comm} `), count);
      }
    }
  }
  return calls;
}

function sorted(map: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function total(map: ReadonlyMap<string, number>): number {
  return [...map.values()].reduce((sum, count) => sum + count, 0);
}

for (const name of RECORDINGS) {
  Deno.test(`${name}: every recorded call is made, by its process under its name`, async () => {
    const source = await recorded(name);
    const played = play(await boot("x86_64"), await replay(source, { name }));
    const wanted = counted(await textOf(source));
    assertEquals(sorted(played.calls), sorted(wanted));
    assertEquals(played.report.leftOut, new Map());
    assertEquals(played.report.unknownArguments, new Map());
    assertEquals(played.report.recording?.malformedCount, 0);
    assertEquals(played.report.calls, total(wanted));
  });

  Deno.test(`${name}: replays on the other architectures, and ends when the recording does`, async () => {
    const source = await recorded(name);
    const workload = await replay(source, { name });
    const wanted = counted(await textOf(source));
    const last = (await textOf(source)).trimEnd().split("\n").map((line) =>
      Number(/^[0-9]+ +([0-9.]+)/.exec(line)![1])
    );
    const span = (last.at(-1)! - last[0]!) * 1e9;
    for (const arch of ARCHES) {
      const played = play(await boot(arch), workload);
      assertEquals(total(played.calls) + total(played.report.leftOut), total(wanted), arch);
      assertEquals(Math.abs(played.end - span) < 10_000, true, `${arch}: ${played.end} of ${span}`);
    }
  });
}

/** When inside its recorded time a call that waited has its result is the model's own. */
function withoutEnd(line: string): string {
  return line.replace(/^[0-9]+ ([0-9]+ returns)/, "$1");
}

/** Without the time at which a call began. */
function withoutTime(line: string): string {
  return line.replace(/^[0-9]+ (cpu)/, "$1");
}

Deno.test("a replay repeats exactly, and another seed changes no call, start or result", async () => {
  const workload = await replay(await recorded("shell-loop"));
  const first = play(await boot("x86_64"), workload);
  assertEquals(play(await boot("x86_64"), workload).log, first.log);
  const other = play(await boot("x86_64", 2, 99), workload).log.map(withoutEnd);
  assertEquals(other.map(withoutTime), first.log.map(withoutEnd).map(withoutTime));
  // A child that was recorded to begin inside the call that makes it begins when the model has made it.
  const late = other.map((line, i) => Math.abs(Number.parseInt(line) - Number.parseInt(first.log[i] ?? "")));
  assertEquals(late.filter((ns, i) => other[i]?.includes("cpu") === true && ns > 10_000), []);
});

Deno.test("calls begin at their recorded times and return what was recorded", async () => {
  const { log } = play(await boot("x86_64"), await replay(await recorded("cat")));
  assertEquals(log.slice(0, 4), [
    "0 cpu0 11360 strace execve",
    log[1]!,
    "298000 cpu0 11360 cat brk",
    `305000 11360 returns ${0x5599b00db000}`,
  ]);
  assertEquals(log[1]?.endsWith(" 11360 returns 0"), true);
});

Deno.test("a killed process and one without exit end, and are waited for", async () => {
  const text = `10 1795320102.000000 execve("/usr/bin/sh", ["sh"], 0x7ffd /* 3 vars */) = 0 <0.000400>
10 1795320102.000600 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 11 <0.000100>
10 1795320102.000800 wait4(11,  <unfinished ...>
11 1795320102.000900 pause( <unfinished ...>
11 1795320102.002000 +++ killed by SIGKILL +++
10 1795320102.002100 <... wait4 resumed>[{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}], 0, NULL) = 11 <0.001300>
10 1795320102.002200 close(3) = -1 EBADF (Bad file descriptor) <0.000007>
10 1795320102.003000 +++ exited with 7 +++
`;
  for (const arch of ARCHES) {
    const k = await boot(arch);
    const exits: string[] = [];
    k.tracepoints.register("sched:sched_process_exit", (record) => exits.push(`${field(record, "pid")}`));
    const played = play(k, await replay(new TextEncoder().encode(text)));
    assertEquals(exits, ["11", "10"], arch);
    assertEquals(k.tasks.byPid(11), undefined);
    assertEquals(played.report.calls, 5);
  }
});

Deno.test("a pid that is given again lives again, pid 1 and pid namespaces included", async () => {
  const text = `1 1795320102.000000 execve("/bin/sh", ["sh"], 0x7ffd /* 3 vars */) = 0 <0.000400>
1 1795320102.000600 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 11 <0.000100>
11 1795320102.000800 exit_group(0) = ?
11 1795320102.000900 +++ exited with 0 +++
1 1795320102.001000 wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 11 <0.000100>
1 1795320102.001600 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 11 <0.000100>
11 1795320102.001800 getppid() = 1 <0.000010>
11 1795320102.001900 exit_group(0) = ?
11 1795320102.001950 +++ exited with 0 +++
1 1795320102.002000 wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 11 <0.000100>
1 1795320102.002600 clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD) = 1 /* 12 in strace's PID NS */ <0.000100>
12 1795320102.002800 getpid() = 1 <0.000010>
12 1795320102.002900 exit_group(0) = ?
12 1795320102.002950 +++ exited with 0 +++
1 1795320102.003000 exit_group(0) = ?
1 1795320102.003100 +++ exited with 0 +++
`;
  const played = play(await boot("x86_64"), await replay(new TextEncoder().encode(text)));
  assertEquals(sorted(played.calls), [
    ["1 sh clone", 3],
    ["1 sh exit_group", 1],
    ["1 sh wait4", 2],
    ["1 strace execve", 1],
    ["11 sh exit_group", 2],
    ["11 sh getppid", 1],
    ["12 sh exit_group", 1],
    ["12 sh getpid", 1],
  ]);
});

Deno.test("a recording without -f, -T or an execve replays as one process", async () => {
  const text = `1795320102.000000 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3
1795320102.000100 read(3, "127.0.0.1 localhost\\n", 4096) = 20
1795320102.000200 close(3) = 0
`;
  const played = play(await boot("x86_64"), await replay(new TextEncoder().encode(text)));
  assertEquals([...played.calls.keys()], ["1000 unknown openat", "1000 unknown read", "1000 unknown close"]);
  assertEquals(played.report.warnings, [
    '3 calls of "recording" have no duration and took 1000 ns each; record with `strace -T` to have theirs',
  ]);
});
