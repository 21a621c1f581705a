/**
 * The shape compiler: recordings in, a forest of shared call trees with times, sites, results and rules out.
 *
 * @module
 */

import type { Arch, KernelImage } from "../../image/model.ts";
import { outcomeOf } from "../../kernel/calls/outcome.ts";
import { Forest, type Tree } from "../../kernel/shapes/forest.ts";
import type { Outcome, ValueRule } from "../../kernel/shapes/node.ts";
import { alignRecordings } from "./align.ts";
import { parseArgs, type TaskData } from "./args_trees.ts";
import type { CallData, CallTree, TaskTrees } from "./call_tree.ts";
import { EdgeSites } from "./edge_sites.ts";
import { TreeDresser } from "./exit_trees.ts";
import { parseGraph } from "./graph_trees.ts";
import { RuleMiner } from "./rule_miner.ts";
import { SampleCollector } from "./sample_collector.ts";
import { situate, type SituatedTask } from "./situations.ts";
import { type Structure, Structures } from "./structures.ts";
import type { NamedRule } from "./value_rules.ts";
import { PrototypeWords } from "./words.ts";

/**
 * Recorded nanoseconds in one of a real machine: the recordings come from emulators that also traced every call, each
 * with a slowness of its own. Chosen by hand so that a `vfs_read` of 4 KiB in memory takes what it takes on a machine of
 * today, about 1 µs on each architecture: `tests/plausible_times_test.ts` holds them to it. (The medians of such reads as
 * recorded are 64, 135 and 167 µs.)
 */
export const TIME_FACTORS: Readonly<Record<Arch, number>> = { x86_64: 64, arm64: 100, i386: 160 };
/** Own times above this many times the function's median are waits, not work. */
const WAIT_FACTOR = 8;
/** Functions whose own time is mostly that of other tasks. */
const WAITING = /^(?:__)?(?:preempt_)?schedule/;
/** Nanoseconds, as recorded, of a function of which no time is known. */
const UNTIMED = 1000;

/** One recorded program: text of its recordings. */
export interface Recording {
  readonly name: string;
  readonly graph: string | undefined;
  readonly args: string | undefined;
  /** Situations of its system calls: what variants are chosen by. */
  readonly situations?: readonly SituatedTask[];
}

/** What was compiled. */
export interface CompileReport {
  readonly calls: number;
  readonly aligned: number;
  readonly functions: number;
  readonly nodes: number;
  readonly edges: number;
}

/** Compiles recordings of one kernel. Recorded times are divided by `timeFactor`. */
export function compileShapes(
  image: KernelImage,
  recordings: readonly Recording[],
  timeFactor: number = TIME_FACTORS[image.arch],
): { readonly forest: Forest; readonly report: CompileReport } {
  const words = new PrototypeWords(image);
  const sites = new EdgeSites(image);
  const miner = new RuleMiner(image, words, sites);
  const graphs: TaskTrees[] = [];
  const datas: TaskData[][] = [];
  let aligned = 0;
  const situations = new Map<CallTree, Float64Array>();
  for (const { graph, args, situations: situated } of recordings) {
    const trees = graph === undefined ? [] : parseGraph(graph);
    const data = args === undefined ? [] : parseArgs(args, words);
    aligned += alignRecordings(trees, data);
    if (situated !== undefined) situate(trees, situated, situations);
    graphs.push(...trees);
    datas.push(data);
  }
  const known = new Set<string>();
  for (const data of datas) for (const task of data) collect(task.roots, known);
  const dresser = new TreeDresser(graphs, known);
  const graphRoots = new Set(graphs.flatMap((task) => task.roots.map((root) => root.fn)));
  const tasks = [...graphs, ...datas.flatMap((data) => dresser.dress(data, graphRoots))];
  for (const task of tasks) miner.learn(task);

  const structures = new Structures((tree) =>
    words.isVoid(tree.fn) ? "void" : outcomeOf(tree.data?.result ?? NaN)
  );
  for (const task of tasks) for (const root of task.roots) structures.addWhole(root);
  for (const task of tasks) for (const root of task.roots) structures.addBroken(root);
  const forest = new Forest();
  const samples = new SampleCollector(forest);
  const builder = new ForestBuilder(forest, structures, sites, miner, words, samples, timeFactor);
  for (const task of tasks) {
    for (const root of task.roots) forest.add(builder.tree(root, undefined, situations.get(root)));
  }
  samples.learn();
  const rules = miner.argumentRules();
  for (const { caller, callee, rules: list } of rules) {
    forest.setArgumentRules(caller, callee, list.map((rule) => numbered(forest, rule)));
  }
  const calls = tasks.reduce((sum, task) => sum + task.roots.reduce((n, root) => n + size(root), 0), 0);
  return {
    forest,
    report: { calls, aligned, functions: forest.functions.length, nodes: forest.nodes, edges: rules.length },
  };
}

/** Gives recorded trees their times, sites, outcomes and results. */
class ForestBuilder {
  readonly #forest: Forest;
  readonly #structures: Structures;
  readonly #sites: EdgeSites;
  readonly #miner: RuleMiner;
  readonly #words: PrototypeWords;
  readonly #samples: SampleCollector;
  readonly #selfs: Float64Array;
  readonly #siteIds: (readonly number[] | undefined)[] = [];
  readonly #rules = new Map<string, ValueRule | undefined>();

