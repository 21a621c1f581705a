/** The command line as a user calls it: in a process of its own, with the permissions of the `kscope` task. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const MAIN = new URL("./main.ts", import.meta.url).pathname;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function kscope(
  args: readonly string[],
  options: { stdin?: string; permissions?: readonly string[]; cwd?: string; env?: Record<string, string> } =
    {},
): Promise<Outcome> {
  const permissions = options.permissions ?? ["--allow-read"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-prompt", "--quiet", ...permissions, MAIN, ...args],
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** An error is one sentence on stderr, nothing on stdout, no stack trace. */
function assertRefused(outcome: Outcome, code: number, ...parts: readonly string[]): void {
  for (const part of parts) assertStringIncludes(outcome.stderr, part);
  assertEquals(outcome.stdout, "");
  assert(!/^\s+at .*:\d+:\d+/m.test(outcome.stderr), outcome.stderr);
  assertEquals(outcome.code, code);
}

async function withFiles(
  files: Record<string, string | Uint8Array>,
  test: (folder: string) => Promise<void>,
) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      if (typeof content === "string") await Deno.writeTextFile(`${folder}/${name}`, content);
      else await Deno.writeFile(`${folder}/${name}`, content);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const MOD = new URL("../mod.ts", import.meta.url).href;
const OPENS = ["eval", 'kprobe("vfs_open").by((c) => c.comm).count()'];

const RECORDING = [
  '101 1700000000.000100 execve("/usr/bin/cat", ["cat", "a.txt"], 0x7ffc9c11c298 /* 3 vars */) = 0 <0.000162>',
  '101 1700000000.000500 openat(AT_FDCWD, "a.txt", O_RDONLY) = 3 <0.000014>',
  '101 1700000000.000600 read(3, "hello\\n", 131072) = 6 <0.000016>',
  '101 1700000000.000700 read(3, "", 131072) = 0 <0.000008>',
  '101 1700000000.000800 openat(AT_FDCWD, "b.txt", O_RDONLY) = -1 ENOENT (No such file or directory) <0.000009>',
  "101 1700000000.000900 close(3) = 0 <0.000007>",
  "101 1700000000.001000 exit_group(0) = ?",
  "101 1700000000.001100 +++ exited with 0 +++",
  "",
].join("\n");

Deno.test("without arguments the help comes, with exit code 0", async () => {
  const bare = await kscope([]);
  assertEquals(bare, await kscope(["--help"]));
  assertEquals(bare.code, 0);
  assertStringIncludes(bare.stdout, "kscope run");
});

Deno.test("wrong usage is a sentence and exit code 2", async () => {
  assertRefused(await kscope(["rnu"]), 2, 'Unknown command "rnu"; did you mean "run"?');
  assertRefused(await kscope(["run"]), 2, '"run" needs SCRIPT');
  assertRefused(
    await kscope([...OPENS, "--arhc", "arm64"]),
    2,
    'Unknown option "--arhc"; did you mean "--arch"?',
  );
  assertRefused(await kscope([...OPENS, "--arch", "amr64"]), 2, '"amr64"', 'did you mean "arm64"?');
  assertRefused(await kscope([...OPENS, "--cpus", "0"]), 2, '"0"', "from 1 to 64");
  assertRefused(await kscope([...OPENS, "--replay"]), 2, 'Option "--replay" needs a value');
  assertRefused(await kscope([...OPENS, "--replay", "a", "--workload", "cat"]), 2, "not both");
  assertRefused(await kscope(["run", "a.ts", "b.ts"]), 2, 'no place for "b.ts"');
});

Deno.test("results go to stdout, diagnostics to stderr", async () => {
  await withFiles({ "a.strace": RECORDING }, async (folder) => {
    const outcome = await kscope([...OPENS, "--replay", "a.strace"], { cwd: folder });
    assertEquals(outcome.code, 0, outcome.stderr);
    assertStringIncludes(outcome.stdout, "@[cat]: 1\n");
    assertStringIncludes(outcome.stderr, "Attached 1 probe\n");
  });
});

Deno.test("the same command prints the same bytes, whatever the time zone and locale", async () => {
  await withFiles({ "a.strace.gz": await gzip(RECORDING) }, async (folder) => {
    const args = [
      "eval",
      'latency("vfs_read").print((c) => `${c.nsecs} ${c.duration}`)',
      "-r",
      "a.strace.gz",
    ];
    const first = await kscope(args, { cwd: folder });
    assertEquals(first.code, 0, first.stderr);
    assert(first.stdout.trim() !== "");
    assertEquals(first, await kscope(args, { cwd: folder, env: { TZ: "Asia/Tokyo", LANG: "de_DE.UTF-8" } }));
  });
});

