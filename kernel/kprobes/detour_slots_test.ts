import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { fullImage } from "../../image/load.ts";
import { DETOUR_SIZE, DETOUR_SPACE, DetourSlots } from "./detour_slots.ts";
import { FakeMachine } from "./fake_machine.ts";
import { Kprobe, OPTIMIZE_DELAY } from "./mod.ts";
import { displacedBytes } from "./optimizable.ts";
import { type Place, resolvePlace } from "./place.ts";

Deno.test("the lowest free slot is given out, and none twice", () => {
  const slots = new DetourSlots(0x400000);
  const first = 0x400000 - DETOUR_SPACE;
  const taken = [slots.take(), slots.take(), slots.take()];
  assertEquals(taken, [first, first + DETOUR_SIZE, first + 2 * DETOUR_SIZE]);
  slots.giveBack(first + DETOUR_SIZE);
  slots.giveBack(first);
  // Given back twice is given back once.
  slots.giveBack(first);
  assertEquals([slots.take(), slots.take(), slots.take()], [
    first,
    first + DETOUR_SIZE,
    first + 3 * DETOUR_SIZE,
  ]);
});

Deno.test("when all slots are in use there is none", () => {
  const slots = new DetourSlots(0x400000);
  const all = Array.from({ length: DETOUR_SPACE / DETOUR_SIZE }, () => slots.take());
  assertEquals([new Set(all).size, slots.take()], [all.length, null]);
  slots.giveBack(0x400000 - DETOUR_SIZE);
  assertEquals([slots.take(), slots.take()], [0x400000 - DETOUR_SIZE, null]);
});

const AT = ["map_vdso_once", "__traceiter_initcall_start"];

function jumpTarget(m: FakeMachine, kp: Kprobe): number {
  const address = kp.addr ?? 0;
  assertEquals(m.text(address, 1), "e9");
  return address + 5 + new DataView(m.memory.readBytes(address + 1, 4).slice().buffer).getInt32(0, true);
}

Deno.test("each optimised probe jumps to code of its own, above the modules", async () => {
  const m = new FakeMachine(await fullImage("x86_64"));
  const probes = AT.map((symbolName) => new Kprobe({ symbolName, offset: 5, preHandler: () => {} }));
  assertEquals(m.table.registerKprobes(probes), 0);
  m.pass(OPTIMIZE_DELAY);
  const [one, other] = probes as [Kprobe, Kprobe];
  const target = jumpTarget(m, one);
  assertNotEquals(target, jumpTarget(m, other));
  const { modulesEnd } = m.arch.layout;
  assert(target >= modulesEnd - DETOUR_SPACE && target < modulesEnd);

  // The slot of a probe that has gone serves the next one.
  m.table.unregisterKprobe(one);
  m.pass(OPTIMIZE_DELAY);
  const next = new Kprobe({ symbolName: "vfs_read", offset: 0x13, preHandler: () => {} });
  assertEquals(m.table.registerKprobe(next), 0);
  m.pass(OPTIMIZE_DELAY);
  assertEquals(jumpTarget(m, next), target);
  assertMatch(m.image.describe(next.addr ?? 0), /^vfs_read\+0x13/);
});

function place(m: FakeMachine, symbolName: string, offset: number): Place {
  const placed = resolvePlace(m, new Kprobe({ symbolName, offset }));
  if ("refusal" in placed) throw new Error(placed.refusal.reason);
  return placed.place;
}

Deno.test("where no slot is left a probe stays a breakpoint", async () => {
  const m = new FakeMachine(await fullImage("x86_64"));
  const slots = DETOUR_SPACE / DETOUR_SIZE;
  let optimized = 0;
  let last: Kprobe | null = null;
  for (const { name } of m.image.symbols()) {
    const second = m.image.func(name)?.boundaries()[1];
    if (second === undefined) continue;
    const kp = new Kprobe({ symbolName: name, offset: second });
    if (displacedBytes(m, place(m, name, second)) === 0 || m.table.registerKprobe(kp) !== 0) continue;
    last = kp;
    if (m.table.pointOf(kp)?.canOptimize !== true) break;
    optimized++;
  }
  assertEquals(optimized, slots);
  m.pass(OPTIMIZE_DELAY);
  assertEquals(m.text(last?.addr ?? 0, 1), "cc");
});
