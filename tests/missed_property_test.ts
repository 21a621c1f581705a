/**
 * Hits + misses = calls, over whole kernels: random programs that fork, exec, block and exit, at random `maxactive`. The
 * calls are counted apart, in a run of the same program on which nothing is registered.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Arch } from "../image/model.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { Kprobe, Kretprobe } from "../kernel/kprobes/mod.ts";
import { bootKernel } from "../session/boot.ts";
import { programWorkload, type Steps } from "../workloads/program.ts";
import type { Sys } from "../workloads/sys.ts";

/** What is probed: plain calls, calls that block, one that never returns. */
const FUNCTIONS = [
  "vfs_read",
  "pipe_read",
  "do_sys_openat2",
  "kernel_clone",
  "bprm_execve",
  "kernel_wait4",
  "hrtimer_nanosleep",
  "do_exit",
] as const;

/** A program as data. */
type Act =
  | { readonly op: "open" | "exec" | "exit" | "wait" }
  | { readonly op: "sleep"; readonly ns: number }
  | { readonly op: "fork"; readonly acts: readonly Act[] }
  /** A child fills a pipe after a while; the parent waits in its read. */
  | { readonly op: "pipe"; readonly ns: number };

const { acts } = fc.letrec<{ act: Act; acts: readonly Act[] }>((tie) => ({
  acts: fc.array(tie("act"), { maxLength: 5, depthIdentifier: "acts" }),
  act: fc.oneof(
    { depthIdentifier: "acts", maxDepth: 3 },
    fc.constantFrom<Act>({ op: "open" }, { op: "exec" }, { op: "exit" }, { op: "wait" }),
    fc.record({ op: fc.constant("sleep" as const), ns: fc.integer({ min: 1, max: 50_000 }) }),
    fc.record({ op: fc.constant("pipe" as const), ns: fc.integer({ min: 1, max: 50_000 }) }),
    fc.record({ op: fc.constant("fork" as const), acts: tie("acts") }),
  ),
}));

function* play(sys: Sys, acts: readonly Act[]): Steps<void> {
  for (const act of acts) {
    switch (act.op) {
      case "open": {
        const fd = yield* sys.open("/etc/motd");
        yield* sys.read(fd, 64);
        yield* sys.close(fd);
        break;
      }
      case "exec":
        yield* sys.execve("/usr/bin/prog");
        break;
      case "exit":
        return;
      case "wait":
        yield* sys.wait();
        break;
      case "sleep":
        yield* sys.nanosleep(act.ns);
        break;
      case "fork":
        yield* sys.fork((child) => play(child, act.acts));
        break;
      case "pipe": {
        const ends = yield* sys.pipe();
        if (typeof ends === "number") throw new Error(`pipe gave ${ends}`);
        yield* sys.fork(function* (child) {
          yield* child.nanosleep(act.ns);
          yield* child.write(ends[1], "data");
        });
        yield* sys.read(ends[0], 16);
      }
    }
  }
}

async function boot(arch: Arch, programs: readonly (readonly Act[])[]): Promise<Kernel> {
  const k = await bootKernel({ arch });
  programWorkload({
    name: "random",
    description: "random programs",
    prepare(k): void {
      k.vfs.makePath("/etc/motd", { content: new Uint8Array(20) });
      k.vfs.makePath("/usr/bin/prog", { mode: 0o755, size: 8192 });
    },
    programs: programs.map((acts) => ({ program: (sys) => play(sys, acts) })),
  }).start(k);
  return k;
}

function runToEnd(k: Kernel): void {
  const outcome = k.scheduler.run();
  assert(outcome.reason === "done", JSON.stringify(outcome));
}

/** Calls of each function, with nothing registered. */
async function callsOf(arch: Arch, programs: readonly (readonly Act[])[]): Promise<number[]> {
  const k = await boot(arch, programs);
  const calls = FUNCTIONS.map(() => 0);
  FUNCTIONS.forEach((name, i) => {
    const fn = k.calls.functionByName(name);
    assert(fn !== undefined, `${arch} has ${name}`);
    fn.hooks = {
      offsets: [],
      at() {},
      entry() {
        calls[i]!++;
        return false;
      },
    };
  });
  runToEnd(k);
  return calls;
}

for (const arch of ["x86_64", "arm64", "i386"] as const) {
  Deno.test(`hits + nmissed = calls of random programs on ${arch}`, async () => {
    let missed = 0;
    let dropped = 0;
    const maxactives = fc.array(fc.integer({ min: 1, max: 3 }), {
      minLength: FUNCTIONS.length,
      maxLength: FUNCTIONS.length,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(acts, { minLength: 1, maxLength: 3 }),
        maxactives,
        async (programs, maxactive) => {
          const calls = await callsOf(arch, programs);
          const k = await boot(arch, programs);
          const probes = FUNCTIONS.map((symbolName, i) => {
            const seen = { entries: 0, hooked: 0, returns: 0 };
            const kp = new Kprobe({
              symbolName,
              preHandler() {
                seen.entries++;
              },
            });
            const rp = new Kretprobe({
              symbolName,
              maxactive: maxactive[i]!,
              entryHandler() {
                seen.hooked++;
              },
              handler(instance) {
                assertEquals(instance.task, k.current);
                seen.returns++;
              },
            });
            assertEquals([k.kprobes.registerKprobe(kp), k.kprobes.registerKretprobe(rp)], [0, 0]);
            return { kp, rp, seen };
          });
          runToEnd(k);
          probes.forEach(({ kp, rp, seen }, i) => {
            const name = FUNCTIONS[i]!;
            assertEquals(seen.entries + kp.nmissed, calls[i], `${name}: kprobe`);
            assertEquals(seen.hooked + rp.nmissed + rp.kp.nmissed, calls[i], `${name}: kretprobe`);
            // A task that ends inside a call takes its instance with it; only do_exit is such a call here.
            const ended = name === "do_exit" ? seen.hooked : 0;
            assertEquals(seen.returns + ended, seen.hooked, `${name}: returns`);
            assertEquals([rp.pool?.free, k.kprobes.instancesOf(rp).length], [rp.maxactive, 0], name);
            missed += rp.nmissed;
            dropped += ended;
          });
        },
      ),
      { numRuns: 25, seed: 25 },
    );
    // The programs must have come to what the property is about.
    assert(missed > 0 && dropped > 0, `${missed} misses, ${dropped} instances dropped`);
  });
}
