/**
 * A task: its `task_struct` lives in simulated memory; this object holds what the model itself needs at hand.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { KretprobeInstance } from "../kprobes/kretprobe.ts";
import type { UserSpace } from "../memory/user_space.ts";
import type { SyscallSituation } from "../syscalls/situation.ts";
import type { VariantHint } from "../calls/hint.ts";
import type { Frame } from "../calls/frame.ts";
import type { Wait } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { SchedEntity } from "../sched/entity.ts";
import type { SyscallRequest } from "../syscalls/request.ts";
import type { WorkerPool } from "../workqueue/worker.ts";
import type { RecordedSignal } from "../signal/recorded.ts";
import type { SignalFrame } from "../signal/frame.ts";
import { initCapabilities } from "./capability.ts";
import { field } from "./objects.ts";

/** Fields of `task_struct` and what hangs off it, as the process code reads and writes them. */
export const TASK = {
  state: field("task_struct", "__state"),
  exitState: field("task_struct", "exit_state"),
  exitCode: field("task_struct", "exit_code"),
  flags: field("task_struct", "flags"),
  pid: field("task_struct", "pid"),
  tgid: field("task_struct", "tgid"),
  comm: field("task_struct", "comm"),
  cred: field("task_struct", "cred"),
  realCred: field("task_struct", "real_cred"),
  realParent: field("task_struct", "real_parent"),
  parent: field("task_struct", "parent"),
  groupLeader: field("task_struct", "group_leader"),
  mm: field("task_struct", "mm"),
  activeMm: field("task_struct", "active_mm"),
  files: field("task_struct", "files"),
  fs: field("task_struct", "fs"),
  signal: field("task_struct", "signal"),
  sighand: field("task_struct", "sighand"),
  stack: field("task_struct", "stack"),
  cpu: field("task_struct", "thread_info.cpu"),
  threadPid: field("task_struct", "thread_pid"),
  usage: field("task_struct", "usage.refs.counter"),
  prio: field("task_struct", "prio"),
  staticPrio: field("task_struct", "static_prio"),
  normalPrio: field("task_struct", "normal_prio"),
  exitSignal: field("task_struct", "exit_signal"),
  startTime: field("task_struct", "start_time"),
  minFlt: field("task_struct", "min_flt"),
  majFlt: field("task_struct", "maj_flt"),
  tiFlags: field("task_struct", "thread_info.flags"),
} as const;

/** Fields of `struct cred`. */
export const CRED = {
  usage: field("cred", "usage.counter"),
  uid: field("cred", "uid.val"),
  gid: field("cred", "gid.val"),
  suid: field("cred", "suid.val"),
  sgid: field("cred", "sgid.val"),
  euid: field("cred", "euid.val"),
  egid: field("cred", "egid.val"),
  fsuid: field("cred", "fsuid.val"),
  fsgid: field("cred", "fsgid.val"),
} as const;

/** `task->flags` bits that the model sets. */
export const PF_IDLE = 0x2;
/** Being destroyed. */
export const PF_EXITING = 0x4;
/** Forked but didn't exec. */
export const PF_FORKNOEXEC = 0x40;
/** A kernel thread. */
export const PF_KTHREAD = 0x200000;

/** `task->__state` values. */
export const TASK_RUNNING = 0;
/** Sleeping, wakes on signals. */
export const TASK_INTERRUPTIBLE = 1;
/** Sleeping, wakes on its event only. */
export const TASK_UNINTERRUPTIBLE = 2;
/** In `task->__state`: fatal signals wake it, beside its event (`TASK_KILLABLE` is this and uninterruptible). */
export const TASK_WAKEKILL = 0x100;
/** Sleeping without counting as load, for kernel threads (`TASK_UNINTERRUPTIBLE | TASK_NOLOAD`). */
export const TASK_IDLE = 0x402;
/** In `task->__state`: stopped by a signal. */
export const TASK_STOPPED_STATE = 0x4;
/** `task->__state` of a task that is gone. */
export const TASK_DEAD = 0x80;
/** `task->exit_state`: fully reaped. */
export const EXIT_DEAD = 0x10;
/** `task->exit_state`: waits for its parent. */
export const EXIT_ZOMBIE = 0x20;

/** Length of `task->comm`, with its NUL. */
export const TASK_COMM_LEN = 16;

