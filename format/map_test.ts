import { assertEquals } from "@std/assert";
import { mapJson, mapsText, mapText, type PlainMap, type PlainMapValue } from "./map.ts";

const OPENS: PlainMap = {
  name: "opens",
  aggregation: { fn: "count" },
  keyed: true,
  entries: [{ key: ["sh", 1], value: 3 }, { key: ["cat", 2], value: 10 }],
};

const LATENCY: PlainMap = {
  name: "us",
  aggregation: { fn: "hist" },
  keyed: true,
  entries: [{
    key: ["cat"],
    value: {
      kind: "histogram",
      scale: { fn: "hist", bits: 0 },
      buckets: [{ index: 3, min: 2, max: 3, count: 1 }, { index: 4, min: 4, max: 7, count: 2 }],
    },
  }],
};

const STATS: PlainMap = {
  name: "st",
  aggregation: { fn: "stats" },
  keyed: false,
  entries: [{ key: [], value: { kind: "stats", count: 3, average: 2, total: 6 } }],
};

Deno.test("maps as text", () => {
  assertEquals(mapText(OPENS), "@opens[sh, 1]: 3\n@opens[cat, 2]: 10\n");
  assertEquals(mapText(STATS), "@st: { .count = 3, .average = 2, .total = 6 }\n");
  assertEquals(
    mapText(LATENCY),
    "@us[cat]:\n" +
      "[2, 4)                 1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n" +
      "[4, 8)                 2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n\n",
  );
  assertEquals(
    mapsText([OPENS, { ...OPENS, name: "none", entries: [] }, STATS]),
    mapText(OPENS) + mapText(STATS),
  );
});

Deno.test("a stack as a key stands on lines of its own", () => {
  const map: PlainMap = {
    name: "",
    aggregation: { fn: "count" },
    keyed: true,
    entries: [{ key: [{ kind: "stack", symbols: ["vfs_read+1", "ksys_read+108"] }], value: 3 }],
  };
  assertEquals(mapText(map), "@[\n        vfs_read+1\n        ksys_read+108\n]: 3\n");
  assertEquals(mapJson(map), '{"type": "map", "data": {"@": {"\\nvfs_read+1\\nksys_read+108\\n": 3}}}');
});

Deno.test("maps as JSON", () => {
  assertEquals(mapJson(OPENS), '{"type": "map", "data": {"@opens": {"sh,1": 3, "cat,2": 10}}}');
  assertEquals(mapJson(STATS), '{"type": "stats", "data": {"@st": {"count": 3, "average": 2, "total": 6}}}');
  assertEquals(
    mapJson(LATENCY),
    '{"type": "hist", "data": {"@us": {"cat": [{"min": 2, "max": 3, "count": 1},{"min": 4, "max": 7, "count": 2}]}}}',
  );
  const avg: PlainMap = {
    name: "a",
    aggregation: { fn: "avg" },
    keyed: false,
    entries: [{ key: [], value: 5 }],
  };
  assertEquals(mapJson(avg), '{"type": "stats", "data": {"@a": 5}}');
  assertEquals(mapJson({ ...avg, entries: [] }), "");
  const big: PlainMap = { ...avg, aggregation: { fn: "sum" }, entries: [{ key: [], value: 2n ** 53n + 1n }] };
  assertEquals(mapJson(big), '{"type": "map", "data": {"@a": "9007199254740993"}}');
});

Deno.test("top keeps the largest, div divides", () => {
  assertEquals(mapText(OPENS, { top: 1, div: 3 }), "@opens[cat, 2]: 3\n");
  assertEquals(mapText({ ...OPENS, entries: [{ key: ["a"], value: -7 }] }, { div: 2 }), "@opens[a]: -3\n");
  assertEquals(mapText(STATS, { top: 1, div: 3 }), mapText(STATS));
});

Deno.test("maps of plain values print what they hold", () => {
  const map = (value: PlainMapValue) => ({
    name: "m",
    aggregation: { fn: "value" },
    keyed: true,
    entries: [{ key: ["a", 1], value }],
  });
  assertEquals(mapText(map("text")), "@m[a, 1]: text\n");
  assertEquals(mapText(map(7n), { div: 2 }), "@m[a, 1]: 3\n");
  assertEquals(mapText(map({ kind: "pointer", address: 31 })), "@m[a, 1]: 0x1f\n");
  assertEquals(mapJson(map(true)), '{"type": "map", "data": {"@m": {"a,1": true}}}');
  assertEquals(
    mapJson(map({ kind: "struct", fields: [{ name: "a", value: 1 }] })),
    '{"type": "map", "data": {"@m": {"a,1": {"a": 1}}}}',
  );
});
