/**
 * Reads compiled shapes: the bytes that `tools/compile_shapes.ts` writes. A header lists the functions with their
 * numbers of nodes and sites; each function's block is decoded when one of its nodes is first asked for.
 *
 * ```text
 * magic "KSH2", lengths of names; names joined by newlines
 * number of functions (further names are those that only sites mention), per function: nodes, sites, bytes of its block
 * per node: weight, calls in its subtree
 * per function its block: sites, nodes (count, outcome, result, number of calls), calls, argument rules by callee, decisions
 * ```
 *
 * @module
 */

import { storeAt } from "./dense.ts";
import { ByteReader } from "../../image/bytes.ts";
import { type Decision, type Test, TESTS, type VariantCount } from "../calls/decision.ts";
import { OUTCOMES } from "../calls/outcome.ts";
import type { ShapeSource } from "./library.ts";
import type { Outcome, ShapeNode, ShapeSite, ValueRule } from "./node.ts";

/** First bytes of compiled shapes. */
export const MAGIC = "KSH2";
/** Rules by their code; 0 is no rule. */
export const RULE_CODES = { constant: 1, argument: 2, result: 3, current: 4, field: 5 } as const;

interface Block {
  readonly nodes: readonly ShapeNode[];
  readonly sites: readonly ShapeSite[];
  readonly rules: ReadonlyMap<number, readonly (ValueRule | undefined)[]>;
  readonly decision: Decision | null;
}

interface RawNode {
  readonly count: number;
  readonly outcome: Outcome;
  readonly result: ValueRule | undefined;
  readonly calls: number;
}

/** Compiled shapes, decoded block by block. */
export class EncodedShapes implements ShapeSource {
  readonly functions: readonly string[];
  readonly nodes: number;
  readonly #names: readonly string[];
  readonly #body: Uint8Array;
  /** First node, first site and first byte of each function; one more entry ends the last. */
  readonly #firstNode: Int32Array;
  readonly #firstSite: Int32Array;
  readonly #firstByte: Int32Array;
  readonly #blocks: (Block | undefined)[] = [];
  readonly #instances: (readonly number[] | undefined)[] = [];
  readonly #owners: Int32Array;
  readonly #weights: Float64Array;
  readonly #calls: Float64Array;

  constructor(bytes: Uint8Array) {
    const magic = new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
    if (magic !== MAGIC) {
      throw new Error(`Cannot read shapes: they start with ${JSON.stringify(magic)}, not "${MAGIC}"`);
    }
    const reader = new ByteReader(bytes.subarray(MAGIC.length));
    const names = new TextDecoder().decode(reader.take(reader.uint())).split("\n");
    const count = reader.uint();
    this.#names = names;
    this.functions = names.slice(0, count);
    this.#firstNode = new Int32Array(count + 1);
    this.#firstSite = new Int32Array(count + 1);
    this.#firstByte = new Int32Array(count + 1);
    for (let fn = 0; fn < count; fn++) {
      this.#firstNode[fn + 1] = (this.#firstNode[fn] ?? 0) + reader.uint();
      this.#firstSite[fn + 1] = (this.#firstSite[fn] ?? 0) + reader.uint();
      this.#firstByte[fn + 1] = (this.#firstByte[fn] ?? 0) + reader.uint();
    }
    this.nodes = this.#firstNode[count] ?? 0;
    this.#weights = new Float64Array(this.nodes);
    this.#calls = new Float64Array(this.nodes);
    this.#owners = new Int32Array(this.nodes);
    for (let fn = 0; fn < count; fn++) this.#owners.fill(fn, this.#firstNode[fn], this.#firstNode[fn + 1]);
    for (let id = 0; id < this.nodes; id++) {
      this.#weights[id] = reader.uint();
      this.#calls[id] = reader.uint();
    }
    this.#body = reader.take(this.#firstByte[count] ?? 0);
  }

  /** See `ShapeSource`. */
  fn(id: number): number {
    return this.#owners[id] ?? -1;
  }

  /** See `ShapeSource`. */
  weight(id: number): number {
    return this.#weights[id] ?? 0;
  }

