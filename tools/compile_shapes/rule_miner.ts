/**
 * Learns from aligned call trees where arguments come from and what functions return.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import { outcomeOf } from "../../kernel/calls/outcome.ts";
import type { CallTree, TaskTrees } from "./call_tree.ts";
import type { EdgeSites } from "./edge_sites.ts";
import { FieldRules } from "./field_rules.ts";
import { type NamedRule, type Source, ValueHistory } from "./value_rules.ts";
import type { PrototypeWords } from "./words.ts";

/** Most arguments that recordings have. */
const MAX_RECORDED = 6;

interface EdgeHistory {
  readonly caller: string;
  readonly callee: string;
  readonly args: ValueHistory[];
}

/** Collects observations over any number of recordings, then decides. */
export class RuleMiner {
  readonly #image: KernelImage;
  readonly #words: PrototypeWords;
  readonly #sites: EdgeSites;
  readonly #fields: FieldRules;
  readonly #edges = new Map<string, EdgeHistory>();
  readonly #results = new Map<string, ValueHistory>();

  constructor(image: KernelImage, words: PrototypeWords, sites: EdgeSites) {
    this.#image = image;
    this.#words = words;
    this.#fields = new FieldRules(image, words);
    this.#sites = sites;
  }

  /** Takes the trees of one task into account. */
  learn(task: TaskTrees): void {
    const current = this.#currentOf(task);
    const stack = this.#stackOf(task);
    const size = stackSize(this.#image.pointerSize);
    const onStack = (address: number) => Math.floor(address / size) === stack;
    for (const root of task.roots) this.#visit(root, { current, onStack });
  }

  /** Rules of all edges. */
  argumentRules(): {
    readonly caller: string;
    readonly callee: string;
    readonly rules: (NamedRule | undefined)[];
  }[] {
    return [...this.#edges.values()].map(({ caller, callee, args }) => ({
      caller,
      callee,
      rules: args.map((history, i) => {
        const name = this.#words.paramName(callee, i);
        const same = (j: number) => name !== undefined && this.#words.paramName(caller, j) === name;
        const rule = history.decide((value) => this.#isStatic(value), same);
        return rule ??
          (history.pointers && history.samples > 0 ? this.#fields.rule(caller, callee, i) : undefined);
      }),
    })).filter(({ rules }) => rules.some((rule) => rule !== undefined));
  }

  /** The rule of a function's results of one class. */
  resultRule(fn: string, outcome: string): NamedRule | undefined {
    return this.#results.get(`${fn} ${outcome}`)?.decide((value) => this.#isStatic(value), () => false);
  }

  #visit(tree: CallTree, task: Pick<Source, "current" | "onStack">): void {
    const data = tree.data;
    const results = new Map<string, number>();
    for (const call of tree.calls) {
      this.#visit(call, task);
      if (call.data === null) {
        results.delete(call.fn);
        continue;
      }
      if (data !== null) {
        this.#sites.note(tree.fn, call.fn, call.data.place);
        const source = { args: data.args, results, ...task };
        const histories = this.#edge(tree.fn, call.fn).args;
        call.data.args.slice(0, MAX_RECORDED).forEach((value, i) => {
          (histories[i] ??= new ValueHistory()).add(value, source);
        });
      }
      results.set(call.fn, call.data.result);
    }
    if (data === null || data.result !== data.result) return;
    const key = `${tree.fn} ${outcomeOf(data.result)}`;
    let history = this.#results.get(key);
    if (history === undefined) {
      history = new ValueHistory();
      this.#results.set(key, history);
    }
    history.add(data.result, { args: data.args, results, ...task });
  }

  #edge(caller: string, callee: string): EdgeHistory {
    const key = `${caller} ${callee}`;
    let edge = this.#edges.get(key);
    if (edge === undefined) {
      edge = { caller, callee, args: [] };
      this.#edges.set(key, edge);
    }
    return edge;
  }

  /** Number of the task's stack: system call entries get the user registers at its top. */
  #stackOf(task: TaskTrees): number {
    for (const root of task.roots) {
      const first = root.data?.args[0];
      if (first !== undefined && this.#words.param(root.fn, 0)?.pointee === "pt_regs") {
        return Math.floor(first / stackSize(this.#image.pointerSize));
      }
    }
    return NaN;
  }

  /** The task's own `task_struct`: what arguments of that type mostly are. */
  #currentOf(task: TaskTrees): number {
    const counts = new Map<number, number>();
    const visit = (tree: CallTree) => {
      tree.data?.args.forEach((value, i) => {
        if (this.#words.param(tree.fn, i)?.pointee === "task_struct" && value !== 0) {
          counts.set(value, (counts.get(value) ?? 0) + 1);
        }
      });
      tree.calls.forEach(visit);
    };
    task.roots.forEach(visit);
    let best = NaN;
    let most = 0;
    for (const [value, count] of counts) {
      if (count > most) {
        best = value;
        most = count;
      }
    }
    return best;
  }

  /** Whether a value is the address of the kernel's own text or data. */
  #isStatic(value: number): boolean {
    if (Math.abs(value) < 0x10000) return false;
    const found = this.#image.symbolAt(value);
    return found !== undefined && found.offset < Math.max(1, found.symbol.size) &&
      !/^(_end|_einittext)$/.test(found.symbol.name);
  }
}

/** Bytes of a kernel stack. */
function stackSize(pointerSize: number): number {
  return pointerSize === 8 ? 16384 : 8192;
}
