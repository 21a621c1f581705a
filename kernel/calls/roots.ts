/**
 * What lies below the root calls of one kernel: return addresses of the entry code, and the functions in between.
 *
 * @module
 */

import type { Addr, KernelImage } from "../../image/model.ts";
import type { Task } from "../process/task.ts";
import { type EntryKind, entryPath, isEntryFunction } from "./entry_paths.ts";
import type { Frame } from "./frame.ts";
import type { FunctionTable } from "./function_table.ts";
import type { KernelFunction } from "./kernel_function.ts";

/** What lies below root calls of one kind. */
export interface Roots {
  /** Return addresses of the entry code, innermost first. */
  readonly base: readonly Addr[];
  /** Functions that can be probed between it and the root call, outermost first. */
  readonly through: readonly Between[];
}

/** The entry paths of one kernel, resolved. */
export class RootTable {
  readonly #image: KernelImage;
  readonly #functions: FunctionTable;
  readonly #known = new Map<EntryKind, Roots>();
  #lastKind: EntryKind = "bare";
  #last: Roots | null = null;

  constructor(image: KernelImage, functions: FunctionTable) {
    this.#image = image;
    this.#functions = functions;
  }

  /** What lies below root calls of that kind. */
  of(kind: EntryKind): Roots {
    if (kind === this.#lastKind && this.#last !== null) return this.#last;
    let roots = this.#known.get(kind);
    if (roots === undefined) {
      roots = this.#find(kind);
      this.#known.set(kind, roots);
    }
    this.#lastKind = kind;
    return this.#last = roots;
  }

  /** Whether a function stands below some kind of root call. */
  has(fn: KernelFunction): boolean {
    return isEntryFunction(this.#image.arch, fn.name);
  }

  #find(kind: EntryKind): Roots {
    const path = entryPath(this.#image.arch, kind);
    const base: Addr[] = [];
    for (const { symbol, offset } of path.base) {
      const address = this.#image.symbol(symbol)?.address;
      if (address !== undefined) base.push(address + offset);
    }
    const through: Between[] = [];
    for (const name of path.through) {
      const fn = this.#functions.byName(name);
      if (fn !== undefined) through.push(new Between(fn));
    }
    return { base, through };
  }
}

/** What functions between the entry code and a root call are given: nothing that is known, unless listed here. */
const GIVEN: ReadonlyMap<string, Given> = new Map(Object.entries<Given>({
  x64_sys_call: "registers and number",
  ia32_sys_call: "registers and number",
  "el0_svc_common.constprop.0": "the root's registers and number",
  invoke_syscall: "the root's registers and number",
  do_el0_svc: "registers",
  exit_to_user_mode_prepare: "registers",
  do_notify_resume: "registers",
}));

type Given = "nothing" | "registers" | "registers and number" | "the root's registers and number";

/** A function between the entry code and a root call. */
export class Between {
  readonly fn: KernelFunction;
  readonly #given: Given;

  constructor(fn: KernelFunction) {
    this.fn = fn;
    this.#given = GIVEN.get(fn.name) ?? "nothing";
  }

  /** Sets the arguments of its frame: user registers, number of the call. `args`: those of the root call. */
  setArguments(frame: Frame, task: Task, args: readonly number[]): void {
    const { words } = frame;
    frame.nargs = 0;
    if (this.#given === "nothing") return;
    frame.nargs = 1;
    words[0] = task.userRegs;
    if (this.#given === "registers") return;
    frame.nargs = 2;
    words[1] = task.syscallNumber;
    if (this.#given === "registers and number") return;
    frame.nargs = 4;
    words[0] = args[0] ?? task.userRegs;
    words[2] = NaN;
    words[3] = NaN;
  }
}
