import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { EncodedShapes } from "../../kernel/shapes/decode.ts";
import { Forest, type Tree } from "../../kernel/shapes/forest.ts";
import { ShapeLibrary, type ShapeSource } from "../../kernel/shapes/library.ts";
import { encodeShapes } from "./encode.ts";

const names = ["a", "b.part.0", "c", "d", "e"];

function treeOf(depth: number): fc.Arbitrary<Tree> {
  return fc.record({
    fn: fc.constantFrom(...names),
    self: fc.integer({ min: 1, max: 5000 }),
    outcome: fc.constantFrom("zero" as const, "void" as const, "pointer" as const),
    result: fc.constantFrom(undefined, { from: "constant" as const, value: -2 }, {
      from: "current" as const,
    }),
    site: fc.integer({ min: -1, max: 2 }),
    calls: depth === 0 ? fc.constant([]) : fc.array(treeOf(depth - 1), { maxLength: 8 }),
  });
}

/** Everything a source says, by names: numbering may differ. */
function describe(source: ShapeSource): string {
  const name = (id: number) => source.functions[id] ?? "?";
  const text = (id: number): string => {
    const node = source.node(id);
    const calls = Array.from(node.children, (child, i) => {
      const site = node.sites[i] ?? -1;
      return `${text(child)}@${site < 0 ? "-" : JSON.stringify(source.site(site))}`;
    });
    return `${name(node.fn)}${node.self}/${node.weight}/${source.calls(id)}x${node.count}:${node.outcome}` +
      `=${JSON.stringify(node.result)}(${calls.join()})`;
  };
  const functions = source.functions.filter((n) => n !== "").map((n) => {
    const id = source.functions.indexOf(n);
    return `${n} ${source.instances(id).map(text).sort().join("; ")} ${
      source.functions.map((callee, j) => {
        const rules = source.argumentRules(id, j).map((r) =>
          r?.from === "result" ? { ...r, fn: name(r.fn) } : r ?? null
        );
        return rules.length > 0 ? `${callee}${JSON.stringify(rules)}` : "";
      }).sort().join("")
    }`;
  });
  return functions.sort().join("\n");
}

Deno.test("what is encoded reads back", () => {
  fc.assert(
    fc.property(fc.array(treeOf(3), { minLength: 1, maxLength: 5 }), (trees) => {
      const forest = new Forest();
      forest.siteId({ tail: true, returns: [] });
      forest.siteId({ tail: false, returns: [{ fn: "a", offset: 0x1234 }] });
      forest.siteId({ tail: false, returns: [{ fn: "elsewhere", offset: 5 }, { fn: "c", offset: 9 }] });
      for (const tree of trees) forest.add(tree);
      forest.setArgumentRules("a", "c", [
        undefined,
        { from: "argument", index: 3, plus: -40 },
        { from: "result", fn: forest.functionId("d"), plus: 0 },
        { from: "field", index: 1, offset: 300, size: 4, signed: true, plus: -1 },
        { from: "constant", value: -(2 ** 47) },
      ]);
      assertEquals(describe(new EncodedShapes(encodeShapes(forest))), describe(forest));
    }),
    { numRuns: 40 },
  );
});

Deno.test("bytes that are no shapes are refused, none are an empty library", () => {
  assertThrows(
    () => ShapeLibrary.decode(new TextEncoder().encode("hello, world")),
    Error,
    "Cannot read shapes",
  );
  assertEquals(ShapeLibrary.decode(new Uint8Array()).functionCount, 0);
});
