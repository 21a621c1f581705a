/**
 * Pass: what the kernel's declarations tell: enum constants, sizes, offsets.
 *
 * @module
 */

import { bareType } from "../../image/ctype.ts";
import type { CType } from "../../image/model.ts";
import { nearNames } from "../../image/near.ts";
import type { Ir } from "../ir.ts";
import type { Span } from "../nodes.ts";
import { INT64, typeText, UINT64, type ValueType } from "../types.ts";
import { quoted } from "./attach_points.ts";
import { at, failed, type Scope } from "./scope.ts";
import { typeByText } from "./type_names.ts";

/** A constant of an enum, by its name. */
export function resolveEnumerator(name: string, span: Span | undefined, scope: Scope): Ir {
  const value = scope.image.enumerator(name);
  if (value !== undefined) return { op: "const", value, type: INT64, ...at(span) };
  scope.report("error", `No enum of this kernel has a constant "${name}"`, { span });
  return failed(span);
}

/** A C type by its spelling; what is wrong is reported. */
export function namedType(text: string, span: Span | undefined, scope: Scope): CType | undefined {
  const type = typeByText(text, scope.image);
  if (type !== undefined) return type;
  const near = scope.image.nearTypes(text.replace(/[\s*]+$/, ""), 3);
  scope.report("error", `No type "${text}"`, {
    span,
    hint: near.length > 0 ? `did you mean ${quoted(near)}?` : undefined,
  });
  return undefined;
}

/** The size of a type, or of an expression's, in bytes. */
export function resolveSizeof(of: string | Ir, span: Span | undefined, scope: Scope): Ir {
  const size = typeof of === "string" ? sizeOfName(of, span, scope) : sizeOfType(of.type, scope);
  if (size !== undefined) return { op: "const", value: size, type: UINT64, ...at(span) };
  if (typeof of !== "string" && of.type.kind !== "unknown") {
    scope.report("error", `The size of a ${typeText(of.type, scope.image)} is not known`, { span });
  }
  return failed(span);
}

function sizeOfName(name: string, span: Span | undefined, scope: Scope): number | undefined {
  const type = namedType(name, span, scope);
  return type === undefined ? undefined : sized(type, scope);
}

function sized(type: CType, scope: Scope): number | undefined {
  const bare = bareType(type);
  if (bare.kind === "fwd" || bare.kind === "func_proto") return undefined;
  return bare.kind === "void" ? 1 : scope.image.sizeOf(bare);
}

function sizeOfType(type: ValueType, scope: Scope): number | undefined {
  switch (type.kind) {
    case "int":
      return type.size;
    case "bool":
      return 1;
    case "pointer":
      return scope.image.pointerSize;
    case "struct":
      return sized(type.type, scope);
    case "array": {
      const size = sized(type.of, scope);
      return size === undefined ? undefined : size * type.length;
    }
    default:
      return undefined;
  }
}

/** Where a field lies in a type, in bytes. */
export function resolveOffsetof(
  type: string,
  field: string,
  span: Span | undefined,
  scope: Scope,
): Ir {
  const offset = offsetIn(type, field, span, scope)?.offset;
  return offset === undefined ? failed(span) : { op: "const", value: offset, type: UINT64, ...at(span) };
}

/** The struct that a pointer to one of its fields points into. */
export function resolveContainerOf(
  pointer: Ir,
  type: string,
  field: string,
  span: Span | undefined,
  scope: Scope,
): Ir {
  const found = offsetIn(type, field, span, scope);
  if (found === undefined) return failed(span);
  const { kind } = pointer.type;
  if (kind !== "pointer" && kind !== "struct" && kind !== "array" && kind !== "unknown" && kind !== "int") {
    scope.report("error", `container_of takes a pointer, not a ${typeText(pointer.type, scope.image)}`, {
      span,
    });
    return failed(span);
  }
  return {
    op: "address",
    address: pointer,
    offset: -found.offset,
    index: undefined,
    scale: 0,
    type: { kind: "pointer", to: found.type },
    ...at(span),
  };
}

function offsetIn(
  name: string,
  field: string,
  span: Span | undefined,
  scope: Scope,
): { readonly type: CType; readonly offset: number } | undefined {
  const type = namedType(name, span, scope);
  if (type === undefined) return undefined;
  const bare = bareType(type);
  const layout = bare.kind === "struct" || bare.kind === "union" ? scope.image.field(bare, field) : undefined;
  if (layout !== undefined && layout.bitSize === 0) return { type, offset: layout.offset };
  const names = bare.kind === "struct" || bare.kind === "union" ? scope.image.fieldNames(bare) : [];
  const near = nearNames(field, names, 3);
  scope.report(
    "error",
    layout === undefined ? `No field "${field}" in ${name}` : `"${field}" is a bit-field: it has no offset`,
    { span, hint: near.length > 0 ? `did you mean ${quoted(near)}?` : undefined },
  );
  return undefined;
}
