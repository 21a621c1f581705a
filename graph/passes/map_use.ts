/**
 * Pass: how maps are used. Every use must name a map that exists, give as many key parts as it has, of the same types
 * everywhere, and a value that its aggregation takes.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { Report } from "../diagnostic.ts";
import { children, expressions, type Ir, type IrStatement, type IrStep, statementsIn } from "../ir.ts";
import type { Aggregation, MapNode, Span } from "../nodes.ts";
import { MAX_HIST_BITS } from "../maps/hist.ts";
import { MAX_LHIST_BUCKETS } from "../maps/lhist.ts";
import { surely, typeText, type ValueType } from "../types.ts";

/** A use of a map: which, under which key, and what is stored there or added. */
interface MapUse {
  readonly map: string;
  /** Undefined where the map is used as a whole. */
  readonly key: readonly Ir[] | undefined;
  readonly value: Ir | undefined;
  readonly what: "aggregate" | "store" | "other";
  readonly span: Span | undefined;
}

/** What the uses of each map have in common so far. */
export class MapUses {
  readonly #maps: ReadonlyMap<string, MapNode>;
  readonly #keys = new Map<string, { types: ValueType[]; probe: string }>();
  readonly #values = new Map<string, { type: ValueType; probe: string }>();

  constructor(maps: readonly MapNode[]) {
    this.#maps = new Map(maps.map((map) => [map.name, map]));
  }

  /** Key types of a map, as its first use has them; undefined where it is never used. */
  keyTypes(map: string): readonly ValueType[] | undefined {
    return this.#keys.get(map)?.types;
  }

  /** Type of what is stored in a map; undefined where nothing is. */
  valueType(map: string): ValueType | undefined {
    return this.#values.get(map)?.type;
  }

  /** Checks what one probe's steps do with maps. */
  check(steps: readonly IrStep[], probe: string, image: KernelImage, report: Report): void {
    for (const step of steps) {
      for (const use of expressions(step).flatMap(reads)) this.#checkUse(use, probe, image, report);
    }
    for (const statement of statementsIn(steps)) {
      const use = useOf(statement);
      if (use !== undefined) this.#checkUse(use, probe, image, report);
    }
  }

  #checkUse(use: MapUse, probe: string, image: KernelImage, report: Report): void {
    const map = this.#maps.get(use.map);
    if (map === undefined) {
      report("error", `No map "@${use.map}" in the graph`, { span: use.span });
      return;
    }
    this.#checkValue(map, use, probe, image, report);
    if (use.key === undefined) return;
    const key = flatKey(use.key, map.keyParts);
    if (key.length !== map.keyParts) {
      report(
        "error",
        `Map "@${map.name}" has ${parts(map.keyParts)}, but this use gives ${parts(key.length)}`,
        {
          span: key[0]?.span ?? use.span,
        },
      );
      return;
    }
    for (const part of key) checkKeyPart(map, part, image, report);
    this.#checkAgreement(map, key, probe, image, report);
  }

  #checkValue(map: MapNode, use: MapUse, probe: string, image: KernelImage, report: Report): void {
    const { fn } = map.aggregation;
    if (use.what === "aggregate") {
      if (fn !== "value") checkValue(map, use.value, image, report);
      else report("error", `"@${map.name}" holds plain values; this use adds to it`, { span: use.span });
      return;
    }
    if (use.what !== "store" || use.value === undefined) return;
    if (fn !== "value") {
      report("error", `"@${map.name}" is a ${fn}; a plain value cannot be stored in it`, {
        span: use.span ?? use.value.span,
        hint: "use two maps",
      });
      return;
    }
    this.#checkStored(map, use.value, probe, image, report);
  }

  #checkStored(map: MapNode, value: Ir, probe: string, image: KernelImage, report: Report): void {
    const type = surely(value.type);
    if (type.kind === "struct" || type.kind === "array") {
      report("error", `A ${typeText(type, image)} cannot be stored in "@${map.name}"`, {
        span: value.span,
        hint: "store one of its parts, or its address",
      });
      return;
    }
    const before = this.#values.get(map.name);
    if (before === undefined || before.type.kind === "unknown") {
      if (type.kind !== "null") this.#values.set(map.name, { type, probe });
      return;
    }
    if (type.kind === "null" || agree(type, before.type) && !otherPointer(type, before.type)) return;
    report(
      "error",
      `Type mismatch for the value of "@${map.name}": ${typeText(type, image)} here, ${
        typeText(before.type, image)
      } in ${before.probe}`,
      { span: value.span, hint: "use two maps, or store the same type everywhere" },
    );
  }

  #checkAgreement(map: MapNode, key: readonly Ir[], probe: string, image: KernelImage, report: Report): void {
    const types = key.map((part) => surely(part.type));
    const before = this.#keys.get(map.name);
    if (before === undefined) {
      this.#keys.set(map.name, { types, probe });
      return;
    }
    const clash = types.findIndex((type, i) => !agree(type, before.types[i]));
    const was = before.types[clash];
    const is = types[clash];
    if (was === undefined || is === undefined) {
      before.types = types.map((type, i) =>
        before.types[i]?.kind === "unknown" ? type : before.types[i] ?? type
      );
      return;
    }
    report(
      "error",
      `Type mismatch for the key of "@${map.name}": ${typeText(is, image)} here, ${
        typeText(was, image)
      } in ${before.probe}`,
      { span: key[clash]?.span, hint: "use two maps, or give both the same type" },
    );
  }
}

