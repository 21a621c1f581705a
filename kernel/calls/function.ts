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
  /** Absolute virtual time at which it ends at the latest. */
  readonly until?: number;
  /** Only the time ends it: a recording says when the wait was over. */
  readonly firm?: boolean;
}

/** A kernel code path that may block: yields while it waits. */
export type Blocking<T> = Generator<Wait, T, void>;

/** What a call comes to that may wait: its result, or the rest of it, which `yield*` goes on with. */
export type Pending = number | Blocking<number>;

/** What `yield*` takes of a call that may wait. */
export type CallSteps = Iterable<Wait, number, void>;

/** What a call came to, for `yield*`: at once, before the next call is made. */
export function steps(pending: Pending): CallSteps {
  return typeof pending === "number" ? DONE.with(pending) : pending;
}

/** A call that is done already. */
class Done implements CallSteps, Iterator<Wait, number, void> {
  readonly #result = { done: true as const, value: NaN };

  /** The same, with another result. */
  with(value: number): this {
    this.#result.value = value;
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorReturnResult<number> {
    return this.#result;
  }
}

const DONE = new Done();

/** Goes on with what a call came to: now if it is done, else when it is. */
export function whenDone(pending: Pending, then: (result: number) => number): Pending {
  return typeof pending === "number" ? then(pending) : later(pending, then);
}

function* later(rest: Blocking<number>, then: (result: number) => number): Blocking<number> {
  return then(yield* rest);
}

/** A behaviour that never blocks. Arguments and result are signed words; NaN means "unknown". */
export type PlainBody = (k: Kernel, ...args: number[]) => number;

/**
 * A behaviour that may block: a generator, or where it is called often and seldom waits, a function that returns what the
 * call it ends with comes to (`callOrWait`, `whenDone`).
 */
export type BlockingBody = (k: Kernel, ...args: number[]) => Pending;

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

let callees: ReadonlySet<string> = new Set();
let calleesOf = 0;

/** Names of all functions that some behaviour calls. */
export function calleeNames(): ReadonlySet<string> {
  if (calleesOf !== behaviours.size) {
    const names = new Set<string>();
    for (const { calls } of behaviours.values()) for (const { name } of calls) names.add(name);
    callees = names;
    calleesOf = behaviours.size;
  }
  return callees;
}
