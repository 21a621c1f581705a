/**
 * What a user should be told after a run besides its results, as sentences.
 *
 * @module
 */

import { mapFullText, timeText } from "../format/mod.ts";
import { renderDiagnostic } from "../graph/diagnostic.ts";
import { pointName } from "../graph/point_name.ts";
import type { Step } from "../graph/nodes.ts";
import { describeOutcome, type RunOutcome } from "../kernel/sched/outcome.ts";
import type { WorkloadReport } from "../workloads/workload.ts";
import type { RunStatistics } from "./run.ts";
import type { Session } from "./session.ts";

/** Most items that one note lists by name. */
const LISTED = 5;

/** The notes of a run, most important first. */
export function notesOf(
  statistics: RunStatistics,
  report: WorkloadReport,
  outcome: RunOutcome,
  sessions: readonly Session[],
): readonly string[] {
  return [
    ...(outcome.reason === "deadlock" ? [describeOutcome(outcome)] : []),
    ...oopsNotes(sessions),
    ...sessions.flatMap((session) => session.failures.map((failure) => failure.message)),
    ...sessions.flatMap((session) => session.compiled.warnings.map(renderDiagnostic)),
    ...idleNotes(sessions),
    ...refusedNotes(sessions),
    ...missedNotes(statistics),
    ...unreachableNotes(sessions),
    ...lateNotes(statistics, sessions),
    ...sessions.flatMap((session) => session.snapshot()).filter((map) => map.lost > 0).map((map) =>
      mapFullText(map.name, map.lost)
    ),
    ...(statistics.faults > 0
      ? [`${count(statistics.faults, "read")} of a probe met unmapped memory and gave 0 or an empty string`]
      : []),
    ...unknownNotes(statistics),
    ...workloadNotes(report),
  ];
}

/** Tasks that the kernel ended because it could not go on. */
function oopsNotes([session]: readonly Session[]): readonly string[] {
  const oopses = session?.kernel.oopses.all() ?? [];
  return oopses.map(({ comm, pid, reason }) => `The kernel could not go on in ${comm} (${pid}): ${reason}`);
}

/** Probes that end in nothing: hits are counted in the statistics, but nobody sees them. */
function idleNotes(sessions: readonly Session[]): readonly string[] {
  return sessions.flatMap(({ compiled }) =>
    compiled.program.graph.probes.filter((probe) => probe.steps.every(onlyTests)).map((probe) => {
      const given = probe.steps.length > 0 ? "only filters" : "does nothing";
      return `${pointName(probe.point)} ${given}: end it in .count() or .print(), or another that collects`;
    })
  );
}

/** What this kernel refuses of a glob. */
function refusedNotes(sessions: readonly Session[]): readonly string[] {
  const refused = sessions.flatMap((session) => session.refused).map(({ probe, errno }) =>
    `${probe} (${errno})`
  );
  return refused.length === 0 ? [] : [`The kernel refused what a glob matched: ${listed(refused)}`];
}

/** A filter whose function runs as it is may print. */
function onlyTests(step: Step): boolean {
  if (step.op === "limit" || step.op === "sample") return true;
  return step.op === "filter" && step.test.op !== "opaque";
}

/** Intervals that are longer than the run. */
function lateNotes(statistics: RunStatistics, sessions: readonly Session[]): readonly string[] {
  const late = sessions.flatMap((session) => session.probes()).filter((probe) =>
    probe.probe.startsWith("interval:") && probe.hits === 0
  );
  return late.length === 0 ? [] : [
    `${listed(late.map(({ probe }) => probe))} never came: the run took ${timeText(statistics.virtualNs)}`,
  ];
}

function missedNotes(statistics: RunStatistics): readonly string[] {
  return statistics.probes.filter((probe) => probe.missed > 0).map((probe) =>
    `${probe.probe} missed ${count(probe.missed, "hit")} (${probe.hits} handled)` +
    (probe.probe.startsWith("kretprobe") ? "; a larger maxactive holds more returns at once" : "")
  );
}

/** Probes whose functions nothing in the model calls: they see nothing, whatever the workload. */
function unreachableNotes(sessions: readonly Session[]): readonly string[] {
  const names = sessions.flatMap(({ kernel, compiled }) =>
    compiled.program.graph.probes.flatMap((_probe, index) => {
      const points = compiled.attachments.filter((attachment) => attachment.probe === index);
      const functions = points.flatMap(({ at: { point } }) =>
        ["kprobe", "kretprobe", "fentry", "fexit"].includes(point.kind) && "target" in point
          ? [point.target]
          : []
      );
      const unreached = functions.length > 0 && !functions.some((name) => kernel.calls.hitReachable(name));
      return unreached ? [points[0]?.name ?? ""] : [];
    })
  );
  return names.length === 0
    ? []
    : [`No behaviour and no recording reaches what is probed here, so it is never hit: ${listed(names)}`];
}

function unknownNotes(statistics: RunStatistics): readonly string[] {
  const reads = statistics.unknownReads;
  if (reads.length === 0) return [];
  const named = reads.map((read) =>
    `${read.argument < 0 ? "return value" : `argument ${read.argument}`} of ${read.function} (${read.times})`
  );
  return [`Nothing determines what probes read here, it reads as 0: ${listed(named)}`];
}

function workloadNotes(report: WorkloadReport): readonly string[] {
  const notes: string[] = [];
  if (report.unmodeled.size > 0) {
    notes.push(
      `System calls without a model ran as entry function and tracepoints: ${
        listed(counts(report.unmodeled))
      }`,
    );
  }
  if (report.leftOut.size > 0) {
    notes.push(
      `System calls that this architecture does not have were left out: ${listed(counts(report.leftOut))}`,
    );
  }
  const { malformedCount = 0, malformed = [] } = report.recording ?? {};
  if (malformedCount > 0) {
    const named = malformed.slice(0, LISTED).map(({ line, reason }) => `line ${line}: ${reason}`);
    const rest = malformedCount - named.length;
    notes.push(
      `${count(malformedCount, "line")} of the recording could not be used; ${named.join("; ")}` +
        (rest > 0 ? `; and ${rest} more` : ""),
    );
  }
  return [...notes, ...report.warnings];
}

function counts(map: ReadonlyMap<string, number>): readonly string[] {
  return [...map].map(([name, times]) => `${name} (${times})`);
}

function listed(items: readonly string[]): string {
  const rest = items.length - LISTED;
  return items.slice(0, LISTED).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

function count(n: number, noun: string): string {
  return n === 1 ? `1 ${noun}` : `${n} ${noun}s`;
}
