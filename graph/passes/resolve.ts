/**
 * Pass: from the graph's expressions to resolved ones. Walks the tree, and leaves each kind of node to the file that
 * knows it: `builtins`, `args`, `access`, `operators`.
 *
 * @module
 */

import { MAX_STRING } from "../../image/c_value.ts";
import { bareType, unqualified } from "../../image/ctype.ts";
import type { Report } from "../diagnostic.ts";
import type { Ir, IrStatement, IrStep } from "../ir.ts";
import { FUNCTIONS } from "../functions/table.ts";
import { stackDepthFault } from "../limits.ts";
import type { Expr, Statement, Step } from "../nodes.ts";
import { changeStatement, innerStatements } from "../statements.ts";
import {
  BIGINT,
  BOOL,
  FLOAT,
  INT64,
  isNumber,
  NEVER,
  NULL,
  STACK,
  STRING,
  typeText,
  UINT64,
  UNKNOWN,
  type ValueType,
} from "../types.ts";
import { readRegisterValue, resolveField, resolveIndex, valueType } from "./access.ts";
import { resolveArg } from "./args.ts";
import { cBinary, cLiteral, convert, cTruth, cUnary } from "./c_operators.ts";
import { resolveContainerOf, resolveEnumerator, resolveOffsetof, resolveSizeof } from "./constants.ts";
import { functionArguments } from "./function_calls.ts";
import { entryTypes, resolveMapRead } from "./map_reads.ts";
import { quoted } from "./attach_points.ts";
import { resolveBuiltin, resolveNoValue, resolveRegister, resolveWord } from "./builtins.ts";
import { binaryType, callType, checkTruth, isText, join, unaryType } from "./operators.ts";
import { at, failed, type Scope } from "./scope.ts";
import { typeByText } from "./type_names.ts";

/** Most rounds in which the types of locals that are assigned again settle. */
const MAX_ROUNDS = 8;

/**
 * Resolves the steps of a probe at one attach point. Locals that are assigned again have the type that holds all their
 * values: where a later assignment widens one, everything is resolved anew.
 */
export function resolveSteps(steps: readonly Step[], scope: Scope): readonly IrStep[] {
  const widened = new Map<string, ValueType>();
  for (let round = 0;; round++) {
    let changed = false;
    const found: Parameters<Report>[] = [];
    const inner: StepScope = {
      ...scope,
      locals: new Map(scope.locals),
      widened,
      widen(name, type) {
        const before = widened.get(name) ?? NEVER;
        const after = join(before, type);
        if (sameType(before, after)) return;
        widened.set(name, after);
        changed = true;
      },
      report: (...finding) => found.push(finding),
    };
    const resolved = steps.map((step) => resolveStep(step, inner));
    if (changed && round < MAX_ROUNDS) continue;
    for (const finding of found) scope.report(...finding);
    return resolved;
  }
}

interface StepScope extends Scope {
  /** Types of locals over all their assignments so far. */
  readonly widened: ReadonlyMap<string, ValueType>;
  readonly widen: (name: string, type: ValueType) => void;
}

function resolveStep(step: Step, scope: StepScope): IrStep {
  switch (step.op) {
    case "filter":
      return { op: "filter", test: resolveTest(step.test, scope) };
    case "limit":
    case "sample":
      if (!Number.isSafeInteger(step.count) || step.count < 1) {
        scope.report("error", `${step.op} takes a whole number from 1 up, not ${step.count}`);
      }
      return step;
    case "do":
      return { op: "do", body: resolveBody(step.body, scope) };
    default:
      return resolveStatement(step, scope.locals as Map<string, ValueType>, scope);
  }
}

function resolveParts(parts: readonly (string | Expr)[], scope: Scope): readonly (string | Ir)[] {
  return parts.map((part) => typeof part === "string" ? part : resolveExpr(part, scope));
}

function resolveBody(
  body: readonly Statement[],
  outer: Scope,
  more?: Partial<Scope>,
): readonly IrStatement[] {
  const locals = new Map(outer.locals);
  const scope: Scope = { ...outer, ...more, locals };
  for (const [name, type] of more?.locals ?? []) locals.set(name, type);
  return body.map((statement) => resolveStatement(statement, locals, scope));
}

