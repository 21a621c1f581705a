/**
 * Symbolic constants to numbers, as the architecture that replays a recording has them.
 *
 * @module
 */

import type { Arch } from "../../../image/model.ts";
import { BY_ARCH } from "./by_arch.ts";
import { DEVICES } from "./devices.ts";
import { ERRNO } from "./errno.ts";
import { FILES } from "./files.ts";
import { MEMORY } from "./memory.ts";
import { NETWORK } from "./network.ts";
import { PROCESS } from "./process.ts";
import { signalNumber } from "./signals.ts";

const common = new Map<string, number>();
const byArch = new Map<Arch, ReadonlyMap<string, number>>();

/** Value of a constant (`O_DIRECTORY`, `SIGCHLD`, `ENOENT`) on `arch`; undefined when none of that name is known. */
export function constantValue(name: string, arch: Arch): number | undefined {
  // Tables are read at first use: a run without a recording needs none.
  if (common.size === 0) {
    for (const words of [FILES, MEMORY, PROCESS, NETWORK, DEVICES, ERRNO]) addWords(common, words);
  }
  let own = byArch.get(arch);
  if (own === undefined) {
    own = addWords(new Map(common), BY_ARCH[arch]);
    byArch.set(arch, own);
  }
  return own.get(name) ?? (name.startsWith("SIG") ? signalNumber(name) : undefined);
}

/** Number of an error by its name, undefined for one that is not known. `ERRNO_520` and the like speak for themselves. */
export function errnoValue(name: string): number | undefined {
  const numbered = /^ERRNO_([0-9]+)$/.exec(name);
  return numbered === null ? constantValue(name, "x86_64") : Number(numbered[1]);
}

function addWords(table: Map<string, number>, words: string): Map<string, number> {
  for (const word of words.trim().split(/\s+/)) {
    const equals = word.indexOf("=");
    const text = word.slice(equals + 1);
    const octal = /^0[0-7]+$/.test(text);
    const negative = text.startsWith("-");
    const value = octal ? parseInt(text, 8) : Number(negative ? text.slice(1) : text);
    table.set(word.slice(0, equals), negative ? -value : value);
  }
  return table;
}
