/**
 * Writes a forest as the bytes that `kernel/shapes/decode.ts` reads.
 *
 * @module
 */

import { ByteWriter } from "../../image/bytes.ts";
import { CALLER, type Decision, TESTS } from "../../kernel/calls/decision.ts";
import { OUTCOMES } from "../../kernel/calls/outcome.ts";
import { DECISION, MAGIC, RULE_CODES } from "../../kernel/shapes/decode.ts";
import type { Forest } from "../../kernel/shapes/forest.ts";
import type { ShapeNode, ShapeSite, ValueRule } from "../../kernel/shapes/node.ts";

/** Shortest run of calls that is written as a copy. */
const MIN_COPY = 3;

/** Compiled shapes of a forest. Functions are renumbered by name, nodes by function. */
export function encodeShapes(forest: Forest): Uint8Array {
  const order = forest.functions.map((name, id) => ({ name, id })).sort((a, b) => a.name < b.name ? -1 : 1);
  const newFn = new Int32Array(order.length);
  const newNode = new Int32Array(forest.nodes);
  let next = 0;
  order.forEach(({ id }, i) => {
    newFn[id] = i;
    for (const node of forest.instances(id)) newNode[node] = next++;
  });
  const names = new Names(order.map(({ name }) => name));
  const edges = new Map<
    number,
    { readonly callee: number; readonly rules: readonly (ValueRule | undefined)[] }[]
  >();
  for (const { caller, callee, rules } of forest.allArgumentRules()) {
    const list = edges.get(caller) ?? [];
    list.push({ callee: newFn[callee] ?? 0, rules });
    edges.set(caller, list);
  }
  const blocks = order.map(({ id, name }) => {
    const nodes = forest.instances(id).map((node) => forest.node(node));
    return encodeBlock(id, name, nodes, edges.get(id) ?? [], { forest, newFn, newNode, names });
  });
  const text = new TextEncoder().encode(names.all().join("\n"));
  const head = new ByteWriter().raw(new TextEncoder().encode(MAGIC)).uint(text.length).raw(text).uint(
    order.length,
  );
  for (const block of blocks) head.uint(block.nodes).uint(block.sites).uint(block.bytes.length);
  for (const { id } of order) {
    for (const node of forest.instances(id)) head.uint(forest.weight(node)).uint(forest.calls(node));
  }
  for (const block of blocks) head.raw(block.bytes);
  return head.finish();
}

/** Names of functions, then of those that only sites mention. */
class Names {
  readonly #list: string[];
  readonly #ids: Map<string, number>;

  constructor(names: readonly string[]) {
    this.#list = [...names];
    this.#ids = new Map(names.map((name, i) => [name, i]));
  }

  id(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#list.length;
      this.#list.push(name);
      this.#ids.set(name, id);
    }
    return id;
  }

  all(): readonly string[] {
    return this.#list;
  }
}

interface Numbering {
  readonly forest: Forest;
  readonly newFn: Int32Array;
  readonly newNode: Int32Array;
  readonly names: Names;
}

function encodeBlock(
  fn: number,
  name: string,
  nodes: readonly ShapeNode[],
  edges: readonly { readonly callee: number; readonly rules: readonly (ValueRule | undefined)[] }[],
  numbering: Numbering,
): { readonly bytes: Uint8Array; readonly nodes: number; readonly sites: number } {
  const { forest, newFn, newNode, names } = numbering;
  const writer = new ByteWriter();
  const sites = [...new Set(nodes.flatMap((node) => [...node.sites]))].filter((id) => id >= 0).sort((a, b) =>
    a - b
  );
  const siteIndex = new Map(sites.map((id, i) => [id, i + 1]));
  for (const id of sites) writeSite(writer, forest.site(id), name, names);
  for (const node of nodes) {
    writer.uint(node.count).byte(OUTCOMES.indexOf(node.outcome));
    writeRule(writer, node.result, newFn);
    writer.uint(node.children.length);
  }
  const children = nodes.flatMap((node) => Array.from(node.children, (child) => newNode[child] ?? 0));
  const siteOf = nodes.flatMap((node) => Array.from(node.sites, (site) => siteIndex.get(site) ?? 0));
  writeCalls(writer, children, siteOf);
  const sorted = [...edges].sort((a, b) => a.callee - b.callee);
  writer.uint(sorted.length);
  for (const { callee, rules } of sorted) {
    writer.uint(callee).uint(rules.length);
    for (const rule of rules) writeRule(writer, rule, newFn);
  }
  writeDecision(writer, forest.decision(fn), newNode[nodes[0]?.id ?? 0] ?? 0, numbering);
  return { bytes: writer.finish(), nodes: nodes.length, sites: sites.length };
}

