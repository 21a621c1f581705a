/**
 * Pass: how typed data is read. C types become loads of the right width; field names become offsets; pointers are
 * followed; characters become strings; bit-fields are cut out.
 *
 * @module
 */

import { MAX_STRING } from "../../image/c_value.ts";
import { nearNames } from "../../image/near.ts";
import { bareType, isCharacter, unqualified } from "../../image/ctype.ts";
import type { CType } from "../../image/model.ts";
import type { Ir } from "../ir.ts";
import type { Span } from "../nodes.ts";
import { BIGINT, BOOL, INT64, STRING, typeText, type ValueType } from "../types.ts";
import { quoted } from "./attach_points.ts";
import { at, exactly, failed, type Scope } from "./scope.ts";

/** Type of a value of a C type, as an expression sees it. */
export function valueType(type: CType): ValueType {
  const bare = bareType(type);
  switch (bare.kind) {
    case "int":
      return bare.encoding === "bool" ? BOOL : { kind: "int", size: bare.size, signed: bare.signed };
    case "enum":
      return { kind: "int", size: bare.size, signed: bare.signed };
    case "ptr":
      return isCharacter(bare.to) ? STRING : { kind: "pointer", to: unqualified(bare.to) };
    case "array":
      return isCharacter(bare.of) ? STRING : { kind: "array", of: bare.of, length: bare.length };
    case "struct":
    case "union":
      return { kind: "struct", type: bare };
    case "float":
      return { kind: "int", size: bare.size, signed: false };
    default:
      return INT64;
  }
}

/** Reads a value of a C type that lies in memory at `address + offset`. */
export function readMemory(
  address: Ir,
  offset: number,
  type: CType,
  span: Span | undefined,
  scope: Scope,
): Ir {
  const bare = bareType(type);
  const value = valueType(type);
  switch (bare.kind) {
    case "ptr": {
      const pointer = loadPointer(address, offset, type, span, scope);
      return value.kind === "string" ? stringAt(pointer, 0, MAX_STRING, span) : pointer;
    }
    case "array":
      if (value.kind === "string") return stringAt(address, offset, bare.length || MAX_STRING, span);
      return { op: "address", address, offset, index: undefined, scale: 0, type: value, ...at(span) };
    case "struct":
    case "union":
      return { op: "address", address, offset, index: undefined, scale: 0, type: value, ...at(span) };
    case "void":
    case "fwd":
    case "func_proto":
      scope.report("error", `Cannot read a value of type ${scope.image.typeText(type)}: it has no size`, {
        span,
      });
      return failed(span);
    default: {
      const size = scope.image.sizeOf(bare);
      const signed = value.kind === "int" && value.signed;
      const load: Ir = {
        op: "load",
        address,
        offset,
        size,
        signed,
        ...(size === 8 ? exactly(scope) : {}),
        type: { kind: "int", size, signed },
        ...at(span),
      };
      return value.kind === "bool" ? { op: "truth", operand: load, type: BOOL, ...at(span) } : load;
    }
  }
}

function loadPointer(address: Ir, offset: number, type: CType, span: Span | undefined, scope: Scope): Ir {
  const size = scope.image.pointerSize;
  const bare = bareType(type);
  const to = bare.kind === "ptr" ? unqualified(bare.to) : bare;
  return {
    op: "load",
    address,
    offset,
    size,
    signed: size === 8,
    ...(size === 8 ? exactly(scope) : {}),
    type: { kind: "pointer", to },
    ...at(span),
  };
}

function stringAt(address: Ir, offset: number, max: number, span: Span | undefined): Ir {
  return {
    op: "str",
    address,
    offset,
    max: { op: "const", value: max, type: INT64 },
    type: STRING,
    ...at(span),
  };
}

