/**
 * Which recorded variants a system call on a descriptor can mean: those that reach the operations of the descriptor's
 * file, or else of a file that is used in the same way, with or without a position.
 *
 * @module
 */

import type { CallEngine } from "../calls/engine.ts";
import { VariantHint } from "../calls/hint.ts";
import { type FileOperations, fileOperations, operationRefs } from "../fs/fileops.ts";
import type { Kernel } from "../kernel.ts";

const hints = new WeakMap<CallEngine, Map<FileOperations, VariantHint>>();

/** What tells the variants of a call on a descriptor apart, by the operations of its file. */
export function hintOf(k: Kernel, ops: FileOperations): VariantHint {
  let known = hints.get(k.calls);
  if (known === undefined) {
    known = new Map();
    hints.set(k.calls, known);
  }
  let hint = known.get(ops);
  if (hint === undefined) {
    hint = make(k, ops);
    known.set(ops, hint);
  }
  return hint;
}

function make(k: Kernel, own: FileOperations): VariantHint {
  const ids = (tables: readonly FileOperations[]) =>
    tables.flatMap(operationRefs).map((ref) => k.calls.functions.byRef(ref).shape);
  const all = fileOperations();
  const alike = all.filter(({ seekable }) => seekable === own.seekable);
  return new VariantHint(k.calls.shapes, ids([own]), ids(alike), ids(all));
}
