/**
 * Expressions as text: as the user wrote them, and as they were resolved.
 *
 * @module
 */

import type { Ir } from "./ir.ts";
import type { Expr } from "./nodes.ts";
import type { StatementOf } from "./statements.ts";

/** A graph's expression as JavaScript, with `c` for the context. */
export function exprText(expr: Expr): string {
  switch (expr.op) {
    case "literal":
      return literalText(expr.value);
    case "builtin":
      return `c.${expr.name}`;
    case "argn":
      return `c.arg(${expr.index})`;
    case "arg":
      return `c.args.${expr.name}`;
    case "field":
      return `${operandText(expr.base)}.${expr.name}`;
    case "index":
      return `${operandText(expr.base)}[${exprText(expr.index)}]`;
    case "cast":
      return `${operandText(expr.base)}.cast(${JSON.stringify(expr.type)})`;
    case "reg":
      return `c.reg(${JSON.stringify(expr.name)})`;
    case "kstack":
    case "ustack":
      return `c.${expr.op}(${expr.depth}${expr.mode === undefined ? "" : `, ${JSON.stringify(expr.mode)}`})`;
    case "unary":
      return `${expr.operator}${operandText(expr.operand)}`;
    case "binary":
      return `${operandText(expr.left)} ${strict(expr.operator)} ${operandText(expr.right)}`;
    case "cond":
      return `${operandText(expr.test)} ? ${operandText(expr.then)} : ${operandText(expr.else)}`;
    case "template":
      return `\`${
        expr.parts.map((part) => typeof part === "string" ? part : `\${${exprText(part)}}`).join("")
      }\``;
    case "tuple":
      return `[${expr.items.map(exprText).join(", ")}]`;
    case "call":
      return callText(expr.fn, expr.args.map((arg, i) => i === 0 ? operandText(arg) : exprText(arg)));
    case "local":
      return expr.name;
    case "record":
      return `({ ${expr.fields.map(({ name, value }) => `${name}: ${exprText(value)}`).join(", ")} })`;
    case "mapGet":
      return `@${expr.map}${keyedText(expr.key.map(exprText))}`;
    case "mapHas":
      return `has(@${[expr.map, ...expr.key.map(exprText)].join(", ")})`;
    case "mapLen":
      return `len(@${expr.map})`;
    case "entry":
      return "c.entry";
    case "enum":
      return expr.name;
    case "sizeof":
      return `sizeof(${typeof expr.of === "string" ? expr.of : exprText(expr.of)})`;
    case "offsetof":
      return `offsetof(${expr.type}, ${expr.field})`;
    case "containerOf":
      return `container_of(${exprText(expr.pointer)}, ${expr.type}, ${expr.field})`;
    case "block":
      return `{ ${expr.body.map((statement) => statementText(statement, exprText)).join("; ")} }`;
    case "novalue":
      return expr.name === "" ? "c" : `c.${expr.name}`;
    case "opaque":
      return expr.source;
  }
}

function keyedText(key: readonly string[]): string {
  return key.length === 0 ? "" : `[${key.join(", ")}]`;
}

/** A statement as text, without what stands inside it. */
export function statementText<E extends object>(
  statement: StatementOf<E>,
  text: (expr: E) => string,
): string {
  const given = (expr: E | undefined): string => expr === undefined ? "" : text(expr);
  switch (statement.op) {
    case "expr":
      return text(statement.value);
    case "let":
      return `let ${statement.name} = ${text(statement.value)}`;
    case "set":
      return `${statement.name} = ${text(statement.value)}`;
    case "if":
    case "while":
      return `${statement.op} ${text(statement.test)}`;
    case "print":
      return `print ${
        statement.parts.map((part) => typeof part === "string" ? JSON.stringify(part) : text(part)).join(", ")
      }`;
    case "printf":
      return `printf ${[JSON.stringify(statement.format), ...statement.args.map(text)].join(", ")}`;
    case "output":
      return `${statement.form}(${
        [JSON.stringify(statement.format), ...statement.args.map(text)].join(", ")
      })`;
    case "aggregate":
      return `@${statement.map}${keyedText(statement.key.map(text))} << ${given(statement.value)}`;
    case "store":
      return `@${statement.map}${keyedText(statement.key.map(text))} = ${text(statement.value)}`;
    case "delete":
      return `delete(@${[statement.map, ...statement.key.map(text)].join(", ")})`;
    case "clear":
    case "zero":
      return `${statement.op}(@${statement.map})`;
    case "printMap": {
      const key = keyedText((statement.key ?? []).map(text));
      const options = [statement.top, statement.div].filter((option) => option !== undefined).map(text);
      return `print(${[`@${statement.map}${key}`, ...options].join(", ")})`;
    }
    case "emit":
      return `emit ${statement.table} ${text(statement.row)}`;
    case "exit":
      return `exit(${given(statement.code)})`;
    case "return":
      return statement.value === undefined ? "return" : `return ${text(statement.value)}`;
    case "range":
      return `for ${statement.name} : ${text(statement.from)}..${text(statement.to)}`;
    case "each":
      return `for (${statement.key}, ${statement.value}) : @${statement.map}`;
    default:
      return statement.op;
  }
}

function strict(operator: string): string {
  return operator === "==" || operator === "!=" ? `${operator}=` : operator;
}

