import { assertEquals } from "@std/assert";
import { bucketLabel, histogramJson, histogramText, type PlainHistogram } from "./histogram.ts";

function hist(bits: number, first: number, counts: readonly number[]): PlainHistogram {
  return {
    kind: "histogram",
    scale: { fn: "hist", bits },
    buckets: counts.map((count, i) => ({ index: first + i, count })),
  };
}

function histLabels(bits: number, indices: readonly number[]): readonly string[] {
  return indices.map((index) => bucketLabel({ fn: "hist", bits }, { index, count: 0 }));
}

Deno.test("labels of powers of two", () => {
  assertEquals(histLabels(0, [0, 1, 2, 3, 4, 11, 12, 14, 21, 22, 31, 32, 42, 52, 62]), [
    "(..., 0)",
    "[0]",
    "[1]",
    "[2, 4)",
    "[4, 8)",
    "[512, 1K)",
    "[1K, 2K)",
    "[4K, 8K)",
    "[512K, 1M)",
    "[1M, 2M)",
    "[512M, 1G)",
    "[1G, 2G)",
    "[1T, 2T)",
    "[1P, 2P)",
    "[1E, 2E)",
  ]);
});

Deno.test("labels with more bits", () => {
  assertEquals(histLabels(1, [1, 4, 5, 6, 7, 19, 20, 21, 22, 23]), [
    "[0]",
    "[3]",
    "[4, 6)",
    "[6, 8)",
    "[8, 12)",
    "[512, 768)",
    "[768, 1024)",
    "[1024, 1536)",
    "[1536, 2K)",
    "[2K, 3K)",
  ]);
  assertEquals(histLabels(2, [1, 8, 9, 10, 12, 13]), [
    "[0]",
    "[7]",
    "[8, 10)",
    "[10, 12)",
    "[14, 16)",
    "[16, 20)",
  ]);
  assertEquals(histLabels(3, [16, 17]), ["[15]", "[16, 18)"]);
  assertEquals(histLabels(4, [32, 33]), ["[31]", "[32, 34)"]);
  assertEquals(histLabels(5, [64, 65, 352, 353]), ["[63]", "[64, 66)", "[32256, 32K)", "[32K, 33K)"]);
});

Deno.test("lines as bpftrace draws them", () => {
  assertEquals(
    histogramText(hist(0, 1, [1, 0, 4])),
    "[0]                    1 |@@@@@@@@@@@@@                                       |\n" +
      "[1]                    0 |                                                    |\n" +
      "[2, 4)                 4 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n",
  );
});

Deno.test("lines as recorded from bpftrace on a real kernel", () => {
  assertEquals(
    histogramText(hist(0, 6, [14, 1, 0, 1])),
    "[16, 32)              14 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n" +
      "[32, 64)               1 |@@@                                                 |\n" +
      "[64, 128)              0 |                                                    |\n" +
      "[128, 256)             1 |@@@                                                 |\n",
  );
});

Deno.test("bars are cut to whole signs in single precision", () => {
  // 12 of 13: 48.0 exactly; 7 of 12: 30.33; a sliver shows no sign.
  const bars = histogramText(hist(0, 3, [13, 12, 0])).split("\n").map((line) =>
    line.replace(/[^@]/g, "").length
  );
  assertEquals(bars, [52, 48, 0, 0]);
  const sliver = histogramText(hist(0, 3, [1000, 19, 20])).split("\n").map((line) =>
    line.replace(/[^@]/g, "").length
  );
  assertEquals(sliver, [52, 0, 1, 0]);
});

const LHIST = { fn: "lhist", min: 0, max: 100, step: 10 } as const;

Deno.test("labels of equal steps", () => {
  assertEquals(bucketLabel(LHIST, { index: 0, max: -1, count: 0 }), "(..., 0)");
  assertEquals(bucketLabel(LHIST, { index: 1, min: 0, max: 9, count: 0 }), "[0, 10)");
  assertEquals(bucketLabel(LHIST, { index: 11, min: 100, count: 0 }), "[100, ...)");
  const ones = { fn: "lhist", min: -1, max: 5, step: 1 } as const;
  assertEquals(bucketLabel(ones, { index: 1, min: -1, max: -1, count: 0 }), "[-1]");
  const kilo = { fn: "lhist", min: 0, max: 2 ** 21, step: 2048 } as const;
  assertEquals(bucketLabel(kilo, { index: 1, min: 0, max: 2047, count: 0 }), "[0, 2K)");
  assertEquals(bucketLabel(kilo, { index: 512, min: 0, max: 0, count: 0 }), "[1022K, 1M)");
  const thousand = { fn: "lhist", min: 0, max: 2048, step: 1000 } as const;
  assertEquals(bucketLabel(thousand, { index: 2, min: 1000, max: 1999, count: 0 }), "[1000, 2000)");
});

Deno.test("counts divide, but not those of an lhist", () => {
  assertEquals(histogramText(hist(0, 1, [5]), 2).startsWith("[0]                    2 |"), true);
  const lhist: PlainHistogram = {
    kind: "histogram",
    scale: LHIST,
    buckets: [{ index: 1, min: 0, max: 9, count: 5 }],
  };
  assertEquals(histogramText(lhist, 2).startsWith("[0, 10)                5 |"), true);
});

Deno.test("buckets as JSON have closed ranges", () => {
  const histogram: PlainHistogram = {
    kind: "histogram",
    scale: { fn: "hist", bits: 0 },
    buckets: [{ index: 0, max: -1, count: 1 }, { index: 1, min: 0, max: 0, count: 2 }, {
      index: 2,
      min: 2,
      count: 3,
    }],
  };
  assertEquals(
    histogramJson(histogram),
    '[{"max": -1, "count": 1},{"min": 0, "max": 0, "count": 2},{"min": 2, "count": 3}]',
  );
});
