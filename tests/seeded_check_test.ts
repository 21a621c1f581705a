/** Random tests repeat: the same values in each run, and in each process. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";

function values(parameters: fc.Parameters<[number]> = {}): number[] {
  const seen: number[] = [];
  fc.assert(fc.property(fc.nat(), (value) => void seen.push(value)), parameters);
  return seen;
}

Deno.test("a property meets the same values each time, others with a seed of its own", () => {
  const first = values();
  assertEquals(values(), first);
  // The values of every process: written down when the seed was.
  assertEquals(first.slice(0, 3), [1811631133, 16, 2147483626]);
  assert(values({ seed: 7 }).join() !== first.join());
});