function resolveStatement(
  statement: Statement,
  locals: Map<string, ValueType>,
  scope: Scope,
): IrStatement {
  const stepScope = scope as StepScope;
  const loop: Partial<Scope> = { inside: { ...scope.inside, loop: true } };
  const made = changeStatement<Expr, Ir>(statement, {
    expr: (expr, test) => test ? resolveTest(expr, scope) : resolveExpr(expr, scope),
    body: (list, owner) => {
      if (owner.op === "range") {
        return resolveBody(list, scope, { ...loop, locals: new Map([[owner.name, INT64]]) });
      }
      if (owner.op === "while") return resolveBody(list, scope, loop);
      if (owner.op !== "each") return resolveBody(list, scope);
      const types = entryTypes(owner.map, scope);
      return resolveBody(list, scope, {
        ...loop,
        locals: new Map([[owner.key, types.key], [owner.value, types.value]]),
      });
    },
  });
  const { span } = statement;
  switch (made.op) {
    case "let": {
      const type = localType(made.value.type, scope);
      stepScope.widen(made.name, type);
      const known = stepScope.widened.get(made.name) ?? type;
      locals.set(made.name, known);
      return { ...made, value: scope.c ? convert(made.value, known) : made.value };
    }
    case "set": {
      const known = locals.get(made.name);
      if (known === undefined) {
        scope.report("error", `Unknown name "${made.name}"`, { span: span ?? made.value.span });
        return made;
      }
      const type = localType(made.value.type, scope);
      if (
        scope.c && join(known, type).kind === "unknown" && known.kind !== "unknown" && type.kind !== "unknown"
      ) {
        scope.report(
          "error",
          `Type mismatch for ${made.name}: it holds ${typeText(known, scope.image)}, and ${
            typeText(type, scope.image)
          } is assigned`,
          { span: span ?? made.value.span },
        );
        return made;
      }
      stepScope.widen(made.name, type);
      return { ...made, value: scope.c ? convert(made.value, known) : made.value };
    }
    case "break":
    case "continue":
      if (!scope.inside.loop) scope.report("error", `"${made.op}" is outside a loop`, { span });
      return made;
    case "return":
      if (made.value !== undefined && !scope.inside.block) {
        scope.report("error", "A probe returns no value", { span: span ?? made.value.span });
      }
      return made;
    case "exit":
      if (scope.inside.block) scope.report("error", "exit() stands by itself, not inside a value", { span });
      return made;
    case "range":
      for (const bound of [made.from, made.to]) {
        if (isNumber(bound.type) || bound.type.kind === "unknown" || bound.type.kind === "never") continue;
        scope.report(
          "error",
          `A range goes from one integer to another, not to ${typeText(bound.type, scope.image)}`,
          {
            span: bound.span,
          },
        );
      }
      return made;
    case "store": {
      const known = scope.maps.get(made.map)?.value;
      return scope.c && known !== undefined ? { ...made, value: convert(made.value, known) } : made;
    }
    default:
      return made;
  }
}

/** Integers live in locals in 64 bits; a number that JavaScript assigns again may have a fraction. */
function localType(type: ValueType, scope: Scope): ValueType {
  if (!scope.c || type.kind !== "int") return type;
  return type.size === 8 && !type.signed ? UINT64 : INT64;
}

function sameType(a: ValueType, b: ValueType): boolean {
  return a === b || a.kind === b.kind && a.maybe === b.maybe && sameDetails(a, b);
}

function sameDetails(a: ValueType, b: ValueType): boolean {
  if (a.kind === "int" && b.kind === "int") return a.size === b.size && a.signed === b.signed;
  if (a.kind === "tuple" && b.kind === "tuple") {
    return a.items.every((item, i) => sameType(item, b.items[i] ?? UNKNOWN));
  }
  return true;
}

