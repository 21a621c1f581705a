/**
 * `struct pt_regs` in its real layout, with exact 64-bit words and a fast path for numbers.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { ArgumentLayout } from "./arguments.ts";
import { type ArchModel, type RegisterInfo, registerNames, registerOf } from "./model.ts";
import { type Resumption, RETURNS } from "./resumption.ts";
import { highWord, lowWord, wordToBig, wordToNumber } from "./words.ts";

/** What register code needs of memory: words of the kernel stack. */
export interface StackMemory {
  readWord(address: Addr): number;
  readBig(address: Addr, size: number, signed: boolean): bigint;
  writeWord(address: Addr, value: number): void;
  writeBig(address: Addr, size: number, value: bigint): void;
}

/** What can say what the registers hold, once somebody looks. */
export interface RegsSource {
  /** Fills everything but `ip` and `resumption`, which are as they were set. */
  fill(regs: PtRegs): void;
  /** The stack pointer: hooking a return needs it and the return address alone, so they are known without filling. */
  stackPointer(): Addr;
  /** The return address as the called function finds it. */
  returnTo(): Addr;
  /** Puts another return address in its place. */
  returnElsewhere(address: Addr): void;
}

/** Told of each read of an argument or result that nothing determines. `argument` is -1 for the return value. */
export type UnknownReader = (functionName: string, argument: number) => void;

/** Bit of `PtRegs.unknown` that stands for the return value; argument word n has bit n (words past 29 share bit 29). */
export const UNKNOWN_RETURN = 1 << 30;
const LAST_ARGUMENT_BIT = 29;

/** Bit of `PtRegs.unknown` for an argument word. */
export function unknownBit(word: number): number {
  return 1 << (word < LAST_ARGUMENT_BIT ? word : LAST_ARGUMENT_BIT);
}

/**
 * The registers at the moment of a hit. One object is reused for many hits: keep no reference to it beyond the
 * handler, copy what you need (`snapshot`).
 *
 * Words read as signed numbers; a word outside ±2^53 raises a `RangeError` that names the exact accessor. A word that
 * nothing determines reads as 0 and is reported through `onUnknown`.
 */
export class PtRegs {
  readonly model: ArchModel;
  readonly memory: StackMemory;
  /** Name of the function that was hit. */
  functionName = "";
  /** Where execution goes on instead of the probed instruction, or null: set when a handler diverted it. */
  resumption: Resumption | null = null;
  onUnknown: UnknownReader | null = null;
  /** What the registers hold before arguments are set, as `fill.ts` found it. */
  blank: Int32Array | null = null;

  /** Index of each argument register in `halves`. */
  readonly argumentIndex: Int32Array;
  readonly ipIndex: number;
  readonly spIndex: number;
  readonly returnIndex: number;
  readonly returnHighIndex: number;
  /** Index of the link register, or -1. */
  readonly linkIndex: number;
  /** Index of `orig_ax`, or -1. */
  readonly #originIndex: number;
  readonly #wide: boolean;
  readonly #byName: ReadonlyMap<string, RegisterInfo>;
  readonly #halves: Int32Array<ArrayBuffer>;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #layout: ArgumentLayout | null = null;
  #unknown = 0;
  #touched = false;
  /** What `orig_ax` holds: -1 after a trap. */
  #origin = -1;
  /** Fills the registers when they are first looked at; null once that is done. */
  #pending: RegsSource | null = null;

  constructor(model: ArchModel, memory: StackMemory) {
    this.model = model;
    this.memory = memory;
    const buffer = new ArrayBuffer(model.regsSize);
    this.#halves = new Int32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#wide = model.wordSize === 8;
    this.#byName = registersByName(model);
    this.argumentIndex = Int32Array.from(model.argumentRegisters, (name) => this.#index(name));
    this.ipIndex = this.#index(model.ipRegister);
    this.spIndex = this.#index(model.spRegister);
    this.returnIndex = this.#index(model.returnRegisters[0]);
    this.returnHighIndex = this.#index(model.returnRegisters[1]);
    this.linkIndex = model.linkRegister === null ? -1 : this.#index(model.linkRegister);
    this.#originIndex = model.entryValues["orig_ax"] === undefined ? -1 : this.#index("orig_ax");
  }

  #index(name: string): number {
    return this.register(name).offset >> 2;
  }

