/**
 * The arguments of `futex`: strace prints those that a command uses, here they stand in their registers.
 *
 * @module
 */

import { NULL, number } from "./build_value.ts";
import type { StraceValue } from "./value.ts";

/** Registers, from the fourth on, that the printed arguments from the third on go to. */
const PLACES: ReadonlyMap<string, readonly number[]> = new Map(Object.entries<readonly number[]>({
  WAIT: [2, 3],
  WAKE: [2],
  FD: [2],
  REQUEUE: [2, 3, 4],
  CMP_REQUEUE: [2, 3, 4, 5],
  WAKE_OP: [2, 3, 4, 5],
  LOCK_PI: [3],
  LOCK_PI2: [3],
  UNLOCK_PI: [],
  TRYLOCK_PI: [],
  WAIT_BITSET: [2, 3, 5],
  WAKE_BITSET: [2, 5],
  WAIT_REQUEUE_PI: [2, 3, 4],
  CMP_REQUEUE_PI: [2, 3, 4, 5],
}));

/** `futex(uaddr, FUTEX_WAIT_BITSET, val, timeout, bitset)` with its six arguments. What names no command stays as it is. */
export function futexArguments(args: readonly StraceValue[]): readonly StraceValue[] {
  const places = PLACES.get(commandOf(args[1]));
  if (places === undefined) return args;
  const all: StraceValue[] = [args[0] ?? NULL, args[1] ?? NULL, number(0), NULL, NULL, number(0)];
  places.forEach((place, i) => {
    const value = args[2 + i];
    if (value !== undefined) all[place] = value;
  });
  return all;
}

function commandOf(op: StraceValue | undefined): string {
  const first = op?.kind === "expression" ? op.terms[0] : op;
  return first?.kind === "name" ? first.name.replace(/^FUTEX_/, "").replace(/_PRIVATE$/, "") : "";
}
