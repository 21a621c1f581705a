/**
 * All tasks of a kernel: idle (pid 0, one for the boot CPU), init (pid 1, everyone's last ancestor) and the rest.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { tracepoint } from "../tracing/reference.ts";
import { dupFiles, newFiles, putFiles } from "../fs/files_struct.ts";
import { copyFsStruct, newFsStruct, putFsStruct } from "../fs/fs_struct.ts";
import { loadStarted } from "../mm/exec_layout.ts";
import { copiedPages, dupMm, mmAt, newMm, putMm } from "../mm/mm_struct.ts";
import { newUserSpace } from "../mm/user_space.ts";
import { definePassThroughs } from "../syscalls/pass_through.ts";
import { allocStack, freeObject, freeStack, newObject } from "./alloc.ts";
import { initWaitQueueHead } from "../sched/wait.ts";
import { attachSighand, flushSignals, initSharedPending, initSignals, putSighand } from "../signal/action.ts";
import { SIGNAL } from "../signal/fields.ts";
import { SIGNAL_UNKILLABLE } from "../signal/numbers.ts";
import { field } from "./objects.ts";
import { initPidfdQueue } from "./pidfd_file.ts";
import { copyLimits, initLimits } from "./rlimit.ts";
import {
  CRED,
  EXIT_DEAD,
  EXIT_ZOMBIE,
  PF_EXITING,
  PF_FORKNOEXEC,
  PF_IDLE,
  PF_KTHREAD,
  TASK,
  Task,
  TASK_DEAD,
  TASK_INTERRUPTIBLE,
  TASK_RUNNING,
} from "./task.ts";

/** How a task is made. */
export interface TaskOptions {
  /** Process id; the next free one by default. */
  readonly pid?: number;
  /** At most 15 bytes are kept. Default: the parent's. */
  readonly comm?: string;
  /** Default init. */
  readonly parent?: Task;
  /** Default: the parent's. */
  readonly uid?: number;
  /** Default: the parent's. */
  readonly gid?: number;
  /** CPU that it runs on first. Default 0. */
  readonly cpu?: number;
  /** A kernel thread: no user memory. */
  readonly kthread?: boolean;
  /** Its memory is that of a shell, which is about to execute the program. */
  readonly shell?: boolean;
  /** Make it a thread of this task's process (same tgid, mm, files, fs, signal). */
  readonly threadOf?: Task;
  /** Whose resources a fork shares or copies. Default: the parent, or the leader of a thread. */
  readonly source?: Task;
  /** What a fork shares; the rest is copied. Absent for a program started afresh. */
  readonly fork?: ForkSharing;
  /** Shares the handlers of signals; else a fork copies them. A thread always shares them. */
  readonly sharesHandlers?: boolean;
}

/** What a child shares with its parent; the rest is copied. */
export interface ForkSharing {
  readonly vm: boolean;
  readonly files: boolean;
  readonly fs: boolean;
}

const PID_COUNT = field("pid", "count.refs.counter");
const PID_LEVEL = field("pid", "level");
const PID_NUMBERS = field("pid", "numbers");

/** Highest pid + 1 that the kernel gives (`kernel.pid_max` of a 64-bit kernel with few CPUs). */
export const PID_MAX = 4194304;
/** Pids are given again from here after a wrap (`RESERVED_PIDS`). */
const RESERVED_PIDS = 300;
const STACK_END_MAGIC = 0x57ac6e9d;

/** The tasks of one kernel. */
export class TaskTable {
  /** The idle task of the boot CPU, pid 0. */
  readonly idle: Task;
  /** Pid 1: parent of tasks whose parent is gone. */
  readonly init: Task;
  #kthreadd: Task | undefined;
  readonly #idle: Task[];
  /** Called for every task that `copy_process` made and `wake_up_new_task` is about to wake. */
  onNewTask: ((task: Task) => void) | null = null;
  readonly #k: Kernel;
  readonly #byPid = new Map<number, Task>();
  readonly #byAddress = new Map<number, Task>();
  readonly #pids = new Map<number, number>();
  /** Processes that take over orphans below them (`PR_SET_CHILD_SUBREAPER`), by pid. */
  readonly subreapers: Set<number> = new Set();
  /** Told of each task that is freed, while it still has its process id. */
  readonly onRelease: Set<(task: Task) => void> = new Set();
  #lastPid = RESERVED_PIDS;

