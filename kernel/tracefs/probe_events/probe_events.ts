/**
 * `kprobe_events`, `dynamic_events` and `kprobe_profile`: probe events as users define, list and delete them.
 *
 * @module
 */

import { EBUSY, EEXIST, EINVAL, ENOENT, ENOMEM } from "../../syscalls/errno.ts";
import { EILSEQ } from "../../kprobes/mod.ts";
import type { TraceFile } from "../file.ts";
import type { FetchInsn } from "./fetch_code.ts";
import type { ProbeEventHost } from "./host.ts";
import { ECANCELED, parseDefinition, splitSymbolOffset } from "./parse_definition.ts";
import { ProbeEvent } from "./probe_event.ts";
import { ProbeLog } from "./probe_log.ts";
import { firstDifference, isSameProbe, TraceKprobe } from "./trace_kprobe.ts";
import { runCommands } from "./run_commands.ts";

/** Longest argument text that a deletion compares. */
const MAX_ARGSTR_LEN = 63;
const REGISTER_LATER =
  "trace_kprobe: This probe might be able to register after target module is loaded. Continue.";

/** All probe events of one kernel. */
export class ProbeEvents {
  readonly #host: ProbeEventHost;
  /** In the order of definition. */
  readonly #probes: TraceKprobe[] = [];

  constructor(host: ProbeEventHost) {
    this.#host = host;
  }

  /** Every probe, in the order of definition. */
  get probes(): readonly TraceKprobe[] {
    return this.#probes;
  }

  /** `kprobe_events`. */
  readonly kprobeEvents: TraceFile = {
    mode: 0o640,
    read: () => this.#list(),
    write: (text) => runCommands(text, (line) => this.command(line), this.#host.log),
    truncate: () => this.releaseAll(),
  };

  /** `dynamic_events`: the same list; a definition or a deletion by its own words. */
  readonly dynamicEvents: TraceFile = {
    mode: 0o640,
    read: () => this.#list(),
    write: (text) => runCommands(text, (line) => this.dynamicCommand(line), this.#host.log),
    truncate: () => this.releaseAll(),
  };

  /** `kprobe_profile`: hits and misses of each probe. */
  readonly kprobeProfile: TraceFile = {
    mode: 0o440,
    read: () =>
      this.#probes.map(({ definition, hits, missed }) =>
        `  ${definition.event.padEnd(44)} ${String(hits).padStart(15)} ${String(missed).padStart(15)}\n`
      ).join(""),
  };

  /** One line of `kprobe_events`: a definition, or a deletion. 0 or -errno. */
  command(line: string): number {
    if (line.startsWith("-")) return this.release(line);
    const result = this.create(line);
    return result === -ECANCELED ? -EINVAL : result;
  }

  /** One line of `dynamic_events`. */
  dynamicCommand(line: string): number {
    if (line.startsWith("-") || line.startsWith("!")) {
      return this.release(line.startsWith("!") ? line.slice(1) : line);
    }
    const result = this.create(line);
    return result === -ECANCELED ? -EINVAL : result;
  }

  /** Defines a probe event, or adds a probe to one: 0 or -errno, with an entry in the error log. */
  create(line: string): number {
    const words = splitWords(line);
    if (words.length === 0) return 0;
    const host = this.#host;
    const log = new ProbeLog(words, host.errors, host.release);
    const definition = parseDefinition(words, {
      arch: host.arch,
      symbolCount: (name) => host.symbols.count(name),
      isFunctionEntry: (symbol, offset) => host.symbols.isEntry(symbol, offset),
      pointer: (address) => host.pointers.hashed(address),
    }, log);
    if (typeof definition === "number") return definition;
    const probe = new TraceKprobe(definition, host);
    const result = this.#register(probe, log);
    if (result < 0) {
      log.index = 1;
      if (result === -EILSEQ) log.error(0, "BAD_INSN_BNDRY");
      else if (result === -ENOENT) log.error(0, "BAD_PROBE_ADDR");
      else if (result !== -ENOMEM && result !== -EEXIST) log.error(0, "FAIL_REG_PROBE");
    }
    return result;
  }

  /** Deletes what `-:[GRP/][EVENT] [SYM [NAME=ARG..]]` names: 0 or -errno. */
  release(line: string): number {
    const [head = "", ...words] = splitWords(line);
    let name: string;
    if (head.startsWith("-")) {
      if (head[1] !== ":") return -EINVAL;
      name = head.slice(2);
    } else {
      const colon = head.indexOf(":");
      if (colon < 0) return -EINVAL;
      name = head.slice(colon + 1);
    }
    const slash = name.indexOf("/");
    const group = slash < 0 ? null : name.slice(0, slash);
    const event = name.slice(slash + 1);
    if (group === null && event === "") return -EINVAL;
    let result = -ENOENT;
    for (const probe of this.#probes.slice()) {
      if (!matches(probe, group, event, words)) continue;
      result = this.#release(probe);
      if (result < 0) break;
    }
    this.#host.events.resetArrays();
    return result;
  }

  /** Deletes everything; -EBUSY, and nothing is deleted, while an event is enabled. */
  releaseAll(): number {
    let result = 0;
    if (this.#probes.some((probe) => probe.event?.enabled)) {
      result = -EBUSY;
    } else {
      for (const probe of this.#probes.slice()) {
        result = this.#release(probe);
        if (result < 0) break;
      }
    }
    this.#host.events.resetArrays();
    return result;
  }

  /** `trace_kprobe_module_callback`: a module is about to run; probes that wait for it are registered. */
  moduleComing(module: string): void {
    for (const probe of this.#probes) {
      if (!probe.definition.symbol?.startsWith(`${module}:`)) continue;
      probe.unregister();
      const result = this.#registerProbe(probe);
      if (result < 0) {
        this.#host.log.printk(
          `trace_kprobe: Failed to re-register probe ${probe.definition.event} on ${module}: ${result}`,
          "warn",
        );
      }
    }
  }

