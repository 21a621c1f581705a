/**
 * The stack of a user program: the frames of `_start`, what the C library calls before `main`, `main` itself, and of what it
 * calls. Programs here keep frame pointers.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { MM } from "../../kernel/mm/fields.ts";
import { LIBC } from "../../kernel/mm/started_memory.ts";
import type { Task } from "../../kernel/process/task.ts";
import { enterUserFunction, leaveUserFunction, type UserFrame } from "../../kernel/uprobes/user_call.ts";
import { setUserRegister, userRegister } from "../../kernel/uprobes/user_registers.ts";
import { userAddress } from "./symbols.ts";

/** Where in a function a call of another one returns to. */
const INSIDE = 0x40;
/** Where in a wrapper the instruction after its system call is. */
const AFTER_SYSCALL = 0x14;

/** The user stack of one task. */
export class UserStack {
  readonly #k: Kernel;
  readonly #task: Task;
  readonly #wrappers = new Map<string, Addr>();
  /** Frames under way, innermost last: where each one's code is. */
  #inside: Addr[] = [];
  /** Frame and stack pointer: i386's system calls take another argument in the former's register. */
  #fp: Addr = 0;
  #sp: Addr = 0;
  #started = false;
  /** The program's text has no such functions. */
  #unknown = false;

  constructor(k: Kernel, task: Task) {
    this.#k = k;
    this.#task = task;
  }

  /** Whether `main` runs. */
  get started(): boolean {
    return this.#started;
  }

  /** A fork's child goes on in its parent's frames. */
  adopt(parent: UserStack): void {
    this.#inside = parent.#inside.slice();
    this.#fp = parent.#fp;
    this.#sp = parent.#sp;
    this.#started = parent.#started;
  }

  /** The program was replaced: nothing is on its stack. */
  reset(): void {
    this.#inside = [];
    this.#started = false;
    this.#unknown = false;
    this.#wrappers.clear();
  }

  /** Enters `main`, if the C library is mapped by now. */
  start(): void {
    const k = this.#k;
    const task = this.#task;
    if (this.#started || this.#unknown || task.mm === 0) return;
    const libc = LIBC[k.image.arch];
    const first = userAddress(k, task, libc, "__libc_start_main");
    if (first === undefined) return;
    const path = k.vfs.files.get(MM.exeFile.get(k, task.mm))?.dentry?.path;
    if (path === undefined) return;
    const second = userAddress(k, task, libc, "__libc_start_call_main");
    const entry = userAddress(k, task, path, "_start");
    const main = userAddress(k, task, path, "main");
    // What it was executed from is mapped before the C library is.
    this.#unknown = second === undefined || entry === undefined || main === undefined;
    if (second === undefined || entry === undefined || main === undefined) return;
    this.#started = true;
    this.#sp = MM.startStack.get(k, task.mm);
    this.#fp = 0;
    this.#inside = [entry];
    for (const address of [first, second, main]) this.call(address, []);
  }

  /** Calls a function from where the program is: give what it returns to `leave`. */
  call(address: Addr, args: readonly number[]): UserFrame {
    const from = (this.#inside.at(-1) ?? 0) + INSIDE;
    const k = this.#k;
    const task = this.#task;
    this.#restore();
    const frame = enterUserFunction(k, task, address, from, args);
    this.#inside.push(address);
    this.#fp = userRegister(k, task, k.arch.fpRegister);
    this.#sp = userRegister(k, task, k.arch.spRegister);
    return frame;
  }

  /** The newest function returns. */
  leave(frame: UserFrame, result: number): void {
    this.#inside.pop();
    this.#fp = frame.fp;
    this.#sp = frame.sp;
    leaveUserFunction(this.#k, this.#task, frame, result);
  }

  #restore(): void {
    const { arch } = this.#k;
    setUserRegister(this.#k, this.#task, arch.fpRegister, this.#fp);
    setUserRegister(this.#k, this.#task, arch.spRegister, this.#sp);
  }

  /** The program is about to make a system call: its instruction pointer stands in the C library's wrapper. */
  atSyscall(name: string): void {
    if (!this.#started) return;
    const k = this.#k;
    let wrapper = this.#wrappers.get(name);
    if (wrapper === undefined) {
      const libc = LIBC[k.image.arch];
      wrapper = userAddress(k, this.#task, libc, name.replace(/^newf?stat(at)?$/, "stat")) ??
        userAddress(k, this.#task, libc, "syscall") ?? userRegister(k, this.#task, k.arch.ipRegister);
      this.#wrappers.set(name, wrapper);
    }
    setUserRegister(k, this.#task, k.arch.ipRegister, wrapper + AFTER_SYSCALL);
  }
}
