/**
 * The kprobe table of one kernel: registering, unregistering, arming.
 *
 * @module
 */

import type { Addr, BlacklistRange } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import { scheduleBug } from "./atomic.ts";
import { ProbeBlacklist } from "./blacklist.ts";
import { DetourSlots } from "./detour_slots.ts";
import { EEXIST, EINVAL } from "./errno.ts";
import type { ModuleText, ProbeHost, ProbeTask } from "./host.ts";
import {
  type Kprobe,
  KPROBE_FLAG_DISABLED,
  KPROBE_FLAG_FTRACE,
  KPROBE_FLAG_GONE,
  KPROBE_FLAG_ON_FUNC_ENTRY,
} from "./kprobe.ts";
import { InstancePool, type Kretprobe, type KretprobeInstance } from "./kretprobe.ts";
import { type ListedProbe, listPoints } from "./listing.ts";
import { canOptimize, displacedBytes } from "./optimizable.ts";
import { Optimizer } from "./optimizer.ts";
import {
  afterFtraceSite,
  checkInstruction,
  checkSafe,
  describe,
  ftraceSite,
  type Place,
  type Refusal,
  resolvePlace,
} from "./place.ts";
import { PointIndex } from "./point_index.ts";
import { type CpuState, type Detour, ProbePoint } from "./point.ts";
import { pointFacts } from "./point_facts.ts";
import { type ProbeRefusal, Refusals } from "./refusals.ts";
import { type RefusedProbe, registerAll } from "./register.ts";
import { Rethook } from "./rethook.ts";
import { checkEntry, checkMemory, checkReturn } from "./return_rules.ts";

/** Logged when booting, and when optimisation is switched on again. */
const OPTIMIZATION_ENABLED =
  "kprobes: kprobe jump-optimization is enabled. All kprobes are optimized if possible.";

/**
 * Kprobes and kretprobes of one kernel, by the rules of its release. `register` tells all about a refusal. Results of the
 * others are 0 or a negated errno as in C; `refusalOf` tells in a sentence what Linux leaves open.
 */
export class KprobeTable {
  readonly #host: ProbeHost;
  readonly #points: PointIndex;
  readonly #pointOf = new Map<Kprobe, ProbePoint>();
  readonly #refusals = new Refusals();
  readonly #blacklist: ProbeBlacklist;
  readonly #optimizer: Optimizer;
  readonly #slots: DetourSlots;
  readonly #cpus: readonly CpuState[];
  readonly #rethook: Rethook;
  #allDisarmed = false;
  #ftraceEnabled = true;

