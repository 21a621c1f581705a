/**
 * Reads recordings: plain text or gzip, also when the file was cut short.
 *
 * @module
 */

import { constants, gunzipSync } from "node:zlib";

/** Text of a recording; a truncated gzip gives what can be unpacked. */
export function recordingText(bytes: Uint8Array): string {
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain = packed ? gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }) : bytes;
  return new TextDecoder().decode(plain);
}

/** Lines of a text, without their ends; an unfinished last line is left out. */
export function* linesOf(text: string): Generator<string> {
  let start = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
    yield text.slice(start, end);
    start = end + 1;
  }
}
