/**
 * Hooked returns: the entry side and the trampoline of kretprobes.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import { handlerFault } from "./faults.ts";
import { ProbeHandlerError } from "./handler_error.ts";
import type { ProbeHost, ProbeTask } from "./host.ts";
import type { Kprobe } from "./kprobe.ts";
import type { KretprobeInstance } from "./kretprobe.ts";
import type { CpuState } from "./point.ts";

/** Hooks returns and runs what waits for them. */
export class Rethook {
  /** Where a hooked call returns to. */
  readonly trampolineAddress: Addr;
  readonly #host: ProbeHost;
  readonly #cpus: readonly CpuState[];
  /** Stack slots of hooked calls whose handlers ran already, with the return of what they jumped to. */
  readonly #done = new Map<ProbeTask, Addr[]>();

  constructor(host: ProbeHost, cpus: readonly CpuState[]) {
    this.#host = host;
    this.#cpus = cpus;
    this.trampolineAddress = host.image.symbol(host.arch.trampoline)?.address ?? 0;
  }

  /** `pre_handler_kretprobe`: the entry probe's handler of every kretprobe. */
  enter(p: Kprobe, regs: PtRegs): number {
    const rp = p.kretprobe;
    if (rp === null) return 0;
    const pool = rp.pool;
    if (pool === null) return 0;
    const instance = pool.take();
    if (instance === null) {
      rp.nmissed++;
      return 0;
    }
    const task = this.#host.current;
    instance.task = task;
    instance.since = this.#host.clock.now;
    if (rp.entryHandler !== null) {
      let refused = true;
      try {
        const result = rp.entryHandler(instance, regs);
        refused = result !== 0 && result !== undefined;
      } finally {
        // Old releases forgot the instance: its pool is one smaller from then on.
        if (refused && this.#host.release.refusedInstances === "leaked") pool.leak(instance);
        else if (refused) pool.recycle(instance);
      }
      if (refused) return 0;
    }
    const state = this.#cpus[task.cpu] as CpuState;
    // On arm64 the frame pointer is saved, which equals sp at a function's entry.
    instance.frame = regs.peekSp();
    instance.returnAddress = regs.returnAddress;
    if (!state.hooked && instance.returnAddress === this.trampolineAddress) {
      // A jump leaves the stack slot to the callee. Where the model's callee has a slot of its own, it returns by itself.
      instance.jumpedTo = task.instances?.frame === instance.frame;
      if (!instance.jumpedTo) instance.returnAddress = this.#realAddress(task.instances);
    } else instance.jumpedTo = false;
    regs.returnAddress = this.trampolineAddress;
    instance.next = task.instances;
    task.instances = instance;
    state.hooked = true;
    return 0;
  }

  /**
   * A hooked call of the running task returned. Runs the handlers of its instances, oldest kretprobe first, and sets
   * `regs.ip` and the stack slot to the real return address. `regs.resumption` tells what a handler died of.
   */
  trampoline(regs: PtRegs): void {
    const task = this.#host.current;
    const sp = regs.peekSp();
    const frame = regs.linkIndex >= 0 ? sp : sp - regs.model.wordSize;
    if (this.#done.size > 0 && this.#ranAlready(task, frame)) return;
    this.#dropAbandoned(task, frame);
    const first = task.instances;
    if (first === null) {
      throw new Error(
        `Cannot return through the trampoline: task ${task.pid} (${task.comm}) has no hooked return`,
      );
    }
    let last = first;
    while (last.returnAddress === this.trampolineAddress && last.next !== null) {
      if (last.jumpedTo) this.#done.set(task, [...this.#done.get(task) ?? [], frame]);
      last = last.next;
    }
    const returnAddress = last.returnAddress;
    regs.ip = returnAddress;
    if (regs.linkIndex < 0) this.#host.memory.writeWord(last.frame, returnAddress);
    else regs.returnAddress = this.trampolineAddress;
    const rest = last.next;
    const state = this.#cpus[task.cpu] as CpuState;
    const outer = state.current;
    const outerStatus = state.status;
    let failure: ProbeHandlerError | null = null;
    for (let at: KretprobeInstance | null = first; at !== rest && at !== null; at = at.next) {
      const rp = at.kretprobe;
      if (at.frame !== frame) {
        this.#warnMismatch();
        break;
      }
      // An unregistered kretprobe's pending returns go on without it.
      if (rp.handler === null || !at.owner.alive || failure !== null) continue;
      state.current = rp.kp;
      state.status = "active";
      try {
        rp.handler(at, regs);
      } catch (error) {
        const fault = handlerFault(this.#host, rp.kp, regs, error);
        if (fault === "handled") continue;
        if (fault !== null) {
          // The task dies here: nobody else's handler runs.
          regs.resumption = { kind: "faults", fault };
          break;
        }
        failure = error instanceof ProbeHandlerError
          ? error
          : new ProbeHandlerError("kretprobe", rp.kp.label, this.#host.clock.now, error);
      }
    }
    state.current = outer;
    state.status = outerStatus;
    task.instances = rest;
    this.#recycle(first, rest);
    if (failure !== null) throw failure;
  }

  /** A task is gone: its pending instances go back unrun and uncounted. */
  flush(task: ProbeTask): void {
    const first = task.instances;
    task.instances = null;
    this.#done.delete(task);
    this.#recycle(first, null);
  }

  /** Whether the handlers of a returning call ran with the return of the function that it jumped to. */
  #ranAlready(task: ProbeTask, frame: Addr): boolean {
    const frames = this.#done.get(task);
    const at = frames?.indexOf(frame) ?? -1;
    if (frames === undefined || at < 0) return false;
    frames.splice(at, 1);
    if (frames.length === 0) this.#done.delete(task);
    return true;
  }

  /** The address that the oldest of the calls which share a trampoline returns to. */
  #realAddress(newest: KretprobeInstance | null): Addr {
    let at = newest;
    while (at !== null && at.returnAddress === this.trampolineAddress && at.next !== null) at = at.next;
    return at?.returnAddress ?? this.trampolineAddress;
  }

  /** The stack was tampered with: the rest of the handlers would see the wrong call. */
  #warnMismatch(): void {
    const { log, current, arch } = this.#host;
    const where = arch.arch === "arm64"
      ? "kernel/kprobes.c __kretprobe_trampoline_handler"
      : "kernel/trace/rethook.c rethook_trampoline_handler";
    log.printkOnce(
      "rethook_frame",
      `------------[ cut here ]------------\nWARNING: CPU: ${current.cpu} PID: ${current.pid} at ${where}\n` +
        "---[ end trace 0000000000000000 ]---",
      "warn",
    );
  }

  /** Calls below `frame` that an exception of the model left without returning: their instances go back unrun. */
  #dropAbandoned(task: ProbeTask, frame: Addr): void {
    let at = task.instances;
    if (at === null || at.frame >= frame) return;
    const first = at;
    while (at !== null && at.frame < frame) at = at.next;
    task.instances = at;
    this.#recycle(first, at);
  }

  #recycle(first: KretprobeInstance | null, end: KretprobeInstance | null): void {
    let at = first;
    while (at !== null && at !== end) {
      const next: KretprobeInstance | null = at.next;
      at.owner.recycle(at);
      at = next;
    }
  }
}
