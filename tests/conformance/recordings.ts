/**
 * The recordings that stand beside this file.
 *
 * @module
 */

import { gunzipSync } from "node:zlib";
import type { Arch } from "../../image/model.ts";
import { type Entry, parseRecording } from "./parse.ts";

/** One recorded session. */
export interface Recording {
  /** `x86_64-b-kprobe_events` */
  readonly name: string;
  readonly arch: Arch;
  /** `b` */
  readonly letter: string;
  /** Number of CPUs of the machine. */
  readonly cpus: number;
  /** The text as recorded. */
  readonly text: string;
  readonly entries: readonly Entry[];
}

const FOLDER = new URL("./recordings/", import.meta.url);

/** Names of all recordings, sorted. */
export function recordingNames(): readonly string[] {
  return [...Deno.readDirSync(FOLDER)]
    .flatMap(({ name }) => (name.endsWith(".txt.gz") ? [name.slice(0, -".txt.gz".length)] : []))
    .sort();
}

/** Reads a recording by name. */
export function readRecording(name: string): Recording {
  const text = new TextDecoder().decode(gunzipSync(Deno.readFileSync(new URL(`${name}.txt.gz`, FOLDER))));
  const [, arch, letter = ""] = /^(x86_64|arm64|i386)-([a-z])-/.exec(name) ?? [];
  const cpus = Number(/cpus(\d+)$/.exec(name)?.[1] ?? 2);
  return { name, arch: arch as Arch, letter, cpus, text, entries: parseRecording(text) };
}
