/**
 * A recording in memory: its lines sorted to the processes that they belong to, unfinished calls joined with their ends.
 *
 * One pass reads line heads only; a process's calls are parsed when its turn comes (`events`), so that a long recording
 * costs its text and a few words a line, whatever part of it waits for something.
 *
 * @module
 */

import { parseLine } from "./parse_line.ts";
import { parseCall, parseUnfinished } from "./parse_call.ts";
import { parseValue } from "./parse_value.ts";
import { PidResolver } from "./pid_resolver.ts";
import { readLines, RecordingError, type RecordingSource } from "./read_lines.ts";
import type { LineHead, RecordedCall, RecordedEvent } from "./record.ts";
import { TimeBase } from "./time_base.ts";

/** A line that could not be used. */
export interface MalformedLine {
  /** From 1. */
  readonly line: number;
  /** What is wrong with it. */
  readonly reason: string;
  /** Its beginning. */
  readonly text: string;
}

/** How a recording is read. */
export interface RecordingOptions {
  /** Its name in messages. Default `recording`. */
  readonly name?: string;
  /** How many malformed lines are kept; all are counted. Default 20. */
  readonly keepMalformed?: number;
  /**
   * Parses all calls before the run instead of each when its turn comes: the run is faster by what that takes, and needs
   * about a kilobyte a line. Default false.
   */
  readonly parseAhead?: boolean;
  /** Limit of its text in characters. Default 1 GiB. */
  readonly maxText?: number;
}

/** A stretch of one process's life: one event, not parsed yet. */
interface Entry {
  readonly time: number;
  readonly line: number;
  readonly text: string;
  /** Where arguments begin; 0 for lines that are no calls. */
  readonly argsAt: number;
  readonly name: string;
  /** The end of an unfinished call and when it came; null when it never did. */
  rest: string | null;
  end: number;
  readonly unfinished: boolean;
}

/** One process (or thread) of a recording. */
export interface RecordedProcess {
  readonly pid: number;
  /** When its first line stands, in nanoseconds since the recording's first. */
  readonly start: number;
  /** Its name as `strace -Y` printed it on its first line. */
  readonly comm?: string;
  /** The process that made it; undefined for those that the recording begins with. */
  readonly parent: number | undefined;
  /** What `getuid` first returned to it; undefined when it never asked. */
  readonly uid: number | undefined;
}

interface Process {
  pid: number;
  readonly start: number;
  readonly comm?: string;
  readonly entries: Entry[];
  open: Entry | null;
  uid: number | undefined;
  /** Its events, where they were parsed ahead. */
  parsed: readonly RecordedEvent[] | null;
}

/** `strace: Process 11377 attached`, alone or after the beginning of a call when both go to the terminal. */
const REMARK = /^(.*?)(?:(?:\/[\w.+-]+)*\/)?strace: Process ([0-9]+) (attached|detached)$/;
/** Calls that tell of a file system, and one that tells that the current directory's is on a disk. */
const STATFS = /^statfs(?:64)?$/;
const ON_DISK = /\("(?!\/)[^"]*", .*\{f_type=EXT2_SUPER_MAGIC/;
/** Within so many calls a program has set itself up. */
const FIRST_CALLS = 12;
/** What an interpreter does first. */
const LOADING = /^(?:open(?:at)?|access|faccessat2?|mmap2?|read|pread64)$/;
const CREATES = /^(clone3?|v?fork)$/;

/** A whole recording: see the module's doc. Make one with `readRecording`. */
export class Recording {
  readonly label: string;
  readonly #keepMalformed: number;
  readonly #malformed: MalformedLine[] = [];
  readonly #processes = new Map<number, Process>();
  /** Maker by pid. */
  readonly #parents = new Map<number, number>();
  /** Lines that `events` refused: it may be asked again. */
  readonly #refused = new Set<number>();
  #malformedCount = 0;
  #lines = 0;
  #useful = 0;
  #last = 0;
  readonly #time = new TimeBase();
  readonly #pids = new PidResolver();
  /** The beginning of a line that strace broke with a remark of its own, "" when there is none. */
  #broken = "";