/** Resolves one expression. What is wrong is reported; the result then has type `unknown`. */
export function resolveExpr(expr: Expr, scope: Scope): Ir {
  const span = expr.span;
  switch (expr.op) {
    case "literal":
      if (scope.c && (typeof expr.value === "number" || typeof expr.value === "bigint")) {
        return cLiteral(expr.value, span, scope);
      }
      return { op: "const", value: expr.value, type: literalType(expr.value), ...at(span) };
    case "builtin":
      return resolveBuiltin(expr.name, span, scope);
    case "argn":
      return resolveWord(expr.index, span, scope);
    case "arg":
      return resolveArg(expr.name, span, scope);
    case "field":
      return resolveField(resolveExpr(expr.base, scope), expr.name, span, scope);
    case "index":
      return resolveIndex(resolveExpr(expr.base, scope), resolveExpr(expr.index, scope), span, scope);
    case "cast":
      return resolveCast(resolveExpr(expr.base, scope), expr.type, span, scope);
    case "reg":
      return resolveRegister(expr.name, span, scope);
    case "ustack":
    case "kstack":
      return resolveStack(expr, scope);
    case "unary": {
      const operand = resolveExpr(expr.operand, scope);
      if (scope.c) return cUnary(expr.operator, operand, span, scope);
      const type = unaryType(expr.operator, operand, span, scope);
      return { op: "unary", operator: expr.operator, operand, type, ...at(span) };
    }
    case "binary": {
      const left = resolveExpr(expr.left, scope);
      const right = resolveExpr(expr.right, scope);
      if (scope.c) return cBinary(expr.operator, left, right, expr.signed, span, scope);
      const type = binaryType(expr.operator, left, right, span, scope);
      return { op: "binary", operator: expr.operator, left, right, type, ...at(span) };
    }
    case "cond": {
      const then = resolveExpr(expr.then, scope);
      const otherwise = resolveExpr(expr.else, scope);
      const type = join(then.type, otherwise.type);
      const test = resolveTest(expr.test, scope);
      if (!scope.c) return { op: "cond", test, then, else: otherwise, type, ...at(span) };
      return {
        op: "cond",
        test,
        then: convert(then, type),
        else: convert(otherwise, type),
        type,
        ...at(span),
      };
    }
    case "template":
      return resolveTemplate(expr, scope);
    case "tuple": {
      const items = expr.items.map((item) => resolveExpr(item, scope));
      return { op: "tuple", items, type: { kind: "tuple", items: items.map((i) => i.type) }, ...at(span) };
    }
    case "record": {
      const fields = expr.fields.map(({ name, value }) => ({ name, value: resolveExpr(value, scope) }));
      const types = fields.map(({ name, value }) => ({ name, type: value.type }));
      return { op: "fields", fields, type: { kind: "record", fields: types }, ...at(span) };
    }
    case "mapGet":
    case "mapHas":
    case "mapLen":
      return resolveMapRead(expr, scope);
    case "entry":
      if (scope.entry !== undefined) return { op: "entry", type: scope.entry, ...at(span) };
      scope.report("error", `Nothing was kept at the entry of ${scope.at.name}`, {
        span,
        hint: "the option entry of a kretprobe tells what to keep",
      });
      return failed(span);
    case "enum":
      return resolveEnumerator(expr.name, span, scope);
    case "sizeof":
      return resolveSizeof(
        typeof expr.of === "string" ? expr.of : resolveExpr(expr.of, scope),
        span,
        scope,
      );
    case "offsetof":
      return resolveOffsetof(expr.type, expr.field, span, scope);
    case "containerOf":
      return resolveContainerOf(resolveExpr(expr.pointer, scope), expr.type, expr.field, span, scope);
    case "block":
      return resolveBlock(expr.body, span, scope);
    case "call":
      return resolveCall(expr, scope);
    case "local": {
      const type = scope.locals.get(expr.name);
      if (type !== undefined) return { op: "local", name: expr.name, type, ...at(span) };
      scope.report("error", `Unknown name "${expr.name}"`, { span });
      return failed(span);
    }
    case "novalue":
      return resolveNoValue(expr.name, span, scope);
    case "opaque":
      if (expr.fn < 0 || expr.fn >= scope.functions) {
        scope.report(
          "error",
          `Cannot run ${excerpt(expr.source)}: a graph that was read from JSON holds no functions`,
          {
            span,
            hint: `it could not be captured (${expr.reason}); attach the program that made the graph`,
          },
        );
        return failed(span);
      }
      return {
        op: "opaque",
        fn: expr.fn,
        source: expr.source,
        reason: expr.reason,
        type: UNKNOWN,
        ...at(span),
      };
  }
}

function resolveTest(expr: Expr, scope: Scope): Ir {
  const test = resolveExpr(expr, scope);
  if (scope.c) return cTruth(test, scope);
  checkTruth(test, scope);
  return test;
}

function resolveBlock(body: readonly Statement[], span: Expr["span"], scope: Scope): Ir {
  const made = resolveBody(body, scope, { inside: { loop: false, block: true } });
  const returned = made.flatMap(returnedBy);
  const ends = returned.length > 0 && made.at(-1)?.op === "return";
  const type = returned.map((value) => value?.type ?? NULL).reduce(join, ends ? NEVER : NULL);
  return { op: "block", body: made, type: type.kind === "never" ? NULL : type, ...at(span) };
}

function returnedBy(statement: IrStatement): readonly (Ir | undefined)[] {
  if (statement.op === "return") return [statement.value];
  return innerStatements<Ir>(statement).flatMap((list) => list.flatMap(returnedBy));
}

function excerpt(source: string): string {
  return source.length > 60 ? `${source.slice(0, 57)}...` : source;
}

