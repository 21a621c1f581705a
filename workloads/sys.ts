/**
 * The system calls of a user program written here.
 *
 * @module
 */

import type { Arch } from "../image/model.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Task } from "../kernel/process/task.ts";
import { type CallSteps, type Pending, steps, whenDone } from "../kernel/calls/function.ts";
import type { RecordedOutcome, SyscallRequest } from "../kernel/syscalls/entry.ts";
import { takeSignals, userCompute, userSyscall } from "../kernel/syscalls/user_mode.ts";
import { ENOSYS } from "../kernel/syscalls/errno.ts";
import { keyOf } from "../kernel/time/random.ts";
import { FreshMemory, isMapping } from "./fresh_memory.ts";
import { AddressMap } from "./replay/address_map.ts";
import { array, name, NULL, number, struct, text } from "./replay/build_value.ts";
import { parseValue } from "./replay/parse_value.ts";
import type { RecordedCall } from "./replay/record.ts";
import { socketcallArguments, socketcallNumber } from "./replay/socketcall.ts";
import { isDirect, translate, type TranslationTarget } from "./replay/translate.ts";
import { UserBuffers } from "./replay/user_buffers.ts";
import type { StraceValue } from "./replay/value.ts";
import { accessUser } from "../kernel/mm/page_fault.ts";
import { LIBC } from "../kernel/mm/started_memory.ts";
import { Libc } from "./user/libc.ts";
import { type LibcFunction, userAddress } from "./user/symbols.ts";
import type { SignalFrame } from "../kernel/signal/frame.ts";
import type { SignalHandler } from "./handlers.ts";
import type { ProgramRun, Steps, UserProgram } from "./program.ts";

/** Nanoseconds that a program computes before each call, on average; a keyed random number spreads it by half. */
const THINK = 2000;
/** A buffer that a call fills in: the argument after it is its size. */
const BUFFER: StraceValue = text("");
/** Nanoseconds that a function of a program computes itself. */
const FUNCTION = 60;
/** Bytes of a page, and nanoseconds that a program spends on one that it touches. */
const TOUCHED = 4096;
const PER_TOUCH = 50;
/** Keeps this use of randomness apart from others. */
const THINK_KEY = keyOf("think");

/** Bytes of a thread's stack, and of what lies above it: its control block. */
const THREAD_STACK = 65536;
const TCB = 4096;
const THREAD_FLAGS = "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_SETTLS|" +
  "CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID";
/** Where handlers return to: the C library's call of `rt_sigreturn`. */
const RESTORER = 0x409c70;

/** An argument of `Sys.call`: a word, a string in user memory, or a value as strace prints it. */
export type SysArgument = number | string | StraceValue;

/** A system call as a program makes it: `yield*` gives its result. */
export type SysCall = CallSteps;

/** Thrown inside a program whose task has ended: unwinds it. */
export class ProgramExit extends Error {
  override readonly name = "ProgramExit";
  /** The task that ended. */
  readonly task: Task;

  constructor(task: Task) {
    super(`${task.comm} (${task.pid}) has ended`);
    this.task = task;
  }
}

/**
 * System calls by name, for generators: `const fd = yield* sys.open("/etc/hosts")`. They return what the kernel
 * returns: a result, or -errno (as the kernel does; nothing is thrown). Flags are written as strace prints them:
 * `"O_RDWR|O_CREAT"`. Each architecture makes the call that its C library would.
 */
export class Sys {
  /**
   * The task that makes the calls, as the modeled kernel has it.
   *
   * @internal
   */
  readonly task: Task;
  /** Average nanoseconds of user time before each call. */
  think: number = THINK;
  readonly #run: ProgramRun;
  readonly #k: Kernel;
  readonly #buffers: UserBuffers;
  readonly #addresses: AddressMap;
  readonly #memory: FreshMemory;
  readonly #target: TranslationTarget;
  readonly #narrow: boolean;
  #libc: Libc | null = null;
  #heapStart = 0;
  #heapEnd = 0;
  #args: readonly number[] = [];
  /** Where the last read put its data: what a write of a number of bytes writes. */
  #buffer = 0;

