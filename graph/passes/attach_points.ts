/**
 * Pass: where each probe attaches. Names become functions and tracepoints of the image; a glob becomes several.
 *
 * @module
 */

import type { Addr, KernelImage, Prototype, TracepointInfo } from "../../image/model.ts";
import { parseAddress } from "../../image/address.ts";
import { isGlob } from "../../image/glob.ts";
import { type Unprobeable, unprobeable } from "../../image/unprobeable.ts";
import type { AttachPoint, ProbeNode } from "../nodes.ts";
import { pointName } from "../point_name.ts";
import type { Report } from "../diagnostic.ts";

/** One place to attach to. */
export interface ResolvedPoint {
  /** The attach point with its glob or address replaced by a name. */
  readonly point: AttachPoint;
  /** bpftrace's name for it: `kprobe:vfs_open+4`, `tracepoint:sched:sched_switch`, `interval:s:1`. */
  readonly name: string;
  /** Where a kprobe sits: function address plus offset. */
  readonly address?: Addr;
  /** Read from the image when it is first asked for: a glob may have tens of thousands of points. */
  readonly prototype?: Prototype | undefined;
  readonly tracepoint?: TracepointInfo;
}

/** The places that a probe attaches to; none where something is reported as an error. */
export function resolvePoints(
  probe: ProbeNode,
  image: KernelImage,
  report: Report,
): readonly ResolvedPoint[] {
  const { missing = "error", more = [] } = probe;
  const all = [probe.point, ...more];
  if (missing === "error") return all.flatMap((point) => resolvePoint(point, image, report));
  // What does not exist is left out, if something is left.
  const found: Parameters<Report>[] = [];
  const points = all.flatMap((point) => resolvePoint(point, image, (...finding) => found.push(finding)));
  for (const [severity, message, detail] of found) {
    if (points.length === 0) report(severity, message, detail);
    else if (missing === "warn") report("warning", message, detail);
  }
  return points;
}

function resolvePoint(point: AttachPoint, image: KernelImage, report: Report): readonly ResolvedPoint[] {
  switch (point.kind) {
    case "kprobe":
    case "kretprobe":
    case "fentry":
    case "fexit":
      return resolveFunctions(point, image, report);
    case "tracepoint":
      return resolveTracepoints(point, image, report);
    case "uprobe":
    case "uretprobe":
      return resolveUser(point, report);
    case "software":
      return resolveSoftware(point, report);
    case "interval":
    case "profile":
      if (point.ns > 0 && Number.isSafeInteger(point.ns)) return [{ point, name: pointName(point) }];
      report(
        "error",
        `Cannot attach ${point.kind} "${point.spec}": its period is not a positive number of nanoseconds`,
        {
          hint: 'give one such as "s:1", "ms:100", "us:50" or "hz:99"',
        },
      );
      return [];
    case "begin":
    case "end":
      return [{ point, name: point.kind }];
  }
}

/** Software events that the kernel counts, and the shorter names of some. */
export const SOFTWARE_EVENTS: ReadonlyMap<string, string> = new Map([
  ["context-switches", "context-switches"],
  ["cs", "context-switches"],
  ["cpu-clock", "cpu-clock"],
  ["cpu", "cpu-clock"],
  ["cpu-migrations", "cpu-migrations"],
  ["page-faults", "page-faults"],
  ["faults", "page-faults"],
]);

function resolveSoftware(
  point: Extract<AttachPoint, { kind: "software" }>,
  report: Report,
): readonly ResolvedPoint[] {
  const refuse = (why: string, hint?: string): readonly ResolvedPoint[] => {
    report("error", `Cannot attach software "${point.event}": ${why}`, { hint });
    return [];
  };
  const event = SOFTWARE_EVENTS.get(point.event);
  if (event === undefined) {
    return refuse("no such software event", `there are ${[...SOFTWARE_EVENTS.keys()].join(", ")}`);
  }
  if (!Number.isSafeInteger(point.count) || point.count < 1) {
    return refuse(`every ${point.count}-th event is none: the count is a whole number from 1 up`);
  }
  const concrete = { ...point, event };
  return [{ point: concrete, name: pointName(concrete) }];
}

/** Which functions a file has, the kernel at hand knows when the probe attaches. */
function resolveUser(
  point: Extract<AttachPoint, { kind: "uprobe" | "uretprobe" }>,
  report: Report,
): readonly ResolvedPoint[] {
  if (point.path !== "" && point.target !== "") return [{ point, name: pointName(point) }];
  report(
    "error",
    `Cannot attach ${point.kind} "${point.path}:${point.target}": it lacks a file or a function`,
    {
      hint: 'give both: "/lib/x86_64-linux-gnu/libc.so.6:malloc", or "libc:malloc"',
    },
  );
  return [];
}

type FunctionPoint = Extract<AttachPoint, { kind: "kprobe" | "kretprobe" | "fentry" | "fexit" }>;

function resolveFunctions(
  point: FunctionPoint,
  image: KernelImage,
  report: Report,
): readonly ResolvedPoint[] {
  if (/^0x/i.test(point.target)) return resolveAddress(point, image, report);
  if (!isGlob(point.target)) return one(resolveFunction(point, image, report));
  const points = image.functions(point.target).flatMap((target): readonly ResolvedPoint[] => {
    const address = image.func(target)?.address;
    if (address === undefined) return [];
    const offset = point.kind === "kprobe" ? point.offset : 0;
    // What an offset needs is checked one by one; without one, functions that no kprobe may enter are left out.
    if (offset !== 0) return one(resolveFunction({ ...point, target }, image, report));
    return unprobeable(image, address) === undefined
      ? [functionPoint({ ...point, target }, address, image)]
      : [];
  });
  if (points.length === 0) {
    report("error", `Cannot attach ${point.kind} "${point.target}": no traceable function matches`, {
      hint: scopeHint(image),
    });
  }
  return points;
}

