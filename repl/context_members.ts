/**
 * What a handler's parameter offers, from the image's types: `c.`, `c.args.`, `c.args.path.dentry.`.
 *
 * @module
 */

import { shapeOf } from "../image/c_value.ts";
import { bareType } from "../image/ctype.ts";
import type { CType, KernelImage } from "../image/model.ts";

/** The probe call whose handler is being written. */
export interface ProbeCall {
  readonly kind: "kprobe" | "kretprobe" | "latency" | "tracepoint";
  /** False for `kprobe.any`, whose arguments have no types. */
  readonly typed: boolean;
  readonly target: string;
}

const EVERYWHERE = [
  ...["pid", "tid", "uid", "gid", "comm", "cpu", "nsecs", "elapsed", "func", "probe", "curtask", "regs"],
  ...["reg", "kstack", "ustack", "str", "ksym", "usym", "print"],
];

const BY_KIND: Readonly<Record<ProbeCall["kind"], readonly string[]>> = {
  kprobe: ["args", "arg"],
  kretprobe: ["retval"],
  latency: ["retval", "duration"],
  tracepoint: ["args"],
};

/** String methods with a bpftrace twin. */
const STRING = ["startsWith", "endsWith", "includes", "length"];

/** Names behind `c`, followed by `steps`. Unknown steps give none. */
export function contextMembers(
  image: KernelImage,
  call: ProbeCall,
  steps: readonly string[],
): readonly string[] {
  const [first, ...rest] = steps;
  if (first === undefined) return [...EVERYWHERE, ...BY_KIND[call.kind]];
  if (first === "comm" || first === "func" || first === "probe") return rest.length === 0 ? STRING : [];
  if (first === "curtask") return typeMembers(image, image.type("struct task_struct"), rest);
  if (first === "args") return argumentMembers(image, call, rest);
  if (first === "retval") return typeMembers(image, image.prototype(call.target)?.ret, rest);
  return [];
}

function argumentMembers(image: KernelImage, call: ProbeCall, steps: readonly string[]): readonly string[] {
  const [name, ...rest] = steps;
  if (call.kind === "tracepoint") {
    const fields = image.tracepoint(call.target as `${string}:${string}`)?.fields ?? [];
    if (name === undefined) return fields.map((field) => field.name);
    const field = fields.find((one) => one.name === name);
    return field !== undefined && rest.length === 0 && /char/.test(field.type) ? STRING : [];
  }
  const params = image.prototype(call.target)?.params ?? [];
  if (name === undefined) return params.map((param) => param.name);
  return typeMembers(image, params.find((param) => param.name === name)?.type, rest);
}

/** Fields behind a path that starts at a type; pointers are followed, arrays entered by index. */
function typeMembers(
  image: KernelImage,
  type: CType | undefined,
  steps: readonly string[],
): readonly string[] {
  let at = type === undefined ? undefined : target(type);
  for (const step of steps) {
    if (at === undefined || at === "text") return [];
    if (/^\d+$/.test(step)) at = at.kind === "array" ? target(at.of) : at;
    else {
      const layout = at.kind === "struct" || at.kind === "union" ? image.field(at, step) : undefined;
      at = layout === undefined ? undefined : target(layout.type);
    }
  }
  if (at === undefined) return [];
  if (at === "text") return STRING;
  return at.kind === "struct" || at.kind === "union" ? image.fieldNames(at) : [];
}

/** The type behind qualifiers and one pointer; or that it reads as text. */
function target(type: CType): CType | "text" {
  const shape = shapeOf(type);
  if (shape.is === "string" || shape.is === "characters") return "text";
  return bareType(shape.is === "pointer" ? shape.to : type);
}
