/**
 * The least of a kernel that probes need, for tests: real images, memory and registers, and calls made by hand.
 *
 * @module
 */

import type { Addr, KernelImage } from "../../image/model.ts";
import { archModel } from "../arch/mod.ts";
import { fillEntry, fillReturn, stackAfterReturn } from "../arch/fill.ts";
import { PtRegs } from "../arch/pt_regs.ts";
import type { Resumption } from "../arch/resumption.ts";
import { Memory } from "../memory/memory.ts";
import { Slab } from "../memory/slab.ts";
import { LogRing, PointerFormat } from "../printk/mod.ts";
import { type Release, releaseOf } from "../release/release.ts";
import { Clock } from "../time/clock.ts";
import { EventQueue } from "../time/events.ts";
import type { HookedFunction, ModuleText, ProbeHost } from "./host.ts";
import type { KretprobeInstance } from "./kretprobe.ts";
import { KprobeTable } from "./table.ts";

/** A call that has not returned. */
interface FakeFrame {
  readonly fn: string;
  readonly sp: Addr;
  readonly returnAddress: Addr;
  readonly hooked: boolean;
}

/** A task with a stack of calls. */
export interface FakeTask {
  readonly pid: number;
  readonly comm: string;
  cpu: number;
  instances: KretprobeInstance | null;
  readonly stack: Addr;
  readonly frames: FakeFrame[];
}

/** A machine whose tasks call and return when the test says so. */
export class FakeMachine implements ProbeHost {
  readonly image: KernelImage;
  readonly arch;
  readonly memory: Memory;
  readonly cpus: number;
  readonly clock = new Clock();
  readonly events = new EventQueue();
  readonly log = new LogRing(this.clock);
  readonly pointers: PointerFormat;
  readonly release: Release;
  /** Module text that the test made up. */
  module: ModuleText | undefined;
  readonly modules = {
    textAt: (address: Addr) =>
      this.module?.withinCore(address) === true || this.module?.withinInit(address) === true
        ? this.module
        : undefined,
  };
  readonly table: KprobeTable;
  current: FakeTask;
  /** Where the last call went on instead of its body, or null. */
  resumption: Resumption | null = null;
  readonly #slab: Slab;
  readonly #functions = new Map<string, HookedFunction>();
  #nextPid = 1;

  constructor(image: KernelImage, cpus = 2, release?: string) {
    this.image = image;
    this.release = releaseOf(release);
    this.pointers = new PointerFormat(1, image.pointerSize, true);
    this.cpus = cpus;
    this.arch = archModel(image.arch);
    this.memory = new Memory(image, this.arch);
    this.#slab = new Slab(this.memory, this.arch);
    this.current = this.task();
    this.table = new KprobeTable(this);
  }

  readonly calls = {
    functionByName: (name: string): HookedFunction | undefined => {
      let fn = this.#functions.get(name);
      const info = this.image.func(name);
      if (fn === undefined && info !== undefined) {
        fn = { address: info.address, hooks: null };
        this.#functions.set(name, fn);
      }
      return fn;
    },
  };

  /** A new task. */
  task(cpu = 0): FakeTask {
    const pid = this.#nextPid++;
    const size = this.arch.threadSize;
    const stack = this.#slab.vmalloc.alloc(size, size);
    return { pid, comm: `task${pid}`, cpu, instances: null, stack, frames: [] };
  }

  /** Lets `ns` nanoseconds pass, with what is due in them. */
  pass(ns: number): void {
    const until = this.clock.now + ns;
    while (this.events.nextTime <= until) this.events.runNext(this.clock);
    this.clock.now = until;
  }

  /** The running task calls a function from `returnAddress`. Gives the registers as its entry left them. */
  call(
    fn: string,
    args: readonly number[] = [],
    returnAddress: Addr = this.address("do_sys_openat2") + 0x10,
  ): PtRegs {
    const task = this.current;
    const hooked = this.calls.functionByName(fn);
    if (hooked === undefined) throw new Error(`Cannot call ${fn}: the image has no such function`);
    const sp = task.stack + this.arch.threadSize - 512 - 64 * task.frames.length;
    const regs = new PtRegs(this.arch, this.memory);
    fillEntry(regs, this.memory, sp, returnAddress, args, args.length);
    regs.functionName = fn;
    regs.ip = hooked.address;
    const returned = hooked.hooks?.entry(regs) ?? false;
    this.resumption = regs.resumption;
    task.frames.push({ fn, sp, returnAddress, hooked: returned });
    return regs;
  }

  /** The innermost call of the running task returns. Gives the registers after the trampoline. */
  ret(value = 0): PtRegs {
    const frame = this.current.frames.pop();
    if (frame === undefined) throw new Error("Cannot return: the task is in no call");
    const regs = new PtRegs(this.arch, this.memory);
    fillReturn(regs, 0, value);
    regs.sp = stackAfterReturn(regs, frame.sp);
    regs.functionName = frame.fn;
    regs.ip = frame.returnAddress;
    if (frame.hooked) this.table.trampoline(regs);
    return regs;
  }

  /** Address of a function. */
  address(fn: string): Addr {
    return this.image.func(fn)?.address ?? NaN;
  }

  /** Bytes of text in hex. */
  text(address: Addr, length: number): string {
    return [...this.memory.readBytes(address, length)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
  }
}
