/**
 * The moment of a hit, over a modeled kernel: what compiled handlers ask for. One object serves a whole session; the
 * attacher sets `point`, `regs` and `record` before it calls a handler.
 *
 * @module
 */

import type { Addr } from "../image/model.ts";
import type { Hit, Stack } from "../graph/hit.ts";
import type { Value } from "../graph/value.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { PtRegs } from "../kernel/arch/pt_regs.ts";
import type { KretprobeInstance } from "../kernel/kprobes/kretprobe.ts";
import { userCallchain } from "../kernel/uprobes/user_registers.ts";
import { userSymbolAt } from "../workloads/user/symbols.ts";
import { registersText } from "./registers_text.ts";
import type { TraceRecord } from "../kernel/tracing/record.ts";

/** Where output goes: formatted by the session, or handed on as data. */
export interface OutputSink {
  print(values: readonly Value[]): void;
  printf(format: string, values: readonly Value[]): void;
}

/** The attach point whose handler runs now. */
export interface HitPoint {
  /** `kprobe:vfs_open` */
  readonly probe: string;
  /** Name of the probed function; empty for tracepoints and intervals. */
  readonly func: string;
  /** Address of the probed function's first instruction; NaN where none is probed. */
  readonly address: Addr;
  /** Whether the probed function is a user program's. */
  readonly user: boolean;
}

const NOWHERE: HitPoint = { probe: "", func: "", address: NaN, user: false };

/** `Hit` over a kernel. */
export class KernelHit implements Hit {
  readonly kernel: Kernel;
  readonly startedAt: number;
  point: HitPoint = NOWHERE;
  regs: PtRegs | null = null;
  record: TraceRecord | null = null;
  instance: KretprobeInstance | null = null;
  /** Reads that met an unmapped address, in all hits so far. */
  faults = 0;
  /** Runs opaque functions; the session sets it (it needs the typed context, which needs this object). */
  runOpaque: (fn: (context: never) => unknown) => unknown = () => undefined;
  readonly #sink: OutputSink;

  constructor(kernel: Kernel, sink: OutputSink) {
    this.kernel = kernel;
    this.startedAt = kernel.now();
    this.#sink = sink;
  }

  pid(): number {
    return this.kernel.current.tgid;
  }

  tid(): number {
    return this.kernel.current.pid;
  }

  uid(): number {
    return this.kernel.current.uid;
  }

  gid(): number {
    return this.kernel.current.gid;
  }

  comm(): string {
    return this.kernel.current.comm;
  }

  cpu(): number {
    return this.kernel.current.cpu;
  }

  nsecs(): number {
    return this.kernel.clock.now;
  }

  elapsed(): number {
    return this.kernel.clock.now - this.startedAt;
  }

  func(): string {
    return this.point.func;
  }

  probe(): string {
    return this.point.probe;
  }

  curtask(): Addr {
    return this.kernel.current.address;
  }

  registers(): string {
    return this.regs === null ? "" : registersText(this.kernel, this.regs, this.instance !== null);
  }

  arg(index: number): number {
    if (this.regs === null) return 0;
    return this.point.user ? this.#userArg(this.regs, index) : this.regs.arg(index);
  }

  /** i386's programs pass everything on the stack, behind the return address; its kernel doesn't. */
  #userArg(regs: PtRegs, index: number): number {
    const { memory, archName } = this.kernel;
    if (archName !== "i386") return regs.arg(index);
    const word = memory.probeReadInt(regs.sp + 4 * (index + 1), 4, true);
    return word === word ? word : 0;
  }

  retval(): number {
    return this.regs === null ? 0 : this.regs.returnValue;
  }

  duration(): number {
    return this.instance === null ? 0 : this.kernel.clock.now - this.instance.since;
  }

  reg(name: string): number {
    return this.regs === null ? 0 : this.regs.get(name);
  }

  load(address: Addr, size: number, signed: boolean): number {
    const value = this.kernel.memory.probeReadInt(address, size, signed);
    if (value === value) return value;
    this.faults++;
    return 0;
  }

  str(address: Addr, max: number): string {
    const text = this.kernel.memory.probeReadString(address, max);
    if (text !== null) return text;
    this.faults++;
    return "";
  }

  recordLoad(offset: number, size: number, signed: boolean): number {
    return this.record === null ? 0 : this.record.load(offset, size, signed);
  }

  recordStr(offset: number, size: number, dynamic: boolean): string {
    return this.record === null ? "" : this.record.str(offset, size, dynamic);
  }

  kstack(depth: number): Stack {
    const { kernel } = this;
    // A uprobe's registers are the user's.
    const frames = this.regs === null || this.point.user
      ? kernel.calls.stack(kernel.current, depth)
      : [this.regs.ip, ...this.#returnAddresses(this.regs, depth - 1)];
    return { frames, key: frames.join(",") };
  }

  ustack(depth: number): Stack {
    const { kernel } = this;
    const task = kernel.current;
    const frames = task.userSpace === null ? [] : userCallchain(kernel, task, depth);
    return { frames, symbols: frames.map((at) => userSymbolAt(kernel, task, at)), key: frames.join(",") };
  }

  usym(address: Addr): string {
    return userSymbolAt(this.kernel, this.kernel.current, address);
  }

  /**
   * The return addresses below `regs.ip`. At a return `ip` is the caller already, so the first one is left out. At a
   * function's first instruction an architecture with a link register has not stored the return address yet: the
   * kernel's unwinder, which follows frame records, does not see the immediate caller.
   */
  #returnAddresses(regs: PtRegs, depth: number): readonly Addr[] {
    const { calls, current, arch } = this.kernel;
    const returning = this.instance !== null;
    const inLink = arch.linkRegister !== null && regs.ip === this.point.address;
    return returning || inLink ? calls.stack(current, depth + 1).slice(1) : calls.stack(current, depth);
  }

  ksym(address: Addr): string {
    return this.kernel.image.symbolAt(address)?.symbol.name ?? this.kernel.image.describe(address);
  }

  print(values: readonly Value[]): void {
    this.#sink.print(values);
  }

  printf(format: string, values: readonly Value[]): void {
    this.#sink.printf(format, values);
  }

  opaque(fn: (context: never) => unknown): unknown {
    return this.runOpaque(fn);
  }
}
