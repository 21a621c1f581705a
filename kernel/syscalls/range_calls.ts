/**
 * System calls on ranges of a file. On i386 each 64-bit argument comes in two registers.
 *
 * @module
 */

import type { FunctionRef } from "../calls/function.ts";
import { KSYS_FADVISE64_64, KSYS_FALLOCATE, KSYS_READAHEAD } from "../fs/ranges.ts";
import { KSYS_SYNC_FILE_RANGE } from "../fs/sync.ts";
import { type ArgumentKind, blockingSyscall } from "./define.ts";
import { wide } from "./io_calls.ts";

/** An argument: as it comes, or 64 bits wide. */
type Kind = ArgumentKind | "loff_t";

/** Defines a call with 64-bit arguments for all architectures: `name`, and `ia32_name` with split ones. It may wait. */
function ranged(name: string, operation: FunctionRef, kinds: readonly Kind[]): void {
  const whole = kinds.map((kind) => kind === "loff_t" ? "long" : kind);
  blockingSyscall(name, whole, [operation], (k, ...args) => k.calls.callOrWait(operation, ...args));
  const halves = kinds.flatMap((kind): ArgumentKind[] => kind === "loff_t" ? ["uint", "uint"] : [kind]);
  blockingSyscall(
    `ia32_${name}`,
    halves,
    [operation],
    (k, ...args) => k.calls.callOrWait(operation, ...joined(kinds, args)),
  );
}

function joined(kinds: readonly Kind[], args: readonly number[]): number[] {
  let at = 0;
  return kinds.map((kind) => {
    const low = args[at++] ?? 0;
    return kind === "loff_t" ? wide(low, args[at++] ?? 0) : low;
  });
}

ranged("fallocate", KSYS_FALLOCATE, ["int", "int", "loff_t", "loff_t"]);
ranged("fadvise64", KSYS_FADVISE64_64, ["int", "loff_t", "ulong", "int"]);
ranged("fadvise64_64", KSYS_FADVISE64_64, ["int", "loff_t", "loff_t", "int"]);
ranged("readahead", KSYS_READAHEAD, ["int", "loff_t", "ulong"]);
ranged("sync_file_range", KSYS_SYNC_FILE_RANGE, ["int", "loff_t", "loff_t", "uint"]);
