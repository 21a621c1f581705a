/**
 * Evaluates the arguments of a probe event at a hit, into the bytes of its record.
 *
 * @module
 */

import { addressFromBigInt } from "../../../image/address.ts";
import type { Addr } from "../../../image/model.ts";
import { highWord, lowWord } from "../../arch/words.ts";
import type { ArchModel } from "../../arch/model.ts";
import type { PtRegs } from "../../arch/pt_regs.ts";
import type { Memory } from "../../memory/memory.ts";
import { argSize, type FetchInsn, type ProbeArg } from "./fetch_code.ts";

/** Most bytes of a string, its NUL included. */
const MAX_STRING_SIZE = 4096;
/** Most bytes of a record: what a page of the ring buffer holds. */
const MAX_RECORD = 4048;

/** What fetching needs of a kernel. */
export interface FetchHost {
  readonly arch: ArchModel;
  readonly memory: Memory;
  /** `sprint_symbol`. */
  symbolText(address: Addr): string;
  /** Command name of the running task. */
  comm(): string;
  /** For a probe in a user program: where offset 0 of its file is mapped. All memory is the program's. */
  readonly fileBase?: bigint;
}

const ENCODER = new TextEncoder();

/** The record of one hit under construction: fixed parts, then strings. */
export class ProbeRecord {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #end: number;

  /** `fixed` is the size of the fixed parts. */
  constructor(fixed: number) {
    this.#bytes = new Uint8Array(fixed);
    this.#view = new DataView(this.#bytes.buffer);
    this.#end = fixed;
  }

  /** The finished record. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Stores the low bytes of a number. */
  put(offset: number, size: number, value: bigint): void {
    const view = this.#view;
    if (size === 8) view.setBigUint64(offset, BigInt.asUintN(64, value), true);
    else if (size === 4) view.setUint32(offset, Number(BigInt.asUintN(32, value)), true);
    else if (size === 2) view.setUint16(offset, Number(BigInt.asUintN(16, value)), true);
    else view.setUint8(offset, Number(BigInt.asUintN(8, value)));
  }

  /** Stores the low bytes of a number that is exact: an address, an identity. */
  putNumber(offset: number, size: 2 | 4 | 8, value: number): void {
    const view = this.#view;
    if (size === 2) view.setUint16(offset, value, true);
    else view.setInt32(offset, lowWord(value), true);
    if (size === 8) view.setInt32(offset + 4, highWord(value), true);
  }

  /** A number that was stored. */
  get(offset: number, size: number): bigint {
    const view = this.#view;
    if (size === 8) return view.getBigUint64(offset, true);
    if (size === 4) return BigInt(view.getUint32(offset, true));
    return BigInt(size === 2 ? view.getUint16(offset, true) : view.getUint8(offset));
  }

