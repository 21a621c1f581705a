/**
 * Writes the text sections that `text.ts` reads.
 *
 * @module
 */
import { ByteWriter } from "./bytes.ts";
import type { Section } from "./container.ts";
import type { CallSite } from "./model.ts";
import { CALL_KINDS, FUNCTIONS_PER_CHUNK } from "./text.ts";

/** A function's text as the encoder takes it. */
export interface TextRecord {
  /** Instruction lengths; empty where all are 4 bytes or none are known. */
  readonly lengths: Uint8Array;
  /** Call sites in address order; `target` is a rank in the table of targets. */
  readonly calls: readonly {
    readonly offset: number;
    readonly kind: CallSite["kind"];
    readonly target: number;
  }[];
}

/** Encodes functions in address order; `targets` holds name ids, most called first, so that most calls need a byte. */
export function encodeText(
  functions: readonly TextRecord[],
  targets: readonly number[],
): Map<Section, Uint8Array[]> {
  // Little-endian words: the one table that every call needs is not worth decoding.
  const names = new Uint8Array(Uint32Array.from(targets).buffer);
  const lengths: Uint8Array[] = [];
  const calls: Uint8Array[] = [];
  for (let start = 0; start < functions.length; start += FUNCTIONS_PER_CHUNK) {
    const slice = functions.slice(start, start + FUNCTIONS_PER_CHUNK);
    lengths.push(encodeLengths(slice));
    calls.push(encodeCalls(slice));
  }
  return new Map<Section, Uint8Array[]>([["targets", [names]], ["lengths", lengths], [
    "calls",
    calls,
  ]]);
}

function encodeLengths(functions: readonly TextRecord[]): Uint8Array {
  const out = new ByteWriter();
  for (const fn of functions) out.uint(fn.lengths.length);
  for (const fn of functions) out.raw(fn.lengths);
  return out.finish();
}

function encodeCalls(functions: readonly TextRecord[]): Uint8Array {
  const out = new ByteWriter();
  for (const fn of functions) out.uint(fn.calls.length);
  for (const fn of functions) {
    let last = 0;
    for (const call of fn.calls) {
      out.uint((call.offset - last) * CALL_KINDS.length + CALL_KINDS.indexOf(call.kind));
      last = call.offset;
    }
  }
  for (const fn of functions) for (const call of fn.calls) out.uint(call.target);
  return out.finish();
}
