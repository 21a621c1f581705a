/** Two maps put together are the map of all values. */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Aggregation } from "../nodes.ts";
import { mergeMaps } from "./merge.ts";
import { type MapSnapshot, RuntimeMap } from "./runtime_map.ts";

const KINDS: readonly Aggregation[] = [
  { fn: "count" },
  { fn: "sum" },
  { fn: "avg" },
  { fn: "min" },
  { fn: "max" },
  { fn: "stats" },
  { fn: "hist", bits: 1 },
  { fn: "lhist", min: -10, max: 10, step: 3 },
  { fn: "value" },
];

type Update = readonly [key: number, value: number];

function filled(aggregation: Aggregation, updates: readonly Update[], keyParts = 1): MapSnapshot {
  const map = new RuntimeMap({ name: "m", aggregation, keyParts });
  map.setKinds({ key: ["plain"], value: "plain", zero: 0 });
  for (const [key, value] of updates) (map.find([key]) ?? map.insert([key], [key])).add(value);
  return map.snapshot(String);
}

const updates = fc.array(
  fc.tuple(fc.nat(3), fc.oneof(fc.integer({ min: -20, max: 20 }), fc.maxSafeInteger())),
  {
    maxLength: 12,
  },
);

/** By key: ties of equal values stand in order of insertion, which a merge does not know. */
function byKey({ entries, ...rest }: MapSnapshot): unknown {
  return { ...rest, entries: [...entries].sort((a, b) => Number(a.key[0]) - Number(b.key[0])) };
}

Deno.test("merged maps are the maps of all updates", () => {
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), updates, updates, fc.boolean(), (kind, a, b, keyed) => {
      const parts = keyed ? 1 : 0;
      const [merged] = mergeMaps([filled(kind, a, parts)], [filled(kind, b, parts)]);
      const all = filled(kind, [...a, ...b], parts);
      assertEquals(merged === undefined ? undefined : byKey(merged), byKey(all));
      const order = (map: MapSnapshot | undefined) => map?.entries.map(({ value }) => value);
      if (kind.fn !== "stats" && !kind.fn.endsWith("hist")) assertEquals(order(merged), order(all));
    }),
    { seed: 3, numRuns: 2000 },
  );
});

Deno.test("maps of other names stay, maps that differ are refused", () => {
  const [a, b] = [filled({ fn: "count" }, [[1, 1]]), { ...filled({ fn: "sum" }, [[1, 5]]), name: "l" }];
  assertEquals(mergeMaps([a], [b]).map((map) => map.name), ["l", "m"]);
  assertThrows(
    () => mergeMaps([a], [{ ...b, name: "m" }]),
    TypeError,
    'Cannot merge "@m": it is a count in one result and a sum in the other',
  );
});
