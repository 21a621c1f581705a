/**
 * What lies below the root calls of one kernel: return addresses of the entry code, and the functions in between.
 *
 * @module
 */

import type { Addr, KernelImage } from "../../image/model.ts";
import type { Task } from "../process/task.ts";
import { type EntryKind, entryPath, isEntryFunction } from "./entry_paths.ts";
import type { FunctionTable } from "./function_table.ts";
import type { KernelFunction } from "./kernel_function.ts";

/** What lies below root calls of one kind. */
export interface Roots {
  /** Return addresses of the entry code, innermost first. */
  readonly base: readonly Addr[];
  /** Functions that can be probed between it and the root call, outermost first. */
  readonly through: readonly KernelFunction[];
}

/** The entry paths of one kernel, resolved. */
export class RootTable {
  readonly #image: KernelImage;
  readonly #functions: FunctionTable;
  readonly #known = new Map<EntryKind, Roots>();

  constructor(image: KernelImage, functions: FunctionTable) {
    this.#image = image;
    this.#functions = functions;
  }

  /** What lies below root calls of that kind. */
  of(kind: EntryKind): Roots {
    let roots = this.#known.get(kind);
    if (roots === undefined) {
      roots = this.#find(kind);
      this.#known.set(kind, roots);
    }
    return roots;
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
    const through: KernelFunction[] = [];
    for (const name of path.through) {
      const fn = this.#functions.byName(name);
      if (fn !== undefined) through.push(fn);
    }
    return { base, through };
  }
}

/** Arguments of the functions between the entry code and a root call: the user registers and the call's number. */
export function entryArguments(name: string, task: Task, args: readonly number[]): readonly number[] {
  switch (name) {
    case "x64_sys_call":
    case "ia32_sys_call":
      return [task.userRegs, task.syscallNumber];
    case "el0_svc_common.constprop.0":
    case "invoke_syscall":
      return [args[0] ?? task.userRegs, task.syscallNumber, NaN, NaN];
    case "do_el0_svc":
    case "exit_to_user_mode_prepare":
    case "do_notify_resume":
      return [task.userRegs];
    default:
      return [];
  }
}
