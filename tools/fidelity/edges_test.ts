import { assertEquals } from "@std/assert";
import { edgesOf, plainScore, precision, recall, weightedScore } from "./edges.ts";
import { type Sketch, tree } from "./testing.ts";

const edges = (...sketches: Sketch[]) => edgesOf(sketches.map(tree));

Deno.test("edges are counted by caller and callee, at every depth", () => {
  assertEquals(
    [...edges(["read", ["lock", "copy", "copy"], "unlock"], ["read", "unlock"])],
    [["read lock", 1], ["lock copy", 2], ["read unlock", 2]],
  );
});

Deno.test("unweighted, an edge counts once; weighted, as often as both sides have it", () => {
  const recorded = edges(["read", "lock", "copy", "copy", "copy"]);
  const modeled = edges(["read", "copy", "flush", "flush"]);
  const plain = plainScore(recorded, modeled);
  assertEquals([recall(plain), precision(plain)], [1 / 2, 1 / 2]);
  const weighted = weightedScore(recorded, modeled);
  assertEquals([recall(weighted), precision(weighted)], [1 / 4, 1 / 3]);
});

Deno.test("where there is nothing to have, nothing is missing", () => {
  const nothing = plainScore(edges(), edges(["read", "lock"]));
  assertEquals([recall(nothing), precision(nothing)], [1, 0]);
});