  #list(): string {
    return this.#probes.map((probe) => `${probe.text}\n`).join("");
  }

  #register(probe: TraceKprobe, log: ProbeLog): number {
    const { group, event, isReturn, args } = probe.definition;
    const { events, arch } = this.#host;
    const existing = this.#probes.find(({ definition: d }) => d.group === group && d.event === event)?.event;
    log.index = 0;
    if (existing != null) {
      if (existing.isReturn !== isReturn) return refuse(log, "DIFF_PROBE_TYPE");
      const first = existing.probes[0] as TraceKprobe;
      const different = firstDifference(args, first.definition.args);
      if (different > 0) {
        log.index = different + 1;
        return refuse(log, "DIFF_ARG_TYPE");
      }
      if (existing.probes.some((other) => isSameProbe(other, probe))) return refuse(log, "SAME_PROBE");
      existing.append(probe);
      const result = this.#registerOrWait(probe);
      if (result < 0) existing.unlink(probe);
      else this.#probes.push(probe);
      return result;
    }
    if (events.exists(group, event)) return refuse(log, "EVENT_EXIST");
    const made = new ProbeEvent(probe, arch.wordSize);
    const added = events.add(made);
    if (added < 0) return added;
    const result = this.#registerOrWait(probe);
    if (result < 0) events.remove(made);
    else this.#probes.push(probe);
    return result;
  }

  /** Registers; a place that may come with a module that isn't loaded is no error. */
  #registerOrWait(probe: TraceKprobe): number {
    const result = this.#registerProbe(probe);
    if (result !== -ENOENT) return result;
    const { symbol } = probe.definition;
    const colon = symbol?.indexOf(":") ?? -1;
    // Only a symbol without module, or of one that is loaded, is known to be missing.
    if (symbol !== null && (colon < 0 || this.#host.symbols.hasModule(symbol.slice(0, colon)))) return result;
    this.#host.log.printk(REGISTER_LATER, "warn");
    return 0;
  }

  /** `__register_trace_kprobe`. */
  #registerProbe(probe: TraceKprobe): number {
    if (probe.isRegistered) return -EINVAL;
    if (this.#isNotrace(probe)) {
      const name = probe.definition.symbol ?? "unknown";
      this.#host.log.printk(`trace_kprobe: Could not probe notrace function ${name}`, "warn");
      return -EINVAL;
    }
    for (const { code } of probe.definition.args) {
      const result = this.#resolveSymbol(code);
      if (result < 0) return result;
    }
    return probe.register(probe.event?.enabled ?? false);
  }

  /** `within_notrace_func`: tracing such a function might trace the tracer. */
  #isNotrace(probe: TraceKprobe): boolean {
    const { symbols } = this.#host;
    const { symbol, offset, address } = probe.definition;
    let place = address ?? 0;
    if (symbol !== null) {
      const base = symbols.lookup(symbol);
      if (base === undefined) return false;
      place = base + offset;
    }
    const covering = place === 0 ? undefined : symbols.at(place)?.symbol;
    if (covering === undefined || this.#host.hasFtraceSite(covering.address)) return false;
    // A part of a function (`do_exit.cold`) is judged by the whole.
    const dot = covering.name.indexOf(".");
    const whole = dot < 0 ? undefined : symbols.lookup(covering.name.slice(0, dot));
    if (whole === undefined) return true;
    const wholeSymbol = symbols.at(whole)?.symbol;
    return wholeSymbol !== undefined && !this.#host.hasFtraceSite(wholeSymbol.address);
  }

  /** `traceprobe_update_arg`: `@SYM±OFF` gets its address. */
  #resolveSymbol(code: readonly FetchInsn[]): number {
    const [first, second] = code;
    if (first?.op !== "symbol" || second?.op !== "imm") return 0;
    const bits = this.#host.arch.wordSize === 8 ? 64 : 32;
    const split = splitSymbolOffset(first.text, bits);
    if (typeof split === "number") return split;
    const address = this.#host.symbols.lookup(split.symbol);
    if (address === undefined) return -ENOENT;
    second.value = BigInt.asUintN(bits, BigInt(address) + split.offset);
    return 0;
  }

  /** `unregister_trace_kprobe`: -EBUSY while the event is in use, unless it has other probes. */
  #release(probe: TraceKprobe): number {
    const { event } = probe;
    if (event === null) return 0;
    if (event.probes.length === 1) {
      if (event.enabled) return -EBUSY;
      const result = this.#host.events.remove(event);
      if (result < 0) return -EBUSY;
    }
    probe.unregister();
    this.#probes.splice(this.#probes.indexOf(probe), 1);
    event.unlink(probe);
    return 0;
  }
}

function refuse(log: ProbeLog, error: Parameters<ProbeLog["error"]>[1]): number {
  log.error(0, error);
  return -EEXIST;
}

/** `argv_split`: words between white space. */
function splitWords(line: string): string[] {
  return line.split(/[\t-\r ]+/).filter((word) => word !== "");
}

/** `trace_kprobe_match`. */
function matches(probe: TraceKprobe, group: string | null, event: string, words: readonly string[]): boolean {
  const { definition, placeText } = probe;
  if (event !== "" && event !== definition.event) return false;
  if (group !== null && group !== definition.group) return false;
  const [place, ...args] = words;
  if (place === undefined) return true;
  if (place !== placeText.slice(0, MAX_ARGSTR_LEN) || args.length > definition.args.length) return false;
  return args.every((word, i) => {
    const arg = definition.args[i];
    return arg !== undefined && `${arg.name}=${arg.text}`.slice(0, MAX_ARGSTR_LEN) === word;
  });
}
