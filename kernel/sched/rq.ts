/**
 * Run queues: one per CPU, as `struct rq` in memory and here.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { sizeOfStruct } from "../process/objects.ts";
import type { Event } from "../time/events.ts";
import { CFS_RQ, RQ, SCHED } from "./fields.ts";

/** An interrupt that waits for its time on a CPU. */
export interface RaisedInterrupt {
  readonly time: number;
  readonly sequence: number;
  readonly handler: (task: Task, user: boolean) => void;
  /** It was taken back. */
  cancelled: boolean;
}

/** One CPU: who runs, who waits, what will happen on it. */
export class Rq {
  readonly cpu: number;
  /** Address of its `struct rq`. */
  readonly address: Addr;
  /** Address of the `struct cfs_rq` in it. */
  readonly cfs: Addr;
  /** Who has the CPU. */
  curr: Task;
  /** Who has it when nobody else wants it. */
  readonly idle: Task;
  /** Runnable tasks, with the one that runs. */
  nrRunning = 0;
  /** Never goes back: what newcomers and sleepers begin at. */
  minVruntime = 0;
  /** Weight of all runnable fair tasks. */
  weight = 0;
  /** The running task has to give up the CPU as soon as it can. */
  needResched = false;
  /** Kernel code ran here up to this time: none may run before. */
  reached = 0;
  /** When the next periodic balancing is due. */
  nextBalance = 0;
  /** `update_rq_clock`'s last time. */
  clock = 0;
  /** Whether the running task's kernel code has to go on, as soon as the CPU is `reached`. */
  goesOn = false;
  /** Whether that change of tasks takes no time, which the next turn goes on with. */
  frozen = false;
  /** What happens next here. */
  event: Event | null = null;
  /** Raised interrupts by time. */
  readonly interrupts: RaisedInterrupt[] = [];
  /** Tasks that have to run next, whatever the others deserve: replayed ones whose recorded time has come, in order. */
  readonly claims: Task[] = [];
  /** Time in which nobody wanted it, but for the current spell. */
  idleTime = 0;
  /** Since when the idle task has it. */
  idleSince = 0;
  /** Time in user space. */
  userTime = 0;
  /** Tasks that other CPUs woke for this one, until it takes them over. */
  readonly wakeList: Task[] = [];
  /** Tasks that are on their way here. */
  incoming = 0;
  /** Who had the CPU before: `finish_task_switch`'s argument. */
  prevAddress: Addr = 0;
  /** User memory that kernel threads run on: the last task's. */
  activeMm: Addr = 0;
  /** Switches so far. */
  nrSwitches = 0;
  /** Tasks that sleep uninterruptibly less those woken here: `nr_uninterruptible`. */
  nrUninterruptible = 0;
  /** What `calc_load` counted last. */
  calcLoadActive = 0;
  readonly #k: Kernel;
  readonly #heap: Task[] = [];
  #sequence = 0;

  constructor(k: Kernel, cpu: number) {
    this.#k = k;
    this.cpu = cpu;
    this.address = k.percpu.variable("runqueues", sizeOfStruct(k, "rq"), cpu);
    this.cfs = RQ.cfs.at(k, this.address);
    this.idle = k.tasks.idleOf(cpu);
    this.curr = this.idle;
    RQ.cpu.set(k, this.address, cpu);
    RQ.online.set(k, this.address, 1);
    RQ.curr.set(k, this.address, this.idle.address);
    RQ.idle.set(k, this.address, this.idle.address);
    CFS_RQ.rq.set(k, this.cfs, this.address);
    SCHED.onCpu.set(k, this.idle.address, 1);
  }

  /** Whether nothing runs or waits here. */
  get isIdle(): boolean {
    return this.curr === this.idle && this.nrRunning === 0;
  }

  /** Fair tasks that wait for the CPU. */
  get queued(): number {
    return this.#heap.length;
  }

  /** The queued task that deserves the CPU most. */
  get first(): Task | undefined {
    return this.#heap[0];
  }

  /** The queued tasks, in no order. */
  tasks(): readonly Task[] {
    return this.#heap;
  }

  /** Queues a task that waits for the CPU. */
  insert(task: Task): void {
    const { se } = task;
    se.sequence = this.#sequence++;
    se.position = this.#heap.length;
    this.#heap.push(task);
    this.#up(task);
  }

  /** Takes a queued task out. */
  take(task: Task): void {
    const heap = this.#heap;
    const at = task.se.position;
    if (at < 0 || heap[at] !== task) return;
    task.se.position = -1;
    const last = heap.pop() as Task;
    if (last === task) return;
    last.se.position = at;
    heap[at] = last;
    this.#up(last);
    this.#down(last);
  }

  /** Counts a task as runnable here (`add_nr_running`, `account_entity_enqueue`). */
  add(task: Task): void {
    this.nrRunning++;
    this.weight += task.se.weight;
    task.se.onRq = true;
    SCHED.cfsRq.set(this.#k, task.address, this.cfs);
    SCHED.seOnRq.set(this.#k, task.address, 1);
    SCHED.onRq.set(this.#k, task.address, 1);
    this.#store();
  }

  /** The weight of a runnable task here changed by that. */
  reweigh(by: number): void {
    this.weight += by;
    this.#store();
  }

  /** A task is no longer runnable here. */
  remove(task: Task): void {
    this.nrRunning--;
    this.weight -= task.se.weight;
    task.se.onRq = false;
    SCHED.seOnRq.set(this.#k, task.address, 0);
    SCHED.onRq.set(this.#k, task.address, 0);
    this.#store();
  }

  #store(): void {
    const k = this.#k;
    RQ.nrRunning.set(k, this.address, this.nrRunning);
    CFS_RQ.nrRunning.set(k, this.cfs, this.nrRunning);
    CFS_RQ.hNrRunning.set(k, this.cfs, this.nrRunning);
    CFS_RQ.weight.set(k, this.cfs, this.weight);
  }

  #up(task: Task): void {
    const heap = this.#heap;
    let at = task.se.position;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Task;
      if (!before(task, parent)) break;
      heap[at] = parent;
      parent.se.position = at;
      at = above;
    }
    heap[at] = task;
    task.se.position = at;
  }

  #down(task: Task): void {
    const heap = this.#heap;
    let at = task.se.position;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && before(heap[below + 1] as Task, heap[below] as Task)) below++;
      const child = heap[below] as Task;
      if (!before(child, task)) break;
      heap[at] = child;
      child.se.position = at;
      at = below;
    }
    heap[at] = task;
    task.se.position = at;
  }
}

/** Real-time tasks by priority, then the others by what they got of the CPU. */
function before(a: Task, b: Task): boolean {
  const x = a.se;
  const y = b.se;
  if (x.rtPriority !== y.rtPriority) return x.rtPriority > y.rtPriority;
  if (x.rtPriority === 0 && x.vruntime !== y.vruntime) return x.vruntime < y.vruntime;
  return x.sequence < y.sequence;
}
