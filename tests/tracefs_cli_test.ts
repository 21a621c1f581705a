/** `kscope tracefs` as a program: commands from a file or from standard input, answers on standard output. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { deno, type Finished } from "./subprocess.ts";

function kscope(args: readonly string[], input: string): Promise<Finished> {
  return deno(
    ["run", "--no-check", "--no-prompt", "--quiet", "--allow-read", "cli/main.ts", ...args],
    {},
    input,
  );
}

Deno.test("commands come from standard input; the exit code is the last one's", async () => {
  const outcome = await kscope(["tracefs"], "cat tracing_on\necho bad > current_tracer");
  assertEquals(outcome, { code: 1, stdout: "1\nsh: write error: Invalid argument\n", stderr: "" });
  assertEquals((await kscope(["tracefs"], "exit 3\ncat tracing_on\n")).code, 3);
});

Deno.test("as JSON each command is a line", async () => {
  const { stdout, code } = await kscope(
    ["tracefs", "--json"],
    "echo 'p:x nosuch' > kprobe_events; cat tracing_on\n\n# none\n",
  );
  assertEquals(code, 0);
  assertEquals(stdout.trim().split("\n").map((line) => JSON.parse(line)), [
    {
      command: "echo 'p:x nosuch' > kprobe_events",
      errno: "ENOENT",
      output: "sh: write error: No such file or directory\n",
    },
    { command: "cat tracing_on", errno: null, output: "1\n" },
  ]);
});

Deno.test("a definition, a recorded run, its trace and profile, and the end of it, on each architecture", async () => {
  const script = `echo 'p:opens do_filp_open' > kprobe_events
echo 1 > events/kprobes/opens/enable
run replay examples/recordings/cat.strace.gz
cat trace kprobe_profile
echo 0 > events/kprobes/opens/enable
echo -:opens >> kprobe_events
cat kprobe_events
ls events/kprobes
`;
  for (const arch of ["x86_64", "arm64", "i386"]) {
    const { stdout, code } = await kscope(["tracefs", "--arch", arch], script);
    const lines = stdout.trimEnd().split("\n");
    assertEquals(lines.at(-1), "ls: events/kprobes: No such file or directory", arch);
    const hits = lines.filter((line) => / opens: \(do_filp_open\+0x0\/0x[0-9a-f]+\)$/.test(line)).length;
    assert(hits > 3, stdout);
    assertStringIncludes(stdout, `  opens${String(hits).padStart(55)}               0\n`);
    assertEquals(code, 1);
  }
});

Deno.test("a missing script or recording is told by name", async () => {
  const script = await kscope(["tracefs", "none.sh"], "");
  assertEquals([script.code, script.stdout], [1, ""]);
  assertStringIncludes(script.stderr, '"none.sh"');
  const recording = await kscope(["tracefs"], "run replay none.strace\n");
  assertStringIncludes(recording.stdout, '"none.strace"');
  assertEquals(recording.code, 1);
});
