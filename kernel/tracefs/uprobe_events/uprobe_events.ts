/**
 * `uprobe_events` and `uprobe_profile`: events on places in programs and libraries.
 *
 * @module
 */

import { EEXIST, EINVAL } from "../../syscalls/errno.ts";
import type { TraceFile } from "../file.ts";
import { type DynEventKind, type DynEvents, splitWords } from "../probe_events/dyn_events.ts";
import type { ProbeEventHost } from "../probe_events/host.ts";
import { firstDifference, ProbeEvent, releaseProbe } from "../probe_events/probe_event.ts";
import { ProbeLog } from "../probe_events/probe_log.ts";
import { parseUprobe, type UprobeParseHost } from "./parse_uprobe.ts";
import { TraceUprobe, type UprobeOwner, type UprobeSource } from "./trace_uprobe.ts";

/** What events on files need of a kernel besides what those on functions do. */
export interface UprobeEventHost extends UprobeSource {
  inodeAt: UprobeParseHost["inodeAt"];
}

/** All events on places in files of one kernel. */
export class UprobeEvents implements DynEventKind, UprobeOwner {
  readonly #host: ProbeEventHost;
  readonly #source: UprobeEventHost;
  readonly #dyn: DynEvents;
  /** In the order of definition. */
  readonly #probes: TraceUprobe[] = [];

  constructor(host: ProbeEventHost, source: UprobeEventHost, dyn: DynEvents) {
    this.#host = host;
    this.#source = source;
    this.#dyn = dyn;
    dyn.addKind(this);
  }

  /** Every probe, in the order of definition. */
  get probes(): readonly TraceUprobe[] {
    return this.#probes;
  }

  /** `uprobe_profile`: hits of each probe. */
  readonly profile: TraceFile = {
    mode: 0o440,
    read: () =>
      this.#probes.map(({ definition, hits }) =>
        `  ${definition.path} ${definition.event.padEnd(44)} ${String(hits).padStart(15)}\n`
      ).join(""),
  };

  /** Defines an event, or adds a probe to one: 0 or -errno, with an entry in the error log. */
  create(line: string): number {
    const words = splitWords(line);
    if (words.length === 0) return 0;
    const { errors, release, arch, missingFetch } = this.#host;
    const log = new ProbeLog(words, errors, release, "trace_uprobe");
    const host = { arch, missingFetch, inodeAt: (path: string) => this.#source.inodeAt(path) };
    const definition = parseUprobe(words, host, () => log);
    if (typeof definition === "number") return definition;
    return this.#register(new TraceUprobe(definition, this.#host, this.#source, this), log);
  }

  /** `unregister_trace_uprobe`: -EBUSY while the event is in use, unless it has other probes. */
  release(probe: TraceUprobe): number {
    const result = releaseProbe(probe, this.#host.events);
    if (result < 0) return result;
    probe.disable();
    this.#probes.splice(this.#probes.indexOf(probe), 1);
    this.#dyn.remove(probe);
    return 0;
  }

  /** `register_trace_uprobe`. */
  #register(probe: TraceUprobe, log: ProbeLog): number {
    const { definition } = probe;
    const { events, arch } = this.#host;
    if (this.#probes.some((other) => isOtherCounter(other, probe))) {
      this.#host.log.printk("trace_uprobe: Reference counter offset mismatch.", "warn");
      return -EINVAL;
    }
    log.index = 0;
    const existing =
      this.#probes.find(({ definition: other }) =>
        other.group === definition.group && other.event === definition.event
      )?.event ?? null;
    if (existing === null) {
      if (events.exists(definition.group, definition.event)) return refuse(log, "EVENT_EXIST");
      const added = events.add(new ProbeEvent(probe, arch.wordSize));
      if (added < 0) return added;
    } else {
      if (existing.isReturn !== definition.isReturn) return refuse(log, "DIFF_PROBE_TYPE");
      const different = firstDifference(definition.args, existing.probes[0]?.definition.args ?? []);
      if (different > 0) {
        log.index = different + 1;
        return refuse(log, "DIFF_ARG_TYPE");
      }
      if (this.#probes.some((other) => other.event === existing && isSame(other, probe))) {
        return refuse(log, "SAME_PROBE");
      }
      existing.append(probe);
    }
    this.#probes.push(probe);
    this.#dyn.add(probe);
    return 0;
  }
}

/** Whether two probes are at one place, but count their users in different ones (`validate_ref_ctr_offset`). */
function isOtherCounter({ definition: a }: TraceUprobe, { definition: b }: TraceUprobe): boolean {
  return a.inode === b.inode && a.offset === b.offset && a.refCtrOffset !== b.refCtrOffset;
}

/** `trace_uprobe_has_same_uprobe`. */
function isSame({ definition: a }: TraceUprobe, { definition: b }: TraceUprobe): boolean {
  return a.inode === b.inode && a.offset === b.offset &&
    a.args.every((arg, i) => arg.text === b.args[i]?.text);
}

function refuse(log: ProbeLog, error: Parameters<ProbeLog["error"]>[1]): number {
  log.error(0, error);
  return -EEXIST;
}
