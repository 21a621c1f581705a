/**
 * One probe of a probe event: `struct trace_kprobe`, a kprobe or kretprobe with what it fetches.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { PtRegs } from "../../arch/pt_regs.ts";
import {
  Kprobe,
  KPROBE_FLAG_DISABLED,
  KPROBE_FLAG_GONE,
  Kretprobe,
  type KretprobeInstance,
} from "../../kprobes/mod.ts";
import { BytesReader } from "../events/bytes_reader.ts";
import { argsSize, fetchArgs, ProbeRecord } from "./fetch.ts";
import type { DynEvent, DynEventKind } from "./dyn_events.ts";
import type { ProbeDefinition } from "./parse_definition.ts";
import type { TextStyle } from "../trace_entry.ts";
import { headSize, probeLine } from "./print.ts";
import { type EventProbe, matchesArgs, type ProbeEvent } from "./probe_event.ts";
import { contextFlags, handlerFrames } from "./hit_context.ts";
import type { ProbeEventHost } from "./host.ts";
import { MAX_ARGSTR_LEN } from "./parse_arg.ts";

/** Who keeps the probes of a kernel. */
export interface KprobeOwner extends DynEventKind {
  release(probe: TraceKprobe): number;
}

/** One probe. */
export class TraceKprobe implements DynEvent, EventProbe {
  readonly definition: ProbeDefinition;
  readonly owner: KprobeOwner;
  /** The event that it belongs to; set when it is defined or appended. */
  event: ProbeEvent | null = null;
  /** Times that the probe ran. */
  hits = 0;
  /** What is registered with the kernel. */
  readonly probe: Kprobe | Kretprobe;
  readonly #host: ProbeEventHost;
  readonly #fixed: number;
  readonly #readsVariables: boolean;

