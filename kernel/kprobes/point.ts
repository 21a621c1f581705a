/**
 * One probed instruction: the probes on it, and the life of a hit. With more than one probe, or once it could become a
 * jump, this is the kernel's hidden aggregator.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import type { Fault } from "../arch/resumption.ts";
import { highWord, lowWord } from "../arch/words.ts";
import { CALL_SIZE, directCall } from "../memory/text_bytes.ts";
import { handlerFault, unrecoverable } from "./faults.ts";
import { ProbeHandlerError } from "./handler_error.ts";
import type { ProbeHost } from "./host.ts";
import { type Kprobe, KPROBE_FLAG_DISABLED, KPROBE_FLAG_FTRACE, KPROBE_FLAG_GONE } from "./kprobe.ts";
import { KPROBE_FLAG_ON_FUNC_ENTRY, KPROBE_FLAG_OPTIMIZED } from "./kprobe.ts";
import type { Place } from "./place.ts";
import { resumption } from "./resume.ts";

/** What a CPU does with probes: `struct kprobe_ctlblk` and `current_kprobe`. */
export interface CpuState {
  /** Runs now on this CPU; null when none does. */
  current: Kprobe | null;
  status: "idle" | "active" | "done" | "reenter";
  /** Set by a kretprobe's entry when it hooked the return of the call being hit. */
  hooked: boolean;
}

/** How a point is a jump: not, soon, now, or not for much longer. */
export type JumpState = "none" | "queued" | "jumps" | "leaving";

/** How the probed instruction is executed after the handlers. */
export type StepKind = "ftrace" | "detour" | "emulated" | "slot";

/** What is known of a point beforehand. */
export interface PointFacts {
  readonly place: Place;
  readonly onFtrace: boolean;
  /** Bytes of the instruction. */
  readonly length: number;
  /** Whether it is a call or jump, which is emulated. */
  readonly branches: boolean;
  /** Where it can be a jump. */
  readonly detour: Detour | null;
}

/** What a jump needs. */
export interface Detour {
  /** Bytes that it displaces. */
  readonly displaced: number;
  /** Address of the code that it goes to. */
  readonly address: Addr;
}

/** Everything probed at one address. */
export class ProbePoint {
  readonly address: Addr;
  /** Where that is. */
  readonly place: Place;
  /** Bytes from the function's start. */
  readonly offset: number;
  /** Newest first: the order in which handlers run. A change makes another list: hits walk what was there when they began. */
  probes: readonly Kprobe[] = [];
  readonly onFtrace: boolean;
  /** Bytes that a jump displaces; 0 where it can't be one. */
  readonly displaced: number;
  /** The code that a jump goes to. */
  readonly detour: Detour | null;
  /** Whether text is patched. */
  armed = false;
  /** A manager stands for the probes here: it has flags of its own, and stays until the last probe is gone. */
  aggregated = false;
  /** The manager's own flags: disabled and gone. */
  #managerFlags = 0;
  #jump: JumpState = "none";
  /** Arming wrote a breakpoint over the jump: it counts as a jump, but is hit as a breakpoint. */
  #overwritten = false;
  readonly #host: ProbeHost;
  readonly #cpus: readonly CpuState[];
  readonly #facts: PointFacts;
  /** `ip` as handlers find it. */
  readonly found: Addr;
  readonly #preLow: number;
  readonly #preHigh: number;
  readonly #low: number;
  readonly #high: number;
  /** `ip` as post handlers find it. */
  readonly #postIp: Addr;

  constructor(host: ProbeHost, cpus: readonly CpuState[], facts: PointFacts) {
    this.#host = host;
    this.#cpus = cpus;
    this.#facts = facts;
    this.place = facts.place;
    this.address = facts.place.address;
    this.offset = facts.place.offset;
    this.onFtrace = facts.onFtrace;
    this.detour = facts.detour;
    this.displaced = facts.detour?.displaced ?? 0;
    this.found = this.address + host.arch.breakpointBias;
    this.#preLow = lowWord(this.found);
    this.#preHigh = highWord(this.found);
    this.#low = lowWord(this.address);
    this.#high = highWord(this.address);
    this.#postIp = this.address + (facts.onFtrace ? CALL_SIZE : facts.length);
  }

