/**
 * From a probe's resolved steps to one function.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { Hit } from "../hit.ts";
import { children, type Ir, type IrStatement, type IrStep } from "../ir.ts";
import type { AggregateMap } from "../maps/aggregate_map.ts";
import { flatKey } from "../passes/map_use.ts";
import { stackValue, type Symbolizer, toValue } from "../value.ts";
import { Emitter } from "./emitter.ts";
import { RUNTIME } from "./runtime.ts";
import { arrayReader, structReader } from "./struct_value.ts";

/** Runs one hit of a probe. */
export type Handler = (hit: Hit) => void;

/** A handler and the JavaScript that it was made from. */
export interface BuiltHandler {
  readonly handler: Handler;
  readonly source: string;
}

/** What handlers of one program close over. */
export interface Surroundings {
  readonly image: KernelImage;
  readonly maps: ReadonlyMap<string, AggregateMap>;
  readonly functions: readonly ((context: never) => unknown)[];
  readonly symbolize: Symbolizer;
  /** Handlers made so far, by source: attach points that do the same share one. */
  readonly made: Map<string, Handler>;
}

/** Compiles the steps of a probe into one function. */
export function buildHandler(steps: readonly IrStep[], around: Surroundings): BuiltHandler {
  return new HandlerBuilder(around).build(steps);
}

class HandlerBuilder {
  readonly #around: Surroundings;
  readonly #emitter = new Emitter();
  /** Names in the generated code, and what they stand for. */
  readonly #bound = new Map<string, unknown>();
  /** True where the code closes over something made for this handler alone. */
  #own = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  build(steps: readonly IrStep[]): BuiltHandler {
    for (const ir of steps.flatMap(expressions)) this.#emitter.survey(ir);
    for (const step of steps) this.#step(step);
    const lines = this.#emitter.lines.map((line) => `  ${line}`);
    const declarations = this.#emitter.declarations();
    const body = declarations === "" ? lines : [`  ${declarations}`, ...lines];
    const source = ["(hit) => {", ...body, "}"].join("\n");
    const made = this.#own ? undefined : this.#around.made.get(source);
    const handler = made ?? this.#evaluate(source);
    if (!this.#own) this.#around.made.set(source, handler);
    return { handler, source };
  }

  #evaluate(source: string): Handler {
    const names = [...Object.keys(RUNTIME), ...this.#bound.keys()];
    const values = [...Object.values(RUNTIME), ...this.#bound.values()];
    return Function(...names, `"use strict"; return ${source};`)(...values) as Handler;
  }

  #bind(name: string, value: unknown): string {
    this.#bound.set(name, value);
    return name;
  }

