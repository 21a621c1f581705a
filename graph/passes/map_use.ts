/**
 * Pass: how maps are used. Every use must name a map that exists, give as many key parts as it has, of the same types
 * everywhere, and a value that its aggregation takes.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { Report } from "../diagnostic.ts";
import type { Ir, IrStep } from "../ir.ts";
import type { Aggregation, MapNode } from "../nodes.ts";
import { MAX_HIST_BITS } from "../maps/hist.ts";
import { MAX_LHIST_BUCKETS } from "../maps/lhist.ts";
import { typeText, type ValueType } from "../types.ts";

/** What the uses of each map have in common so far. */
export class MapUses {
  readonly #maps: ReadonlyMap<string, MapNode>;
  readonly #keys = new Map<string, { types: ValueType[]; probe: string }>();

  constructor(maps: readonly MapNode[]) {
    this.#maps = new Map(maps.map((map) => [map.name, map]));
  }

  /** Key types of a map, as its first use has them; undefined where it is never used. */
  keyTypes(map: string): readonly ValueType[] | undefined {
    return this.#keys.get(map)?.types;
  }

  /** Checks the aggregations of one probe's steps. */
  check(steps: readonly IrStep[], probe: string, image: KernelImage, report: Report): void {
    for (const step of steps) {
      if (step.op === "aggregate") this.#checkUse(step, probe, image, report);
    }
  }

  #checkUse(step: IrStep & { op: "aggregate" }, probe: string, image: KernelImage, report: Report): void {
    const map = this.#maps.get(step.map);
    if (map === undefined) {
      report("error", `No map "@${step.map}" in the graph`);
      return;
    }
    checkValue(map, step.value, image, report);
    const key = flatKey(step.key, map.keyParts);
    if (key.length !== map.keyParts) {
      report(
        "error",
        `Map "@${map.name}" has ${parts(map.keyParts)}, but this use gives ${parts(key.length)}`,
        {
          span: key[0]?.span,
        },
      );
      return;
    }
    for (const part of key) checkKeyPart(map, part, image, report);
    this.#checkAgreement(map, key, probe, image, report);
  }

  #checkAgreement(map: MapNode, key: readonly Ir[], probe: string, image: KernelImage, report: Report): void {
    const types = key.map((part) => part.type);
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

function parts(count: number): string {
  return count === 0 ? "no key" : count === 1 ? "a key of 1 part" : `a key of ${count} parts`;
}

function agree(a: ValueType, b: ValueType | undefined): boolean {
  if (b === undefined || a.kind === "unknown" || b.kind === "unknown") return true;
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
    const fault = boundsFault(map.aggregation);
    if (fault !== undefined) report("error", `Map "@${map.name}": ${fault}`);
  }
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
