/**
 * Folders of recordings, and the shapes compiled from all that they hold.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import { compileShapes, type Recording } from "./compile.ts";
import { encodeShapes } from "./encode.ts";
import { recordingText } from "./recording_text.ts";
import { situationsOf } from "./situations.ts";

/** What to take of the folders, and how. */
export interface FolderOptions {
  /** Whether a program is taken, by name; default: all. */
  readonly wanted?: (name: string) => boolean;
  /** Recorded times are divided by it; default: the architecture's, see `compileShapes`. */
  readonly factor?: number;
}

/** Compiled shapes, as `encodeShapes` writes them, and a sentence about them. */
export interface CompiledShapes {
  readonly bytes: Uint8Array;
  readonly summary: string;
}

/** Compiles the recordings of folders. Rejects with a sentence where there are none, or one cannot be read. */
export async function shapesOf(
  image: KernelImage,
  folders: readonly string[],
  { wanted = () => true, factor }: FolderOptions = {},
): Promise<CompiledShapes> {
  const files = folders.flatMap((folder) => readFolder(folder, wanted));
  if (files.length === 0) throw new Error(`Cannot compile shapes: no recordings in ${folders.join(", ")}`);
  const { forest, report } = compileShapes(image, await withSituations(image, files), factor);
  const bytes = encodeShapes(forest);
  return {
    bytes,
    summary: `${files.length} programs, ${report.calls} calls (${report.aligned} with values): ` +
      `${report.functions} functions, ${report.nodes} trees, ${report.edges} edges with rules, ${bytes.length} bytes`,
  };
}

/** A program's recordings as they lie in a folder. */
export interface RecordingFiles {
  readonly name: string;
  readonly graph: string | undefined;
  readonly args: string | undefined;
  readonly strace: Uint8Array | undefined;
}

/** Adds the situations of the calls that `strace` recorded. */
export async function withSituations(
  image: KernelImage,
  files: readonly RecordingFiles[],
): Promise<Recording[]> {
  const recordings: Recording[] = [];
  for (const { name, graph, args, strace } of files) {
    recordings.push({
      name,
      graph,
      args,
      ...(strace === undefined ? {} : { situations: await situationsOf(image, strace, name) }),
    });
  }
  return recordings;
}

/** The recordings of a folder whose names are wanted. */
export function readFolder(folder: string, wanted: (name: string) => boolean): RecordingFiles[] {
  const found = new Map<string, { graph?: string; args?: string; strace?: Uint8Array }>();
  const entries = reading(`folder ${folder}`, () => [...Deno.readDirSync(folder)]);
  const files = entries.map((entry) => entry.name).sort();
  for (const file of files) {
    const match = /^(.+)\.(graph|args|strace)(?:\.gz|\.txt)?$/.exec(file);
    const [, name, kind] = match ?? [];
    if (name === undefined || !wanted(name)) continue;
    const recording = found.get(name) ?? {};
    const bytes = Deno.readFileSync(`${folder}/${file}`);
    if (kind === "strace") recording.strace = bytes;
    else recording[kind === "graph" ? "graph" : "args"] = recordingText(bytes);
    found.set(name, recording);
  }
  return [...found].filter(([, { graph, args }]) => graph !== undefined || args !== undefined)
    .map(([name, { graph, args, strace }]) => ({ name, graph, args, strace }));
}

/** Reads what a user named; an error says what could not be read. */
export function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`Cannot read ${what}: ${error instanceof Error ? error.message : error}`);
  }
}
