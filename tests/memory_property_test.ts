import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { bootKernel, type Kernel, programWorkload, type Steps, type Sys } from "../mod.ts";
import { MM, VMA } from "../kernel/mm/fields.ts";
import { type Mm, mmAt, PAGE, type Vma } from "../kernel/mm/mm_struct.ts";
import { counterOf, mmCounter, taskCounter } from "../kernel/mm/rss.ts";
import type { Task } from "../kernel/process/task.ts";

const ARCHES = ["x86_64", "arm64", "i386"] as const;
const SLOTS = 24;
/** Where the test maps: far from what a program has. */
const BASE = { x86_64: 0x300000000000, arm64: 0x300000000000, i386: 0x70000000 } as const;

type Act =
  | {
    readonly op: "map";
    readonly at: number;
    readonly pages: number;
    readonly prot: number;
    readonly shared: boolean;
  }
  | { readonly op: "unmap" | "drop"; readonly at: number; readonly pages: number }
  | { readonly op: "protect"; readonly at: number; readonly pages: number; readonly prot: number }
  | {
    readonly op: "move";
    readonly at: number;
    readonly pages: number;
    readonly to: number;
    readonly more: number;
  }
  | { readonly op: "lock"; readonly at: number; readonly pages: number }
  | { readonly op: "write"; readonly at: number; readonly value: number }
  | { readonly op: "fork"; readonly acts: readonly Act[] };

const at = fc.integer({ min: 0, max: SLOTS - 1 });
const pages = fc.integer({ min: 1, max: 6 });
const prot = fc.constantFrom(1, 3, 3, 3, 7, 0);
const simple: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ op: fc.constant("map" as const), at, pages, prot, shared: fc.boolean() }),
  fc.record({ op: fc.constantFrom("unmap" as const, "drop" as const), at, pages }),
  fc.record({ op: fc.constant("protect" as const), at, pages, prot }),
  fc.record({ op: fc.constant("move" as const), at, pages, to: at, more: fc.integer({ min: -2, max: 2 }) }),
  fc.record({ op: fc.constant("lock" as const), at, pages }),
  fc.record({ op: fc.constant("write" as const), at, value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ op: fc.constant("write" as const), at, value: fc.integer({ min: 1, max: 255 }) }),
);
const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: simple },
    {
      weight: 1,
      arbitrary: fc.record({
        op: fc.constant("fork" as const),
        acts: fc.array(simple, { minLength: 1, maxLength: 6 }),
      }),
    },
  ),
  { minLength: 4, maxLength: 24 },
);

/** What a page of the test's range ought to hold: a value, shared with others or not; undefined where nothing is mapped. */
interface Cell {
  value: number;
}
interface Slot {
  readonly prot: number;
  readonly shared: boolean;
  readonly cell: Cell;
}

/** What a process ought to see. */
type Shadow = (Slot | undefined)[];

function* perform(sys: Sys, k: Kernel, base: number, shadow: Shadow, list: readonly Act[]): Steps<void> {
  for (const act of list) {
    yield* one(sys, k, base, shadow, act);
    check(k, sys.task, base, shadow);
  }
}

