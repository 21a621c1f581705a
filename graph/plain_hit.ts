/**
 * A hit over plain values: what a handler asks for is looked up in an object. For trying handlers without a kernel,
 * in tests and benches.
 *
 * @module
 */

import type { Addr } from "../image/model.ts";
import type { Hit, Stack } from "./hit.ts";
import type { MapValue } from "./maps/cell.ts";
import type { MapSnapshot } from "./maps/runtime_map.ts";
import { narrow } from "./maps/total.ts";
import type { OutputForm } from "./statements.ts";
import type { StructValue, Value } from "./value.ts";

/** What the hit says; everything else is 0 or empty. */
export interface HitValues {
  readonly pid?: number;
  readonly tid?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly comm?: string;
  readonly cpu?: number;
  readonly nsecs?: number;
  readonly elapsed?: number;
  readonly duration?: number;
  readonly registers?: string;
  readonly func?: string;
  readonly probe?: string;
  readonly curtask?: Addr;
  readonly retval?: number;
  readonly args?: readonly number[];
  /** Words beyond ±2^53, for exact reads. */
  readonly wide?: readonly bigint[];
  readonly entry?: unknown;
  readonly regs?: Readonly<Record<string, number>>;
  readonly stack?: readonly Addr[];
}

/** A hit over plain values. Memory and the record are byte maps that `poke` and `pokeRecord` fill. */
export class PlainHit implements Hit {
  values: HitValues;
  /** The context that opaque functions get. */
  context: unknown = {};
  /** What was printed, one entry per call. */
  readonly printed: (readonly Value[])[] = [];
  /** Maps, values of maps, rows and exit codes that were handed over. */
  readonly maps: {
    readonly map: MapSnapshot;
    readonly top: number | undefined;
    readonly div: number | undefined;
  }[] = [];
  readonly entries: MapValue[] = [];
  readonly rows: { readonly table: string; readonly row: StructValue }[] = [];
  readonly exits: number[] = [];
  #rand = 0;
  /** How often each method was asked. */
  readonly asked = new Map<string, number>();
  /** Reads of addresses that were never poked. */
  faults = 0;
  readonly #memory = new Map<Addr, number>();
  readonly #record = new Map<number, number>();

  constructor(values: HitValues = {}) {
    this.values = values;
  }

