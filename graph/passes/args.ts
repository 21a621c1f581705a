/**
 * Pass: `c.args.NAME`. At a kprobe, the prototype tells which argument words a parameter takes; at a tracepoint, the
 * format tells where the field lies in the record.
 *
 * @module
 */

import { MAX_STRING } from "../../image/c_value.ts";
import { nearNames } from "../../image/near.ts";
import { bareType } from "../../image/ctype.ts";
import type { KernelImage, Param, TracepointField } from "../../image/model.ts";
import type { Ir } from "../ir.ts";
import type { Span } from "../nodes.ts";
import { BOOL, INT64, STRING, type ValueType } from "../types.ts";
import { readRegisterValue, valueType } from "./access.ts";
import { argumentWords, passedByReference } from "./argument_words.ts";
import { quoted } from "./attach_points.ts";
import { typeByText } from "./type_names.ts";
import { at, exactly, failed, type Scope } from "./scope.ts";

/** Resolves `c.args.name`. */
export function resolveArg(name: string, span: Span | undefined, scope: Scope): Ir {
  const { point, tracepoint, prototype } = scope.at;
  if (tracepoint !== undefined) return resolveRecordField(name, tracepoint.fields, span, scope);
  const refuse = (why: string, hint?: string): Ir => {
    scope.report("error", `No argument "${name}" at ${scope.at.name}: ${why}`, { span, hint });
    return failed(span);
  };
  if (point.kind === "kretprobe") {
    return refuse("arguments can be read at the entry only", "probe the entry with kprobe(…)");
  }
  if (point.kind !== "kprobe" && point.kind !== "fentry" && point.kind !== "fexit") {
    return refuse("this probe has no arguments");
  }
  if (point.kind === "kprobe" && point.offset !== 0) {
    return refuse(
      "after the first instruction the argument registers may hold something else",
      "c.arg(n) reads them anyway",
    );
  }
  if (prototype === undefined) {
    return refuse("the function's prototype is not known", "c.arg(n) reads the n-th argument");
  }
  const position = prototype.params.findIndex((param) => param.name === name);
  const param = prototype.params[position];
  if (param === undefined) {
    const names = prototype.params.map((p) => p.name).filter((n) => n !== "");
    const near = nearNames(name, names, 2);
    return refuse(
      `the prototype is ${prototype.text}`,
      near.length > 0 ? `did you mean ${quoted(near)}?` : undefined,
    );
  }
  return readParam(param, argumentWords(prototype.params, scope.image)[position] ?? position, span, scope);
}

function readParam(param: Param, index: number, span: Span | undefined, scope: Scope): Ir {
  const { image } = scope;
  const bare = bareType(param.type);
  const word: Ir = { op: "word", index, type: INT64, ...exactly(scope), ...at(span) };
  const size = bare.kind === "void" || bare.kind === "fwd" || bare.kind === "func_proto"
    ? 0
    : image.sizeOf(bare);
  if (bare.kind === "struct" || bare.kind === "union") {
    const type: ValueType = { kind: "struct", type: bare };
    if (passedByReference(image.arch, size)) return { ...word, type };
    return { op: "slice", operand: word, shift: 0, bits: size * 8, signed: false, type, ...at(span) };
  }
  if (size > image.pointerSize && (bare.kind === "int" || bare.kind === "enum")) {
    const type = valueType(bare);
    return {
      op: "words",
      index,
      signed: bare.signed,
      what: `args.${param.name}`,
      type,
      ...exactly(scope),
      ...at(span),
    };
  }
  return readRegisterValue(word, param.type, `args.${param.name}`, scope);
}

function resolveRecordField(
  name: string,
  fields: readonly TracepointField[],
  span: Span | undefined,
  scope: Scope,
): Ir {
  const field = fields.find((f) => f.name === name);
  if (field !== undefined) return readRecord(field, span, scope);
  const names = fields.map((f) => f.name);
  const near = nearNames(name, names, 2);
  const hint = near.length > 0
    ? `did you mean ${quoted(near)}?`
    : names.length > 0
    ? `it has ${names.join(", ")}`
    : undefined;
  scope.report("error", `No field "${name}" in ${scope.at.name}`, { span, hint });
  return failed(span);
}

