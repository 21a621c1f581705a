/**
 * Registers one attach point with the kernel's own interfaces: kprobes, kretprobes, tracepoints, timers.
 *
 * @module
 */

import type { Attachment } from "../graph/compile.ts";
import { narrow } from "../graph/maps/total.ts";
import { argumentWordCount, registerWords } from "../graph/passes/argument_words.ts";
import type { PtRegs } from "../kernel/arch/pt_regs.ts";
import { errnoName } from "../kernel/errno_name.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { Kprobe, Kretprobe, type KretprobeInstance } from "../kernel/kprobes/mod.ts";
import { EINVAL } from "../kernel/syscalls/errno.ts";
import { nearNames } from "../image/near.ts";
import { uprobesOf } from "../kernel/uprobes/table.ts";
import { placeUserFile, userFile, userSymbols } from "../workloads/user/symbols.ts";
import { Timer } from "../kernel/time/timers.ts";
import type { TraceRecord } from "../kernel/tracing/record.ts";

/** Runs the handler of an attach point for one hit. */
export type HitRunner = (
  regs: PtRegs | null,
  record: TraceRecord | null,
  instance: KretprobeInstance | null,
) => void;

/** Computes what a kretprobe keeps of a function's entry. */
export type EntryRunner = (regs: PtRegs) => unknown;

/** Calls whose return an fexit can wait for at once: its trampoline has a stack frame for each. */
const FEXIT_INSTANCES = 4096;

/** An attach point that the kernel has taken. */
export interface Armed {
  /** When the handler runs; `end` points run when the session ends. */
  readonly phase: "begin" | "live" | "end";
  readonly attachment: Attachment;
  readonly run: HitRunner;
  /** Hits handled so far. */
  readonly hits: () => number;
  /** Hits that were not handled: no free instance, or another probe was running. */
  readonly missed: () => number;
  /** Takes the point off the kernel; counts stay readable. */
  readonly disarm: () => void;
}

/** The kernel refused a probe. */
export class AttachError extends Error {
  /** `EINVAL`, `EILSEQ` … */
  readonly errno: string;
  /** `kprobe:vfs_open` */
  readonly probe: string;

  /** `result` is what registering returned: minus errno. */
  constructor(probe: string, result: number, reason: string | undefined) {
    const errno = errnoName(-result);
    super(`Cannot attach ${probe}: ${errno}${reason === undefined ? "" : `: ${reason}`}`);
    this.name = "AttachError";
    this.errno = errno;
    this.probe = probe;
  }
}

/** Arms one attach point. Throws an `AttachError` where the kernel refuses it. */
export function arm(kernel: Kernel, attachment: Attachment, run: HitRunner, keep?: EntryRunner): Armed {
  const { point } = attachment.at;
  switch (point.kind) {
    case "kprobe":
    case "fentry":
      return armKprobe(kernel, attachment, point, run);
    case "fexit":
      return armFexit(kernel, attachment, point, run);
    case "kretprobe":
      return armKretprobe(kernel, attachment, point, run, keep);
    case "tracepoint":
      return armTracepoint(kernel, attachment, point, run);
    case "uprobe":
    case "uretprobe":
      return armUprobe(kernel, attachment, point, run);
    case "interval":
      return armInterval(kernel, attachment, point.ns, run);
    case "profile":
      return armProfile(kernel, attachment, point.ns, run);
    case "software":
      return armSoftware(kernel, attachment, point, run);
    case "begin":
    case "end":
      return armOnce(attachment, point.kind, run);
  }
}

type Point<K> = Extract<Attachment["at"]["point"], { readonly kind: K }>;

function checkArmed(kernel: Kernel, attachment: Attachment, probe: Kprobe | Kretprobe, result: number): void {
  if (result !== 0) throw new AttachError(attachment.name, result, kernel.kprobes.reasonOf(probe));
}

function armKprobe(
  kernel: Kernel,
  attachment: Attachment,
  point: Point<"kprobe"> | Point<"fentry">,
  run: HitRunner,
): Armed {
  let hits = 0;
  const probe = new Kprobe({
    symbolName: point.target,
    offset: point.kind === "kprobe" ? point.offset : 0,
    label: attachment.name,
    preHandler(_probe, regs) {
      hits++;
      run(regs, null, null);
    },
  });
  checkArmed(kernel, attachment, probe, kernel.kprobes.registerKprobe(probe));
  return {
    phase: "live",
    attachment,
    run,
    hits: () => hits,
    missed: () => probe.nmissed,
    disarm: () => kernel.kprobes.unregisterKprobe(probe),
  };
}

function armKretprobe(
  kernel: Kernel,
  attachment: Attachment,
  point: Point<"kretprobe">,
  run: HitRunner,
  keep: EntryRunner | undefined,
): Armed {
  let hits = 0;
  const probe = new Kretprobe({
    symbolName: point.target,
    maxactive: point.maxactive,
    label: attachment.name,
    handler(instance, regs) {
      hits++;
      run(regs, null, instance);
    },
    ...(keep === undefined ? {} : {
      entryHandler(instance, regs) {
        instance.note = keep(regs);
      },
    }),
  });
  checkArmed(kernel, attachment, probe, kernel.kprobes.registerKretprobe(probe));
  return {
    phase: "live",
    attachment,
    run,
    hits: () => hits,
    missed: () => probe.nmissed + probe.kp.nmissed,
    disarm: () => kernel.kprobes.unregisterKretprobe(probe),
  };
}

