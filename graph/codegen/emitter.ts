/**
 * Turns resolved expressions into JavaScript. What is read more than once in a handler (the comm of a filter and a
 * key, a pointer on the way to two fields) is read once and kept in a variable.
 *
 * @module
 */

import { children, type Ir, type IrStatement } from "../ir.ts";
import { FUNCTIONS } from "../functions/table.ts";
import type { RuntimeMap } from "../maps/runtime_map.ts";
import type { ValueType } from "../types.ts";
import { flatKey } from "../passes/map_use.ts";
import { cFunction } from "./c_integers.ts";

/** What expressions need of the handler that they are in: names for what the generated code closes over. */
export interface Binder {
  /** A map, and the names of it, its levels and its only cell in the code; undefined where there is none. */
  map(
    name: string,
  ):
    | { readonly map: RuntimeMap; readonly own: string; readonly levels: string; readonly cell: string }
    | undefined;
  /** A function of the context, and what it is called with. */
  call(fn: string, types: readonly ValueType[]): readonly [definition: string, call: string];
  /** Code of statements that stand in an expression. */
  block(body: readonly IrStatement[]): string;
}

/** Emits the expressions of one handler. */
export class Emitter {
  /** Statements so far. */
  lines: string[] = [];
  readonly #binder: Binder;
  readonly #uses = new Map<string, number>();
  readonly #keys = new WeakMap<Ir, string>();
  /** Variables that hold a value from here on, by what they hold. */
  readonly #held = new Map<string, string>();
  /** Variables that hold a value once it was needed. */
  readonly #lazy = new Map<string, string>();
  readonly #temps: string[] = [];
  #names = 0;

  constructor(binder: Binder) {
    this.#binder = binder;
  }

  /** Counts the uses of everything inside an expression. Call it for all expressions of the handler first. */
  survey(ir: Ir): void {
    const key = this.#key(ir);
    if (key !== undefined) {
      const uses = this.#uses.get(key) ?? 0;
      this.#uses.set(key, uses + 1);
      // The inside of what is read once counts once.
      if (uses > 0) return;
    }
    for (const child of children(ir)) this.survey(child);
  }

  /** A variable name that no expression uses. */
  fresh(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  /** Declarations of the variables that hold shared values. */
  declarations(): string {
    return this.#temps.length === 0 ? "" : `let ${this.#temps.join(", ")};`;
  }

  /** JavaScript of an expression. `always`: it is evaluated whenever this point is reached. */
  emit(ir: Ir, always: boolean): string {
    const key = this.#key(ir);
    if (key === undefined || (this.#uses.get(key) ?? 0) < 2) return this.#plain(ir, always);
    const held = this.#held.get(key);
    if (held !== undefined) return held;
    const lazy = this.#lazy.get(key);
    if (always && lazy === undefined) {
      const code = this.#plain(ir, true);
      const name = this.#temp();
      this.lines.push(`${name} = ${code};`);
      this.#held.set(key, name);
      return name;
    }
    const name = lazy ?? this.#temp();
    this.#lazy.set(key, name);
    // None of the values that are shared is ever null or undefined.
    return `(${name} ??= ${this.#plain(ir, false)})`;
  }

  #temp(): string {
    const name = this.fresh("t");
    this.#temps.push(name);
    return name;
  }

  /** Same key, same value during one hit; undefined for what is not worth a variable or has effects. */
  #key(ir: Ir): string | undefined {
    if (!isRead(ir)) return undefined;
    const key = this.#text(ir);
    return key === "" ? undefined : key;
  }

  /** The expression as text; empty where it depends on more than the hit. */
  #text(ir: Ir): string {
    const known = this.#keys.get(ir);
    if (known !== undefined) return known;
    const text = this.#describe(ir);
    this.#keys.set(ir, text);
    return text;
  }

