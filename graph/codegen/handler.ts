/**
 * From a probe's resolved steps to one function.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { Hit } from "../hit.ts";
import { FUNCTIONS } from "../functions/table.ts";
import { expressions, type Ir, type IrStatement, type IrStep } from "../ir.ts";
import { held, type RuntimeMap } from "../maps/runtime_map.ts";
import { flatKey } from "../passes/map_use.ts";
import type { ValueType } from "../types.ts";
import { rowValue, stackValue, type Symbolizer, toValue } from "../value.ts";
import { type Binder, Emitter, keyId } from "./emitter.ts";
import { continues, cost, mayLeave, returns } from "./flow.ts";
import { isExactInteger, opaqueIn, readsMap } from "./inspect_ir.ts";
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
  readonly maps: ReadonlyMap<string, RuntimeMap>;
  readonly functions: readonly ((context: never) => unknown)[];
  readonly symbolize: Symbolizer;
  /** Handlers made so far, by source: attach points that do the same share one. */
  readonly made: Map<string, Handler>;
  /** What `limit` and `sample` have counted, by name. */
  readonly gates: Map<string, { hits: number }>;
}

/** What a probe as a whole tells of its handler. */
export interface HandlerOptions {
  /** Its expressions compute with C's integers. */
  readonly c: boolean;
  /** Index of the probe in the program: names what it keeps from hit to hit. */
  readonly probe: number;
  /** Instructions that one hit may spend in loops. */
  readonly budget: number;
}

/** Compiles the steps of a probe into one function. */
export function buildHandler(
  steps: readonly IrStep[],
  around: Surroundings,
  options: HandlerOptions,
): BuiltHandler {
  return new HandlerBuilder(around, options).build(steps);
}

/** Compiles an expression into a function of the hit: what a kretprobe keeps of its entry. */
export function buildReader(
  ir: Ir,
  around: Surroundings,
  options: HandlerOptions,
): (hit: Hit) => unknown {
  return new HandlerBuilder(around, options).reader(ir);
}

/** A loop that code is in: where `continue` goes, if not to the loop itself. */
interface Loop {
  readonly next: string | undefined;
}

class HandlerBuilder implements Binder {
  readonly #around: Surroundings;
  readonly #options: HandlerOptions;
  readonly #emitter: Emitter = new Emitter(this);
  /** Names in the generated code, and what they stand for. */
  readonly #bound = new Map<string, unknown>();
  readonly #loops: Loop[] = [];
  /** What `return` becomes here. */
  #leave = "return";
  #loopy = false;
  #gates = 0;
  /** True where the code closes over something made for this handler alone. */
  #own = false;

  constructor(around: Surroundings, options: HandlerOptions) {
    this.#around = around;
    this.#options = options;
  }

