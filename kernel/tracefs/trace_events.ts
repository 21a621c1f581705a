/**
 * Trace events of one kernel: the `events` directories, and the files that define probe events.
 *
 * @module
 */

import { addressText } from "../../image/address.ts";
import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { S_IFMT, S_IFREG } from "../fs/modes.ts";
import { ftraceSite } from "../kprobes/place.ts";
import type { Directory } from "./directory.ts";
import { ErrorLog } from "./error_log.ts";
import { EventDirectory, type EventDirectoryHost } from "./events/event_directory.ts";
import type { EventFile, EventRecord } from "./events/event_file.ts";
import { ignoresEvent } from "./events/pid_rules.ts";
import type { PrintFmtHost } from "./events/print_fmt.ts";
import { EventRegistry } from "./events/registry.ts";
import { TracepointCall } from "./events/tracepoint_call.ts";
import { DynEvents } from "./probe_events/dyn_events.ts";
import type { ProbeEventHost } from "./probe_events/host.ts";
import { KprobeEvents } from "./probe_events/kprobe_events.ts";
import { ProbeSymbols } from "./probe_events/symbols.ts";
import { SynthEvents } from "./synthetic/synth_events.ts";
import { type UprobeEventHost, UprobeEvents } from "./uprobe_events/uprobe_events.ts";
import { uprobesOf } from "../uprobes/table.ts";
import { jiffiesAt } from "../time/jiffies.ts";
import { ftraceTrampolineReturn } from "./ftrace_trampoline.ts";
import { versionText } from "../release/build_info.ts";
import { snapshotByTrigger } from "./snapshot.ts";
import { emitEventStacks } from "./event_stacks.ts";
import { emitStack } from "./stack_record.ts";
import type { TraceArray } from "./trace_array.ts";
import { FTRACE_STACK_ENTRIES } from "./depths.ts";

/** Longest string that a filter or a `%s` reads. */
const MAX_STRING = 1024;

/** The trace events of one kernel. */
export class TraceEvents {
  /** Every event. */
  readonly registry: EventRegistry;
  /** Events that users defined, of whatever kind. */
  readonly dyn: DynEvents;
  /** Those on functions of the kernel. */
  readonly probes: KprobeEvents;
  /** Those of fields alone. */
  readonly synthetic: SynthEvents;
  /** Those on places in programs and libraries. */
  readonly uprobes: UprobeEvents;
  /** Puts a file in place that a uprobe names and nobody has made yet. Set by who knows which files there are. */
  placeUserFile: (path: string) => void = () => {};
  /** Errors of the kernel's own trace array, which those of definitions go to. */
  readonly errors: ErrorLog;
  readonly #k: Kernel;
  readonly #symbols: ProbeSymbols;
  readonly #directories = new WeakMap<TraceArray, EventDirectory>();

  constructor(k: Kernel) {
    this.#k = k;
    this.#symbols = new ProbeSymbols(k.image, k.modules, k.release);
    this.errors = new ErrorLog(k.clock);
    const printHost = this.#printHost();
    this.registry = new EventRegistry(k.image, (name) => {
      const info = k.image.tracepoint(name);
      return info === undefined ? undefined : new TracepointCall(info, k.tracepoints, printHost);
    });
    this.dyn = new DynEvents(this.registry, k.log);
    const host = this.#probeHost();
    this.probes = new KprobeEvents(host, this.dyn);
    this.synthetic = new SynthEvents({ ...host, wordSize: k.arch.wordSize }, this.dyn);
    this.uprobes = new UprobeEvents(host, this.#uprobeHost(), this.dyn);
    const banner = k.image.symbol("linux_banner")?.address;
    if (banner !== undefined) k.memory.writeString(banner, versionText(k.image));
    k.modules.onChange((module, state) => {
      if (state === "coming") this.probes.moduleComing(module.name);
    });
  }

  /** Hangs `kprobe_events` and its like. */
  addDefinitionFiles(tracing: Directory): void {
    tracing.add("dynamic_events", this.dyn.file);
    tracing.add("kprobe_events", this.dyn.fileOf(this.probes));
    tracing.add("kprobe_profile", this.probes.kprobeProfile);
    tracing.add("synthetic_events", this.synthetic.file);
    tracing.add("uprobe_events", this.dyn.fileOf(this.uprobes));
    tracing.add("uprobe_profile", this.uprobes.profile);
  }

  /** An event of a trace array, by its names; null where there is none. */
  find(array: TraceArray, system: string, event: string): EventFile | null {
    return this.#directories.get(array)?.find(system, event) ?? null;
  }

  /** Hangs a trace array's `events`, `set_event`, `available_events` and `error_log`. The result switches its events off. */
  addArrayFiles(directory: Directory, array: TraceArray): () => void {
    const errors = array.name === "" ? this.errors : new ErrorLog(this.#k.clock);
    directory.add("error_log", errors);
    directory.add("set_event_pid", array.eventPids.file(""));
    directory.add("set_event_notrace_pid", array.eventNotracePids.file(""));
    const events = new EventDirectory(directory, this.registry, this.#arrayHost(array, errors));
    this.#directories.set(array, events);
    return () => events.close();
  }

  #printHost(): PrintFmtHost {
    const k = this.#k;
    return {
      arch: k.archName,
      named: (name) => this.#named(name),
      structSize: (name) => {
        const type = k.image.type(`struct ${name}`);
        return type === undefined ? undefined : k.image.sizeOf(type);
      },
      hashed: (address) => k.pointers.hashed(address),
      symbolText: (address) => this.#symbols.text(address),
      symbolName: (address) => this.#symbols.name(address),
      readString: (address) => this.#readString(address),
    };
  }

  #probeHost(): ProbeEventHost {
    const k = this.#k;
    const symbols = this.#symbols;
    const jiffies = k.image.symbol("jiffies")?.address;
    return {
      arch: k.arch,
      wordSize: k.arch.wordSize,
      memory: k.memory,
      kprobes: k.kprobes,
      log: k.log,
      errors: this.errors,
      pointers: k.pointers,
      symbols,
      events: this.registry,
      release: k.image.release,
      missingFetch: k.release.missingFetch,
      trampolineAddress: k.kprobes.trampolineAddress,
      ftraceReturn: ftraceTrampolineReturn(k.image, k.arch.layout),
      symbolText: (address) => symbols.text(address),
      symbolName: (address) => symbols.name(address),
      addressText: (address) => addressText(k.image.arch, address),
      comm: () => k.current.comm,
      current: () => k.current,
      updateClock: () => {
        if (jiffies !== undefined) k.memory.writeWord(jiffies, jiffiesAt(k.now()));
      },
      isFollowed: (address) => {
        const name = k.image.symbolAt(address)?.symbol.name;
        return name !== undefined && k.tracefs.followed.follows(name);
      },
      hasFtraceSite: (start) => {
        const symbol = k.image.symbolAt(start)?.symbol;
        return symbol !== undefined && ftraceSite(k, symbol) !== null;
      },
    };
  }

  #uprobeHost(): UprobeEventHost {
    const k = this.#k;
    return {
      inodeAt: (path) => {
        this.placeUserFile(path);
        const inode = k.vfs.lookup(path)?.inode ?? null;
        if (inode === null) return null;
        return (inode.mode & S_IFMT) === S_IFREG ? inode.address : "irregular";
      },
      register: (path, offset, consumer) => uprobesOf(k).register(path, offset, consumer),
      unregister: (path, offset, consumer) => uprobesOf(k).unregister(path, offset, consumer),
    };
  }

