/**
 * Bytes to lines: plain text or gzip (told by its first two bytes), in pieces of any size.
 *
 * @module
 */

/** A recording as it comes: a whole file, or its pieces in order. */
export type RecordingSource = Uint8Array | AsyncIterable<Uint8Array>;

/** A recording that cannot be read or replayed. The message is a sentence for the user. */
export class RecordingError extends Error {
  /** `RecordingError` */
  override readonly name: string = "RecordingError";
}

/** Most text that is read, in characters, unless told otherwise: 1 GiB. */
export const MAX_TEXT = 2 ** 30;

/** Longest line that is taken for one, in characters: no call that strace prints comes near. */
export const MAX_LINE = 2 ** 24;

/**
 * Calls `onLine` for each line, without its line end.
 *
 * @param label The recording's name in messages
 * @throws {RecordingError} When it is empty, binary, broken gzip, longer than `maxText`, or has a line longer than {@linkcode MAX_LINE}
 */
export async function readLines(
  source: RecordingSource,
  label: string,
  onLine: (line: string) => void,
  maxText: number = MAX_TEXT,
): Promise<void> {
  const pieces = chunksOf(source);
  const first = await firstBytes(pieces);
  if (first.length === 0) {
    throw new RecordingError(`Cannot replay ${JSON.stringify(label)}: it is empty`);
  }
  const gzip = first[0] === 0x1f && first[1] === 0x8b;
  let lines = 0;
  let length = 0;
  let rest = "";
  const decoder = new TextDecoder("utf-8");
  function check(line: string, number: number): void {
    if (line.length <= MAX_LINE) return;
    throw new RecordingError(
      `Cannot replay ${JSON.stringify(label)}: line ${number} is longer than ${MAX_LINE} characters; ` +
        `that is no output of \`strace -f -ttt -T\``,
    );
  }
  function take(text: string): void {
    length += text.length;
    if (length > maxText) {
      throw new RecordingError(
        `Cannot replay ${JSON.stringify(label)}: its text is longer than ${maxText} characters; ` +
          `record for a shorter time, or raise maxText`,
      );
    }
    const parts = text.split("\n");
    parts[0] = rest + parts[0];
    rest = parts.pop()!;
    for (const part of parts) {
      lines++;
      check(part, lines);
      onLine(part.endsWith("\r") ? part.slice(0, -1) : part);
    }
    check(rest, lines + 1);
  }
  try {
    const all = prepend(first, pieces);
    for await (const chunk of gzip ? gunzip(all) : all) {
      if (chunk.includes(0)) {
        throw new RecordingError(
          `Cannot replay ${JSON.stringify(label)}: it is binary, not the text of \`strace -f -ttt -T\``,
        );
      }
      take(decoder.decode(chunk, { stream: true }));
    }
  } catch (error) {
    if (error instanceof RecordingError || !gzip) throw error;
    throw new RecordingError(
      `Cannot replay ${JSON.stringify(label)}: its gzip data is damaged or cut short after ` +
        `${lines} ${
          lines === 1 ? "line" : "lines"
        }; copy the file again, or unpack what is there with \`zcat\``,
    );
  }
  take(decoder.decode());
  if (rest !== "") onLine(rest);
}

async function* chunksOf(source: RecordingSource): AsyncGenerator<Uint8Array> {
  if (source instanceof Uint8Array) {
    // Pieces, so that line splitting and the limit work the same for both kinds of source.
    for (let at = 0; at < source.length; at += 1 << 20) yield source.subarray(at, at + (1 << 20));
  } else {
    yield* source;
  }
}

/** At least two bytes, unless the source has fewer. */
async function firstBytes(pieces: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array();
  while (bytes.length < 2) {
    const next = await pieces.next();
    if (next.done === true) break;
    const joined = new Uint8Array(bytes.length + next.value.length);
    joined.set(bytes);
    joined.set(next.value, bytes.length);
    bytes = joined;
  }
  return bytes;
}

async function* prepend(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function* gunzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  const compressed = new ReadableStream<BufferSource>({
    async pull(controller): Promise<void> {
      const next = await iterator.next();
      if (next.done === true) controller.close();
      else controller.enqueue(new Uint8Array(next.value));
    },
  });
  yield* compressed.pipeThrough(new DecompressionStream("gzip"));
}
