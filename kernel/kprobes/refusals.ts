/**
 * Why probes were refused: what Linux doesn't tell.
 *
 * @module
 */

import { errnoName } from "../errno_name.ts";
import type { Kprobe } from "./kprobe.ts";
import type { Refusal } from "./place.ts";

/** A refused registration, enabling or disabling. */
export interface ProbeRefusal {
  /** Positive. */
  readonly errno: number;
  /** `EINVAL` */
  readonly name: string;
  /** A sentence: what was asked, and what stands in the way. */
  readonly reason: string;
}

/** The last refusal of each probe. */
export class Refusals {
  readonly #of = new WeakMap<Kprobe, ProbeRefusal>();

  /** Remembers one. `action` is what was asked: `register`. */
  note(p: Kprobe, refusal: Refusal, action: string): void {
    const kind = p.kretprobe === null ? "kprobe" : "kretprobe";
    this.#of.set(p, {
      errno: refusal.errno,
      name: errnoName(refusal.errno),
      reason: `Cannot ${action} ${kind} "${p.label}": ${refusal.reason}`,
    });
  }

  /** It was accepted. */
  clear(p: Kprobe): void {
    this.#of.delete(p);
  }

  /** The last one, if it was refused last. */
  of(p: Kprobe): ProbeRefusal | undefined {
    return this.#of.get(p);
  }
}
