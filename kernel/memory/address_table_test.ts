import { assertEquals } from "@std/assert";
import { AddressTable } from "./address_table.ts";

Deno.test("holds what a Map holds, through growing, replacing and deleting", () => {
  const table = new AddressTable<number>();
  const map = new Map<number, number>();
  let state = 1;
  for (let i = 0; i < 20_000; i++) {
    state = Math.imul(state, 1103515245) + 12345 | 0;
    const address = -0x7f0000000000 + ((state >>> 8) % 700) * (i % 3 === 0 ? 8 : 4096);
    if (state >>> 30 === 0) assertEquals(table.delete(address), map.delete(address));
    else {
      table.set(address, i);
      map.set(address, i);
    }
    assertEquals(table.get(address), map.get(address));
  }
  assertEquals(table.size, map.size);
  for (const [address, value] of map) assertEquals(table.get(address), value);
  assertEquals(table.get(0), undefined);
});

Deno.test("a bad address finds nothing", () => {
  const table = new AddressTable<string>();
  table.set(0, "zero");
  assertEquals(table.get(NaN), undefined);
  assertEquals(table.delete(NaN), false);
  assertEquals(table.get(-0), "zero");
});
