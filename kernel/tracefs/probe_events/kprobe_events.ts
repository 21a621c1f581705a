/**
 * `kprobe_events` and `kprobe_profile`: events on functions of the kernel, as users define, list and delete them.
 *
 * @module
 */

import { EEXIST, EINVAL, ENOENT, ENOMEM } from "../../syscalls/errno.ts";
import { EILSEQ } from "../../kprobes/mod.ts";
import type { TraceFile } from "../file.ts";
import { type DynEventKind, type DynEvents, splitWords } from "./dyn_events.ts";
import type { FetchInsn } from "./fetch_code.ts";
import type { ProbeEventHost } from "./host.ts";
import { parseDefinition, splitSymbolOffset } from "./parse_definition.ts";
import { firstDifference, ProbeEvent, releaseProbe } from "./probe_event.ts";
import { ProbeLog } from "./probe_log.ts";
import { isSameProbe, type KprobeOwner, TraceKprobe } from "./trace_kprobe.ts";

const REGISTER_LATER =
  "trace_kprobe: This probe might be able to register after target module is loaded. Continue.";

/** All events on functions of one kernel. */
export class KprobeEvents implements DynEventKind, KprobeOwner {
  readonly #host: ProbeEventHost;
  readonly #dyn: DynEvents;
  /** In the order of definition. */
  readonly #probes: TraceKprobe[] = [];

  constructor(host: ProbeEventHost, dyn: DynEvents) {
    this.#host = host;
    this.#dyn = dyn;
    dyn.addKind(this);
  }

  /** Every probe, in the order of definition. */
  get probes(): readonly TraceKprobe[] {
    return this.#probes;
  }

  /** `kprobe_profile`: hits and misses of each probe. */
  readonly kprobeProfile: TraceFile = {
    mode: 0o440,
    read: () =>
      this.#probes.map(({ definition, hits, missed }) =>
        `  ${definition.event.padEnd(44)} ${String(hits).padStart(15)} ${String(missed).padStart(15)}\n`
      ).join(""),
  };

  /** Defines a probe event, or adds a probe to one: 0 or -errno, with an entry in the error log. */
  create(line: string): number {
    const words = splitWords(line);
    if (words.length === 0) return 0;
    const host = this.#host;
    host.kprobes.mightSleep();
    const log = new ProbeLog(words, host.errors, host.release);
    const definition = parseDefinition(words, {
      arch: host.arch,
      missingFetch: host.missingFetch,
      symbolCount: (name) => host.symbols.count(name),
      isFunctionEntry: (symbol, offset) => host.symbols.isEntry(symbol, offset),
      pointer: (address) => host.pointers.hashed(address),
    }, log);
    if (typeof definition === "number") return definition;
    const probe = new TraceKprobe(definition, host, this);
    const result = this.#register(probe, log);
    if (result < 0) {
      log.index = 1;
      if (result === -EILSEQ) log.error(0, "BAD_INSN_BNDRY");
      else if (result === -ENOENT) log.error(0, "BAD_PROBE_ADDR");
      else if (result !== -ENOMEM && result !== -EEXIST) log.error(0, "FAIL_REG_PROBE");
    }
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

  #register(probe: TraceKprobe, log: ProbeLog): number {
    const { group, event, isReturn, args } = probe.definition;
    const { events, arch } = this.#host;
    const existing = this.#probes.find(({ definition: d }) => d.group === group && d.event === event)?.event;
    log.index = 0;
    if (existing != null) {
      if (existing.isReturn !== isReturn) return refuse(log, "DIFF_PROBE_TYPE");
      const different = firstDifference(args, existing.probes[0]?.definition.args ?? []);
      if (different > 0) {
        log.index = different + 1;
        return refuse(log, "DIFF_ARG_TYPE");
      }
      const siblings = this.#probes.filter((other) => other.event === existing);
      if (siblings.some((other) => isSameProbe(other, probe))) return refuse(log, "SAME_PROBE");
      existing.append(probe);
      const result = this.#registerOrWait(probe);
      if (result < 0) existing.unlink(probe);
      else this.#added(probe);
      return result;
    }
    if (events.exists(group, event)) return refuse(log, "EVENT_EXIST");
    const made = new ProbeEvent(probe, arch.wordSize);
    const added = events.add(made);
    if (added < 0) return added;
    const result = this.#registerOrWait(probe);
    if (result < 0) events.remove(made);
    else this.#added(probe);
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
  release(probe: TraceKprobe): number {
    const result = releaseProbe(probe, this.#host.events);
    if (result < 0) return result;
    probe.unregister();
    this.#probes.splice(this.#probes.indexOf(probe), 1);
    this.#dyn.remove(probe);
    return 0;
  }

  /** The probe is one of the event's. */
  #added(probe: TraceKprobe): void {
    this.#probes.push(probe);
    this.#dyn.add(probe);
  }
}

function refuse(log: ProbeLog, error: Parameters<ProbeLog["error"]>[1]): number {
  log.error(0, error);
  return -EEXIST;
}
