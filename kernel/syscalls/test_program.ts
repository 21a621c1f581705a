/**
 * For tests: a kernel from the core image, and programs that make system calls on it.
 *
 * @module
 */

import { coreImage, coreShapes } from "../../image/mod.ts";
import type { Arch } from "../../image/model.ts";
import { type Blocking, steps } from "../calls/function.ts";
import { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import { runSyscall } from "./entry.ts";
import { userSyscall } from "./user_mode.ts";
import type { RecordedOutcome } from "./request.ts";

/** The three architectures. */
export const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

/** A kernel on the core image. */
export async function bootTest(arch: Arch = "x86_64"): Promise<Kernel> {
  return new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
}

/** User memory of test programs. */
const MEMORY = 0x100000;
const SIZE = 0x20000;

/** A program's view of its task: calls by name with numbers and strings, which are placed in user memory. */
export class TestProgram {
  readonly k: Kernel;
  readonly task: Task;
  #next = MEMORY;

  /** `shares`: its memory is another program's, of which it takes the upper half. */
  constructor(k: Kernel, task: Task, shares = false) {
    this.k = k;
    this.task = task;
    if (shares) this.#next = MEMORY + SIZE / 2;
    else this.map();
  }

  /** Maps the program's memory; again after execve. */
  map(): void {
    this.task.userSpace?.map(MEMORY, SIZE, 3);
    this.#next = MEMORY;
  }

  /** Reserves user memory. */
  room(bytes: number): number {
    const at = this.#next;
    this.#next += (bytes + 15) & ~15;
    return at;
  }

  /** Puts a string in user memory. */
  text(value: string): number {
    const at = this.room(new TextEncoder().encode(value).length + 1);
    this.k.memory.writeString(at, value);
    return at;
  }

  /** Makes a system call. */
  *call(name: string, ...args: (number | string)[]): Blocking<number> {
    const before = this.#next;
    const words = args.map((arg) => typeof arg === "number" ? arg : this.text(arg));
    const result = yield* steps(userSyscall(this.k, this.task, { name, args: words }));
    if (name !== "execve") this.#next = before;
    return result;
  }

  /** Makes a system call with a recorded outcome. */
  *replay(
    name: string,
    args: readonly (number | string)[],
    recorded: Partial<RecordedOutcome>,
  ): Blocking<number> {
    const before = this.#next;
    const words = args.map((arg) => typeof arg === "number" ? arg : this.text(arg));
    const outcome: RecordedOutcome = { ret: 0, durationNs: 10_000, interrupted: false, ...recorded };
    const result = yield* runSyscall(this.k, this.task, { name, args: words, recorded: outcome });
    this.#next = before;
    return result;
  }
}

/** A call's name on the kernel's architecture, out of alternatives in order of preference. */
export function pick(k: Kernel, ...names: readonly string[]): string {
  const found = names.find((name) => k.image.syscallNumber(name) !== undefined);
  if (found === undefined) {
    throw new Error(`Cannot test ${names.join(", ")}: ${k.image.arch} has none of them`);
  }
  return found;
}

/** Starts a program in a new task. */
export function start(k: Kernel, comm: string, body: (program: TestProgram) => Blocking<void>): TestProgram {
  const task = k.tasks.create({ comm });
  const program = new TestProgram(k, task);
  k.scheduler.spawn(task, body(program));
  return program;
}

/** Runs one program to its end. */
export function run(k: Kernel, body: (program: TestProgram) => Blocking<void>): TestProgram {
  const program = start(k, "test", body);
  const outcome = k.scheduler.run();
  if (outcome.reason !== "done") throw new Error(`The program did not end: ${JSON.stringify(outcome)}`);
  return program;
}
