/**
 * Plays a recording on one kernel: a coroutine per recorded process, each call at its recorded time.
 *
 * @module
 */

import { setPlace } from "../../kernel/fs/fs_struct.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { type Pending, whenDone } from "../../kernel/calls/function.ts";
import { type Coroutine, userTime } from "../../kernel/sched/coroutine.ts";
import { touchStarted } from "../../kernel/mm/started_memory.ts";
import type { Task } from "../../kernel/process/task.ts";
import { startSyscall } from "../../kernel/syscalls/entry.ts";
import { Counter } from "../counter.ts";
import type { WorkloadReport } from "../workload.ts";
import { FreshMemory, isMapping } from "../fresh_memory.ts";
import { AddressMap } from "./address_map.ts";
import { endTask } from "./end_task.ts";
import { signalNumber } from "./constants/signals.ts";
import { siginfoOf } from "./siginfo.ts";
import { deliverRecorded } from "../../kernel/signal/recorded.ts";
import type { ReplayOptions } from "./options.ts";
import { StartDisk } from "./disk.ts";
import { DEFAULT_DURATION, recordedOutcome } from "./outcome.ts";
import type { RecordedCall, RecordedEvent, RecordedExit, RecordedSignal } from "./record.ts";
import type { Recording } from "./recording.ts";
import { socketcallArguments, socketcallNumber } from "./socketcall.ts";
import type { SyscallRequest } from "../../kernel/syscalls/request.ts";
import { RecordedPorts } from "./recorded_ports.ts";
import { rootsOf } from "./roots.ts";
import { translate, type TranslationTarget } from "./translate.ts";
import { UserBuffers } from "./user_buffers.ts";

/** A process that has no pid in its recording (strace without `-f`) gets this one. */
const ONLY_PID = 1000;
const CREATES = new Set(["clone", "clone3", "fork", "vfork"]);
/** Dynamic loaders: `ld-linux-x86-64.so.2`, `ld-musl-i386.so.1`, `ld.so`. */
const LOADER = /(^|\/)ld(64)?(-[A-Za-z0-9_-]+)?(-[0-9.]+)?\.so(\.[0-9]+)?$/;
const STARTS = new Set(["execve", "execveat"]);

/** One replay on one kernel. */
export class Player {
  readonly #k: Kernel;
  readonly #recording: Recording;
  readonly #options: ReplayOptions;
  readonly #target: TranslationTarget;
  readonly #buffers: UserBuffers;
  readonly #addresses = new Map<number, AddressMap>();
  readonly #fresh = new Map<Task, FreshMemory>();
  readonly #events = new Map<number, () => RecordedEvent | null>();
  readonly #leftOut = new Counter();
  readonly #signals = new Counter();
  readonly #unknown = new Counter();
  /** Virtual time of the recording's first line. */
  readonly #base: number;
  #calls = 0;
  /** Calls without a recorded duration. */
  #untimed = 0;

  constructor(k: Kernel, recording: Recording, options: ReplayOptions) {
    this.#k = k;
    this.#recording = recording;
    this.#options = options;
    this.#base = k.clock.now;
    this.#target = { arch: k.image.arch, has: (name) => k.image.syscallNumber(name) !== undefined };
    this.#buffers = new UserBuffers(k, this.#note);
  }