function writeSite(writer: ByteWriter, site: ShapeSite, owner: string, names: Names): void {
  writer.uint(site.returns.length * 2 + (site.tail ? 1 : 0));
  for (const { fn, offset } of site.returns) writer.uint(fn === owner ? 0 : names.id(fn) + 1).uint(offset);
}

/** Literals and copies, found through a table of the last place of each triple of calls. */
function writeCalls(writer: ByteWriter, children: readonly number[], siteOf: readonly number[]): void {
  const total = children.length;
  const seen = new Map<string, number[]>();
  const keyAt = (i: number) => {
    let key = "";
    for (let n = i; n < i + MIN_COPY; n++) key += `${children[n]}:${siteOf[n]} `;
    return key;
  };
  let at = 0;
  let noted = 0;
  let start = 0;
  const flush = () => {
    writer.uint(at - start);
    for (let i = start; i < at; i++) writer.uint(children[i] ?? 0).uint(siteOf[i] ?? 0);
  };
  while (at < total) {
    let length = 0;
    let distance = 0;
    if (at + MIN_COPY <= total) {
      for (const from of seen.get(keyAt(at)) ?? []) {
        let same = MIN_COPY;
        while (
          at + same < total && children[at + same] === children[from + same] &&
          siteOf[at + same] === siteOf[from + same]
        ) {
          same++;
        }
        if (same > length) {
          length = same;
          distance = at - from;
        }
      }
    }
    if (length >= MIN_COPY) {
      flush();
      writer.uint(length).uint(distance);
      at += length;
      start = at;
    } else at++;
    for (; noted < at && noted + MIN_COPY <= total; noted++) {
      const key = keyAt(noted);
      const list = seen.get(key);
      if (list === undefined) seen.set(key, [noted]);
      else {
        list.push(noted);
        if (list.length > 32) list.shift();
      }
    }
  }
  if (start < total) flush();
}

function writeDecision(
  writer: ByteWriter,
  decision: Decision | null,
  firstNode: number,
  numbering: Numbering,
): void {
  if (decision === null) {
    writer.byte(DECISION.none);
    return;
  }
  if (decision.feature < 0) {
    writer.byte(DECISION.leaf).uint(decision.variants.length);
    const variants = decision.variants.map(({ node, count }) => ({
      at: (numbering.newNode[node] ?? 0) - firstNode,
      count,
    }));
    for (const { at, count } of variants.sort((a, b) => a.at - b.at)) writer.uint(at).uint(count);
    return;
  }
  const value = decision.feature === CALLER ? numbering.newFn[decision.value] ?? 0 : decision.value;
  writer.byte(DECISION.test + TESTS.indexOf(decision.test)).uint(decision.feature).int(value);
  writeDecision(writer, decision.yes, firstNode, numbering);
  writeDecision(writer, decision.no, firstNode, numbering);
}

function writeRule(writer: ByteWriter, rule: ValueRule | undefined, newFn: Int32Array): void {
  if (rule === undefined) {
    writer.byte(0);
    return;
  }
  writer.byte(RULE_CODES[rule.from]);
  switch (rule.from) {
    case "constant":
      writer.int(rule.value);
      break;
    case "argument":
      writer.uint(rule.index).int(rule.plus);
      break;
    case "result":
      writer.uint(newFn[rule.fn] ?? 0).int(rule.plus);
      break;
    case "current":
      break;
    case "field":
      writer.uint(rule.index).uint(rule.offset).uint(rule.size * 2 + (rule.signed ? 1 : 0)).int(rule.plus);
      break;
  }
}
