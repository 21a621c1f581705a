/**
 * What was compared, as a table.
 *
 * @module
 */

import { type CallScore, type Comparison, type EdgeGap, edgeGaps } from "./compare.ts";
import { addScore, noScore, precision, recall, type Score } from "./edges.ts";

/** One line of the table. */
export interface Row {
  readonly arch: string;
  readonly name: string;
  readonly comparison: Comparison;
}

const HEAD = "                              edges        weighted     in place\n" +
  "arch   program                rec.  prec.  rec.  prec.  rec.  prec.\n";

/** The table of all rows, with the totals of each architecture that has several. */
export function table(rows: readonly Row[]): string {
  let text = HEAD;
  for (const arch of new Set(rows.map((row) => row.arch))) {
    const own = rows.filter((row) => row.arch === arch);
    for (const { name, comparison } of own) {
      text += line(arch, name, [comparison.plain, comparison.weighted, comparison.inPlace]);
    }
    if (own.length > 1) text += line(arch, "all", totals(own));
  }
  return text;
}

/** Sums over programs: unweighted, weighted, in place. */
export function totals(rows: readonly Row[]): readonly [Score, Score, Score] {
  const sums: [Score, Score, Score] = [noScore(), noScore(), noScore()];
  for (const { comparison } of rows) {
    addScore(sums[0], comparison.plain);
    addScore(sums[1], comparison.weighted);
    addScore(sums[2], comparison.inPlace);
  }
  return sums;
}

function line(arch: string, name: string, scores: readonly Score[]): string {
  const figures = scores.map((score) => `${figure(recall(score))}  ${figure(precision(score))}`);
  return `${arch.padEnd(7)}${name.padEnd(22)}${figures.join("  ")}\n`;
}

/** `0.873`, not rounded up to what it isn't. */
function figure(value: number): string {
  return (Math.floor(value * 1000) / 1000).toFixed(3);
}

/** System calls, the furthest from their recordings first, `limit` of them. */
export function callsText(calls: readonly CallScore[], limit: number): string {
  const off = ({ score }: CallScore) => score.recorded + score.modeled - 2 * score.common;
  const sorted = [...calls].sort((a, b) => off(b) - off(a) || (a.name < b.name ? -1 : 1));
  return sorted.slice(0, limit).map((call) =>
    `  ${call.name.padEnd(24)}${String(call.recorded).padStart(5)}/${String(call.modeled).padEnd(5)} ` +
    `${figure(recall(call.score))}  ${figure(precision(call.score))}  -${
      call.score.recorded - call.score.common
    } +${call.score.modeled - call.score.common}\n`
  ).join("");
}

/** Edges that the model lacks and that it invented, `limit` of each. */
export function gapsText({ recordedEdges, modeledEdges }: Comparison, limit: number): string {
  return gapList("missing", edgeGaps(recordedEdges, modeledEdges), limit) +
    gapList("invented", edgeGaps(modeledEdges, recordedEdges), limit);
}

function gapList(title: string, gaps: readonly EdgeGap[], limit: number): string {
  if (gaps.length === 0) return "";
  const calls = gaps.reduce((sum, gap) => sum + gap.count, 0);
  const whole = gaps.filter((gap) => gap.whole).length;
  const lines = gaps.slice(0, limit).map(({ edge, count, whole }) =>
    `    ${String(count).padStart(6)}${whole ? "*" : " "} ${edge.replace(" ", " → ")}\n`
  );
  return `  ${title}: ${calls} calls of ${gaps.length} edges, ${whole} edges (*) altogether\n${
    lines.join("")
  }`;
}