  /** The structure itself, as 32-bit halves in little-endian order. */
  get halves(): Int32Array<ArrayBuffer> {
    if (this.#pending !== null) this.#look();
    this.#touched = true;
    return this.#halves;
  }

  /** The structure itself. */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#pending !== null) this.#look();
    this.#touched = true;
    return this.#bytes;
  }

  /** Whether anything but `ip` may have been changed since deferred registers were filled. */
  get touched(): boolean {
    return this.#touched;
  }

  /** The halves, to be read. */
  get #filled(): Int32Array<ArrayBuffer> {
    if (this.#pending !== null) this.#look();
    return this.#halves;
  }

  /** Where arguments lie when it isn't simply one per word (i386 with 64-bit arguments or all on the stack). */
  get layout(): ArgumentLayout | null {
    if (this.#pending !== null) this.#look();
    return this.#layout;
  }

  set layout(layout: ArgumentLayout | null) {
    this.#layout = layout;
  }

  /** Words that nothing determines: see `unknownBit`, `UNKNOWN_RETURN`. */
  get unknown(): number {
    if (this.#pending !== null) this.#look();
    return this.#unknown;
  }

  set unknown(bits: number) {
    this.#unknown = bits;
  }

  /** A hit begins whose registers are filled only if somebody looks: most handlers never do. */
  defer(source: RegsSource): void {
    this.#pending = source;
    this.#origin = -1;
    this.resumption = null;
  }

  /** How control came to a probe: ftrace's code leaves 0 in `orig_ax`, a trap -1. Fills no deferred registers. */
  enteredBy(ftrace: boolean): void {
    if (this.#originIndex < 0) return;
    this.#origin = ftrace ? 0 : -1;
    if (this.#pending === null) this.#setOrigin();
  }

  #setOrigin(): void {
    this.#halves[this.#originIndex] = this.#origin;
    if (this.#wide) this.#halves[this.#originIndex + 1] = this.#origin;
  }

  /** Whether nobody has looked at the registers since `defer`. */
  get deferred(): boolean {
    return this.#pending !== null;
  }

  /** The halves, to be filled now: what was deferred is not wanted any more. */
  begin(): Int32Array<ArrayBuffer> {
    this.#pending = null;
    return this.#halves;
  }

  #look(): void {
    const source = this.#pending;
    this.#pending = null;
    const { ip, resumption } = this;
    source?.fill(this);
    if (this.#origin === 0) this.#setOrigin();
    this.#touched = false;
    this.ip = ip;
    this.resumption = resumption;
  }

  /** The register of that name. Throws a sentence with the valid names where there is none. */
  register(name: string): RegisterInfo {
    const info = this.#byName.get(name);
    if (info !== undefined) return info;
    throw new RangeError(
      `Cannot read register "${name}": ${this.model.arch} has no such register; it has ${
        registerNames(this.model).join(", ")
      }`,
    );
  }

  /** A register as a signed word (selectors as u16). Throws a `RangeError` where the number would not be exact. */
  get(name: string): number {
    const info = this.register(name);
    if (this.unknown !== 0) this.#noticeRegister(info);
    const index = info.offset >> 2;
    const low = this.#filled[index] as number;
    if (info.size === 8) {
      return wordToNumber(low, this.#filled[index + 1] as number, `regs.getBig("${name}")`);
    }
    return info.size === 2 ? low & 0xffff : low;
  }

  /** A register as the exact signed word. */
  getBig(name: string): bigint {
    const info = this.register(name);
    if (info.size !== 8) return BigInt(this.get(name));
    if (this.unknown !== 0) this.#noticeRegister(info);
    const index = info.offset >> 2;
    return wordToBig(this.#filled[index] as number, this.#filled[index + 1] as number);
  }

  /** Sets a register; numbers are taken modulo the word size. A register set this way is known from then on. */
  set(name: string, value: number | bigint): void {
    const info = this.register(name);
    const index = info.offset >> 2;
    if (typeof value === "bigint") {
      this.halves[index] = Number(BigInt.asIntN(32, value));
      if (info.size === 8) this.halves[index + 1] = Number(BigInt.asIntN(32, value >> 32n));
    } else {
      this.setIndex(index, value);
    }
    const word = this.model.argumentRegisters.indexOf(info.name);
    if (word >= 0) this.unknown &= ~unknownBit(word);
    if (index === this.returnIndex) this.unknown &= ~UNKNOWN_RETURN;
  }

  /** Sets the word at an index of `halves`. */
  setIndex(index: number, value: number): void {
    const halves = this.halves;
    halves[index] = lowWord(value);
    if (this.#wide) halves[index + 1] = highWord(value);
  }

  /**
   * Argument word n: registers, then the stack, one word each. It is the n-th argument except on i386, where wide
   * arguments take two words: `param` knows those.
   */
  arg(n: number): number {
    if (this.unknown !== 0 && this.#notice(n)) return 0;
    const registers = this.argumentIndex;
    if (n >= registers.length) return this.memory.readWord(this.stackWord(n - registers.length));
    const index = registers[n] as number;
    const low = this.#filled[index] as number;
    if (!this.#wide) return low;
    const high = this.#filled[index + 1] as number;
    if (high >= -0x200000 && high < 0x200000) return high * 0x100000000 + (low >>> 0);
    return wordToNumber(low, high, `regs.argBig(${n})`);
  }

  /** Argument word n, exact. */
  argBig(n: number): bigint {
    if (this.unknown !== 0 && this.#notice(n)) return 0n;
    const registers = this.argumentIndex;
    if (n >= registers.length) {
      return this.memory.readBig(this.stackWord(n - registers.length), this.model.wordSize, true);
    }
    const index = registers[n] as number;
    const low = this.#filled[index] as number;
    return this.#wide ? wordToBig(low, this.#filled[index + 1] as number) : BigInt(low);
  }

  /** Parameter n of the prototype: like `arg`, but a 64-bit parameter of i386 reads whole. */
  param(n: number): number {
    const layout = this.layout;
    if (layout === null) return this.arg(n);
    const word = layout.first[n];
    if (word === undefined) return this.arg(n);
    if (layout.words[n] === 1) return this.arg(word);
    if (this.#wide) {
      throw new RangeError(
        `Cannot read argument ${n} as a number: it is 128 bits wide; use regs.paramBig(${n})`,
      );
    }
    return wordToNumber(this.arg(word), this.arg(word + 1), `regs.paramBig(${n})`);
  }

  /** Parameter n of the prototype, exact: its words put together, the last one signed. */
  paramBig(n: number): bigint {
    const word = this.layout?.first[n] ?? n;
    const bits = BigInt(this.model.wordSize * 8);
    let value = 0n;
    const words = this.layout?.words[n] ?? 1;
    for (let i = words - 1; i >= 0; i--) {
      const part = this.argBig(word + i);
      value = (value << bits) | (i === words - 1 ? part : BigInt.asUintN(Number(bits), part));
    }
    return value;
  }

  /** Address of word n of the stack arguments. */
  stackWord(n: number): Addr {
    return this.sp + this.model.stackArguments + n * this.model.wordSize;
  }

  /** Instruction pointer. Reading or setting it fills no deferred registers. */
  get ip(): Addr {
    const low = (this.#halves[this.ipIndex] as number) >>> 0;
    return this.#wide ? (this.#halves[this.ipIndex + 1] as number) * 0x100000000 + low : low;
  }

  set ip(address: Addr) {
    this.setIp(lowWord(address), highWord(address));
  }

  /** Sets the instruction pointer by its halves; a 32-bit one takes the low half alone. */
  setIp(low: number, high: number): void {
    this.#halves[this.ipIndex] = low;
    if (this.#wide) this.#halves[this.ipIndex + 1] = high;
  }

  /** Stack pointer. */
  get sp(): Addr {
    return this.#address(this.spIndex);
  }

  set sp(address: Addr) {
    this.setIndex(this.spIndex, address);
  }

  /** The stack pointer's value; deferred registers and stack words stay so, unlike where `sp` is read. */
  peekSp(): Addr {
    const pending = this.#pending;
    return pending === null ? this.#address(this.spIndex) : pending.stackPointer();
  }

  #address(index: number): Addr {
    const low = (this.#filled[index] as number) >>> 0;
    return this.#wide ? (this.#filled[index + 1] as number) * 0x100000000 + low : low;
  }

  /**
   * The return address as the called function finds it: on top of the stack, or in the link register. Reading or setting
   * it fills no deferred registers.
   */
  get returnAddress(): Addr {
    const pending = this.#pending;
    if (pending !== null) return pending.returnTo();
    if (this.linkIndex >= 0) return this.#address(this.linkIndex);
    const word = this.memory.readWord(this.sp);
    return this.#wide ? word : word >>> 0;
  }

  set returnAddress(address: Addr) {
    const pending = this.#pending;
    if (pending !== null) pending.returnElsewhere(address);
    else if (this.linkIndex >= 0) this.setIndex(this.linkIndex, address);
    else this.memory.writeWord(this.sp, address);
  }

  /** The result as a signed word; 0 (and reported) where nothing determines it. */
  get returnValue(): number {
    if ((this.unknown & UNKNOWN_RETURN) !== 0) {
      this.onUnknown?.(this.functionName, -1);
      return 0;
    }
    const low = this.#filled[this.returnIndex] as number;
    if (!this.#wide) return low;
    return wordToNumber(low, this.#filled[this.returnIndex + 1] as number, "regs.returnBig()");
  }

  /** Sets the result; NaN makes it unknown. */
  set returnValue(value: number) {
    this.setIndex(this.returnIndex, value);
    if (value !== value) this.unknown |= UNKNOWN_RETURN;
    else this.unknown &= ~UNKNOWN_RETURN;
  }

  /** The result, exact; `wide` also takes the high return register (i386's 64-bit results, 128-bit ones elsewhere). */
  returnBig(wide = false): bigint {
    if ((this.unknown & UNKNOWN_RETURN) !== 0) {
      this.onUnknown?.(this.functionName, -1);
      return 0n;
    }
    const low = this.getBig(this.model.returnRegisters[0]);
    if (!wide) return low;
    const bits = this.model.wordSize * 8;
    return (this.getBig(this.model.returnRegisters[1]) << BigInt(bits)) | BigInt.asUintN(bits, low);
  }

  /**
   * Leaves the function without running it, as `bpf_override_return` does: the caller sees `value`. For handlers at a
   * function's entry, which then return 1. Where Linux sets `ip` to a return instruction, it is the return address here.
   */
  overrideReturn(value: number): void {
    this.returnValue = value;
    this.resumption = RETURNS;
    this.ip = this.returnAddress;
  }

  /** A copy of the registers that stays as it is. Stack words are still read from memory. */
  snapshot(): PtRegs {
    const copy = new PtRegs(this.model, this.memory);
    copy.copyFrom(this);
    return copy;
  }

  /** Takes over everything from another one of the same architecture. */
  copyFrom(other: PtRegs): void {
    this.begin().set(other.halves);
    this.functionName = other.functionName;
    this.layout = other.layout;
    this.unknown = other.unknown;
    this.resumption = other.resumption;
    this.onUnknown = other.onUnknown;
  }

  /** Reports a read of argument word n if it is unknown. */
  #notice(n: number): boolean {
    if ((this.unknown & unknownBit(n)) === 0) return false;
    this.onUnknown?.(this.functionName, this.#parameterOf(n));
    return true;
  }

  #parameterOf(word: number): number {
    const layout = this.layout;
    if (layout === null) return word;
    for (let i = 0; i < layout.first.length; i++) {
      const first = layout.first[i] as number;
      if (word >= first && word < first + (layout.words[i] as number)) return i;
    }
    return word;
  }

  #noticeRegister(info: RegisterInfo): void {
    const word = this.model.argumentRegisters.indexOf(info.name);
    if (word >= 0) this.#notice(word);
    else if (info.offset >> 2 === this.returnIndex && (this.unknown & UNKNOWN_RETURN) !== 0) {
      this.onUnknown?.(this.functionName, -1);
    }
  }
}

const tables = new Map<ArchModel, ReadonlyMap<string, RegisterInfo>>();

function registersByName(model: ArchModel): ReadonlyMap<string, RegisterInfo> {
  let table = tables.get(model);
  if (table === undefined) {
    const names = [...model.registers.map((r) => r.name), ...Object.keys(model.aliases)];
    const entries = new Map<string, RegisterInfo>();
    for (const name of names) {
      const info = registerOf(model, name);
      if (info !== undefined) entries.set(name, info);
    }
    table = entries;
    tables.set(model, table);
  }
  return table;
}