/** A trampoline has the arguments on its stack still when the function returns. */
function armFexit(kernel: Kernel, attachment: Attachment, point: Point<"fexit">, run: HitRunner): Armed {
  const params = attachment.at.prototype?.params ?? [];
  const words = argumentWordCount(params, kernel.image) ?? registerWords(kernel.image.arch);
  const kretprobe = { kind: "kretprobe", target: point.target, maxactive: FEXIT_INSTANCES } as const;
  return armKretprobe(
    kernel,
    attachment,
    kretprobe,
    run,
    (regs) => Array.from({ length: words }, (_, i) => narrow(regs.argBig(i))),
  );
}

function armUprobe(
  kernel: Kernel,
  attachment: Attachment,
  point: Point<"uprobe"> | Point<"uretprobe">,
  run: HitRunner,
): Armed {
  let hits = 0;
  const hit = (regs: PtRegs): void => {
    hits++;
    run(regs, null, null);
  };
  const file = userFile(kernel.archName, point.path);
  const offset = userOffset(kernel, attachment.name, file, point);
  const consumer = point.kind === "uprobe" ? { handler: hit, nmissed: 0 } : { retHandler: hit, nmissed: 0 };
  const uprobes = uprobesOf(kernel);
  const result = uprobes.register(file, offset, consumer);
  if (result !== 0) throw new AttachError(attachment.name, result, undefined);
  return {
    phase: "live",
    attachment,
    run,
    hits: () => hits,
    missed: () => consumer.nmissed,
    disarm: () => uprobes.unregister(file, offset, consumer),
  };
}

/** Where a function lies in its file. A file of ours that no workload has put in place yet is made. */
function userOffset(
  kernel: Kernel,
  name: string,
  file: string,
  point: Point<"uprobe"> | Point<"uretprobe">,
): number {
  const more = point.kind === "uprobe" ? point.offset : 0;
  const symbols = userSymbols(file);
  if (symbols.length > 0) placeUserFile(kernel, file);
  if (/^0x[0-9a-f]+$/i.test(point.target)) return Number(point.target) + more;
  const symbol = symbols.find((known) => known.name === point.target);
  if (symbol !== undefined && more < symbol.size) return symbol.offset + more;
  const near = nearNames(point.target, symbols.map((known) => known.name), 1)[0];
  throw new AttachError(
    name,
    -EINVAL,
    symbol !== undefined
      ? `${point.target} has ${symbol.size} bytes`
      : symbols.length === 0
      ? `nothing is known of ${file}`
      : `${file} has no function "${point.target}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
  );
}

function armTracepoint(
  kernel: Kernel,
  attachment: Attachment,
  point: Point<"tracepoint">,
  run: HitRunner,
): Armed {
  let hits = 0;
  const registration = kernel.tracepoints.register(`${point.subsystem}:${point.event}`, (record) => {
    hits++;
    run(null, record, null);
  });
  return {
    phase: "live",
    attachment,
    run,
    hits: () => hits,
    missed: () => 0,
    disarm: () => kernel.tracepoints.unregister(registration),
  };
}

function armInterval(kernel: Kernel, attachment: Attachment, ns: number, run: HitRunner): Armed {
  let hits = 0;
  const timer = new Timer(kernel.clock, kernel.events, ns, () => {
    hits++;
    run(null, null, null);
  });
  return {
    phase: "live",
    attachment,
    run,
    hits: () => hits,
    missed: () => 0,
    disarm: () => timer.stop(),
  };
}

/** On every CPU, in what runs there. */
function armProfile(kernel: Kernel, attachment: Attachment, ns: number, run: HitRunner): Armed {
  let hits = 0;
  const timer = new Timer(kernel.clock, kernel.events, ns, () => {
    const before = kernel.current;
    for (let cpu = 0; cpu < kernel.cpus; cpu++) {
      kernel.current = kernel.scheduler.rq(cpu).curr;
      hits++;
      run(null, null, null);
    }
    kernel.current = before;
  });
  return {
    phase: "live",
    attachment,
    run,
    hits: () => hits,
    missed: () => 0,
    disarm: () => timer.stop(),
  };
}

/** Every so many events, by what happens in the kernel where it counts them. */
function armSoftware(
  kernel: Kernel,
  attachment: Attachment,
  point: Point<"software">,
  run: HitRunner,
): Armed {
  if (point.event === "cpu-clock") return armProfile(kernel, attachment, point.count, run);
  let events = 0;
  let hits = 0;
  const count: HitRunner = () => {
    if (++events % point.count !== 0) return;
    hits++;
    run(null, null, null);
  };
  const source = point.event === "page-faults"
    ? armKprobe(kernel, attachment, { kind: "fentry", target: "handle_mm_fault" }, count)
    : armTracepoint(kernel, attachment, {
      kind: "tracepoint",
      subsystem: "sched",
      event: point.event === "context-switches" ? "sched_switch" : "sched_migrate_task",
    }, count);
  return { ...source, run, hits: () => hits };
}

function armOnce(attachment: Attachment, phase: "begin" | "end", run: HitRunner): Armed {
  let hits = 0;
  return {
    phase,
    attachment,
    run(regs, record, instance) {
      hits++;
      run(regs, record, instance);
    },
    hits: () => hits,
    missed: () => 0,
    disarm() {},
  };
}
