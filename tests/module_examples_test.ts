/**
 * The modules in `examples/modules/` log what their golden files say, on each architecture. To change one on purpose:
 * `deno test --allow-read --allow-write --allow-env tests/module_examples_test.ts -- --update`, then read the difference.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import kprobeExample from "../examples/modules/kprobe_example.ts";
import kprobeExample418 from "../examples/modules/kprobe_example_4_18.ts";
import kretprobeExample, { kretprobe_example_4_18 } from "../examples/modules/kretprobe_example.ts";
import { type Arch, bootKernel, type linux, replay } from "../mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];
const golden = new URL("./golden/", import.meta.url);
const recording = new URL("../examples/recordings/shell-loop.strace.gz", import.meta.url);

type Params = Readonly<Record<string, string>>;

/** Golden file, module, its parameters, and the release that it is for. */
const RUNS: readonly (readonly [string, linux.AnyModule, Params, linux.ReleaseName])[] = [
  ["kprobe_example", kprobeExample, {}, "6.1"],
  ["kprobe_example_symbol", kprobeExample, { symbol: "do_exit" }, "6.1"],
  ["kprobe_example_4_18", kprobeExample418, {}, "4.18"],
  ["kretprobe_example", kretprobeExample, {}, "6.1"],
  ["kretprobe_example_func", kretprobeExample, { func: "kernel_wait4" }, "6.1"],
  ["kretprobe_example_4_18", kretprobe_example_4_18, {}, "4.18"],
];

async function logOf(arch: Arch, module: linux.AnyModule, params: Params, release: linux.ReleaseName) {
  const kernel = await bootKernel({ arch, release });
  const start = kernel.log.next;
  assertEquals(kernel.modules.insmod(module, params), 0);
  const workload = await replay(await Deno.readFile(recording));
  workload.start(kernel);
  assertEquals(kernel.scheduler.run().reason, "done");
  assertEquals(kernel.modules.rmmod(module.name), 0);
  assertEquals(kernel.memory.text.patches(), []);
  return kernel.log.dmesg(start);
}

for (const [name, module, params, release] of RUNS) {
  for (const arch of ARCHES) {
    Deno.test(`${name} logs its golden output on ${arch}`, async () => {
      const log = await logOf(arch, module, params, release);
      const file = new URL(`modules.${name}.${arch}.txt`, golden);
      if (Deno.args.includes("--update")) await Deno.writeTextFile(file, log);
      assertEquals(log, await Deno.readTextFile(file));
    });
  }
}

Deno.test("the lines are those of the samples, on each architecture", async () => {
  const stamp = String.raw`\[ +\d+\.\d{6}\] `;
  const probes = {
    x86_64: String.raw`p->addr = 0x00000000[0-9a-f]{8}, ip = ffffffff[0-9a-f]{8}, flags = 0x[0-9a-f]+\n`,
    i386: String.raw`p->addr = 0x[0-9a-f]{8}, ip = c[0-9a-f]{7}, flags = 0x[0-9a-f]+\n`,
    arm64: String.raw`p->addr = 0x00000000[0-9a-f]{8}, pc = 0xffff80000[0-9a-f]{7}, pstate = 0x[0-9a-f]+\n`,
  };
  for (const arch of ARCHES) {
    const log = await logOf(arch, kprobeExample, {}, "6.1");
    assertMatch(log, new RegExp(`^${stamp}kprobe_init: Planted kprobe at [0-9a-f]{8,16}\n`));
    assertMatch(log, new RegExp(`${stamp}handler_pre: <kernel_clone> ${probes[arch]}`));
    const flags = arch === "arm64" ? "pstate" : "flags";
    assertMatch(
      log,
      new RegExp(`${stamp}handler_post: <kernel_clone> p->addr = 0x[0-9a-f]+, ${flags} = 0x[0-9a-f]+\n`),
    );
    assertMatch(log, new RegExp(`${stamp}kprobe_exit: kprobe at [0-9a-f]{8,16} unregistered\n$`));
  }
});

/** Formats of the samples' lines, with the regular expressions of what `%p`, `%lx`, `%lu` and `%lld` print there. */
interface Formats {
  readonly planted: string;
  /** What each probed call logs, in order. */
  readonly call: readonly string[];
  readonly gone: readonly string[];
}

