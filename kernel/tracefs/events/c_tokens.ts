/**
 * Words of a `print fmt`: C expressions without declarations.
 *
 * @module
 */

/** One word. */
export type Token =
  | { readonly kind: "number"; readonly value: bigint }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "name"; readonly text: string }
  | { readonly kind: "mark"; readonly text: string };

const WORD =
  /\s+|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.))'|(0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*|([A-Za-z_]\w*)|(->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>?:.,(){}[\]])/gy;

/** Cuts a text into words; null where something in it is no C. */
export function tokenize(text: string): Token[] | null {
  const tokens: Token[] = [];
  WORD.lastIndex = 0;
  while (WORD.lastIndex < text.length) {
    const found = WORD.exec(text);
    if (found === null) {
      WORD.lastIndex = 0;
      return null;
    }
    const [, string, character, number, name, mark] = found;
    if (string !== undefined) {
      const last = tokens.at(-1);
      // Strings beside one another are one.
      if (last?.kind === "string") {
        tokens[tokens.length - 1] = { kind: "string", text: last.text + unescape(string) };
      } else tokens.push({ kind: "string", text: unescape(string) });
    } else if (character !== undefined) {
      tokens.push({ kind: "number", value: BigInt(unescape(character).codePointAt(0) ?? 0) });
    } else if (number !== undefined) {
      tokens.push({
        kind: "number",
        value: BigInt(/^0[0-7]+$/.test(number) ? `0o${number.slice(1)}` : number),
      });
    } else if (name !== undefined) {
      tokens.push({ kind: "name", text: name });
    } else if (mark !== undefined) {
      tokens.push({ kind: "mark", text: mark });
    }
  }
  return tokens;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "0": "\0" };

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (_, c: string) => ESCAPES[c] ?? c);
}