  /** See `ShapeSource`. */
  calls(id: number): number {
    return this.#calls[id] ?? 0;
  }

  /** See `ShapeSource`. */
  node(id: number): ShapeNode {
    const fn = this.fn(id);
    const node = fn < 0 ? undefined : this.#block(fn).nodes[id - (this.#firstNode[fn] ?? 0)];
    if (node === undefined) throw new RangeError(`Cannot read shape ${id}: there are ${this.nodes}`);
    return node;
  }

  /** See `ShapeSource`. */
  instances(fn: number): readonly number[] {
    let ids = this.#instances[fn];
    if (ids === undefined) {
      const first = this.#firstNode[fn] ?? 0;
      ids = this.#block(fn).nodes.filter((node) => node.count > 0).map((node) => node.id);
      if (ids.length === 0) ids = this.#block(fn).nodes.map((_, i) => first + i);
      storeAt(this.#instances, fn, ids);
    }
    return ids;
  }

  /** See `ShapeSource`. */
  site(id: number): ShapeSite {
    const fn = ownerOf(this.#firstSite, id);
    const site = this.#block(fn).sites[id - (this.#firstSite[fn] ?? 0)];
    if (site === undefined) throw new RangeError(`Cannot read call site ${id}: there is none`);
    return site;
  }

  /** See `ShapeSource`. */
  argumentRules(caller: number, callee: number): readonly (ValueRule | undefined)[] {
    if (caller < 0 || caller >= this.functions.length) return [];
    return this.#block(caller).rules.get(callee) ?? [];
  }

  /** See `ShapeSource`. */
  decision(fn: number): Decision | null {
    return this.#block(fn).decision;
  }

  #block(fn: number): Block {
    let block = this.#blocks[fn];
    if (block === undefined) {
      block = this.#decode(fn);
      storeAt(this.#blocks, fn, block);
    }
    return block;
  }

  #decode(fn: number): Block {
    const reader = new ByteReader(this.#body.subarray(this.#firstByte[fn], this.#firstByte[fn + 1]));
    const firstNode = this.#firstNode[fn] ?? 0;
    const firstSite = this.#firstSite[fn] ?? 0;
    const sites: ShapeSite[] = [];
    for (let i = firstSite; i < (this.#firstSite[fn + 1] ?? 0); i++) sites.push(this.#readSite(reader, fn));
    const raw: RawNode[] = [];
    let total = 0;
    for (let i = firstNode; i < (this.#firstNode[fn + 1] ?? 0); i++) {
      const count = reader.uint();
      const outcome = OUTCOMES[reader.byte()] ?? "unknown";
      const result = readRule(reader);
      const calls = reader.uint();
      total += calls;
      raw.push({ count, outcome, result, calls });
    }
    const { children, siteOf } = readCalls(reader, total, firstSite);
    let at = 0;
    const nodes = raw.map(({ count, outcome, result, calls }, i): ShapeNode => {
      const start = at;
      at += calls;
      const own = children.subarray(start, at);
      const weight = this.weight(firstNode + i);
      return {
        id: firstNode + i,
        fn,
        self: own.reduce((left, child) => left - this.weight(child), weight),
        weight,
        count,
        children: own,
        sites: siteOf.subarray(start, at),
        outcome,
        result,
      };
    });
    const rules = readArgumentRules(reader);
    return { nodes, sites, rules, decision: readDecision(reader, firstNode, null) };
  }

  #readSite(reader: ByteReader, fn: number): ShapeSite {
    const head = reader.uint();
    const returns: { fn: string; offset: number }[] = [];
    for (let i = head >> 1; i > 0; i--) {
      const name = reader.uint();
      returns.push({ fn: this.#names[name === 0 ? fn : name - 1] ?? "", offset: reader.uint() });
    }
    return { tail: (head & 1) === 1, returns };
  }
}

/** Calls of all nodes of a function, one after another: literals, and copies of what came before. */
function readCalls(
  reader: ByteReader,
  total: number,
  firstSite: number,
): { readonly children: Int32Array; readonly siteOf: Int32Array } {
  const children = new Int32Array(total);
  const siteOf = new Int32Array(total);
  let at = 0;
  while (at < total) {
    for (let literals = reader.uint(); literals > 0; literals--) {
      children[at] = reader.uint();
      const site = reader.uint();
      siteOf[at] = site === 0 ? -1 : firstSite + site - 1;
      at++;
    }
    if (at >= total) break;
    const length = reader.uint();
    const distance = reader.uint();
    for (let i = 0; i < length; i++, at++) {
      children[at] = children[at - distance] ?? 0;
      siteOf[at] = siteOf[at - distance] ?? -1;
    }
  }
  return { children, siteOf };
}

function readArgumentRules(reader: ByteReader): Map<number, readonly (ValueRule | undefined)[]> {
  const rules = new Map<number, readonly (ValueRule | undefined)[]>();
  for (let edges = reader.uint(); edges > 0; edges--) {
    const callee = reader.uint();
    const count = reader.uint();
    const list: (ValueRule | undefined)[] = [];
    for (let i = 0; i < count; i++) list.push(readRule(reader));
    rules.set(callee, list);
  }
  return rules;
}

function readRule(reader: ByteReader): ValueRule | undefined {
  switch (reader.byte()) {
    case RULE_CODES.constant:
      return { from: "constant", value: reader.int() };
    case RULE_CODES.argument:
      return { from: "argument", index: reader.uint(), plus: reader.int() };
    case RULE_CODES.result:
      return { from: "result", fn: reader.uint(), plus: reader.int() };
    case RULE_CODES.current:
      return { from: "current" };
    case RULE_CODES.field: {
      const index = reader.uint();
      const offset = reader.uint();
      const size = reader.uint();
      return { from: "field", index, offset, size: size >> 1, signed: (size & 1) === 1, plus: reader.int() };
    }
    default:
      return undefined;
  }
}

/** First byte of a decision: a leaf, none, else a test's code plus `TEST`. */
export const DECISION = { leaf: 0, none: 1, test: 2 } as const;

/** A test of a decision: what was recorded in its situation is what was in those that it tells apart. */
class DecisionTest implements Decision {
  yes: Decision | null = null;
  no: Decision | null = null;
  #variants: readonly VariantCount[] | undefined;

  constructor(
    readonly test: Test,
    readonly feature: number,
    readonly value: number,
    readonly parent: Decision | null,
  ) {}

  /** Added up when first asked for: most calls meet a situation that was recorded. */
  get variants(): readonly VariantCount[] {
    return this.#variants ??= merge(this.yes?.variants ?? [], this.no?.variants ?? []);
  }
}

function readDecision(reader: ByteReader, firstNode: number, parent: Decision | null): Decision | null {
  const code = reader.byte();
  if (code === DECISION.none) return null;
  if (code === DECISION.leaf) {
    const variants: VariantCount[] = [];
    for (let left = reader.uint(); left > 0; left--) {
      variants.push({ node: firstNode + reader.uint(), count: reader.uint() });
    }
    return { feature: -1, test: "equal", value: 0, yes: null, no: null, variants, parent };
  }
  const test = TESTS[code - DECISION.test] ?? "equal";
  const feature = reader.uint();
  const decision = new DecisionTest(test, feature, reader.int(), parent);
  decision.yes = readDecision(reader, firstNode, decision);
  decision.no = readDecision(reader, firstNode, decision);
  return decision;
}

/** Counts of two lists in the order of nodes, added up. */
function merge(a: readonly VariantCount[], b: readonly VariantCount[]): VariantCount[] {
  const merged: VariantCount[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i];
    const right = b[j];
    if (right === undefined || (left !== undefined && left.node < right.node)) {
      merged.push(left as VariantCount);
      i++;
    } else if (left === undefined || right.node < left.node) {
      merged.push(right);
      j++;
    } else {
      merged.push({ node: left.node, count: left.count + right.count });
      i++;
      j++;
    }
  }
  return merged;
}

/** The function whose range of ids holds one: the last whose first id is not above it. */
function ownerOf(first: Int32Array, id: number): number {
  let low = 0;
  let high = first.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((first[middle] ?? 0) <= id) low = middle;
    else high = middle - 1;
  }
  return low;
}
