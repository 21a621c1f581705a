/** Random histories of registration, arming, hits and time keep what the kernel's probes rely on. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { coreImage } from "../../image/load.ts";
import type { Arch } from "../../image/model.ts";
import { FakeMachine, type FakeTask } from "./fake_machine.ts";
import { EILSEQ, EINVAL, ENOENT, Kprobe, KPROBE_FLAG_DISABLED, Kretprobe, OPTIMIZE_DELAY } from "./mod.ts";

const FUNCTIONS = ["vfs_read", "vfs_open"] as const;
const OPERATIONS = [
  "register",
  "register",
  "register return",
  "refused",
  "unregister",
  "enable",
  "disable",
  "all",
  "optimization",
  "pass",
  "call",
  "call",
  "call",
  "return",
  "exit",
] as const;

const step = fc.record({
  op: fc.constantFrom(...OPERATIONS),
  fn: fc.nat(1),
  place: fc.nat(3),
  pick: fc.nat(30),
  kind: fc.nat(5),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A registered probe and what happened to it. */
interface Tracked {
  readonly kp: Kprobe;
  readonly rp: Kretprobe | null;
  hits: number;
}

class History {
  readonly m: FakeMachine;
  readonly arch: Arch;
  tracked: Tracked[] = [];
  /** Calls that handlers made. */
  nested = 0;
  tasks: FakeTask[];

  constructor(m: FakeMachine) {
    this.m = m;
    this.arch = m.image.arch;
    this.tasks = [0, 1, 0].map((cpu) => m.task(cpu));
  }

  run({ op, fn, place, pick, kind }: Step): void {
    const { m } = this;
    const chosen = this.tracked[pick % Math.max(1, this.tracked.length)];
    const task = this.tasks[pick % this.tasks.length] as FakeTask;
    const symbolName = FUNCTIONS[fn] as string;
    switch (op) {
      case "register":
        return this.#register(symbolName, place, kind);
      case "register return":
        return this.#registerReturn(symbolName, kind);
      case "refused":
        return this.#refused(symbolName, kind, chosen);
      case "unregister":
        if (chosen === undefined) return;
        if (chosen.rp === null) m.table.unregisterKprobe(chosen.kp);
        else m.table.unregisterKretprobe(chosen.rp);
        this.tracked = this.tracked.filter((t) => t !== chosen);
        return;
      case "enable":
      case "disable":
        if (chosen === undefined) return;
        assertEquals(op === "enable" ? m.table.enableKprobe(chosen.kp) : m.table.disableKprobe(chosen.kp), 0);
        return;
      case "all":
        m.table.enabled = kind > 1;
        return;
      case "optimization":
        m.table.optimization = kind > 1;
        return;
      case "pass":
        m.pass(OPTIMIZE_DELAY / 2);
        return;
      case "call":
        m.current = task;
        if (task.frames.length < 12) this.call(symbolName);
        return;
      case "return":
        m.current = task;
        if (task.frames.length > 0) m.ret();
        return;
      case "exit":
        m.table.flushTask(task);
        this.tasks = this.tasks.map((t) => t === task ? m.task(task.cpu) : t);
    }
  }

