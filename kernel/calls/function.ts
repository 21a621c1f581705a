/**
 * Kernel functions as behaviours name them. A behaviour is written once, independent of any kernel; each kernel
 * resolves it against its image (`CallEngine`).
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";

/** A handle to a kernel function by name: cheap to call through. */
export interface FunctionRef {
  readonly name: string;
  /** Index into the table of all referenced functions of this process. */
  readonly index: number;
}

/** What a coroutine waits for when it blocks. `until` is absolute virtual time; without it only a wake-up resumes. */
export interface Wait {
  readonly until?: number;
  /** Only the time ends it: a recording says when the wait was over. */
  readonly firm?: boolean;
}

/** A kernel code path that may block: yields while it waits. */
export type Blocking<T> = Generator<Wait, T, void>;

/** A behaviour that never blocks. Arguments and result are signed words; NaN means "unknown". */
export type PlainBody = (k: Kernel, ...args: number[]) => number;

/** A behaviour that may block. */
export type BlockingBody = (k: Kernel, ...args: number[]) => Blocking<number>;

/** A function whose arguments, state or results the model knows. */
export interface Behaviour extends FunctionRef {
  /** Functions that the body calls itself; the rest of what the recordings show under it is padded around them. */
  readonly calls: readonly FunctionRef[];
  readonly body: PlainBody | BlockingBody;
  readonly blocking: boolean;
}

const refs: FunctionRef[] = [];
const byName = new Map<string, FunctionRef>();
const behaviours = new Map<string, Behaviour>();

/** The handle of a kernel function, modeled or not. Same name, same handle. */
export function fn(name: string): FunctionRef {
  let ref = byName.get(name);
  if (ref === undefined) {
    ref = { name, index: refs.length };
    refs.push(ref);
    byName.set(name, ref);
  }
  return ref;
}

/** Defines the behaviour of a function that cannot block. */
export function behaviour(name: string, calls: readonly FunctionRef[], body: PlainBody): FunctionRef {
  return define(name, calls, body, false);
}

/** Defines the behaviour of a function that may block (a generator; call it with `yield* k.calls.callBlocking`). */
export function blocking(name: string, calls: readonly FunctionRef[], body: BlockingBody): FunctionRef {
  return define(name, calls, body, true);
}

function define(
  name: string,
  calls: readonly FunctionRef[],
  body: PlainBody | BlockingBody,
  isBlocking: boolean,
): FunctionRef {
  if (behaviours.has(name)) throw new Error(`Cannot define behaviour "${name}": it is defined already`);
  const ref = fn(name);
  behaviours.set(name, { ...ref, calls, body, blocking: isBlocking });
  return ref;
}

/** The behaviour of a function, if it has one. */
export function behaviourOf(name: string): Behaviour | undefined {
  return behaviours.get(name);
}

/** Names of all functions that have a behaviour, sorted. */
export function behaviourNames(): readonly string[] {
  return [...behaviours.keys()].sort();
}
