/**
 * Work queues: functions that kernel threads run later, in process context. `kernel/workqueue.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeOfStruct, symbolAddress } from "../process/objects.ts";
import { tracepoint } from "../tracing/reference.ts";
import { WorkerPool } from "./worker.ts";

const WORK = { data: field("work_struct", "data.counter"), func: field("work_struct", "func") } as const;
const WQ_NAME = field("workqueue_struct", "name");
const WORK_STRUCT_PENDING = 1;
/** `workqueue_struct.name`'s size. */
const WQ_NAME_LEN = 24;
/** `WORK_CPU_UNBOUND`: whichever CPU asks. */
export const WORK_CPU_UNBOUND = 64;

const QUEUE_WORK = tracepoint(
  "workqueue:workqueue_queue_work",
  "work",
  "function",
  "workqueue",
  "req_cpu",
  "cpu",
);
const ACTIVATE_WORK = tracepoint("workqueue:workqueue_activate_work", "work", "function");

/** Where works are queued. */
export interface Workqueue {
  /** `events`, `writeback`, `kblockd`. */
  readonly name: string;
  /** Its works run on any CPU, by the workers `kworker/uN:M`. */
  readonly unbound: boolean;
  /** Address of its `struct workqueue_struct`. */
  readonly address: Addr;
}

/** The work queues of one kernel, their workers and what their works call. */
export class Workqueues {
  readonly #k: Kernel;
  readonly #queues = new Map<string, Workqueue>();
  readonly #byAddress = new Map<Addr, Workqueue>();
  readonly #functions = new Map<Addr, FunctionRef>();
  readonly #pools = new Map<number, WorkerPool>();

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** The queue of that name (`alloc_workqueue`); `events` is `system_wq`. */
  queue(name: string, unbound = false): Workqueue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      const k = this.#k;
      const address = k.slab.kmalloc(sizeOfStruct(k, "workqueue_struct"));
      k.memory.writeString(WQ_NAME.at(k, address), name, WQ_NAME_LEN);
      const system = name === "events" ? symbolAddress(k, "system_wq") : 0;
      if (system !== 0) k.memory.store(system, k.arch.wordSize, address);
      queue = { name, unbound, address };
      this.#queues.set(name, queue);
      this.#byAddress.set(address, queue);
    }
    return queue;
  }

  /** The queue at an address. */
  byAddress(address: Addr): Workqueue | undefined {
    return this.#byAddress.get(address);
  }

  /** A new `struct work_struct` on the heap; see `init`. */
  newWork(func: FunctionRef): Addr {
    const work = this.#k.slab.kmalloc(sizeOfStruct(this.#k, "work_struct"));
    this.init(work, func);
    return work;
  }

  /** `INIT_WORK`: the function that a work calls, with the work's address; it may block. */
  init(work: Addr, func: FunctionRef): void {
    const k = this.#k;
    WORK.func.set(k, work, k.calls.functionByName(func.name)?.address ?? 0);
    WORK.data.set(k, work, 0);
    this.#functions.set(work, func);
  }

  /** The function of a work. */
  functionOf(work: Addr): FunctionRef | undefined {
    return this.#functions.get(work);
  }

  /** `work->func`. */
  functionAddress(work: Addr): Addr {
    return WORK.func.get(this.#k, work);
  }

  /** Whether a work waits to be run. */
  pending(work: Addr): boolean {
    return (WORK.data.get(this.#k, work) & WORK_STRUCT_PENDING) !== 0;
  }

  /** Marks a work as waiting, or no longer. */
  setPending(work: Addr, pending: boolean): void {
    WORK.data.set(this.#k, work, pending ? WORK_STRUCT_PENDING : 0);
  }

  /** The workers of a CPU, or those of unbound queues (`cpu` -1). */
  pool(cpu: number): WorkerPool {
    let pool = this.#pools.get(cpu);
    if (pool === undefined) this.#pools.set(cpu, pool = new WorkerPool(this.#k, cpu));
    return pool;
  }
}

/** Adds a work to the pool's list and wakes a worker if none runs. */
const INSERT_WORK: FunctionRef = behaviour("insert_work", [fn("wake_up_process")], (k, pwq = 0, work = 0) => {
  const queue = k.workqueues.byAddress(pwq);
  if (queue !== undefined) {
    k.workqueues.pool(queue.unbound ? -1 : k.workqueues.pool(k.cpu).targetCpu).insert(work);
  }
  return Number.NaN;
});

const QUEUE_WORK_INTERNAL: FunctionRef = behaviour(
  "__queue_work",
  [INSERT_WORK],
  (k, cpu = 0, wq = 0, work = 0) => {
    const queue = k.workqueues.byAddress(wq);
    if (queue === undefined) return Number.NaN;
    const target = cpu === WORK_CPU_UNBOUND ? k.cpu : cpu;
    const func = k.workqueues.functionAddress(work);
    k.tracepoints.fire(QUEUE_WORK, work, func, queue.name, cpu, target);
    k.tracepoints.fire(ACTIVATE_WORK, work, func);
    k.workqueues.pool(k.cpu).targetCpu = target;
    k.call(INSERT_WORK, wq, work, Number.NaN, 0);
    return Number.NaN;
  },
);

/**
 * Queues a work on a CPU (`WORK_CPU_UNBOUND`: this one) of the queue at `wq`: 1, or 0 if it waits there already.
 * A worker runs its function afterwards.
 */
export const QUEUE_WORK_ON: FunctionRef = behaviour(
  "queue_work_on",
  [QUEUE_WORK_INTERNAL],
  (k, cpu = WORK_CPU_UNBOUND, wq = 0, work = 0) => {
    if (k.workqueues.pending(work)) return 0;
    k.workqueues.setPending(work, true);
    k.call(QUEUE_WORK_INTERNAL, cpu, wq, work);
    return 1;
  },
);

/** `queue_work`: an inline function. */
export function queueWork(k: Kernel, queue: Workqueue, work: Addr, cpu: number = WORK_CPU_UNBOUND): boolean {
  return k.call(QUEUE_WORK_ON, cpu, queue.address, work) === 1;
}
