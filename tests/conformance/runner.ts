/**
 * Types the commands of a recording into a modeled machine and compares what they print.
 *
 * @module
 */

import type { Steps } from "../../workloads/program.ts";
import { programWorkload } from "../../workloads/program.ts";
import type { Sys } from "../../workloads/sys.ts";
import { type Unshown, unshown } from "./between.ts";
import { bootMachine, type Machine } from "./machine.ts";
import { Correspondence } from "./correspondence.ts";
import type { Entry, WriteForm } from "./parse.ts";
import { inBucketOrder } from "./buckets.ts";
import { MOVED, patterned, relocate, Relocation } from "./patterns.ts";
import type { Recording } from "./recordings.ts";
import { Shell } from "./shell.ts";

/** How one command went. */
export interface Outcome {
  /** `x86_64-b-kprobe_events b2:3` */
  readonly id: string;
  /** Line of the recording. */
  readonly line: number;
  /** As typed. */
  readonly command: string;
  /** What it printed on the real machine, with patterns. */
  readonly expected: readonly string[];
  /** What it printed on the modeled machine, with patterns. */
  readonly got: readonly string[];
  readonly agrees: boolean;
}

/** Replays every command of a recording. */
export async function runRecording(recording: Recording): Promise<readonly Outcome[]> {
  const machine = await bootMachine(recording);
  const run = new Run(machine, recording);
  const workload = programWorkload({
    name: recording.name,
    description: "a recorded session",
    programs: [{ comm: "sh", program: (sys) => run.session(sys) }],
  });
  workload.start(machine.kernel);
  machine.kernel.scheduler.run();
  return run.outcomes;
}

class Run {
  readonly outcomes: Outcome[] = [];
  readonly #machine: Machine;
  readonly #recording: Recording;
  readonly #relocation: Relocation;
  readonly #unshown: ReadonlyMap<string, Unshown>;
  /** Names that hashed pointers gave to events: as recorded, and here. */
  readonly #hashed = new Map<string, string>();
  readonly #correspondence: Correspondence;
  /** Length of the log when the last command ended. */
  #logged = 0;

  constructor(machine: Machine, recording: Recording) {
    this.#machine = machine;
    this.#recording = recording;
    this.#relocation = new Relocation(machine.kernel.image, recording.text);
    this.#correspondence = new Correspondence(recording.cpus);
    this.#unshown = unshown(recording.letter, recording.entries);
  }

  *session(sys: Sys): Steps<void> {
    const shell = new Shell(this.#machine, sys);
    yield* shell.begin();
    for (const entry of this.#recording.entries) {
      const { before = [], own } = this.#unshown.get(entry.id) ?? {};
      let output: string;
      try {
        for (const line of before) yield* this.#unshownLine(shell, line);
        shell.taken();
        this.#logged = this.#machine.dmesg().length;
        yield* this.#entry(shell, entry, own);
        output = shell.taken();
      } catch (error) {
        if (!(error instanceof Error) || error.name === "ProgramExit") throw error;
        output = `${shell.taken()}${error.name}: ${error.message}\n`;
      }
      this.#compare(entry, own, output);
    }
  }

  *#unshownLine(shell: Shell, line: string): Steps<void> {
    const [command, name = ""] = line.split(" ");
    const { tree } = this.#machine;
    if (command === "reset") yield* this.#reset(shell);
    else if (command === "many") this.#machine.makeMany(name);
    else if (command === "enable") {
      if (tree.mode(`${shell.variables["E"]}/${name}`) !== undefined) {
        yield* shell.run(`echo 1 > $E/${name}/enable`);
      }
    } else yield* shell.run(line);
  }

