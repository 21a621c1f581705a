/**
 * What a run returns for each map, as types: derived from the key and value functions of the probes.
 *
 * @module
 */

import type { Stack } from "../graph/hit.ts";
import type { PointerValue, StackValue } from "../graph/value.ts";
import type { Pointer } from "../types/words.ts";

/** A pointer of any kind. */
export type AnyPointer = Pick<Pointer, "isNull">;

/** A key that is not a tuple. */
export type KeyPart = string | number | bigint | boolean | AnyPointer | Stack | null | undefined;

/** What `.by` may return. */
export type Key = KeyPart | readonly KeyPart[];

/** The plain data that a key or a value becomes in a result. */
export type Data<T> = T extends string | number | bigint | boolean ? T
  : T extends Stack ? StackValue
  : T extends AnyPointer ? PointerValue
  : T extends readonly unknown[] ? { readonly [I in keyof T]: Data<T[I]> }
  : null;

/** A map with keys, in print order. A tuple key is given as an array: `get(["cat", 12])`. */
export interface KeyedMap<K, V> extends Iterable<readonly [K, V]> {
  /** Number of keys. */
  readonly size: number;
  /** The value under a key; `undefined` where no hit had that key. */
  get(key: K): V | undefined;
  /** True where some hit had that key. */
  has(key: K): boolean;
  /** The keys, in print order. */
  keys(): Iterable<K>;
  /** The values, in print order. */
  values(): Iterable<V>;
  /** Keys with their values, in print order. */
  entries(): Iterable<readonly [K, V]>;
}

/** Marks a map without keys. */
export interface NoKey {
  /** Only a type. */
  readonly noKey: true;
}

/** Result of a map: by key, or the value itself where it has no key (`undefined` if nothing was ever added). */
export type MapResult<K, V> = [K] extends [NoKey] ? V | undefined : KeyedMap<Data<K>, V>;

/** Result of a count: as `MapResult`, but 0 where a count without key saw no hit. */
export type CountResult<K> = [K] extends [NoKey] ? number : KeyedMap<Data<K>, number>;