/** Gives a register word the C type of the argument or result that it carries. */
export function readRegisterValue(
  word: Ir & { readonly exact?: boolean },
  type: CType,
  what: string,
  scope: Scope,
): Ir {
  const bare = bareType(type);
  const value = valueType(type);
  const span = word.span;
  const wrapped = (size: number, signed: boolean, as: ValueType): Ir => ({
    op: "wrap",
    operand: word,
    size,
    signed,
    what,
    ...exactly(scope),
    type: as,
    ...at(span),
  });
  switch (bare.kind) {
    case "ptr": {
      const is64 = scope.image.pointerSize === 8;
      const to = unqualified(bare.to);
      const pointer: Ir = is64
        ? { ...(word.exact === true ? { op: "near", operand: word } : word), type: { kind: "pointer", to } }
        : wrapped(4, false, { kind: "pointer", to });
      return value.kind === "string" ? stringAt(pointer, 0, MAX_STRING, span) : pointer;
    }
    case "int":
    case "enum": {
      const signed = bare.signed;
      if (value.kind === "bool") {
        return {
          op: "truth",
          operand: wrapped(1, false, { kind: "int", size: 1, signed: false }),
          type: BOOL,
          ...at(span),
        };
      }
      if (bare.size > scope.image.pointerSize) return word;
      return wrapped(bare.size, signed, value);
    }
    default:
      return { ...word, type: INT64 };
  }
}

/** Resolves `base.name`. */
export function resolveField(base: Ir, name: string, span: Span | undefined, scope: Scope): Ir {
  const { image, report } = scope;
  if (base.type.kind === "record") return recordField(base, base.type.fields, name, span, scope);
  const target = structOf(base.type);
  if (target === undefined) {
    const own = pointerProperty(base, name, span);
    if (own !== undefined) return own;
    if (base.type.kind === "unknown") {
      if (base.op !== "const") {
        report("error", `No field "${name}" in a value whose type is known only when it runs`, { span });
      }
    } else {
      report("error", `No field "${name}" in a value of type ${typeText(base.type, image)}`, {
        span,
        hint: base.type.kind === "pointer" ? `cast the pointer to the type that it points at` : undefined,
      });
    }
    return failed(span);
  }
  const layout = image.field(target, name);
  if (layout === undefined) {
    const own = pointerProperty(base, name, span);
    if (own !== undefined) return own;
    const names = image.fieldNames(target);
    const near = nearNames(name, names, 3);
    report("error", `No field "${name}" in ${image.typeText(target)}`, {
      span,
      hint: near.length > 0 ? `did you mean ${quoted(near)}?` : fieldsHint(names),
    });
    return failed(span);
  }
  if (base.op === "slice") return sliceField(base, layout, name, span, scope);
  if (layout.bitSize === 0) return readMemory(base, layout.offset, layout.type, span, scope);
  const value = valueType(layout.type);
  const signed = value.kind === "int" && value.signed;
  const bits: Ir = {
    op: "bits",
    address: base,
    offset: layout.offset,
    shift: layout.bitShift,
    bits: layout.bitSize,
    signed,
    type: { kind: "int", size: value.kind === "int" ? value.size : 1, signed },
    ...at(span),
  };
  return value.kind === "bool" ? { op: "truth", operand: bits, type: BOOL, ...at(span) } : bits;
}

/** A part of a record. */
function recordField(
  base: Ir,
  fields: readonly { readonly name: string; readonly type: ValueType }[],
  name: string,
  span: Span | undefined,
  scope: Scope,
): Ir {
  const index = fields.findIndex((field) => field.name === name);
  const field = fields[index];
  if (field !== undefined) return { op: "item", base, index, type: field.type, ...at(span) };
  const names = fields.map((one) => one.name);
  const near = nearNames(name, names, 3);
  scope.report("error", `No "${name}" in a ${typeText(base.type, scope.image)}`, {
    span,
    hint: near.length > 0 ? `did you mean ${quoted(near)}?` : fieldsHint(names),
  });
  return failed(span);
}

/** What every pointer can be asked, unless what it points to has a field of that name. */
function pointerProperty(base: Ir, name: string, span: Span | undefined): Ir | undefined {
  if (base.type.kind !== "pointer" && base.type.kind !== "struct" || base.op === "slice") return undefined;
  if (name === "address") return { op: "exact", operand: base, type: BIGINT, ...at(span) };
  if (name !== "isNull" || base.type.kind !== "pointer") return undefined;
  const zero: Ir = { op: "const", value: 0, type: INT64 };
  return { op: "binary", operator: "==", left: base, right: zero, type: BOOL, ...at(span) };
}

function fieldsHint(names: readonly string[]): string | undefined {
  if (names.length === 0) return "this image does not know what is inside";
  const shown = names.slice(0, 8).join(", ");
  return `it has ${shown}${names.length > 8 ? ", …" : ""}`;
}

function structOf(type: ValueType): CType | undefined {
  const target = type.kind === "struct" ? type.type : type.kind === "pointer" ? bareType(type.to) : undefined;
  return target?.kind === "struct" || target?.kind === "union" ? target : undefined;
}