  /** Disables and removes all probe events, and clears the trace. */
  *#reset(shell: Shell): Steps<void> {
    const listed = this.#machine.tree.read(`${shell.variables["T"]}/kprobe_events`);
    for (const [, event] of String(listed).matchAll(/^[pr]\d*:(\S+)/gm)) {
      yield* shell.run(`echo 0 > $T/events/${event}/enable`);
    }
    yield* shell.run(": > $T/kprobe_events; echo > $T/error_log; echo > $T/trace");
  }

  *#entry(shell: Shell, entry: Entry, own: string | undefined): Steps<void> {
    const { form } = entry;
    switch (form.kind) {
      case "shell": {
        const text = this.#here(form.text);
        yield* shell.print(`$ ${text}`);
        const status = yield* shell.run(text);
        if (status !== 0) yield* shell.say(`[exit status ${status}]`);
        yield* shell.print("");
        break;
      }
      case "write":
        yield* this.#write(shell, form.file, this.#here(wholeText(form)), form.truncate);
        break;
      case "row":
        yield* this.#row(shell, form.definition, form.callers);
        break;
      case "lone": {
        const reasons = /^reasons (\w+)$/.exec(own ?? "")?.[1];
        if (reasons !== undefined) yield* this.#reasons(shell, reasons);
        else yield* shell.run(own ?? "");
        break;
      }
    }
  }

  *#write(shell: Shell, name: string, text: string, truncate: boolean): Steps<void> {
    const defines = name === "kprobe_events";
    const path = defines ? `${shell.variables["T"]}/kprobe_events` : name;
    if (defines) yield* shell.run("echo > $T/error_log");
    yield* shell.print(`$ ${name} ${truncate ? "<" : "<<"} '${text}'`);
    yield* shell.writeOnce(path, text, truncate);
    if (defines) yield* shell.run("cat $T/error_log");
    yield* shell.print("");
    if (this.#recording.letter !== "j") return;
    const log = this.#machine.dmesg().slice(this.#logged);
    if (log === "") return;
    yield* shell.say("");
    for (const line of log.trimEnd().split("\n")) yield* shell.say(`dmesg: ${line}`);
  }

  /** `callers` tasks at once in a function probed by `definition`. */
  *#row(shell: Shell, definition: string, callers: number): Steps<void> {
    yield* this.#reset(shell);
    const place = definition.replace(/arg1=/, "");
    yield* shell.run(`echo '${place}' > $T/kprobe_events`);
    yield* shell.run("cat $T/kprobe_events");
    const listed = shell.taken().trimEnd();
    if (listed !== definition) yield* shell.say(`defined as ${listed}`);
    yield* shell.run(`echo 1 > $E/slow/enable; sysx sleep ${callers} 300000000`);
    yield* shell.run("cat $T/kprobe_profile");
  }

  *#reasons(shell: Shell, name: string): Steps<void> {
    yield* shell.run(`grep -cw ${name} $K/blacklist; grep -cw ${name} $T/available_filter_functions`);
    const [blacklisted, traceable] = shell.taken().split("\n");
    yield* shell.run(`grep -w ${name} /proc/kallsyms | head -1 | awk '{print $2}'`);
    const letter = shell.taken().trimEnd();
    yield* shell.say(
      `${name}: blacklist=${blacklisted} available_filter_functions=${traceable} kallsyms=${letter}`,
    );
  }

  /** A recorded command with the addresses and names of this machine. */
  #here(text: string): string {
    let here = relocate(text, this.#relocation);
    for (const [recorded, modeled] of this.#hashed) here = here.replaceAll(recorded, modeled);
    return here;
  }

  #compare(entry: Entry, own: string | undefined, output: string): void {
    const printed = output.split("\n");
    while (printed.at(-1) === "") printed.pop();
    const command = commandOf(entry, own);
    const raw = entry.expected.filter((line) => !isHardware(line));
    this.#learn(raw, printed);
    const list = /^cat \S+\/list$/.test(command);
    const theirs = list ? inBucketOrder(raw) : raw;
    const ours = list ? inBucketOrder(printed) : printed;
    const { expected, got } = this.#correspondence.compare(
      theirs.map((line) => patterned(relocate(line, this.#relocation, MOVED), "recorded", this.#relocation)),
      ours.map((line) => patterned(line, "modeled", this.#relocation)),
    );
    this.outcomes.push({
      id: `${this.#recording.name} ${entry.id}`,
      line: entry.line,
      command,
      expected,
      got,
      agrees: expected.length === got.length && expected.every((line, at) => line === got[at]),
    });
  }

  /** Remembers what an event is called here whose name has a hashed pointer in it. */
  #learn(recorded: readonly string[], printed: readonly string[]): void {
    recorded.forEach((line, at) => {
      const theirs = /\/(\w+_0x[0-9a-f]{8,16}) /.exec(line)?.[1];
      const ours = /\/(\w+_0x[0-9a-f]{8,16}) /.exec(printed[at] ?? "")?.[1];
      if (theirs !== undefined && ours !== undefined) this.#hashed.set(theirs, ours);
    });
  }
}

/** The text that was written: where the recording cuts it, arguments as before follow, the last ones each its own. */
function wholeText({ text, cutAt }: WriteForm): string {
  if (cutAt === undefined) return text;
  const argument = " $arg1";
  const whole = text.slice(0, text.lastIndexOf(argument) + argument.length);
  const missing = (cutAt - 1 - whole.length) / argument.length;
  return `${whole}${argument.repeat(missing - 2)} $arg2 $arg3`;
}

/** Lines of the log about hardware that the modeled machine doesn't have. */
function isHardware(line: string): boolean {
  return /^dmesg: \[ *\d+\.\d+\] (tsc|clocksource): /.test(line);
}

function commandOf({ form }: Entry, own: string | undefined): string {
  switch (form.kind) {
    case "shell":
      return form.text;
    case "write":
      return `${form.file} ${form.truncate ? "<" : "<<"} '${form.text}'`;
    case "row":
      return `${form.callers} callers of ${form.definition}`;
    case "lone":
      return own ?? "(not shown)";
  }
}