  #describe(ir: Ir): string {
    if (!isSteady(ir)) return "";
    const parts: string[] = [];
    for (const [name, value] of Object.entries(ir)) {
      if (name === "span" || name === "type" || name === "what") continue;
      const text = this.#member(value);
      if (text === undefined) return "";
      parts.push(text);
    }
    return `(${parts.join(" ")})`;
  }

  #member(value: unknown): string | undefined {
    if (Array.isArray(value)) {
      const texts = value.map((item: unknown) => this.#member(item));
      return texts.includes(undefined) ? undefined : `[${texts.join(" ")}]`;
    }
    if (isIr(value)) {
      const text = this.#text(value);
      return text === "" ? undefined : text;
    }
    return typeof value === "string" ? JSON.stringify(value) : `${typeof value}${String(value)}`;
  }

  #plain(ir: Ir, always: boolean): string {
    const emit = (inner: Ir) => this.emit(inner, always);
    switch (ir.op) {
      case "const":
        return literal(ir.value);
      case "builtin":
        return `hit.${ir.name}${ir.exact === true ? "Exact" : ""}()`;
      case "word":
        return `hit.arg${ir.exact === true ? "Exact" : ""}(${ir.index})`;
      case "words":
        if (ir.exact === true) {
          return `wideWords(hit.arg(${ir.index}), hit.arg(${ir.index + 1}), ${ir.signed})`;
        }
        return `twoWords(hit.arg(${ir.index}), hit.arg(${ir.index + 1}), ${ir.signed}, ${
          JSON.stringify(ir.what)
        })`;
      case "reg":
        return `hit.reg${ir.exact === true ? "Exact" : ""}(${JSON.stringify(ir.name)})`;
      case "load":
        if (ir.exact === true) {
          const read = `hit.loadExact(${plus(emit(ir.address), ir.offset)}, ${ir.size}, ${ir.signed})`;
          return ir.type.kind === "pointer" ? `nearest(${read})` : read;
        }
        return `hit.load(${plus(emit(ir.address), ir.offset)}, ${ir.size}, ${ir.signed})`;
      case "bits":
        return `readBits(hit, ${plus(emit(ir.address), ir.offset)}, ${ir.shift}, ${ir.bits}, ${ir.signed})`;
      case "record": {
        const offset = ir.index === undefined
          ? String(ir.offset)
          : `${ir.offset} + ${emit(ir.index)} * ${ir.size}`;
        return `hit.recordLoad${ir.exact === true ? "Exact" : ""}(${offset}, ${ir.size}, ${ir.signed})`;
      }
      case "recordStr":
        return `hit.recordStr(${ir.offset}, ${ir.size}, ${ir.dynamic})`;
      case "str":
        return `hit.str(${plus(emit(ir.address), ir.offset)}, ${emit(ir.max)})`;
      case "wrap":
        if (ir.exact === true) {
          if (ir.size === 8) return `${ir.signed ? "toS64" : "toU64"}(${emit(ir.operand)})`;
          return `wrapValue(${emit(ir.operand)}, ${ir.size}, ${ir.signed})`;
        }
        return wrap(emit(ir.operand), ir.size, ir.signed, ir.what);
      case "slice":
        return `cutBits(${emit(ir.operand)}, ${ir.shift}, ${ir.bits}, ${ir.signed})`;
      case "truth":
        return `(${emit(ir.operand)} !== 0)`;
      case "exact":
        return `BigInt.asUintN(64, BigInt(${emit(ir.operand)}))`;
      case "address": {
        const base = plus(emit(ir.address), ir.offset);
        return ir.index === undefined
          ? `(${base})`
          : `(${base} + ${index(ir.index, emit(ir.index))} * ${ir.scale})`;
      }
      case "near":
        return `nearest(${emit(ir.operand)})`;
      case "c":
        return c(ir, emit);
      case "cNegate":
        return `negateS(${asInteger(ir.operand, true, emit)})`;
      case "cInvert":
        return `${ir.signed ? "invertS" : "invertU"}(${asInteger(ir.operand, ir.signed, emit)})`;
      case "fields": {
        const fields = ir.fields.map(({ name, value }) =>
          `{ name: ${JSON.stringify(name)}, value: ${asItem(value, emit(value))} }`
        );
        return `{ kind: "struct", fields: [${fields.join(", ")}] }`;
      }
      case "item": {
        const part = ir.base.type.kind === "record" ? `.fields[${ir.index}].value` : `[${ir.index}]`;
        return `${emit(ir.base)}${part}${ir.type.kind === "pointer" ? ".address" : ""}`;
      }
      case "mapGet":
        return this.#mapGet(ir, always);
      case "mapHas": {
        const bound = this.#binder.map(ir.map);
        if (bound === undefined) return "false";
        if (bound.map.keyParts === 0) return `${bound.cell}.updated`;
        return `(${this.#lookup(bound, ir.key, always)} !== undefined)`;
      }
      case "mapLen":
        return `${this.#binder.map(ir.map)?.own}.size`;
      case "entry":
        return "hit.entry()";
      case "block":
        return this.#binder.block(ir.body);
      case "kstack":
      case "ustack":
        return ir.mode === undefined
          ? `hit.${ir.op}(${ir.depth})`
          : `shownAs(hit.${ir.op}(${ir.depth}), ${JSON.stringify(ir.mode)})`;
      case "unary":
        return `(${ir.operator}${emit(ir.operand)})`;
      case "binary":
        return this.#binary(ir, always);
      case "cond":
        return `(${emit(ir.test)} ? ${this.emit(ir.then, false)} : ${this.emit(ir.else, false)})`;
      case "template":
        return this.#template(ir.parts, always);
      case "tuple":
        return `[${ir.items.map((item) => asItem(item, emit(item))).join(", ")}]`;
      case "charAt":
        return ir.type.kind === "int"
          ? `(${emit(ir.base)}.charCodeAt(Number(${emit(ir.index)})) || 0)`
          : `${emit(ir.base)}[${emit(ir.index)}]`;
      case "call": {
        const codes = ir.args.map(emit);
        if (!FUNCTIONS.has(ir.fn)) return call(ir.fn, ir.args, codes);
        const [definition, kept] = this.#binder.call(ir.fn, ir.args.map((arg) => arg.type));
        return `callFunction(${[definition, kept, "hit", ...codes].join(", ")})`;
      }
      case "local":
        return `$${ir.name}`;
      case "opaque":
        return `hit.opaque(f${ir.fn})`;
    }
  }

  /** Code of the cell under a key. */
  #lookup(bound: NonNullable<ReturnType<Binder["map"]>>, key: readonly Ir[], always: boolean): string {
    const parts = flatKey(key, bound.map.keyParts).map((part) =>
      `.get(${keyId(part, this.emit(part, always))})`
    );
    const cell = `${bound.levels}${parts.join("?")}`;
    return bound.map.lru ? `used(${bound.own}, ${cell})` : cell;
  }

  #mapGet(ir: Ir & { readonly op: "mapGet" }, always: boolean): string {
    const bound = this.#binder.map(ir.map);
    if (bound === undefined) return "undefined";
    const { map } = bound;
    const plain = map.aggregation.fn === "value";
    const zero = ir.zero ? zeroText(ir.type) : "undefined";
    if (map.keyParts > 0) {
      const read = `${this.#lookup(bound, ir.key, always)}?.${plain ? "value" : "get()"}`;
      return zero === "undefined" ? read : `(${read} ?? ${zero})`;
    }
    if (plain) return zero === "undefined" ? `${bound.cell}.value` : `(${bound.cell}.value ?? ${zero})`;
    return zero === "undefined"
      ? `(${bound.cell}.updated ? ${bound.cell}.get() : undefined)`
      : `${bound.cell}.get()`;
  }

  #binary(ir: Ir & { readonly op: "binary" }, always: boolean): string {
    const { operator, left, right } = ir;
    const short = operator === "&&" || operator === "||" || operator === "??";
    const l = this.emit(left, always);
    const r = this.emit(right, always && !short);
    if (operator === "==" || operator === "!=") {
      const other = left.type.kind === "null" ? right : right.type.kind === "null" ? left : undefined;
      if (other !== undefined && other.type.kind !== "null") {
        const code = other === left ? l : r;
        if (other.type.kind === "pointer" && other.type.maybe === true) {
          return operator === "==" ? `(!${code})` : `(!!${code})`;
        }
        // Nothing is stored, or nothing was returned: both are no value.
        if (other.type.kind !== "pointer") return `(${code} ${operator} null)`;
      }
    }
    switch (operator) {
      case "==":
        return `(${orZero(left, right, l)} === ${orZero(right, left, r)})`;
      case "!=":
        return `(${orZero(left, right, l)} !== ${orZero(right, left, r)})`;
      case "??":
        // A null pointer is address 0.
        return left.type.kind === "pointer" ? `(${l} || ${r})` : `(${l} ?? ${r})`;
      case "+":
        if (left.type.kind === "string" || right.type.kind === "string") {
          return `(${asText(left, l)} + ${asText(right, r)})`;
        }
        return `(${l} + ${r})`;
      default:
        return `(${l} ${operator} ${r})`;
    }
  }

  #template(parts: readonly (string | Ir)[], always: boolean): string {
    const texts = parts.map((part) =>
      typeof part === "string"
        ? JSON.stringify(part).slice(1, -1).replace(/\\"/g, '"').replace(/[`$]/g, "\\$&")
        : `\${${asText(part, this.emit(part, always))}}`
    );
    return `\`${texts.join("")}\``;
  }
}