  constructor(host: ProbeHost) {
    this.#host = host;
    this.#cpus = Array.from({ length: host.cpus }, () => ({ current: null, status: "idle", hooked: false }));
    this.#slots = new DetourSlots(host.arch.layout.modulesEnd);
    this.#rethook = new Rethook(host, this.#cpus);
    this.#points = new PointIndex(host);
    this.#blacklist = new ProbeBlacklist(host);
    const table = this as KprobeTable;
    this.#optimizer = new Optimizer(host, {
      pointAt: (address) => table.pointAt(address),
      get allDisarmed() {
        return table.#allDisarmed;
      },
      removeUnused: (point) => table.#removePoint(point),
      changed: (point) => table.#points.rehook(point),
    });
    if (canOptimize(host)) host.log.printk(OPTIMIZATION_ENABLED);
  }

  /** Registers kprobes and kretprobes, all or none. Null, or the first that is refused: errno, its name, and the reason. */
  register(...probes: readonly (Kprobe | Kretprobe)[]): RefusedProbe | null {
    return registerAll(this, probes);
  }

  /** Registers a kprobe and arms it unless it has `KPROBE_FLAG_DISABLED`. 0, or -errno: then see `refusalOf`. */
  registerKprobe(p: Kprobe): number {
    const placed = resolvePlace(this.#host, p);
    if ("refusal" in placed) return this.#refuse(p, placed.refusal);
    const { place } = placed;
    p.addr = place.address;
    const reregistered = this.#checkRereg(p);
    if (reregistered !== null) return this.#refuse(p, reregistered);
    p.flags &= KPROBE_FLAG_DISABLED;
    p.nmissed = 0;
    const onFtrace = ftraceSite(this.#host, place.symbol) === place.address;
    if (onFtrace && (!this.#host.arch.kprobesOnFtrace || this.#host.release.ftraceSites === "refused")) {
      return this.#refuse(p, { errno: EINVAL, reason: this.#keptForFtrace(place) });
    }
    if (onFtrace) p.flags |= KPROBE_FLAG_FTRACE;
    const unsafe = checkSafe(this.#host, this.#blacklist, place);
    if (unsafe !== null) return this.#refuse(p, unsafe);
    if (place.offset === 0 && this.#host.release.marksEntries) p.flags |= KPROBE_FLAG_ON_FUNC_ENTRY;
    const refusal = this.#place(p, place, onFtrace);
    if (refusal !== null) return this.#refuse(p, refusal);
    this.#refusals.clear(p);
    return 0;
  }

  /** Registers several, all or none: the first failure unregisters those before it and is returned. */
  registerKprobes(probes: readonly Kprobe[]): number {
    return this.#registerSome(probes);
  }

  /** Unregisters a kprobe. One that isn't registered gets `addr` null, and nothing else happens. */
  unregisterKprobe(p: Kprobe): void {
    const point = this.#pointOf.get(p);
    if (point === undefined) {
      p.addr = null;
      return;
    }
    this.mightSleep();
    this.#disable(p, point);
    this.#pointOf.delete(p);
    const last = point.probes.length === 1;
    point.probes = point.probes.filter((q) => q !== p);
    if (!point.aggregated || (last && (point.gone || this.#optimizer.disarmed(point)))) {
      this.#removePoint(point);
    } else if (!point.disabled && !this.#allDisarmed) {
      // A post handler may have gone with it.
      this.#optimizer.optimize(point);
    }
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
    if (point.aggregated) p.flags &= ~KPROBE_FLAG_DISABLED;
    // While all kprobes are disarmed, what stands for the point stays marked disabled.
    if (!this.#allDisarmed && point.disabled) {
      point.setFlag(KPROBE_FLAG_DISABLED, false);
      this.#arm(point);
    }
    return 0;
  }

  /** Disarms a kprobe; text goes back once all probes at the address are disabled. -EINVAL if it isn't registered. */
  disableKprobe(p: Kprobe): number {
    const point = this.#pointOf.get(p);
    if (point === undefined) {
      return this.#refuse(p, { errno: EINVAL, reason: "it is not registered" }, "disable");
    }
    this.#disable(p, point);
    return 0;
  }

  /** Registers a kretprobe. `maxactive` of 0 or less becomes max(10, 2 × CPUs). 0, or -errno. */
  registerKretprobe(rp: Kretprobe): number {
    const { kp } = rp;
    const placed = resolvePlace(this.#host, kp);
    if ("refusal" in placed) return this.#refuse(kp, placed.refusal);
    const { place } = placed;
    const refusal = checkEntry(this.#host, place) ?? this.#checkRereg(kp) ??
      checkReturn(this.#host, rp, place);
    if (refusal !== null) return this.#refuse(kp, refusal);
    kp.postHandler = null;
    kp.preHandler = (p, regs) => this.#rethook.enter(p, regs);
    rp.maxactive |= 0;
    if (rp.maxactive <= 0) rp.maxactive = this.#host.release.defaultMaxactive(this.#host.cpus);
    const memory = checkMemory(this.#host, rp);
    if (memory !== null) return this.#refuse(kp, memory);
    rp.pool = new InstancePool(rp, rp.maxactive);
    rp.nmissed = 0;
    const result = this.registerKprobe(kp);
    if (result !== 0) rp.pool = null;
    return result;
  }

  /** Registers several, all or none. */
  registerKretprobes(probes: readonly Kretprobe[]): number {
    return this.#registerSome(probes);
  }

  #registerSome(probes: readonly (Kprobe | Kretprobe)[]): number {
    if (probes.length === 0) return -EINVAL;
    const refused = this.register(...probes);
    return refused === null ? 0 : -refused.errno;
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
    return this.refusalOf(probe)?.reason;
  }

  /** The last refusal of a probe: errno, its name, and the reason; undefined if it wasn't refused. */
  refusalOf(probe: Kprobe | Kretprobe): ProbeRefusal | undefined {
    return this.#refusals.of("kp" in probe ? probe.kp : probe);
  }

  /** Whether armed probes run at all: debugfs `kprobes/enabled`. */
  get enabled(): boolean {
    return !this.#allDisarmed;
  }

  /** Arms or disarms everything without touching any probe's flags, and says so in the log if that is new. */
  set enabled(enabled: boolean) {
    if (enabled === !this.#allDisarmed) return;
    this.#allDisarmed = !enabled;
    for (const point of this.points()) {
      if (point.disabled) continue;
      if (enabled) this.#arm(point);
      else this.#disarm(point, false);
    }
    if (!enabled) this.#optimizer.flush();
    this.#host.log.printk(`kprobes: Kprobes globally ${enabled ? "enabled" : "disabled"}`);
  }

  /** Whether ftrace patches its sites: `/proc/sys/kernel/ftrace_enabled`. */
  get ftraceEnabled(): boolean {
    return this.#ftraceEnabled;
  }

  /** Takes the calls out of ftrace's sites, or puts them back: probes there stay as they are, but don't run meanwhile. */
  set ftraceEnabled(enabled: boolean) {
    if (enabled === this.#ftraceEnabled) return;
    this.#ftraceEnabled = enabled;
    for (const point of this.points()) {
      if (!point.onFtrace || point.disabled || this.#allDisarmed) continue;
      if (enabled) this.#arm(point);
      else this.#disarm(point, false);
    }
  }

  /** Whether breakpoints are turned into jumps: `/proc/sys/debug/kprobes-optimization`. */
  get optimization(): boolean {
    return this.#optimizer.allowed;
  }

  /** Allows jumps and queues what can be one, or turns all of them back at once; the log says so if that is new. */
  set optimization(allowed: boolean) {
    if (allowed === this.#optimizer.allowed) return;
    this.#optimizer.allowed = allowed;
    for (const point of this.points()) {
      if (point.disabled) continue;
      if (allowed) this.#optimizer.optimize(point);
      else this.#optimizer.unoptimize(point, false);
    }
    if (!allowed) this.#optimizer.flush();
    this.#host.log.printk(
      allowed
        ? OPTIMIZATION_ENABLED
        : "kprobes: kprobe jump-optimization is disabled. All kprobes are based on software breakpoint.",
    );
  }

  /** Does now what the optimiser has put off (`wait_for_kprobe_optimizer`). */
  waitForOptimizer(): void {
    this.#optimizer.flush();
  }

  /** Ranges that must not be probed, as debugfs `kprobes/blacklist` lists them. */
  blacklist(): readonly BlacklistRange[] {
    return this.#blacklist.ranges();
  }

  /** A module changed its state: its blacklist counts or not, and probes in text that goes away are dead. */
  moduleChanged(module: ModuleText): void {
    if (module.state === "coming") {
      this.#blacklist.addModule(module.name, module.blacklist);
      return;
    }
    for (const point of this.points()) {
      const goes = module.withinInit(point.address) ||
        (module.state === "going" && module.withinCore(point.address));
      if (goes && !point.gone) this.#kill(point);
    }
    if (module.state === "going") this.#blacklist.removeModule(module.name);
  }

  /** What is probed at an address. */
  pointAt(address: Addr): ProbePoint | undefined {
    return this.#points.at(address);
  }

  /** The point that a registered probe sits on. */
  pointOf(p: Kprobe): ProbePoint | undefined {
    return this.#pointOf.get(p);
  }

  /** Every registered probe in the order of debugfs `kprobes/list`: bucket by bucket, newest first. */
  list(): readonly Kprobe[] {
    return this.points().flatMap((point) => point.probes);
  }

  /** The same with what `kprobes/list` tells of each. */
  listing(): readonly ListedProbe[] {
    return listPoints(this.points());
  }

  /** Every probed address, bucket by bucket, newest first. */
  points(): readonly ProbePoint[] {
    return this.#points.all();
  }

  /** What runs on a CPU now: `current_kprobe`. */
  currentOn(cpu: number): Kprobe | null {
    return this.#cpus[cpu]?.current ?? null;
  }

  /** What is done now takes mutexes and waits, for all CPUs to see it: in a handler, the log says what that is. */
  mightSleep(): void {
    const running = this.currentOn(this.#host.current.cpu);
    if (running !== null) scheduleBug(this.#host, this.#pointOf.get(running));
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

  /** `warn_kprobe_rereg`. */
  #checkRereg(p: Kprobe): Refusal | null {
    if (!this.#pointOf.has(p)) return null;
    const { log, release, current } = this.#host;
    if (release.warnsReregistration) {
      log.printkOnce(
        "warn_kprobe_rereg",
        `------------[ cut here ]------------\nWARNING: CPU: ${current.cpu} PID: ${current.pid} at ` +
          `kernel/kprobes.c warn_kprobe_rereg\n---[ end trace 0000000000000000 ]---`,
        "warn",
      );
    }
    return { errno: EINVAL, reason: "this object is registered already" };
  }

  #keptForFtrace(place: Place): string {
    const { arch, release } = this.#host;
    const next = afterFtraceSite(this.#host, place.symbol) ?? 0;
    const keeper = arch.kprobesOnFtrace ? `release ${release.name}` : arch.arch;
    return `${describe(place)} is the function's ftrace site, which ${keeper} keeps for ftrace; the next ` +
      `instruction is at +0x${next.toString(16)}`;
  }

  /** Puts a checked probe on its address, beside others or as the first (checks 10 to 12). */
  #place(p: Kprobe, place: Place, onFtrace: boolean): Refusal | null {
    const known = this.pointAt(place.address);
    if (known !== undefined) return this.#join(p, known);
    const refusal = onFtrace ? null : checkInstruction(this.#host, place);
    if (refusal !== null) return refusal;
    const point = this.#addPoint(place, onFtrace);
    point.probes = [p, ...point.probes];
    this.#adopt(p, point);
    if (!this.#allDisarmed && !p.disabled) this.#arm(point);
    if (!onFtrace && point.displaced > 0) {
      point.aggregate();
      this.#optimizer.optimize(point);
    }
    return null;
  }

  /** `register_aggr_kprobe`. */
  #join(p: Kprobe, point: ProbePoint): Refusal | null {
    const breaks = p.breakHandler !== null && this.#host.release.breakHandler;
    if (breaks && point.probes.some((q) => q.breakHandler !== null)) {
      return { errno: EEXIST, reason: "a probe with a break handler (a jprobe) is at that address already" };
    }
    point.aggregate();
    if (point.probes.length === 0) {
      // An unused manager that is still a jump lives on.
      point.setFlag(KPROBE_FLAG_DISABLED, false);
      this.#optimizer.optimize(point);
    }
    if (point.gone) {
      point.setFlag(KPROBE_FLAG_GONE, false);
      point.setFlag(KPROBE_FLAG_DISABLED, true);
    }
    if (breaks || p.postHandler !== null) this.#optimizer.unoptimize(point, true);
    if (breaks) point.probes = [...point.probes, p];
    else point.probes = [p, ...point.probes];
    this.#adopt(p, point);
    if (point.disabled && !p.disabled) {
      point.setFlag(KPROBE_FLAG_DISABLED, false);
      if (!this.#allDisarmed) this.#arm(point);
    }
    return null;
  }

  #adopt(p: Kprobe, point: ProbePoint): void {
    this.#pointOf.set(p, point);
    const { arch, memory } = this.#host;
    const bytes = memory.text.original(point.address, arch.breakpoint.length);
    p.opcode = bytes.reduceRight((word, byte) => word * 256 + byte, 0);
  }

  /** `__disable_kprobe`. */
  #disable(p: Kprobe, point: ProbePoint): void {
    if (p.disabled) return;
    if (point.aggregated) p.flags |= KPROBE_FLAG_DISABLED;
    if (point.aggregated && !point.probes.every((q) => q.disabled)) return;
    if (!this.#allDisarmed && !point.disabled) this.#disarm(point, true);
    point.setFlag(KPROBE_FLAG_DISABLED, true);
  }

  /** `arm_kprobe`. */
  #arm(point: ProbePoint): void {
    if (point.onFtrace && !this.#ftraceEnabled) return;
    if (!point.onFtrace) {
      const jump = this.#optimizer.covering(point.address);
      if (jump !== undefined) this.#optimizer.unoptimize(jump, true);
    }
    point.arm();
    this.#points.rehook(point);
    if (!point.onFtrace) this.#optimizer.optimize(point);
  }

  /** `disarm_kprobe`; `reopt`: a jump that had to make room may come back. */
  #disarm(point: ProbePoint, reopt: boolean): void {
    if (!point.onFtrace) this.#optimizer.unoptimize(point, this.#allDisarmed);
    if (this.#optimizer.queued(point)) return;
    point.disarm();
    this.#points.rehook(point);
    if (point.onFtrace || !reopt) return;
    const jump = this.#optimizer.covering(point.address);
    if (jump !== undefined) this.#optimizer.optimize(jump);
  }

  /** `kill_kprobe`: its code goes away. It stays listed, and its handlers never run again. */
  #kill(point: ProbePoint): void {
    this.#optimizer.forget(point);
    for (const p of point.probes) p.flags |= KPROBE_FLAG_GONE;
    point.setFlag(KPROBE_FLAG_GONE, true);
    point.disarm();
    this.#points.rehook(point);
  }

  #addPoint(place: Place, onFtrace: boolean): ProbePoint {
    const detour = onFtrace ? null : this.#detour(place);
    const point = new ProbePoint(this.#host, this.#cpus, pointFacts(this.#host, place, onFtrace, detour));
    this.#points.add(point);
    return point;
  }

  /** `arch_prepare_optimized_kprobe`: null where the place can't be a jump. */
  #detour(place: Place): Detour | null {
    const displaced = displacedBytes(this.#host, place);
    const address = displaced === 0 ? null : this.#slots.take();
    return address === null ? null : { displaced, address };
  }

  #removePoint(point: ProbePoint): void {
    if (point.detour !== null) this.#slots.giveBack(point.detour.address);
    if (point.armed) {
      point.disarm();
      this.#points.rehook(point);
    }
    this.#points.remove(point);
  }

  #refuse(p: Kprobe, refusal: Refusal, action = "register"): number {
    this.#refusals.note(p, refusal, action);
    return -refusal.errno;
  }
}
