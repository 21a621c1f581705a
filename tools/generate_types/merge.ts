/**
 * Merges the declarations of several kernels: what they share is said once, what only some have is marked.
 *
 * @module
 */

import type { Shapes, Slot } from "./model.ts";

/** A slot of a merged declaration. `on` is left out where every kernel that has the owner has it. */
export interface MergedSlot extends Slot {
  readonly on?: readonly string[];
}

/** A struct, union or tracepoint, or a function's parameters. */
export interface Merged {
  /** Left out where every kernel has it. */
  readonly on?: readonly string[];
  readonly slots: readonly MergedSlot[];
}

/** A function. */
export interface MergedFunction extends Merged {
  /** `undefined` where no kernel knows the prototype. */
  readonly ret: string | undefined;
}

/** The declarations of several kernels, by name in ascending order. */
export interface MergedShapes {
  readonly kernels: readonly string[];
  readonly functions: ReadonlyMap<string, MergedFunction>;
  readonly types: ReadonlyMap<string, Merged>;
  readonly tracepoints: ReadonlyMap<string, Merged>;
}

/** Merges by kernel name (an architecture, say), in the order given. */
export function mergeShapes(all: ReadonlyMap<string, Shapes>): MergedShapes {
  const kernels = [...all.keys()];
  const functions = new Map<string, MergedFunction>();
  for (const [name, having] of gather(all, (shapes) => shapes.functions)) {
    const known = [...having].flatMap(([kernel, shape]) =>
      shape === undefined ? [] : [[kernel, shape] as const]
    );
    const slots = mergeSlots(new Map(known.map(([kernel, shape]) => [kernel, shape.params])));
    const ret = known.length === 0 ? undefined : unite(known.map(([, shape]) => shape.ret));
    functions.set(name, { ...where(having, kernels), slots, ret });
  }
  return {
    kernels,
    functions,
    types: mergeOwners(gather(all, (shapes) => shapes.types), kernels),
    tracepoints: mergeOwners(gather(all, (shapes) => shapes.tracepoints), kernels),
  };
}

function gather<T>(
  all: ReadonlyMap<string, Shapes>,
  part: (shapes: Shapes) => ReadonlyMap<string, T>,
): [string, Map<string, T>][] {
  const found = new Map<string, Map<string, T>>();
  for (const [kernel, shapes] of all) {
    for (const [name, value] of part(shapes)) {
      const having = found.get(name) ?? new Map<string, T>();
      found.set(name, having.set(kernel, value));
    }
  }
  return [...found].sort(([a], [b]) => a < b ? -1 : 1);
}

function mergeOwners(
  owners: readonly [string, Map<string, readonly Slot[]>][],
  kernels: readonly string[],
): ReadonlyMap<string, Merged> {
  return new Map(
    owners.map(([name, having]) => [name, { ...where(having, kernels), slots: mergeSlots(having) }]),
  );
}

/** Slots in the order of the first kernel; those that it lacks follow. */
function mergeSlots(having: ReadonlyMap<string, readonly Slot[]>): readonly MergedSlot[] {
  const owners = [...having.keys()];
  const found = new Map<string, Map<string, string>>();
  for (const [kernel, slots] of having) {
    for (const { name, type } of slots) {
      const types = found.get(name) ?? new Map<string, string>();
      // Members of a union's anonymous structs may repeat a name: the first one is meant.
      if (!types.has(kernel)) found.set(name, types.set(kernel, type));
    }
  }
  return [...found].map(([name, types]) => ({
    name,
    type: unite([...types.values()]),
    ...where(types, owners),
  }));
}

function where(
  having: ReadonlyMap<string, unknown>,
  all: readonly string[],
): { readonly on?: readonly string[] } {
  return having.size === all.length ? {} : { on: all.filter((kernel) => having.has(kernel)) };
}

function unite(types: readonly string[]): string {
  return [...new Set(types)].join(" | ");
}
