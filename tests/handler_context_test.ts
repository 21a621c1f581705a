import { assertEquals, assertRejects } from "@std/assert";
import { ProgramError } from "../graph/diagnostic.ts";
import { kprobe } from "../probes/kprobe.ts";
import { tracepoint } from "../probes/tracepoint.ts";
import { type AnyProbe, asProgram } from "../probes/program.ts";
import { run } from "../session/run.ts";

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

Deno.test("c.args, c.regs and the context are no values, captured or not", async () => {
  const probe = kprobe("vfs_read");
  const args = "c.args is no value by itself";
  const cases: readonly (readonly [probe: AnyProbe, sentence: string])[] = [
    [probe.by((c) => c.args as unknown as string).count(), args],
    [probe.by((c) => outside(c.args) as unknown as string).count(), args],
    [probe.by((c) => [c.comm, c.args as unknown as string]).count(), args],
    [probe.by((c) => outside([c.comm, c.args as unknown as string])).count(), args],
    [probe.sum((c) => outside(c.args) as unknown as number), args],
    [probe.print((c) => c.args), args],
    [probe.print((c) => outside(c.args)), args],
    [probe.do((c) => c.print(outside(c.args))), args],
    [tracepoint("sched:sched_switch").by((c) => outside(c.args) as unknown as string).count(), args],
    [probe.by((c) => outside(c.regs) as unknown as string).count(), "c.regs is no value by itself"],
    [probe.by((c) => outside(c) as unknown as string).count(), "The context is no value by itself"],
  ];
  for (const [wrong, sentence] of cases) {
    const { message } = await refusal(wrong);
    assertEquals(message.includes(sentence), true, message);
  }
});
