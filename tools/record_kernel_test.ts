import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const SCRIPT = new URL("record_kernel.sh", import.meta.url).pathname;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(command: string, ...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, stdin: "null" }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

const script = (...args: string[]) => run("sh", SCRIPT, ...args);

/** A part of the script between two lines. */
function part(from: string, to: string): string {
  const text = Deno.readTextFileSync(SCRIPT);
  const start = text.indexOf(from);
  const end = text.indexOf(to, start);
  assert(start >= 0 && end > start, `the script has "${from}" and "${to}"`);
  return text.slice(start, end);
}

Deno.test("the recorder is a shell script without errors of syntax, and says how it is used", async () => {
  assertEquals(await run("sh", "-n", SCRIPT), { code: 0, out: "", err: "" });
  const { code, out } = await script("--help");
  assertEquals(code, 0);
  for (const option of ["--name", "--seconds", "--megabytes", "--functions", "--no-text", "--no-args"]) {
    assertStringIncludes(out, option);
  }
});

Deno.test("the recorder refuses what it doesn't understand with a sentence, before it touches anything", async () => {
  const refusals: [string[], RegExp][] = [
    [["--second", "3", "f"], /there is no option --second/],
    [["--seconds", "three", "f"], /--seconds takes a whole number above 0, not "three"/],
    [["--seconds", "0", "f"], /--seconds takes a whole number above 0, not "0"/],
    [["--name"], /--name needs a value/],
    [["f", "ls"], /found "ls" after the folder; put -- before the command/],
  ];
  for (const [args, wanted] of refusals) {
    const { code, err } = await script(...args);
    assertEquals(code, 1, args.join(" "));
    assert(wanted.test(err), err);
  }
  assertEquals((await script()).code, 2);
});

Deno.test("text is written as the image builder reads it: lengths that fill the function, calls, jumps out of it", async () => {
  const program = part("      function hex(text", '    \' | pack "$facts/text.tsv.gz"');
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/text.awk`, program);
    await Deno.writeTextFile(
      `${folder}/symbols`,
      "ffffffff81000000 first\nffffffff81000020 alias\nffffffff81000020 second\nffffffff81000030 last\n",
    );
    await Deno.writeTextFile(`${folder}/traceable`, "first\nsecond\n");
    // As objdump prints it: nops where ftrace's call was, a call, a jump inside, one outside, an indirect call.
    const text = [
      ["ffffffff81000000", "0f 1f 44 00 00", "nopl   0x0(%rax,%rax,1)"],
      ["ffffffff81000005", "e8 16 00 00 00", "call   0xffffffff81000020"],
      ["ffffffff8100000a", "74 02", "je     0xffffffff8100000e"],
      ["ffffffff8100000c", "ff d0", "call   *%rax"],
      ["ffffffff8100000e", "e9 0d 00 00 00", "jmp    0xffffffff81000020"],
      ...Array.from({ length: 13 }, (_, i) => [`ffffffff810000${(0x13 + i).toString(16)}`, "cc", "int3"]),
      ["ffffffff81000020", "41 54", "push   %r12"],
      ["ffffffff81000022", "c3", "ret"],
      ...Array.from({ length: 13 }, (_, i) => [`ffffffff810000${(0x23 + i).toString(16)}`, "90", "nop"]),
      ["ffffffff81000030", "c3", "ret"],
    ].map(([address, bytes, operation]) => `${address}:\t${bytes} \t${operation}`);
    await Deno.writeTextFile(`${folder}/text`, text.join("\n") + "\n");
    const { code, out, err } = await run(
      "awk",
      ...["-v", "arch=x86_64", "-v", `symbols=${folder}/symbols`, "-v", `traceable=${folder}/traceable`],
      ...["-f", `${folder}/text.awk`, `${folder}/text`],
    );
    assertEquals(err, "");
    assertEquals(code, 0);
    assertEquals(out.replace(/\n$/, "").split("\n").map((line) => line.split("\t")), [
      [
        "first",
        "ffffffff81000000",
        "32",
        "55225" + "1".repeat(13),
        "0:c:__fentry__,5:c:second,c:i:*%rax,e:j:second",
      ],
      ["second", "ffffffff81000020", "16", "21" + "1".repeat(13), ""],
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
