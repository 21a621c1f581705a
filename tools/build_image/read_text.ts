/**
 * Reads text.tsv: name, address, size, instruction lengths, call sites of each function.
 *
 * @module
 */
import type { Arch, CallSite } from "../../image/mod.ts";
import type { TextFact } from "./facts.ts";
import { type Line, linesOf } from "./lines.ts";
import { addressOf, type Input, shortened } from "./read_symbols.ts";

const KINDS: ReadonlyMap<string, CallSite["kind"]> = new Map([["c", "call"], ["j", "jump"], [
  "i",
  "indirect",
]]);

/** Reads the file. Throws an InputError where a line has not the form, lengths don't add up or a call lies outside its function. */
export function readText(input: Input, arch: Arch): TextFact[] {
  const functions: TextFact[] = [];
  for (const line of linesOf(input)) {
    if (line.text.startsWith("#")) continue;
    const [name, hex, digits, lengths = "", calls = ""] = line.text.split("\t");
    const size = Number(digits);
    if (!name || !/^[0-9a-f]+$/.test(hex ?? "") || !Number.isInteger(size) || size <= 0) {
      throw line.fail(
        `wanted "NAME ADDRESS SIZE LENGTHS CALLS" between tabs, found "${shortened(line.text)}"`,
      );
    }
    functions.push({
      name,
      address: addressOf(line, arch, hex!),
      size,
      lengths: lengthsOf(line, arch, lengths, size),
      calls: calls === "" ? [] : calls.split(",").map((call) => callOf(line, call, size)),
    });
  }
  return functions;
}

function lengthsOf(line: Line, arch: Arch, digits: string, size: number): Uint8Array {
  if (!/^[1-9a-f]*$/.test(digits)) {
    throw line.fail(`instruction lengths are hex digits from 1 to f, found "${shortened(digits)}"`);
  }
  if (digits === "") return new Uint8Array(0);
  const lengths = Uint8Array.from(digits, (digit) => parseInt(digit, 16));
  const sum = lengths.reduce((a, b) => a + b, 0);
  if (sum !== size) throw line.fail(`instruction lengths add up to ${sum}, not to the size ${size}`);
  if (arch === "arm64" && lengths.some((length) => length !== 4)) {
    throw line.fail("arm64 instructions have 4 bytes each");
  }
  return arch === "arm64" ? new Uint8Array(0) : lengths;
}

function callOf(line: Line, text: string, size: number): TextFact["calls"][number] {
  const match = /^([0-9a-f]+):(.):(.+)$/.exec(text);
  const kind = KINDS.get(match?.[2] ?? "");
  if (!match || !kind) {
    throw line.fail(`wanted a call site "OFFSET:c|j|i:TARGET", found "${shortened(text)}"`);
  }
  const offset = parseInt(match[1]!, 16);
  if (offset >= size) throw line.fail(`call site ${text} is beyond the function's ${size} bytes`);
  return { offset, kind, target: match[3]! };
}
