/**
 * C string literals as strace prints them: octal escapes (`\0`, `\177`), the letters `\t \n \v \f \r`, `\"`, `\\`, and
 * `\x7f` under `-x`. Characters beyond ASCII stand for their UTF-8 bytes.
 *
 * @module
 */

const ENCODER = new TextEncoder();
const BACKSLASH = 92;
/** Room for the bytes of one literal. */
let scratch = new Uint8Array(1024);
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
  // An escape is at least as long as its byte; only a character beyond ASCII takes more bytes than it has units.
  if (scratch.length < inner.length * 3) scratch = new Uint8Array(inner.length * 3);
  let length = 0;
  for (let at = 0; at < inner.length;) {
    const code = inner.charCodeAt(at);
    if (code === BACKSLASH) {
      const found = escape(inner, at + 1);
      scratch[length++] = found & 0xff;
      at += 1 + (found >> 8);
    } else if (code < 128) {
      scratch[length++] = code;
      at++;
    } else {
      const point = inner.codePointAt(at)!;
      length += ENCODER.encodeInto(String.fromCodePoint(point), scratch.subarray(length)).written;
      at += point > 0xffff ? 2 : 1;
    }
  }
  return scratch.slice(0, length);
}

/** The byte of the escape whose first character after the backslash is at `at`, plus 256 × how many characters it has. */
function escape(text: string, at: number): number {
  let value = 0;
  let size = 0;
  if (text[at] === "x") {
    for (let digit; size < 2 && (digit = hexDigit(text.charCodeAt(at + 1 + size))) >= 0; size++) {
      value = value * 16 + digit;
    }
    if (size > 0) return (size + 1) * 256 + value;
  }
  for (let code; size < 3 && (code = text.charCodeAt(at + size)) >= 48 && code <= 55; size++) {
    value = value * 8 + code - 48;
  }
  if (size > 0) return size * 256 + (value & 0xff);
  const letter = text[at];
  if (letter === undefined) return BACKSLASH;
  return 256 + (ESCAPES.get(letter) ?? text.charCodeAt(at) & 0xff);
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
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