function operandText(expr: Expr): string {
  const text = exprText(expr);
  const compound = expr.op === "binary" || expr.op === "cond" || expr.op === "unary" || expr.op === "opaque";
  return compound || expr.op === "literal" && typeof expr.value === "number" && expr.value < 0
    ? `(${text})`
    : text;
}

function callText(fn: string, args: readonly string[]): string {
  const [first = "", ...rest] = args;
  switch (fn) {
    case "str":
    case "ksym":
    case "usym":
      return `c.${fn}(${args.join(", ")})`;
    case "length":
      return `${first}.length`;
    case "startsWith":
    case "endsWith":
    case "includes":
      return `${first}.${fn}(${rest.join(", ")})`;
    case "trunc":
    case "floor":
      return `Math.${fn}(${first})`;
    default:
      return `c.${fn}(${args.join(", ")})`;
  }
}

function literalText(value: string | number | boolean | bigint | null): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "bigint" ? `${value}n` : String(value);
}

/**
 * A resolved expression as text: `arg0` is an argument word, `u64[x + 8]` a read of 8 bytes, `str[x]` a string,
 * `record.u32[16]` a field of the tracepoint's record.
 */
export function irText(ir: Ir): string {
  switch (ir.op) {
    case "const":
      return literalText(ir.value);
    case "builtin":
      return ir.name;
    case "word":
      return `arg${ir.index}`;
    case "words":
      return `arg${ir.index + 1}:arg${ir.index}`;
    case "reg":
      return `%${ir.name}`;
    case "load":
      return `${intText(ir.size * 8, ir.signed)}[${place(ir.address, ir.offset)}]`;
    case "bits":
      return `${intText(ir.bits, ir.signed)}[${place(ir.address, ir.offset)} bit ${ir.shift}]`;
    case "record": {
      const index = ir.index === undefined ? "" : ` + ${irText(ir.index)} * ${ir.size}`;
      return `record.${intText(ir.size * 8, ir.signed)}[${ir.offset}${index}]`;
    }
    case "recordStr":
      return `record.${ir.dynamic ? "dynamic_str" : "str"}[${ir.offset}]`;
    case "str":
      return `str[${place(ir.address, ir.offset)}]`;
    case "wrap":
      return `${intText(ir.size * 8, ir.signed)}(${irText(ir.operand)})`;
    case "slice":
      return `${intText(ir.bits, ir.signed)}(${irText(ir.operand)} >> ${ir.shift})`;
    case "exact":
      return `address(${irText(ir.operand)})`;
    case "truth":
      return `${irText(ir.operand)} != 0`;
    case "address": {
      const index = ir.index === undefined ? "" : ` + ${irText(ir.index)} * ${ir.scale}`;
      return `(${place(ir.address, ir.offset)}${index})`;
    }
    case "kstack":
    case "ustack":
      return `${ir.op}(${ir.depth}${ir.mode === undefined ? "" : `, ${ir.mode}`})`;
    case "unary":
      return `${ir.operator}${irOperand(ir.operand)}`;
    case "binary":
      return `${irOperand(ir.left)} ${strict(ir.operator)} ${irOperand(ir.right)}`;
    case "cond":
      return `${irOperand(ir.test)} ? ${irOperand(ir.then)} : ${irOperand(ir.else)}`;
    case "template":
      return `\`${
        ir.parts.map((part) => typeof part === "string" ? part : `\${${irText(part)}}`).join("")
      }\``;
    case "tuple":
      return `[${ir.items.map(irText).join(", ")}]`;
    case "charAt":
      return `${irText(ir.base)}[${irText(ir.index)}]`;
    case "call":
      return callText(ir.fn, ir.args.map(irText)).replace(/^c\./, "");
    case "near":
      return `pointer(${irText(ir.operand)})`;
    case "c":
      return `${irOperand(ir.left)} ${ir.operator}${ir.signed ? "" : "u"} ${irOperand(ir.right)}`;
    case "cNegate":
      return `-${irOperand(ir.operand)}`;
    case "cInvert":
      return `~${irOperand(ir.operand)}`;
    case "fields":
      return `{ ${ir.fields.map(({ name, value }) => `${name}: ${irText(value)}`).join(", ")} }`;
    case "item":
      return `${irOperand(ir.base)}.${ir.index}`;
    case "mapGet":
      return `@${ir.map}${keyedText(ir.key.map(irText))}`;
    case "mapHas":
      return `has(@${[ir.map, ...ir.key.map(irText)].join(", ")})`;
    case "mapLen":
      return `len(@${ir.map})`;
    case "entry":
      return "entry";
    case "block":
      return `{ ${ir.body.map((statement) => statementText(statement, irText)).join("; ")} }`;
    case "local":
      return ir.name;
    case "opaque":
      return `opaque #${ir.fn}`;
  }
}

function irOperand(ir: Ir): string {
  const text = irText(ir);
  return ir.op === "binary" || ir.op === "cond" || ir.op === "truth" || ir.op === "c" ? `(${text})` : text;
}

function intText(bits: number, signed: boolean): string {
  return `${signed ? "s" : "u"}${bits}`;
}

function place(address: Ir, offset: number): string {
  const base = irText(address);
  return offset === 0 ? base : offset > 0 ? `${base} + ${offset}` : `${base} - ${-offset}`;
}