/** A null literal beside a pointer is address 0. */
function orZero(ir: Ir, other: Ir, code: string): string {
  return ir.type.kind === "null" && other.type.kind === "pointer" ? "0" : code;
}

/** Code of an index, which may be an integer of C. */
function index(ir: Ir, code: string): string {
  return ir.op === "const" || ir.op === "word" || ir.op === "builtin" ? code : `nearest(${code})`;
}

/** Code of an operand of C's operators: a signed or an unsigned integer. */
function asInteger(ir: Ir, signed: boolean, emit: (ir: Ir) => string): string {
  const code = emit(ir);
  const { type } = ir;
  if (ir.op === "const" && typeof ir.value === "number" && ir.value >= 0) return code;
  if (type.kind === "bool") return `Number(${code})`;
  if (type.kind === "pointer") return signed ? code : `toU64(${code})`;
  if (type.kind !== "int" || type.signed === signed) return code;
  return signed ? type.size < 8 ? code : `toS64(${code})` : `toU64(${code})`;
}

/** Code of an operator of C's. */
function c(ir: Ir & { readonly op: "c" }, emit: (ir: Ir) => string): string {
  const l = asInteger(ir.left, ir.signed, emit);
  const r = asInteger(ir.right, ir.signed, emit);
  const name = cFunction(ir.operator, ir.signed);
  if (name !== undefined) return `${name}(${l}, ${r})`;
  const operator = ir.operator === "==" || ir.operator === "!=" ? `${ir.operator}=` : ir.operator;
  return `(${l} ${operator} ${r})`;
}