/** What a new task is made of; `TaskTable.create` fills it in. */
export interface TaskParts {
  readonly address: Addr;
  readonly cred: Addr;
  readonly pid: number;
  readonly tgid: number;
  readonly stackBase: Addr;
  readonly userRegs: Addr;
  readonly parent: Task | null;
  /** The process' first thread; absent for that one itself. */
  readonly leader?: Task;
}

/** One task. What a probe can read through memory (`comm`, `pid`, cred, …) is kept in step by the setters. */
export class Task {
  /** Address of its `task_struct`. */
  readonly address: Addr;
  /** Thread id. A kernel thread gets another one if a recording says that a program had its. */
  pid: number;
  tgid: number;
  /** The first thread of its process. */
  readonly leader: Task;
  /** Lowest address of the kernel stack; the user `pt_regs` sit at its top. */
  readonly stackBase: Addr;
  /** Address of the user `pt_regs` on that stack. */
  readonly userRegs: Addr;
  /** User memory; null for kernel threads. */
  userSpace: UserSpace | null = null;
  /** Live call frames, outermost first; `depth` of them are in use (the array is a pool). */
  readonly frames: Frame[] = [];
  depth = 0;
  /** Bytes of objects that the newest call keeps on the kernel stack now (`stack.ts`). */
  get locals(): number {
    return this.depth > 0 ? this.frames[this.depth - 1]?.locals ?? 0 : this.#locals;
  }

  set locals(bytes: number) {
    const frame = this.depth > 0 ? this.frames[this.depth - 1] : undefined;
    if (frame === undefined) this.#locals = bytes;
    else frame.locals = bytes;
  }

