/**
 * Pass: from the graph's expressions to resolved ones. Walks the tree, and leaves each kind of node to the file that
 * knows it: `builtins`, `args`, `access`, `operators`.
 *
 * @module
 */

import { MAX_STRING } from "../../image/c_value.ts";
import { bareType } from "../../image/ctype.ts";
import type { Ir, IrStatement, IrStep } from "../ir.ts";
import { stackDepthFault } from "../limits.ts";
import type { Expr, Statement, Step } from "../nodes.ts";
import {
  BIGINT,
  BOOL,
  FLOAT,
  INT64,
  NULL,
  STACK,
  STRING,
  typeText,
  UNKNOWN,
  type ValueType,
} from "../types.ts";
import { readRegisterValue, resolveField, resolveIndex, valueType } from "./access.ts";
import { resolveArg } from "./args.ts";
import { quoted } from "./attach_points.ts";
import { resolveBuiltin, resolveNoValue, resolveRegister, resolveWord } from "./builtins.ts";
import { binaryType, callType, checkTruth, isText, join, unaryType } from "./operators.ts";
import { at, failed, type Scope } from "./scope.ts";
import { typeByText } from "./type_names.ts";

/** Resolves the steps of a probe at one attach point. */
export function resolveSteps(steps: readonly Step[], scope: Scope): readonly IrStep[] {
  return steps.map((step): IrStep => {
    switch (step.op) {
      case "filter":
        return { op: "filter", test: resolveTest(step.test, scope) };
      case "aggregate": {
        const value = step.value === undefined ? undefined : resolveExpr(step.value, scope);
        return { op: "aggregate", map: step.map, key: step.key.map((key) => resolveExpr(key, scope)), value };
      }
      case "print":
        return { op: "print", parts: resolveParts(step.parts, scope) };
      case "printf":
        return { op: "printf", format: step.format, args: step.args.map((arg) => resolveExpr(arg, scope)) };
      case "do":
        return { op: "do", body: resolveBody(step.body, scope) };
    }
  });
}

function resolveParts(parts: readonly (string | Expr)[], scope: Scope): readonly (string | Ir)[] {
  return parts.map((part) => typeof part === "string" ? part : resolveExpr(part, scope));
}

function resolveBody(body: readonly Statement[], outer: Scope): readonly IrStatement[] {
  const locals = new Map(outer.locals);
  const scope: Scope = { ...outer, locals };
  return body.map((statement): IrStatement => {
    switch (statement.op) {
      case "expr":
        return { op: "expr", value: resolveExpr(statement.value, scope) };
      case "let": {
        const value = resolveExpr(statement.value, scope);
        locals.set(statement.name, value.type);
        return { op: "let", name: statement.name, value };
      }
      case "if":
        return {
          op: "if",
          test: resolveTest(statement.test, scope),
          then: resolveBody(statement.then, scope),
          else: resolveBody(statement.else, scope),
        };
      case "print":
        return { op: "print", parts: resolveParts(statement.parts, scope) };
    }
  });
}

/** Resolves one expression. What is wrong is reported; the result then has type `unknown`. */
export function resolveExpr(expr: Expr, scope: Scope): Ir {
  const span = expr.span;
  switch (expr.op) {
    case "literal":
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
      return resolveStack(expr.op, expr.depth, span, scope);
    case "unary": {
      const operand = resolveExpr(expr.operand, scope);
      const type = unaryType(expr.operator, operand, span, scope);
      return { op: "unary", operator: expr.operator, operand, type, ...at(span) };
    }
    case "binary": {
      const left = resolveExpr(expr.left, scope);
      const right = resolveExpr(expr.right, scope);
      const type = binaryType(expr.operator, left, right, span, scope);
      return { op: "binary", operator: expr.operator, left, right, type, ...at(span) };
    }
    case "cond": {
      const then = resolveExpr(expr.then, scope);
      const otherwise = resolveExpr(expr.else, scope);
      const type = join(then.type, otherwise.type);
      return { op: "cond", test: resolveTest(expr.test, scope), then, else: otherwise, type, ...at(span) };
    }
    case "template":
      return resolveTemplate(expr, scope);
    case "tuple": {
      const items = expr.items.map((item) => resolveExpr(item, scope));
      return { op: "tuple", items, type: { kind: "tuple", items: items.map((i) => i.type) }, ...at(span) };
    }
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
  checkTruth(test, scope);
  return test;
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

function resolveStack(op: "kstack" | "ustack", depth: number, span: Expr["span"], scope: Scope): Ir {
  const fault = stackDepthFault(depth);
  if (fault !== undefined) {
    scope.report("error", fault, { span });
    return failed(span);
  }
  return { op, depth, type: STACK, ...at(span) };
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
  const args = expr.args.map((arg) => resolveExpr(arg, scope));
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
    base.type.kind !== "struct"
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
