/**
 * One probed instruction: the probes on it, and the life of a hit. With more than one probe this is the kernel's
 * hidden aggregator.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import { highWord, lowWord } from "../arch/words.ts";
import { directCall } from "../memory/text_bytes.ts";
import { ProbeHandlerError } from "./handler_error.ts";
import type { ProbeHost } from "./host.ts";
import { type Kprobe, KPROBE_FLAG_GONE } from "./kprobe.ts";

/** Bytes that an ftrace site takes on x86. */
const MCOUNT_INSN_SIZE = 5;

/** What a CPU does with probes: `struct kprobe_ctlblk` and `current_kprobe`. */
export interface CpuState {
  /** Runs now on this CPU; null when none does. */
  current: Kprobe | null;
  status: "idle" | "active" | "done" | "reenter";
  /** Set by a kretprobe's entry when it hooked the return of the call being hit. */
  hooked: boolean;
}

/** Everything probed at one address. */
export class ProbePoint {
  readonly address: Addr;
  /** Bytes from the function's start. */
  readonly offset: number;
  /** Newest first: the order in which handlers run. */
  readonly probes: Kprobe[] = [];
  readonly onFtrace: boolean;
  /** Whether text is patched. */
  armed = false;
  readonly #host: ProbeHost;
  readonly #cpus: readonly CpuState[];
  /** `ip` as handlers see it, and as post handlers see it. */
  readonly #preIp: Addr;
  readonly #preLow: number;
  readonly #preHigh: number;
  readonly #low: number;
  readonly #high: number;
  readonly #wide: boolean;
  readonly #postIp: Addr;

  constructor(
    host: ProbeHost,
    cpus: readonly CpuState[],
    at: {
      readonly address: Addr;
      readonly offset: number;
      readonly onFtrace: boolean;
      readonly length: number;
    },
  ) {
    this.#host = host;
    this.#cpus = cpus;
    this.address = at.address;
    this.offset = at.offset;
    this.onFtrace = at.onFtrace;
    this.#preIp = at.address + host.arch.breakpointBias;
    this.#preLow = lowWord(this.#preIp);
    this.#preHigh = highWord(this.#preIp);
    this.#low = lowWord(at.address);
    this.#high = highWord(at.address);
    this.#wide = host.arch.wordSize === 8;
    this.#postIp = at.address + (at.onFtrace ? MCOUNT_INSN_SIZE : at.length);
  }

  /** True while at least one probe here wants to run. */
  get wanted(): boolean {
    return this.probes.some((p) => !p.disabled);
  }

  /** Code that is gone can't be armed. */
  get gone(): boolean {
    return this.probes.some((p) => (p.flags & KPROBE_FLAG_GONE) !== 0);
  }

  /** Patches the text. */
  arm(): void {
    if (this.armed) return;
    this.armed = true;
    this.#host.memory.text.patch(this.address, this.#patch());
  }

  /** Restores the text. */
  disarm(): void {
    if (!this.armed) return;
    this.armed = false;
    this.#host.memory.text.restore(this.address);
  }

  /** Control reached the instruction. True where a kretprobe hooked the return of this call. */
  hit(regs: PtRegs): boolean {
    const state = this.#cpus[this.#host.current.cpu] as CpuState;
    if (state.current !== null) {
      // Another probe runs on this CPU: every probe here misses, whether enabled or not; the instruction still executes.
      for (const p of this.probes) p.nmissed++;
      return false;
    }
    state.hooked = false;
    state.status = "active";
    this.#setIp(regs, this.#preLow, this.#preHigh);
    const probes = this.probes;
    const only = probes[0] as Kprobe;
    if (probes.length === 1 && only.postHandler === null) return this.#hitOne(only, state, regs);
    // Handlers may unregister probes: walk what is there now.
    const walk = probes.slice();
    let running = only;
    let diverted = false;
    try {
      for (let i = 0; i < walk.length; i++) {
        running = walk[i] as Kprobe;
        if (running.preHandler === null || running.disabled) continue;
        state.current = running;
        const result = running.preHandler(running, regs);
        if (result !== 0 && result !== undefined) {
          diverted = true;
          break;
        }
      }
      for (let i = 0; i < walk.length && !diverted; i++) {
        const p = walk[i] as Kprobe;
        if (p.postHandler === null || p.disabled) continue;
        running = p;
        regs.ip = this.#postIp;
        state.current = p;
        state.status = "done";
        p.postHandler(p, regs, 0);
      }
    } catch (error) {
      throw this.#wrap(running, error);
    } finally {
      state.current = null;
      state.status = "idle";
    }
    this.#finish(regs, diverted);
    return state.hooked;
  }

  /** The common case: one probe, no post handler. */
  #hitOne(p: Kprobe, state: CpuState, regs: PtRegs): boolean {
    if (p.preHandler === null || p.disabled) {
      state.status = "idle";
      return false;
    }
    state.current = p;
    let result: number | void;
    try {
      result = p.preHandler(p, regs);
    } catch (error) {
      throw this.#wrap(p, error);
    } finally {
      state.current = null;
      state.status = "idle";
    }
    this.#finish(regs, result !== 0 && result !== undefined);
    return state.hooked;
  }

  #finish(regs: PtRegs, diverted: boolean): void {
    if (diverted) {
      // Nonzero with ip untouched would resume inside the breakpoint: taken as "go on at the probed instruction".
      if (regs.ip !== this.#preIp) regs.skipTo = regs.ip;
    } else {
      this.#setIp(regs, this.#low, this.#high);
    }
  }

  /** Both halves are known beforehand: no arithmetic at a hit. */
  #setIp(regs: PtRegs, low: number, high: number): void {
    regs.halves[regs.ipIndex] = low;
    if (this.#wide) regs.halves[regs.ipIndex + 1] = high;
  }

  #wrap(p: Kprobe, error: unknown): ProbeHandlerError {
    if (error instanceof ProbeHandlerError) return error;
    const kind = p.kretprobe === null ? "kprobe" : "kretprobe";
    return new ProbeHandlerError(kind, p.label, this.#host.clock.now, error);
  }

  #patch(): readonly number[] {
    const { arch, image } = this.#host;
    if (!this.onFtrace) return arch.breakpoint;
    const target = image.symbol("ftrace_regs_caller") ?? image.symbol("ftrace_caller");
    return directCall(arch, this.address, target?.address ?? this.address + MCOUNT_INSN_SIZE);
  }
}
