/**
 * Completion at the prompt: dot-commands and their words, probe names inside `kprobe("…`, fields behind
 * `c.args.path.`, and the names and properties of what the session holds.
 *
 * @module
 */

import type { KernelImage } from "../image/model.ts";
import type { AnyCommand } from "../commands/definition.ts";
import { contextMembers, type ProbeCall } from "./context_members.ts";
import type { Scope } from "./evaluator.ts";

/** What completion looks at. */
export interface CompletionWorld {
  readonly image: KernelImage;
  readonly scope: Scope;
  readonly commands: readonly AnyCommand[];
}

/** Candidates for the last piece of the line, and that piece. */
export type Completion = readonly [candidates: string[], fragment: string];

/** Most candidates that a glob over 37 thousand names shows. */
const MOST = 200;

const PROBE_STRING = /\b(kprobe|kretprobe|latency|tracepoint)(?:\.any)?\(\s*(["'`])([\w:.]*)$/;
const PROBE_CALL = /\b(kprobe|kretprobe|latency|tracepoint)(\.any)?\(\s*["'`]([\w:.]+)["'`]/g;
const CHAIN = /([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*|\[\d+\])*)\.([\w$]*)$/;
const NAME = /[A-Za-z_$][\w$]*$/;

/** Completes a line up to the cursor. */
export function complete(line: string, world: CompletionWorld): Completion {
  if (/^\s*\./.test(line)) return completeCommand(line.trimStart(), world);
  const inString = PROBE_STRING.exec(line);
  if (inString !== null) {
    const [, kind, , fragment] = inString;
    return [probeNames(world.image, kind!, fragment!), fragment!];
  }
  const chain = CHAIN.exec(line);
  if (chain !== null) {
    const [, path, fragment] = chain;
    return [matching(membersOf(line, path!, world), fragment!), fragment!];
  }
  const name = NAME.exec(line)?.[0] ?? "";
  return [matching([...Object.keys(world.scope), ...parametersOf(line)], name), name];
}

function completeCommand(line: string, world: CompletionWorld): Completion {
  const names = [...world.commands.map((command) => `.${command.name}`), ".help", ".exit"];
  const words = line.split(/\s+/);
  const fragment = words.at(-1)!;
  if (words.length === 1) return [matching(names, fragment), fragment];
  if (words[0] === ".help") return [matching(names.map((name) => name.slice(1)), fragment), fragment];
  const command = world.commands.find((one) => `.${one.name}` === words[0]);
  if (fragment.startsWith("-")) {
    return [matching((command?.options ?? []).map((option) => `--${option.name}`), fragment), fragment];
  }
  if (command?.name !== "list") return [[], fragment];
  const at = fragment.indexOf(":");
  if (at < 0) return [matching(["kprobe:", "kretprobe:", "tracepoint:"], fragment), fragment];
  const [kind, rest] = [fragment.slice(0, at), fragment.slice(at + 1)];
  return [probeNames(world.image, kind, rest).map((name) => `${kind}:${name}`), fragment];
}

function probeNames(image: KernelImage, kind: string, fragment: string): string[] {
  const names = kind === "tracepoint" ? tracepointNames(image, fragment) : image.functions(`${fragment}*`);
  return [...names].sort().slice(0, MOST);
}

/** Subsystems first, as there are 2,000 events. */
function tracepointNames(image: KernelImage, fragment: string): readonly string[] {
  const names = image.tracepoints(`${fragment}*`);
  if (fragment.includes(":") || names.length <= 20) return names;
  const subsystems = new Set(names.map((name) => name.slice(0, name.indexOf(":") + 1)));
  return subsystems.size === 1 ? names : [...subsystems];
}

/** Members of `path`: of a handler's parameter by the probe's types, else of a live value. */
function membersOf(line: string, path: string, world: CompletionWorld): readonly string[] {
  const [root, ...steps] = path.replace(/\[(\d+)\]/g, ".$1").split(".");
  if (parametersOf(line).includes(root!)) {
    const call = probeCallOf(line);
    if (call !== undefined) return contextMembers(world.image, call, steps);
  }
  let value = world.scope[root!] ?? (globalThis as Readonly<Record<string, unknown>>)[root!];
  for (const step of steps) {
    if (value === null || value === undefined) return [];
    try {
      value = (value as Readonly<Record<string, unknown>>)[step];
    } catch {
      return [];
    }
  }
  return propertyNames(value);
}

/** The probe whose handler the cursor stands in: the last one called before it. */
function probeCallOf(line: string): ProbeCall | undefined {
  const call = [...line.matchAll(PROBE_CALL)].at(-1);
  if (call === undefined) return undefined;
  return { kind: call[1] as ProbeCall["kind"], typed: call[2] === undefined, target: call[3]! };
}

/** Parameters of the arrow functions on the line. */
function parametersOf(line: string): string[] {
  const names: string[] = [];
  for (const match of line.matchAll(/(?:\(([\w\s,:]*)\)|\b([A-Za-z_$][\w$]*))\s*=>/g)) {
    for (const part of (match[1] ?? match[2]!).split(",")) {
      const name = /^\s*([A-Za-z_$][\w$]*)/.exec(part)?.[1];
      if (name !== undefined) names.push(name);
    }
  }
  return names;
}

function propertyNames(value: unknown): string[] {
  if (value === null || value === undefined) return [];
  const names = new Set<string>();
  for (
    let at: object | null = Object(value);
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (/^[A-Za-z_$][\w$]*$/.test(name) && name !== "constructor") names.add(name);
    }
  }
  return [...names];
}

function matching(names: readonly string[], fragment: string): string[] {
  return [...new Set(names)].filter((name) => name.startsWith(fragment)).sort();
}
