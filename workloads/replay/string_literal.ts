/**
 * C string literals as strace prints them: octal escapes (`\0`, `\177`), the letters `\t \n \v \f \r`, `\"`, `\\`, and
 * `\x7f` under `-x`. Characters beyond ASCII stand for their UTF-8 bytes.
 *
 * @module
 */

const ESCAPES = new Map([["n", 10], ["t", 9], ["r", 13], ["v", 11], ["f", 12], ["a", 7], ["b", 8], [
  "e",
  27,
]]);
const LETTERS = new Map([[10, "\\n"], [9, "\\t"], [13, "\\r"], [11, "\\v"], [12, "\\f"], [34, '\\"'], [
  92,
  "\\\\",
]]);

/** Index of the quote that ends the literal whose opening quote is at `start`, or -1 when the line ends first. */
export function endOfLiteral(text: string, start: number): number {
  for (let at = start + 1;; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return -1;
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 92) slashes++;
    if (slashes % 2 === 0) return at;
  }
}

/** The bytes of the text between the quotes. */
export function literalBytes(inner: string): Uint8Array {
  if (!inner.includes("\\")) return new TextEncoder().encode(inner);
  const bytes: number[] = [];
  for (let at = 0; at < inner.length;) {
    const char = inner[at]!;
    if (char !== "\\") {
      const code = inner.codePointAt(at)!;
      if (code < 128) bytes.push(code);
      else bytes.push(...new TextEncoder().encode(String.fromCodePoint(code)));
      at += code > 0xffff ? 2 : 1;
      continue;
    }
    const next = inner[at + 1] ?? "\\";
    const digits = next === "x"
      ? /^[0-9a-fA-F]{1,2}/.exec(inner.slice(at + 2, at + 4))
      : /^[0-7]{1,3}/.exec(inner.slice(at + 1, at + 4));
    if (digits !== null) {
      bytes.push(parseInt(digits[0], next === "x" ? 16 : 8) & 0xff);
      at += digits[0].length + (next === "x" ? 2 : 1);
    } else {
      bytes.push(ESCAPES.get(next) ?? next.charCodeAt(0) & 0xff);
      at += 2;
    }
  }
  return Uint8Array.from(bytes);
}

/** The literal that strace prints for these bytes, with its quotes. */
export function printLiteral(bytes: Uint8Array): string {
  let text = '"';
  bytes.forEach((byte, at) => {
    const letter = LETTERS.get(byte);
    if (letter !== undefined) text += letter;
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte);
    else {
      // A shorter escape would swallow a digit that follows it.
      const next = bytes[at + 1] ?? 0;
      const octal = byte.toString(8);
      text += "\\" + (next >= 48 && next <= 57 ? octal.padStart(3, "0") : octal);
    }
  });
  return text + '"';
}