  build(steps: readonly IrStep[]): BuiltHandler {
    for (const ir of steps.flatMap(expressions)) this.#emitter.survey(ir);
    for (const step of steps) this.#step(step);
    const lines = this.#emitter.lines.map((line) => `  ${line}`);
    const declarations = this.#emitter.declarations();
    const head = [
      ...(declarations === "" ? [] : [`  ${declarations}`]),
      ...(this.#loopy ? [`  let left = ${this.#options.budget};`] : []),
    ];
    const source = ["(hit) => {", ...head, ...lines, "}"].join("\n");
    const made = this.#own ? undefined : this.#around.made.get(source);
    const handler = made ?? this.#evaluate(source);
    if (!this.#own) this.#around.made.set(source, handler);
    return { handler, source };
  }

  reader(ir: Ir): (hit: Hit) => unknown {
    this.#emitter.survey(ir);
    const code = this.#emit(ir);
    const lines = [this.#emitter.declarations(), ...this.#emitter.lines, `return ${code};`];
    return this.#evaluate(`(hit) => { ${lines.join(" ")} }`);
  }

  map(name: string): ReturnType<Binder["map"]> {
    const map = this.#around.maps.get(name);
    if (map === undefined) return undefined;
    return {
      map,
      own: this.#bind(`map_${name}`, map),
      levels: this.#bind(`root_${name}`, map.root),
      cell: this.#bind(`cell_${name}`, map.scalar),
    };
  }

  call(fn: string, types: readonly ValueType[]): readonly [definition: string, call: string] {
    this.#own = true;
    const { image } = this.#around;
    return [
      this.#bind(`fn_${fn}`, FUNCTIONS.get(fn)),
      this.#bind(this.#emitter.fresh("call"), { image, types }),
    ];
  }

  block(body: readonly IrStatement[]): string {
    const { lines } = this.#emitter;
    const leave = this.#leave;
    this.#emitter.lines = [];
    this.#leave = "return";
    this.#body(body, false);
    const code = `(() => { ${this.#emitter.lines.join(" ")} })()`;
    this.#emitter.lines = lines;
    this.#leave = leave;
    return code;
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
      case "limit": {
        const gate = this.#gate();
        this.#push(`if (${gate}.hits >= ${step.count}) return;`);
        this.#push(`${gate}.hits++;`);
        break;
      }
      case "sample":
        this.#push(`if (${this.#gate()}.hits++ % ${step.count} !== 0) return;`);
        break;
      case "do": {
        const label = step.body.some(returns) ? this.#emitter.fresh("do") : "";
        this.#leave = label === "" ? "return" : `break ${label}`;
        this.#push(label === "" ? "{" : `${label}: {`);
        this.#body(step.body, true);
        this.#push("}");
        this.#leave = "return";
        break;
      }
      default:
        this.#statement(step, true);
    }
  }

  /** What a probe keeps from hit to hit, the same at all its attach points. */
  #gate(): string {
    const name = `gate_${this.#options.probe}_${this.#gates++}`;
    const kept = this.#around.gates.get(name) ?? { hits: 0 };
    this.#around.gates.set(name, kept);
    return this.#bind(name, kept);
  }

  #body(body: readonly IrStatement[], always: boolean): void {
    // What follows a statement that may leave need not be reached.
    let reached = always;
    for (const statement of body) {
      this.#statement(statement, reached);
      if (mayLeave(statement)) reached = false;
    }
  }

