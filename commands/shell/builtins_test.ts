import { assert, assertEquals, assertMatch } from "@std/assert";
import { bootKernel } from "../../session/boot.ts";
import { type CommandResult, Shell } from "./shell.ts";

async function type(
  script: string,
): Promise<{ shell: Shell; results: readonly CommandResult[]; text: string }> {
  const shell = new Shell({
    kernel: await bootKernel(),
    workloads: { replay: () => Promise.reject(new Error("no such recording")), named: null },
    note: () => {},
  });
  const results: CommandResult[] = [];
  for (const line of script.split("\n")) for await (const result of shell.run(line)) results.push(result);
  return { shell, results, text: results.map(({ output }) => output).join("") };
}

async function output(script: string): Promise<string> {
  return (await type(script)).text;
}

Deno.test("mkdir and rmdir make and remove instances, and say which they can't", async () => {
  assertEquals(
    await output(
      "mkdir instances/a instances/b; ls -1 instances; rmdir instances/a; ls -1 instances; echo $?",
    ),
    "a\nb\nb\n0\n",
  );
  assertEquals(
    await output("mkdir instances/a; mkdir instances/a instances/c; echo $?; ls -1 instances"),
    "mkdir: can't create directory 'instances/a': File exists\n1\na\nc\n",
  );
  assertEquals(
    await output("rmdir instances/none; echo $?; rmdir events; mkdir made"),
    "rmdir: 'instances/none': No such file or directory\n1\nrmdir: 'events': Operation not permitted\n" +
      "mkdir: can't create directory 'made': Operation not permitted\n",
  );
  for (const command of ["mkdir", "rmdir"]) {
    const { results, shell } = await type(`${command}\n${command} -x a`);
    assertEquals(results.map(({ output, errno }) => [output, errno]), [
      [`${command}: a directory is missing: usage: ${command} DIRECTORY...\n`, "EINVAL"],
      [`${command}: there is no option '-x' here: usage: ${command} DIRECTORY...\n`, "EINVAL"],
    ]);
    assertEquals(shell.status, 1);
  }
});

Deno.test("cd takes a directory's name as it is written", async () => {
  for (const name of ["a b", "a%20b", "a#b", "a?b", "ü"]) {
    assertEquals(
      await output(`mkdir 'instances/${name}'; cd 'instances/${name}'; pwd; cat tracing_on; cd ..; pwd`),
      `/sys/kernel/tracing/instances/${name}\n1\n/sys/kernel/tracing/instances\n`,
    );
  }
  assertEquals(
    await output(
      "cd ./events//sched/../; pwd; cd ../../../../../..; pwd; cd; pwd; cd /sys/kernel/tracing/; pwd",
    ),
    "/sys/kernel/tracing/events\n/\n/sys/kernel/tracing\n/sys/kernel/tracing\n",
  );
  assertEquals(
    await output("cd none; echo $?; cd trace; echo $?; pwd"),
    "sh: cd: can't cd to none: No such file or directory\n1\nsh: cd: can't cd to trace: Not a directory\n1\n" +
      "/sys/kernel/tracing\n",
  );
});

Deno.test("ls lists directories, files, and with -l what they are", async () => {
  assertEquals(
    await output("ls -1 instances; ls -d events trace; ls none; echo $?"),
    "events  trace\nls: none: No such file or directory\n1\n",
  );
  assertEquals(
    await output("ls -l tracing_on events/sched/sched_switch"),
    "-rw-r-----    1 root     root             0 Jan  1 00:00 tracing_on\n\n" +
      "events/sched/sched_switch:\n" +
      ["enable", "filter", "format", "hist", "id", "trigger"].map((name) =>
        `${
          ["format", "hist", "id"].includes(name) ? "-r--r-----" : "-rw-r-----"
        }    1 root     root             0 Jan  1 00:00 ${name}\n`
      ).join(""),
  );
  assertMatch(await output("ls -ld events"), /^drwxr-x---\s+\d+ root .* events\n$/);
});

Deno.test("uname tells of the kernel", async () => {
  const { shell, results } = await type("uname; uname -r; uname -m; uname -a");
  const { release } = shell.kernel.image;
  assertEquals(results.slice(0, 3).map(({ output }) => output), ["Linux\n", `${release}\n`, "x86_64\n"]);
  assert(results[3]?.output.startsWith(`Linux `) && results[3].output.includes(` ${release} `));
});