  /** For `task`, which runs on the kernel of `run`. */
  constructor(run: ProgramRun, task: Task) {
    this.#run = run;
    this.#k = run.kernel;
    this.task = task;
    this.#buffers = new UserBuffers(this.#k, (what, reason) => run.unknown.add(`${what}: ${reason}`));
    this.#addresses = new AddressMap(this.#k.image.arch);
    this.#memory = new FreshMemory(this.#k, task);
    this.#target = {
      arch: this.#k.image.arch,
      has: (known) => this.#k.image.syscallNumber(known) !== undefined,
    };
    this.#narrow = this.#k.image.pointerSize === 4;
    task.runHandler = (frame) => this.#handle(frame);
  }

  *#handle(frame: SignalFrame): Steps<void> {
    const handler = this.#run.handlers.at(frame.handler);
    if (handler !== undefined) yield* handler(this, frame.signal);
  }

  /** Process id. */
  get pid(): number {
    return this.task.pid;
  }

  /** Architecture that it runs on. */
  get arch(): Arch {
    return this.#k.image.arch;
  }

  /** Virtual time in nanoseconds. */
  get now(): number {
    return this.#k.clock.now;
  }

  /** Computes for `ns` nanoseconds in user space. */
  *compute(ns: number): Steps<void> {
    if (ns > 0) yield* userCompute(this.#k, this.task, this.#k.clock.now + Math.round(ns));
    if (this.task.exitCode !== null) throw new ProgramExit(this.task);
  }

  /** Makes any call by name. -38 (ENOSYS) when this architecture has nothing of the kind, or the kernel no model of it. */
  call(call: string, ...args: readonly SysArgument[]): SysCall {
    return steps(this.#make(call, args, undefined));
  }

  /**
   * Makes a call whose outcome is known beforehand, as if it had been recorded: for calls that the kernel has no model of.
   * `duration` is in nanoseconds.
   */
  given(
    outcome: { readonly ret: number; readonly duration: number },
    call: string,
    ...args: readonly SysArgument[]
  ): SysCall {
    const recorded = { ret: outcome.ret, durationNs: outcome.duration, interrupted: false };
    return steps(this.#make(call, args, recorded));
  }

  #make(call: string, args: readonly SysArgument[], recorded: RecordedOutcome | undefined): Pending {
    const k = this.#k;
    const { task } = this;
    const jitter = k.random.below(1024, task.pid, task.syscalls, THINK_KEY) / 1024 + 0.5;
    const think = this.think * jitter;
    const until = k.clock.now + Math.round(think);
    if (think > 0 && !k.scheduler.compute(until)) return this.#makeLater(until, call, args, recorded);
    return this.#enter(call, args, recorded);
  }

  *#makeLater(
    until: number,
    call: string,
    args: readonly SysArgument[],
    recorded: RecordedOutcome | undefined,
  ): Steps<number> {
    yield* userCompute(this.#k, this.task, until);
    if (this.task.exitCode !== null) throw new ProgramExit(this.task);
    return yield* steps(this.#enter(call, args, recorded));
  }

  #enter(call: string, args: readonly SysArgument[], recorded: RecordedOutcome | undefined): Pending {
    const { task } = this;
    if (isDirect(call, this.#target)) {
      if (!isMapping(call)) this.#memory.run(Infinity);
      const words = this.#direct(args);
      if (words !== null) {
        const number = this.#narrow ? socketcallNumber("i386", call, args.map(valueOf)) : 0;
        return this.#start(call, words, recorded, number);
      }
    }
    const translated = translate(asRecorded(task.pid, call, args.map(valueOf)), this.#target);
    if (translated === null) {
      this.#run.leftOut.add(call);
      return -ENOSYS;
    }
    if (!isMapping(translated.name)) this.#memory.run(Infinity);
    const placed = this.#buffers.place(
      task,
      translated.name,
      translated.args,
      this.#addresses,
      this.#memory,
    );
    const number = this.#narrow ? socketcallNumber("i386", call, translated.args) : 0;
    return this.#start(translated.name, placed, recorded, number);
  }

  /** The arguments of a call that is made as it is, with nothing but numbers and a buffer to fill; else null. */
  #direct(args: readonly SysArgument[]): readonly number[] | null {
    const words: number[] = [];
    let buffers = 0;
    for (let at = 0; at < args.length; at++) {
      let word = args[at];
      if (word === BUFFER && buffers++ === 0 && typeof args[at + 1] === "number") {
        word = this.#buffers.room(this.task, Math.max(args[at + 1] as number, 0), this.#memory);
      }
      if (typeof word !== "number") return null;
      words.push(this.#narrow ? word | 0 : word);
    }
    return words;
  }

  /** `socketcall`: the number of a socket call that i386's C library makes through that one; 0 for all others. */
  #start(
    name: string,
    args: readonly number[],
    recorded: RecordedOutcome | undefined,
    socketcall: number,
  ): Pending {
    this.#run.calls++;
    this.#args = args;
    const call = recorded === undefined ? { name, args } : { name, args, recorded };
    const request = socketcall === 0 ? call : { ...call, via: this.#socketcall(socketcall, args) };
    this.#memory.stack.atSyscall(name);
    const pending = userSyscall(this.#k, this.task, request);
    return whenDone(pending, isMapping(name) ? this.#hasMapped(name) : this.#returned);
  }

  #socketcall(number: number, args: readonly number[]): NonNullable<SyscallRequest["via"]> {
    const list = this.#buffers.placeWords(this.task, socketcallArguments(number, args));
    return { name: "socketcall", args: [number, list] };
  }

  /** A call has changed what is mapped: the program uses it before its next call that doesn't. */
  #hasMapped(call: string): (result: number) => number {
    const args = this.#args;
    return (result) => {
      const done = this.#returned(result);
      if (call === "brk") {
        this.#heapEnd = done;
        if (this.#heapStart === 0) this.#heapStart = done;
      } else if (call.startsWith("execve") && done === 0) {
        this.#heapStart = 0;
        this.#heapEnd = 0;
        this.#libc?.heap.reset();
      }
      this.#memory.returned(call, args, done);
      return done;
    };
  }

  readonly #returned = (result: number): number => {
    if (this.task.exitCode !== null) throw new ProgramExit(this.task);
    return result;
  };

  /** The functions of the C library that the program calls. */
  get libc(): Libc {
    return this.#libc ??= new Libc(this);
  }

  /** Where the heap lies, as far as its break was moved or asked for; 0 before. */
  get heap(): { readonly start: number; readonly end: number } {
    return { start: this.#heapStart, end: this.#heapEnd };
  }

  /** What a fork's child has of its parent: frames on the stack, pieces of the heap. */
  inherit(parent: Sys): void {
    this.#memory.stack.adopt(parent.#memory.stack);
    this.#heapStart = parent.#heapStart;
    this.#heapEnd = parent.#heapEnd;
    if (parent.#libc !== null) this.libc.heap.copyFrom(parent.#libc.heap);
  }

  /**
   * Runs `body` as a function of the C library with these arguments: at its address, under a frame of its own, and through
   * the uprobes on it. Without a C library in memory the body runs by itself.
   */
  *inLibc(name: LibcFunction, args: readonly number[], body: () => Steps<number>): Steps<number> {
    return yield* this.inFunction(LIBC[this.#k.image.arch], name, args, body);
  }

  /** The same for a function of any file: `inFunction("/bin/bash", "readline", …)`. */
  *inFunction(path: string, name: string, args: readonly number[], body: () => Steps<number>): Steps<number> {
    const { stack } = this.#memory;
    this.#memory.run(Infinity);
    const address = stack.started ? userAddress(this.#k, this.task, path, name) : undefined;
    if (address === undefined) return yield* body();
    const frame = stack.call(address, args);
    yield* this.compute(FUNCTION);
    const result = yield* body();
    stack.leave(frame, result);
    return result;
  }

  /** Puts text into the program's memory, where it stays until the next call: its address. `slot` keeps several apart. */
  textAt(content: string, slot = 0): number {
    return this.#buffers.text(this.task, content, slot);
  }

  /** Writes to memory at an address, as the program would: false where it may not. */
  poke(address: number): boolean {
    return this.#access(address, true);
  }

  /** Writes text, with its NUL, to memory of the program's own. */
  pokeText(address: number, content: string): void {
    this.#k.memory.writeString(address, content);
  }

  /**
   * Writes to every page of `[address, address + length)`, as the program would. Signals that this brings are taken at
   * once: an access that is not allowed, or memory that is used up, may end the program.
   */
  *touch(address: number, length: number, write = true): Steps<void> {
    const { task } = this;
    for (let at = address; at < address + length; at += TOUCHED) {
      this.#access(at, write);
      if (task.sigPending) {
        yield* takeSignals(this.#k, task);
        if (task.exitCode !== null) throw new ProgramExit(task);
      }
    }
    yield* this.compute((length / TOUCHED) * PER_TOUCH);
  }

  /** Reads memory at an address, as the program would: false where it may not. */
  peek(address: number): boolean {
    return this.#access(address, false);
  }

  #access(address: number, write: boolean): boolean {
    return accessUser(this.#k, this.task, this.#narrow ? address >>> 0 : address, { write });
  }

  /** Opens a file relative to the working directory; the descriptor, or -errno. */
  open(path: string, flags = "O_RDONLY", mode = 0o666): SysCall {
    return this.call("openat", name("AT_FDCWD"), path, parseValue(flags), mode);
  }

  /** Opens a file relative to an open directory; the descriptor, or -errno. */
  openAt(dir: number, path: string, flags = "O_RDONLY", mode = 0o666): SysCall {
    return this.call("openat", dir, path, parseValue(flags), mode);
  }

  /** Reads at most `count` bytes; their number, 0 at the end. */
  read(fd: number, count: number): SysCall {
    return steps(whenDone(this.#make("read", [fd, BUFFER, count], undefined), this.#hasRead));
  }

  readonly #hasRead = (length: number): number => {
    this.#buffer = this.#args[1] ?? 0;
    return length;
  };

  /** Reads as text; null for an error. */
  *readText(fd: number, count: number): Steps<string | null> {
    const length = yield* this.read(fd, count);
    if (length < 0) return null;
    return new TextDecoder().decode(this.#k.memory.readBytes(this.#args[1] ?? 0, length));
  }

  /** Reads at an offset. */
  pread(fd: number, count: number, offset: number): SysCall {
    return this.call("pread64", fd, BUFFER, count, offset);
  }

  /** Writes text, or so many bytes of what was read last. */
  write(fd: number, data: string | number): SysCall {
    if (typeof data === "number") return this.call("write", fd, this.#buffer, data);
    return this.call("write", fd, data, new TextEncoder().encode(data).length);
  }

  /** Closes a descriptor. */
  close(fd: number): SysCall {
    return this.call("close", fd);
  }

  /** Moves a file's position; `whence` is `SEEK_SET`, `SEEK_CUR` or `SEEK_END`. */
  *lseek(fd: number, offset: number, whence = "SEEK_SET"): Steps<number> {
    const result = yield* this.call("lseek", fd, offset, name(whence));
    // i386 stores the position through a pointer.
    return this.arch === "i386" && result === 0 ? this.#k.memory.load(this.#args[3] ?? 0, 8, true) : result;
  }

  /** Asks for a file's attributes by path. */
  stat(path: string): SysCall {
    return this.call("newfstatat", name("AT_FDCWD"), path, struct({}), 0);
  }

  /** Asks for an open file's attributes. */
  fstat(fd: number): SysCall {
    return this.call("newfstatat", fd, "", struct({}), name("AT_EMPTY_PATH"));
  }

  /** Whether a file can be accessed: 0, or -errno. */
  access(path: string, mode = "R_OK"): SysCall {
    return this.call("access", path, parseValue(mode));
  }

  /** Maps memory: anonymous, or `fd` from `offset` (a multiple of 4096). The address, or -errno. */
  mmap(length: number, prot: string, flags: string, fd = -1, offset = 0, address = 0): SysCall {
    return this.call("mmap", address, length, parseValue(prot), parseValue(flags), fd, offset);
  }

  /** Unmaps memory. */
  munmap(address: number, length: number): SysCall {
    return this.call("munmap", address, length);
  }

  /** Changes the protection of memory. */
  mprotect(address: number, length: number, prot: string): SysCall {
    return this.call("mprotect", address, length, parseValue(prot));
  }

  /** Moves the end of the heap; 0 asks where it is. */
  brk(address = 0): SysCall {
    return this.call("brk", address);
  }

  /** Makes a pipe; its read and write ends, or -errno. */
  *pipe(): Steps<readonly [read: number, write: number] | number> {
    const result = yield* this.call("pipe2", array(number(0), number(0)), 0);
    if (result < 0) return result;
    const at = this.#args[0] ?? 0;
    return [this.#k.memory.readS32(at), this.#k.memory.readS32(at + 4)];
  }

  /** Makes `to` another name of descriptor `from`. */
  dup2(from: number, to: number): SysCall {
    return this.call("dup2", from, to);
  }

  /** Forks: the child runs `program` and exits with what that returns. The child's pid. */
  *fork(program: UserProgram): Steps<number> {
    this.#run.children.set(this.task, (child) => {
      child.inherit(this);
      return program(child);
    });
    const pid = yield* this.call("fork");
    this.#run.children.delete(this.task);
    return pid;
  }

  /**
   * Starts a thread of this process, as a C library's `pthread_create` does: it runs `program` and ends with it, its process
   * goes on. Its thread id, or -errno; `join` waits for it.
   */
  *thread(program: UserProgram): Steps<number> {
    const stack = yield* this.mmap(
      THREAD_STACK,
      "PROT_READ|PROT_WRITE",
      "MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK",
    );
    if (stack < 0 && stack > -4096) return stack;
    const tid = stack + THREAD_STACK - TCB;
    this.#run.children.set(this.task, program);
    const clone = struct({
      flags: parseValue(THREAD_FLAGS),
      child_tid: number(tid),
      parent_tid: number(tid),
      exit_signal: number(0),
      stack: number(stack),
      stack_size: number(THREAD_STACK - TCB),
      tls: number(tid),
    });
    const child = yield* this.call("clone3", clone, 88);
    this.#run.children.delete(this.task);
    if (child > 0) this.#run.threads.set(child, tid);
    return child;
  }

  /** Waits for the end of a thread that `thread` started. */
  *join(thread: number): Steps<void> {
    const word = this.#run.threads.get(thread);
    if (word === undefined) return;
    for (let value = this.load(word); value !== 0; value = this.load(word)) {
      yield* this.call("futex", word, name("FUTEX_WAIT"), value, NULL);
    }
    this.#run.threads.delete(thread);
  }

  /** Ends this thread only. Does not return. */
  *exitThread(status = 0): Steps<never> {
    yield* this.call("exit", status);
    throw new ProgramExit(this.task);
  }

  /**
   * Runs `handler` whenever the signal is delivered to this process from now on (`null`: the default action). Flags as in
   * `sigaction`: `"SA_RESTART"`.
   */
  onSignal(signal: string, handler: SignalHandler | null, flags = "SA_RESTART"): SysCall {
    const address = handler === null ? 0 : this.#run.handlers.add(handler);
    const action = struct({
      sa_handler: number(address),
      sa_mask: array(),
      sa_flags: parseValue(`SA_RESTORER|${flags}`),
      sa_restorer: number(RESTORER),
    });
    return this.call("rt_sigaction", name(signal), action, NULL, 8);
  }

  /** Sends a signal to a process: 0, or -errno. */
  kill(pid: number, signal: string): SysCall {
    return this.call("kill", pid, name(signal));
  }

  /** The 32-bit word at an address of its memory. */
  load(address: number): number {
    return this.#k.memory.load(address, 4, false);
  }

  /** Sets a 32-bit word of its memory. */
  store(address: number, value: number): void {
    this.#k.memory.store(address, 4, value);
  }

  /** Replaces the program's image: from here on its name is the path's last part. */
  execve(path: string, argv: readonly string[] = [path]): SysCall {
    return this.call("execve", path, array(...argv.map(text)), array(text("PATH=/usr/bin:/bin")));
  }

  /** Waits for a child to end; its pid, or -errno. */
  wait(pid = -1): SysCall {
    return this.call("wait4", pid, array(number(0)), 0, NULL);
  }

  /** Sleeps for `ns` nanoseconds. */
  *nanosleep(ns: number): Steps<number> {
    const seconds = Math.floor(ns / 1e9);
    const request = struct({ tv_sec: number(seconds), tv_nsec: number(Math.round(ns - seconds * 1e9)) });
    return yield* this.call("clock_nanosleep", name("CLOCK_REALTIME"), 0, request, NULL);
  }

  /** Makes a directory. */
  mkdir(path: string, mode = 0o777): SysCall {
    return this.call("mkdir", path, mode);
  }

  /** Removes an empty directory. */
  rmdir(path: string): SysCall {
    return this.call("rmdir", path);
  }

  /** Removes a file. */
  unlink(path: string): SysCall {
    return this.call("unlink", path);
  }

  /** Renames a file or directory. */
  rename(from: string, to: string): SysCall {
    return this.call("rename", from, to);
  }

  /** Changes the working directory. */
  chdir(path: string): SysCall {
    return this.call("chdir", path);
  }

  /** The process id, asked of the kernel. */
  getpid(): SysCall {
    return this.call("getpid");
  }

  /** Ends the program. Does not return. */
  *exit(status = 0): Steps<never> {
    yield* this.call("exit_group", status);
    throw new ProgramExit(this.task);
  }
}

/** A call as translation takes it. */
function asRecorded(pid: number, name: string, values: readonly StraceValue[]): RecordedCall {
  return {
    kind: "call",
    pid,
    time: 0,
    line: 0,
    name,
    args: values.map((value) => ({ value })),
    result: { value: 0 },
    duration: undefined,
    interrupted: false,
    cutShort: false,
  };
}

function valueOf(argument: SysArgument): StraceValue {
  if (typeof argument === "number") return number(argument);
  return typeof argument === "string"
    ? { kind: "string", bytes: new TextEncoder().encode(argument), truncated: false }
    : argument;
}
