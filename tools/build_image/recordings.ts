/**
 * Finds the functions that recordings name: call trees of the function_graph tracer and stack traces, plain or gzip.
 *
 * @module
 */
import { InputError, linesOf, readInput } from "./lines.ts";

/** Names in all `*.graph[.gz]` and `*.txt` files of folders, sorted. Throws an InputError for a folder that is none or has no such file. */
export function recordedFunctions(folders: readonly string[]): string[] {
  const names = new Set<string>();
  for (const folder of folders) {
    const files = filesOf(folder).filter((name) => /\.(?:graph|txt)(?:\.gz)?$/.test(name));
    if (files.length === 0) {
      throw new InputError(`Cannot take recordings from ${folder}: it has no *.graph or *.txt file`);
    }
    for (const file of files) {
      const input = readInput(`${folder}/${file}`);
      if (input) { for (const line of linesOf(input)) collect(line.text, names); }
    }
  }
  return [...names].sort((a, b) => a < b ? -1 : 1);
}

function filesOf(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort();
  } catch (cause) {
    throw new InputError(`Cannot take recordings from ${folder}: it is no folder that can be read`, {
      cause,
    });
  }
}

function collect(text: string, names: Set<string>): void {
  // `  0.982 us    |      _raw_spin_lock();`, `              |    close_fd() {` and `ext4_create [ext4]() {`
  const call = /\|\s+([\w.]+)(?: \[\w+\])?\(\)(?: \{|;)/.exec(text)?.[1];
  if (call !== undefined) names.add(call);
  // `do_syscall_64+0x55` in stacks, `=> do_syscall_64` in trace files.
  for (
    const [, inStack, inTrace] of text.matchAll(/\b([A-Za-z_][\w.]*)\+0x[0-9a-f]+|=> ([A-Za-z_][\w.]*)/g)
  ) {
    const frame = inStack ?? inTrace;
    if (frame !== undefined) names.add(frame);
  }
}