  constructor(k: Kernel) {
    this.#k = k;
    definePassThroughs(k.image);
    this.idle = this.#make({ pid: 0, comm: "swapper/0", kthread: true, uid: 0, gid: 0 }, null, PF_IDLE);
    this.init = this.#make({ pid: 1, comm: "init", uid: 0, gid: 0 }, this.idle, 0);
    this.idle.children.push(this.init);
    SIGNAL.flags.set(k, TASK.signal.get(k, this.init.address), SIGNAL_UNKILLABLE);
    this.#idle = [this.idle];
  }

  /** The idle task of a CPU: pid 0, `swapper/N`. */
  idleOf(cpu: number): Task {
    let task = this.#idle[cpu];
    if (task === undefined) {
      const options = { pid: 0, comm: `swapper/${cpu}`, kthread: true, uid: 0, gid: 0, cpu };
      task = this.#make(options, this.idle, PF_IDLE);
      this.#idle[cpu] = task;
    }
    return task;
  }

  /** `kthreadd`, the parent of kernel threads: pid 2 if that was free when the first of them was made. */
  get kthreadd(): Task {
    if (this.#kthreadd === undefined) {
      const pid = this.#byPid.has(2) ? this.nextPid() : 2;
      this.#kthreadd = this.#make({ pid, comm: "kthreadd", kthread: true, uid: 0, gid: 0 }, this.idle, 0);
      this.#kthreadd.state = TASK_INTERRUPTIBLE;
      this.idle.children.push(this.#kthreadd);
    }
    return this.#kthreadd;
  }

  /** Makes a task, ready to run. Errors: the pid is taken, or out of range. */
  create(options: TaskOptions = {}): Task {
    const leader = options.threadOf;
    const parent = leader === undefined ? options.parent ?? this.init : leader.parent ?? this.init;
    const task = this.#make(options, parent, options.fork === undefined ? 0 : PF_FORKNOEXEC);
    const afresh = options.fork === undefined && leader === undefined && options.kthread !== true;
    if (afresh) loadStarted(this.#k, task, options.shell === true);
    if (leader === undefined) parent.children.push(task);
    return task;
  }

  /** The task with that pid (thread id), zombies included. */
  byPid(pid: number): Task | undefined {
    return this.#byPid.get(pid);
  }

  /** The task whose `task_struct` is at that address. */
  byAddress(address: number): Task | undefined {
    return this.#byAddress.get(address);
  }

  /** Every task, zombies included, by pid. */
  all(): readonly Task[] {
    return [...this.#byPid.values()].sort((a, b) => a.pid - b.pid);
  }

  /** Every task, zombies included, in no particular but always the same order. */
  each(): Iterable<Task> {
    return this.#byPid.values();
  }

  /** Threads of a task's process that are not reaped, oldest first. */
  threads(task: Task): readonly Task[] {
    return [...task.threadGroup];
  }

  /** Every process, by its first thread and pid; zombies included. */
  leaders(): readonly Task[] {
    return this.all().filter((task) => task.leader === task);
  }

  /** The next pid that a fork would get. */
  nextPid(): number {
    let pid = this.#lastPid + 1;
    while (this.#byPid.has(pid)) pid++;
    if (pid < PID_MAX) return pid;
    pid = RESERVED_PIDS;
    while (this.#byPid.has(pid)) pid++;
    if (pid >= PID_MAX) throw new RangeError(`Cannot make a task: all ${PID_MAX} pids are taken`);
    return pid;
  }

  /**
   * What `do_exit` leaves: no memory, files or directories; its children go to init; a zombie until the parent reaps
   * it. `code` is the wait status (exit code << 8, or a signal number).
   */
  exit(task: Task, code: number): void {
    const k = this.#k;
    if (task.exitCode !== null) return;
    this.leaveMm(task);
    this.dropFiles(task);
    this.dropFs(task);
    this.#reparent(task);
    task.exitCode = code;
    TASK.exitCode.set(k, task.address, code);
    TASK.flags.set(k, task.address, TASK.flags.get(k, task.address) | PF_EXITING);
    TASK.exitState.set(k, task.address, EXIT_ZOMBIE);
  }

  /** Its children get another thread of its process as parent, else the nearest reaper above, else init. */
  #reparent(task: Task): void {
    const k = this.#k;
    const reaper = this.#reaper(task);
    for (const child of task.children.splice(0)) {
      child.parent = reaper;
      TASK.realParent.set(k, child.address, reaper.address);
      TASK.parent.set(k, child.address, reaper.address);
      // Init reaps at once what is dead already.
      if (child.exitCode !== null && reaper === this.init && child.threadGroup.length === 1) {
        this.release(child);
      } else reaper.children.push(child);
    }
  }

  #reaper(task: Task): Task {
    const sibling = task.threadGroup.find((thread) => thread !== task && thread.exitCode === null);
    if (sibling !== undefined) return sibling;
    for (let above = task.parent; above !== null && above !== this.init; above = above.parent) {
      const alive = above.threadGroup.find((thread) => thread.exitCode === null);
      if (this.subreapers.has(above.tgid) && alive !== undefined) return alive;
    }
    return this.init;
  }

  /** Takes a task that has exited out of all tables (`__exit_signal`, `__unhash_process`). */
  unhash(task: Task): void {
    if (task.reaped) return;
    task.reaped = true;
    const k = this.#k;
    TASK.exitState.set(k, task.address, EXIT_DEAD);
    this.#byPid.delete(task.pid);
    const siblings = task.parent?.children;
    const at = siblings?.indexOf(task) ?? -1;
    if (siblings !== undefined && at >= 0) siblings.splice(at, 1);
    const group = task.threadGroup.indexOf(task);
    if (group >= 0) task.threadGroup.splice(group, 1);
    this.subreapers.delete(task.pid);
    flushSignals(k, task, task.threadGroup.length === 0);
  }

  /** Frees a task that has exited (`release_task`): it is in no table any more. */
  release(task: Task): void {
    const k = this.#k;
    if (!this.#byAddress.has(task.address)) return;
    for (const tell of this.onRelease) tell(task);
    this.unhash(task);
    k.tracepoints.fire(PROCESS_FREE, task.comm, task.pid, TASK.prio.get(k, task.address));
    task.state = TASK_DEAD;
    this.#byAddress.delete(task.address);
    const signal = TASK.signal.get(k, task.address);
    putSighand(k, task.address);
    if (SIGNAL.nrThreads.add(k, signal, -1) === 0) freeObject(k, "signal_cache", signal);
    this.putPid(TASK.threadPid.get(k, task.address));
    freeObject(k, "cred_jar", task.cred);
    freeStack(k, task.stackBase);
    freeObject(k, "task_struct", task.address);
  }

  /** Drops a reference to a `struct pid`; nobody's is freed, unless it names a group or session still. */
  putPid(pid: number): void {
    const k = this.#k;
    if (PID_COUNT.add(k, pid, -1) > 0) return;
    this.#pids.delete(k.memory.load(PID_NUMBERS.at(k, pid), 4, true));
    freeObject(k, "pid", pid);
  }

  /** Adds a reference to a `struct pid`. */
  getPid(pid: number): void {
    if (pid !== 0) PID_COUNT.add(this.#k, pid, 1);
  }

  /** The `struct pid` of a number, 0 for none. */
  pidStruct(nr: number): number {
    return this.#pids.get(nr) ?? 0;
  }

  /** Leaves its memory (`exit_mm`); the last user frees it. */
  leaveMm(task: Task): void {
    const { mm } = task;
    if (mm === 0) return;
    TASK.mm.set(this.#k, task.address, 0);
    task.userSpace = null;
    putMm(this.#k, mm);
  }

  /** Drops a use of an address space that no task has. */
  putMm(mm: number): void {
    putMm(this.#k, mm);
  }

  /** Leaves its open files (`exit_files`); the last user closes them. */
  dropFiles(task: Task): void {
    const files = task.files;
    if (files === 0) return;
    TASK.files.set(this.#k, task.address, 0);
    putFiles(this.#k, files);
  }

  /** Leaves its directories (`exit_fs`). */
  dropFs(task: Task): void {
    const fs = task.fs;
    if (fs === 0) return;
    TASK.fs.set(this.#k, task.address, 0);
    putFsStruct(this.#k, fs);
  }

  #make(options: TaskOptions, parent: Task | null, flags: number): Task {
    const k = this.#k;
    const pid = options.pid ?? this.nextPid();
    if (!Number.isInteger(pid) || pid < 0 || pid >= PID_MAX) {
      throw new RangeError(
        `Cannot make a task with pid ${pid}: a pid is an integer from 0 to ${PID_MAX - 1}`,
      );
    }
    this.makeRoom(pid);
    const taken = pid === 0 ? undefined : this.#byPid.get(pid);
    if (taken !== undefined) {
      throw new Error(`Cannot make a task with pid ${pid}: ${taken.comm} has it and is not reaped`);
    }
    const address = newObject(k, "task_struct", "task_struct");
    const cred = newObject(k, "cred_jar", "cred");
    const stackBase = allocStack(k);
    const leader = options.threadOf;
    const task = new Task(k, {
      address,
      cred,
      pid,
      tgid: leader?.tgid ?? pid,
      stackBase,
      userRegs: stackBase + k.arch.threadSize - stackPadding(k) - k.arch.regsSize,
      parent,
      ...(leader === undefined ? {} : { leader: leader.leader }),
    });
    if (pid > this.#lastPid) this.#lastPid = pid;
    // All idle tasks have pid 0: the boot CPU's is found by it.
    if (pid !== 0 || !this.#byPid.has(0)) this.#byPid.set(pid, task);
    this.#byAddress.set(address, task);
    k.memory.store(stackBase, 4, STACK_END_MAGIC);

    CRED.usage.set(k, cred, 2);
    task.uid = options.uid ?? parent?.uid ?? 0;
    task.gid = options.gid ?? parent?.gid ?? 0;
    TASK.cred.set(k, address, cred);
    TASK.realCred.set(k, address, cred);
    TASK.pid.set(k, address, pid);
    TASK.tgid.set(k, address, task.tgid);
    TASK.usage.set(k, address, 1);
    TASK.flags.set(k, address, flags | (options.kthread === true ? PF_KTHREAD : 0));
    TASK.stack.set(k, address, stackBase);
    TASK.state.set(k, address, TASK_RUNNING);
    const parentAddress = parent?.address ?? address;
    TASK.realParent.set(k, address, parentAddress);
    TASK.parent.set(k, address, parentAddress);
    TASK.groupLeader.set(k, address, task.leader.address);
    for (const prio of [TASK.prio, TASK.staticPrio, TASK.normalPrio]) prio.set(k, address, 120);
    TASK.exitSignal.set(k, address, leader === undefined ? 17 : -1);
    TASK.startTime.set(k, address, k.clock.now);
    task.comm = options.comm ?? leader?.comm ?? parent?.comm ?? "";
    task.cpu = options.cpu ?? 0;
    this.#attachPid(address, pid);
    this.#attachSignal(task, options, leader ?? null, options.source ?? parent);
    this.#attachResources(task, options, options.source ?? leader ?? parent);
    return task;
  }

  /** A recorded program has the pid of a kernel thread of this kernel: that moves to another one. */
  makeRoom(pid: number): void {
    const k = this.#k;
    const holder = pid === 0 ? undefined : this.#byPid.get(pid);
    if (holder === undefined || (TASK.flags.get(k, holder.address) & PF_KTHREAD) === 0) return;
    const next = this.nextPid();
    const struct = this.#pids.get(pid);
    this.#byPid.delete(pid);
    this.#byPid.set(next, holder);
    this.#pids.delete(pid);
    if (struct !== undefined) {
      this.#pids.set(next, struct);
      k.memory.store(PID_NUMBERS.at(k, struct), 4, next);
    }
    holder.pid = next;
    holder.tgid = next;
    TASK.pid.set(k, holder.address, next);
    TASK.tgid.set(k, holder.address, next);
  }

  #attachPid(address: number, pid: number): void {
    const k = this.#k;
    const struct = newObject(k, "pid", "pid");
    PID_COUNT.set(k, struct, 1);
    PID_LEVEL.set(k, struct, 0);
    // numbers[0].nr: the first member of struct upid.
    k.memory.store(PID_NUMBERS.at(k, struct), 4, pid);
    TASK.threadPid.set(k, address, struct);
    initPidfdQueue(k, struct);
    this.#pids.set(pid, struct);
  }

  #attachSignal(task: Task, options: TaskOptions, leader: Task | null, from: Task | null): void {
    const k = this.#k;
    const { address } = task;
    const forked = options.fork !== undefined || leader !== null;
    const source = leader ?? from;
    let signal: number;
    if (leader === null) {
      signal = newObject(k, "signal_cache", "signal_struct");
      initWaitQueueHead(k, SIGNAL.waitChldexit.at(k, signal));
      initSharedPending(k, signal);
      if (from === null) initLimits(k, signal);
      else copyLimits(k, TASK.signal.get(k, from.address), signal);
      this.#attachGroups(task, signal, forked ? from : null);
    } else signal = TASK.signal.get(k, leader.address);
    TASK.signal.set(k, address, signal);
    const shared = leader !== null || options.sharesHandlers === true;
    attachSighand(k, address, forked ? source : null, shared);
    initSignals(k, address, forked ? source : null);
    SIGNAL.nrThreads.add(k, signal, 1);
    SIGNAL.live.add(k, signal, 1);
  }

  /** Process group and session: those of who forked it. A program started afresh is a job of its own in init's session. */
  #attachGroups(task: Task, signal: number, from: Task | null): void {
    const k = this.#k;
    const own = TASK.threadPid.get(k, task.address);
    const of = (type: number): number => {
      const at = from === null
        ? 0
        : SIGNAL.pids.at(k, TASK.signal.get(k, from.address)) + type * k.arch.wordSize;
      return at === 0 ? 0 : k.memory.readPointer(at);
    };
    const init = this.#byPid.get(1);
    const session = of(3) !== 0 ? of(3) : init === undefined ? own : TASK.threadPid.get(k, init.address);
    const pids = [own, own, of(2) !== 0 ? of(2) : own, session];
    pids.forEach((pid, type) => {
      k.memory.writeWord(SIGNAL.pids.at(k, signal) + type * k.arch.wordSize, pid);
    });
  }

  #attachResources(task: Task, options: TaskOptions, from: Task | null): void {
    const k = this.#k;
    const fork: ForkSharing = options.fork ??
      (options.threadOf === undefined ? FRESH : { vm: true, files: true, fs: true });
    const copies = options.fork !== undefined || options.threadOf !== undefined;
    TASK.files.set(
      k,
      task.address,
      from !== null && copies && from.files !== 0 ? dupFiles(k, from.files, fork.files) : newFiles(k),
    );
    TASK.fs.set(
      k,
      task.address,
      from !== null && from.fs !== 0 ? copyFsStruct(k, from.fs, fork.fs) : newFsStruct(k),
    );
    if (options.kthread === true) return;
    const parentSpace = copies ? from?.userSpace ?? null : null;
    task.userSpace = parentSpace === null
      ? newUserSpace(k)
      : fork.vm
      ? parentSpace
      : parentSpace.fork(copiedPages(k, from?.mm ?? 0));
    const mm = copies && from !== null && from.mm !== 0
      ? dupMm(k, from.mm, fork.vm ? null : task.userSpace)
      : newMm(k);
    const space = mmAt(k, mm);
    if (space !== undefined) space.space = task.userSpace;
    TASK.mm.set(k, task.address, mm);
    TASK.activeMm.set(k, task.address, mm);
    if (!copies) k.vfs.openStdio(task);
  }
}

/** What is left of a task goes. */
const PROCESS_FREE = tracepoint("sched:sched_process_free", "comm", "pid", "prio");
const FRESH: ForkSharing = { vm: false, files: false, fs: false };

/** i386 leaves two words above the user registers (`TOP_OF_KERNEL_STACK_PADDING`). */
function stackPadding(k: Kernel): number {
  return k.image.arch === "i386" ? 8 : 0;
}
