import { assert, assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { coreImage } from "../../image/load.ts";
import type { Arch } from "../../image/model.ts";
import { FakeMachine, type FakeTask } from "./fake_machine.ts";
import { Kprobe, Kretprobe, ProbeHandlerError } from "./mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

async function machine(arch: Arch = "x86_64", cpus = 2): Promise<FakeMachine> {
  return new FakeMachine(await coreImage(arch), cpus);
}

function mustRegister(m: FakeMachine, ...probes: (Kprobe | Kretprobe)[]): void {
  for (const p of probes) {
    assertEquals(p instanceof Kprobe ? m.table.registerKprobe(p) : m.table.registerKretprobe(p), 0);
  }
}

Deno.test("handlers see arguments, and ip as the architecture presents it", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const at = m.address("vfs_read");
    const seen: number[] = [];
    mustRegister(
      m,
      new Kprobe({
        symbolName: "vfs_read",
        preHandler: (_, regs) => void seen.push(regs.arg(0), regs.arg(3), regs.ip - at),
        postHandler: (_, regs) => void seen.push(regs.ip - at),
      }),
    );
    const regs = m.call("vfs_read", [11, 12, 13, 14]);
    assertEquals(seen, [11, 14, arch === "arm64" ? 0 : 1, arch === "arm64" ? 4 : 5]);
    assertEquals([regs.ip, m.table.currentOn(0)], [at, null]);
  }
});

Deno.test("probes at offsets run when control gets there", async () => {
  const m = await machine();
  const seen: string[] = [];
  const at = m.address("vfs_read");
  for (const offset of [7, 0, 5]) {
    mustRegister(
      m,
      new Kprobe({
        symbolName: "vfs_read",
        offset,
        preHandler: (p, r) => void seen.push(`${p.label} ${r.ip - at}`),
      }),
    );
  }
  const regs = m.call("vfs_read");
  const hooks = m.calls.functionByName("vfs_read")?.hooks;
  // What stands behind the ftrace site is reached with the entry.
  assertEquals([hooks?.offsets, seen.length], [[7], 2]);
  for (const offset of hooks?.offsets ?? []) hooks?.at(offset, regs);
  assertEquals(seen, ["vfs_read 1", "vfs_read+0x5 6", "vfs_read+0x7 8"]);
});

Deno.test("several probes at one address run newest first; a diverting one ends the walk; disabled ones are left out", async () => {
  const m = await machine();
  let seen: string[] = [];
  const probe = (label: string, result = 0) =>
    new Kprobe({
      symbolName: "vfs_read",
      label,
      preHandler: () => {
        seen.push(label);
        return result;
      },
      postHandler: () => void seen.push(`${label} post`),
    });
  const [first, second, third] = [probe("first"), probe("second"), probe("third")];
  mustRegister(m, first, second, third);
  m.call("vfs_read");
  assertEquals(seen, ["third", "second", "first", "third post", "second post", "first post"]);
  seen = [];
  m.table.disableKprobe(second);
  m.call("vfs_read");
  assertEquals(seen, ["third", "first", "third post", "first post"]);
  seen = [];
  mustRegister(m, probe("diverts", 1));
  m.call("vfs_read");
  assertEquals(seen, ["diverts"]);
});

Deno.test("a handler that sets ip and returns nonzero diverts the call; returning 0 keeps it", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const target = m.address("vfs_open");
    let divert = true;
    mustRegister(
      m,
      new Kprobe({
        symbolName: "vfs_read",
        preHandler: (_, regs) => {
          regs.ip = target;
          return divert ? 1 : 0;
        },
      }),
    );
    m.call("vfs_read");
    assertEquals([m.resumption?.kind, m.resumption?.kind === "enters" && m.resumption.name], [
      "enters",
      "vfs_open",
    ]);
    divert = false;
    m.call("vfs_read");
    assertEquals(m.resumption, null);
  }
  const m = await machine();
  mustRegister(
    m,
    new Kprobe({
      symbolName: "vfs_read",
      preHandler: (_, regs) => {
        regs.overrideReturn(-5);
        return 1;
      },
    }),
  );
  const regs = m.call("vfs_read", [], 0x1234);
  assertEquals([m.resumption, regs.returnValue], [{ kind: "returns" }, -5]);
});

