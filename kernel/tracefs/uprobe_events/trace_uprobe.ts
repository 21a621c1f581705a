/**
 * One probe in a file: `struct trace_uprobe`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { PtRegs } from "../../arch/pt_regs.ts";
import type { UprobeConsumer } from "../../uprobes/uprobe.ts";
import { BytesReader } from "../events/bytes_reader.ts";
import type { DynEvent, DynEventKind } from "../probe_events/dyn_events.ts";
import { argsSize, fetchArgs, ProbeRecord } from "../probe_events/fetch.ts";
import type { ProbeEventHost } from "../probe_events/host.ts";
import { argsText, headSize } from "../probe_events/print.ts";
import { type EventProbe, matchesArgs, type ProbeEvent } from "../probe_events/probe_event.ts";
import type { UprobeDefinition } from "./parse_uprobe.ts";
import { MAX_ARGSTR_LEN } from "../probe_events/parse_arg.ts";

/** The uprobes of a kernel. */
export interface UprobeSource {
  register(path: string, offset: number, consumer: UprobeConsumer): number;
  unregister(path: string, offset: number, consumer: UprobeConsumer): void;
}

/** Who keeps the probes of a kernel. */
export interface UprobeOwner extends DynEventKind {
  release(probe: TraceUprobe): number;
}

/** One probe. */
export class TraceUprobe implements DynEvent, EventProbe {
  readonly definition: UprobeDefinition;
  readonly owner: UprobeOwner;
  event: ProbeEvent | null = null;
  readonly isGone = false;
  /** Times that control came to the place; the return of a call isn't counted again. */
  hits = 0;
  readonly #host: ProbeEventHost;
  readonly #source: UprobeSource;
  readonly #consumer: UprobeConsumer;
  #registered = false;

  constructor(definition: UprobeDefinition, host: ProbeEventHost, source: UprobeSource, owner: UprobeOwner) {
    this.definition = definition;
    this.owner = owner;
    this.#host = host;
    this.#source = source;
    const handler = (regs: PtRegs): void => {
      this.hits++;
      if (!definition.isReturn) this.#record(regs, [regs.ip]);
    };
    this.#consumer = definition.isReturn
      ? { handler, retHandler: (regs, entry) => this.#record(regs, [entry, regs.ip]), nmissed: 0 }
      : { handler, nmissed: 0 };
  }

  /** `0xOFFSET` and the reference counter's, as listings show them. */
  get offsetText(): string {
    const { offset, refCtrOffset } = this.definition;
    const digits = this.#host.arch.wordSize * 2;
    const counter = refCtrOffset === 0 ? "" : `(0x${refCtrOffset.toString(16)})`;
    return `0x${offset.toString(16).padStart(digits, "0")}${counter}`;
  }

  get text(): string {
    const { group, event, path, args, isReturn } = this.definition;
    const words = args.map((arg) => ` ${arg.name}=${arg.text}`).join("");
    return `${isReturn ? "r" : "p"}:${group}/${event} ${path}:${this.offsetText}${words}`;
  }

  get isBusy(): boolean {
    return this.event?.enabled ?? false;
  }

  /** `trace_uprobe_match`. */
  matches(group: string | null, event: string, [place, ...words]: readonly string[]): boolean {
    const { definition } = this;
    if (event !== "" && event !== definition.event) return false;
    if (group !== null && group !== definition.group) return false;
    if (place === undefined) return true;
    return place === `${definition.path}:${this.offsetText.slice(0, MAX_ARGSTR_LEN)}` &&
      matchesArgs(definition.args, words);
  }

  release(): number {
    return this.owner.release(this);
  }

  /** `trace_uprobe_enable`. */
  enable(): number {
    if (this.#registered) return 0;
    const { path, offset } = this.definition;
    const result = this.#source.register(path, offset, this.#consumer);
    this.#registered = result === 0;
    return result;
  }

  disable(): void {
    if (!this.#registered) return;
    this.#registered = false;
    this.#source.unregister(this.definition.path, this.definition.offset, this.#consumer);
  }

  #record(regs: PtRegs, places: readonly Addr[]): void {
    const files = this.event?.files ?? [];
    if (files.length === 0) return;
    const host = this.#host;
    const { args, isReturn, event, offset } = this.definition;
    const { wordSize } = host.arch;
    const head = headSize(isReturn, wordSize);
    const record = new ProbeRecord(head + argsSize(args));
    record.put(0, 2, BigInt(this.event?.id ?? 0));
    record.put(4, 4, BigInt(host.current().pid));
    places.forEach((place, i) => record.put(8 + i * wordSize, wordSize, BigInt(place)));
    // As the kernel has it: at a return, too, the distance is taken from where control is.
    const fileBase = BigInt(regs.ip - offset);
    const { arch, memory } = host;
    fetchArgs(args, regs, record, head, {
      arch,
      memory,
      fileBase,
      symbolText: (address) => host.symbolText(address),
      comm: () => host.comm(),
    });
    const reader = new BytesReader(record.bytes);
    const [entry = "", back] = places.map((place) => `0x${unsigned(place, wordSize).toString(16)}`);
    const where = back === undefined ? entry : `${back} <- ${entry}`;
    const text = (): string => `${event}: (${where})${argsText(args, reader, head, host)}`;
    const commit = arch.linkRegister === null ? ["trace_event_buffer_commit"] : [];
    const handlers = (): readonly string[] => [...commit, "__uprobe_trace_func"];
    const size = record.bytes.length;
    // The kernel subtracts a level of preemption that its tracepoints add; here there is none, and it borrows.
    const flags = arch.arch === "arm64" ? "....." : "DNZff";
    for (const file of files) file.deliver({ reader, text, flags, handlers, hidesCaller: false, size });
  }
}

function unsigned(address: Addr, wordSize: 4 | 8): bigint {
  return BigInt.asUintN(wordSize * 8, BigInt(address));
}