function* one(sys: Sys, k: Kernel, base: number, shadow: Shadow, act: Act): Steps<void> {
  if (act.op === "fork") {
    const child: Shadow = shadow.map((slot) =>
      slot === undefined ? undefined : { ...slot, cell: slot.shared ? slot.cell : { value: slot.cell.value } }
    );
    yield* sys.fork((inside) => perform(inside, k, base, child, act.acts));
    yield* sys.wait();
    return;
  }
  const start = base + act.at * PAGE;
  if (act.op === "write") {
    const slot = shadow[act.at];
    if (slot === undefined || (slot.prot & 2) === 0) return;
    k.memory.store(start, 1, act.value);
    slot.cell.value = act.value;
    return;
  }
  const count = Math.min(act.pages, SLOTS - act.at);
  const range = Array.from({ length: count }, (_, i) => act.at + i);
  const all = range.every((i) => shadow[i] !== undefined);
  switch (act.op) {
    case "map": {
      const flags = 0x30 | (act.shared ? 1 : 2);
      assertEquals(yield* sys.call("mmap", start, count * PAGE, act.prot, flags, -1, 0), start);
      for (const i of range) shadow[i] = { prot: act.prot, shared: act.shared, cell: { value: 0 } };
      return;
    }
    case "unmap":
      assertEquals(yield* sys.munmap(start, count * PAGE), 0);
      for (const i of range) shadow[i] = undefined;
      return;
    case "drop": {
      const result = yield* sys.call("madvise", start, count * PAGE, 4);
      const locked = result === -22;
      assertEquals(result, locked ? -22 : all ? 0 : -12);
      if (locked) {
        // What is locked is kept; what came before it in the range may be gone.
        for (const i of range) refresh(k, base, shadow, i);
        return;
      }
      for (const i of range) {
        const slot = shadow[i];
        if (slot !== undefined && !slot.shared) shadow[i] = { ...slot, cell: { value: 0 } };
      }
      return;
    }
    case "protect": {
      const result = yield* sys.call("mprotect", start, count * PAGE, act.prot);
      assertEquals(result, all ? 0 : -12);
      for (const i of range) {
        const slot = shadow[i];
        if (slot === undefined) break;
        shadow[i] = { ...slot, prot: act.prot };
      }
      return;
    }
    case "lock": {
      const result = yield* sys.call("mlock", start, count * PAGE);
      const reachable = range.every((i) => shadow[i] !== undefined);
      assertEquals(result === 0 || result === -12, true);
      if (!reachable) assertEquals(result, -12);
      return;
    }
    case "move": {
      const mm = mmAt(k, sys.task.mm) as Mm;
      const found = mm.find(start);
      const mapped = found !== undefined && found.start <= start;
      const old = count * PAGE;
      const size = Math.min(Math.max(1, count + act.more), SLOTS - act.to) * PAGE;
      const to = base + act.to * PAGE;
      const result = yield* sys.call("mremap", start, old, size, 3, to);
      const overlaps = start + old > to && to + size > start;
      if (!mapped) return assertEquals(result, -14);
      if (overlaps) return assertEquals(result, -22);
      if (result < 0 && result >= -4095) {
        // What lay at the new place, or behind the shorter one, is gone all the same.
        for (let i = 0; i < SLOTS; i++) refresh(k, base, shadow, i);
        return;
      }
      assertEquals(result, to);
      const moved = range.map((i) => shadow[i]);
      for (const i of range) shadow[i] = undefined;
      for (let i = 0; i < size / PAGE; i++) {
        const slot = moved[Math.min(i, moved.length - 1)];
        if (slot === undefined) continue;
        shadow[act.to + i] = i < moved.length ? slot : { ...slot, cell: { value: NaN } };
      }
      for (let i = 0; i < SLOTS; i++) {
        if (Number.isNaN(shadow[i]?.cell.value ?? 0)) refresh(k, base, shadow, i);
      }
      return;
    }
  }
}

/** Takes over what the model has, where the rules leave it open: only what is mapped and its bytes. */
function refresh(k: Kernel, base: number, shadow: Shadow, i: number): void {
  const area = mmAt(k, k.current.mm)?.find(base + i * PAGE);
  if (area === undefined || area.start > base + i * PAGE) {
    shadow[i] = undefined;
    return;
  }
  const slot = shadow[i];
  const value = (area.flags & 7) === 0 ? slot?.cell.value ?? 0 : k.memory.load(base + i * PAGE, 1, false);
  const cell = slot?.shared === true && slot.cell.value === value ? slot.cell : { value };
  shadow[i] = { prot: area.flags & 7, shared: (area.flags & 8) !== 0, cell };
}

