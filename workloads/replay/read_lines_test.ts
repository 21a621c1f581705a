import { assertEquals, assertRejects } from "@std/assert";
import { MAX_LINE, readLines, RecordingError } from "./read_lines.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(bytes(text));
}

async function linesOf(source: Uint8Array | AsyncIterable<Uint8Array>, maxText?: number): Promise<string[]> {
  const lines: string[] = [];
  await readLines(source, "app", (line) => lines.push(line), maxText);
  return lines;
}

Deno.test("lines are the same however the text comes in pieces", async () => {
  const want = ["one", "two", "", "thr€e"];
  assertEquals(await linesOf(bytes("one\ntwo\r\n\nthr€e")), want);
  assertEquals(await linesOf(bytes("one\ntwo\n\nthr€e\n")), want);
  assertEquals(await linesOf(pieces("on", "e\ntw", "o\r", "\n", "\n", "thr", "€e", "\n")), want);
  const euro = bytes("€");
  async function* split(): AsyncGenerator<Uint8Array> {
    yield bytes("one\ntwo\n\nthr");
    yield await Promise.resolve(euro.subarray(0, 1));
    yield euro.subarray(1);
    yield bytes("e");
  }
  assertEquals(await linesOf(split()), want);
});

Deno.test("gzip is told by its first bytes, even where they come one by one", async () => {
  const stream = new Blob([bytes("a\nb\n") as Uint8Array<ArrayBuffer>]).stream();
  const zipped = new Uint8Array(
    await new Response(stream.pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
  );
  assertEquals(await linesOf(zipped), ["a", "b"]);
  async function* single(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < zipped.length; i++) yield await Promise.resolve(zipped.subarray(i, i + 1));
  }
  assertEquals(await linesOf(single()), ["a", "b"]);
  await assertRejects(() => linesOf(zipped.subarray(0, 12)), RecordingError, "damaged or cut short");
});

Deno.test("an endless line is refused soon, by its number", async () => {
  const piece = bytes("x".repeat(2 ** 20));
  let given = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield bytes("first\n");
    for (; given < 1000; given++) yield await Promise.resolve(piece);
  }
  const error = await assertRejects(() => linesOf(endless()), RecordingError);
  assertEquals(
    error.message,
    `Cannot replay "app": line 2 is longer than ${MAX_LINE} characters; that is no output of \`strace -f -ttt -T\``,
  );
  assertEquals(given, 16);
  assertEquals((await linesOf(bytes("y".repeat(MAX_LINE) + "\n")))[0]?.length, MAX_LINE);
});

Deno.test("nothing, binary data and too much text are refused", async () => {
  await assertRejects(() => linesOf(bytes("")), RecordingError, "it is empty");
  await assertRejects(() => linesOf(new Uint8Array([1, 0, 2])), RecordingError, "it is binary");
  await assertRejects(
    () => linesOf(bytes("12345\n67890\n"), 10),
    RecordingError,
    "longer than 10 characters",
  );
});