  /** Creates the processes that the recording begins with; those that they make follow. */
  start(): void {
    const k = this.#k;
    const before = k.tasks.onNewTask;
    k.tasks.onNewTask = (task) => {
      before?.(task);
      this.#adopt(task);
    };
    let ports: RecordedPorts | undefined;
    k.syscalls.recordedPort = (listening) => {
      ports ??= new RecordedPorts(this.#recording);
      return ports.take(listening, k.current.syscallStart - this.#base);
    };
    const disk = this.#options.cwd === undefined && this.#recording.startsOnDisk ? new StartDisk(k) : null;
    for (const { process, comm, executes } of rootsOf(this.#recording, this.#options)) {
      const pid = process.pid === 0 ? ONLY_PID : process.pid;
      const task = this.#root(pid, comm, process.uid ?? 0, executes);
      disk?.enter(task);
      this.#spawn(
        task,
        process.pid,
        process.start,
        new AddressMap(k.image.arch),
      );
    }
  }

  /** A process that the recording begins with. In a container pid 1 is one of them: the kernel has it already. */
  #root(pid: number, comm: string, uid: number, shell: boolean): Task {
    const task = this.#rootTask(pid, comm, uid, shell);
    const { cwd } = this.#options;
    if (cwd === undefined) return task;
    const k = this.#k;
    k.vfs.makePath(cwd, { mode: 0o040755 });
    const dentry = k.vfs.lookup(cwd);
    const mount = dentry === null ? null : k.vfs.mountOf(dentry);
    if (dentry !== null && mount !== null) setPlace(k, task.fs, "pwd", mount.mnt, dentry.address);
    return task;
  }

  #rootTask(pid: number, comm: string, uid: number, shell: boolean): Task {
    const { tasks } = this.#k;
    if (pid !== tasks.init.pid) {
      const task = tasks.create({ pid, comm, uid, gid: uid, shell });
      touchStarted(this.#k, task, !shell);
      return task;
    }
    tasks.init.comm = comm;
    tasks.init.uid = uid;
    tasks.init.gid = uid;
    return tasks.init;
  }

  /** What happened so far. */
  report(workload: string): WorkloadReport {
    const { lines, malformed, malformedCount, processes } = this.#recording;
    const table = this.#k.syscalls;
    return {
      workload,
      calls: this.#calls,
      leftOut: this.#leftOut.sorted(),
      unmodeled: sorted(table.unmodeled),
      signals: this.#signals.sorted(),
      unknownArguments: this.#unknown.sorted(),
      warnings: [...this.#ownWarnings(), ...table.warnings],
      recording: { lines, processes: processes.length, malformedCount, malformed },
    };
  }

  #ownWarnings(): readonly string[] {
    if (this.#untimed === 0) return [];
    return [
      `${this.#untimed} calls of ${
        JSON.stringify(this.#recording.label)
      } have no duration and took ${DEFAULT_DURATION} ns each; ` +
      "record with `strace -T` to have theirs",
    ];
  }

  readonly #note = (what: string, reason: string): void => {
    this.#unknown.add(`${what}: ${reason}`);
  };

  /** A recorded call made a task: its recorded life begins. */
  #adopt(task: Task): void {
    const process = this.#recording.process(task.pid);
    if (process === undefined || this.#k.scheduler.has(task)) return;
    const parent = this.#addresses.get(process.parent ?? -1);
    if (task.mm !== task.parent?.mm && task.pid === task.tgid) {
      const memory = new FreshMemory(this.#k, task);
      memory.forked();
      this.#fresh.set(task, memory);
    }
    this.#spawn(task, process.pid, process.start, new AddressMap(this.#k.image.arch, parent));
  }

  #spawn(task: Task, pid: number, start: number, addresses: AddressMap): void {
    const k = this.#k;
    this.#addresses.set(pid, addresses);
    task.replayed = true;
    k.scheduler.spawn(task, this.#life(task, pid, addresses), Math.max(k.clock.now, this.#base + start));
  }

  *#life(task: Task, pid: number, addresses: AddressMap): Coroutine {
    const k = this.#k;
    const next = this.#eventsOf(pid);
    for (let event = next(); event !== null; event = next()) {
      const time = this.#base + event.time;
      // What is mapped piece by piece is used when all of it is there.
      if (k.clock.now < time && !(event.kind === "call" && isMapping(event.name))) {
        this.#fresh.get(task)?.run(time - k.clock.now);
      }
      if (k.clock.now < time && !k.scheduler.compute(time)) yield userTime(time, true);
      switch (event.kind) {
        case "call": {
          const rest = this.#call(task, event, addresses);
          if (typeof rest !== "number") yield* rest;
          break;
        }
        case "signal":
          this.#signals.add(event.signal);
          yield* this.#signal(task, event);
          break;
        case "exit":
          yield* this.#exit(task, event);
          return;
      }
      if (task.exitCode !== null) {
        this.#fresh.delete(task);
        // The line that tells of its end, so that the pid's next bearer does not begin with it.
        for (let rest = next(); rest !== null && rest.kind !== "exit"; rest = next());
        return;
      }
    }
  }

  /** A process' events from where it stands: a pid that was given again goes on where its first bearer ended. */
  #eventsOf(pid: number): () => RecordedEvent | null {
    let events = this.#events.get(pid);
    if (events === undefined) {
      events = this.#recording.reader(pid);
      this.#events.set(pid, events);
    }
    return events;
  }