  /** The flags of the probe here, or of the manager that stands for several. */
  get flags(): number {
    const own = this.aggregated ? this.#managerFlags : (this.probes[0]?.flags ?? 0) & ~KPROBE_FLAG_OPTIMIZED;
    return own | (this.onFtrace ? KPROBE_FLAG_FTRACE : 0) |
      (this.offset === 0 && this.#host.release.marksEntries ? KPROBE_FLAG_ON_FUNC_ENTRY : 0) |
      (this.optimized ? KPROBE_FLAG_OPTIMIZED : 0);
  }

  /** Sets or clears a flag of the probe here, or of the manager. */
  setFlag(flag: number, on: boolean): void {
    if (this.aggregated) this.#managerFlags = on ? this.#managerFlags | flag : this.#managerFlags & ~flag;
    else for (const p of this.probes) p.flags = on ? p.flags | flag : p.flags & ~flag;
  }

  /** A manager takes over the only probe's place and flags. */
  aggregate(): void {
    if (this.aggregated) return;
    this.#managerFlags = (this.probes[0]?.flags ?? 0) & (KPROBE_FLAG_DISABLED | KPROBE_FLAG_GONE);
    this.aggregated = true;
  }

  /** `kprobe_disabled` of what stands for this point. */
  get disabled(): boolean {
    return (this.flags & (KPROBE_FLAG_DISABLED | KPROBE_FLAG_GONE)) !== 0;
  }

  /** The code is gone. */
  get gone(): boolean {
    return (this.flags & KPROBE_FLAG_GONE) !== 0;
  }

  /** How far it is a jump. */
  get jump(): JumpState {
    return this.#jump;
  }

  set jump(state: JumpState) {
    const kept = state === "leaving" || (state === "jumps" && this.#jump === "leaving");
    if (!kept) this.#overwritten = false;
    this.#jump = state;
  }

  /** Whether the text here is a jump, not a breakpoint: it has nobody to tell that execution was diverted. */
  get hitAsJump(): boolean {
    return this.#jump === "jumps" && !this.#overwritten;
  }

  /** Whether the OPTIMIZED flag is set: also while the jump is only queued, or not yet taken back. */
  get optimized(): boolean {
    return this.jump !== "none";
  }

  /** `kprobe_optready`: its instructions allow a jump. */
  get canOptimize(): boolean {
    return this.aggregated && this.displaced > 0;
  }

  /** Whether a probe here has a handler that needs a breakpoint: a post handler, or the break handler of old releases. */
  get needsBreakpoint(): boolean {
    const breaks = this.#host.release.breakHandler;
    return this.probes.some((p) => p.postHandler !== null || (breaks && p.breakHandler !== null));
  }

  /** How the instruction is executed now. */
  get step(): StepKind {
    if (this.onFtrace) return "ftrace";
    if (this.jump === "jumps") return "detour";
    return this.#facts.branches ? "emulated" : "slot";
  }

  /** Patches the text. Where that still holds the jump of a probe that was disabled, a breakpoint is written over it. */
  arm(): void {
    if (this.armed && this.#jump !== "leaving") return;
    this.#overwritten = this.armed;
    this.armed = true;
    this.patch();
  }

  /** Restores the text. */
  disarm(): void {
    if (!this.armed) return;
    this.armed = false;
    this.#host.memory.text.restore(this.address);
  }

  /** Writes what the text must hold while it is armed: breakpoint, jump, or call of ftrace. */
  patch(): void {
    this.#host.memory.text.patch(this.address, this.#bytes());
  }

  /**
   * Control reached the instruction. True where a kretprobe hooked the return of this call; `hooked`: one has done so
   * before, at an earlier hit of the same call.
   */
  hit(regs: PtRegs, hooked = false): boolean {
    const state = this.#cpus[this.#host.current.cpu] as CpuState;
    if (state.current !== null) return this.#reenter(state);
    const probes = this.probes;
    const only = probes[0];
    // Nobody is left, and the jump is not yet taken back.
    if (only === undefined) return false;
    state.hooked = hooked;
    state.status = "active";
    regs.setIp(this.#preLow, this.#preHigh);
    regs.enteredBy(this.onFtrace);
    if (probes.length === 1 && only.postHandler === null) return this.#hitOne(only, state, regs);
    this.#finish(regs, this.#hitAll(probes, state, regs));
    return state.hooked;
  }

  /** Runs the handlers of all enabled probes here. Gives the probe that diverted execution, or what a handler died of. */
  #hitAll(probes: readonly Kprobe[], state: CpuState, regs: PtRegs): Kprobe | Fault | null {
    let running = probes[0] as Kprobe;
    try {
      for (let i = 0; i < probes.length; i++) {
        running = probes[i] as Kprobe;
        if (running.preHandler === null || running.disabled) continue;
        state.current = running;
        const result = this.#pre(running, running.preHandler, regs);
        if (typeof result === "object") return result;
        if (result !== 0 && result !== undefined && !this.hitAsJump) return running;
      }
      let stepped = false;
      for (let i = 0; i < probes.length; i++) {
        const p = probes[i] as Kprobe;
        if (p.postHandler === null || p.disabled) continue;
        if (!stepped) regs.ip = this.#postIp;
        stepped = true;
        running = p;
        state.current = p;
        state.status = "done";
        const fault = this.#post(p, p.postHandler, regs);
        if (fault !== null) return fault;
      }
      // Where post handlers leave ip, a breakpoint's hit returns to; ftrace's call puts its own back.
      return stepped && !this.onFtrace && regs.ip !== this.#postIp ? running : null;
    } catch (error) {
      throw this.#wrap(running, error);
    } finally {
      state.current = null;
      state.status = "idle";
    }
  }

  /** The common case: one probe, no post handler. */
  #hitOne(p: Kprobe, state: CpuState, regs: PtRegs): boolean {
    if (p.preHandler === null || p.disabled) {
      state.status = "idle";
      regs.setIp(this.#low, this.#high);
      return false;
    }
    state.current = p;
    let result: number | void;
    let fault: Fault | null = null;
    try {
      result = p.preHandler(p, regs);
    } catch (error) {
      fault = this.#faulted(p, regs, error);
      result = 0;
    } finally {
      state.current = null;
      state.status = "idle";
    }
    this.#finish(regs, result !== 0 && result !== undefined && !this.hitAsJump ? p : fault);
    return state.hooked;
  }

  /** Another probe runs on this CPU: every probe here misses, enabled or not; the instruction still executes. */
  #reenter(state: CpuState): boolean {
    if (state.status === "reenter") throw unrecoverable(this.#host, this);
    for (const p of this.probes) p.nmissed++;
    return false;
  }

  #pre(p: Kprobe, handler: NonNullable<Kprobe["preHandler"]>, regs: PtRegs): number | void | Fault {
    try {
      return handler(p, regs);
    } catch (error) {
      return this.#faulted(p, regs, error) ?? 0;
    }
  }

  #post(p: Kprobe, handler: NonNullable<Kprobe["postHandler"]>, regs: PtRegs): Fault | null {
    try {
      handler(p, regs, 0);
      return null;
    } catch (error) {
      return this.#faulted(p, regs, error);
    }
  }

  /** What a handler's bad access comes to, or null where a fault handler dealt with it. What else it threw is thrown. */
  #faulted(p: Kprobe, regs: PtRegs, error: unknown): Fault | null {
    const fault = handlerFault(this.#host, p, regs, error);
    if (fault === null) throw this.#wrap(p, error);
    return fault === "handled" ? null : fault;
  }

  /** The instruction is executed, unless a probe diverted execution or a handler faulted. */
  #finish(regs: PtRegs, outcome: Kprobe | Fault | null): void {
    if (outcome !== null) {
      regs.resumption = "trap" in outcome
        ? { kind: "faults", fault: outcome }
        : resumption(this.#host, this, outcome, regs);
      return;
    }
    // Whatever ip a handler left: the step goes on from the probed instruction.
    regs.resumption = null;
    regs.setIp(this.#low, this.#high);
  }

  #wrap(p: Kprobe, error: unknown): ProbeHandlerError {
    if (error instanceof ProbeHandlerError) return error;
    const kind = p.kretprobe === null ? "kprobe" : "kretprobe";
    return new ProbeHandlerError(kind, p.label, this.#host.clock.now, error);
  }

  #bytes(): readonly number[] {
    const { arch, image } = this.#host;
    if (this.detour !== null && (this.#jump === "jumps" || this.#overwritten)) {
      const jump = directCall(arch, this.address, this.detour.address, true);
      return this.#overwritten ? [...arch.breakpoint, ...jump.slice(arch.breakpoint.length)] : jump;
    }
    if (!this.onFtrace) return arch.breakpoint;
    const target = image.symbol("ftrace_regs_caller") ?? image.symbol("ftrace_caller");
    return directCall(arch, this.address, target?.address ?? this.address + CALL_SIZE);
  }
}
