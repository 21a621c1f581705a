/**
 * Runs programs over a workload from boot to the end, and returns what they found as data.
 *
 * @module
 */

import { attachedJson } from "../format/mod.ts";
import type { MapSnapshot } from "../graph/maps/runtime_map.ts";
import type { Program } from "../graph/nodes.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { ProbeHandlerError } from "../kernel/kprobes/mod.ts";
import type { RunOutcome } from "../kernel/sched/outcome.ts";
import { builtinWorkload } from "../workloads/builtin.ts";
import type { Workload, WorkloadReport } from "../workloads/workload.ts";
import { type AttachOptions, attachWith } from "./attach.ts";
import { bootKernel, type BootOptions } from "./boot.ts";
import { notesOf } from "./notes.ts";
import { Output } from "./output.ts";
import type { ProbeStatistics, UnknownRead } from "./result.ts";
import type { Session } from "./session.ts";
import { UnknownReads } from "./unknown_reads.ts";

/** What a run is made of. */
export interface RunOptions extends BootOptions, Omit<AttachOptions, "onText"> {
  /** What drives the kernel: a recording (`replay`), a scenario, your own. Default: the built-in `cat`. */
  readonly workload?: Workload;
  /** Stop at this virtual time, in nanoseconds. Default: when the workload is done. */
  readonly until?: number;
  /** Called once the probes are attached, before anything runs, with the number of attach points. */
  readonly onAttached?: (probes: number) => void;
  /** Called with each piece of output as it is printed, newline included. */
  readonly onLine?: (text: string) => void;
}

/** What there is to say about a run besides its results. */
export interface RunStatistics {
  /** Per attach point, in declaration order. */
  readonly probes: readonly ProbeStatistics[];
  /** Virtual time that passed, in nanoseconds. */
  readonly virtualNs: number;
  /** Kernel calls that ran one by one. */
  readonly callsWalked: number;
  /** Kernel calls accounted for in one step, because nothing under them was watched. */
  readonly callsAccounted: number;
  /** Reads of probes that met unmapped memory. */
  readonly faults: number;
  /** Map updates that were lost because a map was full. */
  readonly lostUpdates: number;
  /** Arguments and results that probes read although nothing determines them: they read as 0. */
  readonly unknownReads: readonly UnknownRead[];
}

/** A finished run. `Maps` and `Rows` are the program's by name, typed by the program. */
export interface RunResult<Maps = unknown, Rows = unknown> {
  /** The maps by name: keyed ones have `get`, others are their value. */
  readonly maps: Maps;
  /** Rows that the probes emitted, by table, in order. */
  readonly rows: Rows;
  /** What the probes printed, line by line; empty with `keep: false`. */
  readonly lines: readonly string[];
  /** Hits, misses, time, calls. */
  readonly statistics: RunStatistics;
  /** The maps as plain data, sorted by name, their entries in print order. */
  snapshot(): readonly MapSnapshot[];
  /** What the workload did, left out and could not use. */
  readonly workload: WorkloadReport;
  /** How the run ended. */
  readonly outcome: RunOutcome;
  /** Handlers that threw, with `keepGoing`. */
  readonly failures: readonly ProbeHandlerError[];
  /** Sentences that a user should see: misses, lost updates, unknown reads, what the replay left out. */
  readonly notes: readonly string[];
  /** All output as bpftrace prints it: what was printed, two newlines, the maps. With `keep: false` without the prints. */
  text(): string;
  /** The maps alone, as bpftrace prints them at the end. */
  mapsText(): string;
  /** All output as JSON lines. */
  json(): string;
}

/**
 * Runs one program, or several together, over a workload.
 *
 * ```ts
 * import { run } from "./run.ts";
 * import { kprobe } from "../probes/kprobe.ts";
 * import { program } from "../probes/program.ts";
 * const opens = program({ opens: kprobe("vfs_open").by((c) => c.comm).count() });
 * const result = await run(opens);
 * if (result.maps.opens.get("cat") === undefined) throw new Error("cat opens files");
 * ```
 *
 * @throws {ProgramError} If a program is wrong. {@link AttachError} if the kernel refuses a probe,
 * `ProbeHandlerError` if a handler throws (see `keepGoing`).
 */
export async function run<M, R>(
  programs: Program<M, R> | readonly Program<M, R>[],
  options: RunOptions = {},
): Promise<RunResult<M, R>> {
  for (const given of [programs].flat()) checkProgram(given);
  const workload = options.workload ?? builtinWorkload("cat");
  const kernel = await bootKernel({ ...options, disks: options.disks ?? workload.disks ?? [] });
  const unknown = new UnknownReads(kernel);
  const { onLine } = options;
  const output = new Output({ ...options, ...(onLine === undefined ? {} : { onText: onLine }) });
  const sessions = [programs].flat().map((program: Program<M, R>) =>
    attachWith(program, kernel, output, options)
  );
  const points = sessions.reduce((sum, session) => sum + session.probes().length, 0);
  options.onAttached?.(points);
  workload.start(kernel);
  const outcome = kernel.scheduler.run(options.until ?? Infinity);
  for (const session of sessions) session.detach();
  const report = workload.report();
  const statistics = statisticsOf(kernel, sessions, unknown);
  const mapsText = () => sessions.map((session) => session.mapsText()).join("");
  return {
    maps: Object.assign({}, ...sessions.map((session) => session.maps)) as M,
    rows: Object.assign({}, ...sessions.map((session) => session.rows)) as R,
    lines: output.lines(),
    statistics,
    snapshot: () => sessions.flatMap((session) => session.snapshot()),
    workload: report,
    outcome,
    failures: sessions.flatMap((session) => session.failures),
    notes: notesOf(statistics, report, outcome, sessions),
    text: () => `${output.text()}\n\n${mapsText()}`,
    mapsText,
    json: () =>
      `${attachedJson(points)}\n${output.json()}${sessions.map((session) => session.mapsJson()).join("")}`,
  };
}

function statisticsOf(kernel: Kernel, sessions: readonly Session[], unknown: UnknownReads): RunStatistics {
  return {
    probes: sessions.flatMap((session) => session.probes()),
    virtualNs: kernel.now(),
    callsWalked: kernel.calls.stats.walked,
    callsAccounted: kernel.calls.stats.accounted,
    faults: sessions.reduce((sum, session) => sum + session.faults, 0),
    lostUpdates: sessions.flatMap((session) => session.snapshot()).reduce((sum, map) => sum + map.lost, 0),
    unknownReads: unknown.list(),
  };
}

function checkProgram(given: unknown): void {
  if (typeof given === "object" && given !== null && "graph" in given && "functions" in given) return;
  throw new TypeError(
    "Cannot run what is no program: put probes into one, as program({ … }) or asProgram(probe)",
  );
}