Deno.test("a probe hit while another runs on that CPU misses, each child of it", async () => {
  const m = await machine();
  let ran = 0;
  const inner = [1, 2].map(() => new Kprobe({ symbolName: "vfs_open", preHandler: () => void ran++ }));
  const outer = new Kprobe({
    symbolName: "vfs_read",
    preHandler: () => {
      assertEquals(m.table.currentOn(0), outer);
      m.call("vfs_open");
      m.ret();
    },
    postHandler: () => {
      m.call("vfs_open");
      m.ret();
    },
  });
  mustRegister(m, outer, ...inner);
  m.table.disableKprobe(inner[0] as Kprobe);
  m.call("vfs_read");
  assertEquals([ran, outer.nmissed, ...inner.map((p) => p.nmissed)], [0, 0, 2, 2]);
  m.call("vfs_open");
  assertEquals([ran, inner[1]?.nmissed], [1, 2]);
});

Deno.test("a kretprobe replaces the return address, runs at the return, and gives the real one back", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const caller = m.address("do_sys_openat2") + 0x20;
    const seen: (number | boolean)[] = [];
    const rp = new Kretprobe({
      symbolName: "vfs_read",
      dataSize: 8,
      entryHandler: (instance, regs) => {
        instance.data.setFloat64(0, m.clock.now);
        instance.note = regs.arg(2);
      },
      handler: (instance, regs) => {
        const trap = m.table.currentOn(0) === rp.kp;
        seen.push(
          regs.returnValue,
          regs.ip,
          instance.returnAddress,
          instance.data.getFloat64(0),
          instance.since,
          trap,
        );
        assertEquals(instance.note, 100);
      },
    });
    mustRegister(m, rp);
    m.clock.now = 5000;
    const regs = m.call("vfs_read", [1, 2, 100], caller);
    assertEquals(regs.returnAddress, m.table.trampolineAddress);
    assert(m.table.trampolineAddress !== 0);
    const [instance] = m.table.instancesOf(rp);
    assertEquals([instance?.task?.pid, instance?.since, instance?.returnAddress], [
      m.current.pid,
      5000,
      caller,
    ]);
    m.clock.advance(70);
    const after = m.ret(42);
    assertEquals(seen, [42, caller, caller, 5000, 5000, true]);
    assertEquals([after.ip, m.table.instancesOf(rp), m.current.instances, rp.pool?.free], [
      caller,
      [],
      null,
      10,
    ]);
    if (arch !== "arm64") assertEquals(regs.returnAddress, caller);
  }
});

Deno.test("several kretprobes on a function: entries newest first, returns oldest first, one real address", async () => {
  const m = await machine();
  const seen: string[] = [];
  const probes = ["old", "new"].map((label) =>
    new Kretprobe({
      symbolName: "vfs_read",
      label,
      entryHandler: () => void seen.push(`${label} in`),
      handler: (instance) =>
        void seen.push(`${label} out ${instance.returnAddress === m.table.trampolineAddress}`),
    })
  );
  mustRegister(m, ...probes);
  m.call("vfs_read", [], 0x7777);
  assertEquals(m.ret().ip, 0x7777);
  assertEquals(seen, ["new in", "old in", "old out true", "new out false"]);
});

Deno.test("an entry handler's nonzero result is no miss; an empty pool is", async () => {
  const m = await machine();
  let take = false;
  const rp = new Kretprobe({ symbolName: "vfs_read", maxactive: 1, entryHandler: () => take ? 0 : 1 });
  mustRegister(m, rp);
  assertEquals(m.call("vfs_read").returnAddress === m.table.trampolineAddress, false);
  assertEquals([rp.nmissed, rp.pool?.free], [0, 1]);
  take = true;
  m.call("vfs_read");
  m.call("vfs_read");
  assertEquals([rp.nmissed, rp.kp.nmissed, rp.pool?.free], [1, 0, 0]);
});

