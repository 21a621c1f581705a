/**
 * Call trees as recordings show them, before equal ones are put together.
 *
 * @module
 */

/** Where a return went: function and byte offset. */
export interface ReturnPlace {
  readonly fn: string;
  readonly offset: number;
}

/** What an args recording says of one call. Values are signed; pointers keep their low 52 bits. */
export interface CallData {
  readonly fn: string;
  readonly args: readonly number[];
  /** NaN: the return was not seen, or the function returns nothing. */
  result: number;
  /** Undefined: not seen, or shadowed by another return probe. */
  place: ReturnPlace | undefined;
  readonly calls: CallData[];
}

/** One recorded call. */
export interface CallTree {
  readonly fn: string;
  readonly calls: CallTree[];
  /** Nanoseconds with and without the calls it made; NaN where the recording does not show the end. */
  total: number;
  /** An interrupt landed in it, or the recording lost its end: calls may be missing. */
  broken: boolean;
  data: CallData | null;
}

/** Trees of one task, in order. */
export interface TaskTrees {
  readonly task: string;
  readonly roots: CallTree[];
}

/** Nanoseconds of the function itself, NaN where unknown. */
export function selfOf(tree: CallTree): number {
  let self = tree.total;
  for (const call of tree.calls) self -= call.total;
  return Math.max(0, self);
}
