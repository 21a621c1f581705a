/**
 * Compiles recordings of a kernel into shapes: `deno run --allow-read --allow-write tools/compile_shapes.ts --help`.
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { bytesToJson } from "../image/base64_json.ts";
import { openImage } from "../image/load.ts";
import { reading, shapesOf } from "./compile_shapes/folders.ts";

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
    const image = await openImage(
      reading(`image ${imageFile}`, () => Deno.readFileSync(imageFile)),
      imageFile,
    );
    const factor = timeFactor === undefined ? undefined : Number(timeFactor);
    if (factor !== undefined && !(factor > 0)) {
      throw new Error(`Cannot divide times by "${timeFactor}": --time-factor takes a number above 0`);
    }
    const { bytes, summary } = await shapesOf(image, program.args, {
      wanted,
      ...(factor === undefined ? {} : { factor }),
    });
    if (out.endsWith(".bin")) Deno.writeFileSync(out, bytes);
    else Deno.writeTextFileSync(out, bytesToJson(bytes));
    print(`${summary}\n`);
    return 0;
  } catch (error) {
    printError(`${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

function printError(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
