/**
 * Collects the recorded calls of each function with what was known when they were made, for `learnDecision`.
 *
 * @module
 */

import {
  CALLER,
  featureOf,
  OWN_ARGUMENTS,
  SITUATION,
  SITUATION_FEATURES,
} from "../../kernel/calls/decision.ts";
import type { Forest } from "../../kernel/shapes/forest.ts";
import type { CallTree } from "./call_tree.ts";
import { learnDecision, type Sample } from "./learn_decision.ts";
import type { Structure } from "./structures.ts";

/** More calls of one function than this add nothing but time. */
const MAX_SAMPLES = 4000;
/** Fewer teach nothing. */
const MIN_SAMPLES = 4;

/** All calls of one function. */
interface Calls {
  readonly samples: Sample[];
  seen: number;
}

/** Takes notes while the forest is built. */
export class SampleCollector {
  readonly #forest: Forest;
  readonly #calls = new Map<string, Calls>();
  readonly #classes = new Map<string, number>();

  constructor(forest: Forest) {
    this.#forest = forest;
  }

  /** A call became a node. `situation`: features of the system call it is made for, if known. */
  note(
    tree: CallTree,
    structure: Structure,
    outcome: string,
    caller: string | undefined,
    situation: Float64Array | undefined,
    node: number,
  ): void {
    let calls = this.#calls.get(tree.fn);
    if (calls === undefined) {
      calls = { samples: [], seen: 0 };
      this.#calls.set(tree.fn, calls);
    }
    if (calls.seen++ >= MAX_SAMPLES) return;
    const features = new Float64Array(SITUATION + SITUATION_FEATURES).fill(NaN);
    for (let i = 0; i < OWN_ARGUMENTS; i++) features[i] = featureOf(tree.data?.args[i] ?? NaN);
    features[CALLER] = caller === undefined ? NaN : this.#forest.functionId(caller);
    if (situation !== undefined) features.set(situation, SITUATION);
    const size = Math.log2(this.#forest.calls(node));
    const shallow = `${outcome} ${tree.calls.map((call) => call.fn).join()}`;
    calls.samples.push({ features, node, classes: [this.#class(shallow), structure.id], size });
  }

  /** Learns from all that was noted. */
  learn(): void {
    for (const [fn, { samples }] of this.#calls) {
      if (samples.length < MIN_SAMPLES || new Set(samples.map((sample) => sample.node)).size < 2) continue;
      const decision = learnDecision(samples);
      if (decision !== null) this.#forest.setDecision(this.#forest.functionId(fn), decision);
    }
  }

  #class(text: string): number {
    let number = this.#classes.get(text);
    if (number === undefined) {
      number = this.#classes.size;
      this.#classes.set(text, number);
    }
    return number;
  }
}
