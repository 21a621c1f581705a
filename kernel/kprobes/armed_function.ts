/**
 * What is armed on one function, as the call engine sees it.
 *
 * @module
 */

import type { PtRegs } from "../arch/pt_regs.ts";
import type { FunctionHooks } from "../calls/hooks.ts";
import type { ProbePoint } from "./point.ts";

/** The armed points of a function. A new one is made whenever they change. */
export class ArmedFunction implements FunctionHooks {
  readonly offsets: readonly number[];
  readonly #entry: ProbePoint | null;
  readonly #inside: ReadonlyMap<number, ProbePoint>;

  constructor(points: readonly ProbePoint[]) {
    this.#entry = points.find((p) => p.offset === 0) ?? null;
    const inside = points.filter((p) => p.offset !== 0).sort((a, b) => a.offset - b.offset);
    this.offsets = inside.map((p) => p.offset);
    this.#inside = new Map(inside.map((p) => [p.offset, p]));
  }

  /** See `FunctionHooks`. */
  entry(regs: PtRegs): boolean {
    return this.#entry !== null && this.#entry.armed && this.#entry.hit(regs);
  }

  /** See `FunctionHooks`. */
  at(offset: number, regs: PtRegs): void {
    const point = this.#inside.get(offset);
    if (point !== undefined && point.armed) point.hit(regs);
  }
}