  #arrayHost(array: TraceArray, log: ErrorLog): EventDirectoryHost {
    const k = this.#k;
    const { buffer } = array;
    return {
      log,
      isMain: array.name === "",
      wordSize: k.arch.wordSize,
      context: {
        get cpu() {
          return k.cpu;
        },
        get comm() {
          return k.current.comm;
        },
        readString: (address) => this.#readString(address),
      },
      ignores: (call, reader) =>
        ignoresEvent(array.eventPids, array.eventNotracePids, k.current.pid, call, reader),
      emit(record, type): void {
        const { text, flags, size } = record;
        if (buffer.record({ kind: "event", text, type }, flags, size)) emitEventStacks(k, array, record);
      },
      reserve(waits) {
        const place = buffer.on || waits ? buffer.reserve() : null;
        if (place === null) return null;
        return {
          commit(record, type): void {
            if (!buffer.on && waits) return;
            const { text, flags, size } = record;
            buffer.commit(place, { kind: "event", text, type }, flags, size);
            emitEventStacks(k, array, record);
          },
        };
      },
      switched(file, on): void {
        if (on) array.shared.tasks.eventOn(file, array.options);
        else array.shared.tasks.eventOff(file);
      },
      allocateSnapshot: () => array.allocateSnapshot(),
      snapshot: (flags) => snapshotByTrigger(array, k.tracefs.array, flags),
      expand: () => buffer.expand(),
      clear: () => array.reset(),
      isTracing: () => buffer.on,
      setTracing: (on) => void (buffer.on = on),
      emitStack: (record) => emitStack(buffer, this.#stackOf(record), record.flags),
      stackOf: (record) => this.#stackOf(record),
      now: () => array.clock.stamp(),
      symbol: (value, offset) => {
        const address = Number(BigInt.asIntN(64, value));
        return offset ? this.#symbols.text(address) : this.#symbols.name(address);
      },
      commOf: (pid) => buffer.cmdlines.comm(pid),
      syscallName: (nr) => {
        const name = k.image.syscallName(nr);
        return name === undefined ? "unknown_syscall" : `sys_${name}`;
      },
    };
  }

  /** The running kernel's stack as a trigger finds it: the frames of the probe's handlers, then the function and its callers. */
  #stackOf({ handlers, hidesCaller }: EventRecord): readonly (Addr | string)[] {
    const k = this.#k;
    return [...handlers(), ...k.calls.stack(k.current, FTRACE_STACK_ENTRIES).slice(hidesCaller ? 1 : 0)];
  }

  /** Enumerators, and the variables that formats of the kernel's events name. */
  #named(name: string): number | undefined {
    if (name === "vmemmap_base") return this.#k.arch.layout.vmemmap;
    if (name === "jiffies") return jiffiesAt(this.#k.now());
    return this.#k.image.enumerator(name);
  }

  #readString(address: bigint): string | null {
    const place = Number(BigInt.asIntN(64, address));
    return Number.isSafeInteger(place) ? this.#k.memory.probeReadString(place, MAX_STRING) : null;
  }
}
