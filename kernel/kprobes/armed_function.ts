/**
 * What is armed on one function, as the call engine sees it.
 *
 * @module
 */

import type { PtRegs } from "../arch/pt_regs.ts";
import type { FunctionHooks } from "../calls/hooks.ts";
import type { ProbePoint } from "./point.ts";
import { lockup } from "./resume.ts";

/** Hits in a row, without anything in between, after which a CPU counts as stuck. */
const STUCK = 1000;

/** The armed points of a function. A new one is made whenever they change. */
export class ArmedFunction implements FunctionHooks {
  readonly offsets: readonly number[];
  readonly #entry: ProbePoint | null;
  /** On the instruction behind the ftrace site: nothing can happen between the entry and it. */
  readonly #second: ProbePoint | null;
  /** Its offset, also where nothing is armed there; 0 where the function has none. */
  readonly #secondOffset: number;
  readonly #inside: ReadonlyMap<number, ProbePoint>;

  /** `second`: offset of the instruction behind the ftrace site, null where the function has none. */
  constructor(points: readonly ProbePoint[], second: number | null = null) {
    this.#entry = points.find((p) => p.offset === 0) ?? null;
    this.#second = points.find((p) => p.offset === second) ?? null;
    this.#secondOffset = second ?? 0;
    const inside = points.filter((p) => p.offset !== 0 && p.offset !== second);
    inside.sort((a, b) => a.offset - b.offset);
    this.offsets = inside.map((p) => p.offset);
    this.#inside = new Map(inside.map((p) => [p.offset, p]));
  }

  /** See `FunctionHooks`. */
  entry(regs: PtRegs): boolean {
    let hooked = this.#entry !== null && this.#entry.armed && this.#entry.hit(regs);
    if (regs.resumption === null && this.#second !== null && this.#second.armed) {
      hooked = this.#second.hit(regs) || hooked;
    }
    return regs.resumption === null ? hooked : this.#follow(regs, hooked);
  }

  /** See `FunctionHooks`. */
  at(offset: number, regs: PtRegs): void {
    const point = this.#inside.get(offset);
    if (point === undefined || !point.armed) return;
    point.hit(regs);
    for (let times = 1; goesOnAt(regs) === offset; times++) {
      regs.resumption = times < STUCK ? null : lockup(point.place);
      if (regs.resumption === null && point.armed) point.hit(regs);
    }
  }

  /** A handler moved control. As long as it stays among the first instructions, it meets the probes there again. */
  #follow(regs: PtRegs, hooked: boolean): boolean {
    let returnHooked = hooked;
    for (let times = 1;; times++) {
      const offset = goesOnAt(regs);
      // Behind the first instructions nothing that a probe sees was left out, unless there is a call in between.
      if (!(offset <= this.#secondOffset)) return returnHooked;
      const first = offset === 0 && this.#entry !== null && this.#entry.armed ? this.#entry : null;
      if (times === STUCK) {
        const place = (first ?? this.#second ?? this.#entry)?.place;
        if (place !== undefined) regs.resumption = lockup(place);
        return returnHooked;
      }
      regs.resumption = null;
      if (first !== null) returnHooked = first.hit(regs, returnHooked) || returnHooked;
      if (regs.resumption === null && this.#second !== null && this.#second.armed) {
        returnHooked = this.#second.hit(regs) || returnHooked;
      }
      if (regs.resumption === null) return returnHooked;
    }
  }
}

/** The offset in the same function at which execution goes on; NaN where a handler sent it elsewhere, or nowhere. */
function goesOnAt({ resumption }: PtRegs): number {
  return resumption !== null && resumption.kind === "continues" ? resumption.offset : NaN;
}