  /** Pending kretprobe instances, newest first (linked through `next`). */
  instances: KretprobeInstance | null = null;
  /** System calls made so far: part of the key of random choices. */
  syscalls = 0;
  /** Number of the system call it is in, or -1. */
  syscallNumber = -1;
  /** The system call it is in; what was recorded of it decides in a replay. */
  request: SyscallRequest | null = null;
  /** Which recorded variants that call can mean; null where nothing tells. */
  hint: VariantHint | null = null;
  /** What is known of that call, for the choice of variants; null before its first. */
  situation: SyscallSituation | null = null;
  /** Virtual time at which that call began. */
  syscallStart = 0;
  /** What `schedule` is about to wait for; `recorded`: what the recording of the current call says. */
  wait: Wait | "recorded" | null = null;
  #locals = 0;
  /** Parent; changes when the parent exits first. */
  parent: Task | null;
  /** Children that are not reaped yet, in order of creation. */
  readonly children: Task[] = [];
  /** Wait status (`exit_code`), null while it lives. */
  exitCode: number | null = null;
  /** Reaped: no longer in the task table. */
  reaped = false;
  /** Nobody will wait for it: it is released as soon as it has exited. */
  reapsItself = false;
  /** What the scheduler knows of it. */
  readonly se: SchedEntity = new SchedEntity();
  /** A kernel thread that stays on its CPU. */
  bound = false;
  /** Whose works it runs, if it is a worker. */
  workerPool: WorkerPool | null = null;
  /** Page faults that no disk was needed for; kept in step with `task->min_flt`. */
  get minorFaults(): number {
    return TASK.minFlt.get(this.#k, this.address);
  }

  set minorFaults(count: number) {
    TASK.minFlt.set(this.#k, this.address, count);
  }

  /** Page faults that had to read; `task->maj_flt`. */
  get majorFaults(): number {
    return TASK.majFlt.get(this.#k, this.address);
  }

  set majorFaults(count: number) {
    TASK.majFlt.set(this.#k, this.address, count);
  }

  /** Work to do on the way back to user space (`task_work_add`): files to close. */
  readonly taskWorks: Addr[] = [];
  /** Threads of its process, oldest first, this one included; shared by all of them. */
  readonly threadGroup: Task[];
  /** Handlers that are to run or run, newest last. */
  readonly signalFrames: SignalFrame[] = [];
  /** Runs a handler of the user program; null where nobody can. */
  runHandler: ((frame: SignalFrame) => Generator<Wait, void, void>) | null = null;
  /** The call that a signal broke off, until a handler or the lack of one decides what becomes of it. */
  interrupted: { readonly request: SyscallRequest; readonly result: number } | null = null;
  /** The broken off call is to be made again now. */
  restartNow = false;
  /** How `restart_syscall` goes on with a call that a signal broke off. */
  restartBlock: (() => Generator<Wait, number, void>) | null = null;
  /** Where a sleep that a signal breaks off tells what is left of it; null where nobody wants to know. */
  nanosleepLeft: ((ns: number) => boolean) | null = null;
  /** The mask was changed for one call: `TIF_RESTORE_SIGMASK`. */
  restoreSigmask = false;
  /** Address of the newest frame on the user stack. */
  frameAddress: Addr = 0;
  /** Its calls come from a recording. */
  replayed = false;
  /** The signal that a recording says is delivered now. */
  recordedSignal: RecordedSignal | null = null;
  /** The signal that a recording said was delivered last. */
  lastSignal = 0;
  readonly #k: Kernel;
  readonly #cred: Addr;
  #comm = "";
  #cpu = 0;
  #sigPending = false;

  constructor(k: Kernel, parts: TaskParts) {
    this.#k = k;
    this.address = parts.address;
    this.pid = parts.pid;
    this.tgid = parts.tgid;
    this.stackBase = parts.stackBase;
    this.userRegs = parts.userRegs;
    this.parent = parts.parent;
    this.leader = parts.leader ?? this;
    this.threadGroup = parts.leader?.threadGroup ?? [];
    this.threadGroup.push(this);
    this.#cred = parts.cred;
  }

  /** Program name, at most 15 bytes. */
  get comm(): string {
    return this.#comm;
  }

  set comm(name: string) {
    const bytes = new Uint8Array(TASK_COMM_LEN);
    bytes.set(new TextEncoder().encode(name).subarray(0, TASK_COMM_LEN - 1));
    this.#k.memory.writeBytes(TASK.comm.at(this.#k, this.address), bytes);
    const end = bytes.indexOf(0);
    this.#comm = new TextDecoder().decode(bytes.subarray(0, end));
  }

  /** Real user id. Setting it sets effective, saved and file system id and the capabilities too, as `setuid` of root does. */
  get uid(): number {
    return CRED.uid.get(this.#k, this.#cred);
  }

  set uid(uid: number) {
    for (const id of [CRED.uid, CRED.suid, CRED.euid, CRED.fsuid]) id.set(this.#k, this.#cred, uid);
    initCapabilities(this.#k, this.#cred);
  }

  /** Real group id; set as `uid` is. */
  get gid(): number {
    return CRED.gid.get(this.#k, this.#cred);
  }

  set gid(gid: number) {
    for (const id of [CRED.gid, CRED.sgid, CRED.egid, CRED.fsgid]) id.set(this.#k, this.#cred, gid);
  }

  /** Address of its `struct cred`. */
  get cred(): Addr {
    return this.#cred;
  }

  /** CPU it runs on, or ran on last. */
  get cpu(): number {
    return this.#cpu;
  }

  set cpu(cpu: number) {
    this.#cpu = cpu;
    TASK.cpu.set(this.#k, this.address, cpu);
  }

  /** Address of its `mm_struct`, 0 for kernel threads. */
  get mm(): Addr {
    return TASK.mm.get(this.#k, this.address);
  }

  /** Address of its `files_struct`, 0 once it has exited. */
  get files(): Addr {
    return TASK.files.get(this.#k, this.address);
  }

  set files(files: Addr) {
    TASK.files.set(this.#k, this.address, files);
  }

  /** Address of its `fs_struct`, 0 once it has exited. */
  get fs(): Addr {
    return TASK.fs.get(this.#k, this.address);
  }

  /** A signal may be there for it: `TIF_SIGPENDING`. */
  get sigPending(): boolean {
    return this.#sigPending;
  }

  set sigPending(on: boolean) {
    if (on === this.#sigPending) return;
    this.#sigPending = on;
    const k = this.#k;
    const bit = k.archName === "arm64" ? 1 : 4;
    const flags = TASK.tiFlags.get(k, this.address);
    TASK.tiFlags.set(k, this.address, on ? flags | bit : flags & ~bit);
  }

  /** `task->__state`. */
  get state(): number {
    return TASK.state.get(this.#k, this.address);
  }

  set state(state: number) {
    TASK.state.set(this.#k, this.address, state);
  }
}