  /** Appends a string with its NUL, and says so in the word at `offset`; null (unreadable) has length 0. */
  putString(offset: number, text: string | null): void {
    if (text === null) {
      this.#view.setUint32(offset, this.#end, true);
      return;
    }
    const encoded = ENCODER.encode(text).subarray(0, MAX_STRING_SIZE - 1);
    const length = Math.min(encoded.length + 1, Math.max(MAX_RECORD - this.#end, 0));
    const grown = new Uint8Array(this.#end + length);
    grown.set(this.#bytes);
    grown.set(encoded.subarray(0, Math.max(length - 1, 0)), this.#end);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
    this.#view.setUint32(offset, (length << 16) | this.#end, true);
    this.#end += length;
  }
}

/** Bytes of all arguments' fixed parts. */
export function argsSize(args: readonly ProbeArg[]): number {
  const last = args.at(-1);
  return last === undefined ? 0 : last.offset + argSize(last);
}

/** `store_trace_args`: the arguments go to `base` and on. */
export function fetchArgs(
  args: readonly ProbeArg[],
  regs: PtRegs,
  record: ProbeRecord,
  base: number,
  host: FetchHost,
): void {
  for (const arg of args) fetchArg(arg, regs, record, base + arg.offset, host);
}

/** `process_fetch_insn`: load, dereference, store, and for an array once more from where its elements differ. */
function fetchArg(arg: ProbeArg, regs: PtRegs, record: ProbeRecord, offset: number, host: FetchHost): void {
  const { code } = arg;
  const memory = new Fetches(host);
  const storeAt = code.findIndex((insn) => insn.op.startsWith("store"));
  const store = code[storeAt];
  const bitfield = code[storeAt + 1];
  const first = code[0];
  if (store === undefined || first === undefined) return;
  if (first.op === "comm" || first.op === "data") {
    record.putString(offset, first.op === "comm" ? host.comm() : first.text);
    return;
  }
  const count = Math.max(arg.count, 1);
  const derefs = code.slice(0, storeAt).filter((insn) => insn.op === "deref");
  const last = derefs.pop();
  const step = store.op === "store_string" ? host.arch.wordSize : 0;
  let base: bigint | null = first.op === "symbol" ? immediate(code[1]) : load(first, regs, host, memory);
  for (const deref of derefs) base = base === null ? null : memory.deref(base, deref);
  for (let element = 0; element < count; element++) {
    const place = offset + element * arg.type.size;
    // An array of strings is one of pointers; other elements lie side by side.
    const pointer: bigint | null = base === null || last === undefined
      ? base
      : memory.deref(base + BigInt(element * step), last);
    if (store.op === "store_string" || store.op === "store_symstr") {
      const isSymbol = store.op === "store_symstr";
      record.putString(
        place,
        pointer === null
          ? null
          : isSymbol
          ? memory.symbol(pointer)
          : memory.string(pointer + store.offset, store.user),
      );
      if (pointer === null) return;
    } else if (store.op === "store_raw" && pointer !== null) {
      record.put(place, store.size, pointer);
    } else if (store.op === "store_mem" && pointer !== null) {
      const at = pointer + store.offset + BigInt(element * store.size);
      const read = memory.read(at, store.size, store.user);
      if (read !== null) record.put(place, store.size, read);
    }
    if (bitfield?.op === "bitfield") {
      const shifted = BigInt.asUintN(
        bitfield.size * 8,
        record.get(place, bitfield.size) << BigInt(bitfield.left),
      );
      record.put(place, bitfield.size, shifted >> BigInt(bitfield.right));
    }
  }
}

function immediate(insn: FetchInsn | undefined): bigint {
  return insn?.op === "imm" ? insn.value : 0n;
}

/** The first instruction: a register, a stack word, an argument, a constant. */
function load(insn: FetchInsn | undefined, regs: PtRegs, host: FetchHost, memory: Fetches): bigint {
  const { arch } = host;
  switch (insn?.op) {
    case "reg":
      return memory.word(regs.getBig(insn.name));
    case "stack":
      return memory.stackWord(regs, insn.n);
    case "stackp":
      return memory.word(BigInt(regs.sp));
    case "retval":
      return memory.word(regs.returnBig());
    case "arg": {
      const registers = arch.argumentRegisters.length;
      if (insn.n < registers) return memory.word(regs.argBig(insn.n));
      // arm64's regs_get_kernel_argument knows registers only.
      if (arch.linkRegister !== null) return 0n;
      return memory.stackWord(regs, insn.n - registers + arch.stackArguments / arch.wordSize);
    }
    case "imm":
      return insn.value;
    case "foffs":
      return memory.word((host.fileBase ?? 0n) + insn.offset);
    default:
      return 0n;
  }
}

/** Memory as a probe may read it: what faults gives null. */
class Fetches {
  readonly #host: FetchHost;
  readonly #bits: number;
  readonly #inUser: boolean;

  constructor(host: FetchHost) {
    this.#host = host;
    this.#inUser = host.fileBase !== undefined;
    this.#bits = host.arch.wordSize * 8;
  }

  /** An unsigned word. */
  word(value: bigint): bigint {
    return BigInt.asUintN(this.#bits, value);
  }

  /** The pointer that a dereference finds. */
  deref(value: bigint, insn: FetchInsn & { readonly op: "deref" }): bigint | null {
    return this.read(value + insn.offset, this.#host.arch.wordSize, insn.user);
  }

  /** A number of memory. A kernel address is none of the user's. */
  read(value: bigint, size: number, user: boolean): bigint | null {
    const address = this.#address(value, user);
    return address === null ? null : this.#host.memory.probeReadBig(address, size, false);
  }

  /** A string of memory. */
  string(value: bigint, user: boolean): string | null {
    const address = this.#address(value, user);
    return address === null ? null : this.#host.memory.probeReadString(address, MAX_STRING_SIZE - 1);
  }

  /** `sprint_symbol` of an address. */
  symbol(value: bigint): string {
    const address = this.#address(value, false);
    return address === null ? `0x${this.word(value).toString(16)}` : this.#host.symbolText(address);
  }

  /** `regs_get_kernel_stack_nth`: 0 outside the stack. */
  stackWord(regs: PtRegs, n: number): bigint {
    const { wordSize, threadSize } = this.#host.arch;
    const address = regs.sp + n * wordSize;
    if (this.#inUser) return this.read(BigInt(address), wordSize, true) ?? 0n;
    if (Math.floor(address / threadSize) !== Math.floor(regs.sp / threadSize)) return 0n;
    return this.#host.memory.probeReadBig(address, wordSize, false) ?? 0n;
  }

  #address(value: bigint, user: boolean): Addr | null {
    const { arch } = this.#host;
    const word = this.word(value);
    if ((user || this.#inUser) && word >= BigInt(arch.layout.userEnd)) return null;
    const signed = this.#bits === 64 ? BigInt.asIntN(64, word) : word;
    if (signed > BigInt(Number.MAX_SAFE_INTEGER) || signed < BigInt(Number.MIN_SAFE_INTEGER)) return null;
    return addressFromBigInt(arch.arch, signed);
  }
}
