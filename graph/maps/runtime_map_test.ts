import { assertEquals } from "@std/assert";
import type { Aggregation } from "../nodes.ts";
import { type KeyPart, keyPart, RuntimeMap } from "./runtime_map.ts";
import type { Cell } from "./cell.ts";

function cellOf(map: RuntimeMap, ids: readonly KeyPart[]): Cell {
  let level: unknown = map.root;
  for (const id of ids) level = level instanceof Map ? level.get(id) : undefined;
  return level === undefined ? map.insert(ids, ids) : level as Cell;
}

function filled(
  aggregation: Aggregation,
  updates: readonly (readonly [key: string, value: number])[],
): readonly string[] {
  const map = new RuntimeMap({ name: "m", aggregation, keyParts: 1 });
  for (const [key, value] of updates) cellOf(map, [key]).add(value);
  return map.snapshot(String).entries.map(({ key }) => String(key[0]));
}

Deno.test("entries sort as bpftrace sorts them, ties by insertion", () => {
  const updates = [["b", 5], ["a", 5], ["c", -1], ["d", 2]] as const;
  assertEquals(filled({ fn: "sum" }, updates), ["c", "d", "b", "a"]);
  assertEquals(filled({ fn: "avg" }, updates), ["c", "d", "b", "a"]);
  assertEquals(filled({ fn: "stats" }, updates), ["c", "d", "b", "a"]);
  // Compared as unsigned: -1 is the largest.
  assertEquals(filled({ fn: "max" }, updates), ["d", "b", "a", "c"]);
  assertEquals(filled({ fn: "min" }, updates), ["d", "b", "a", "c"]);
  // By number of updates.
  assertEquals(filled({ fn: "hist", bits: 0 }, [...updates, ["b", 1]]), ["a", "c", "d", "b"]);
  assertEquals(filled({ fn: "lhist", min: 0, max: 10, step: 1 }, [...updates, ["c", 1]]), [
    "b",
    "a",
    "d",
    "c",
  ]);
  assertEquals(filled({ fn: "count" }, [...updates, ["a", 0]]), ["b", "c", "d", "a"]);
});

Deno.test("a full map loses updates of new keys, and counts them", () => {
  const map = new RuntimeMap({ name: "m", aggregation: { fn: "count" }, keyParts: 2 }, 2);
  for (const key of [["a", 1], ["a", 2], ["b", 1], ["a", 1], ["b", 1]] as const) cellOf(map, key).add(1);
  const { entries, lost } = map.snapshot(String);
  assertEquals(entries, [{ key: ["a", 2], value: 1 }, { key: ["a", 1], value: 2 }]);
  assertEquals(lost, 2);
  assertEquals(map.size, 2);
  map.clear();
  assertEquals(map.size, 0);
  assertEquals(map.snapshot(String), {
    name: "m",
    aggregation: { fn: "count" },
    keyed: true,
    entries: [],
    lost: 0,
  });
});

Deno.test("a count without key is there from the start, other maps once they are updated", () => {
  const count = new RuntimeMap({ name: "c", aggregation: { fn: "count" }, keyParts: 0 });
  const sum = new RuntimeMap({ name: "s", aggregation: { fn: "sum" }, keyParts: 0 });
  assertEquals(count.snapshot(String).entries, [{ key: [], value: 0 }]);
  assertEquals(sum.snapshot(String).entries, []);
  assertEquals([count.size, sum.size], [0, 0]);
  sum.scalar.add(0);
  assertEquals(sum.snapshot(String).entries, [{ key: [], value: 0 }]);
});

Deno.test("key parts show as what they are", () => {
  const map = new RuntimeMap({ name: "m", aggregation: { fn: "count" }, keyParts: 3 });
  map.setKinds({ key: ["pointer", "stack", "unknown"], value: "plain", zero: 0 });
  const stack = { frames: [1, 2], key: "1,2" };
  map.insert([-4096, "1,2", 1], [-4096, stack, 1.5]).add(1);
  assertEquals(map.snapshot((address) => `f+${address}`).entries[0]?.key, [
    { kind: "pointer", address: -4096 },
    { kind: "stack", frames: [1, 2], symbols: ["f+1", "f+2"] },
    1,
  ]);
});

Deno.test("keys of unknown type are told apart by what they are", () => {
  const parts = [1.5, 1, -0, "1", true, null, undefined, ["1", 1], [1, "1"], { address: 5n }, {
    frames: [1],
    key: "1,2",
  }];
  const ids = parts.map(keyPart);
  assertEquals(ids[0], ids[1]);
  assertEquals(Object.is(ids[2], 0), true);
  assertEquals(new Set(ids.slice(1)).size, parts.length - 1);
});
