/** Entry and exit tracepoints of every system call in the tables, against the formats that real kernels have. */

import { assert, assertEquals } from "@std/assert";
import { coreShapes } from "../../image/mod.ts";
import { fullImage } from "../../image/load.ts";
import { Kernel } from "../kernel.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import type { TraceRecord } from "../tracing/record.ts";
import { runSyscall } from "./entry.ts";
import { ARCHES, start } from "./test_program.ts";

/** Calls that never come back. */
const ENDS = new Set(["exit", "exit_group"]);
/** Error that the calls are recorded to fail with: one that leaves everything as it is. */
const RET = -22;

for (const arch of ARCHES) {
  Deno.test(`${arch}: every system call fires its tracepoints, with the arguments where the formats have them`, async () => {
    const k = new Kernel(await fullImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
    const names = k.image.syscallNames().filter((name) => k.image.syscallEntry(name) !== undefined);
    const formats = new Map(
      names.map((name) =>
        [name, (k.image.syscallEntry(name) ?? "").replace(/^__[a-z0-9]+_sys_/, "")] as const
      ),
    );
    let seen: string[] = [];
    const values = (record: TraceRecord): (number | bigint)[] =>
      record.info.fields.filter(({ name }) => !name.startsWith("common_"))
        .map(({ offset, size }) => record.loadBig(offset, size, true)).map(Number);
    const listen = (point: `${string}:${string}`): void => {
      k.tracepoints.register(point, (record) => {
        seen.push(`${point} ${values(record).join(" ")}`);
      });
    };
    const traced = [...formats].filter(([, entry]) =>
      k.image.tracepoint(`syscalls:sys_enter_${entry}`) !== undefined
    );
    for (const point of new Set(traced.map(([, entry]) => entry))) {
      listen(`syscalls:sys_enter_${point}`);
      if (!ENDS.has(point)) listen(`syscalls:sys_exit_${point}`);
    }
    const wrong: string[] = [];
    start(k, "caller", function* (p) {
      for (const [name, entry] of traced) {
        if (ENDS.has(name)) continue;
        const info = k.image.tracepoint(`syscalls:sys_enter_${entry}`);
        assert(info !== undefined);
        const count = info.fields.filter(({ name }) => !name.startsWith("common_")).length - 1;
        const args = [0x101, 0x102, 0x103, 0x104, 0x105, 0x106];
        const number = k.image.syscallNumber(name);
        seen = [];
        const recorded = { ret: RET, durationNs: 1000, interrupted: false };
        yield* runSyscall(k, p.task, { name, args, recorded });
        const want = [
          `syscalls:sys_enter_${entry} ${[number, ...args.slice(0, count)].join(" ")}`,
          `syscalls:sys_exit_${entry} ${number} ${RET}`,
        ];
        if (seen.join("\n") !== want.join("\n")) {
          wrong.push(`${name}: ${seen.join("; ")}; wanted ${want.join("; ")}`);
        }
      }
    });
    k.scheduler.run();
    assertEquals(wrong, []);
    // No tracepoint of a system call is left that none of these calls fires.
    const prefix = "syscalls:sys_enter_";
    const all = k.image.tracepoints(`${prefix}*`).map((point) => point.slice(prefix.length));
    assertEquals(new Set(traced.map(([, entry]) => entry)), new Set(all));
  });

  Deno.test(`${arch}: raw_syscalls tells number, six arguments and result of every call`, async () => {
    const k = new Kernel(await fullImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
    const size = k.image.pointerSize;
    const seen: number[][] = [];
    k.tracepoints.register("raw_syscalls:sys_enter", (record) => {
      const at = record.info.fields.find(({ name }) => name === "args")?.offset ?? NaN;
      const id = record.info.fields.find(({ name }) => name === "id")?.offset ?? NaN;
      seen.push([
        record.load(id, size, true),
        ...[0, 1, 2, 3, 4, 5].map((i) => record.load(at + i * size, size, true)),
      ]);
    });
    k.tracepoints.register("raw_syscalls:sys_exit", (record) => {
      const fields = ["id", "ret"].map((wanted) =>
        record.info.fields.find(({ name }) => name === wanted)?.offset
      );
      seen.push(fields.map((at) => record.load(at ?? NaN, size, true)));
    });
    const want: number[][] = [];
    start(k, "caller", function* (p) {
      for (const name of k.image.syscallNames()) {
        if (k.image.syscallEntry(name) === undefined || ENDS.has(name)) continue;
        const number = k.image.syscallNumber(name) ?? NaN;
        const args = [1, 2, 3, 4, 5, 6];
        yield* runSyscall(k, p.task, {
          name,
          args,
          recorded: { ret: RET, durationNs: 100, interrupted: false },
        });
        want.push([number, ...args], [number, RET]);
      }
    });
    k.scheduler.run();
    assertEquals(seen, want);
  });
}
