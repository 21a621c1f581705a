import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { S_IFREG } from "../fs/modes.ts";
import { runSyscall } from "./entry.ts";
import type { RecordedOutcome, SyscallRequest } from "./request.ts";
import { ARCHES, bootTest, start } from "./test_program.ts";

const PATHS = [
  "/a",
  "/a/b",
  "/a/b/c",
  "/a/b/c/d",
  "a",
  "..",
  ".",
  "/",
  "/new",
  "/a/new/",
  "",
  "/bin/prog",
  "//a//b/../x",
];

/** What an argument may be: a path, a descriptor, a user address, a size, a flag word, nonsense. */
const argument: fc.Arbitrary<number | string> = fc.oneof(
  fc.constantFrom(...PATHS),
  fc.constant(-100),
  fc.integer({ min: -1, max: 8 }),
  fc.integer({ min: 0x100000, max: 0x101000 }),
  fc.integer({ min: 0, max: 64 }).map((pages) => pages * 4096),
  fc.integer({ min: -0x80000000, max: 0x7fffffff }),
);
const outcome: fc.Arbitrary<RecordedOutcome | undefined> = fc.option(
  fc.record({
    ret: fc.integer({ min: -40, max: 40 }),
    durationNs: fc.integer({ min: 0, max: 100_000 }),
    interrupted: fc.boolean(),
  }),
  { nil: undefined },
);

for (const arch of ARCHES) {
  Deno.test(`${arch}: no call with whatever arguments or outcome breaks the kernel`, async () => {
    const names = (await bootTest(arch)).image.syscallNames();
    const call = fc.tuple(
      fc.constantFrom(...names),
      fc.array(argument, { minLength: 6, maxLength: 6 }),
      outcome,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 40 }), async (calls) => {
        const k = await bootTest(arch);
        k.vfs.makePath("/a/b/c");
        k.vfs.makePath("/bin/prog", { mode: S_IFREG | 0o755 });
        start(k, "fuzz", function* (p) {
          for (const [name, args, recorded] of calls) {
            if (p.task.exitCode !== null) return;
            if (k.image.syscallEntry(name) === undefined) continue;
            p.map();
            const words = args.map((arg) => typeof arg === "number" ? arg : p.text(arg));
            const request: SyscallRequest = {
              name,
              args: words,
              ...(recorded === undefined ? {} : { recorded }),
            };
            const result = yield* runSyscall(k, p.task, request);
            if (recorded !== undefined && p.task.exitCode === null) assertEquals(result, recorded.ret);
            assertEquals([p.task.depth, p.task.locals], [0, 0]);
          }
        });
        k.scheduler.run();
      }),
      { numRuns: 30, seed: 20 },
    );
  });
}