Deno.test("JSON is one object per line", async () => {
  await withFiles({ "a.strace": RECORDING }, async (folder) => {
    const { stdout, code } = await kscope([...OPENS, "-r", "a.strace", "-f", "json"], { cwd: folder });
    assertEquals(code, 0);
    const objects = stdout.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    assertEquals(objects.map((one) => one["type"]), ["attached_probes", "map"]);
    assertStringIncludes(JSON.stringify(objects[1]), '"cat":1');
  });
});

Deno.test("a probe on what isn't there is refused with near names", async () => {
  const on = ["--workload", "cat"];
  assertRefused(await kscope(["eval", 'kprobe("vfs_opne").count()', ...on]), 1, "vfs_opne", "vfs_open");
  assertRefused(
    await kscope(["eval", 'kprobe("vfs_open").by(c => c.args.flie).count()', ...on]),
    1,
    "flie",
    "file",
  );
  assertRefused(
    await kscope(["eval", 'kprobe("vfs_open").by(c => c.args.path.dentri).count()', ...on]),
    1,
    "dentri",
    "dentry",
  );
  assertRefused(
    await kscope(["eval", 'tracepoint("syscalls:sys_enter_opnat").count()', ...on]),
    1,
    "sys_enter_opnat",
    "sys_enter_openat",
  );
  assertRefused(
    await kscope(["eval", 'kprobe("do_int3").count()', ...on]),
    1,
    "do_int3",
    "no kprobe may enter",
  );
  assertRefused(
    await kscope(["eval", 'kprobe("vfs_open", { offset: 100000 }).count()', ...on]),
    1,
    "vfs_open",
  );
});

Deno.test("what can't be evaluated says why", async () => {
  const on = ["--workload", "cat"];
  assertRefused(await kscope(["eval", 'kprob("vfs_open").count()', ...on]), 1, "kprob is not defined");
  assertRefused(await kscope(["eval", 'kprobe("vfs_open"', ...on]), 1, "Cannot evaluate");
  assertRefused(await kscope(["eval", "1 + 1", ...on]), 1, "Cannot run 2");
});

Deno.test("a replay file that is none is refused by name", async () => {
  const whole = await gzip(RECORDING.repeat(50));
  const files = {
    "empty.strace": "",
    "text.txt": "just\nsome\ntext\n",
    "binary.strace": new Uint8Array([0, 1, 2, 3, 255, 254, 0, 0, 10, 13, 0]),
    "short.gz": whole.slice(0, whole.length >> 1),
  };
  await withFiles(files, async (folder) => {
    for (const name of Object.keys(files)) {
      assertRefused(await kscope([...OPENS, "-r", name], { cwd: folder }), 1, name);
    }
    assertRefused(
      await kscope([...OPENS, "-r", "none.strace"], { cwd: folder }),
      1,
      '"none.strace"',
      "no such file",
    );
    assertRefused(await kscope([...OPENS, "-r", "."], { cwd: folder }), 1, "folder");
  });
});

Deno.test("a recording that breaks off in a line still replays, with a note", async () => {
  await withFiles({ "cut.strace": RECORDING.slice(0, RECORDING.indexOf("close(3)") + 4) }, async (folder) => {
    const outcome = await kscope([...OPENS, "-r", "cut.strace"], { cwd: folder });
    assertEquals(outcome.code, 0, outcome.stderr);
    assertStringIncludes(outcome.stdout, "@[cat]: 1\n");
    assertStringIncludes(outcome.stderr, "line 6");
  });
});

Deno.test("a denied read names the flag", async () => {
  await withFiles({ "a.strace": RECORDING }, async (folder) => {
    const outcome = await kscope([...OPENS, "-r", "a.strace"], { cwd: folder, permissions: [] });
    assertRefused(outcome, 1, "a.strace", "--allow-read");
  });
  assertRefused(await kscope(["list", "kprobe:vfs_open"], { permissions: [] }), 1, "--allow-read");
});

