/**
 * Reads kallsyms, ftrace's list of functions, the kprobe blacklist and the system call table.
 *
 * @module
 */
import { type Arch, type BlacklistRange, parseAddress } from "../../image/mod.ts";
import type { SymbolFact, SyscallFact } from "./facts.ts";
import { InputError, type Line, linesOf } from "./lines.ts";

/** An input file's path and bytes. */
export interface Input {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Reads `/proc/kallsyms`: address, letter, name and perhaps `[module]`. Throws an InputError for any other line. */
export function readKallsyms(input: Input, arch: Arch): SymbolFact[] {
  const symbols: SymbolFact[] = [];
  for (const line of linesOf(input)) {
    const match = /^([0-9a-f]+) (\S) (\S+)(?:\s+\[(\S+)\])?$/.exec(line.text);
    if (!match) throw line.fail(`wanted "ADDRESS LETTER NAME [MODULE]", found "${shortened(line.text)}"`);
    const [, hex, letter, name, module] = match;
    const address = addressOf(line, arch, hex!);
    symbols.push({ name: name!, address, letter: letter!, ...(module === undefined ? {} : { module }) });
  }
  if (symbols.length === 0) throw new InputError(`Cannot use ${input.path}: it has no symbols`);
  if (symbols.every((symbol) => symbol.address === 0)) {
    throw new InputError(
      `Cannot use ${input.path}: every address is 0; the kernel hides them from users, read the file as root (kernel.kptr_restrict)`,
    );
  }
  return symbols;
}

/** Reads `available_filter_functions`: a name per line, perhaps `[module]`, in the file's order. */
export function readTraceable(input: Input): string[] {
  const names: string[] = [];
  for (const line of linesOf(input)) {
    const name = /^(\S+)(?:\s+\[\S+\])?$/.exec(line.text)?.[1];
    if (name === undefined) throw line.fail(`wanted a function name, found "${shortened(line.text)}"`);
    names.push(name);
  }
  return names;
}

/** Reads debugfs' `kprobes/blacklist`: `0xSTART-0xEND<TAB>NAME`, in the file's order. */
export function readBlacklist(input: Input, arch: Arch): BlacklistRange[] {
  const ranges: BlacklistRange[] = [];
  for (const line of linesOf(input)) {
    const match = /^0x([0-9a-f]+)-0x([0-9a-f]+)\s+(\S+)$/.exec(line.text);
    if (!match) throw line.fail(`wanted "0xSTART-0xEND NAME", found "${shortened(line.text)}"`);
    const start = addressOf(line, arch, match[1]!);
    const end = addressOf(line, arch, match[2]!);
    if (end < start) throw line.fail(`the range ends before it starts`);
    ranges.push({ start, end, name: match[3]! });
  }
  return ranges;
}

/** Reads `NUMBER<TAB>NAME` lines; numbers must differ. The result is sorted by number. */
export function readSyscalls(input: Input): SyscallFact[] {
  const byNumber = new Map<number, SyscallFact>();
  for (const line of linesOf(input)) {
    const match = /^(\d+)\s+(\w+)$/.exec(line.text);
    if (!match) throw line.fail(`wanted "NUMBER NAME", found "${shortened(line.text)}"`);
    const nr = Number(match[1]);
    if (byNumber.has(nr)) throw line.fail(`system call ${nr} is given twice`);
    byNumber.set(nr, { nr, name: match[2]! });
  }
  return [...byNumber.values()].sort((a, b) => a.nr - b.nr);
}

/** An address from hex digits, or an error about the line. */
export function addressOf(line: Line, arch: Arch, hex: string): number {
  const address = parseAddress(arch, hex);
  if (address === undefined) throw line.fail(`${hex} is no ${arch} address`);
  return address;
}

/** The start of a text, for messages. */
export function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
