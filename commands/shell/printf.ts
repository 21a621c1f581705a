/**
 * `printf`: text from a format and words.
 *
 * @module
 */

/** What `printf` prints, and the sentence of what it ran into last. */
export interface Printed {
  readonly text: string;
  readonly error: string | null;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["v", "\v"],
  ["\\", "\\"],
]);

const DIRECTIVE = /%([-+ #0]*)(\*|\d*)(?:\.(\*|\d*))?(.?)/gs;

/** Text with its escapes read: letters, octal and hexadecimal bytes; others stay as they are. */
export function readEscapes(text: string): string {
  return text.replace(/\\(?:0?([0-7]{1,3})|x([0-9a-fA-F]{1,2})|([ntrabfv\\]))/g, (
    _,
    octal?: string,
    hexadecimal?: string,
    letter?: string,
  ) =>
    letter !== undefined ? ESCAPES.get(letter) ?? "" : String.fromCharCode(
      (octal === undefined ? parseInt(hexadecimal ?? "", 16) : parseInt(octal, 8)) & 255,
    ));
}

/** The format is used again until no word is left; one that is missing is empty, or 0. */
export function printf(format: string, words: readonly string[]): Printed {
  const rest = [...words];
  let error: string | null = null;
  const number = (): bigint => {
    const word = rest.shift() ?? "0";
    const read = readNumber(word);
    if (read === null) error = `invalid number '${word}'`;
    return read ?? 0n;
  };
  let text = "";
  for (;;) {
    const before = rest.length;
    let invalid: string | null = null;
    // Escapes are read piece by piece: what a word brings in is no format.
    let at = 0;
    for (const found of format.matchAll(DIRECTIVE)) {
      const [whole, flags = "", wide = "", precise, conversion = ""] = found;
      text += readEscapes(format.slice(at, found.index));
      at = found.index + whole.length;
      if (whole === "%%") {
        text += "%";
        continue;
      }
      const width = wide === "*" ? Number(number()) : Number(wide);
      const precision = precise === "*" ? Number(number()) : precise === undefined ? null : Number(precise);
      const left = flags.includes("-") || width < 0;
      let piece: string;
      let padding = " ";
      if (conversion === "s" || conversion === "b") {
        const word = rest.shift() ?? "";
        piece = (conversion === "b" ? readEscapes(word) : word).slice(0, precision ?? undefined);
      } else if (conversion === "c") {
        piece = (rest.shift() ?? "").slice(0, 1);
      } else if (/^[diuxXo]$/.test(conversion)) {
        piece = integerText(number(), conversion, flags, precision);
        if (flags.includes("0") && !left && precision === null) padding = "0";
      } else {
        invalid = `${whole}: invalid format`;
        break;
      }
      text += padded(piece, Math.abs(width), left, padding);
    }
    if (invalid !== null) return { text, error: invalid };
    text += readEscapes(format.slice(at));
    if (rest.length === 0 || rest.length === before) return { text, error };
  }
}

/** Decimal, `0x` or octal; `'a` is the number of a character. */
function readNumber(word: string): bigint | null {
  if (/^['"]./su.test(word)) return BigInt(word.codePointAt(1) ?? 0);
  const [, sign, digits = ""] = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(word) ?? [];
  if (digits === "" || /^0\d*[89]/.test(digits)) return null;
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return sign === "-" ? -value : value;
}

function integerText(value: bigint, conversion: string, flags: string, precision: number | null): string {
  const signed = conversion === "d" || conversion === "i";
  const number = signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
  const base = conversion === "o" ? 8 : conversion === "x" || conversion === "X" ? 16 : 10;
  let digits = (number < 0n ? -number : number).toString(base).padStart(precision ?? 0, "0");
  if (flags.includes("#") && base === 8 && !digits.startsWith("0")) digits = `0${digits}`;
  if (flags.includes("#") && base === 16 && number !== 0n) digits = `0x${digits}`;
  if (conversion === "X") digits = digits.toUpperCase();
  const plus = flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  return (number < 0n ? "-" : signed ? plus : "") + digits;
}

/** Zeros stand behind the sign and `0x`, spaces before them. */
function padded(text: string, width: number, left: boolean, padding: string): string {
  if (left) return text.padEnd(width);
  if (padding === " ") return text.padStart(width);
  const head = /^[-+ ]?(?:0[xX])?/.exec(text)?.[0] ?? "";
  return head + text.slice(head.length).padStart(width - head.length, "0");
}