  #push(line: string): void {
    this.#emitter.lines.push(line);
  }

  #emit(ir: Ir, always = true): string {
    for (const fn of opaqueIn(ir)) this.#bind(`f${fn}`, this.#around.functions[fn]);
    return this.#emitter.emit(ir, always);
  }

  #step(step: IrStep): void {
    switch (step.op) {
      case "filter":
        this.#push(`if (!${this.#emit(step.test)}) return;`);
        break;
      case "aggregate":
        this.#aggregate(step);
        break;
      case "print":
        this.#push(`hit.print([${step.parts.map((part) => this.#value(part, true)).join(", ")}]);`);
        break;
      case "printf": {
        const args = step.args.map((arg) => this.#value(arg, true)).join(", ");
        this.#push(`hit.printf(${JSON.stringify(step.format)}, [${args}]);`);
        break;
      }
      case "do":
        this.#push("{");
        this.#body(step.body, true);
        this.#push("}");
        break;
    }
  }

  #body(body: readonly IrStatement[], always: boolean): void {
    for (const statement of body) {
      switch (statement.op) {
        case "expr":
          this.#push(`${this.#emit(statement.value, always)};`);
          break;
        case "let":
          this.#push(`const $${statement.name} = ${this.#emit(statement.value, always)};`);
          break;
        case "print": {
          const values = statement.parts.map((part) => this.#value(part, always));
          this.#push(`hit.print([${values.join(", ")}]);`);
          break;
        }
        case "if":
          this.#push(`if (${this.#emit(statement.test, always)}) {`);
          this.#body(statement.then, false);
          if (statement.else.length > 0) {
            this.#push("} else {");
            this.#body(statement.else, false);
          }
          this.#push("}");
          break;
      }
    }
  }

  #aggregate(step: IrStep & { readonly op: "aggregate" }): void {
    const map = this.#around.maps.get(step.map);
    if (map === undefined) return;
    const key = flatKey(step.key, map.keyParts);
    const cell = key.length === 0 ? this.#scalarCell(map) : this.#keyedCell(map, key);
    const value = step.value === undefined || map.aggregation.fn === "count"
      ? "1"
      : this.#integer(step.value);
    this.#push(`${cell}.add(${value});`);
  }

  #scalarCell(map: AggregateMap): string {
    return this.#bind(`cell_${map.name}`, map.scalar);
  }

  #keyedCell(map: AggregateMap, key: readonly Ir[]): string {
    const root = this.#bind(`root_${map.name}`, map.root);
    const parts = key.map((part) => this.#keyPart(part));
    const cell = this.#emitter.fresh("c");
    let level = root;
    for (const { id } of parts.slice(0, -1)) {
      const next = this.#emitter.fresh("l");
      this.#push(
        level === root ? `const ${next} = ${root}.get(${id});` : `const ${next} = ${level}?.get(${id});`,
      );
      level = next;
    }
    const last = parts[parts.length - 1]?.id ?? "undefined";
    const insert = `${this.#bind(`map_${map.name}`, map)}.insert([${parts.map((p) => p.id).join(", ")}], [${
      parts.map((p) => p.part).join(", ")
    }])`;
    this.#push(`const ${cell} = ${level}${level === root ? "" : "?"}.get(${last}) ?? ${insert};`);
    return cell;
  }

  /** Code of a key part: what identifies it, and what the snapshot is to show. */
  #keyPart(ir: Ir): { readonly id: string; readonly part: string } {
    const name = this.#emitter.fresh("k");
    const code = this.#emit(ir);
    const identity = (): { id: string; part: string } => ({ id: name, part: name });
    switch (ir.type.kind) {
      case "stack":
        this.#push(`const ${name} = ${code};`);
        return { id: `${name}.key`, part: name };
      case "float":
        this.#push(`const ${name} = Math.trunc(${code});`);
        return identity();
      case "unknown":
      case "tuple":
        this.#push(`const ${name} = ${code}, ${name}i = keyPart(${name});`);
        return { id: `${name}i`, part: name };
      default:
        this.#push(`const ${name} = ${code};`);
        return identity();
    }
  }

  /** Code of a value as an aggregation takes it. */
  #integer(ir: Ir): string {
    const code = this.#emit(ir);
    return isExactInteger(ir) ? code : `toInteger(${code})`;
  }

  /** Code of a value as `print` and `printf` take it. */
  #value(part: string | Ir, always: boolean): string {
    if (typeof part === "string") return JSON.stringify(part);
    if (part.op === "tuple") {
      return `{ kind: "tuple", items: [${part.items.map((item) => this.#value(item, always)).join(", ")}] }`;
    }
    if (part.op === "record" && part.type.kind === "array") {
      return `recordArray(hit, ${part.offset}, ${part.size}, ${part.signed}, ${part.type.length})`;
    }
    const code = this.#emit(part, always);
    switch (part.type.kind) {
      case "pointer":
        return `{ kind: "pointer", address: ${code} }`;
      case "stack":
        return `${this.#bind("stackOf", stackValue)}(${code}, ${
          this.#bind("symbolize", this.#around.symbolize)
        })`;
      case "struct":
        return this.#read(structReader(part.type.type, this.#around.image), code);
      case "array":
        return this.#read(arrayReader(part.type.of, part.type.length, this.#around.image), code);
      case "unknown":
      case "tuple":
        return `${this.#bind("valueOf", toValue)}(${code}, ${
          this.#bind("symbolize", this.#around.symbolize)
        })`;
      default:
        return code;
    }
  }

  #read(reader: unknown, address: string): string {
    this.#own = true;
    return `${this.#bind(this.#emitter.fresh("read"), reader)}(hit, ${address})`;
  }
}

/** True for integers that are read or cut to size; arithmetic may leave what a map can hold. */
function isExactInteger(ir: Ir): boolean {
  if (ir.type.kind !== "int" && ir.type.kind !== "pointer") return false;
  switch (ir.op) {
    case "builtin":
    case "word":
    case "words":
    case "reg":
    case "load":
    case "bits":
    case "record":
    case "wrap":
    case "slice":
      return true;
    case "const":
      return Number.isSafeInteger(ir.value);
    case "cond":
      return isExactInteger(ir.then) && isExactInteger(ir.else);
    default:
      return false;
  }
}

/** Indices of the functions that an expression runs as they are. */
function opaqueIn(ir: Ir): readonly number[] {
  return ir.op === "opaque" ? [ir.fn] : children(ir).flatMap(opaqueIn);
}

/** All expressions of a step. */
export function expressions(step: IrStep): readonly Ir[] {
  switch (step.op) {
    case "filter":
      return [step.test];
    case "aggregate":
      return step.value === undefined ? step.key : [...step.key, step.value];
    case "print":
      return step.parts.filter((part) => typeof part !== "string");
    case "printf":
      return step.args;
    case "do":
      return step.body.flatMap(statementExpressions);
  }
}

function statementExpressions(statement: IrStatement): readonly Ir[] {
  switch (statement.op) {
    case "expr":
    case "let":
      return [statement.value];
    case "print":
      return statement.parts.filter((part) => typeof part !== "string");
    case "if":
      return [
        statement.test,
        ...statement.then.flatMap(statementExpressions),
        ...statement.else.flatMap(statementExpressions),
      ];
  }
}
