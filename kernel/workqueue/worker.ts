/**
 * Workers: the kernel threads `kworker/CPU:N` and `kworker/uPOOL:N` that run works, as many at a time as do not sleep: one.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { createKthread } from "../process/kthread.ts";
import { sleep } from "../process/sleep.ts";
import { TASK, type Task, TASK_IDLE } from "../process/task.ts";
import { WAKE_UP_PROCESS } from "../sched/wake_up.ts";
import { tracepoint } from "../tracing/reference.ts";

const EXECUTE_START = tracepoint("workqueue:workqueue_execute_start", "work", "function");
const EXECUTE_END = tracepoint("workqueue:workqueue_execute_end", "work", "function");
const PF_WQ_WORKER = 0x20;

/** A worker and what it does. */
interface Worker {
  readonly task: Task;
  /** Waits for works. */
  idle: boolean;
}

/** The works of one CPU, or of the unbound queues, and who runs them. */
export class WorkerPool {
  readonly #k: Kernel;
  readonly #cpu: number;
  readonly #works: Addr[] = [];
  readonly #workers: Worker[] = [];
  /** CPU that the work being queued is for. */
  targetCpu = 0;

  /** `cpu` -1: that of unbound queues. */
  constructor(k: Kernel, cpu: number) {
    this.#k = k;
    this.#cpu = cpu;
  }

  /** Adds a work; a worker is woken unless one runs. */
  insert(work: Addr): void {
    this.#works.push(work);
    this.wakeIfNeeded();
  }

  /** The next work. */
  take(): Addr | undefined {
    return this.#works.shift();
  }

  /** `need_more_worker`: works wait and no worker runs. */
  wakeIfNeeded(): void {
    if (this.#works.length === 0 || this.#workers.some((one) => !one.idle && one.task.state === 0)) return;
    const worker = this.#workers.findLast((one) => one.idle) ?? this.#create();
    worker.idle = false;
    this.#k.call(WAKE_UP_PROCESS, worker.task.address);
  }

  /** `worker_enter_idle`: it has nothing to do. */
  rest(task: Task): void {
    const worker = this.#workers.find((one) => one.task === task);
    if (worker !== undefined) worker.idle = true;
  }

  #create(): Worker {
    const k = this.#k;
    const bound = this.#cpu >= 0;
    const nr = this.#workers.length;
    // The worker made at boot is number 0 or, on the CPU that booted, the second, which is there to help it.
    const name = bound
      ? `kworker/${this.#cpu}:${this.#cpu === 0 ? nr + 1 : nr}`
      : `kworker/u${2 * k.cpus}:${nr}`;
    const cpu = bound ? this.#cpu : k.cpu;
    const task = createKthread(k, { comm: name, cpu, bound, main: WORKER_THREAD, data: this.#cpu });
    TASK.flags.set(k, task.address, TASK.flags.get(k, task.address) | PF_WQ_WORKER);
    task.workerPool = this;
    const worker = { task, idle: true };
    this.#workers.push(worker);
    return worker;
  }
}

/** Runs one work's function. */
const PROCESS_ONE_WORK: FunctionRef = blocking("process_one_work", [], function* (k, _worker, work = 0) {
  const func = k.workqueues.functionOf(work);
  const address = k.workqueues.functionAddress(work);
  k.workqueues.setPending(work, false);
  k.tracepoints.fire(EXECUTE_START, work, address);
  if (func !== undefined) yield* k.calls.callBlocking(func, work);
  k.tracepoints.fire(EXECUTE_END, work, address);
  return Number.NaN;
});

/** What a worker runs: works, and sleep when there are none. */
const WORKER_THREAD: FunctionRef = blocking("worker_thread", [PROCESS_ONE_WORK], function* (k) {
  const pool = k.current.workerPool;
  for (;;) {
    const work = pool?.take();
    if (work !== undefined) yield* k.calls.callBlocking(PROCESS_ONE_WORK, Number.NaN, work);
    else {
      pool?.rest(k.current);
      yield* sleep(k, {}, TASK_IDLE);
    }
  }
});