Deno.test("unregistered while calls are in it: they return to the right place without the handler", async () => {
  const m = await machine();
  let ran = 0;
  const rp = new Kretprobe({ symbolName: "vfs_read", handler: () => void ran++ });
  mustRegister(m, rp);
  m.call("vfs_read", [], 0x5555);
  m.table.unregisterKretprobe(rp);
  assertEquals(m.calls.functionByName("vfs_read")?.hooks, null);
  assertEquals([m.ret().ip, ran, m.current.instances], [0x5555, 0, null]);
  const disabled = new Kretprobe({ symbolName: "vfs_read", handler: () => void ran++ });
  mustRegister(m, disabled);
  m.call("vfs_read", [], 0x5555);
  m.table.disableKretprobe(disabled);
  assertEquals([m.ret().ip, ran], [0x5555, 1]);
});

Deno.test("a task's exit gives its instances back, unrun and uncounted", async () => {
  const m = await machine();
  let ran = 0;
  const rp = new Kretprobe({ symbolName: "vfs_read", maxactive: 2, handler: () => void ran++ });
  mustRegister(m, rp);
  m.call("vfs_read");
  m.call("vfs_read");
  m.table.flushTask(m.current);
  assertEquals([ran, rp.nmissed, rp.pool?.free, m.current.instances], [0, 0, 2, null]);
});

Deno.test("calls that never returned don't get in the way of those that do", async () => {
  for (const arch of ARCHES) {
    const m = await machine(arch);
    const seen: string[] = [];
    const probes = ["vfs_read", "vfs_open"].map((symbolName) =>
      new Kretprobe({ symbolName, handler: () => void seen.push(symbolName) })
    );
    mustRegister(m, ...probes);
    m.call("vfs_read", [], 0x100);
    m.call("vfs_open", [], 0x200);
    m.current.frames.pop();
    assertEquals([m.ret().ip, seen, probes.map((rp) => rp.pool?.free)], [0x100, ["vfs_read"], [10, 10]]);
  }
});

Deno.test("hits + nmissed = calls, for every kretprobe under any nesting and concurrency", async () => {
  const functions = ["vfs_read", "vfs_open", "do_sys_openat2"];
  const step = fc.record({
    op: fc.constantFrom("call", "call", "return", "exit"),
    task: fc.nat(3),
    fn: fc.nat(2),
  });
  const setups = fc.array(fc.record({ fn: fc.nat(2), maxactive: fc.integer({ min: 1, max: 3 }) }), {
    maxLength: 5,
  });
  for (const arch of ARCHES) {
    const m = await machine(arch);
    fc.assert(
      fc.property(setups, fc.array(step, { maxLength: 60 }), (probes, steps) => {
        const hits = new Map<Kretprobe, number>();
        const registered = probes.map(({ fn, maxactive }) => {
          const rp = new Kretprobe({
            symbolName: functions[fn] ?? "",
            maxactive,
            handler: (instance, regs) => {
              hits.set(rp, (hits.get(rp) ?? 0) + 1);
              assertEquals(instance.task, m.current);
              assertEquals(regs.ip, expected.get(m.current)?.at(-1));
            },
          });
          mustRegister(m, rp);
          return rp;
        });
        const calls = [0, 0, 0];
        const flushed = new Map<Kretprobe, number>();
        const expected = new Map<FakeTask, number[]>();
        let tasks = [0, 1, 0, 1].map((cpu) => m.task(cpu));
        let where = 0x1000;
        const goBack = (task: FakeTask) => {
          m.current = task;
          const address = expected.get(task)?.at(-1);
          assertEquals(m.ret().ip, address);
          expected.get(task)?.pop();
        };
        for (const { op, task: index, fn } of steps) {
          const task = tasks[index] as FakeTask;
          m.current = task;
          if (op === "call" && task.frames.length < 20) {
            const address = where++;
            expected.set(task, [...(expected.get(task) ?? []), address]);
            m.call(functions[fn] ?? "", [], address);
            calls[fn] = (calls[fn] ?? 0) + 1;
          } else if (op === "return" && task.frames.length > 0) {
            goBack(task);
          } else if (op === "exit") {
            for (let i = task.instances; i !== null; i = i.next) {
              flushed.set(i.kretprobe, (flushed.get(i.kretprobe) ?? 0) + 1);
            }
            m.table.flushTask(task);
            tasks = tasks.map((t) => t === task ? m.task(task.cpu) : t);
          }
        }
        registered.forEach((rp, i) => {
          const made = calls[probes[i]?.fn ?? 0] ?? 0;
          const pending = m.table.instancesOf(rp).length;
          const known = (hits.get(rp) ?? 0) + pending + (flushed.get(rp) ?? 0) + rp.nmissed;
          assertEquals([known, rp.kp.nmissed], [made, 0]);
          assertEquals(rp.pool?.free, rp.maxactive - pending);
        });
        for (const task of tasks) while (task.frames.length > 0) goBack(task);
        registered.forEach((rp, i) => {
          assertEquals(
            (hits.get(rp) ?? 0) + (flushed.get(rp) ?? 0) + rp.nmissed,
            calls[probes[i]?.fn ?? 0] ?? 0,
          );
          m.table.unregisterKretprobe(rp);
        });
      }),
      { numRuns: 60 },
    );
  }
});