  #statement(statement: IrStatement, always: boolean): void {
    switch (statement.op) {
      case "expr":
        this.#push(`${this.#emit(statement.value, always)};`);
        break;
      case "let":
        this.#push(`let $${statement.name} = ${this.#emit(statement.value, always)};`);
        break;
      case "set":
        this.#push(`$${statement.name} = ${this.#emit(statement.value, always)};`);
        break;
      case "print": {
        const values = statement.parts.map((part) => this.#value(part, always));
        this.#push(`hit.print([${values.join(", ")}]);`);
        break;
      }
      case "printf": {
        const args = statement.args.map((arg) => this.#value(arg, always)).join(", ");
        this.#push(`hit.printf(${JSON.stringify(statement.format)}, [${args}]);`);
        break;
      }
      case "output": {
        const args = statement.args.map((arg) => this.#value(arg, always)).join(", ");
        this.#push(
          `hit.output(${JSON.stringify(statement.form)}, ${JSON.stringify(statement.format)}, [${args}]);`,
        );
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
      case "aggregate":
        this.#aggregate(statement, always);
        break;
      case "store":
        this.#store(statement, always);
        break;
      case "delete":
        this.#push(
          `${this.map(statement.map)?.own}.remove([${this.#ids(statement.map, statement.key, always)}]);`,
        );
        break;
      case "clear":
      case "zero":
        this.#push(`${this.map(statement.map)?.own}.${statement.op}();`);
        break;
      case "printMap":
        this.#printMap(statement, always);
        break;
      case "emit":
        this.#push(`hit.emit(${JSON.stringify(statement.table)}, ${this.#row(statement.row, always)});`);
        break;
      case "exit":
        this.#push(
          `hit.exit(${
            statement.code === undefined ? "0" : `Number(${this.#emit(statement.code, always)})`
          });`,
        );
        this.#push("return;");
        break;
      case "return":
        this.#push(
          statement.value === undefined
            ? `${this.#leave};`
            : `return ${this.#emit(statement.value, always)};`,
        );
        break;
      case "break":
        this.#push("break;");
        break;
      case "continue": {
        const next = this.#loops.at(-1)?.next;
        this.#push(next === undefined ? "continue;" : `break ${next};`);
        break;
      }
      case "range":
      case "each":
      case "while":
        this.#loop(statement, always);
    }
  }

  #loop(loop: Extract<IrStatement, { op: "range" | "each" | "while" }>, always: boolean): void {
    this.#loopy = true;
    const spend = `if ((left -= ${cost(loop)}) < 0) overBudget(${this.#options.budget});`;
    const inside = (next?: string): void => {
      this.#loops.push({ next });
      this.#body(loop.body, false);
      this.#loops.pop();
    };
    switch (loop.op) {
      case "range": {
        const end = this.#emitter.fresh("e");
        const [from, to] = [this.#emit(loop.from, always), this.#emit(loop.to, always)];
        this.#push(
          `for (let $${loop.name} = ${from}, ${end} = ${to}; $${loop.name} < ${end}; $${loop.name}++) {`,
        );
        this.#push(spend);
        inside();
        this.#push("}");
        break;
      }
      case "each": {
        const bound = this.map(loop.map);
        const cell = this.#emitter.fresh("c");
        this.#push(`for (const ${cell} of ${bound?.own}.cells()) {`);
        this.#push(`if (${cell}.dead) continue;`);
        this.#push(spend);
        this.#push(
          `const $${loop.key} = ${entryKey(bound?.map, cell)}, $${loop.value} = ${
            bound?.map.aggregation.fn === "value" ? `${cell}.value` : `${cell}.get()`
          };`,
        );
        inside();
        this.#push("}");
        break;
      }
      case "while": {
        const label = loop.update.length > 0 && loop.body.some(continues)
          ? this.#emitter.fresh("n")
          : undefined;
        this.#push("while (true) {");
        this.#push(`if (!${this.#emit(loop.test, false)}) break;`);
        this.#push(spend);
        if (label !== undefined) this.#push(`${label}: {`);
        inside(label);
        if (label !== undefined) this.#push("}");
        this.#body(loop.update, false);
        this.#push("}");
      }
    }
  }

  #printMap(statement: Extract<IrStatement, { op: "printMap" }>, always: boolean): void {
    const bound = this.map(statement.map);
    const symbolize = this.#bind("symbolize", this.#around.symbolize);
    const number = (ir: Ir | undefined): string =>
      ir === undefined ? "undefined" : `Number(${this.#emit(ir, always)})`;
    if (statement.key !== undefined) {
      const ids = this.#ids(statement.map, statement.key, always);
      const zero = this.#options.c ? "0" : "null";
      this.#push(
        `hit.printEntry(${bound?.own}.entry([${ids}], ${symbolize}) ?? ${zero}, ${number(statement.div)});`,
      );
      return;
    }
    this.#push(
      `hit.printMap(${bound?.own}.snapshot(${symbolize}), ${number(statement.top)}, ${
        number(statement.div)
      });`,
    );
  }

  /** Code of a row. */
  #row(row: Ir, always: boolean): string {
    if (row.op === "fields") return this.#value(row, always);
    return `${this.#bind("rowOf", rowValue)}(${this.#emit(row, always)}, ${
      this.#bind("symbolize", this.#around.symbolize)
    })`;
  }

  /** Codes of what identifies a key. */
  #ids(map: string, key: readonly Ir[], always: boolean): string {
    const parts = flatKey(key, this.#around.maps.get(map)?.keyParts ?? 0);
    return parts.map((part) => keyId(part, this.#emit(part, always))).join(", ");
  }

  #store(statement: Extract<IrStatement, { op: "store" }>, always: boolean): void {
    const map = this.#around.maps.get(statement.map);
    if (map === undefined) return;
    const value = this.#emitter.fresh("v");
    const key = flatKey(statement.key, map.keyParts);
    // As in JavaScript: the key, then the value, then the map.
    const parts = key.map((part) => this.#keyPart(part, always));
    this.#push(`const ${value} = ${this.#emit(statement.value, always)};`);
    const cell = key.length === 0 ? this.#scalarCell(map) : this.#keyedCell(map, parts);
    this.#push(`${cell}.set(${value});`);
  }

  #aggregate(step: Extract<IrStatement, { op: "aggregate" }>, always: boolean): void {
    const map = this.#around.maps.get(step.map);
    if (map === undefined) return;
    const key = flatKey(step.key, map.keyParts);
    const parts = key.map((part) => this.#keyPart(part, always));
    const late = step.value !== undefined && readsMap(step.value);
    const before = late ? this.#emitter.fresh("v") : "";
    if (late && step.value !== undefined) this.#push(`const ${before} = ${this.#emit(step.value, always)};`);
    const cell = key.length === 0 ? this.#scalarCell(map) : this.#keyedCell(map, parts);
    const { fn } = map.aggregation;
    if (step.value === undefined || fn === "count") {
      this.#push(`${cell}.add(1);`);
    } else if (isExactInteger(step.value) && !late) {
      this.#push(`${cell}.add(${this.#emit(step.value, always)});`);
    } else {
      const code = late ? before : this.#emit(step.value, always);
      this.#push(
        this.#options.c ? `addInteger(${cell}, ${code});` : `${cell}.add(toInteger(${code}));`,
      );
    }
  }

  #scalarCell(map: RuntimeMap): string {
    return this.#bind(`cell_${map.name}`, map.scalar);
  }

  #keyedCell(map: RuntimeMap, parts: readonly KeyCode[]): string {
    const root = this.#bind(`root_${map.name}`, map.root);
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
    const own = this.#bind(`map_${map.name}`, map);
    const insert = `${own}.insert([${parts.map((p) => p.id).join(", ")}], [${
      parts.map((p) => p.part).join(", ")
    }])`;
    const found = `${level}${level === root ? "" : "?"}.get(${last})`;
    this.#push(`const ${cell} = ${map.lru ? `used(${own}, ${found})` : found} ?? ${insert};`);
    return cell;
  }

  /** Code of a key part: what identifies it, and what the snapshot is to show. */
  #keyPart(ir: Ir, always: boolean): KeyCode {
    const name = this.#emitter.fresh("k");
    const code = this.#emit(ir, always);
    const identity = (): KeyCode => ({ id: name, part: name });
    switch (ir.type.kind) {
      case "stack":
        this.#push(`const ${name} = ${code};`);
        return { id: ir.type.maybe === true ? `${name}?.key` : `${name}.key`, part: name };
      case "float":
        this.#push(`const ${name} = integerKey(${code});`);
        return identity();
      case "unknown":
      case "tuple":
      case "record":
      case "buffer":
        this.#push(`const ${name} = ${code}, ${name}i = keyPart(${name});`);
        return { id: `${name}i`, part: name };
      default:
        this.#push(`const ${name} = ${code};`);
        return identity();
    }
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
    if (part.op === "fields") {
      const fields = part.fields.map(({ name, value }) =>
        `{ name: ${JSON.stringify(name)}, value: ${this.#value(value, always)} }`
      );
      return `{ kind: "struct", fields: [${fields.join(", ")}] }`;
    }
    const code = this.#emit(part, always);
    if (part.type.maybe === true) {
      const kind = part.type.kind === "pointer" ? "pointer" : "unknown";
      return `${this.#bind("heldOf", held)}(${code}, "${kind}", ${
        this.#bind("symbolize", this.#around.symbolize)
      })`;
    }
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
      case "record":
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

/** A key part in generated code. */
interface KeyCode {
  /** What identifies it. */
  readonly id: string;
  /** What the map shows. */
  readonly part: string;
}

/** Code of the key of an entry: one part as it is, several as a tuple. */
function entryKey(map: RuntimeMap | undefined, cell: string): string {
  const kinds = map?.kinds.key ?? [];
  if (kinds.length <= 1) return `${cell}.parts[0]`;
  const parts = kinds.map((kind, i) =>
    kind === "pointer" ? `{ kind: "pointer", address: ${cell}.parts[${i}] }` : `${cell}.parts[${i}]`
  );
  return `[${parts.join(", ")}]`;
}
