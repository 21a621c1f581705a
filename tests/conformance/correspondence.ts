/**
 * Whether what is marked in two outputs stands for the same things: one process in the recording is one process of the
 * model, one pointer one pointer, a task that stayed on its CPU stays there, and times go on.
 *
 * Pointers are told apart within records that belong to one call. From one system call to the next the recorded kernels
 * move the stack by chance, and memory that was freed comes back sooner or later: there, the commands determine nothing.
 *
 * @module
 */

import type { MarkKind } from "./patterns.ts";

const MARK = /⟦([A-Z ]+):([^⟧]*)⟧/g;

/** Seconds between two recorded lines of a task that still belong to one call (on an emulator, with probes). */
const ONE_CALL = 90e-6;

/** The values of one kind that stand for each other. */
class Pairs {
  readonly #recorded = new Map<string, string>();
  readonly #modeled = new Map<string, string>();

  /** Whether the two can stand for each other; they do from now on. */
  pair(recorded: string, modeled: string): boolean {
    const ours = this.#recorded.get(recorded) ?? modeled;
    const theirs = this.#modeled.get(modeled) ?? recorded;
    if (ours !== modeled || theirs !== recorded) return false;
    this.#recorded.set(recorded, modeled);
    this.#modeled.set(modeled, recorded);
    return true;
  }
}

/** A marked part. */
interface Mark {
  readonly kind: MarkKind;
  readonly value: string;
}

function marksOf(line: string): readonly Mark[] {
  return [...line.matchAll(MARK)].map(([, kind, value = ""]) => ({ kind: kind as MarkKind, value }));
}

/** Whose line it is, and when it was made. */
interface Place {
  readonly task: string;
  /** Seconds; NaN where it tells none. */
  readonly time: number;
}

function placeOf(line: string): Place {
  const marks = marksOf(line);
  const valueOf = (wanted: MarkKind): string | undefined => marks.find(({ kind }) => kind === wanted)?.value;
  return { task: valueOf("PID") ?? "", time: Number(valueOf("TIME")) };
}

/** A line with its marks' kinds alone. */
function kindsOnly(line: string | undefined): string | undefined {
  return line?.replace(MARK, "$1");
}

/** One side of one output, as far as it was read. */
class Reader {
  readonly #cpus = new Map<string, string>();
  /** The last time of each stream of lines: the log, the errors, the trace. */
  readonly #times = new Map<string, number>();
  #task = "";
  #stream = "";

  /** A line as it is compared. */
  read(line: string): string {
    this.#stream = /^(?:dmesg: )?\[|^ /.exec(line)?.[0] ?? "";
    return line.replace(MARK, (_, kind: MarkKind, value: string) => this.#show(kind, value));
  }

  /** What a mark shows by itself: whether a task stays on its CPU, whether time goes on. */
  #show(kind: MarkKind, value: string): string {
    if (kind === "PID") this.#task = value;
    if (kind === "CPU") {
      const before = this.#cpus.get(this.#task);
      this.#cpus.set(this.#task, value);
      return before === undefined ? "a CPU" : before === value ? "the same CPU" : "another CPU";
    }
    if (kind !== "TIME") return kind;
    const time = Number(value);
    const goesOn = time >= (this.#times.get(this.#stream) ?? 0);
    this.#times.set(this.#stream, time);
    return goesOn ? "TIME" : "an earlier TIME";
  }
}

/** What stands for what in one recording. */
export class Correspondence {
  readonly #cpus: number;
  /** Processes, and names that hashed pointers gave: for the whole recording. */
  readonly #lasting = new Map<MarkKind, Pairs>();

  /** For machines of that many CPUs. */
  constructor(cpus: number) {
    this.#cpus = cpus;
  }

  /** The two outputs as they are compared: what stands for something else than before is told on our side. */
  compare(
    recorded: readonly string[],
    modeled: readonly string[],
  ): { readonly expected: readonly string[]; readonly got: readonly string[] } {
    let pointers = new Map<MarkKind, Pairs>();
    let before: Place = { task: "", time: -Infinity };
    const [theirs, ours] = [new Reader(), new Reader()];
    const expected: string[] = [];
    const got: string[] = [];
    for (let at = 0; at < Math.max(recorded.length, modeled.length); at++) {
      const [wanted, printed] = [recorded[at], modeled[at]];
      if (wanted !== undefined) expected.push(theirs.read(wanted));
      if (printed === undefined) continue;
      const place = placeOf(wanted ?? "");
      if (place.task !== before.task || place.time - before.time > ONE_CALL) pointers = new Map();
      before = place;
      const conflicts = wanted !== undefined && kindsOnly(wanted) === kindsOnly(printed)
        ? this.#conflicts(marksOf(wanted), marksOf(printed), pointers)
        : [];
      got.push([ours.read(printed), ...conflicts].join("; "));
    }
    return { expected, got };
  }

  #conflicts(wanted: readonly Mark[], printed: readonly Mark[], pointers: Map<MarkKind, Pairs>): string[] {
    return printed.flatMap(({ kind, value }, i) => {
      const { value: recorded = "" } = wanted[i] ?? {};
      if (kind === "TIME") return [];
      if (kind === "CPU") return Number(value) < this.#cpus ? [] : [`CPU ${value} of ${this.#cpus}`];
      const scope = kind === "USER PTR" || kind === "KERNEL PTR" ? pointers : this.#lasting;
      let pairs = scope.get(kind);
      if (pairs === undefined) scope.set(kind, pairs = new Pairs());
      return pairs.pair(recorded, value) ? [] : [`${kind} ${value} stands for another than ${recorded}`];
    });
  }
}
