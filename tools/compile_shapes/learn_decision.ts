/**
 * Learns what tells a function's recorded variants apart: a tree of tests, grown as long as a test says more about the
 * variants than it costs to write down.
 *
 * @module
 */

import { CALLER, type Decision, holds, type Test, type VariantCount } from "../../kernel/calls/decision.ts";

/** One recorded call. */
export interface Sample {
  /** By feature; NaN where unknown. */
  readonly features: Float64Array;
  /** The variant's node. */
  readonly node: number;
  /** What the variant is like, coarsest first: each a class number. */
  readonly classes: readonly number[];
  /** Logarithm of the number of calls in it. */
  readonly size: number;
}

/** How much each of `Sample.classes` counts. */
const WEIGHTS = [1, 0.3];
/** Sizes nearer than this to each other (logarithms) are as good as the same. */
const SAME_SIZE = 0.15;
/** Bits that a test must save beyond what choosing it among all tests costs. */
const COST = 4;
/** Values of one feature that are tried; more are put together. */
const MAX_VALUES = 40;
/** Single values and bits are tested where no more than this many values occur. */
const MAX_DEPTH = 12;
const BITS = 20;

interface Candidate {
  readonly feature: number;
  readonly test: Test;
  readonly value: number;
  readonly gain: number;
}

/** The tree for a function's calls; null where nothing tells them apart. */
export function learnDecision(samples: readonly Sample[]): Decision | null {
  const tree = grow(samples, null, 0);
  return tree.feature < 0 ? null : tree;
}

function grow(samples: readonly Sample[], parent: Decision | null, depth: number): Decision {
  const variants = countVariants(samples);
  const best = depth >= MAX_DEPTH ? undefined : bestTest(samples);
  if (best === undefined) {
    return { feature: -1, test: "equal", value: 0, yes: null, no: null, variants, parent };
  }
  const { feature, test, value } = best;
  const decision: { -readonly [K in keyof Decision]: Decision[K] } = {
    ...{ feature, test, value, yes: null, no: null, variants, parent },
  };
  const passes = (sample: Sample) => holds(test, value, sample.features[feature] ?? NaN);
  decision.yes = grow(samples.filter(passes), decision, depth + 1);
  decision.no = grow(samples.filter((sample) => !passes(sample)), decision, depth + 1);
  return decision;
}

function countVariants(samples: readonly Sample[]): VariantCount[] {
  const counts = new Map<number, number>();
  for (const { node } of samples) counts.set(node, (counts.get(node) ?? 0) + 1);
  return [...counts].map(([node, count]) => ({ node, count })).sort((a, b) => a.node - b.node);
}

/** Counts of classes, per kind of class. */
class Histogram {
  readonly counts: Float64Array[];
  size = 0;
  /** Sums of sizes and of their squares. */
  sum = 0;
  squares = 0;

  constructor(readonly sizes: readonly number[]) {
    this.counts = sizes.map((size) => new Float64Array(size));
  }

  add({ size }: Sample, labels: readonly number[]): void {
    this.size++;
    this.sum += size;
    this.squares += size * size;
    labels.forEach((label, kind) => {
      const counts = this.counts[kind];
      if (counts !== undefined) counts[label] = (counts[label] ?? 0) + 1;
    });
  }

  merge(other: Histogram): void {
    this.size += other.size;
    this.sum += other.sum;
    this.squares += other.squares;
    this.counts.forEach((counts, kind) => {
      const more = other.counts[kind];
      if (more === undefined) return;
      for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] ?? 0) + (more[i] ?? 0);
    });
  }

  /** Bits to say which class each sample has, and what size. */
  bits(without: Histogram | null = null): number {
    let bits = 0;
    const size = this.size - (without?.size ?? 0);
    if (size <= 0) return 0;
    const mean = (this.sum - (without?.sum ?? 0)) / size;
    const variance = (this.squares - (without?.squares ?? 0)) / size - mean * mean;
    const deviation = Math.sqrt(Math.max(0, variance));
    if (deviation > SAME_SIZE) bits += size * Math.log2(deviation / SAME_SIZE);
    const whole = Math.log2(size);
    this.counts.forEach((counts, kind) => {
      const less = without?.counts[kind];
      let sum = 0;
      for (let i = 0; i < counts.length; i++) {
        const n = (counts[i] ?? 0) - (less?.[i] ?? 0);
        if (n > 0) sum += n * (whole - Math.log2(n));
      }
      bits += sum * (WEIGHTS[kind] ?? 0);
    });
    return bits;
  }
}

