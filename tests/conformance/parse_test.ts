import { assertEquals } from "@std/assert";
import { parseShell } from "./grammar.ts";
import { columns } from "./listing.ts";
import { parseRecording } from "./parse.ts";
import { runTool } from "./tools.ts";

Deno.test("a recording is read into commands: texts of several lines, rows, output without a command", () => {
  const entries = parseRecording(
    "=== b6. many\n$ kprobe_events < 'p:aa vfs_read\n# it\\'s'   (O_TRUNC)\nwrite(3 bytes) = 3\n\n" +
      "write(6 bytes) = 6\n-- a remark\n$ cat x\n\na\n\nb\n\n=== d1. rows\ndefinition: r1:kprobes/slow f\n" +
      "concurrent callers=5 -> kprobe_profile:\n  slow   1   4\n",
  );
  assertEquals(entries.map(({ id, form, expected }) => [id, form.kind, expected]), [
    ["b6:0", "write", ["write(3 bytes) = 3"]],
    ["b6:1", "lone", ["write(6 bytes) = 6"]],
    ["b6:2", "shell", ["", "a", "", "b"]],
    ["d1:0", "row", ["  slow   1   4"]],
  ]);
  assertEquals(entries[3]?.form, { kind: "row", definition: "r1:kprobes/slow f", callers: 5 });
});

Deno.test("command lines: quotes, variables, pipes, redirections, time", () => {
  const [first, second] = parseShell(`time echo "a\\$b $T" '$T;|' > $T/f; cut -d" " -f2 2>/dev/null | wc`, {
    T: "/t",
  });
  assertEquals(first, {
    timed: true,
    commands: [{ words: ["echo", "a$b /t", "$T;|"], redirects: [{ kind: ">", file: "/t/f" }] }],
  });
  assertEquals(second?.commands.map((command) => command.words), [["cut", "-d ", "-f2"], ["wc"]]);
});

Deno.test("text tools print what busybox prints", () => {
  const text = "b 2\na 1\nb 2\n";
  assertEquals(runTool("sort", ["-rn"], "2\n10\n9\n").output, "10\n9\n2\n");
  assertEquals(runTool("uniq", ["-cd"], "a\nb\nb\n").output, "      2 b\n");
  assertEquals(runTool("grep", ["-c", "^a"], text), { output: "1\n", status: 0 });
  assertEquals(runTool("grep", ["-wE", "a|zz"], text).output, "a 1\n");
  assertEquals(runTool("grep", ["x"], text), { output: "", status: 1 });
  assertEquals(runTool("cut", ["-d ", "-f2"], text).output, "2\n1\n2\n");
  assertEquals(runTool("cut", ["-c1-2"], "abc\n").output, "ab\n");
  assertEquals(runTool("head", ["-1"], text).output, "b 2\n");
  assertEquals(runTool("tail", ["-c", "3"], text).output, " 2\n");
  assertEquals(runTool("wc", ["-l"], text).output, "3\n");
  assertEquals(runTool("awk", ["{print $2}"], text).output, "2\n1\n2\n");
});

Deno.test("ls fills columns downwards", () => {
  assertEquals(columns(["enable", "filter", "myprobe"]), "enable   filter   myprobe\n");
  const names = [..."abcdefghijklmnop"].map((letter) => letter.repeat(18));
  assertEquals(columns(names).split("\n")[0], `${names[0]}  ${names[6]}  ${names[12]}`);
});