/** Code of what a map gives in C's arithmetic where nothing is stored. */
export function zeroText(type: ValueType): string {
  switch (type.kind) {
    case "int":
    case "pointer":
    case "never":
    case "float":
      return "0";
    case "bool":
      return "false";
    case "string":
      return '""';
    default:
      return "undefined";
  }
}

/** Code of what identifies a key part. */
export function keyId(ir: Ir, code: string): string {
  switch (ir.type.kind) {
    case "stack":
      return ir.type.maybe === true ? `${code}?.key` : `${code}.key`;
    case "float":
      return `integerKey(${code})`;
    case "unknown":
    case "tuple":
    case "record":
    case "buffer":
      return `keyPart(${code})`;
    default:
      return code;
  }
}

/** Code of a value inside a tuple, where nothing else tells an address from an integer. */
function asItem(ir: Ir, code: string): string {
  return ir.type.kind === "pointer" ? `{ kind: "pointer", address: ${code} }` : code;
}

/** Code of a value as a part of a string. */
function asText(ir: Ir, code: string): string {
  return ir.type.kind === "pointer" ? `addressText(${code})` : code;
}

/** Code of a literal. */
export function literal(value: string | number | boolean | bigint | null): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return value < 0n ? `(${value}n)` : `${value}n`;
    case "number":
      return Object.is(value, -0) || value < 0 ? `(${Object.is(value, -0) ? "-0" : value})` : String(value);
    default:
      return String(value);
  }
}

function plus(address: string, offset: number): string {
  if (offset === 0) return address;
  return offset > 0 ? `${address} + ${offset}` : `${address} - ${-offset}`;
}

function wrap(code: string, size: number, signed: boolean, what: string): string {
  switch (size) {
    case 1:
      return signed ? `(${code} << 24 >> 24)` : `(${code} & 255)`;
    case 2:
      return signed ? `(${code} << 16 >> 16)` : `(${code} & 65535)`;
    case 4:
      return signed ? `(${code} | 0)` : `(${code} >>> 0)`;
    default:
      return signed ? code : `unsigned64(${code}, ${JSON.stringify(what)})`;
  }
}

function call(fn: string, args: readonly Ir[], codes: readonly string[]): string {
  const [first = "", second = ""] = codes;
  switch (fn) {
    case "str":
      return second === "" ? first : `${first}.slice(0, ${second})`;
    case "ksym":
    case "usym":
      return `hit.${fn}(${first})`;
    case "length":
      return args[0]?.type.kind === "stack" ? `${first}.frames.length` : `${first}.length`;
    case "trunc":
    case "floor":
      return `Math.${fn}(${first})`;
    default:
      return `${first}.${fn}(${second})`;
  }
}

/** False for what may change during a hit, or has effects. */
function isSteady(ir: Ir): boolean {
  switch (ir.op) {
    case "local":
    case "opaque":
    case "mapGet":
    case "mapHas":
    case "mapLen":
    case "block":
      return false;
    case "builtin":
      return ir.name !== "rand";
    default:
      return true;
  }
}

/** Reads of the hit, which cost something and give the same each time. */
function isRead(ir: Ir): boolean {
  switch (ir.op) {
    case "builtin":
      return ir.name !== "rand";
    case "word":
    case "words":
    case "reg":
    case "load":
    case "bits":
    case "record":
    case "recordStr":
    case "str":
    case "kstack":
    case "ustack":
      return true;
    default:
      return false;
  }
}

function isIr(value: unknown): value is Ir {
  return typeof value === "object" && value !== null && "op" in value && "type" in value;
}