Deno.test("an image of one's own is opened by path", async () => {
  const shipped = new URL("../image/data/arm64.kimg", import.meta.url).pathname;
  const { stdout, code } = await kscope(["list", "-v", "kprobe:vfs_open", "--image", shipped]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "    const struct path * path\n");
  const registers = 'kprobe("vfs_open").print((c) => c.reg("x0") !== 0)';
  const run = await kscope(["eval", registers, "--workload", "cat", "--image", shipped]);
  assertEquals(run.code, 0, run.stderr);
  assertStringIncludes(run.stdout, "true\n");
  await withFiles({ "no.kimg": "no image" }, async (folder) => {
    assertRefused(await kscope(["list", "--image", "no.kimg"], { cwd: folder }), 1, "no.kimg");
    assertRefused(await kscope([...OPENS, "--image", "none.kimg"], { cwd: folder }), 1, "no such file");
  });
});

Deno.test("called through a task, paths start where the task was called", async () => {
  await withFiles({ "a.strace": RECORDING }, async (folder) => {
    const permissions = ["--allow-read", "--allow-env=INIT_CWD"];
    const outcome = await kscope([...OPENS, "-r", "a.strace"], { permissions, env: { INIT_CWD: folder } });
    assertEquals(outcome.code, 0, outcome.stderr);
    assertStringIncludes(outcome.stdout, "@[cat]: ");
  });
});

Deno.test("scripts are run by path; what is wrong with one is said", async () => {
  const files = {
    "good #1.ts": `import { kprobe, program } from "${MOD}";
export default program({ opens: kprobe("vfs_open").by((c) => c.comm).count() });`,
    "two.ts": `import { kprobe, program } from "${MOD}";
export default [program({ a: kprobe("do_sys_openat2").count() }), program({ b: kprobe("vfs_read").count() })];`,
    "nothing.ts": "export const probe = 1;",
    "number.ts": "export default 1;",
    "broken.ts": "export default function (",
    "throws.ts": 'throw new Error("own words");',
    "a.strace": RECORDING,
  };
  await withFiles(files, async (folder) => {
    const run = (script: string) => kscope(["run", script, "-r", "a.strace"], { cwd: folder });
    const good = await run("good #1.ts");
    assertEquals(good.code, 0, good.stderr);
    assertStringIncludes(good.stdout, "@opens[cat]: 1\n");
    const two = await run("two.ts");
    assertStringIncludes(two.stdout, "@a: 2\n");
    assertStringIncludes(two.stdout, "@b: 2\n");
    assertStringIncludes(two.stderr, "Attached 2 probes\n");
    assertRefused(await run("none.ts"), 1, '"none.ts"', "no such file");
    assertRefused(await run("nothing.ts"), 1, "no default export", "it exports probe");
    assertRefused(await run("number.ts"), 1, "default export is no program");
    assertRefused(await run("broken.ts"), 1, '"broken.ts"', "line 1, column 26");
    assertRefused(await run("throws.ts"), 1, '"throws.ts"', "own words");
  });
});

Deno.test("a handler that throws stops the run by name and time, or is passed over", async () => {
  const handler = 'kprobe("vfs_open").do((c) => { throw new Error("own words " + c.comm); })';
  const count = 'kprobe("vfs_read").as("reads").count()';
  const stopped = await kscope(["eval", handler, count, "--workload", "cat"]);
  assertEquals(stopped.code, 1);
  for (const part of ['kprobe "vfs_open"', "own words", " s: "]) assertStringIncludes(stopped.stderr, part);
  assert(!/^\s+at .*:\d+:\d+/m.test(stopped.stderr), stopped.stderr);
  const kept = await kscope(["eval", handler, count, "--workload", "cat", "--keep-going"]);
  assertEquals(kept.code, 0);
  assertStringIncludes(kept.stdout, "@reads: 7\n");
  assertStringIncludes(kept.stderr, "own words");
});

Deno.test("a reader that leaves early ends the program quietly", async () => {
  const command =
    `"${Deno.execPath()}" run --no-check --no-prompt --quiet --allow-read "${MAIN}" list | head -1`;
  const { stdout, stderr } = await new Deno.Command("sh", { args: ["-c", command] }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assert(new TextDecoder().decode(stdout).startsWith("kprobe:"));
});

Deno.test("colours only on a terminal", async () => {
  const { stderr } = await kscope(["rnu"]);
  assert(!stderr.includes("\x1b"));
});

Deno.test("--explain prints the graph and runs nothing", async () => {
  const { stdout, code, stderr } = await kscope([...OPENS, "--explain"]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "vfs_open");
  assertStringIncludes(stdout, "count");
  assert(!stdout.includes("@[cat]: "));
});
