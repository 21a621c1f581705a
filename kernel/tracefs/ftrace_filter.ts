/**
 * Lists of functions that users write: `set_ftrace_filter`, `set_ftrace_notrace`, `set_graph_function`.
 *
 * @module
 */

import { globMatcher } from "../../image/glob.ts";
import type { KernelImage } from "../../image/model.ts";
import { EINVAL } from "../syscalls/errno.ts";
import type { TraceFile } from "./file.ts";

/** A set of functions; empty stands for none chosen. */
export class FunctionFilter {
  readonly #image: KernelImage;
  readonly #chosen = new Set<string>();
  readonly #emptyText: string;
  readonly #changed: () => void;

  /** `emptyText` is the file's text while nothing is chosen; `changed` runs after each change. */
  constructor(image: KernelImage, emptyText: string, changed: () => void) {
    this.#image = image;
    this.#emptyText = emptyText;
    this.#changed = changed;
  }

  /** Whether nothing is chosen. */
  get empty(): boolean {
    return this.#chosen.size === 0;
  }

  /** Whether a function is chosen. */
  has(name: string): boolean {
    return this.#chosen.has(name);
  }

  /** The file. */
  file(mode = 0o644): TraceFile {
    return {
      mode,
      read: () => this.#text(),
      write: (text) => this.#write(text),
      truncate: () => {
        this.#chosen.clear();
        this.#changed();
        return 0;
      },
    };
  }

  /** Each word chooses functions, or with `!` before it takes them out. Words before a wrong one count. */
  #write(text: string): number {
    let result = text.length;
    for (const word of text.split(/\s+/)) {
      if (word === "") continue;
      if (!this.#choose(word)) {
        result = -EINVAL;
        break;
      }
    }
    this.#changed();
    return result;
  }

  #choose(word: string): boolean {
    const not = word.startsWith("!");
    const names = matchingFunctions(this.#image, not ? word.slice(1) : word);
    for (const name of names) {
      if (not) this.#chosen.delete(name);
      else this.#chosen.add(name);
    }
    return names.length > 0;
  }

  #text(): string {
    if (this.empty) return `${this.#emptyText}\n`;
    return this.#image.filterFunctions().filter((line) => this.#chosen.has(nameOf(line))).map((line) =>
      `${line}\n`
    ).join("");
  }
}

/** Functions that a word means: a name, a glob, the n-th one, `:mod:NAME` those of a module. */
export function matchingFunctions(image: KernelImage, word: string): readonly string[] {
  const parts = word.split(":");
  const pattern = parts[0] ?? "";
  if (parts.length > 1) {
    // Other commands (triggers on functions) are not modeled.
    if (parts[1] !== "mod" || parts[2] === undefined) return [];
    const inModule = globMatcher(parts[2]);
    const matches = globMatcher(pattern === "" ? "*" : pattern);
    return image.filterFunctions().flatMap((line) => {
      const [, name = line, owner] = /^(\S+) \[(.*)\]$/.exec(line) ?? [];
      return owner !== undefined && inModule(owner) && matches(name) ? [name] : [];
    });
  }
  if (/^[0-9]+$/.test(pattern)) {
    const line = image.filterFunctions()[Number(pattern) - 1];
    return line === undefined ? [] : [nameOf(line)];
  }
  if (!/[*?[\\]/.test(pattern)) return image.isTraceable(pattern) ? [pattern] : [];
  return image.filterFunctions().map(nameOf).filter(globMatcher(pattern));
}

/** The function of a line of ftrace's lists: without its module. */
export function nameOf(line: string): string {
  const space = line.indexOf(" ");
  return space < 0 ? line : line.slice(0, space);
}