function literalType(value: string | number | boolean | bigint | null): ValueType {
  switch (typeof value) {
    case "string":
      return STRING;
    case "number":
      return Number.isInteger(value) ? INT64 : FLOAT;
    case "boolean":
      return BOOL;
    case "bigint":
      return BIGINT;
    default:
      return NULL;
  }
}

function resolveStack(expr: Extract<Expr, { op: "kstack" | "ustack" }>, scope: Scope): Ir {
  const { op, depth, mode, span } = expr;
  const fault = stackDepthFault(depth);
  if (fault !== undefined) {
    scope.report("error", fault, { span });
    return failed(span);
  }
  return { op, depth, ...(mode === undefined ? {} : { mode }), type: STACK, ...at(span) };
}

function resolveTemplate(expr: Extract<Expr, { op: "template" }>, scope: Scope): Ir {
  const parts = resolveParts(expr.parts, scope);
  for (const part of parts) {
    if (typeof part !== "string" && !isText(part.type)) {
      scope.report("error", `Cannot join a ${typeText(part.type, scope.image)} into a string`, {
        span: part.span,
        hint: part.type.kind === "stack" ? "print it by itself, or use it as a key" : "use one of its parts",
      });
    }
  }
  return { op: "template", parts, type: STRING, ...at(expr.span) };
}

function resolveCall(expr: Extract<Expr, { op: "call" }>, scope: Scope): Ir {
  const plain = expr.args.map((arg) => resolveExpr(arg, scope));
  const definition = FUNCTIONS.get(expr.fn);
  const args = definition === undefined ? plain : functionArguments(definition, plain);
  const type = callType(expr.fn, args, expr.span, scope);
  const [first, second] = args;
  if (expr.fn === "str" && first !== undefined && first.type.kind !== "string") {
    const max: Ir = second ?? { op: "const", value: MAX_STRING, type: INT64 };
    return { op: "str", address: first, offset: 0, max, type: STRING, ...at(expr.span) };
  }
  if (expr.fn === "str" && first?.op === "str" && second !== undefined) {
    return { ...first, max: second, ...at(expr.span) };
  }
  if (expr.fn === "length" && first?.type.kind === "array") {
    return { op: "const", value: first.type.length, type: INT64, ...at(expr.span) };
  }
  return { op: "call", fn: expr.fn, args, type, ...at(expr.span) };
}

function resolveCast(base: Ir, text: string, span: Expr["span"], scope: Scope): Ir {
  const type = typeByText(text, scope.image);
  if (type === undefined) {
    const near = scope.image.nearTypes(text.replace(/[\s*]+$/, ""), 3);
    scope.report("error", `Cannot cast to "${text}": no such type`, {
      span,
      hint: near.length > 0 ? `did you mean ${quoted(near)}?` : undefined,
    });
    return failed(span);
  }
  if (
    base.type.kind !== "int" && base.type.kind !== "pointer" && base.type.kind !== "unknown" &&
    base.type.kind !== "struct" && base.type.kind !== "never" && !(scope.c && base.type.kind === "bool")
  ) {
    // A char pointer reads as a string; what is cast is the pointer itself.
    if (base.op === "str") return resolveCast(base.address, text, span, scope);
    scope.report(
      "error",
      `Cannot cast ${typeText(base.type, scope.image)} to "${text}": only integers and pointers can be cast`,
      {
        span,
      },
    );
    return failed(span);
  }
  const bare = bareType(type);
  if (scope.c && bare.kind === "ptr" && base.type.kind === "int") {
    return { op: "near", operand: base, type: { kind: "pointer", to: unqualified(bare.to) }, ...at(span) };
  }
  if (scope.c && (bare.kind === "int" || bare.kind === "enum") && bare.size <= 8) {
    const { size, signed } = bare;
    if (valueType(type).kind === "bool") return { op: "truth", operand: base, type: BOOL, ...at(span) };
    const as: ValueType = { kind: "int", size, signed };
    return { op: "wrap", operand: base, size, signed, what: "cast", exact: true, type: as, ...at(span) };
  }
  // A struct is cast to by its address.
  if (bare.kind === "struct" || bare.kind === "union") {
    return { ...base, type: { kind: "pointer", to: type }, ...at(span) };
  }
  if (bare.kind === "ptr") return readRegisterValue({ ...base, ...at(span) }, type, "cast", scope);
  const value = valueType(type);
  if (value.kind === "int" || value.kind === "bool") {
    return readRegisterValue({ ...base, ...at(span) }, type, "cast", scope);
  }
  scope.report("error", `Cannot cast to "${text}": only integers, pointers and structs can be cast to`, {
    span,
  });
  return failed(span);
}