  constructor(
    forest: Forest,
    structures: Structures,
    sites: EdgeSites,
    miner: RuleMiner,
    words: PrototypeWords,
    samples: SampleCollector,
    timeFactor: number,
  ) {
    this.#forest = forest;
    this.#structures = structures;
    this.#sites = sites;
    this.#miner = miner;
    this.#words = words;
    this.#samples = samples;
    this.#selfs = selfTimes(structures, timeFactor);
  }

  /** The tree as the forest takes it. `situation`: features of the system call that it was made for. */
  tree(from: CallTree, caller?: string, situation?: Float64Array): Tree {
    const structure = this.#structures.ofTree(from);
    // A broken tree stands for its replacement, which has no values of its own.
    if (from.broken) return this.#ofStructure(structure, -1, structure.count > 0);
    const sites = this.#sitesOf(structure);
    const own = this.#words.isVoid(from.fn) ? "void" : outcomeOf(from.data?.result ?? NaN);
    const outcome = own === "unknown" ? mostly(structure.outcomes) : own;
    return {
      fn: from.fn,
      self: this.#selfs[structure.id] ?? NaN,
      outcome,
      result: this.#result(structure, outcome),
      calls: from.calls.map((call, i) => ({ ...this.tree(call, from.fn, situation), site: sites[i] ?? -1 })),
      added: (id) => this.#samples.note(from, structure, outcome, caller, situation, id),
    };
  }

  #ofStructure(structure: Structure, site: number, whole: boolean): Tree {
    const sites = this.#sitesOf(structure);
    const outcome = mostly(structure.outcomes);
    return {
      fn: structure.fn,
      self: this.#selfs[structure.id] ?? NaN,
      part: true,
      outcome,
      result: this.#result(structure, outcome),
      site,
      calls: structure.calls.map((id, i) => {
        const call = this.#structures.list[id];
        if (call === undefined) {
          throw new Error(`Cannot build a "${structure.fn}" call: structure ${id} is missing`);
        }
        return this.#ofStructure(call, sites[i] ?? -1, whole);
      }),
    };
  }

  #result(structure: Structure, outcome: Outcome): ValueRule | undefined {
    if (outcome === "void" || outcome === "unknown") return undefined;
    if (outcome === "zero") return { from: "constant", value: 0 };
    const key = `${structure.fn} ${outcome}`;
    if (!this.#rules.has(key)) {
      this.#rules.set(key, numbered(this.#forest, this.#miner.resultRule(structure.fn, outcome)));
    }
    const rule = this.#rules.get(key);
    if (rule !== undefined) return rule;
    const values = [...structure.results].filter(([value]) => outcomeOf(value) === outcome);
    const [only] = values;
    if (only === undefined || values.length > 1 || structure.results.size > 8) return undefined;
    const [value, count] = only;
    const telling = outcome === "errno" || value === 1 || (count >= 3 && outcome === "positive");
    return telling ? { from: "constant", value } : undefined;
  }

  /** Sites of a structure's calls: recorded ones where most agree, else in order. */
  #sitesOf(structure: Structure): readonly number[] {
    let ids = this.#siteIds[structure.id];
    if (ids !== undefined) return ids;
    let last = -1;
    ids = structure.calls.map((id, i) => {
      const callee = this.#structures.list[id]?.fn ?? "";
      const seen = [...(structure.places[i]?.values() ?? [])].sort((a, b) => b.count - a.count)[0];
      const choice =
        (seen === undefined ? undefined : this.#sites.ofPlace(structure.fn, callee, seen.place)) ??
          this.#sites.inOrder(structure.fn, callee, last, i === structure.calls.length - 1);
      if (choice === undefined) return -1;
      if (choice.order >= 0) last = choice.order;
      return this.#forest.siteId(choice.site);
    });
    this.#siteIds[structure.id] = ids;
    return ids;
  }
}

/** Own nanoseconds of each structure: the median of what was seen, without waits. */
function selfTimes(structures: Structures, timeFactor: number): Float64Array {
  const byFn = new Map<string, number[]>();
  for (const { fn, selfs } of structures.list) {
    const list = byFn.get(fn);
    if (list === undefined) byFn.set(fn, [...selfs]);
    else list.push(...selfs);
  }
  const medians = new Map(
    [...byFn].map((
      [fn, selfs],
    ) => [fn, selfs.length === 0 ? UNTIMED : quantile(selfs, WAITING.test(fn) ? 0.02 : 0.5)]),
  );
  return Float64Array.from(structures.list, ({ fn, selfs }) => {
    const usual = medians.get(fn) ?? UNTIMED;
    const own = selfs.length === 0 || WAITING.test(fn) ? usual : quantile(selfs, 0.5);
    return Math.max(1, Math.min(own, usual * WAIT_FACTOR) / timeFactor);
  });
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * part)] ?? 0;
}

function mostly(outcomes: ReadonlyMap<string, number>): Outcome {
  let best: Outcome = "unknown";
  let most = 0;
  for (const [outcome, count] of outcomes) {
    if (count > most) {
      best = outcome as Outcome;
      most = count;
    }
  }
  return best;
}

function numbered(forest: Forest, rule: NamedRule | undefined): ValueRule | undefined {
  if (rule === undefined || rule.from !== "result") return rule;
  return { from: "result", fn: forest.functionId(rule.fn), plus: rule.plus };
}

function collect(calls: readonly CallData[], into: Set<string>): void {
  for (const call of calls) {
    into.add(call.fn);
    collect(call.calls, into);
  }
}

function size(tree: CallTree): number {
  return tree.calls.reduce((sum, call) => sum + size(call), 1);
}