/** A field of a struct that was passed in a register. */
function sliceField(
  base: Ir & { readonly op: "slice" },
  layout: {
    readonly type: CType;
    readonly offset: number;
    readonly bitShift: number;
    readonly bitSize: number;
  },
  name: string,
  span: Span | undefined,
  scope: Scope,
): Ir {
  const wordBits = scope.image.pointerSize * 8;
  const value = valueType(layout.type);
  const size = scope.image.sizeOf(layout.type);
  const bits = layout.bitSize || size * 8;
  const from = base.shift + layout.offset * 8 + layout.bitShift;
  const shift = from % wordBits;
  const operand: Ir = base.operand.op === "word"
    ? { ...base.operand, index: base.operand.index + Math.floor(from / wordBits) }
    : base.operand;
  if (value.kind === "struct") {
    return { op: "slice", operand, shift, bits, signed: false, type: value, ...at(span) };
  }
  if (shift + bits > wordBits || value.kind === "array") {
    scope.report(
      "error",
      `Cannot read field "${name}" of a struct passed by value: it is not inside one word`,
      { span },
    );
    return failed(span);
  }
  if (value.kind === "pointer" || value.kind === "string") {
    return readRegisterValue(operand, layout.type, name, scope);
  }
  const signed = value.kind === "int" && value.signed;
  const type: ValueType = value.kind === "int" ? value : { kind: "int", size, signed };
  const cut: Ir = { op: "slice", operand, shift, bits, signed, type, ...at(span) };
  return value.kind === "bool" ? { op: "truth", operand: cut, type: BOOL, ...at(span) } : cut;
}

/** Resolves `base[index]`: an element of an array, what a pointer points at, a character of a string. */
export function resolveIndex(base: Ir, index: Ir, span: Span | undefined, scope: Scope): Ir {
  const { image, report } = scope;
  if (index.type.kind !== "int" && index.type.kind !== "unknown" && index.type.kind !== "float") {
    report(
      "error",
      `Cannot index with a value of type ${typeText(index.type, image)}: an index is an integer`,
      { span },
    );
    return failed(span);
  }
  switch (base.type.kind) {
    case "string":
      // In C a character is an integer; behind the end of a string is its NUL.
      if (scope.c) {
        return { op: "charAt", base, index, type: { kind: "int", size: 1, signed: true }, ...at(span) };
      }
      return { op: "charAt", base, index, type: { kind: "unknown" }, ...at(span) };
    case "array": {
      const { of, length } = base.type;
      if (
        index.op === "const" && typeof index.value === "number" && length > 0 &&
        (index.value < 0 || index.value >= length || !Number.isInteger(index.value))
      ) {
        report("error", `Index ${index.value} is outside the array, which has ${length} elements`, { span });
        return failed(span);
      }
      return element(base, index, of, span, scope);
    }
    case "pointer": {
      const to = bareType(base.type.to);
      if (to.kind === "void" || to.kind === "fwd" || to.kind === "func_proto") {
        report("error", `Cannot index a ${typeText(base.type, image)}: its elements have no size`, { span });
        return failed(span);
      }
      return element(base, index, base.type.to, span, scope);
    }
    case "tuple": {
      const { items } = base.type;
      const place = index.op === "const" && typeof index.value === "number" ? index.value : -1;
      const type = items[place];
      if (type !== undefined) return { op: "item", base, index: place, type, ...at(span) };
      report("error", `A tuple of ${items.length} parts has none at that place`, {
        span,
        hint: `write a number from 0 to ${items.length - 1}`,
      });
      return failed(span);
    }
    case "unknown":
      return failed(span);
    default:
      report("error", `Cannot index a value of type ${typeText(base.type, image)}`, { span });
      return failed(span);
  }
}

function element(base: Ir, index: Ir, of: CType, span: Span | undefined, scope: Scope): Ir {
  const scale = scope.image.sizeOf(of);
  if (base.op === "record") {
    const value = valueType(of);
    return {
      ...base,
      size: scale,
      signed: value.kind === "int" && value.signed,
      index,
      type: value,
      ...at(span),
    };
  }
  if (index.op === "const" && typeof index.value === "number") {
    return readMemory(base, index.value * scale, of, span, scope);
  }
  const address: Ir = { op: "address", address: base, offset: 0, index, scale, type: base.type };
  return readMemory(address, 0, of, span, scope);
}
