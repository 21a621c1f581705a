/**
 * The moment of a hit, over a modeled kernel: what compiled handlers ask for. One object serves a whole session; the
 * attacher sets `point`, `regs` and `record` before it calls a handler.
 *
 * @module
 */

import type { Addr } from "../image/model.ts";
import type { Hit, Stack } from "../graph/hit.ts";
import { formatTime } from "../graph/functions/time.ts";
import type { MapValue } from "../graph/maps/cell.ts";
import type { MapSnapshot } from "../graph/maps/runtime_map.ts";
import { narrow } from "../graph/maps/total.ts";
import type { OutputForm } from "../graph/statements.ts";
import type { StructValue, Value } from "../graph/value.ts";
import { formatPrintf } from "../format/mod.ts";
import { jiffiesAt } from "../kernel/time/jiffies.ts";
import { keyOf } from "../kernel/time/random.ts";
import { BOOT_SECONDS } from "../kernel/time/wall_clock.ts";
import { pathText } from "./path_text.ts";
import { fileText } from "./file_text.ts";
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
  printMap(map: MapSnapshot, top: number | undefined, div: number | undefined): void;
  printEntry(value: MapValue, div: number | undefined): void;
  write(form: TextForm, text: string): void;
}

/** Where texts that are no prints come from. */
export type TextForm = OutputForm;

/** The attach point whose handler runs now. */
export interface HitPoint {
  /** `kprobe:vfs_open` */
  readonly probe: string;
  /** Name of the probed function; empty for tracepoints and intervals. */
  readonly func: string;
  /** Address of the probed function's first instruction; NaN where none is probed. */
  readonly address: Addr;
  /** Kind of the probe. */
  readonly kind: string;
  /** Whether the probed function is a user program's. */
  readonly user: boolean;
}

/** Most strings that `join` takes, and most bytes of each: bpftrace's limits. */
const MAX_JOINED = 16;
const MAX_JOINED_BYTES = 1024;

const NOWHERE: HitPoint = { probe: "", func: "", address: NaN, kind: "", user: false };

/** A word as a number, as `PtRegs.arg` gives it. */
function exact(word: number | bigint, index: number): number {
  if (typeof word === "number") return word;
  throw new RangeError(`Cannot read argument ${index} as a number: ${word} is outside ±2^53`);
}

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
  /** Rows by table, in order. */
  readonly rows: Map<string, StructValue[]> = new Map();
  /** Asks the run to end; the session sets it. */
  onExit: (code: number) => void = () => {};
  /** Seen by the running handler: what an entry handler kept of this call. */
  kept: unknown = undefined;
  /** How often each probe has asked for chance. */
  readonly #asked = new Map<string, number>();
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
    if (this.point.kind === "fexit") return exact(this.argExact(index), index);
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

  argExact(index: number): number | bigint {
    if (this.point.kind === "fexit") {
      const words: unknown = this.kept;
      const word: unknown = Array.isArray(words) ? words[index] : 0;
      return typeof word === "number" || typeof word === "bigint" ? word : 0;
    }
    // What i386's programs pass is on their stack, in words of 32 bits.
    if (this.regs === null || this.point.user && this.kernel.archName === "i386") return this.arg(index);
    return narrow(this.regs.argBig(index));
  }

  retvalExact(): number | bigint {
    if (this.regs === null) return 0;
    const name = this.kernel.arch.returnRegisters[0];
    return name === undefined ? this.retval() : this.regExact(name);
  }

  regExact(name: string): number | bigint {
    if (this.regs === null) return 0;
    const { size } = this.regs.register(name);
    return narrow(BigInt.asIntN(size * 8, this.regs.getBig(name)));
  }

  loadExact(address: Addr, size: number, signed: boolean): number | bigint {
    const value = this.kernel.memory.probeReadBig(address, size, signed);
    if (value !== null) return narrow(value);
    this.faults++;
    return 0;
  }

  recordLoadExact(offset: number, size: number, signed: boolean): number | bigint {
    return this.record === null ? 0 : narrow(this.record.loadBig(offset, size, signed));
  }

  entry(): unknown {
    return this.kept;
  }

  rand(): number {
    const { probe } = this.point;
    const times = this.#asked.get(probe) ?? 0;
    this.#asked.set(probe, times + 1);
    return this.kernel.random.u32(keyOf("probe"), keyOf(probe), times);
  }

  usermode(): boolean {
    return this.point.user;
  }

  probetype(): string {
    return this.point.kind;
  }

  ncpus(): number {
    return this.kernel.cpus;
  }

  jiffies(): number {
    return jiffiesAt(this.kernel.clock.now);
  }

  /** All tasks are in the root control group. */
  cgroup(): number {
    return 1;
  }

  numaid(): number {
    return 0;
  }

  bootSeconds(): number {
    return BOOT_SECONDS;
  }

  path(address: Addr): string {
    return pathText(this.kernel, address);
  }

  printMap(map: MapSnapshot, top: number | undefined, div: number | undefined): void {
    this.#sink.printMap(map, top, div);
  }

  printEntry(value: MapValue, div: number | undefined): void {
    this.#sink.printEntry(value, div);
  }

  output(form: OutputForm, format: string, values: readonly Value[]): void {
    this.#sink.write(form, this.#text(form, format, values));
  }

  #text(form: OutputForm, format: string, values: readonly Value[]): string {
    switch (form) {
      case "time": {
        const { now } = this.kernel.clock;
        const since = Math.floor(now / 1e9);
        return formatTime(
          format === "" ? "%H:%M:%S\n" : format,
          BOOT_SECONDS + since,
          Math.floor(now - since * 1e9),
        );
      }
      case "cat":
        return fileText(this.kernel, formatPrintf(format, values));
      case "join":
        return `${this.#strings(values[0]).join(format === "" ? " " : format)}\n`;
      default:
        return formatPrintf(format, values);
    }
  }

  /** The strings of an array like `argv`, up to its null pointer. */
  #strings(argv: Value | undefined): readonly string[] {
    const address = typeof argv === "object" && argv?.kind === "pointer" ? argv.address : Number(argv);
    const { pointerSize } = this.kernel.image;
    const texts: string[] = [];
    for (let i = 0; i < MAX_JOINED; i++) {
      const text = this.load(address + i * pointerSize, pointerSize, pointerSize === 8);
      if (text === 0) break;
      texts.push(this.str(text, MAX_JOINED_BYTES));
    }
    return texts;
  }

  emit(table: string, row: StructValue): void {
    const rows = this.rows.get(table);
    if (rows === undefined) this.rows.set(table, [row]);
    else rows.push(row);
  }

  exit(code: number): void {
    this.onExit(code);
  }

  opaque(fn: (context: never) => unknown): unknown {
    return this.runOpaque(fn);
  }
}
