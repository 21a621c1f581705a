/**
 * Compiles recordings of a kernel into shapes: `deno run --allow-read --allow-write tools/compile_shapes.ts --help`.
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { bytesToJson } from "../image/base64_json.ts";
import type { KernelImage } from "../image/model.ts";
import { openImage } from "../image/load.ts";
import { compileShapes, type Recording } from "./compile_shapes/compile.ts";
import { encodeShapes } from "./compile_shapes/encode.ts";
import { situationsOf } from "./compile_shapes/situations.ts";
import { recordingText } from "./compile_shapes/recording_text.ts";

const EXPLANATION = `
Each FOLDER holds recordings of programs on the image's kernel, plain or with .gz:
  NAME.graph   the function_graph tracer's trace, with or without the task column
  NAME.strace  its system calls, as strace -f -ttt -T writes them: variants are then chosen by call, arguments and result
  NAME.args    a trace of kprobe and kretprobe events on the same functions, named after them, arguments a1 a2 ...,
               result v; lines "name: (name+0x0/size) a1=..." and "name: (return address <- name) v=..."
A program needs one of the first two only: without NAME.args its functions' arguments and results stay unknown.`;

/** Runs the tool with command line arguments; gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const program = new Command("compile_shapes")
    .description("Compiles recorded call trees into the shapes of a kernel's functions.")
    .argument("<folder...>", "folders of recordings, see below")
    .requiredOption("--image <file>", "whole image of the recorded kernel, as build_image writes it")
    .requiredOption(
      "--out <file>",
      "where to write the shapes: base64 in JSON, or bytes where it ends in .bin",
    )
    .option("--without <name...>", "programs to leave out")
    .option("--only <name...>", "programs to take, no others")
    .option(
      "--time-factor <n>",
      "divide recorded times by this; default: what makes the shipped recordings, of emulators, those of real machines",
    )
    .addHelpText("after", EXPLANATION)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: printError });
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    return error instanceof Error && "exitCode" in error && error.exitCode === 0 ? 0 : 2;
  }
  const { image: imageFile, out, without = [], only, timeFactor } = program.opts();
  try {
    const wanted = (name: string) => !without.includes(name) && (only === undefined || only.includes(name));
    const files = program.args.flatMap((folder) => readFolder(folder, wanted));
    if (files.length === 0) {
      throw new Error(`Cannot compile shapes: no recordings in ${program.args.join(", ")}`);
    }
    const image = await openImage(
      reading(`image ${imageFile}`, () => Deno.readFileSync(imageFile)),
      imageFile,
    );
    const factor = timeFactor === undefined ? undefined : Number(timeFactor);
    if (factor !== undefined && !(factor > 0)) {
      throw new Error(`Cannot divide times by "${timeFactor}": --time-factor takes a number above 0`);
    }
    const recordings = await withSituations(image, files);
    const { forest, report } = compileShapes(image, recordings, factor);
    const bytes = encodeShapes(forest);
    if (out.endsWith(".bin")) Deno.writeFileSync(out, bytes);
    else Deno.writeTextFileSync(out, bytesToJson(bytes));
    print(
      `${recordings.length} programs, ${report.calls} calls (${report.aligned} with values): ` +
        `${report.functions} functions, ${report.nodes} trees, ${report.edges} edges with rules, ${bytes.length} bytes\n`,
    );
    return 0;
  } catch (error) {
    printError(`${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
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
      ...(strace === undefined ? {} : { situations: await situationsOf(image, strace) }),
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
function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`Cannot read ${what}: ${error instanceof Error ? error.message : error}`);
  }
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

function printError(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
