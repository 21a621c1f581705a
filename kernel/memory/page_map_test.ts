import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { PageMap } from "./page_map.ts";
import { LoosePages, type UserPage } from "./user_page.ts";

const BASE = 0x7ffff7d00;
const key = fc.integer({ min: 0, max: 300 }).map((at) => BASE + at);

Deno.test("pages by number: the same as a map and a set would tell, whatever is done in which order", () => {
  const source = new LoosePages();
  const step = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), key, guarded: fc.boolean() }),
    fc.record({ kind: fc.constant("guard" as const), key, guarded: fc.boolean() }),
    fc.record({ kind: fc.constant("delete" as const), key, guarded: fc.boolean() }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), key, key, (steps, from, to) => {
    const pages = new PageMap();
    const expected = new Map<number, { readonly page: UserPage; guarded: boolean }>();
    for (const { kind, key, guarded } of steps) {
      if (kind === "set") {
        const page = source.take("anon");
        pages.set(key, page, guarded);
        expected.set(key, { page, guarded });
      } else if (kind === "guard") {
        pages.guard(key, guarded);
        const known = expected.get(key);
        if (known !== undefined) known.guarded = guarded;
      } else {
        pages.delete(key);
        expected.delete(key);
      }
    }
    assertEquals(pages.size, expected.size);
    for (let key = BASE; key <= BASE + 300; key++) {
      assertEquals(pages.get(key) === expected.get(key)?.page, true);
      assertEquals(pages.guarded(key), expected.get(key)?.guarded ?? false);
    }
    const all = [...expected.keys()].sort((a, b) => a - b);
    assertEquals(pages.keys(), all);
    assertEquals(pages.keys(from, to), all.filter((key) => key >= from && key < to));
    pages.clear();
    assertEquals([pages.size, pages.keys()], [0, []]);
  }));
});
