/**
 * The kprobe table of one kernel: registering, unregistering, arming.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import { ArmedFunction } from "./armed_function.ts";
import { E2BIG, EINVAL } from "./errno.ts";
import { hashPtr, KPROBE_TABLE_SIZE } from "./hash.ts";
import type { ProbeHost, ProbeTask } from "./host.ts";
import {
  type Kprobe,
  KPROBE_FLAG_DISABLED,
  KPROBE_FLAG_FTRACE,
  KPROBE_FLAG_GONE,
  KPROBE_FLAG_ON_FUNC_ENTRY,
} from "./kprobe.ts";
import {
  InstancePool,
  type Kretprobe,
  KRETPROBE_MAX_DATA_SIZE,
  type KretprobeInstance,
} from "./kretprobe.ts";
import {
  checkInstruction,
  checkSafe,
  describe,
  ftraceSite,
  functionAt,
  type Place,
  type Refusal,
  resolvePlace,
} from "./place.ts";
import { type CpuState, ProbePoint } from "./point.ts";
import { Rethook } from "./rethook.ts";

/** Functions whose return can't be hooked although their entry can be probed. */
const KRETPROBE_BLACKLIST: Readonly<Record<string, readonly string[]>> = {
  x86_64: ["__switch_to"],
  i386: ["__switch_to"],
  arm64: [],
};

/**
 * Kprobes and kretprobes of one kernel, by the rules of Linux 6.1. Results are 0 or a negated errno as in C;
 * `reasonOf` tells in a sentence what Linux leaves open.
 */
export class KprobeTable {
  readonly #host: ProbeHost;
  readonly #buckets: ProbePoint[][] = Array.from({ length: KPROBE_TABLE_SIZE }, () => []);
  /** Points of each function, by its address. */
  readonly #functions = new Map<Addr, { readonly name: string; readonly points: ProbePoint[] }>();
  readonly #pointOf = new Map<Kprobe, ProbePoint>();
  readonly #reasons = new WeakMap<Kprobe, string>();
  readonly #cpus: readonly CpuState[];
  readonly #rethook: Rethook;
  #allDisarmed = false;

  constructor(host: ProbeHost) {
    this.#host = host;
    this.#cpus = Array.from({ length: host.cpus }, () => ({ current: null, status: "idle", hooked: false }));
    this.#rethook = new Rethook(host, this.#cpus);
  }

