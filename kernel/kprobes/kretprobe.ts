/**
 * `struct kretprobe`: a handler at a function's return, and the instances that wait for one.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import type { ProbeTask } from "./host.ts";
import { Kprobe, type KprobeOptions } from "./kprobe.ts";

/** Runs when the function returns. Its result is ignored. */
export type ReturnHandler = (instance: KretprobeInstance, regs: PtRegs) => number | void;

/** Runs at entry, once an instance was found. Nonzero: this call's return is not probed (and that is no miss). */
export type EntryHandler = (instance: KretprobeInstance, regs: PtRegs) => number | void;

/** How a kretprobe is made. */
export interface KretprobeOptions extends Omit<KprobeOptions, "preHandler" | "postHandler" | "breakHandler"> {
  readonly handler?: ReturnHandler;
  readonly entryHandler?: EntryHandler;
  /** Calls whose return can wait at the same time: an int. 0 or less: max(10, 2 × CPUs). */
  readonly maxactive?: number;
  /** Bytes of private data in each instance, at most 4096. */
  readonly dataSize?: number;
}

/** One call whose return is hooked. Instances are reused: private data keeps what the last call left. */
export class KretprobeInstance {
  readonly kretprobe: Kretprobe;
  /** The pool that it goes back to. */
  readonly owner: InstancePool;
  /** Private data, `dataSize` bytes. */
  readonly data: DataView<ArrayBuffer>;
  /** Anything that an entry handler wants to hand to the return handler. */
  note: unknown = undefined;
  task: ProbeTask | null = null;
  /** Virtual time of the entry, in nanoseconds. */
  since = 0;
  /** The saved return address: the caller's, or the trampoline where another instance hooked the call before. */
  returnAddress: Addr = 0;
  /** A hooked function jumped to the probed one: its return is this one's. */
  jumpedTo = false;
  /** Where the return address was: the stack slot on x86, the frame pointer on arm64. */
  frame: Addr = 0;
  /** Counts up with each use of the pool; -1 while free. */
  order = -1;
  /** Older pending instance of the same task. */
  next: KretprobeInstance | null = null;

  constructor(kretprobe: Kretprobe, owner: InstancePool) {
    this.kretprobe = kretprobe;
    this.owner = owner;
    this.data = new DataView(new ArrayBuffer(kretprobe.dataSize));
  }
}

/** A kretprobe, as the kernel's users hold it. */
export class Kretprobe {
  /** The probe at the function's entry. */
  readonly kp: Kprobe;
  handler: ReturnHandler | null;
  entryHandler: EntryHandler | null;
  /** Written back by registration when it was 0 or less. */
  maxactive: number;
  /** Calls that found no free instance. */
  nmissed = 0;
  readonly dataSize: number;
  /** Its instances; null while not registered. */
  pool: InstancePool | null = null;

  constructor(options: KretprobeOptions) {
    this.kp = new Kprobe(options);
    this.kp.kretprobe = this;
    this.handler = options.handler ?? null;
    this.entryHandler = options.entryHandler ?? null;
    this.maxactive = whole("maxactive", options.maxactive ?? 0) | 0;
    this.dataSize = whole("dataSize", options.dataSize ?? 0);
  }
}

/** Numbers that C takes whole or not at all. */
function whole(name: string, value: number): number {
  if (Number.isSafeInteger(value)) return value;
  const what = name === "maxactive" ? "it is a whole number of calls" : "it is a whole number of bytes";
  throw new TypeError(`Cannot make a kretprobe with ${name} ${value}: ${what}`);
}

/** The instances of one registration of a kretprobe: at most `maxactive`, made as they are first needed. */
export class InstancePool {
  readonly size: number;
  /** False once the kretprobe is unregistered: instances that come back are dropped. */
  alive = true;
  readonly #kretprobe: Kretprobe;
  readonly #all: KretprobeInstance[] = [];
  readonly #free: KretprobeInstance[] = [];
  #taken = 0;

  constructor(kretprobe: Kretprobe, size: number) {
    this.#kretprobe = kretprobe;
    this.size = size;
  }

  /** Instances that a call could take now. */
  get free(): number {
    return this.alive ? this.size - this.#all.length + this.#free.length : 0;
  }

  /** Instances that wait for a return, oldest first. */
  active(): readonly KretprobeInstance[] {
    return this.#all.filter((i) => i.order >= 0).sort((a, b) => a.order - b.order);
  }

  /** Takes an instance, or null where none is free. */
  take(): KretprobeInstance | null {
    let instance = this.#free.pop();
    if (instance === undefined) {
      if (this.#all.length >= this.size || !this.alive) return null;
      instance = new KretprobeInstance(this.#kretprobe, this);
      this.#all.push(instance);
    }
    instance.order = this.#taken++;
    return instance;
  }

  /** Loses an instance, as old releases did: it is neither free nor pending. */
  leak(instance: KretprobeInstance): void {
    instance.order = -1;
    instance.task = null;
  }

  /** Gives an instance back. */
  recycle(instance: KretprobeInstance): void {
    instance.order = -1;
    instance.task = null;
    instance.next = null;
    instance.note = undefined;
    if (this.alive) this.#free.push(instance);
  }
}
