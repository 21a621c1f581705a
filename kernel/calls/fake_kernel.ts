/**
 * The least of a kernel that the call engine needs, for unit tests: an image of named functions with call sites, real
 * memory-free registers, one task.
 *
 * @module
 */

import type {
  Addr,
  Arch,
  CallSite,
  FunctionInfo,
  KernelImage,
  Prototype,
  SymbolInfo,
} from "../../image/model.ts";
import { archModel } from "../arch/mod.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { ShapeLibrary, type ShapeSource } from "../shapes/library.ts";
import { Clock } from "../time/clock.ts";
import { CallEngine } from "./engine.ts";

/** Text of fake functions: what each one calls, in order; `jump:` before a name makes it a tail jump, `*` an indirect call. */
export type FakeText = Readonly<Record<string, readonly string[]>>;

const WORD = 8;

/** What a test sees of its fake kernel. */
export interface FakeKernel {
  readonly k: Kernel;
  readonly task: Task;
  readonly engine: CallEngine;
  /** Trampolines run so far. */
  readonly returned: PtRegs[];
  /** Words written to the stack. */
  readonly words: Map<Addr, number>;
}

/** Makes one. Functions lie 0x1000 apart; call n of a function is at offset 0x10 × (n + 1), 5 bytes long. */
export function fakeKernel(
  text: FakeText,
  options: {
    readonly shapes?: ShapeSource;
    readonly arch?: Arch;
    readonly seed?: number;
    readonly onReturn?: (regs: PtRegs) => void;
  } = {},
): FakeKernel {
  const arch = options.arch ?? "x86_64";
  const words = new Map<Addr, number>();
  const returned: PtRegs[] = [];
  const task = {
    address: -0x700000000000,
    pid: 100,
    tgid: 100,
    comm: "cat",
    userRegs: -0x600000000000,
    stackBase: -0x600000004000,
    frames: [],
    hint: null,
    depth: 0,
    instances: null,
    syscalls: 1,
    syscallNumber: 0,
  };
  const memory = {
    readWord: (address: Addr) => words.get(address) ?? 0,
    writeWord: (address: Addr, value: number) => words.set(address, value),
    load: (address: Addr) => words.get(address) ?? 0,
  };
  const k = {
    image: fakeImage(text, arch),
    arch: archModel(arch),
    seed: options.seed ?? 1,
    clock: new Clock(),
    memory,
    current: task,
    kprobes: {
      trampoline: (regs: PtRegs) => {
        options.onReturn?.(regs);
        returned.push(regs.snapshot());
      },
    },
  } as unknown as Kernel;
  const engine = new CallEngine(
    k,
    options.shapes === undefined ? ShapeLibrary.empty() : new ShapeLibrary(options.shapes),
  );
  Object.assign(k, { calls: engine, call: engine.call.bind(engine) });
  return { k, task: task as unknown as Task, engine, returned, words };
}

/** An image of the functions of a text. */
export function fakeImage(text: FakeText, arch: Arch): KernelImage {
  const names = Object.keys(text);
  const functions = new Map(names.map((name, i) => [name, fakeFunction(name, i, text[name] ?? [])]));
  const image = {
    arch,
    pointerSize: arch === "i386" ? 4 : WORD,
    func: (name: string) => functions.get(name),
    functions: (glob = "*") =>
      names.filter((name) => glob.endsWith("*") ? name.startsWith(glob.slice(0, -1)) : name === glob),
    symbol: (name: string): SymbolInfo | undefined =>
      functions.has(name) ? symbolOf(functions.get(name)) : undefined,
    symbolAt: () => undefined,
    prototype: (): Prototype | undefined => undefined,
  };
  return image as unknown as KernelImage;
}

function symbolOf(fn: FunctionInfo | undefined): SymbolInfo | undefined {
  return fn === undefined ? undefined : { name: fn.name, address: fn.address, size: fn.size, letter: "T" };
}

function fakeFunction(name: string, index: number, calls: readonly string[]): FunctionInfo {
  const sites = calls.map((call, i): CallSite => {
    const offset = 0x10 * (i + 1);
    if (call.startsWith("*")) return { offset, returnOffset: offset + 5, kind: "indirect", target: call };
    const jump = call.startsWith("jump:");
    return {
      offset,
      returnOffset: offset + 5,
      kind: jump ? "jump" : "call",
      target: jump ? call.slice(5) : call,
    };
  });
  return {
    name,
    address: -0x7f000000 + index * 0x1000,
    size: 0x1000,
    boundaries: () => new Uint32Array([0]),
    callSites: () => sites,
  };
}