Deno.test("sleep and run say what they need", async () => {
  for (const [given, shown] of [["x", "x"], ["-1", "-1"], ["", ""], ["1e9", "1e9"]]) {
    const { results, shell } = await type(`sleep ${given}`);
    assertEquals(results.map(({ output, errno }) => [output, errno]), [
      [`sleep: invalid number '${shown}'\n`, "EINVAL"],
    ]);
    assertEquals([shell.status, shell.kernel.clock.now], [1, 0]);
  }
  const { results, shell } = await type("run");
  assertEquals(results[0]?.output, "run: name a workload: run WORKLOAD [ARGS], or run replay FILE\n");
  assertEquals([results[0]?.errno, shell.status], ["EINVAL", 1]);
  assertEquals(await output("run replay"), "run: a replay needs the file of a recording: run replay FILE\n");
});

Deno.test("exit ends the shell with its status, or with that of the last command", async () => {
  const ended = async (script: string) => {
    const { shell, text } = await type(`${script}\necho after`);
    return [shell.ended, shell.status, text];
  };
  assertEquals(await ended("exit 3"), [true, 3, ""]);
  assertEquals(await ended("exit 257"), [true, 1, ""]);
  assertEquals(await ended("cat none 2>/dev/null; exit"), [true, 1, ""]);
  for (const wrong of ["foo", "-1", "''", "1x"]) {
    const shown = wrong === "''" ? "" : wrong;
    assertEquals(await ended(`exit ${wrong}`), [true, 2, `sh: exit: Illegal number: ${shown}\n`]);
  }
});

Deno.test("printf writes what it formats", async () => {
  assertEquals(
    await output(
      "printf 'p:%s vfs_read\\n' a b > kprobe_events; cat kprobe_events; printf %d x; printf; echo $?",
    ),
    "p:kprobes/a vfs_read\np:kprobes/b vfs_read\n0sh: invalid number 'x'\nsh: usage: printf FORMAT [ARGUMENT...]\n2\n",
  );
  assertEquals(await output("printf wrong > current_tracer"), "sh: write error: Invalid argument\n");
});

Deno.test("messages go where standard error goes", async () => {
  const NONE = "cat: can't open 'none': No such file or directory\n";
  const markers = async (script: string): Promise<readonly [string, readonly string[]]> => {
    const { results } = await type(`${script}\ncat trace`);
    const lines = (results.at(-1)?.output ?? "").split("\n");
    return [
      results.slice(0, -1).map(({ output }) => output).join(""),
      lines.flatMap((line) => line.split("tracing_mark_write: ")[1] ?? []),
    ];
  };
  assertEquals(await markers("cat tracing_on none 2> trace_marker"), ["1\n", [NONE.trim()]]);
  assertEquals(await markers("cat tracing_on none > trace_marker"), [NONE, ["1"]]);
  assertEquals(await markers("cat tracing_on none > trace_marker 2>&1"), ["", ["1", NONE.trim()]]);
  // Standard error goes where standard output went until then.
  assertEquals(await markers("cat tracing_on none 2>&1 > trace_marker"), [NONE, ["1"]]);
  assertEquals(await markers("cat tracing_on none tracing_on"), [`1\n${NONE}1\n`, []]);
  assertEquals(await markers("cat none 2> /dev/null; cat tracing_on > /dev/null"), ["", []]);
  // A write that fails, and a file that can't be opened once messages go to another.
  assertEquals(await markers("echo x > current_tracer 2> trace_marker"), [
    "",
    ["sh: write error: Invalid argument"],
  ]);
  assertEquals(await markers("echo x 2> trace_marker > nowhere"), [
    "",
    ["sh: can't create nowhere: Permission denied"],
  ]);
  assertEquals(await markers("echo x > nowhere 2> trace_marker"), [
    "sh: can't create nowhere: Permission denied\n",
    [],
  ]);
  const { results } = await type("echo x > current_tracer 2> tracing_on; echo $?");
  assertEquals(results.map(({ output, errno }) => [output, errno]), [["", "EINVAL"], ["1\n", null]]);
});
