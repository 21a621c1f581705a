/**
 * What a probe costs a call: a kprobe whose handler counts, and a kretprobe, through the kernel's own interface.
 *
 * @module
 */

import { behaviour } from "../kernel/calls/function.ts";
import { fullImage } from "../image/mod.ts";
import { Kernel } from "../kernel/kernel.ts";
import { Kprobe, Kretprobe } from "../kernel/kprobes/mod.ts";
import { ShapeLibrary } from "../kernel/shapes/library.ts";
import { median } from "./median.ts";

/** Nanoseconds per call, medians of some rounds. */
export interface ProbeCosts {
  /** Nothing armed. */
  readonly unarmed: number;
  /** A kprobe with a counting pre handler. */
  readonly kprobe: number;
  /** Two of them at one address. */
  readonly twoKprobes: number;
  /** A kprobe with pre and post handler. */
  readonly withPost: number;
  /** A kretprobe with a counting handler: entry and return. */
  readonly kretprobe: number;
}

const ROUNDS = 9;
const BATCHES = 200;
const CALLS = 500;

/** Two functions of the kernel, the first of which calls the second, that nothing else in the model uses. */
const CALLEE = "seq_printf";
const callee = behaviour(CALLEE, [], (_k, a) => (a ?? 0) + 1);
const caller = behaviour("seq_hex_dump", [callee], (k) => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += k.call(callee, i, 2, 3, 4, 5, 6);
  return sum;
});

type Probe = Kprobe | Kretprobe;

/** Measures a call without probes and with each kind. */
export async function benchProbes(): Promise<ProbeCosts> {
  const k = new Kernel(await fullImage("x86_64"), ShapeLibrary.empty());
  const task = k.tasks.create({ comm: "bench" });
  k.current = task;
  let count = 0;
  const counting = () => new Kprobe({ symbolName: CALLEE, preHandler: () => void count++ });
  const setups: Readonly<Record<keyof ProbeCosts, () => readonly Probe[]>> = {
    unarmed: () => [],
    kprobe: () => [counting()],
    twoKprobes: () => [counting(), counting()],
    withPost: () => [
      new Kprobe({ symbolName: CALLEE, preHandler: () => void count++, postHandler: () => void count++ }),
    ],
    kretprobe: () => [new Kretprobe({ symbolName: CALLEE, handler: () => void count++ })],
  };
  const rounds: Record<keyof ProbeCosts, number[]> = {
    unarmed: [],
    kprobe: [],
    twoKprobes: [],
    withPost: [],
    kretprobe: [],
  };
  // Kinds take turns, so that what slows the machine down slows all of them.
  for (let round = -1; round < ROUNDS; round++) {
    for (const kind of Object.keys(setups) as (keyof ProbeCosts)[]) {
      const probes = setups[kind]();
      for (const probe of probes) register(k, probe);
      const start = performance.now();
      for (let i = 0; i < BATCHES; i++) k.calls.enter(task, caller, [], undefined, { kind: "bare" });
      const ns = (performance.now() - start) * 1e6 / (BATCHES * CALLS);
      if (round >= 0) rounds[kind].push(ns);
      for (const probe of probes) unregister(k, probe);
    }
  }
  if (count === 0) throw new Error(`Cannot measure probes: no call of ${CALLEE} was seen`);
  return {
    unarmed: median(rounds.unarmed),
    kprobe: median(rounds.kprobe),
    twoKprobes: median(rounds.twoKprobes),
    withPost: median(rounds.withPost),
    kretprobe: median(rounds.kretprobe),
  };
}

function register(k: Kernel, probe: Probe): void {
  const result = probe instanceof Kprobe
    ? k.kprobes.registerKprobe(probe)
    : k.kprobes.registerKretprobe(probe);
  if (result !== 0) throw new Error(k.kprobes.reasonOf(probe));
}

function unregister(k: Kernel, probe: Probe): void {
  if (probe instanceof Kprobe) k.kprobes.unregisterKprobe(probe);
  else k.kprobes.unregisterKretprobe(probe);
}

/** The costs, as lines to print. */
export function probeLines(costs: ProbeCosts): string {
  const line = (name: string, ns: number) =>
    `${name}: ${ns.toFixed(0)} ns, ${(ns / costs.unarmed).toFixed(1)} times an unarmed call\n`;
  return `an unarmed call: ${costs.unarmed.toFixed(0)} ns\n` +
    line("with a counting kprobe", costs.kprobe) +
    line("with two of them", costs.twoKprobes) +
    line("with pre and post handler", costs.withPost) +
    line("with a counting kretprobe", costs.kretprobe);
}

if (import.meta.main) console.log(probeLines(await benchProbes()).trimEnd());
