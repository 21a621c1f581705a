/**
 * The wait status that `wait4` stored, from the macros by which strace prints it.
 *
 * @module
 */

import { signalNumber } from "./constants/signals.ts";
import type { StraceValue } from "./value.ts";

/** Bit of a wait status: a core file was written. */
const CORE_DUMPED = 0x80;

/** The status in `[{WIFEXITED(s) && WEXITSTATUS(s) == 3}]` (768); undefined where the value prints none. */
export function waitStatus(value: StraceValue | undefined): number | undefined {
  if (value?.kind === "array") {
    const first = value.items[0]?.value;
    return first?.kind === "number" ? first.value : waitStatus(first);
  }
  if (value?.kind === "struct") return waitStatus(value.fields[0]?.value);
  if (value?.kind === "call" && value.name === "WIFCONTINUED") return 0xffff;
  if (value?.kind !== "expression") return undefined;
  let status: number | undefined;
  let core = 0;
  value.terms.forEach((term, at) => {
    if (term.kind !== "call") return;
    const operand = value.terms[at + 1];
    switch (term.name) {
      case "WEXITSTATUS":
        if (operand?.kind === "number") status = (operand.value & 0xff) << 8;
        break;
      case "WTERMSIG":
        status = signalOf(operand);
        break;
      case "WSTOPSIG": {
        const signal = signalOf(operand);
        status = signal === undefined ? undefined : signal << 8 | 0x7f;
        break;
      }
      case "WCOREDUMP":
        core = CORE_DUMPED;
        break;
    }
  });
  return status === undefined ? undefined : status | core;
}

function signalOf(value: StraceValue | undefined): number | undefined {
  if (value?.kind === "name") return signalNumber(value.name);
  return value?.kind === "number" ? value.value : undefined;
}
