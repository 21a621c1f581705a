/** Whatever handlers make of `ip` and of registers, the kernel stays whole: tasks end, nothing else breaks. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { PtRegs } from "../arch/pt_regs.ts";
import type { Kernel } from "../kernel.ts";
import { KernelBug, Kprobe, Kretprobe } from "../kprobes/mod.ts";
import { ARCHES, bootTest, start, type TestProgram } from "../syscalls/test_program.ts";
import type { Blocking } from "./function.ts";

/** Functions that the programs come through, some of which wait, some of which others run through as recorded. */
const FUNCTIONS = [
  "ksys_read",
  "vfs_read",
  "vfs_write",
  "vfs_open",
  "do_sys_openat2",
  "do_filp_open",
  "path_openat",
  "getname",
  "__fdget_pos",
  "fput",
  "kmem_cache_alloc",
  "mutex_lock",
  "pipe_read",
  "pipe_write",
  "do_exit",
] as const;

const DESTINATIONS = [
  "another function",
  "any function",
  "the middle of another",
  "here",
  "next",
  "further on",
  "anywhere here",
  "caller",
  "popped",
  "override",
  "number",
  "stack",
  "null",
  "untouched",
] as const;

const plan = fc.record({
  fn: fc.nat(FUNCTIONS.length - 1),
  /** Which instruction; mostly the first. */
  place: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(40) }),
  destination: fc.constantFrom(...DESTINATIONS),
  to: fc.nat(1000),
  number: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  result: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(0) }),
  argument: fc.option(fc.record({ n: fc.nat(2), value: fc.integer() }), { freq: 4 }),
  /** Diverts hits from this one on. */
  after: fc.nat(6),
  times: fc.nat(3),
  post: fc.boolean(),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

function divert(k: Kernel, p: Kprobe, regs: PtRegs, { destination, to, number, argument }: Plan): void {
  const { image, arch } = k;
  const own = image.func(p.symbolName ?? "");
  const entry = own?.address ?? 0;
  const boundaries = own?.boundaries() ?? new Uint32Array([0]);
  const names = image.functions();
  const other = image.func(FUNCTIONS[to % FUNCTIONS.length] ?? "");
  const any = image.func(names[to * 7919 % names.length] ?? "");
  if (argument !== null) regs.set(arch.argumentRegisters[argument.n] ?? "", argument.value);
  switch (destination) {
    case "another function":
      return void (regs.ip = other?.address ?? 0);
    case "any function":
      return void (regs.ip = any?.address ?? 0);
    case "the middle of another":
      return void (regs.ip = (any?.address ?? 0) + to % 64);
    case "here":
      return void (regs.ip = p.addr ?? 0);
    case "next":
      return void (regs.ip = (p.addr ?? 0) + (arch.arch === "arm64" ? 4 : 5));
    case "further on":
      return void (regs.ip = entry + (boundaries[to % boundaries.length] ?? 0));
    case "anywhere here":
      return void (regs.ip = entry + to % (own?.size ?? 1));
    case "caller":
      return void (regs.ip = regs.returnAddress);
    case "popped":
      regs.ip = regs.returnAddress;
      return void (regs.sp += arch.wordSize);
    case "override":
      return regs.overrideReturn(to - 500);
    case "number":
      return regs.set(arch.ipRegister, number);
    case "stack":
      return void (regs.ip = regs.sp + 8 * (to % 16));
    case "null":
      return void (regs.ip = to);
    case "untouched":
  }
}

function* program(p: TestProgram, name: string): Blocking<void> {
  const { k, task } = p;
  const buffer = p.room(64);
  const call = function* (...[call, ...args]: [string, ...(number | string)[]]): Blocking<number> {
    return task.exitCode === null ? yield* p.call(call, ...args) : -1;
  };
  const file = yield* call("openat", -100, `/tmp/${name}`, 0o102, 0o644);
  yield* call("write", file, buffer, 20);
  yield* call("lseek", file, 0, 0);
  yield* call("read", file, buffer, 10);
  const ends = p.room(8);
  if ((yield* call("pipe2", ends, 0o4000)) === 0 && task.exitCode === null) {
    const [reader, writer] = [k.memory.readS32(ends), k.memory.readS32(ends + 4)];
    yield* call("write", writer, buffer, 5);
    yield* call("read", reader, buffer, 5);
    yield* call("read", reader, buffer, 5);
  }
  yield* call("openat", -100, "/no/such/file", 0, 0);
  yield* call("close", file);
  yield* call("exit_group", 0);
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: no change of ip or of arguments breaks more than the task that it hits`, async () => {
    const kernels = await Promise.all(Array.from({ length: 40 }, () => bootTest(arch)));
    fc.assert(
      fc.property(fc.array(plan, { minLength: 1, maxLength: 4 }), fc.nat(3), (plans, hooks) => {
        const k = kernels.pop();
        if (k === undefined) return;
        const probes = plans.map((one) => {
          const symbolName = FUNCTIONS[one.fn] as string;
          const boundaries = k.image.func(symbolName)?.boundaries() ?? [0];
          let hits = 0;
          const act = (p: Kprobe, regs: PtRegs): number => {
            hits++;
            // Some loops end, others don't.
            if (hits <= one.after || one.times < 3 && hits > one.after + 1 + one.times) return 0;
            divert(k, p, regs, one);
            return one.result;
          };
          return new Kprobe({
            symbolName,
            offset: boundaries[one.place % boundaries.length] ?? 0,
            ...(one.post
              ? { postHandler: (p: Kprobe, regs: PtRegs) => void act(p, regs) }
              : { preHandler: act }),
          });
        });
        const hooked = FUNCTIONS.slice(0, 3 * hooks).map((symbolName) =>
          new Kretprobe({ symbolName, maxactive: 3 })
        );
        const armed = probes.filter((p) => k.kprobes.registerKprobe(p) === 0);
        const returns = hooked.filter((rp) => k.kprobes.registerKretprobe(rp) === 0);
        const patched = k.memory.text.patches().map(({ address }) => address);
        const programs = [0, 1].map((n) => start(k, `p${n}`, (p) => program(p, `file${n}`)));
        try {
          const { reason } = k.scheduler.run();
          // A task that died held what others wait for, perhaps.
          if (reason !== "done") assert(k.oopses.all().length > 0, reason);
        } catch (error) {
          if (!(error instanceof KernelBug)) throw error;
          return;
        }
        for (const { task } of programs) {
          if (task.exitCode === null) assert(k.oopses.all().length > 0);
          else assertEquals([task.depth, task.instances], [0, null]);
        }
        assertEquals([k.kprobes.currentOn(0), k.kprobes.currentOn(1)], [null, null]);
        assertEquals(k.memory.text.patches().map(({ address }) => address), patched);
        for (const rp of returns) {
          const pending = k.kprobes.instancesOf(rp);
          assertEquals((rp.pool?.free ?? 0) + pending.length, 3);
          assert(pending.every((instance) => instance.task !== null && instance.task.instances !== null));
        }
        k.kprobes.unregisterKprobes(armed);
        k.kprobes.unregisterKretprobes(returns);
        k.kprobes.waitForOptimizer();
        assertEquals(k.memory.text.patches(), []);
        // What is left runs as if nothing had been.
        let result = 0;
        start(k, "after", function* (p) {
          result = yield* p.call("openat", -100, "/no/such/file", 0, 0);
        });
        k.scheduler.run(k.now() + 1e9);
        if (k.oopses.all().length === 0) assertEquals(result, -2);
      }),
      { numRuns: 40 },
    );
  });
}
