/**
 * How calls from one function to others are listed while their time is left open (`DeferredCalls`): found out once per
 * pair of functions and arming.
 *
 * @module
 */

import type { KernelFunction } from "./kernel_function.ts";

/** Nobody has asked yet. */
export const ASK = 0;
/** It gets a frame of its own, and follows a plan of its own. */
export const LISTED = 1;
/** It gets a frame; its plan is its caller's: no recording shows it. */
export const TRANSPARENT = 2;
/** The caller's text has it inlined: no frame. */
export const INLINE = 3;
/** Calls have to be followed as they are made from here on. */
export const FOLLOWED = 4;
/** The same, unless nobody looks at its result; else `LISTED` or `TRANSPARENT`. */
export const FOLLOWED_IF_ASKED = 8;

const NONE = new Uint8Array(0);

/** What is known of the calls that one function makes. */
export class Listing {
  #generation = 0;
  /** Whose plan they follow, and what is known of them then, by the callee's number. */
  #owner: KernelFunction | null = null;
  #kinds: Uint8Array = NONE;
  /** The same for other owners. */
  readonly #byOwner = new Map<KernelFunction, Uint8Array>();

  /** What was kept for a call of `callee`, `ASK` where nothing was since the arming changed. */
  of(callee: KernelFunction, owner: KernelFunction, generation: number): number {
    if (this.#generation !== generation) {
      this.#generation = generation;
      this.#byOwner.clear();
      this.#owner = null;
    }
    if (this.#owner !== owner) {
      this.#owner = owner;
      this.#kinds = this.#byOwner.get(owner) ?? NONE;
    }
    const { id } = callee;
    return id < this.#kinds.length ? this.#kinds[id] as number : ASK;
  }

  /** Keeps it, for what `of` was asked last. */
  keep(callee: KernelFunction, kind: number): void {
    const { id } = callee;
    if (id >= this.#kinds.length) {
      const kinds = new Uint8Array(Math.max(64, id * 2));
      kinds.set(this.#kinds);
      this.#kinds = kinds;
      if (this.#owner !== null) this.#byOwner.set(this.#owner, kinds);
    }
    this.#kinds[id] = kind;
  }
}
