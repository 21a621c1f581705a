/**
 * Which functions a user's word means.
 *
 * @module
 */

import { globMatcher } from "../../image/glob.ts";
import type { KernelImage } from "../../image/model.ts";
import { isErrno, kstrtoul } from "./probe_events/kstrto.ts";

/** `match_records`: functions of that name, glob or number; with `module` those of modules that it means. */
export function matchingFunctions(image: KernelImage, word: string, module?: string): readonly string[] {
  if (/^[0-9]/.test(word)) {
    const index = kstrtoul(word, 0, 64);
    const line = isErrno(index) ? undefined : image.filterFunctions()[Number(index) - 1];
    return line === undefined ? [] : [nameOf(line)];
  }
  if (module !== undefined) return inModules(image, word, module);
  if (!isGlob(word)) return image.isTraceable(word) ? [word] : [];
  return image.filterFunctions().map(nameOf).filter(globMatcher(word));
}

/** Whether a name is one that a word means, which may be a glob. */
export function functionMatcher(word: string): (name: string) => boolean {
  return isGlob(word) ? globMatcher(word) : (name) => name === word;
}

/** An empty module means any, `!` before it all others; an empty word then all of their functions. */
function inModules(image: KernelImage, word: string, module: string): readonly string[] {
  const excluded = module.startsWith("!");
  const pattern = excluded ? module.slice(1) : module;
  const isOwner = functionMatcher(pattern);
  const isWanted = word === "" ? () => true : functionMatcher(word);
  return image.filterFunctions().flatMap((line) => {
    const owner = ownerOf(line);
    const name = nameOf(line);
    const inside = owner !== null && (pattern === "" || isOwner(owner));
    return inside !== excluded && isWanted(name) ? [name] : [];
  });
}

function isGlob(word: string): boolean {
  return /[*?[\\]/.test(word);
}

/** The function of a line of ftrace's lists: without its module. */
export function nameOf(line: string): string {
  const space = line.indexOf(" ");
  return space < 0 ? line : line.slice(0, space);
}

/** The module of a line of ftrace's lists; null for the kernel's own functions. */
export function ownerOf(line: string): string | null {
  return /^\S+ \[(.*)\]$/.exec(line)?.[1] ?? null;
}
