/**
 * What the types of a program's maps are: joined from all that is stored in them, in rounds, since what is stored may
 * come out of a map itself.
 *
 * @module
 */

import type { Ir, IrStatement, IrStep } from "../ir.ts";
import { statementsIn } from "../ir.ts";
import type { MapNode } from "../nodes.ts";
import { INT64, NEVER, surely, UNKNOWN, type ValueType } from "../types.ts";
import { flatKey } from "./map_use.ts";
import { join } from "./operators.ts";

/** The types of one map: of its key's parts, and of the values stored in it. */
export interface MapType {
  readonly node: MapNode;
  readonly key: readonly ValueType[];
  readonly value: ValueType;
}

/** The types of the maps of a program, as far as they are known. */
export class MapTypes {
  readonly #types = new Map<string, MapType>();

  constructor(maps: readonly MapNode[]) {
    for (const node of maps) {
      const key = new Array<ValueType>(node.keyParts).fill(NEVER);
      this.#types.set(node.name, { node, key, value: NEVER });
    }
  }

  /** A map by name; undefined where there is none. */
  get(name: string): MapType | undefined {
    return this.#types.get(name);
  }

  /** Takes in what a probe's steps do with maps. True where a type became wider. */
  learn(steps: readonly IrStep[]): boolean {
    let changed = false;
    for (const statement of statementsIn(steps)) changed = this.#learnOne(statement) || changed;
    return changed;
  }

  /** Nothing tells any more what is stored: functions that run as they are may do it. */
  settle(opaque: boolean): void {
    for (const [name, type] of this.#types) {
      const key = type.key.map((part) => part.kind === "never" ? UNKNOWN : part);
      const value = type.value.kind === "never" && opaque ? UNKNOWN : type.value;
      this.#types.set(name, { ...type, key, value });
    }
  }

  #learnOne(statement: IrStatement): boolean {
    if (statement.op !== "store" && statement.op !== "aggregate") return false;
    const known = this.#types.get(statement.map);
    if (known === undefined) return false;
    const parts = flatKey(statement.key, known.node.keyParts);
    const key = known.key.map((part, i) => joined(part, parts[i]));
    const value = statement.op === "store" ? joined(known.value, statement.value) : known.value;
    if (same(value, known.value) && key.every((part, i) => same(part, known.key[i] ?? NEVER))) return false;
    this.#types.set(statement.map, { node: known.node, key, value });
    return true;
  }
}

function joined(known: ValueType, given: Ir | undefined): ValueType {
  if (given === undefined || given.type.kind === "unknown" || given.type.kind === "null") return known;
  const type = surely(given.type);
  return known.kind === "never" ? widened(type) : join(known, widened(type));
}

/** Maps hold integers in 64 bits. */
function widened(type: ValueType): ValueType {
  if (type.kind === "int") return type.signed || type.size < 8 ? INT64 : type;
  return type;
}

function same(a: ValueType, b: ValueType): boolean {
  return a === b || JSON.stringify(a, plain) === JSON.stringify(b, plain);
}

/** C types refer to one another in circles: their id tells them apart. */
function plain(name: string, value: unknown): unknown {
  if ((name === "to" || name === "of" || name === "type") && typeof value === "object" && value !== null) {
    return "id" in value ? `${String(Reflect.get(value, "kind"))} ${String(value.id)}` : value;
  }
  return value;
}