function bestTest(samples: readonly Sample[]): Candidate | undefined {
  const { labels, sizes } = renumber(samples);
  const all = new Histogram(sizes);
  samples.forEach((sample, i) => all.add(sample, labels[i] ?? []));
  const bits = all.bits();
  if (bits <= COST) return undefined;
  const found: Candidate[] = [];
  const features = samples[0]?.features.length ?? 0;
  for (let feature = 0; feature < features; feature++) {
    const groups = groupsOf(samples, labels, sizes, feature);
    if (groups.known.length === 0 || (groups.known.length === 1 && groups.unknown === 0)) continue;
    found.push(...testsOf(feature, groups.known, all, bits, sizes));
  }
  const cost = COST + Math.log2(Math.max(2, found.length));
  let best: Candidate | undefined;
  for (const candidate of found) {
    if (candidate.gain > cost && (best === undefined || candidate.gain > best.gain + 1e-9)) best = candidate;
  }
  return best;
}

interface Group {
  readonly value: number;
  readonly histogram: Histogram;
}

/** Samples by the value of a feature, ascending. */
function groupsOf(
  samples: readonly Sample[],
  labels: readonly (readonly number[])[],
  sizes: readonly number[],
  feature: number,
): { readonly known: readonly Group[]; readonly unknown: number } {
  const byValue = new Map<number, Histogram>();
  let unknown = 0;
  samples.forEach((sample, i) => {
    const value = sample.features[feature] ?? NaN;
    if (value !== value) {
      unknown++;
      return;
    }
    let histogram = byValue.get(value);
    if (histogram === undefined) {
      histogram = new Histogram(sizes);
      byValue.set(value, histogram);
    }
    histogram.add(sample, labels[i] ?? []);
  });
  const known = [...byValue].map(([value, histogram]) => ({ value, histogram })).sort((a, b) =>
    a.value - b.value
  );
  return { known: known.length > MAX_VALUES ? thinned(known) : known, unknown };
}

/** Neighbouring values put together; each group has the largest value of its own. */
function thinned(groups: readonly Group[]): Group[] {
  const step = Math.ceil(groups.length / MAX_VALUES);
  const out: Group[] = [];
  for (let i = 0; i < groups.length; i += step) {
    const part = groups.slice(i, i + step);
    const last = part[part.length - 1];
    if (last === undefined) continue;
    const merged = new Histogram(last.histogram.sizes);
    for (const { histogram } of part) merged.merge(histogram);
    out.push({ value: last.value, histogram: merged });
  }
  return out;
}

function* testsOf(
  feature: number,
  groups: readonly Group[],
  all: Histogram,
  bits: number,
  sizes: readonly number[],
): Generator<Candidate> {
  const gain = (yes: Histogram) =>
    yes.size === 0 || yes.size === all.size ? 0 : bits - yes.bits() - all.bits(yes);
  for (const { value, histogram } of groups) {
    yield { feature, test: "equal", value, gain: gain(histogram) };
  }
  if (feature === CALLER) return;
  const below = new Histogram(sizes);
  for (const [i, { value, histogram }] of groups.slice(0, -1).entries()) {
    below.merge(histogram);
    const next = groups[i + 1]?.value ?? value;
    yield { feature, test: "atMost", value: between(value, next), gain: gain(below) };
  }
  const used = groups.reduce((or, { value }) => Number.isInteger(value) ? or | value : or, 0);
  for (let bit = 0; bit < BITS; bit++) {
    const value = 1 << bit;
    if ((used & value) === 0) continue;
    const set = new Histogram(sizes);
    for (const group of groups) if (holds("bit", value, group.value)) set.merge(group.histogram);
    yield { feature, test: "bit", value, gain: gain(set) };
  }
}

/** A threshold between two values: sizes lie apart by factors. */
function between(low: number, high: number): number {
  return low > 0 ? Math.floor(Math.sqrt(low * high)) : Math.floor((low + high) / 2);
}

/** Classes as small numbers. */
function renumber(
  samples: readonly Sample[],
): { readonly labels: readonly (readonly number[])[]; readonly sizes: readonly number[] } {
  const kinds = samples[0]?.classes.length ?? 0;
  const maps = Array.from({ length: kinds }, () => new Map<number, number>());
  const labels = samples.map(({ classes }) =>
    classes.map((label, kind) => {
      const map = maps[kind] ?? new Map<number, number>();
      let number = map.get(label);
      if (number === undefined) {
        number = map.size;
        map.set(label, number);
      }
      return number;
    })
  );
  return { labels, sizes: maps.map((map) => map.size) };
}