  /** Registers a kprobe and arms it unless it has `KPROBE_FLAG_DISABLED`. 0, or -errno: then see `reasonOf`. */
  registerKprobe(p: Kprobe): number {
    const placed = resolvePlace(this.#host, p);
    if ("refusal" in placed) return this.#refuse(p, placed.refusal);
    const { place } = placed;
    p.addr = place.address;
    if (this.#pointOf.has(p)) {
      return this.#refuse(p, { errno: EINVAL, reason: "this object is registered already" });
    }
    p.flags &= KPROBE_FLAG_DISABLED;
    p.nmissed = 0;
    if (place.offset === 0) p.flags |= KPROBE_FLAG_ON_FUNC_ENTRY;
    const site = ftraceSite(this.#host, place.symbol);
    const onFtrace = site === place.address;
    if (onFtrace && !this.#host.arch.kprobesOnFtrace) {
      return this.#refuse(p, {
        errno: EINVAL,
        reason: `${
          describe(place)
        } is the function's ftrace site, which ${this.#host.arch.arch} keeps for ftrace`,
      });
    }
    if (onFtrace) p.flags |= KPROBE_FLAG_FTRACE;
    const unsafe = checkSafe(this.#host, place);
    if (unsafe !== null) return this.#refuse(p, unsafe);
    let point = this.pointAt(place.address);
    if (point === undefined) {
      const refusal = onFtrace ? null : checkInstruction(this.#host, place);
      if (refusal !== null) return this.#refuse(p, refusal);
      point = this.#addPoint(place, onFtrace);
    }
    point.probes.unshift(p);
    this.#pointOf.set(p, point);
    this.#reasons.delete(p);
    this.#update(point);
    return 0;
  }

  /** Registers several, all or none: the first failure unregisters those before it and is returned. */
  registerKprobes(probes: readonly Kprobe[]): number {
    if (probes.length === 0) return -EINVAL;
    for (let i = 0; i < probes.length; i++) {
      const result = this.registerKprobe(probes[i] as Kprobe);
      if (result === 0) continue;
      this.unregisterKprobes(probes.slice(0, i));
      return result;
    }
    return 0;
  }

  /** Unregisters a kprobe. One that isn't registered gets `addr` null, and nothing else happens. */
  unregisterKprobe(p: Kprobe): void {
    const point = this.#pointOf.get(p);
    if (point === undefined) {
      p.addr = null;
      return;
    }
    point.probes.splice(point.probes.indexOf(p), 1);
    this.#pointOf.delete(p);
    p.flags |= KPROBE_FLAG_DISABLED;
    this.#update(point);
    if (point.probes.length === 0) this.#removePoint(point);
  }

  /** Unregisters several. */
  unregisterKprobes(probes: readonly Kprobe[]): void {
    for (const p of probes) this.unregisterKprobe(p);
  }

  /** Arms a disabled kprobe. -EINVAL if it isn't registered or its code is gone. */
  enableKprobe(p: Kprobe): number {
    const point = this.#pointOf.get(p);
    if (point === undefined) {
      return this.#refuse(p, { errno: EINVAL, reason: "it is not registered" }, "enable");
    }
    if ((p.flags & KPROBE_FLAG_GONE) !== 0) {
      return this.#refuse(p, { errno: EINVAL, reason: "its code is gone" }, "enable");
    }
    // While all kprobes are disarmed, a probe alone at its address stays marked disabled.
    if (!this.#allDisarmed || point.probes.length > 1) p.flags &= ~KPROBE_FLAG_DISABLED;
    this.#update(point);
    return 0;
  }

  /** Disarms a kprobe; text goes back once all probes at the address are disabled. -EINVAL if it isn't registered. */
  disableKprobe(p: Kprobe): number {
    const point = this.#pointOf.get(p);
    if (point === undefined) {
      return this.#refuse(p, { errno: EINVAL, reason: "it is not registered" }, "disable");
    }
    p.flags |= KPROBE_FLAG_DISABLED;
    this.#update(point);
    return 0;
  }

  /** Registers a kretprobe. `maxactive` of 0 or less becomes max(10, 2 × CPUs). 0, or -errno. */
  registerKretprobe(rp: Kretprobe): number {
    const { kp } = rp;
    const placed = resolvePlace(this.#host, kp);
    if ("refusal" in placed) return this.#refuse(kp, placed.refusal);
    const refusal = this.#checkReturn(rp, placed.place);
    if (refusal !== null) return this.#refuse(kp, refusal);
    kp.postHandler = null;
    kp.preHandler = (p, regs) => this.#rethook.enter(p, regs);
    if (rp.maxactive <= 0) rp.maxactive = Math.max(10, 2 * this.#host.cpus);
    const pool = new InstancePool(rp, rp.maxactive);
    rp.pool = pool;
    rp.nmissed = 0;
    const result = this.registerKprobe(kp);
    if (result !== 0) rp.pool = null;
    return result;
  }

  /** Registers several, all or none. */
  registerKretprobes(probes: readonly Kretprobe[]): number {
    if (probes.length === 0) return -EINVAL;
    for (let i = 0; i < probes.length; i++) {
      const result = this.registerKretprobe(probes[i] as Kretprobe);
      if (result === 0) continue;
      this.unregisterKretprobes(probes.slice(0, i));
      return result;
    }
    return 0;
  }

  /** Unregisters a kretprobe. Calls whose return is pending return to the right place, without its handler. */
  unregisterKretprobe(rp: Kretprobe): void {
    this.unregisterKprobe(rp.kp);
    if (rp.pool !== null) rp.pool.alive = false;
    rp.pool = null;
  }

  /** Unregisters several. */
  unregisterKretprobes(probes: readonly Kretprobe[]): void {
    for (const rp of probes) this.unregisterKretprobe(rp);
  }

  /** Arms a disabled kretprobe's entry. */
  enableKretprobe(rp: Kretprobe): number {
    return this.enableKprobe(rp.kp);
  }

  /** Disarms a kretprobe's entry; pending returns still run the handler. */
  disableKretprobe(rp: Kretprobe): number {
    return this.disableKprobe(rp.kp);
  }

  /** Why the last registration (or enabling) of a probe was refused, in a sentence; undefined if it wasn't. */
  reasonOf(probe: Kprobe | Kretprobe): string | undefined {
    return this.#reasons.get("kp" in probe ? probe.kp : probe);
  }

  /** Whether armed probes run at all: debugfs `kprobes/enabled`. */
  get enabled(): boolean {
    return !this.#allDisarmed;
  }

  /** Disarms or arms everything without touching any probe's flags. */
  set enabled(enabled: boolean) {
    this.#allDisarmed = !enabled;
    for (const bucket of this.#buckets) for (const point of bucket) this.#update(point);
  }

  /** What is probed at an address. */
  pointAt(address: Addr): ProbePoint | undefined {
    const bucket = this.#buckets[hashPtr(address, this.#host.arch.wordSize)] as ProbePoint[];
    return bucket.find((point) => point.address === address);
  }

  /** The point that a registered probe sits on. */
  pointOf(p: Kprobe): ProbePoint | undefined {
    return this.#pointOf.get(p);
  }

  /** Every registered probe in the order of debugfs `kprobes/list`: bucket by bucket, newest first. */
  list(): readonly Kprobe[] {
    return this.#buckets.flat().flatMap((point) => point.probes);
  }

  /** What runs on a CPU now: `current_kprobe`. */
  currentOn(cpu: number): Kprobe | null {
    return this.#cpus[cpu]?.current ?? null;
  }

  /** Where hooked calls return to. */
  get trampolineAddress(): Addr {
    return this.#rethook.trampolineAddress;
  }

  /** A hooked call of the running task returned: see `Rethook.trampoline`. */
  trampoline(regs: PtRegs): void {
    this.#rethook.trampoline(regs);
  }

  /** A kretprobe's instances that wait for a return, oldest first. */
  instancesOf(rp: Kretprobe): readonly KretprobeInstance[] {
    return rp.pool?.active() ?? [];
  }

  /** A task exited: its pending instances go back to their pools; no handler runs, nothing counts as missed. */
  flushTask(task: ProbeTask): void {
    this.#rethook.flush(task);
  }

  #checkReturn(rp: Kretprobe, place: Place): Refusal | null {
    if (place.offset !== 0) {
      return {
        errno: EINVAL,
        reason: `${describe(place)} is not a function's entry, where a return can be hooked`,
      };
    }
    if (this.#pointOf.has(rp.kp)) return { errno: EINVAL, reason: "this object is registered already" };
    if ((KRETPROBE_BLACKLIST[this.#host.arch.arch] ?? []).includes(place.symbol.name)) {
      return { errno: EINVAL, reason: `the return of ${place.symbol.name} must not be hooked` };
    }
    if (rp.dataSize > KRETPROBE_MAX_DATA_SIZE) {
      return {
        errno: E2BIG,
        reason: `dataSize ${rp.dataSize} is more than ${KRETPROBE_MAX_DATA_SIZE} bytes`,
      };
    }
    return null;
  }

  #addPoint(place: Place, onFtrace: boolean): ProbePoint {
    const point = new ProbePoint(this.#host, this.#cpus, {
      address: place.address,
      offset: place.offset,
      onFtrace,
      length: this.#instructionLength(place),
    });
    (this.#buckets[hashPtr(place.address, this.#host.arch.wordSize)] as ProbePoint[]).unshift(point);
    const start = place.symbol.address;
    const known = this.#functions.get(start);
    if (known === undefined) this.#functions.set(start, { name: place.symbol.name, points: [point] });
    else known.points.push(point);
    return point;
  }

  #removePoint(point: ProbePoint): void {
    const bucket = this.#buckets[hashPtr(point.address, this.#host.arch.wordSize)] as ProbePoint[];
    bucket.splice(bucket.indexOf(point), 1);
    const start = point.address - point.offset;
    const points = this.#functions.get(start)?.points;
    points?.splice(points.indexOf(point), 1);
    if (points?.length === 0) this.#functions.delete(start);
  }

  /** Arms or disarms a point as its probes want it, and tells the call engine. */
  #update(point: ProbePoint): void {
    const armed = point.wanted && !point.gone && !this.#allDisarmed;
    if (armed === point.armed) return;
    if (armed) point.arm();
    else point.disarm();
    const start = point.address - point.offset;
    const known = this.#functions.get(start);
    if (known === undefined) return;
    const fn = this.#host.calls.functionByName(known.name);
    if (fn === undefined || fn.address !== start) return;
    const points = known.points.filter((p) => p.armed);
    fn.hooks = points.length === 0 ? null : new ArmedFunction(points);
  }

  #instructionLength(place: Place): number {
    if (this.#host.arch.instructionAlign > 1) return this.#host.arch.instructionAlign;
    const info = functionAt(this.#host, place);
    const boundaries = info?.boundaries();
    const at = boundaries?.indexOf(place.offset) ?? -1;
    return at < 0 ? 1 : (boundaries?.[at + 1] ?? info?.size ?? place.offset + 1) - place.offset;
  }

  #refuse(p: Kprobe, refusal: Refusal, action = "register"): number {
    const kind = p.kretprobe === null ? "kprobe" : "kretprobe";
    this.#reasons.set(p, `Cannot ${action} ${kind} "${p.label}": ${refusal.reason}`);
    return -refusal.errno;
  }
}
