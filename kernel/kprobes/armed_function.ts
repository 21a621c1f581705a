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
  /** On the instruction behind the ftrace site: nothing can happen between the entry and it. */
  readonly #second: ProbePoint | null;
  readonly #inside: ReadonlyMap<number, ProbePoint>;

  /** `second`: offset of the instruction behind the ftrace site, null where the function has none. */
  constructor(points: readonly ProbePoint[], second: number | null = null) {
    this.#entry = points.find((p) => p.offset === 0) ?? null;
    this.#second = points.find((p) => p.offset === second) ?? null;
    const inside = points.filter((p) => p.offset !== 0 && p.offset !== second);
    inside.sort((a, b) => a.offset - b.offset);
    this.offsets = inside.map((p) => p.offset);
    this.#inside = new Map(inside.map((p) => [p.offset, p]));
  }

  /** See `FunctionHooks`. */
  entry(regs: PtRegs): boolean {
    const hooked = this.#entry !== null && this.#entry.armed && this.#entry.hit(regs);
    if (this.#second === null || !this.#second.armed || regs.skipTo === regs.skipTo) return hooked;
    return this.#second.hit(regs) || hooked;
  }

  /** See `FunctionHooks`. */
  at(offset: number, regs: PtRegs): void {
    const point = this.#inside.get(offset);
    if (point !== undefined && point.armed) point.hit(regs);
  }
}
