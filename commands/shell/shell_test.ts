import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { bootKernel } from "../../session/boot.ts";
import { builtinWorkload } from "../../workloads/builtin.ts";
import type { Workload } from "../../workloads/workload.ts";
import { type CommandResult, Shell } from "./shell.ts";

interface Tried {
  readonly shell: Shell;
  readonly notes: readonly string[];
  readonly results: readonly CommandResult[];
}

async function type(script: string, named: (() => Workload) | null = null): Promise<Tried> {
  const kernel = await bootKernel();
  const notes: string[] = [];
  const shell = new Shell({
    kernel,
    workloads: {
      replay: () => Promise.reject(new Error("no such recording")),
      named: named === null ? null : () => Promise.resolve(named()),
    },
    note: (text) => notes.push(text),
  });
  const results: CommandResult[] = [];
  for (const line of script.split("\n")) for await (const result of shell.run(line)) results.push(result);
  const last = shell.end();
  if (last !== null) results.push(last);
  return { shell, notes, results };
}

async function output(script: string): Promise<string> {
  return (await type(script)).results.map((result) => result.output).join("");
}

Deno.test("a refused write says why, and the next command goes on", async () => {
  const { results } = await type("echo wrong > current_tracer\ncat current_tracer\necho x > none\ncat none");
  assertEquals(results, [
    {
      command: "echo wrong > current_tracer",
      errno: "EINVAL",
      output: "sh: write error: Invalid argument\n",
    },
    { command: "cat current_tracer", errno: null, output: "nop\n" },
    { command: "echo x > none", errno: "EACCES", output: "sh: can't create none: Permission denied\n" },
    { command: "cat none", errno: "ENOENT", output: "cat: can't open 'none': No such file or directory\n" },
  ]);
});

Deno.test("> truncates, >> does not, and : only truncates", async () => {
  const script =
    "echo vfs_read > set_ftrace_filter\necho vfs_open >> set_ftrace_filter\ncat set_ftrace_filter\n";
  assertEquals(await output(script), "vfs_open\nvfs_read\n");
  assertEquals(
    await output(`${script}: > set_ftrace_filter\ncat set_ftrace_filter`),
    "vfs_open\nvfs_read\n#### all functions enabled ####\n",
  );
});

Deno.test("words expand as in sh: variables, and file names where nothing is quoted", async () => {
  assertEquals(
    await output("T=/sys/kernel/tracing\ncat $T/tracing_on\necho '$T' \"$T\""),
    "1\n$T /sys/kernel/tracing\n",
  );
  assertEquals(
    await output("cd per_cpu\necho cpu* 'cpu*' none* ../tracing_o[mn]"),
    "cpu0 cpu1 cpu* none* ../tracing_on\n",
  );
  const { notes } = await type('echo "p vfs_read $arg1"');
  assertEquals(notes.length, 1);
  assertStringIncludes(notes[0] ?? "", "$arg1");
});

Deno.test("status decides what && and || run", async () => {
  assertEquals(
    await output("cat none 2>/dev/null || echo no; cat tracing_on && echo yes; echo $?"),
    "no\n1\nyes\n0\n",
  );
});

Deno.test("echo takes -n and -e", async () => {
  assertEquals(await output("echo -n a; echo -e 'b\\tc'; echo -x"), "ab\tc\n-x\n");
});

Deno.test("virtual time passes in run and sleep only", async () => {
  const { shell } = await type("cat trace\nls\necho 1 > tracing_on");
  assertEquals(shell.kernel.clock.now, 0);
  const slept = await type("sleep 0.5");
  assertEquals(slept.shell.kernel.clock.now, 0.5e9);
  const ran = await type("run sleepers 3 1000000 2");
  assert(ran.shell.kernel.clock.now >= 2_000_000);
  assertEquals(ran.results, [{ command: "run sleepers 3 1000000 2", errno: null, output: "" }]);
});

Deno.test("a workload given beforehand goes on while the shell sleeps, or runs at once", async () => {
  const lines = "echo hrtimer_nanosleep > set_ftrace_filter\necho function > current_tracer\n";
  const count = async (script: string) => {
    const { results } = await type(lines + script, () => builtinWorkload("sleepers:2,400000000,2"));
    return results.at(-1)?.output.match(/hrtimer_nanosleep <-/g)?.length ?? 0;
  };
  assertEquals(await count("cat trace"), 0);
  assertEquals(await count("sleep 0.3\ncat trace"), 2);
  assertEquals(await count("sleep 0.3\nsleep 10\ncat trace"), 4);
  assertEquals(await count("run\ncat trace"), 4);
  assertEquals(await count("run; run\nrun\ncat trace"), 12);
  assertEquals(await count("sleep 10\nrun\nsleep 10\ncat trace"), 8);
  const { results } = await type("run");
  assertStringIncludes(results[0]?.output ?? "", "run: name a workload");
});

Deno.test("function_graph shows a call tree in the kernel's format", async () => {
  const text = await output(
    "echo hrtimer_nanosleep > set_graph_function\necho 2 > max_graph_depth\necho function_graph > current_tracer\n" +
      "run sleepers 1 1000000 1\ncat trace",
  );
  const [, , columns, , call, ...inner] = text.trimEnd().split("\n");
  assertEquals(columns, "# CPU  DURATION                  FUNCTION CALLS");
  assert(/^ \d\) {15}\| {2}hrtimer_nanosleep\(\) \{$/.test(call ?? ""), call);
  assert(inner.some((line) => /^ \d\) # \d{4}\.\d{3} us \| {4}do_nanosleep\(\);$/.test(line)), text);
  assert(/^ \d\) # \d{4}\.\d{3} us \| {2}\}$/.test(inner.at(-1) ?? ""), inner.at(-1));
});

Deno.test("an unknown workload or command is told, with what there is", async () => {
  const { results } = await type("run catt\nrun replay x\nvi trace\necho 'open");
  assertEquals(results.map(({ errno }) => errno), ["EINVAL", "EINVAL", "ENOENT", "EINVAL"]);
  assertStringIncludes(results[0]?.output ?? "", 'did you mean "cat"?');
  assertStringIncludes(results[2]?.output ?? "", "this shell has");
});
