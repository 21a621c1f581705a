/**
 * The modeled kernel: the subsystems put together, and the interfaces that the kernel itself offers (`registerKprobe`,
 * tracepoints, timers, system calls). It knows nothing of the probe DSL.
 *
 * @module
 */

import type { Arch, KernelImage } from "../image/model.ts";
import { type ArchModel, archModel } from "./arch/mod.ts";
import { CallEngine } from "./calls/engine.ts";
import type { FunctionRef } from "./calls/function.ts";
import { BlockLayer } from "./block/block.ts";
import { InterruptContexts } from "./irq/context.ts";
import { Interrupts } from "./irq/interrupts.ts";
import { IrqTable } from "./irq/irq_desc.ts";
import { SOFTIRQ, Softirqs } from "./irq/softirq.ts";
import type { ShapeLibrary } from "./shapes/library.ts";
import { KprobeTable } from "./kprobes/table.ts";
import { Memory } from "./memory/memory.ts";
import { PerCpu } from "./memory/percpu.ts";
import { Slab } from "./memory/slab.ts";
import { Structs } from "./memory/structs.ts";
import { ModuleImage } from "./modules/module_image.ts";
import { ModuleTable } from "./modules/module_table.ts";
import { PageCache } from "./mm/page_cache.ts";
import { Net } from "./net/net.ts";
import { LogRing, PointerFormat } from "./printk/mod.ts";
import { Oopses } from "./process/oops.ts";
import { TaskTable } from "./process/task_table.ts";
import type { Task } from "./process/task.ts";
import { type Release, releaseOf, unameRelease } from "./release/release.ts";
import { RUN_REBALANCE_DOMAINS } from "./sched/balance.ts";
import { LoadAverage } from "./sched/loadavg.ts";
import { Scheduler } from "./sched/scheduler.ts";
import { Clock } from "./time/clock.ts";
import { EventQueue } from "./time/events.ts";
import { Hrtimers } from "./time/hrtimer.ts";
import { Tick } from "./time/tick.ts";
import { RUN_TIMER_SOFTIRQ, TimerWheels } from "./time/timer.ts";
import { KeyedRandom } from "./time/random.ts";
import { SyscallTable } from "./syscalls/table.ts";
import { bootLines } from "./tracefs/ftrace_pages.ts";
import { Tracefs } from "./tracefs/tree.ts";
import { Tracepoints } from "./tracing/tracepoints.ts";
import { traceMemory } from "./mm/kmem_trace.ts";
import { watchShortage } from "./mm/oom_kill.ts";
import { Vfs } from "./fs/vfs.ts";
import { Workqueues } from "./workqueue/workqueue.ts";

/** How a kernel is made. */
export interface KernelOptions {
  /** Number of possible CPUs, 1 to 64. Default 2. */
  readonly cpus?: number;
  /** Seed of everything random. Default 1. */
  readonly seed?: number;
  /** What it behaves as where releases differ: `6.1` (default), `4.18` or `2.6.38`. */
  readonly release?: string;
}

/** One modeled kernel: construct it from an image and its shapes, then create tasks and run them. */
export class Kernel {
  /** What it is made of. */
  readonly image: KernelImage;
  /** Its calling convention and register layout. */
  readonly arch: ArchModel;
  /** Possible CPUs. */
  readonly cpus: number;
  /** Seed of everything random. */
  readonly seed: number;
  /** What is different in the release that it behaves as. */
  readonly release: Release;
  /** Virtual time. */
  readonly clock: Clock;
  /** What is due, ordered by (time, sequence). */
  readonly events: EventQueue;
  /** Keyed randomness. */
  readonly random: KeyedRandom;
  /** The address space. */
  readonly memory: Memory;
  /** Object caches by their real names. */
  readonly slab: Slab;
  /** Typed access to structures in memory. */
  readonly structs: Structs;
  /** Runs kernel functions. */
  readonly calls: CallEngine;
  /** The log: what `printk` writes. */
  readonly log: LogRing;
  /** How the log shows pointers. */
  readonly pointers: PointerFormat;
  /** Loaded modules. */
  readonly modules: ModuleTable;
  /** kprobes and kretprobes. */
  readonly kprobes: KprobeTable;
  /** What the kernel could not go on from. */
  readonly oopses: Oopses;
  /** Tracepoints and their listeners. */
  readonly tracepoints: Tracepoints;
  /** All tasks. */
  readonly tasks: TaskTable;
  /** Runs the tasks. */
  readonly scheduler: Scheduler;
  /** Per-CPU variables. */
  readonly percpu: PerCpu;
  /** Interrupt lines of devices. */
  readonly irqs: IrqTable;
  /** Raises interrupts. */
  readonly interrupts: Interrupts;
  /** What each CPU is in the middle of. */
  readonly contexts: InterruptContexts;
  /** Softirq handlers, and what is pending. */
  readonly softirqs: Softirqs;
  /** Load averages. */
  readonly load: LoadAverage;
  /** High-resolution timers. */
  readonly hrtimers: Hrtimers;
  /** Timers in jiffies. */
  readonly timers: TimerWheels;
  /** The CPUs' ticks. */
  readonly tick: Tick;
  /** Work queues. */
  readonly workqueues: Workqueues;
  /** File systems, mounts and open files. */
  readonly vfs: Vfs;
  /** What happened at the system call boundary: calls without a model, warnings of a replay. */
  readonly syscalls: SyscallTable = new SyscallTable();
  #tracefs: Tracefs | null = null;
  #net: Net | null = null;
  #block: BlockLayer | null = null;
  #pageCache: PageCache | null = null;
  /** The task whose code runs now; the idle task of CPU 0 when none does. */
  current: Task;

