import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { RecordingError } from "./read_lines.ts";
import { readRecording, type Recording } from "./recording.ts";
import type { RecordedEvent } from "./record.ts";

const SMALL = `10 1795320102.000001 execve("/usr/bin/sh", ["sh"], 0x7ffd /* 3 vars */) = 0 <0.000483>
10 1795320102.000500 getuid()        = 1000 <0.000007>
10 1795320102.000600 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 11 <0.000101>
10 1795320102.000800 close(4 <unfinished ...>
11 1795320102.000810 set_robust_list(0x7f070df39a20, 24 <unfinished ...>
10 1795320102.000820 <... close resumed>) = 0 <0.000019>
11 1795320102.000830 <... set_robust_list resumed>) = 0 <0.000019>
10 1795320102.000900 wait4(-1,  <unfinished ...>
strace: Process 11 attached
11 1795320102.001000 exit_group(3)   = ?
11 1795320102.001100 +++ exited with 3 +++
10 1795320102.001200 <... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 11 <0.000300>
10 1795320102.001300 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=11} ---
10 1795320102.001400 pause( <unfinished ...>
10 1795320102.002000 +++ killed by SIGKILL +++
`;

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function gzip(data: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([new Uint8Array(data)]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function* pieces(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) {
    await Promise.resolve();
    yield data.subarray(at, at + size);
  }
}

function brief(recording: Recording): Record<number, readonly string[]> {
  const all: Record<number, string[]> = {};
  for (const { pid } of recording.processes) {
    all[pid] = [...recording.events(pid)].map((event) => `${event.time / 1000} ${describe(event)}`);
  }
  return all;
}

function describe(event: RecordedEvent): string {
  switch (event.kind) {
    case "call":
      return `${event.name}/${event.args.length}=${event.result.value}${
        event.interrupted ? " interrupted" : ""
      }` +
        (event.cutShort ? " cut" : "");
    case "signal":
      return event.signal;
    case "exit":
      return event.signal ?? `exit ${event.status}`;
  }
}

Deno.test("calls are joined per process, in order, at their times", async () => {
  const recording = await readRecording(bytes(SMALL));
  assertEquals(brief(recording), {
    10: [
      "0 execve/3=0",
      "499 getuid/0=1000",
      "599 clone/3=11",
      "799 close/1=0 interrupted",
      "899 wait4/4=11 interrupted",
      "1299 SIGCHLD",
      "1399 pause/0=NaN interrupted cut",
      "1999 SIGKILL",
    ],
    11: ["809 set_robust_list/2=0 interrupted", "999 exit_group/1=NaN", "1099 exit 3"],
  });
  assertEquals(recording.processes.map(({ pid, parent, uid }) => [pid, parent, uid]), [
    [10, undefined, 1000],
    [11, 10, undefined],
  ]);
  assertEquals([recording.lines, recording.malformedCount, recording.span], [15, 0, 1999000]);
  assertEquals(recording.epoch, 1795320102000001000n);
});

Deno.test("a call whose end is missing lasts to the process' next event", async () => {
  const recording = await readRecording(bytes(SMALL));
  const pause = [...recording.events(10)].find((event) => event.kind === "call" && event.name === "pause");
  assertEquals(pause?.kind === "call" ? pause.duration : undefined, 600000);
});

Deno.test("plain or gzip, whole or in pieces of any size: the same", async () => {
  const whole = brief(await readRecording(bytes(SMALL)));
  const packed = await gzip(bytes(SMALL));
  assertEquals(brief(await readRecording(packed)), whole);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 400 }), fc.boolean(), async (size, zipped) => {
      const source = pieces(zipped ? packed : bytes(SMALL), size);
      assertEquals(brief(await readRecording(source)), whole);
    }),
    { numRuns: 12 },
  );
});

Deno.test("malformed lines are named, counted and skipped", async () => {
  const lines = SMALL.split("\n");
  lines.splice(2, 0, "what is this", "10 1795320102.000550 <... read resumed>) = 0 <0.1>");
  lines.splice(9, 0, "10 1795320102.000850 close(", "close(3) = 0");
  const recording = await readRecording(bytes(lines.join("\n")), { name: "x", keepMalformed: 3 });
  assertEquals(recording.malformedCount, 4);
  assertEquals(recording.malformed, [
    { line: 3, reason: "neither a call, a signal nor an exit", text: "what is this" },
    {
      line: 4,
      reason: "read is resumed, but was not begun",
      text: "10 1795320102.000550 <... read resumed>) = 0 <0.1>",
    },
    {
      line: 10,
      reason: "the call of close has no result; is the line cut short?",
      text: "10 1795320102.000850 close(",
    },
  ]);
});

Deno.test("a recording without pids is one process", async () => {
  const recording = await readRecording(bytes(
    "1795320102.0 close(3) = 0\n1795320102.1 close(4) = 0 <0.2>\n1795320103.0 +++ exited with 0 +++\n",
  ));
  assertEquals(brief(recording), { 0: ["0 close/1=0", "100000 close/1=0", "1000000 exit 0"] });
});

Deno.test("times of day, over midnight, and times since the line before", async () => {
  const day = await readRecording(bytes("23:59:59.500000 close(3) = 0\n00:00:00.250000 close(4) = 0\n"));
  assertEquals(brief(day), { 0: ["0 close/1=0", "750000 close/1=0"] });
  assertEquals(day.epoch, undefined);
  const young = await readRecording(
    bytes("102.413733 close(1) = 0\n102.414031 close(1) = 0\n102.414284 close(1) = 0\n"),
  );
  assertEquals(brief(young), { 0: ["0 close/1=0", "298 close/1=0", "551 close/1=0"] });
  const relative = await readRecording(
    bytes("0.000000 close(3) = 0\n0.001000 close(4) = 0\n0.001000 close(5) = 0\n"),
  );
  assertEquals(brief(relative), { 0: ["0 close/1=0", "1000 close/1=0", "2000 close/1=0"] });
});

