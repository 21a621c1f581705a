/** uprobes and uretprobes on functions of the C library and of programs, on three architectures. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  attach,
  bootKernel,
  type Kernel,
  kprobe,
  program,
  programWorkload,
  type Steps,
  type Sys,
  uprobe,
  uretprobe,
} from "../mod.ts";
import { uprobesOf } from "../kernel/uprobes/table.ts";
import { MAX_URETPROBE_DEPTH } from "../kernel/uprobes/uprobe.ts";
import { installProgram, startProgram } from "../workloads/scenarios/start_program.ts";
import { builtinWorkload } from "../workloads/mod.ts";
import { userAddress, userFile } from "../workloads/user/symbols.ts";

const ARCHES = ["x86_64", "arm64", "i386"] as const;

function run(k: Kernel, body: (sys: Sys) => Steps<void>): void {
  const workload = programWorkload({
    name: "test",
    description: "calls library functions",
    prepare: (kernel) => installProgram(kernel, "/usr/bin/test"),
    programs: [{
      *program(sys): Steps<void> {
        yield* startProgram(sys, "/usr/bin/test", ["test"]);
        yield* body(sys);
      },
    }],
  });
  workload.start(k);
  assertEquals(k.scheduler.run().reason, "done");
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: a uprobe sees arguments, a uretprobe results, under the program's stack`, async () => {
    const k = await bootKernel({ arch });
    const seen: string[] = [];
    const pieces: number[] = [];
    const stacks: string[][] = [];
    const path = userFile(arch, "libc");
    const session = attach(
      program({
        sizes: uprobe("libc:malloc").do((c) => {
          seen.push(`malloc ${c.arg(0)} in ${c.comm}`);
          stacks.push([...c.ustack().frames].map((at) => c.usym(at)));
        }),
        pieces: uretprobe(`${path}:malloc`).do((c) => {
          pieces.push(c.retval);
          seen.push(`returns ${c.func}`);
        }),
        freed: uprobe("libc:free").do((c) => void seen.push(`free ${pieces.indexOf(c.arg(0))}`)),
      }),
      k,
    );
    let first = 0;
    let second = 0;
    run(k, function* (sys) {
      first = yield* sys.libc.malloc(100);
      second = yield* sys.libc.malloc(32);
      yield* sys.libc.free(first);
      assertEquals(yield* sys.libc.malloc(112), first);
    });
    assertEquals(pieces, [first, second, first]);
    assertEquals(seen, [
      "malloc 100 in test",
      "returns malloc",
      "malloc 32 in test",
      "returns malloc",
      "free 0",
      "malloc 112 in test",
      "returns malloc",
    ]);
    // At a function's first instruction its caller is not on the chain of frames yet.
    assertEquals(stacks[0], ["malloc+0", "__libc_start_call_main+64", "__libc_start_main+64", "_start+64"]);
    void session;
  });

  Deno.test(`${arch}: the breakpoint stands in the program's text while the probe is there, and goes with it`, async () => {
    const k = await bootKernel({ arch });
    const path = userFile(arch, "libc");
    const bytes: (Uint8Array | null)[] = [];
    let hits = 0;
    const session = attach(program({ m: uprobe("libc:malloc").do(() => void hits++) }), k);
    run(k, function* (sys) {
      const at = userAddress(k, sys.task, path, "malloc") ?? 0;
      yield* sys.libc.malloc(1);
      bytes.push(k.memory.probeReadBytes(at, 4));
      session.detach();
      bytes.push(k.memory.probeReadBytes(at, 4));
      yield* sys.libc.malloc(1);
    });
    const breakpoint = arch === "arm64" ? [0xa0, 0x00, 0x20, 0xd4] : [0xcc];
    assertEquals([...bytes[0] ?? []].slice(0, breakpoint.length), breakpoint);
    assert([...bytes[1] ?? []].slice(0, breakpoint.length).join() !== breakpoint.join());
    assertEquals(hits, 1);
  });

  Deno.test(`${arch}: readline and getaddrinfo of an interactive shell are seen with their strings`, async () => {
    const k = await bootKernel({ arch });
    const seen: string[] = [];
    attach(
      program({
        lines: uretprobe("/bin/bash:readline").do((c) => void seen.push(`${c.comm}: ${c.str(c.retval)}`)),
        hosts: uprobe("libc:getaddrinfo").do((c) => void seen.push(`${c.comm} looks for ${c.str(c.arg(0))}`)),
      }),
      k,
    );
    const workload = builtinWorkload("interactive:2");
    workload.start(k);
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals(seen, [
      "bash: cat /etc/hosts",
      "bash: getent hosts example.org",
      "getent looks for example.org",
    ]);
  });

  Deno.test(`${arch}: probing user space changes neither time nor results`, async () => {
    const times = [];
    for (const watched of [false, true]) {
      const k = await bootKernel({ arch });
      if (watched) {
        attach(program({ m: uprobe("libc:malloc").count(), r: uretprobe("libc:free").count() }), k);
      }
      const workload = builtinWorkload("interactive:3");
      workload.start(k);
      k.scheduler.run();
      times.push([k.now(), workload.report().calls, k.slab.frames.inUse]);
    }
    assertEquals(times[0], times[1]);
  });
}

Deno.test("a uprobe's handler stands under the kernel's breakpoint path", async () => {
  const k = await bootKernel({ image: "whole" });
  const order: string[] = [];
  attach(
    program({
      n: kprobe.any("uprobe_pre_sstep_notifier").do(() => void order.push("notified")),
      r: kprobe.any("uprobe_notify_resume").do(() => void order.push("resumes")),
      u: uprobe("libc:malloc").do(() => void order.push("hit")),
    }),
    k,
  );
  run(k, function* (sys) {
    yield* sys.libc.malloc(8);
  });
  assertEquals(order, ["notified", "resumes", "hit"]);
});

Deno.test("returns beyond 64 deep are not followed, and counted", async () => {
  const k = await bootKernel();
  const consumer = { returned: 0, nmissed: 0, retHandler: (): void => void consumer.returned++ };
  run(k, function* (sys) {
    const path = userFile("x86_64", "libc");
    const at = userAddress(k, sys.task, path, "qsort") ?? 0;
    assert(at !== 0);
    assertEquals(uprobesOf(k).register(path, 0x26000 + 0x400 * 19, consumer), 0);
    const nest = function* (depth: number): Steps<number> {
      if (depth === 0) return 0;
      return yield* sys.inLibc("qsort", [depth], () => nest(depth - 1));
    };
    yield* nest(MAX_URETPROBE_DEPTH + 6);
  });
  assertEquals([consumer.returned, consumer.nmissed], [MAX_URETPROBE_DEPTH, 6]);
});

Deno.test("what no file or function is, is refused with a sentence", async () => {
  const k = await bootKernel();
  const refusal = (name: string): string =>
    assertThrows(() => attach(program({ p: uprobe(name).count() }), k), Error).message;
  assertEquals(
    refusal("libc:mallok"),
    'Cannot attach uprobe:libc:mallok: EINVAL: /lib/x86_64-linux-gnu/libc.so.6 has no function "mallok"; did you mean "malloc"?',
  );
  assertEquals(
    refusal("/lib/libz.so.1:inflate"),
    "Cannot attach uprobe:/lib/libz.so.1:inflate: EINVAL: nothing is known of /lib/libz.so.1",
  );
  assertThrows(() => uprobe("malloc"), TypeError, 'it takes "file:function"');
});