/** A point whose prototype is read when it is needed. */
function functionPoint(point: FunctionPoint, address: Addr, image: KernelImage): ResolvedPoint {
  let prototype: Prototype | null | undefined = null;
  return {
    point,
    name: `${point.kind}:${targetText(point)}`,
    address,
    get prototype() {
      if (prototype === null) prototype = image.prototype(point.target);
      return prototype;
    },
  };
}

function one(found: ResolvedPoint | undefined): readonly ResolvedPoint[] {
  return found === undefined ? [] : [found];
}

function resolveAddress(point: FunctionPoint, image: KernelImage, report: Report): readonly ResolvedPoint[] {
  const address = parseAddress(image.arch, point.target);
  const found = address === undefined ? undefined : image.symbolAt(address);
  if (found === undefined || image.func(found.symbol.name) === undefined) {
    report("error", `Cannot attach ${point.kind} "${point.target}": the address is in no function`, {
      hint: found === undefined ? undefined : `the nearest symbol is "${found.symbol.name}"`,
    });
    return [];
  }
  if (point.kind !== "kprobe" && found.offset !== 0) {
    report(
      "error",
      `Cannot attach ${point.kind} "${point.target}": it is ${
        image.describe(address ?? 0)
      }, not the start of a function`,
      {
        hint: `attach to "${found.symbol.name}"`,
      },
    );
    return [];
  }
  const target = found.symbol.name;
  const concrete: FunctionPoint = point.kind === "kprobe"
    ? { ...point, target, offset: found.offset + point.offset }
    : { ...point, target };
  return one(resolveFunction(concrete, image, report));
}

function resolveFunction(
  point: FunctionPoint,
  image: KernelImage,
  report: Report,
): ResolvedPoint | undefined {
  const { kind, target } = point;
  const refuse = (why: string, hint?: string) => {
    report("error", `Cannot attach ${kind} "${targetText(point)}": ${why}`, { hint });
    return undefined;
  };
  const info = image.func(target);
  if (info === undefined) return refuse(...missing(target, image));
  const offset = point.kind === "kprobe" ? point.offset : 0;
  const address = info.address + offset;
  const banned = unprobeable(image, address);
  if (banned !== undefined) return refuse(whyUnprobeable(banned));
  if (offset < 0 || offset >= info.size) {
    return refuse(`offset ${offset} is outside the function, which has ${info.size} bytes`);
  }
  if (offset !== 0 && !info.boundaries().includes(offset)) {
    return refuse(
      `offset ${offset} is inside an instruction`,
      `instructions start at ${around(info.boundaries(), offset).map((o) => `+${o}`).join(" and ")}`,
    );
  }
  if (point.kind === "kretprobe" && (!Number.isInteger(point.maxactive) || point.maxactive < 0)) {
    return refuse(`maxactive ${point.maxactive} is not a whole number from 0 up`);
  }
  return functionPoint(point, address, image);
}

function whyUnprobeable(banned: Unprobeable): string {
  switch (banned.kind) {
    case "blacklist":
      return `"${banned.range.name}" is on the kernel's list of functions that no kprobe may enter`;
    case "preamble":
      return "it is a compiler's preamble, not a function";
    case "static call":
      return "a static call is there, which the kernel rewrites itself";
  }
}

function missing(target: string, image: KernelImage): [why: string, hint: string | undefined] {
  const symbol = image.symbol(target);
  if (symbol !== undefined) {
    const why = /^[tTwW]$/.test(symbol.letter)
      ? "the function is not traceable (notrace, or without an ftrace site)"
      : "it is data, not a function";
    return [why, undefined];
  }
  const near = image.nearFunctions(target, 3);
  const hint = near.length > 0 ? `did you mean ${quoted(near)}?` : scopeHint(image);
  return ["no such function", hint];
}

function scopeHint(image: KernelImage): string | undefined {
  if (image.whole) return undefined;
  return "the built-in image knows only the functions that the model runs; open a whole kernel image for the others";
}

function around(boundaries: Uint32Array, offset: number): number[] {
  const next = boundaries.findIndex((b) => b > offset);
  const at = next === -1 ? boundaries.length : next;
  return [...boundaries.slice(Math.max(0, at - 1), at + 1)];
}

function targetText(point: FunctionPoint): string {
  return point.kind === "kprobe" && point.offset !== 0 ? `${point.target}+${point.offset}` : point.target;
}

function resolveTracepoints(
  point: Extract<AttachPoint, { kind: "tracepoint" }>,
  image: KernelImage,
  report: Report,
): readonly ResolvedPoint[] {
  const wanted = `${point.subsystem}:${point.event}` as const;
  const names = isGlob(wanted) ? image.tracepoints(wanted) : [wanted];
  const points = names.flatMap((name) => {
    const info = image.tracepoint(name as `${string}:${string}`);
    if (info === undefined) return [];
    const concrete: AttachPoint = { kind: "tracepoint", subsystem: info.subsystem, event: info.name };
    return [{ point: concrete, name: `tracepoint:${info.subsystem}:${info.name}`, tracepoint: info }];
  });
  if (points.length === 0) {
    const near = image.nearTracepoints(wanted, 3);
    report("error", `Cannot attach tracepoint "${wanted}": no such tracepoint`, {
      hint: near.length > 0 ? `did you mean ${quoted(near)}?` : undefined,
    });
  }
  return points;
}

/** Names in quotes, joined by "or". */
export function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(" or ");
}
