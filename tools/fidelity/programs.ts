/**
 * The recorded programs to compare with: `programs/ARCH/NAME.strace.gz`, `.graph.gz` and `.args.gz` in a folder.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import { recordingText } from "../compile_shapes/recording_text.ts";

/** One program, recorded three times on one architecture. Files are read when asked for. */
export interface RecordedProgram {
  readonly arch: Arch;
  readonly name: string;
  /** What `strace` wrote. */
  strace(): Uint8Array;
  /** The function_graph tracer's text; undefined where it was not recorded. */
  graph(): string | undefined;
  /** Entries and returns with values; undefined where they were not recorded. */
  args(): string | undefined;
}

/**
 * The programs of a folder that have system calls and call trees, those of `names` only if there are any. Throws a
 * sentence where there is nothing to compare with.
 */
export function recordedPrograms(
  folder: string,
  arches: readonly Arch[],
  names: readonly string[],
): RecordedProgram[] {
  const found = arches.flatMap((arch) => programsIn(`${folder}/programs/${arch}`, arch));
  if (found.length === 0) {
    throw new Error(
      `Cannot compare with recordings: "${folder}" has no programs/ARCH/NAME.strace.gz with a NAME.graph.gz for ${
        arches.join(", ")
      }; give the folder that has them`,
    );
  }
  const missing = names.filter((name) => !found.some((program) => program.name === name));
  if (missing.length > 0) {
    const known = [...new Set(found.map(({ name }) => name))].sort();
    throw new Error(
      `Cannot compare with program "${missing.join('", "')}": there are recordings of ${known.join(", ")}`,
    );
  }
  return found.filter(({ name }) => names.length === 0 || names.includes(name));
}

function programsIn(folder: string, arch: Arch): RecordedProgram[] {
  let files: Set<string>;
  try {
    files = new Set([...Deno.readDirSync(folder)].map(({ name }) => name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const text = (name: string) =>
    files.has(name) ? recordingText(Deno.readFileSync(`${folder}/${name}`)) : undefined;
  return [...files].flatMap((file) => /^(.+)\.strace\.gz$/.exec(file)?.[1] ?? []).sort()
    .filter((name) => files.has(`${name}.graph.gz`)).map((name) => ({
      arch,
      name,
      strace: () => Deno.readFileSync(`${folder}/${name}.strace.gz`),
      graph: () => text(`${name}.graph.gz`),
      args: () => text(`${name}.args.gz`),
    }));
}
