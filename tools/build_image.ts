/**
 * Builds a kernel image from a folder of facts: `deno run --allow-read --allow-write tools/build_image.ts --help`.
 *
 * @module
 */
import { Command, Option } from "@commander-js/extra-typings";
import { bytesToJson, openImage } from "../image/mod.ts";
import { coreSource } from "./build_image/core.ts";
import { encodeImage } from "./build_image/encode.ts";
import { InputError, linesOf, readInput } from "./build_image/lines.ts";
import { readFacts } from "./build_image/read_facts.ts";
import { recordedFunctions } from "./build_image/recordings.ts";
import { type ImageSource, wholeSource } from "./build_image/source.ts";
import { shapesOf } from "./compile_shapes/folders.ts";

const EXPLANATION = `
FOLDER holds, each plain or with .gz:
  kallsyms                     /proc/kallsyms, read as root
  btf                          /sys/kernel/btf/vmlinux
and, as far as there is any of them:
  kallsyms-modules             more of kallsyms: symbols of modules loaded later
  btf-NAME                     /sys/kernel/btf/NAME of a module
  available_filter_functions   /sys/kernel/tracing/available_filter_functions
  available_events             /sys/kernel/tracing/available_events
  tracepoint_formats           every events/*/*/format there, each after a line "# ./SUBSYSTEM/EVENT/format":
                               cd /sys/kernel/tracing/events && for f in ./*/*/format; do echo "# $f"; cat "$f"; done
  kprobes_blacklist            /sys/kernel/debug/kprobes/blacklist
  syscalls.tsv                 a line "NUMBER<TAB>NAME" for each system call
  text.tsv                     a line per function, tabs between: name, address, size, instruction lengths (a hex digit
                               each; none on arm64), call sites OFFSET:c|j|i:TARGET (call, jump, indirect; commas between)

With --core, a small image is written too: the functions of --recordings and --functions, the families that people
probe, and every type that they reach, as base64 in JSON.`;

/** Runs the tool with command line arguments; gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const program = new Command("build_image")
    .description("Builds a kernel image from what a kernel says about itself.")
    .argument("<folder>", "facts of the kernel, see below")
    .addOption(
      new Option("--arch <arch>", "calling convention").choices(["x86_64", "arm64", "i386"] as const)
        .makeOptionMandatory(),
    )
    .option("--release <release>", "the kernel's release, as uname -r prints it (default: FOLDER/release)")
    .option(
      "--programs <folder...>",
      "folders of recordings of this kernel, see compile_shapes: what its functions call, for the whole image",
    )
    .option("--out <file>", "where to write the whole image")
    .option("--core <file>", "where to write the core image")
    .option(
      "--recordings <folder...>",
      "folders of call trees and stacks (*.graph, *.txt) whose functions the core has",
    )
    .option("--functions <file>", "file of further functions of the core: names or globs, one a line")
    .addHelpText("after", EXPLANATION)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: printError });
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    return error instanceof Error && "exitCode" in error && error.exitCode === 0 ? 0 : 2;
  }
  const { arch, release, out, core, recordings = [], functions, programs } = program.opts();
  const folder = program.args[0]!;
  if (out === undefined && core === undefined) {
    printError("Cannot build an image for nobody: give --out FILE, --core FILE or both\n");
    return 2;
  }
  try {
    const warn = (message: string) => printError(`${folder}: ${message}\n`);
    const whole = wholeSource(
      readFacts(folder, { arch, release: release ?? writtenRelease(folder), onMissing: warn }),
    );
    if (out !== undefined) await write(out, await encodeWhole(whole, programs ?? []), whole);
    if (core !== undefined) {
      const source = coreSource(whole, [...recordedFunctions(recordings), ...listed(functions)]);
      const bytes = encodeImage(source);
      await write(core, bytesToJson(bytes), source);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof InputError) && !(error instanceof Deno.errors.PermissionDenied)) throw error;
    printError(`${error.message}\n`);
    return 1;
  }
}

/** The release that tools/record_kernel.sh wrote beside the facts. */
function writtenRelease(folder: string): string {
  const input = readInput(`${folder}/release`);
  const release = input === undefined ? "" : [...linesOf(input)][0]?.text.trim() ?? "";
  if (release === "") {
    throw new InputError(`Cannot build an image from ${folder}: it has no file "release"; give --release`);
  }
  return release;
}

/** The whole image, with the shapes of its recordings where there are any. */
async function encodeWhole(source: ImageSource, folders: readonly string[]): Promise<Uint8Array> {
  const plain = encodeImage(source);
  if (folders.length === 0) return plain;
  const image = await openImage(plain, "the image");
  const { bytes, summary } = await shapesOf(image, folders);
  print(`${summary}\n`);
  return encodeImage(source, bytes);
}

function listed(path: string | undefined): string[] {
  if (path === undefined) return [];
  const input = readInput(path);
  if (!input) throw new InputError(`Cannot read ${path}: there is no such file`);
  return Array.from(linesOf(input), (line) => line.text.trim()).filter((name) =>
    name !== "" && !name.startsWith("#")
  );
}

/** Writes beside the file and renames, so that nothing half-written stays. */
async function write(path: string, content: Uint8Array | string, source: ImageSource): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const temporary = `${path}.part`;
  try {
    await Deno.writeFile(temporary, bytes);
    await Deno.rename(temporary, path);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    throw new InputError(`Cannot write ${path}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
  const { arch, release, symbols, functions, types, tracepoints } = source;
  print(
    `${path}: ${arch} ${release}, ${bytes.length} bytes, ${symbols.length} symbols, ${functions.length} functions, ` +
      `${types.length} types, ${tracepoints.length} tracepoints\n`,
  );
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

function printError(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