  /** Boots it: memory, the idle task and init, the root file system. */
  constructor(image: KernelImage, shapes: ShapeLibrary, options: KernelOptions = {}) {
    this.release = releaseOf(options.release);
    // Memory, calls and probes find what loaded modules add.
    this.image = new ModuleImage(
      image,
      { functions: () => this.modules.functions() },
      unameRelease(this.release, image.release),
    );
    this.cpus = options.cpus ?? 2;
    this.seed = options.seed ?? 1;
    this.arch = archModel(image.arch);
    this.clock = new Clock();
    this.log = new LogRing(this.clock);
    this.pointers = new PointerFormat(this.seed, this.arch.wordSize, this.release.hashesPointers);
    this.events = new EventQueue();
    this.random = new KeyedRandom(this.seed);
    this.modules = new ModuleTable(this, image);
    this.memory = new Memory(this.image, this.arch);
    this.structs = new Structs(this.image, this.memory);
    this.slab = new Slab(this.memory, this.arch);
    this.calls = new CallEngine(this, shapes);
    for (const line of bootLines(this.image)) this.log.printk(line);
    this.kprobes = new KprobeTable(this);
    this.oopses = new Oopses(this);
    this.tracepoints = new Tracepoints(this);
    traceMemory(this);
    watchShortage(this);
    // Tasks stand in the file tree, so it comes first.
    this.vfs = new Vfs(this);
    this.vfs.boot();
    this.tasks = new TaskTable(this);
    this.scheduler = new Scheduler(this);
    this.percpu = new PerCpu(this);
    this.irqs = new IrqTable(this);
    this.interrupts = new Interrupts(this);
    this.contexts = new InterruptContexts(this.cpus);
    this.softirqs = new Softirqs(this);
    this.workqueues = new Workqueues(this);
    this.hrtimers = new Hrtimers(this);
    this.timers = new TimerWheels(this);
    this.tick = new Tick(this);
    this.load = new LoadAverage(this);
    this.softirqs.open(SOFTIRQ.TIMER, RUN_TIMER_SOFTIRQ);
    this.softirqs.open(SOFTIRQ.SCHED, RUN_REBALANCE_DOMAINS);
    this.current = this.tasks.idle;
  }

  /** The calling convention's name. */
  get archName(): Arch {
    return this.image.arch;
  }

  /** CPU that `current` runs on. */
  get cpu(): number {
    return this.current.cpu;
  }

  /** The kernel log, a line per message: `[    5.123456] text`. */
  dmesg(): string {
    return this.log.dmesg();
  }

  /** tracefs, debugfs and what else belongs to tracing, as files; made when first asked for. */
  get tracefs(): Tracefs {
    return this.#tracefs ??= new Tracefs(this);
  }

  /** Disks, and what is under way to them; made when first asked for. */
  get block(): BlockLayer {
    return this.#block ??= new BlockLayer(this);
  }

  /** Pages of files in memory; made when first asked for. */
  get pageCache(): PageCache {
    return this.#pageCache ??= new PageCache(this);
  }

  /** The network; made when first asked for. */
  get net(): Net {
    return this.#net ??= new Net(this);
  }

  /** Virtual nanoseconds since boot, as the running context sees them. */
  now(): number {
    return this.clock.now;
  }

  /** Calls a modeled or shaped function that cannot block. Arguments are signed words; NaN is "unknown". */
  call(
    fn: FunctionRef,
    a0?: number,
    a1?: number,
    a2?: number,
    a3?: number,
    a4?: number,
    a5?: number,
  ): number {
    return this.calls.call(fn, a0, a1, a2, a3, a4, a5);
  }
}