  /** A call, with all offsets of the function passed: every enabled probe runs or misses once for each time it is reached. */
  call(symbolName: string): void {
    const { m } = this;
    const armed = this.tracked.filter((t) => m.table.pointOf(t.kp)?.armed === true && !t.kp.disabled);
    const before = armed.map((t) => this.#seen(t));
    const nested = this.nested;
    const regs = m.call(symbolName);
    const { hooks } = m.calls.functionByName(symbolName) ?? {};
    for (const offset of hooks?.offsets ?? []) hooks?.at(offset, regs);
    const inner = this.nested - nested;
    const reached = armed.map((t) => {
      const { symbolName: at, offset } = t.kp;
      // What handlers call passes the entry only, and what stands behind its ftrace site.
      const again = at === FUNCTIONS[0] && offset <= (this.arch === "arm64" ? 8 : 5) ? inner : 0;
      return (at === symbolName ? 1 : 0) + again;
    });
    assertEquals(armed.map((t, i) => this.#seen(t) - (before[i] ?? 0)), reached);
    assertEquals([m.table.currentOn(0), m.table.currentOn(1)], [null, null]);
  }

  /** Text, list and pools agree with each other. */
  check(): void {
    const { m } = this;
    const points = m.table.points();
    for (const point of points) {
      const wanted = m.table.enabled && !point.disabled;
      assertEquals(point.armed, wanted || point.jump === "leaving");
      if (!point.aggregated) assertEquals(point.disabled, point.probes[0]?.disabled);
      if (wanted) assert(point.probes.some((p) => !p.disabled));
      if (point.jump === "jumps") assert(!point.needsBreakpoint && m.table.optimization && wanted);
    }
    assertEquals(
      m.memory.text.patches().map((patch) => patch.address),
      points.filter((p) => p.armed).map((p) => p.address).sort((a, b) => a - b),
    );
    assertEquals(new Set(m.table.list()), new Set(this.tracked.map((t) => t.kp)));
    for (const fn of FUNCTIONS) {
      const any = points.some((p) => p.armed && p.place.symbol.name === fn);
      assertEquals((m.calls.functionByName(fn)?.hooks ?? null) !== null, any);
    }
    this.#checkPools();
  }

  #checkPools(): void {
    const listed = new Set<unknown>();
    for (const task of this.tasks) {
      for (let i = task.instances; i !== null; i = i.next) {
        assert(!listed.has(i) && i.task === task);
        listed.add(i);
      }
    }
    for (const { rp } of this.tracked) {
      if (rp === null) continue;
      const active = this.m.table.instancesOf(rp);
      assert(active.every((i) => listed.has(i)));
      assertEquals((rp.pool?.free ?? 0) + active.length, rp.maxactive);
    }
  }

  #seen(t: Tracked): number {
    return t.hits + t.kp.nmissed + (t.rp?.nmissed ?? 0);
  }

  /** What Linux refuses, with its errno: afterwards everything is as before. */
  #refused(symbolName: string, kind: number, chosen: Tracked | undefined): void {
    const { image, table, memory } = this.m;
    const before = [table.list(), table.listing(), memory.text.patches(), table.points().length];
    const beyond = image.func(symbolName)?.boundaries()[3] ?? 0;
    const forbidden = image.blacklist().find(({ name, start }) => image.symbol(name)?.address === start);
    const stale = new Kprobe({ symbolName });
    const refusals: readonly (() => readonly [got: number, wanted: number])[] = [
      // On x86 inside an instruction; on arm64 no address of one.
      () => [
        table.registerKprobe(new Kprobe({ symbolName, offset: 1 })),
        this.arch === "arm64" ? -EINVAL : -EILSEQ,
      ],
      () => [table.registerKprobe(new Kprobe({ symbolName: forbidden?.name ?? "" })), -EINVAL],
      () => [table.registerKprobe(new Kprobe({ symbolName: "no_such_function" })), -ENOENT],
      () => [
        table.registerKretprobe(new Kretprobe({ symbolName, offset: beyond, handler: () => {} })),
        -EINVAL,
      ],
      () => [table.enableKprobe(stale) + table.disableKprobe(stale), -2 * EINVAL],
      () => {
        if (chosen === undefined) table.unregisterKprobe(stale);
        else if (chosen.rp === null) return [table.registerKprobe(chosen.kp), -EINVAL];
        else return [table.registerKretprobe(chosen.rp), -EINVAL];
        return [0, 0];
      },
    ];
    const [got, wanted] = refusals[kind]?.() ?? [NaN, 0];
    assertEquals(got, wanted, `refusal ${kind}`);
    assertEquals([table.list(), table.listing(), memory.text.patches(), table.points().length], before);
  }

  #register(symbolName: string, place: number, kind: number): void {
    // The first instructions; arm64's second one is the ftrace site.
    const boundaries = [...this.m.image.func(symbolName)?.boundaries() ?? []];
    const offsets = boundaries.filter((at) => this.arch !== "arm64" || at !== 4).slice(0, 4);
    const tracked: Tracked = {
      kp: new Kprobe({
        symbolName,
        offset: offsets[place % offsets.length] as number,
        flags: kind === 0 ? KPROBE_FLAG_DISABLED : 0,
        preHandler: () => {
          tracked.hits++;
          // Some handlers call a function that is probed itself.
          if (kind === 1 && this.m.current.frames.length < 12) {
            this.nested++;
            this.m.call(FUNCTIONS[0]);
            this.m.ret();
          }
        },
        ...(kind === 2 ? { postHandler: () => {} } : {}),
      }),
      rp: null,
      hits: 0,
    };
    assertEquals(this.m.table.registerKprobe(tracked.kp), 0);
    this.tracked.push(tracked);
  }

  #registerReturn(symbolName: string, kind: number): void {
    const rp = new Kretprobe({
      symbolName,
      maxactive: 1 + kind % 3,
      // Every entry counts, also those whose return is not wanted.
      entryHandler: () => {
        tracked.hits++;
        return kind === 0 ? 1 : 0;
      },
    });
    const tracked: Tracked = { kp: rp.kp, rp, hits: 0 };
    assertEquals(this.m.table.registerKretprobe(rp), 0);
    this.tracked.push(tracked);
  }
}

for (const arch of ["x86_64", "arm64", "i386"] as const) {
  Deno.test(`random histories keep text, lists, counts and pools in agreement on ${arch}`, async () => {
    const image = await coreImage(arch);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const m = new FakeMachine(image);
        const history = new History(m);
        for (const one of steps) {
          history.run(one);
          history.check();
        }
        for (const { kp, rp } of history.tracked.splice(0)) {
          if (rp === null) m.table.unregisterKprobe(kp);
          else m.table.unregisterKretprobe(rp);
        }
        m.pass(OPTIMIZE_DELAY);
        assertEquals([m.table.points(), m.memory.text.patches()], [[], []]);
        for (const task of history.tasks) {
          m.current = task;
          while (task.frames.length > 0) m.ret();
          assertEquals(task.instances, null);
        }
      }),
      { numRuns: 60 },
    );
  });
}
