/**
 * Pass: the builtins, their types, and at which probes they exist.
 *
 * @module
 */

import { nearNames } from "../../image/near.ts";
import type { Arch, KernelImage } from "../../image/model.ts";
import { BUILTIN_NAMES, CONTEXT_NAMES } from "../context_names.ts";
import type { Ir } from "../ir.ts";
import { argumentFault } from "../limits.ts";
import type { AttachPoint, BuiltinName, Span } from "../nodes.ts";
import { BOOL, INT64, STRING, UINT32, UINT64, type ValueType } from "../types.ts";
import { readRegisterValue, resolveField } from "./access.ts";
import { quoted, type ResolvedPoint } from "./attach_points.ts";
import { at, exactly, failed, type Scope } from "./scope.ts";

const TYPES: Readonly<Record<Exclude<BuiltinName, "retval" | "curtask" | "ppid" | "pcomm">, ValueType>> = {
  pid: UINT32,
  tid: UINT32,
  uid: UINT32,
  gid: UINT32,
  comm: STRING,
  cpu: UINT32,
  nsecs: UINT64,
  elapsed: UINT64,
  func: STRING,
  probe: STRING,
  duration: UINT64,
  registers: STRING,
  ncpus: UINT64,
  jiffies: UINT64,
  rand: UINT32,
  cgroup: UINT64,
  usermode: BOOL,
  probetype: STRING,
  numaid: UINT32,
};

/** Resolves a builtin at a probe. */
export function resolveBuiltin(name: BuiltinName, span: Span | undefined, scope: Scope): Ir {
  const point = scope.at.point;
  if (!availableAt(name, point)) {
    scope.report("error", `No "${name}" at ${scope.at.name}: ${whereText(name)}`, { span });
    return failed(span);
  }
  if (name === "retval") return resolveRetval(span, scope);
  if (name === "curtask") {
    const task = scope.image.type("struct task_struct");
    const type: ValueType = task === undefined ? UINT64 : { kind: "pointer", to: task };
    return { op: "builtin", name, type, ...at(span) };
  }
  if (name === "ppid" || name === "pcomm") {
    const parent = resolveField(resolveBuiltin("curtask", span, scope), "real_parent", span, scope);
    return resolveField(parent, name === "ppid" ? "tgid" : "comm", span, scope);
  }
  return { op: "builtin", name, type: TYPES[name], ...at(span) };
}

/** Reports a part of the context that is no value. */
export function resolveNoValue(name: string, span: Span | undefined, scope: Scope): Ir {
  const [fault, hint] = noValue(name, scope.at);
  scope.report("error", fault, { span, hint });
  return failed(span);
}

/** Why a name of the context gives no value, and what would do. */
function noValue(name: string, at: ResolvedPoint): readonly [fault: string, hint: string | undefined] {
  switch (name) {
    case "":
      return ["The context is no value by itself", "name what is wanted of it, as c.comm"];
    case "regs":
      return ["c.regs is no value by itself", 'name a register, as c.reg("ip"), or print c.registers'];
    case "args": {
      const names = (at.tracepoint?.fields ?? at.prototype?.params ?? []).map((one) => one.name);
      const known = names.filter((one) => one !== "").map((one) => `c.args.${one}`);
      return [
        "c.args is no value by itself",
        known.length > 0 ? `name one of ${known.join(", ")}` : undefined,
      ];
    }
    default: {
      const near = nearNames(name, CONTEXT_NAMES.filter((one) => exists(one, at.point)), 2);
      return [
        `There is no "${name}" in the context of a probe`,
        near.length > 0 ? `did you mean ${quoted(near)}?` : undefined,
      ];
    }
  }
}

function exists(name: string, point: AttachPoint): boolean {
  const builtin = BUILTIN_NAMES.find((one) => one === name);
  return builtin === undefined || availableAt(builtin, point);
}

function resolveRetval(span: Span | undefined, scope: Scope): Ir {
  const word: Ir = { op: "builtin", name: "retval", type: INT64, ...exactly(scope), ...at(span) };
  const ret = scope.at.prototype?.ret;
  if (ret === undefined) return word;
  if (ret.kind === "void") {
    scope.report("warning", `"retval" at ${scope.at.name} has no meaning: the function returns void`, {
      span,
    });
    return word;
  }
  return readRegisterValue(word, ret, "retval", scope);
}

/** True where a builtin exists at that kind of probe. */
export function availableAt(name: BuiltinName, point: AttachPoint): boolean {
  switch (name) {
    case "retval":
      return point.kind === "kretprobe" || point.kind === "uretprobe" || point.kind === "fexit";
    case "duration":
      return point.kind === "kretprobe" && point.timed === true;
    case "func":
      return point.kind === "kprobe" || point.kind === "kretprobe" || point.kind === "uprobe" ||
        point.kind === "uretprobe" || point.kind === "fentry" || point.kind === "fexit";
    default:
      return true;
  }
}

function whereText(name: BuiltinName): string {
  if (name === "retval") return "only a kretprobe or uretprobe has a return value";
  if (name === "duration") return "only a timed kretprobe knows how long the call took";
  return "only a kprobe or kretprobe has a function";
}

/** Resolves `c.arg(n)`: an argument word, signed. */
export function resolveWord(index: number, span: Span | undefined, scope: Scope): Ir {
  if (!["kprobe", "uprobe", "fentry", "fexit"].includes(scope.at.point.kind)) {
    scope.report(
      "error",
      `No "arg(${index})" at ${scope.at.name}: only a kprobe or uprobe has argument registers`,
      {
        span,
        hint: scope.at.point.kind === "tracepoint" ? "a tracepoint's fields are in c.args" : undefined,
      },
    );
    return failed(span);
  }
  const fault = argumentFault(index, scope.image, scope.at.prototype);
  if (fault !== undefined) {
    scope.report("error", fault, { span });
    return failed(span);
  }
  return { op: "word", index, type: INT64, ...exactly(scope), ...at(span) };
}

/** Resolves a register by its kernel name. */
export function resolveRegister(name: string, span: Span | undefined, scope: Scope): Ir {
  const kind = scope.at.point.kind;
  if (kind !== "kprobe" && kind !== "kretprobe" && kind !== "uprobe" && kind !== "uretprobe") {
    scope.report("error", `No registers at ${scope.at.name}: only a kprobe or kretprobe has them`, { span });
    return failed(span);
  }
  const names = registerNames(scope.image);
  if (!names.includes(name)) {
    const near = nearNames(name, names, 2);
    scope.report("error", `No register "${name}" on ${scope.image.arch}`, {
      span,
      hint: near.length > 0 ? `did you mean ${quoted(near)}?` : `it has ${names.join(", ")}`,
    });
    return failed(span);
  }
  return { op: "reg", name, type: INT64, ...exactly(scope), ...at(span) };
}

const X86_64 = "r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss";
const I386 = "bx cx dx si di bp ax ds es fs gs orig_ax ip cs flags sp ss";
const ARM64 = Array.from({ length: 31 }, (_, i) => `x${i}`).join(" ") + " sp pc pstate";

const REGISTERS: Readonly<Record<Arch, readonly string[]>> = {
  x86_64: X86_64.split(" "),
  i386: I386.split(" "),
  arm64: [...ARM64.split(" "), "lr", "fp"],
};

/** The names that `c.reg` takes on an image's architecture. */
export function registerNames(image: KernelImage): readonly string[] {
  return REGISTERS[image.arch];
}
