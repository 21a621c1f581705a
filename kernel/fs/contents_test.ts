import { assertEquals } from "@std/assert";
import { Contents } from "./contents.ts";

const PIECE = 2 ** 16;

Deno.test("what was written reads back, whatever pieces it lies in; the rest is zeros", () => {
  const contents = new Contents();
  const mirror = new Uint8Array(4 * PIECE);
  for (
    const [pos, length] of [[10, 5], [0, 3], [PIECE - 2, 7], [3 * PIECE - 1, PIECE + 1], [
      PIECE + 100,
      PIECE,
    ]] as const
  ) {
    const bytes = Uint8Array.from({ length }, (_, i) => (pos + i * 7) % 251 + 1);
    contents.write(pos, bytes);
    mirror.set(bytes, pos);
  }
  for (
    const [pos, length] of [[0, 20], [12, PIECE * 3], [PIECE - 4, 16], [2 * PIECE + 500, 9], [5, 0]] as const
  ) {
    assertEquals(contents.read(pos, length), mirror.slice(pos, pos + length));
  }
});

Deno.test("a hole far out reads as zeros", () => {
  const contents = new Contents();
  assertEquals(contents.read(2 ** 40, 3), new Uint8Array(3));
  assertEquals(contents.read(0, 2 ** 19).length, 2 ** 19);
});

Deno.test("what was cut off is zeros when the file grows again", () => {
  const contents = new Contents();
  contents.write(0, new Uint8Array(3 * PIECE).fill(7));
  contents.cut(PIECE + 2);
  assertEquals(contents.read(PIECE, 5), Uint8Array.of(7, 7, 0, 0, 0));
  assertEquals(contents.read(2 * PIECE, 2), Uint8Array.of(0, 0));
  contents.cut(0);
  contents.cut(9 * PIECE);
  assertEquals(contents.read(0, 2), Uint8Array.of(0, 0));
});