  /** Writes an integer, little endian. */
  poke(address: Addr, size: number, value: number | bigint): void {
    write(this.#memory, address, size, BigInt(value));
  }

  /** Writes a NUL-terminated string. */
  pokeString(address: Addr, text: string): void {
    const bytes = new TextEncoder().encode(text + "\0");
    bytes.forEach((byte, i) => this.#memory.set(address + i, byte));
  }

  /** Writes an integer into the tracepoint record. */
  pokeRecord(offset: number, size: number, value: number | bigint): void {
    write(this.#record, offset, size, BigInt(value));
  }

  pid(): number {
    return this.#count("pid", this.values.pid);
  }
  tid(): number {
    return this.#count("tid", this.values.tid);
  }
  uid(): number {
    return this.#count("uid", this.values.uid);
  }
  gid(): number {
    return this.#count("gid", this.values.gid);
  }
  comm(): string {
    this.#count("comm", 0);
    return this.values.comm ?? "";
  }
  cpu(): number {
    return this.#count("cpu", this.values.cpu);
  }
  nsecs(): number {
    return this.#count("nsecs", this.values.nsecs);
  }
  elapsed(): number {
    return this.#count("elapsed", this.values.elapsed);
  }
  duration(): number {
    return this.#count("duration", this.values.duration);
  }
  func(): string {
    return this.values.func ?? "";
  }
  probe(): string {
    return this.values.probe ?? "";
  }
  registers(): string {
    this.#count("registers", 0);
    return this.values.registers ?? "";
  }

  curtask(): Addr {
    return this.#count("curtask", this.values.curtask);
  }
  arg(index: number): number {
    return this.#count("arg", this.values.args?.[index]);
  }
  retval(): number {
    return this.#count("retval", this.values.retval);
  }
  reg(name: string): number {
    return this.#count("reg", registerValue(this.values.regs ?? {}, name));
  }

  load(address: Addr, size: number, signed: boolean): number {
    this.#count("load", 0);
    return this.#read(this.#memory, address, size, signed);
  }

  str(address: Addr, max: number): string {
    this.#count("str", 0);
    return text(this.#memory, address, max);
  }

  recordLoad(offset: number, size: number, signed: boolean): number {
    this.#count("recordLoad", 0);
    return this.#read(this.#record, offset, size, signed);
  }

  recordStr(offset: number, size: number, dynamic: boolean): string {
    if (!dynamic) return text(this.#record, offset, size);
    const location = this.#read(this.#record, offset, 4, false);
    return text(this.#record, location & 0xffff, location >>> 16);
  }

  kstack(depth: number): Stack {
    this.#count("kstack", 0);
    const frames = (this.values.stack ?? []).slice(0, depth);
    return { frames, key: frames.join(",") };
  }

  ustack(depth: number): Stack {
    this.#count("ustack", 0);
    const frames = (this.values.stack ?? []).slice(0, depth);
    return { frames, symbols: frames.map((frame) => `user_${frame.toString(16)}`), key: frames.join(",") };
  }

  usym(address: Addr): string {
    return `user_${address.toString(16)}`;
  }

  ksym(address: Addr): string {
    return `sym_${address.toString(16)}`;
  }

  print(values: readonly Value[]): void {
    this.printed.push(values);
  }

  printf(format: string, values: readonly Value[]): void {
    this.printed.push([format, ...values]);
  }

  argExact(index: number): number | bigint {
    const wide = this.values.wide?.[index];
    return wide === undefined ? this.arg(index) : narrow(wide);
  }

  retvalExact(): number | bigint {
    return this.retval();
  }

  regExact(name: string): number | bigint {
    return this.reg(name);
  }

  loadExact(address: Addr, size: number, signed: boolean): number | bigint {
    this.#count("loadExact", 0);
    return narrow(this.#exact(this.#memory, address, size, signed) ?? 0n);
  }

  recordLoadExact(offset: number, size: number, signed: boolean): number | bigint {
    return narrow(this.#exact(this.#record, offset, size, signed) ?? 0n);
  }

  entry(): unknown {
    return this.values.entry;
  }

  /** Counts up. */
  rand(): number {
    return ++this.#rand;
  }

  usermode(): boolean {
    return false;
  }

  probetype(): string {
    return (this.values.probe ?? "").replace(/:.*/, "");
  }

  ncpus(): number {
    return 2;
  }

  jiffies(): number {
    return Math.floor((this.values.nsecs ?? 0) / 4_000_000);
  }

  cgroup(): number {
    return 1;
  }

  numaid(): number {
    return 0;
  }

  bootSeconds(): number {
    return 0;
  }

  path(address: Addr): string {
    return `/path/${address.toString(16)}`;
  }

  printMap(map: MapSnapshot, top: number | undefined, div: number | undefined): void {
    this.maps.push({ map, top, div });
  }

  printEntry(value: MapValue, _div: number | undefined): void {
    this.entries.push(value);
  }

  output(form: OutputForm, format: string, values: readonly Value[]): void {
    this.printed.push([`${form} ${format}`, ...values]);
  }

  emit(table: string, row: StructValue): void {
    this.rows.push({ table, row });
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  opaque(fn: (context: never) => unknown): unknown {
    return Reflect.apply(fn, undefined, [this.context]);
  }

  #count(name: string, value: number | undefined): number {
    this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
    return value ?? 0;
  }

  #read(bytes: ReadonlyMap<number, number>, address: number, size: number, signed: boolean): number {
    const exact = this.#exact(bytes, address, size, signed);
    if (exact === undefined) return 0;
    const near = Number(exact);
    if (Number.isSafeInteger(near)) return near;
    throw new RangeError(`Cannot read ${exact} at ${address} as a number: it is outside ±2^53`);
  }

  #exact(
    bytes: ReadonlyMap<number, number>,
    address: number,
    size: number,
    signed: boolean,
  ): bigint | undefined {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) {
      const byte = bytes.get(address + i);
      if (byte === undefined) {
        this.faults++;
        return undefined;
      }
      value = value << 8n | BigInt(byte);
    }
    return signed ? BigInt.asIntN(size * 8, value) : value;
  }
}

function write(bytes: Map<number, number>, address: number, size: number, value: bigint): void {
  for (let i = 0; i < size; i++) bytes.set(address + i, Number(value >> BigInt(i * 8) & 0xffn));
}

function text(bytes: ReadonlyMap<number, number>, address: number, max: number): string {
  const found: number[] = [];
  for (let i = 0; i < max; i++) {
    const byte = bytes.get(address + i);
    if (byte === undefined || byte === 0) break;
    found.push(byte);
  }
  return new TextDecoder().decode(new Uint8Array(found));
}

function registerValue(regs: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(regs, name) ? regs[name] : undefined;
}
