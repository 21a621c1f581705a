/**
 * Pass: calls of the context's functions: how many arguments, of which kinds, and the type of the result.
 *
 * @module
 */

import type { ContextFunction, Parameter } from "../functions/function.ts";
import type { Ir } from "../ir.ts";
import type { Span } from "../nodes.ts";
import { typeText, UNKNOWN, type ValueType } from "../types.ts";
import type { Scope } from "./scope.ts";

const KINDS: Readonly<Record<Parameter["kind"], readonly ValueType["kind"][]>> = {
  integer: ["int", "bool", "pointer", "float"],
  string: ["string"],
  bytes: ["pointer", "array", "struct", "int", "string"],
  any: ["int", "bool", "pointer", "float", "array", "struct", "string"],
};

const WORDS: Readonly<Record<Parameter["kind"], string>> = {
  integer: "an integer",
  string: "a string",
  bytes: "a place in memory",
  any: "a value",
};

/** Arguments as the function takes them: of characters that are read as bytes, the address. */
export function functionArguments(definition: ContextFunction, args: readonly Ir[]): readonly Ir[] {
  return args.map((arg, i) => {
    const kind = definition.parameters[i]?.kind;
    if (arg.op !== "str" || kind !== "bytes" && kind !== "any") return arg;
    const { address, offset, max } = arg;
    const length = max.op === "const" && typeof max.value === "number" ? max.value : 0;
    const of = { kind: "int", id: 0, name: "u8", size: 1, signed: false, encoding: "int" } as const;
    return {
      op: "address",
      address,
      offset,
      index: undefined,
      scale: 0,
      type: { kind: "array", of, length },
      ...(arg.span === undefined ? {} : { span: arg.span }),
    };
  });
}

/** Type of a call; reports wrong arguments. */
export function functionType(
  definition: ContextFunction,
  args: readonly Ir[],
  span: Span | undefined,
  scope: Scope,
): ValueType {
  const { name, parameters, result } = definition;
  const least = parameters.filter((parameter) => parameter.optional !== true).length;
  const fits = args.length >= least && args.length <= parameters.length &&
    args.every((arg, i) => {
      const kind = parameters[i]?.kind;
      return kind !== undefined &&
        (arg.type.kind === "unknown" || arg.type.kind === "never" || KINDS[kind].includes(arg.type.kind));
    });
  const types = args.map((arg) => arg.type);
  if (!fits) {
    const takes = parameters.map((parameter) =>
      `${WORDS[parameter.kind]} (${parameter.name}${parameter.optional === true ? ", may be left out" : ""})`
    );
    const given = types.map((type) => typeText(type, scope.image)).join(", ");
    scope.report("error", `"${name}" takes ${takes.join(", ") || "nothing"}; it is given (${given})`, {
      span,
    });
    return UNKNOWN;
  }
  const fault = definition.fault?.(types);
  if (fault !== undefined) {
    scope.report("error", `"${name}": ${fault}`, { span });
    return UNKNOWN;
  }
  return typeof result === "function" ? result(types) : result;
}
