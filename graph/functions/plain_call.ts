/**
 * The context's functions for what runs as it is: arguments are JavaScript's values.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { Hit } from "../hit.ts";
import { BUFFER, INT64, STRING, UNKNOWN, type ValueType } from "../types.ts";
import { addressOf } from "../value.ts";
import type { ContextFunction } from "./function.ts";

/** Calls a function with plain values; their types are what JavaScript tells. */
export function callPlainly(
  definition: ContextFunction,
  hit: Hit,
  image: KernelImage,
  args: readonly unknown[],
): unknown {
  const types = args.map(typeOf);
  const fault = definition.fault?.(types, args);
  if (fault !== undefined) throw new TypeError(`${definition.name}: ${fault}`);
  return definition.run({ hit, image, types }, ...args.map(plain));
}

function typeOf(value: unknown): ValueType {
  switch (typeof value) {
    case "number":
    case "bigint":
      return { ...INT64, size: 0 } as ValueType;
    case "boolean":
      return { kind: "bool" };
    case "string":
      return STRING;
    default:
      if (Array.isArray(value)) {
        const of = { kind: "int", id: 0, name: "u8", size: 1, signed: false, encoding: "int" } as const;
        return { kind: "array", of, length: value.length };
      }
      if (typeof value === "object" && value !== null && "bytes" in value) return BUFFER;
      return UNKNOWN;
  }
}

function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return addressOf(value) ?? value;
}