  constructor(options: RecordingOptions = {}) {
    this.label = options.name ?? "recording";
    this.#keepMalformed = options.keepMalformed ?? 20;
  }

  /** Lines read. */
  get lines(): number {
    return this.#lines;
  }

  /** The first malformed lines, by line number. */
  get malformed(): readonly MalformedLine[] {
    return [...this.#malformed].sort((a, b) => a.line - b.line);
  }

  /** Number of malformed lines. Grows while `events` meets lines whose call cannot be read. */
  get malformedCount(): number {
    return this.#malformedCount;
  }

  /** The wall clock at the first line, in whole nanoseconds since 1970; undefined unless `-ttt` recorded it. */
  get epoch(): bigint | undefined {
    return this.#time.epoch;
  }

  /** Nanoseconds from the first line to the last. */
  get span(): number {
    return this.#last;
  }

  /** Every process, in the order of their first lines. */
  get processes(): readonly RecordedProcess[] {
    return [...this.#processes.values()].map((process) => this.#describe(process));
  }

  /** The process with that pid, if it has lines in the recording. */
  process(pid: number): RecordedProcess | undefined {
    const process = this.#processes.get(pid);
    return process === undefined ? undefined : this.#describe(process);
  }

  /**
   * Whether the program that a process executed at a line runs without an interpreter: it sets itself up without having
   * looked for libraries first.
   */
  isAlone(pid: number, line: number): boolean {
    const entries = this.#processes.get(pid)?.entries ?? [];
    const at = entries.findIndex((entry) => entry.line === line);
    if (at < 0) return false;
    for (const { name } of entries.slice(at + 1, at + 1 + FIRST_CALLS)) {
      if (name === "set_tid_address") return true;
      if (LOADING.test(name)) return false;
    }
    return false;
  }

  /** Whether programs were told that the directory they are in lies on an ext file system. */
  get startsOnDisk(): boolean {
    for (const { entries } of this.#processes.values()) {
      for (const { name, text, rest } of entries) {
        if (STATFS.test(name) && ON_DISK.test(text + (rest ?? ""))) return true;
      }
    }
    return false;
  }

  /** Takes the next line in. */
  add(added: string): void {
    this.#lines++;
    const remark = added.includes("strace: Process ") ? REMARK.exec(added) : null;
    if (remark?.[3] === "attached") this.#pids.made(Number(remark[2]));
    if (remark !== null && remark[1] !== "") {
      this.#broken = remark[1]!;
      return;
    }
    // The rest of a broken line begins in the middle of its arguments.
    const text = this.#broken !== "" && /^[,)\]}| ]/.test(added) ? this.#broken + added : added;
    this.#broken = "";
    const line = parseLine(text);
    if (line.kind === "chatter") return;
    if (line.kind === "malformed") return this.#refuse(this.#lines, line.reason, text);
    const time = this.#time.since(line.head, text);
    if (Number.isNaN(time)) return this.#refuse(this.#lines, "it has no time stamp", text);
    this.#useful++;
    this.#last = Math.max(this.#last, time);
    const process = this.#processOf(line.head, time);
    switch (line.kind) {
      case "call": {
        // A call that stays open has lost its end: the process goes on with another.
        const { name, argsAt, unfinished } = line;
        const entry = {
          time,
          line: this.#lines,
          text: line.text,
          argsAt,
          name,
          rest: null,
          end: NaN,
          unfinished,
        };
        process.entries.push(entry);
        process.open = unfinished ? entry : null;
        if (!unfinished) this.#learn(process, entry, text);
        return;
      }
      case "resumed": {
        const open = process.open;
        if (open === null || open.name !== line.name) {
          this.#useful--;
          return this.#refuse(this.#lines, `${line.name} is resumed, but was not begun`, text);
        }
        open.rest = line.rest;
        open.end = time;
        process.open = null;
        this.#learn(process, open, text);
        return;
      }
      case "stopped":
        return;
      case "superseded":
        this.#supersede(process, line.by, time);
        return;
      case "exited":
      case "killed":
      case "signal":
        if (line.kind !== "signal") this.#pids.ended(process.pid);
        process.entries.push({
          time,
          line: this.#lines,
          text,
          argsAt: 0,
          name: "",
          rest: null,
          end: NaN,
          unfinished: false,
        });
    }
  }

  /** @throws {RecordingError} When what was read is no recording that can be replayed */
  check(): void {
    const label = JSON.stringify(this.label);
    if (this.#lines === 0) throw new RecordingError(`Cannot replay ${label}: it is empty`);
    const first = this.malformed[0];
    if (first !== undefined && first.reason === "it has no time stamp" && this.#useful === 0) {
      throw new RecordingError(
        `Cannot replay ${label}: its lines have no time stamps; record with \`strace -f -ttt -T -o FILE COMMAND\``,
      );
    }
    if (this.#useful === 0 || this.#malformedCount > this.#useful) {
      throw new RecordingError(
        `Cannot replay ${label}: it is no strace output (${this.#useful} of ${this.#lines} lines can be read` +
          `${first === undefined ? "" : `; line ${first.line} is ${first.reason}`}); ` +
          `record with \`strace -f -ttt -T -o FILE COMMAND\``,
      );
    }
  }

  /** What happened to one process, in order, parsed as it is taken. Lines that cannot be read are counted and left out. */
  *events(pid: number): Generator<RecordedEvent, void, void> {
    const next = this.reader(pid);
    for (let event = next(); event !== null; event = next()) yield event;
  }

  /** The same, one event at each call; null behind the last. */
  reader(pid: number): () => RecordedEvent | null {
    const process = this.#processes.get(pid);
    const entries = process?.entries ?? [];
    const parsed = process?.parsed ?? null;
    let at = 0;
    if (parsed !== null) return () => parsed[at++] ?? null;
    return () => {
      let event: RecordedEvent | null = null;
      while (event === null && at < entries.length) {
        const entry = entries[at++]!;
        event = this.#event(pid, entry, entries[at]?.time ?? this.#last);
      }
      return event;
    };
  }

  /** All calls of some names, process by process; no others are parsed. */
  *calls(names: ReadonlySet<string>): Generator<RecordedCall, void, void> {
    for (const { pid, entries } of this.#processes.values()) {
      for (const [at, entry] of entries.entries()) {
        if (!names.has(entry.name)) continue;
        const event = this.#event(pid, entry, entries[at + 1]?.time ?? this.#last);
        if (event?.kind === "call") yield event;
      }
    }
  }

  /** Parses all calls now and keeps them, instead of each when it is taken: about a kilobyte a line. */
  parseAhead(): void {
    for (const process of this.#processes.values()) process.parsed ??= [...this.events(process.pid)];
  }

  #event(pid: number, entry: Entry, next: number): RecordedEvent | null {
    const { time, line, name } = entry;
    if (entry.argsAt === 0) return this.#lineEvent(pid, entry);
    if (entry.unfinished && entry.rest === null) {
      const args = parseUnfinished(entry.text, entry.argsAt);
      const result = { value: NaN };
      return {
        kind: "call",
        pid,
        time,
        line,
        name,
        args,
        result,
        duration: Math.max(0, next - time),
        interrupted: true,
        cutShort: true,
      };
    }
    const call = parseCall(entry.text + (entry.rest ?? ""), entry.argsAt);
    if (typeof call === "string") {
      if (!this.#refused.has(line)) this.#refuse(line, call, entry.text);
      this.#refused.add(line);
      return null;
    }
    const { result } = call;
    // A call that never returns lasts to the process' end; one without `-T` is as long as it can be seen to be.
    const neverReturned = Number.isNaN(result.value) && result.errno === undefined;
    const shown = entry.unfinished ? entry.end - time : neverReturned ? Math.max(0, next - time) : undefined;
    const duration = call.duration ?? shown;
    const interrupted = entry.unfinished;
    return { kind: "call", pid, time, line, name, ...call, duration, interrupted, cutShort: false };
  }

  #lineEvent(pid: number, entry: Entry): RecordedEvent | null {
    const { time, line } = entry;
    const parsed = parseLine(entry.text);
    switch (parsed.kind) {
      case "signal":
        return { kind: "signal", pid, time, line, signal: parsed.signal, info: parseValue(parsed.text) };
      case "exited":
        return { kind: "exit", pid, time, line, status: parsed.status, coreDumped: false };
      case "killed":
        return { kind: "exit", pid, time, line, signal: parsed.signal, coreDumped: parsed.coreDumped };
      default:
        return null;
    }
  }

  /** Who made whom, and who they are: needed before anything runs. */
  #learn(process: Process, entry: Entry, text: string): void {
    if (CREATES.test(entry.name)) {
      // Inside a pid namespace the result is not the pid that lines have.
      const made = /= [0-9]+ \/\* ([0-9]+) in strace's PID NS \*\//.exec(text) ??
        /= ([0-9]+)(?:<[^>]*>)?(?: <[0-9.]+>)?$/.exec(text);
      if (made !== null && Number(made[1]) > 0) {
        this.#parents.set(Number(made[1]), process.pid);
        this.#pids.made(Number(made[1]));
      }
    } else if (process.uid === undefined && /^getuid(32)?$/.test(entry.name)) {
      const uid = /= ([0-9]+)/.exec(text);
      if (uid !== null) process.uid = Number(uid[1]);
    }
  }

  /** Thread `by` called execve: it goes on as the process' leader, whose own thread ends. */
  #supersede(leader: Process, by: number, time: number): void {
    const thread = this.#processes.get(by);
    const call = thread?.open ?? null;
    if (thread === undefined || call === null) return;
    thread.entries.pop();
    thread.open = null;
    leader.entries.push(call);
    leader.open = call;
    const text = "+++ exited with 0 +++";
    thread.entries.push({ ...call, time, line: this.#lines, text, argsAt: 0, name: "", unfinished: false });
  }

  #describe({ pid, start, comm, uid }: Process): RecordedProcess {
    return { pid, start, parent: this.#parents.get(pid), uid, ...(comm === undefined ? {} : { comm }) };
  }

  #processOf(head: LineHead, time: number): Process {
    const { pid, renamed } = this.#pids.resolve(head.pid);
    const nameless = renamed ? this.#processes.get(0) : undefined;
    if (nameless !== undefined) {
      this.#processes.delete(0);
      nameless.pid = pid;
      const rest = [...this.#processes];
      // It keeps its place: processes are in the order of their first lines.
      this.#processes.clear();
      this.#processes.set(pid, nameless);
      for (const [other, process] of rest) this.#processes.set(other, process);
      for (const [child, parent] of this.#parents) if (parent === 0) this.#parents.set(child, pid);
    }
    return this.#process(pid, head.comm, time);
  }

  #process(pid: number, comm: string | undefined, start: number): Process {
    let process = this.#processes.get(pid);
    if (process === undefined) {
      const named = comm === undefined ? {} : { comm };
      process = { pid, start, entries: [], open: null, uid: undefined, parsed: null, ...named };
      this.#processes.set(pid, process);
    }
    return process;
  }

  #refuse(line: number, reason: string, text: string): void {
    this.#malformedCount++;
    if (this.#malformed.length < this.#keepMalformed) {
      this.#malformed.push({ line, reason, text: text.length > 120 ? text.slice(0, 120) + "…" : text });
    }
  }
}

/**
 * Reads a recording that `strace -f -ttt -T` made.
 *
 * @throws {RecordingError} When it is empty, binary, cut short, or no strace output
 */
export async function readRecording(
  source: RecordingSource,
  options: RecordingOptions = {},
): Promise<Recording> {
  const recording = new Recording(options);
  await readLines(source, recording.label, (line) => recording.add(line), options.maxText);
  recording.check();
  if (options.parseAhead === true) recording.parseAhead();
  return recording;
}