function readRecord(field: TracepointField, span: Span | undefined, scope: Scope): Ir {
  const { offset, size } = field;
  const text = field.type.replace(/\b(const|volatile|restrict|__user)\b/g, " ").replace(/\s+/g, " ").trim();
  const dynamic = /^__(data|rel)_loc /.exec(text);
  const array = /^(.*?)\s*\[(\w*)\]$/.exec(dynamic === null ? text : text.slice(dynamic[0].length));
  if (dynamic !== null) {
    if (array !== null && isCharacterName(array[1] ?? "")) {
      return { op: "recordStr", offset, size, dynamic: true, type: STRING, ...at(span) };
    }
    scope.report(
      "error",
      `Cannot read "${field.name}" at ${scope.at.name}: a dynamic array that is no string`,
      { span },
    );
    return failed(span);
  }
  if (array !== null) {
    if (isCharacterName(array[1] ?? "")) {
      return { op: "recordStr", offset, size, dynamic: false, type: STRING, ...at(span) };
    }
    return recordArray(field, array[1] ?? "", span, scope);
  }
  if (text.endsWith("*")) return recordPointer(field, text, span, scope);
  return recordScalar(field, span, scope);
}

function recordScalar(field: TracepointField, span: Span | undefined, scope: Scope): Ir {
  const { size, signed, bool } = recordInteger(field, scope.image);
  const type: ValueType = { kind: "int", size, signed };
  const load: Ir = {
    op: "record",
    offset: field.offset,
    size,
    signed,
    index: undefined,
    type,
    ...(size === 8 ? exactly(scope) : {}),
    ...at(span),
  };
  return bool ? { op: "truth", operand: load, type: BOOL, ...at(span) } : load;
}

/** How an integer field of a record is read. */
export interface RecordInteger {
  readonly size: number;
  readonly signed: boolean;
  readonly bool: boolean;
}

/**
 * How an integer field of a record is read. A system call's record holds each argument in an unsigned long; its C
 * type tells how much of it counts, and the sign: `int dfd` is 4 signed bytes of 8.
 */
export function recordInteger(field: TracepointField, image: KernelImage): RecordInteger {
  const named = typeByText(field.type, image);
  const bare = named === undefined ? undefined : bareType(named);
  const known = (bare?.kind === "int" || bare?.kind === "enum") && bare.size <= field.size ? bare : undefined;
  return {
    size: known?.size ?? field.size,
    signed: known?.signed ?? field.signed,
    bool: bare?.kind === "int" && bare.encoding === "bool",
  };
}

function isCharacterName(name: string): boolean {
  return name === "char" || name === "unsigned char";
}

function recordPointer(field: TracepointField, text: string, span: Span | undefined, scope: Scope): Ir {
  const is64 = scope.image.pointerSize === 8;
  // System call records hold every argument as a long, also where the kernel's own pointers are shorter.
  const size = Math.min(field.size, scope.image.pointerSize);
  const to = text.slice(0, -1).trim();
  const target = typeByText(to, scope.image) ?? { kind: "void", id: 0 };
  const pointer: Ir = {
    op: "record",
    offset: field.offset,
    size,
    signed: is64,
    index: undefined,
    type: { kind: "pointer", to: target },
    ...at(span),
  };
  if (!isCharacterName(to)) return pointer;
  const max: Ir = { op: "const", value: MAX_STRING, type: INT64 };
  return { op: "str", address: pointer, offset: 0, max, type: STRING, ...at(span) };
}

function recordArray(field: TracepointField, elementName: string, span: Span | undefined, scope: Scope): Ir {
  const of = typeByText(elementName, scope.image);
  if (of === undefined || (bareType(of).kind !== "int" && bareType(of).kind !== "enum")) {
    scope.report(
      "error",
      `Cannot read "${field.name}" at ${scope.at.name}: type ${field.type} is not known`,
      { span },
    );
    return failed(span);
  }
  const size = scope.image.sizeOf(of);
  return {
    op: "record",
    offset: field.offset,
    size,
    signed: field.signed,
    index: undefined,
    type: { kind: "array", of, length: Math.floor(field.size / size) },
    ...at(span),
  };
}
