/**
 * `list`: what can be probed, as `bpftrace -l` and `-lv` print it.
 *
 * @module
 */

import { declaration } from "../image/ctype_text.ts";
import { isGlob } from "../image/glob.ts";
import type { CType, KernelImage } from "../image/model.ts";
import { command } from "./definition.ts";
import { wholeImageOf } from "./image_choice.ts";
import { ARCHES, IMAGE_OPTION } from "./kernel_options.ts";
import { didYouMean } from "./near.ts";

/** Kinds by which names can be listed, with bpftrace's short forms. */
const KINDS: ReadonlyMap<string, "kprobe" | "kretprobe" | "tracepoint"> = new Map(
  Object.entries<"kprobe" | "kretprobe" | "tracepoint">({
    kprobe: "kprobe",
    k: "kprobe",
    kretprobe: "kretprobe",
    kr: "kretprobe",
    tracepoint: "tracepoint",
    t: "tracepoint",
  }),
);

/** `list [GLOB] [-v]`. */
export const listCommand = command({
  name: "list",
  place: "both",
  summary: "List what can be probed",
  description:
    "GLOB takes *, ? and [a-z]. With a kind (kprobe:, kretprobe:, tracepoint:, or k:, kr:, t:) only that " +
    "kind is listed; without one, functions and tracepoints whose name matches.",
  arguments: [{ name: "GLOB", summary: "Names to list, e.g. kprobe:vfs_* (default: everything)" }],
  options: [
    { kind: "flag", name: "verbose", short: "v", summary: "Show parameters, fields, or a type's members" },
    {
      kind: "choice",
      name: "arch",
      summary: "Whose kernel (default x86_64; at a prompt its own)",
      choices: ARCHES,
    },
    IMAGE_OPTION,
  ],
  examples: [
    { line: "list 'kprobe:vfs_*'", summary: "Functions by name" },
    { line: "list -v kprobe:vfs_open", summary: "With their parameters" },
    { line: "list -v 'tracepoint:syscalls:sys_enter_open*'", summary: "Tracepoints with their fields" },
    { line: "list -v 'struct path'", summary: "A type's members" },
  ],
  async run(context, options, words) {
    const own = context.live?.kernel.image;
    const arch = options.arch ?? own?.arch ?? "x86_64";
    const image = own?.arch === arch && options.image === undefined
      ? own
      : await wholeImageOf(context, { arch, image: options.image });
    const glob = words[0] ?? "*";
    const lines = listLines(image, glob, options.verbose);
    if (lines.length === 0) {
      throw new Error(
        `Cannot list "${glob}": nothing matches on ${image.arch}${didYouMean(nearNames(image, glob))}`,
      );
    }
    context.out.write(`${lines.join("\n")}\n`);
  },
});

/** The lines that `list` prints for a glob. */
export function listLines(image: KernelImage, glob: string, verbose: boolean): string[] {
  if (/^(struct|union|enum)\s/.test(glob)) return typeLines(image, glob, verbose);
  const { kind, pattern } = split(glob);
  const lines: string[] = [];
  if (kind !== "tracepoint") {
    const functions = [...image.functions(pattern)].sort();
    for (const name of functions) lines.push(...functionLines(image, kind ?? "kprobe", name, verbose));
  }
  if (kind === undefined || kind === "tracepoint") {
    const names = new Set(image.tracepoints(pattern));
    if (!pattern.includes(":")) { for (const name of image.tracepoints(`*:${pattern}`)) names.add(name); }
    for (const name of [...names].sort()) lines.push(...tracepointLines(image, name, verbose));
  }
  return lines;
}

function split(glob: string): { kind: "kprobe" | "kretprobe" | "tracepoint" | undefined; pattern: string } {
  const at = glob.indexOf(":");
  if (at >= 0) {
    const kind = KINDS.get(glob.slice(0, at));
    if (kind !== undefined) return { kind, pattern: glob.slice(at + 1) || "*" };
    return { kind: "tracepoint", pattern: glob };
  }
  return { kind: undefined, pattern: glob };
}

function functionLines(
  image: KernelImage,
  kind: "kprobe" | "kretprobe",
  name: string,
  verbose: boolean,
): string[] {
  const lines = [`${kind}:${name}`];
  const prototype = verbose ? image.prototype(name) : undefined;
  if (prototype === undefined) return lines;
  if (kind === "kprobe") {
    for (const param of prototype.params) lines.push(`    ${declaration(param.type, param.name)}`);
  }
  lines.push(`    ${declaration(prototype.ret, "retval")}`);
  return kind === "kprobe" ? lines.slice(0, -1) : lines;
}

function tracepointLines(image: KernelImage, name: string, verbose: boolean): string[] {
  const lines = [`tracepoint:${name}`];
  const info = verbose ? image.tracepoint(name as `${string}:${string}`) : undefined;
  for (const field of info?.fields ?? []) lines.push(`    ${declareText(field.type, field.name)}`);
  return lines;
}

function typeLines(image: KernelImage, glob: string, verbose: boolean): string[] {
  const keyword = /^(struct|union|enum)\s+/.exec(glob)!;
  const exact = image.type(glob);
  const names = exact !== undefined
    ? [glob]
    : image.typeNames(glob).filter((name) => name.startsWith(keyword[1]!));
  return [...names].sort().flatMap((name) => {
    const type = verbose ? image.type(name) : undefined;
    return type === undefined ? [name] : [`${name} {`, ...memberLines(image, type, "    "), "};"];
  });
}

function memberLines(image: KernelImage, type: CType, indent: string): string[] {
  if (type.kind === "enum") {
    return [...type.values].map(([name, value]) => `${indent}${name} = ${value},`);
  }
  if (type.kind !== "struct" && type.kind !== "union") return [];
  return type.members.flatMap((member) => {
    const inner = member.type;
    const anonymous = (inner.kind === "struct" || inner.kind === "union") && inner.name === "";
    if (anonymous) {
      const tail = member.name === "" ? "};" : `} ${member.name};`;
      return [`${indent}${inner.kind} {`, ...memberLines(image, inner, `${indent}    `), `${indent}${tail}`];
    }
    const bits = member.bitSize > 0 ? ` : ${member.bitSize}` : "";
    return [`${indent}${declaration(inner, member.name)}${bits};`];
  });
}

/** A tracepoint field as C declares it: the type is text here, as the format file has it. */
function declareText(type: string, name: string): string {
  const array = /^(?!__data_loc)(.*?)\s*((?:\[\w*\])+)$/.exec(type);
  return array === null ? `${type} ${name}` : `${array[1]} ${name}${array[2]}`;
}

function nearNames(image: KernelImage, glob: string): string[] {
  if (/^(struct|union|enum)\s/.test(glob)) return [...image.nearTypes(glob, 2)];
  const { kind, pattern } = split(glob);
  if (isGlob(pattern)) return [];
  const prefix = kind === undefined ? "" : `${kind}:`;
  const names = kind === "tracepoint"
    ? image.nearTracepoints(pattern, 3)
    : kind === undefined
    ? [...image.nearFunctions(pattern, 2), ...image.nearTracepoints(pattern, 1)]
    : image.nearFunctions(pattern, 3);
  return names.map((name) => `${prefix}${name}`);
}
