import { assertEquals, assertThrows } from "@std/assert";
import { coreImage, coreShapes } from "../image/mod.ts";
import type { Arch } from "../image/model.ts";
import { Kernel } from "../kernel/kernel.ts";
import { ShapeLibrary } from "../kernel/shapes/library.ts";
import type { TraceRecord } from "../kernel/tracing/record.ts";
import { builtinWorkload } from "./builtin.ts";
import { programWorkload, type UserProgram } from "./program.ts";
import type { Workload } from "./workload.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

async function boot(arch: Arch = "x86_64", cpus = 2, seed = 1): Promise<Kernel> {
  return new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch)), { cpus, seed });
}

function field(record: TraceRecord, name: string): number {
  const found = record.info.fields.find((candidate) => candidate.name === name)!;
  return record.load(found.offset, found.size, true);
}

/** Runs a workload and lists its calls' results: `comm name result`. */
function run(k: Kernel, workload: Workload): readonly string[] {
  const names = new Map<number, string>();
  const log: string[] = [];
  k.tracepoints.register("raw_syscalls:sys_enter", (record) => {
    names.set(k.current.pid, k.image.syscallName(field(record, "id")) ?? "?");
  });
  k.tracepoints.register("raw_syscalls:sys_exit", (record) => {
    log.push(`${k.current.comm} ${names.get(k.current.pid)} ${field(record, "ret")}`);
  });
  workload.start(k);
  assertEquals(k.scheduler.run().reason, "done");
  return log;
}

function only(program: UserProgram): Workload {
  return programWorkload({ name: "test", description: "one program", programs: [{ program, comm: "test" }] });
}

Deno.test("cat starts as a dynamic program does and copies its two files, on every architecture", async () => {
  for (const arch of ARCHES) {
    const log = run(await boot(arch), builtinWorkload("cat"));
    const reads = log.filter((line) => /^cat (read|pread64) /.test(line)).map((line) =>
      Number(line.split(" ")[2])
    );
    assertEquals(reads, [832, 784, 784, 49, 0, 1280, 0], arch);
    assertEquals(log.filter((line) => /^cat openat [0-9]/.test(line)).length, 4, arch);
    assertEquals(log[0], "cat execve 0");
    assertEquals(log.filter((line) => line.endsWith(" -38")), [], arch);
  }
});

Deno.test("results are what the kernel returns, errors among them", async () => {
  for (const arch of ARCHES) {
    const seen: number[] = [];
    run(
      await boot(arch),
      only(function* (sys) {
        seen.push(yield* sys.open("/etc/nothing"));
        const fd = yield* sys.open("/tmp/f", "O_RDWR|O_CREAT", 0o600);
        seen.push(fd, yield* sys.write(fd, "hello world"));
        seen.push(yield* sys.lseek(fd, 6));
        const text = yield* sys.readText(fd, 100);
        assertEquals(text, "world");
        seen.push(yield* sys.close(fd), yield* sys.close(fd));
        seen.push(yield* sys.mkdir("/tmp/d"), yield* sys.mkdir("/tmp/d"), yield* sys.rmdir("/tmp/d"));
        seen.push(
          yield* sys.rename("/tmp/f", "/tmp/g"),
          yield* sys.unlink("/tmp/f"),
          yield* sys.unlink("/tmp/g"),
        );
      }),
    );
    assertEquals(seen, [-2, 3, 11, 6, 0, -9, 0, -17, 0, 0, -2, 0], arch);
  }
});

Deno.test("a child runs its own program, and its parent waits for it", async () => {
  for (const arch of ARCHES) {
    const order: string[] = [];
    run(
      await boot(arch),
      only(function* (sys) {
        const ends = yield* sys.pipe();
        if (typeof ends === "number") throw new Error("no pipe");
        const pid = yield* sys.fork(function* (child) {
          yield* child.nanosleep(50_000);
          yield* child.write(ends[1], "from the child");
          order.push(`child of ${child.task.parent?.pid}`);
          return 3;
        });
        order.push(`read ${yield* sys.readText(ends[0], 64)}`);
        const waited = yield* sys.wait();
        order.push(`waited ${waited === pid}, again ${yield* sys.wait()}`);
        assertEquals(sys.task.pid !== pid, true);
      }),
    );
    assertEquals(order.toSorted(), ["child of 301", "read from the child", "waited true, again -10"], arch);
  }
});

Deno.test("an exit in the middle ends the program", async () => {
  const k = await boot();
  const order: string[] = [];
  run(
    k,
    only(function* (sys) {
      order.push("begins");
      yield* sys.exit(2);
      order.push("goes on");
    }),
  );
  assertEquals(order, ["begins"]);
});

Deno.test("a sleep takes its time", async () => {
  const k = await boot();
  const times: number[] = [];
  run(
    k,
    only(function* (sys) {
      const before = sys.now;
      yield* sys.nanosleep(2_500_000);
      times.push(sys.now - before);
    }),
  );
  assertEquals(times[0]! >= 2_500_000 && times[0]! < 2_600_000, true);
});

Deno.test("a run repeats exactly; another seed only changes what is random", async () => {
  async function ends(seed: number): Promise<readonly [readonly string[], number]> {
    const k = await boot("x86_64", 2, seed);
    const log = run(k, builtinWorkload("pipeline:rounds=2"));
    return [log, k.clock.now];
  }
  const first = await ends(1);
  assertEquals(await ends(1), first);
  const other = await ends(2);
  assertEquals(other[0].toSorted(), first[0].toSorted());
  assertEquals(other[1] !== first[1], true);
});

Deno.test("an unknown flag is reported, a wrong program's error comes out", async () => {
  const k = await boot();
  const workload = only(function* (sys) {
    yield* sys.open("/etc/hosts", "O_RDONLY|O_FANCY");
    throw new RangeError("mine");
  });
  workload.start(k);
  assertThrows(() => k.scheduler.run(), RangeError, "mine");
  assertEquals([...workload.report().unknownArguments], [["O_FANCY: no constant of that name is known", 1]]);
});
