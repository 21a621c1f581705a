import { assertEquals, assertStringIncludes } from "@std/assert";
import { DEFAULT_OUT, main } from "./generate_types.ts";

/** Runs the tool and gathers what it prints. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { log, error } = console;
  const [out, err]: [string[], string[]] = [[], []];
  console.log = (text: unknown) => out.push(String(text));
  console.error = (text: unknown) => err.push(String(text));
  try {
    return { code: await main(args), out: out.join("\n"), err: err.join("\n") };
  } finally {
    console.log = log;
    console.error = error;
  }
}

Deno.test("the committed declarations are what the shipped images give", async () => {
  const root = new URL("../", import.meta.url);
  const file = decodeURIComponent(new URL(DEFAULT_OUT, root).pathname);
  const committed = await Deno.readTextFile(file);
  const { code, out } = await run();
  assertEquals(code, 0);
  // The second line repeats the command, which names the file.
  const body = (text: string) => text.split("\n").slice(2).join("\n").trimEnd();
  assertEquals(
    body(out) === body(committed),
    true,
    `${DEFAULT_OUT} is out of date: run the command in its second line`,
  );
});

Deno.test("a glob declares what it matches, and the types that it reaches", async () => {
  const { code, out } = await run(
    "--arch",
    "arm64",
    "--glob",
    "vfs_ope*",
    "--tracepoint",
    "sched:sched_sw*",
    "--from",
    "kscope",
  );
  assertEquals(code, 0);
  assertStringIncludes(out, "  vfs_open: Fn<{ path: Ptr<path>; file: Ptr<file> }, number>;");
  assertStringIncludes(out, '  "sched:sched_switch": Tp<{ prev_comm: string;');
  assertStringIncludes(out, "export interface dentry {");
  assertStringIncludes(out, 'from "kscope";');
  assertEquals(out.includes("vfs_read"), false);
});

Deno.test("bad arguments get one sentence and an exit code", async () => {
  assertEquals((await run("--help")).code, 0);
  assertEquals(await run("--blob", "x"), {
    code: 2,
    out: "",
    err: 'Unknown argument "--blob"; --help lists the options.',
  });
  assertEquals(await run("--arch", "riscv"), {
    code: 1,
    out: "",
    err: 'Unknown architecture "riscv"; it is one of x86_64, arm64, i386',
  });
  assertEquals(await run("--arch", "i386", "--glob", "no_such_*"), {
    code: 1,
    out: "",
    err: "Cannot generate declarations: no traceable function matches no_such_*",
  });
});