  constructor(definition: ProbeDefinition, host: ProbeEventHost, owner: KprobeOwner) {
    this.definition = definition;
    this.owner = owner;
    this.#host = host;
    const { isReturn, maxactive, args } = definition;
    this.#fixed = headSize(isReturn, host.arch.wordSize) + argsSize(args);
    this.#readsVariables = args.some(({ code }) => code[0]?.op === "symbol");
    const place = {
      ...(definition.symbol === null
        ? definition.address === 0 || definition.address === null ? {} : { address: definition.address }
        : { symbolName: definition.symbol, offset: definition.offset }),
      flags: KPROBE_FLAG_DISABLED,
      label: `${definition.group}/${definition.event}`,
    };
    this.probe = isReturn
      ? new Kretprobe({ ...place, maxactive, handler: (instance, regs) => this.#returned(instance, regs) })
      : new Kprobe({ ...place, preHandler: (_, regs) => this.#entered(regs) });
  }

  /** Its kprobe: that at the entry of a return probe. */
  get kp(): Kprobe {
    return this.probe instanceof Kretprobe ? this.probe.kp : this.probe;
  }

  /** Hits that did not run, for whatever reason. */
  get missed(): number {
    return this.kp.nmissed + (this.probe instanceof Kretprobe ? this.probe.nmissed : 0);
  }

  /** Whether the kernel has it: a probe of a module that isn't loaded waits unregistered. */
  get isRegistered(): boolean {
    return this.#host.kprobes.pointOf(this.kp) !== undefined;
  }

  /** Its code is gone with its module. */
  get isGone(): boolean {
    return (this.kp.flags & KPROBE_FLAG_GONE) !== 0;
  }

  /** `SYM`, `SYM+OFF` or a hashed address, as listings show it. */
  get placeText(): string {
    const { symbol, offset, address } = this.definition;
    if (symbol === null) return `0x${this.#host.pointers.hashed(address ?? 0)}`;
    return offset === 0 ? symbol : `${symbol}+${offset}`;
  }

  /** Its line in `kprobe_events`, without newline. */
  get text(): string {
    const { group, event, args } = this.definition;
    const kind = this.probe instanceof Kretprobe ? `r${this.probe.maxactive || ""}` : "p";
    const words = args.map((arg) => ` ${arg.name}=${arg.text}`).join("");
    return `${kind}:${group}/${event} ${this.placeText}${words}`;
  }

  /** Whether anybody wants its event's records. */
  get isBusy(): boolean {
    return this.event?.enabled ?? false;
  }

  /** `trace_kprobe_match`. */
  matches(group: string | null, event: string, [place, ...words]: readonly string[]): boolean {
    const { definition } = this;
    if (event !== "" && event !== definition.event) return false;
    if (group !== null && group !== definition.group) return false;
    if (place === undefined) return true;
    return place === this.placeText.slice(0, MAX_ARGSTR_LEN) && matchesArgs(definition.args, words);
  }

  /** Deletes it: 0, or -EBUSY while it is in use. */
  release(): number {
    return this.owner.release(this);
  }

  /** Registers it, disabled unless `enabled`: 0 or -errno. */
  register(enabled: boolean): number {
    const { kp, probe } = this;
    kp.flags = enabled ? kp.flags & ~KPROBE_FLAG_DISABLED : kp.flags | KPROBE_FLAG_DISABLED;
    const { kprobes } = this.#host;
    return probe instanceof Kretprobe ? kprobes.registerKretprobe(probe) : kprobes.registerKprobe(probe);
  }

  /** `__unregister_trace_kprobe`: it can be registered again afterwards. */
  unregister(): void {
    if (!this.isRegistered) return;
    const { kprobes } = this.#host;
    if (this.probe instanceof Kretprobe) kprobes.unregisterKretprobe(this.probe);
    else kprobes.unregisterKprobe(this.probe);
    // The symbol says where it goes; an address would be a second answer.
    if (this.definition.symbol !== null) this.kp.addr = null;
  }

  /** `__enable_trace_kprobe`. */
  enable(): number {
    if (!this.isRegistered || this.isGone) return 0;
    const { kprobes } = this.#host;
    return this.probe instanceof Kretprobe
      ? kprobes.enableKretprobe(this.probe)
      : kprobes.enableKprobe(this.probe);
  }

  /** `__disable_trace_kprobe`. */
  disable(): void {
    if (!this.isRegistered) return;
    const { kprobes } = this.#host;
    if (this.probe instanceof Kretprobe) kprobes.disableKretprobe(this.probe);
    else kprobes.disableKprobe(this.probe);
  }

  #entered(regs: PtRegs): void {
    this.hits++;
    const address = this.kp.addr ?? 0;
    this.#record(regs, [address], contextFlags(this.kp, address, this.#host));
  }

  #returned(instance: KretprobeInstance, regs: PtRegs): void {
    this.hits++;
    // Where the link register was hooked, each instance learns the real address before its handler runs.
    const from = this.#host.arch.linkRegister === null ? instance.returnAddress : regs.ip;
    this.#record(regs, [this.kp.addr ?? 0, from], ".....");
  }

  #record(regs: PtRegs, places: readonly number[], flags: string): void {
    const files = this.event?.files ?? [];
    if (files.length === 0) return;
    const host = this.#host;
    const { args, isReturn } = this.definition;
    const { wordSize } = host.arch;
    const record = new ProbeRecord(this.#fixed);
    record.putNumber(0, 2, this.event?.id ?? 0);
    record.putNumber(4, 4, host.current().pid);
    for (let i = 0; i < places.length; i++) record.putNumber(8 + i * wordSize, wordSize, places[i] as number);
    if (this.#readsVariables) host.updateClock();
    fetchArgs(args, regs, record, headSize(isReturn, wordSize), host);
    const reader = new BytesReader(record.bytes);
    const { event } = this.definition;
    const text = (style: TextStyle): string => `${event}: ${probeLine(isReturn, args, reader, host, style)}`;
    const handlers = (): readonly (Addr | string)[] => handlerFrames(this.kp, isReturn, host);
    // Frames are found by the frame pointer, except on x86_64: at an entry it is still the caller's.
    const hidesCaller = !isReturn && host.arch.arch !== "x86_64" && this.definition.offset === 0;
    const size = record.bytes.length;
    // At a return the registers are the caller's already.
    const registers = { ip: regs.ip, skip: isReturn || hidesCaller ? 1 : 0 } as const;
    for (const file of files) file.deliver({ reader, text, flags, handlers, hidesCaller, registers, size });
  }
}

/** Whether two probes of one event are the same: place and arguments. */
export function isSameProbe(a: TraceKprobe, b: TraceKprobe): boolean {
  const [one, other] = [a.definition, b.definition];
  // Probes at addresses all count as at "unknown".
  return (one.symbol ?? "unknown") === (other.symbol ?? "unknown") && one.offset === other.offset &&
    one.args.every((arg, i) => arg.text === other.args[i]?.text);
}