Deno.test("as recorded: concurrent callers beyond maxactive miss, each kretprobe has its own pool", async () => {
  const m = await machine();
  const probes = [1, 2, 0].map((maxactive) => {
    const hits = { count: 0 };
    const rp = new Kretprobe({ symbolName: "vfs_read", maxactive, handler: () => void hits.count++ });
    mustRegister(m, rp);
    return { rp, hits };
  });
  const tasks = Array.from({ length: 6 }, () => m.task());
  for (const task of tasks) {
    m.current = task;
    m.call("vfs_read");
  }
  for (const task of tasks) {
    m.current = task;
    m.ret();
  }
  assertEquals(probes.map(({ rp, hits }) => [hits.count, rp.nmissed]), [[1, 5], [2, 4], [6, 0]]);
});

Deno.test("a handler that throws says which and when, and leaves probes working", async () => {
  const m = await machine();
  let fail = true;
  const kp = new Kprobe({
    symbolName: "vfs_read",
    preHandler: () => {
      if (fail) throw new TypeError("no such field");
    },
  });
  mustRegister(m, kp);
  m.clock.now = 1_500_000_042;
  const error = assertThrows(() => m.call("vfs_read"), ProbeHandlerError);
  assertEquals(error.message, 'Handler of kprobe "vfs_read" threw at 1.500000042 s: no such field');
  assertEquals([error.probe, error.time], ["vfs_read", 1_500_000_042]);
  assertInstanceOf(error.cause, TypeError);
  assertEquals(m.table.currentOn(0), null);
  fail = false;
  m.call("vfs_read");
  m.table.unregisterKprobe(kp);

  const returns: string[] = [];
  fail = true;
  const probes = ["a", "b"].map((label) =>
    new Kretprobe({
      symbolName: "vfs_open",
      label,
      handler: () => {
        returns.push(label);
        if (fail) throw new Error("late");
      },
    })
  );
  mustRegister(m, ...probes);
  m.call("vfs_open", [], 0x99);
  assertMatch(
    assertThrows(() => m.ret(), ProbeHandlerError).message,
    /kretprobe "a" threw at 1\.500000042 s: late/,
  );
  assertEquals([returns, m.current.instances, m.table.currentOn(0)], [["a"], null, null]);
  assertEquals(probes.map((rp) => rp.pool?.free), [10, 10]);
  fail = false;
  m.call("vfs_open", [], 0x98);
  assertEquals([m.ret().ip, returns], [0x98, ["a", "a", "b"]]);
  const entry = new Kretprobe({
    symbolName: "vfs_read",
    maxactive: 1,
    entryHandler: () => {
      throw new Error("early");
    },
  });
  mustRegister(m, entry);
  assertThrows(() => m.call("vfs_read"), ProbeHandlerError, 'Handler of kretprobe "vfs_read" threw');
  assertEquals(entry.pool?.free, 1);
});

Deno.test("a handler may unregister probes, its own too", async () => {
  const m = await machine();
  const seen: string[] = [];
  const old = new Kprobe({ symbolName: "vfs_read", label: "old", preHandler: () => void seen.push("old") });
  const once = new Kprobe({
    symbolName: "vfs_read",
    label: "once",
    preHandler: (p) => {
      seen.push("once");
      m.table.unregisterKprobe(p);
      m.table.unregisterKprobe(old);
    },
  });
  mustRegister(m, old, once);
  m.call("vfs_read");
  m.call("vfs_read");
  assertEquals([seen, m.table.list()], [["once"], []]);
});