/** `samples/kprobes/kprobe_example.c` and `kretprobe_example.c` of 4.18 and of 5.10 and later, on one architecture. */
function formats(arch: Arch, sample: "kprobe 4.18" | "kretprobe", func: string): Formats {
  const pointer = arch === "i386" ? "[0-9a-f]{8}" : "0{8}[0-9a-f]{8}";
  const word = "[1-9a-f][0-9a-f]*";
  if (sample === "kretprobe") {
    return {
      planted: `Planted return probe at ${func}: ${pointer}`,
      call: [String.raw`${func} returned \d+ and took \d+ ns to execute`],
      gone: [`kretprobe at ${pointer} unregistered`, String.raw`Missed probing \d+ instances of ${func}`],
    };
  }
  const [pre, post] = arch === "arm64"
    ? [`pc = 0x${word}, pstate = 0x${word}`, `pstate = 0x${word}`]
    : [`ip = ${word}, flags = 0x${word}`, `flags = 0x${word}`];
  return {
    planted: `Planted kprobe at ${pointer}`,
    call: [
      `<${func}> pre_handler: p->addr = 0x${pointer}, ${pre}`,
      `<${func}> post_handler: p->addr = 0x${pointer}, ${post}`,
    ],
    gone: [`kprobe at ${pointer} unregistered`],
  };
}

Deno.test("every line of the other samples is one of theirs, in order, on each architecture", async () => {
  const runs = [
    [kprobeExample418, {}, "4.18", "kprobe 4.18", "_do_fork"],
    [kretprobe_example_4_18, {}, "4.18", "kretprobe", "_do_fork"],
    [kretprobeExample, {}, "6.1", "kretprobe", "kernel_clone"],
    [kretprobeExample, { func: "kernel_wait4" }, "6.1", "kretprobe", "kernel_wait4"],
  ] as const;
  for (const arch of ARCHES) {
    for (const [module, params, release, sample, func] of runs) {
      const lines = (await logOf(arch, module, params, release)).trimEnd().split("\n");
      const { planted, call, gone } = formats(arch, sample, func);
      const calls = lines.slice(1, -gone.length);
      const hits = calls.length / call.length;
      assert(Number.isInteger(hits) && hits > 10, `${hits} hits of ${func}`);
      const wanted = [planted, ...Array.from({ length: hits }, () => call).flat(), ...gone];
      lines.forEach((line, i) => assertMatch(line, new RegExp(String.raw`^\[ {4}\d\.\d{6}\] ${wanted[i]}$`)));
      // One address is one hash, from the first line to the last.
      const hashes = lines.flatMap((line) => /(?:addr = 0x| at |: )([0-9a-f]{8,16})\b/.exec(line)?.[1] ?? []);
      assertEquals(new Set(hashes).size, 1);
    }
  }
});

Deno.test("a sample's handler finds ip behind the breakpoint on x86, and on the function elsewhere", async () => {
  for (const arch of ARCHES) {
    const { image } = await bootKernel({ arch });
    const log = await logOf(arch, kprobeExample418, {}, "4.18");
    const [, found = ""] = /(?:ip|pc) = (?:0x)?([0-9a-f]+)/.exec(log) ?? [];
    const start = Number(BigInt.asIntN(64, BigInt(`0x${found}`))) -
      (image.symbol("kernel_clone")?.address ?? 0);
    // What 4.18 calls _do_fork is kernel_clone in the image's text; x86's ip is behind the breakpoint's byte.
    assertEquals(start, arch === "arm64" ? 0 : 1);
  }
});

Deno.test("a function that isn't there is reported as the samples do", async () => {
  const kernel = await bootKernel();
  const start = kernel.log.next;
  assertEquals(kernel.modules.insmod(kprobeExample, { symbol: "nosuch" }), -2);
  assertEquals(kernel.modules.insmod(kretprobeExample, { func: "nosuch" }), -2);
  // Each sample of the other generation knows a function that this one doesn't have.
  assertEquals(kernel.modules.insmod(kprobeExample418), -2);
  assertEquals(kernel.log.records(start).map((r) => r.text), [
    "kprobe_init: register_kprobe failed, returned -2",
    "register_kretprobe failed, returned -2",
    "register_kprobe failed, returned -2",
  ]);
  const old = await bootKernel({ release: "4.18" });
  assertEquals(old.modules.insmod(kprobeExample), -2);
});