/** Pointers to different things do not mix: what is read out again has one type. */
function otherPointer(a: ValueType, b: ValueType): boolean {
  return a.kind === "pointer" && b.kind === "pointer" && a.to !== b.to && a.to.id !== b.to.id;
}

/** What a statement itself does with a map. */
function useOf(statement: IrStatement): MapUse | undefined {
  const { span } = statement;
  switch (statement.op) {
    case "aggregate":
    case "store":
      return { map: statement.map, key: statement.key, value: statement.value, what: statement.op, span };
    case "delete":
      return { map: statement.map, key: statement.key, value: undefined, what: "other", span };
    case "printMap":
    case "clear":
    case "zero":
    case "each": {
      const key = statement.op === "printMap" ? statement.key : undefined;
      return { map: statement.map, key, value: undefined, what: "other", span };
    }
    default:
      return undefined;
  }
}

/** Reads of maps inside an expression. */
function reads(ir: Ir): readonly MapUse[] {
  const inner = children(ir).flatMap(reads);
  if (ir.op !== "mapGet" && ir.op !== "mapHas") return inner;
  return [...inner, { map: ir.map, key: ir.key, value: undefined, what: "other", span: ir.span }];
}

function parts(count: number): string {
  return count === 0 ? "no key" : count === 1 ? "a key of 1 part" : `a key of ${count} parts`;
}

function agree(a: ValueType, b: ValueType | undefined): boolean {
  if (b === undefined || a.kind === "unknown" || b.kind === "unknown" || a.kind === "never") return true;
  const number = (t: ValueType) => t.kind === "int" || t.kind === "float" || t.kind === "bigint";
  return a.kind === b.kind || number(a) && number(b);
}

/** The parts of a key; one tuple is its parts. */
export function flatKey(key: readonly Ir[], keyParts: number): readonly Ir[] {
  const only = key[0];
  return key.length === 1 && only?.op === "tuple" && only.items.length === keyParts ? only.items : key;
}

function checkKeyPart(map: MapNode, part: Ir, image: KernelImage, report: Report): void {
  const kind = part.type.kind;
  if (kind !== "struct" && kind !== "array") return;
  report("error", `A ${typeText(part.type, image)} cannot be a key of "@${map.name}"`, {
    span: part.span,
    hint: "use one of its parts",
  });
}

function checkValue(map: MapNode, value: Ir | undefined, image: KernelImage, report: Report): void {
  const fn = map.aggregation.fn;
  if (fn === "count") return;
  if (value === undefined) {
    report("error", `"${fn}" of "@${map.name}" needs a value`, { hint: `.${fn}((c) => …) tells which` });
    return;
  }
  const kind = value.type.kind;
  if (
    kind === "int" || kind === "float" || kind === "bool" || kind === "pointer" || kind === "bigint" ||
    kind === "unknown"
  ) {
    return;
  }
  report("error", `"${fn}" of "@${map.name}" needs an integer, not a ${typeText(value.type, image)}`, {
    span: value.span,
  });
}

/** Checks the maps themselves: names, bounds, one definition each. */
export function checkMaps(maps: readonly MapNode[], report: Report): void {
  const seen = new Set<string>();
  for (const map of maps) {
    if (seen.has(map.name)) report("error", `Map "@${map.name}" is defined twice`);
    seen.add(map.name);
    if (!/^[A-Za-z_]\w*$|^$/.test(map.name)) {
      report("error", `"${map.name}" is no name for a map: it takes letters, digits and "_", no digit first`);
    }
    const fault = boundsFault(map.aggregation) ?? optionsFault(map);
    if (fault !== undefined) report("error", `Map "@${map.name}": ${fault}`);
  }
}

/** What is wrong with the options of a map, if anything. */
function optionsFault(map: MapNode): string | undefined {
  const { maxEntries, lru, perCpu, top, aggregation } = map;
  for (const [name, value] of [["maxEntries", maxEntries], ["top", top]] as const) {
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1)) {
      return `${name} is a whole number from 1 up, not ${value}`;
    }
  }
  if (lru === true && map.keyParts === 0) return "a map without key forgets none, so it is not LRU";
  if (perCpu === true && aggregation.fn === "value") {
    return "plain values are not kept per CPU: only aggregations can be put together again";
  }
  return undefined;
}

/** What is wrong with the bounds of a histogram, if anything. */
export function boundsFault(aggregation: Aggregation): string | undefined {
  if (aggregation.fn === "hist") {
    const { bits } = aggregation;
    if (Number.isInteger(bits) && bits >= 0 && bits <= MAX_HIST_BITS) return undefined;
    return `hist takes 0 to ${MAX_HIST_BITS} bits, not ${bits}`;
  }
  if (aggregation.fn !== "lhist") return undefined;
  const { min, max, step } = aggregation;
  if (![min, max, step].every((n) => Number.isSafeInteger(n))) return "the bounds of lhist are whole numbers";
  if (step <= 0) return `the step of lhist is positive, not ${step}`;
  if (min >= max) return `the min of lhist is less than its max, not ${min} and ${max}`;
  if (step > max - min) {
    return `the step of lhist is no more than max - min, which is ${max - min}, not ${step}`;
  }
  const buckets = Math.floor((max - min) / step);
  if (buckets > MAX_LHIST_BUCKETS) return `lhist has at most ${MAX_LHIST_BUCKETS} buckets, not ${buckets}`;
  return undefined;
}
