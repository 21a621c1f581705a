import { assertEquals, assertRejects } from "@std/assert";
import { ProgramError } from "../graph/diagnostic.ts";
import { kprobe } from "../probes/kprobe.ts";
import { type AnyProbe, asProgram } from "../probes/program.ts";
import { run } from "./run.ts";

/** The message with which a run of one probe ends. */
async function refusal(probe: AnyProbe): Promise<Error> {
  return await assertRejects(() => run(asProgram(probe)), Error);
}

/** What makes a function run as it is: a name from outside. */
const outside = <T>(value: T): T => value;

Deno.test("a stack depth or an argument out of range is the same sentence, captured or not", async () => {
  const captured = [
    await refusal(kprobe("vfs_open").print((c) => c.kstack(-1))),
    await refusal(kprobe("vfs_open").print((c) => c.arg(-1))),
    await refusal(kprobe("vfs_open").print((c) => c.arg(99))),
  ];
  const opaque = [
    await refusal(kprobe("vfs_open").print((c) => c.kstack(outside(-1)))),
    await refusal(kprobe("vfs_open").print((c) => c.arg(outside(-1)))),
    await refusal(kprobe("vfs_open").print((c) => c.arg(outside(99)))),
  ];
  const sentences = [
    "Cannot take a stack of -1 frames: the depth is from 1 to 1024",
    "Cannot read argument -1: the number of an argument is a whole number from 0 up",
    "Cannot read argument 99: 6 are in registers, and int vfs_open(const struct path * path, struct file * file) takes 2 words",
  ];
  for (const [i, sentence] of sentences.entries()) {
    assertEquals(captured[i] instanceof ProgramError, true);
    for (const error of [captured[i], opaque[i]]) {
      assertEquals(error?.message.includes(sentence), true, error?.message);
    }
  }
});

Deno.test("a name that no context has is refused where the program attaches, hit or not", async () => {
  const never = kprobe("vfs_mkdir") as unknown as {
    filter(test: (c: Record<string, never>) => unknown): AnyProbe;
    do(handler: (c: Record<string, never> & { nosuch: () => void }) => void): AnyProbe;
  };
  const cases: readonly (readonly [probe: AnyProbe, excerpt: string])[] = [
    // deno-lint-ignore eqeqeq
    [never.filter((c) => c["com"] == "cat"), 'There is no "com" in the context of a probe'],
    [never.filter(({ com }) => com === "cat"), 'There is no "com" in the context of a probe'],
    [never.filter((c) => outside(c["com"]) === "cat"), 'There is no "com" in the context of a probe'],
    [never.filter(({ com }) => outside(com) === "cat"), 'There is no "com" in the context of a probe'],
    [never.do((c) => c.nosuch()), 'There is no "nosuch" in the context of a probe'],
  ];
  for (const [probe, excerpt] of cases) {
    const error = await refusal(probe);
    assertEquals(error instanceof ProgramError, true, error.message);
    assertEquals(error.message.includes(excerpt), true, error.message);
    assertEquals(error.message.includes("^^"), true, error.message);
    assertEquals(error.message.includes('did you mean "comm"?'), excerpt.includes('"com"'), error.message);
  }
});

Deno.test("another thing of the same name as the context is left alone", async () => {
  const names: string[] = [];
  const others = [{ com: "x" }];
  const probe = kprobe("vfs_open").do((c) => {
    for (const name of others.map((c) => c.com)) names.push(`${name} ${c.comm}`);
  });
  await run(asProgram(probe));
  assertEquals([...new Set(names)].sort(), ["x cat", "x sh"]);
});