  #call(task: Task, call: RecordedCall, addresses: AddressMap): Pending {
    const k = this.#k;
    const translated = translate(call, this.#target);
    if (translated === null) {
      this.#leftOut.add(call.name);
      return 0;
    }
    this.#calls++;
    if (call.duration === undefined) this.#untimed++;
    if (STARTS.has(translated.name) && translated.result.value === 0) addresses.clear();
    const args = this.#buffers.place(
      task,
      translated.name,
      translated.args,
      addresses,
      this.#fresh.get(task),
    );
    const outcome = recordedOutcome(call, translated, k.image.arch, addresses, this.#note);
    const alone = STARTS.has(translated.name) && outcome.ret === 0 &&
      (isLoader(call) || this.#recording.isAlone(call.pid, call.line));
    const recorded = alone ? { ...outcome, interpreted: false } : outcome;
    this.#fresh.get(task)?.stack.atSyscall(translated.name);
    const number = socketcallNumber(k.image.arch, call.name, translated.args);
    const pending = startSyscall(k, task, {
      name: translated.name,
      args,
      recorded,
      via: number === 0 ? undefined : this.#socketcall(task, number, args),
    });
    if (isMapping(translated.name)) {
      let fresh = this.#fresh.get(task);
      if (fresh === undefined) this.#fresh.set(task, fresh = new FreshMemory(k, task));
      const { name } = translated;
      const memory = fresh;
      return whenDone(pending, (result) => {
        memory.returned(name, args, result);
        return result;
      });
    }
    if (!(recorded.ret > 0 && CREATES.has(call.name))) return pending;
    return whenDone(pending, (result) => {
      this.#ensureChild(task, recorded.ret);
      return result;
    });
  }

  #socketcall(task: Task, number: number, args: readonly number[]): NonNullable<SyscallRequest["via"]> {
    const list = this.#buffers.placeWords(task, socketcallArguments(number, args));
    return { name: "socketcall", args: [number, list] };
  }

  /** A child that the model did not make by itself: `clone` has no model, or its pid is another in a pid namespace. */
  #ensureChild(parent: Task, pid: number): void {
    const k = this.#k;
    if (k.tasks.byPid(pid) !== undefined || this.#recording.process(pid) === undefined) return;
    const child = k.tasks.create({ pid, parent, fork: { vm: false, files: false, fs: false } });
    this.#adopt(child);
  }

  *#signal(task: Task, event: RecordedSignal): Coroutine {
    const signal = signalNumber(event.signal);
    if (signal === undefined || task.exitCode !== null) return;
    const info = siginfoOf(event, signal, this.#k.image.arch);
    yield* deliverRecorded(this.#k, task, { signal, info, dies: null });
  }

  *#exit(task: Task, event: RecordedExit): Coroutine {
    if (task.exitCode !== null) return;
    const signal = event.signal === undefined ? 0 : signalNumber(event.signal) ?? 0;
    const code = signal === 0 ? ((event.status ?? 0) & 0xff) << 8 : signal | (event.coreDumped ? 0x80 : 0);
    yield* endTask(this.#k, task, code, signal);
  }
}

function sorted(counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const counter = new Counter();
  for (const [name, count] of counts) counter.add(name, count);
  return counter.sorted();
}

/** Whether an `execve` runs the dynamic loader itself, which needs none (`ldd`). */
function isLoader({ args }: RecordedCall): boolean {
  const path = args[0]?.value;
  return path?.kind === "string" && LOADER.test(new TextDecoder().decode(path.bytes));
}
