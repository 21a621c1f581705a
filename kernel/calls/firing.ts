/**
 * Where in the kernel's text a tracepoint is passed: the return addresses between it and the newest modeled call.
 *
 * Functions without text facts (the entry code) stand with the address after their first instruction; `do_syscall_64` with the one that a system call returns to.
 *
 * @module
 */

import type { Addr, Arch, KernelImage } from "../../image/model.ts";
import type { Task } from "../process/task.ts";
import type { FunctionTable } from "./function_table.ts";
import type { RootTable } from "./roots.ts";

const NOWHERE: readonly Addr[] = [];
/** Functions between the entry code and the tracepoint of a system call, outermost first. */
const ENTERING: Readonly<Record<Arch, readonly string[]>> = {
  x86_64: ["syscall_trace_enter.constprop.0"],
  arm64: ["do_el0_svc", "el0_svc_common.constprop.0", "syscall_trace_enter"],
  i386: ["syscall_trace_enter.constprop.0"],
};
const LEAVING: Readonly<Record<Arch, readonly string[]>> = {
  x86_64: ["syscall_exit_to_user_mode_prepare"],
  arm64: ["do_el0_svc", "el0_svc_common.constprop.0", "syscall_trace_exit"],
  i386: ["syscall_exit_work"],
};
/**
 * `__schedule` has no text facts. Its tracepoint comes right behind the call of `psi_task_switch`, whose return address
 * the recordings tell: that stands for it.
 */
const IN_SCHEDULE: Readonly<Record<Arch, number>> = { x86_64: 0x524, arm64: 0x3ec, i386: 0x573 };

/** Functions of whose text these places are made: core images must have them. */
export function firingFunctions(): readonly string[] {
  return [...new Set([...Object.values(ENTERING), ...Object.values(LEAVING)].flat())];
}

/** Places of one kernel's tracepoints. */
export class FiringPlaces {
  readonly #image: KernelImage;
  readonly #functions: FunctionTable;
  readonly #roots: RootTable;
  readonly #known = new Map<string, readonly Addr[]>();

  constructor(image: KernelImage, functions: FunctionTable, roots: RootTable) {
    this.#image = image;
    this.#functions = functions;
    this.#roots = roots;
  }

  /** Return addresses above the frames of `task`, innermost first, while it passes the tracepoint `system:event`. */
  of(task: Task, tracepoint: string): readonly Addr[] {
    const kind = task.depth > 0 ? task.frames[task.depth - 1]?.fn.name ?? "" : "";
    const key = `${tracepoint} ${kind}`;
    let places = this.#known.get(key);
    if (places === undefined) {
      places = this.#find(tracepoint.slice(tracepoint.indexOf(":") + 1), kind);
      this.#known.set(key, places);
    }
    return places;
  }

  #find(event: string, kind: string): readonly Addr[] {
    const { arch } = this.#image;
    const leaf = event.replace(/^(sys_enter|sys_exit).*$/, "$1");
    if (leaf.startsWith("page_fault_")) {
      // x86 passes it in the exception's entry, before anything that is modeled.
      return [...this.#chain(["exc_page_fault"], leaf), ...this.#roots.of("fault").base.slice(-1)];
    }
    if (kind === "") {
      if (leaf === "sys_enter") {
        return [...this.#chain(ENTERING[arch], leaf), ...this.#roots.of("syscall").base];
      }
      if (leaf !== "sys_exit") return NOWHERE;
      const base = this.#roots.of(arch === "arm64" ? "syscall" : "exit").base;
      return [...this.#chain(LEAVING[arch], leaf), ...base];
    }
    if (kind === "__schedule") {
      const address = this.#image.symbol(kind)?.address;
      return address === undefined ? NOWHERE : [address + IN_SCHEDULE[arch]];
    }
    const place = this.#place(kind, leaf, false);
    return place === undefined ? NOWHERE : [place];
  }

  /** Places in functions of which each calls the next, innermost first. */
  #chain(functions: readonly string[], event: string): Addr[] {
    return functions.flatMap((name, i) => this.#place(name, functions[i + 1] ?? event, true) ?? []).reverse();
  }

  /** Where a function calls another one, or a tracepoint's handlers; without text after its first instruction if `known`. */
  #place(name: string, target: string, known: boolean): Addr | undefined {
    const address = this.#functions.byName(name)?.address ?? this.#image.symbol(name)?.address;
    if (address === undefined) return undefined;
    const targets = [target, `__SCT__tp_func_${target}`, `__traceiter_${target}`];
    const sites = this.#image.func(name)?.callSites() ?? [];
    const site = sites.find((one) => one.kind === "call" && targets.includes(one.target));
    return site !== undefined ? address + site.returnOffset : known ? address + 1 : undefined;
  }
}