Deno.test("seconds pass over the boundary that times are cut at", async () => {
  const recording = await readRecording(
    bytes("1795999999.900000 close(3) = 0\n1796000000.100000 close(4) = 0\n"),
  );
  assertEquals(brief(recording), { 0: ["0 close/1=0", "200000 close/1=0"] });
  assertEquals(recording.epoch, 1795999999900000000n);
});

Deno.test("a thread's execve goes on under the leader's pid", async () => {
  const recording = await readRecording(bytes(
    `20 1795320102.0 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD) = 21 <0.0001>
20 1795320102.1 futex(0x7f, FUTEX_WAIT, 0, NULL <unfinished ...>
21 1795320102.2 execve("/bin/true", ["true"], 0x7f <unfinished ...>
20 1795320102.3 +++ superseded by execve in pid 21 +++
20 1795320102.4 <... execve resumed>) = 0 <0.2>
20 1795320102.5 exit_group(0)   = ?
20 1795320102.6 +++ exited with 0 +++
`,
  ));
  assertEquals(brief(recording), {
    20: [
      "0 clone/2=21",
      "100000 futex/4=NaN interrupted cut",
      "200000 execve/3=0 interrupted",
      "500000 exit_group/1=NaN",
      "600000 exit 0",
    ],
    21: ["300000 exit 0"],
  });
  assertEquals(recording.malformedCount, 0);
});

Deno.test("the maker of a process in a pid namespace is found by strace's own pid", async () => {
  const recording = await readRecording(bytes(
    `20 1795320102.0 clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD) = 2 /* 21 in strace's PID NS */ <0.0001>
21 1795320102.1 getpid() = 2 <0.00001>
`,
  ));
  assertEquals(recording.processes.map(({ pid, parent }) => [pid, parent]), [[20, undefined], [21, 20]]);
});

Deno.test("what strace prints to a terminal: pids only while there are several, remarks inside calls", async () => {
  const recording = await readRecording(bytes(
    `1795347525.000000 execve("/usr/bin/sh", ["sh"], 0x7ffc /* 3 vars */) = 0 <0.000400>
1795347525.000500 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD/usr/bin/strace: Process 18 attached
, child_tidptr=0x7fcf40817a10) = 18 <0.000139>
[pid    18] 1795347525.000700 set_robust_list(0x7fcf40817a20, 24 <unfinished ...>
[pid    17] 1795347525.000710 wait4(-1,  <unfinished ...>
[pid    18] 1795347525.000720 <... set_robust_list resumed>) = 0 <0.000010>
[pid    18] 1795347525.000800 exit_group(0) = ?
[pid    18] 1795347525.000900 +++ exited with 0 +++
<... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 18 <0.000300>
1795347525.001000 close(3) = 0 <0.000010>
1795347525.001100 +++ exited with 0 +++
`.replace("<... wait4", "1795347525.000950 <... wait4"),
  ));
  assertEquals(recording.malformed, []);
  assertEquals(brief(recording), {
    17: [
      "0 execve/3=0",
      "500 clone/3=18",
      "710 wait4/4=18 interrupted",
      "1000 close/1=0",
      "1100 exit 0",
    ],
    18: ["700 set_robust_list/2=0 interrupted", "800 exit_group/1=NaN", "900 exit 0"],
  });
  assertEquals(recording.processes.map(({ pid, parent }) => [pid, parent]), [[17, undefined], [18, 17]]);
});

async function refusal(source: Uint8Array): Promise<string> {
  const error = await assertRejects(() => readRecording(source, { name: "rec.gz" }), RecordingError);
  return error.message;
}

Deno.test("what is no recording gets one sentence", async () => {
  assertEquals(await refusal(new Uint8Array()), 'Cannot replay "rec.gz": it is empty');
  assertEquals(
    await refusal(Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3])),
    'Cannot replay "rec.gz": it is binary, not the text of `strace -f -ttt -T`',
  );
  assertEquals(
    await refusal(bytes("dear diary,\ntoday nothing happened\n")),
    'Cannot replay "rec.gz": it is no strace output (0 of 2 lines can be read; ' +
      "line 1 is neither a call, a signal nor an exit); record with `strace -f -ttt -T -o FILE COMMAND`",
  );
  assertEquals(
    await refusal(bytes("close(3) = 0\nclose(4) = 0\n")),
    'Cannot replay "rec.gz": its lines have no time stamps; record with `strace -f -ttt -T -o FILE COMMAND`',
  );
});

Deno.test("gzip cut short is refused, with how far it got", async () => {
  let long = "";
  for (let at = 0; at < 20000; at++) {
    long += `10 1795320102.${String(at).padStart(6, "0")} close(${at * 7919 % 1000}) = 0\n`;
  }
  const packed = await gzip(bytes(long));
  const message = await refusal(packed.subarray(0, packed.length >> 1));
  const lines = /cut short after ([0-9]+) lines/.exec(message);
  assertEquals(
    message.startsWith('Cannot replay "rec.gz": its gzip data is damaged or cut short after '),
    true,
  );
  assertEquals(Number(lines?.[1]) > 0 && Number(lines?.[1]) < 20000, true);
  assertEquals((await refusal(packed.subarray(0, 9))).includes("after 0 lines"), true);
});

Deno.test("a limit on its length holds", async () => {
  const error = await assertRejects(() => readRecording(bytes(SMALL), { maxText: 100 }), RecordingError);
  assertEquals(
    error.message,
    'Cannot replay "recording": its text is longer than 100 characters; record for a shorter time, or raise maxText',
  );
});
