import { assertEquals } from "@std/assert";
import { decode, encode, encodeInto } from "./page_data.ts";

Deno.test("text of bytes, as a decoder would give it, whatever was read before", () => {
  const decoder = new TextDecoder();
  const texts = ["", "a", "usr", "größe", "x".repeat(300), "日本".repeat(90), "e", "share", "usr"];
  for (const text of [...texts, ...texts]) {
    const bytes = new TextEncoder().encode(`<<${text}>>`);
    assertEquals(decode(bytes, 2, bytes.length - 2), text);
    assertEquals(decode(bytes), decoder.decode(bytes));
    assertEquals(encode(text), new TextEncoder().encode(text));
  }
  // Many names, so that they have to share places in what is remembered.
  for (let i = 0; i < 20_000; i++) assertEquals(decode(encode(`name-${i * 7919}`)), `name-${i * 7919}`);
});

Deno.test("ASCII goes into bytes in place; anything else is refused", () => {
  const bytes = new Uint8Array(8);
  assertEquals(encodeInto("abc", bytes, 2), true);
  assertEquals([...bytes], [0, 0, 97, 98, 99, 0, 0, 0]);
  assertEquals(encodeInto("é", bytes, 0), false);
});