function check(k: Kernel, task: Task, base: number, shadow: Shadow): void {
  const mm = mmAt(k, task.mm);
  assert(mm !== undefined && mm.space !== null);
  checkAreas(k, mm);
  checkTree(k, mm);
  checkCounters(k, task, mm);
  const { frames } = k.slab;
  assertEquals(frames.taken - frames.given, frames.inUse);
  for (const cache of k.slab.caches()) assert(cache.active >= 0 && cache.active <= cache.total, cache.name);
  for (let i = 0; i < SLOTS; i++) {
    const slot = shadow[i];
    const area = mm.find(base + i * PAGE);
    const mapped = area !== undefined && area.start <= base + i * PAGE;
    assertEquals(mapped, slot !== undefined, `page ${i} is mapped`);
    if (slot === undefined || area === undefined) continue;
    assertEquals(area.flags & 7, slot.prot, `protection of page ${i}`);
    if ((slot.prot & 7) !== 0) {
      assertEquals(k.memory.load(base + i * PAGE, 1, false), slot.cell.value, `byte of page ${i}`);
    }
  }
}

/** Areas ascend, none overlap, and what probes read of them is what the model has. */
function checkAreas(k: Kernel, mm: Mm): void {
  let end = 0;
  let total = 0;
  for (const area of mm.areas) {
    assert(area.start >= end && area.end > area.start, "areas ascend");
    end = area.end;
    total += (area.end - area.start) / PAGE;
    assertEquals(
      [VMA.start, VMA.end, VMA.file, VMA.mm].map((field) => field.get(k, area.address)),
      [area.start, area.end, area.file, mm.address],
    );
  }
  assertEquals(MM.mapCount.get(k, mm.address), mm.areas.length);
  assertEquals(MM.totalVm.get(k, mm.address), total);
}

/** The maple tree in memory leads to the same areas. */
function checkTree(k: Kernel, mm: Mm): void {
  const root = MM.mtRoot.get(k, mm.address);
  const found: number[] = [];
  const walk = (pointer: number): void => {
    const node = Math.floor(pointer / 256) * 256;
    const leaf = (pointer - node) >> 3 === 1;
    const word = k.arch.wordSize;
    const slots = leaf ? (word === 8 ? 16 : 32) : word === 8 ? 10 : 21;
    const first = leaf ? (word === 8 ? 128 : 128) : word === 8 ? 80 : 84;
    for (let i = 0; i < slots; i++) {
      const slot = k.memory.readPointer(node + first + i * word);
      if (slot === 0) continue;
      if (leaf) found.push(slot);
      else walk(slot);
    }
  };
  if (root !== 0) walk(root - 2);
  assertEquals(found, mm.areas.map((area: Vma) => area.address));
}

/** Counters of resident pages are what is mapped; so is `mapcount` of what nobody shares. */
function checkCounters(k: Kernel, task: Task, mm: Mm): void {
  const counted = [0, 0, 0, 0];
  for (const area of mm.areas) {
    for (const key of mm.space?.pagesIn(area.start, area.end) ?? []) {
      const page = mm.space?.pageAt(key);
      assert(page !== undefined && page.mapcount > 0);
      const member = counterOf(page.kind);
      if (page.kind !== "zero") counted[member] = (counted[member] ?? 0) + 1;
    }
  }
  const kept = counted.map((_, member) =>
    mmCounter(k, mm.address, member) + taskCounter(k, task.address, member)
  );
  assertEquals(kept, counted);
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: whatever a program does to its memory, areas, pages, counters and bytes agree`, async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (list) => {
        const k = await bootKernel({ arch, image: "whole" });
        const base = BASE[arch];
        let done = false;
        const workload = programWorkload({
          name: "memory",
          description: "random calls on memory",
          programs: [{
            *program(sys): Steps<void> {
              yield* sys.execve("/bin/test");
              yield* perform(sys, k, base, new Array<Slot | undefined>(SLOTS).fill(undefined), list);
              done = true;
            },
          }],
          prepare: (kernel) => void kernel.vfs.makePath("/bin/test", { mode: 0o100755, size: 65536 }),
        });
        workload.start(k);
        assertEquals(k.scheduler.run().reason, "done");
        assert(done);
      }),
      { numRuns: 25, seed: 7 },
    );
  });
}
