/**
 * Makes everything that is shipped of the three kernels again: whole images, core images, shapes, declarations.
 * `deno run -A tools/rebuild.ts --help`.
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { fullImage } from "../image/load.ts";
import type { Arch } from "../image/model.ts";
import { firingFunctions } from "../kernel/calls/firing.ts";
import { behaviourNames } from "../kernel/calls/function.ts";
import "../kernel/kernel.ts";
import "../kernel/syscalls/all.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

const EXPLANATION = `
FOLDER holds, for each of x86_64, arm64 and i386:
  facts/ARCH         what build_image reads
  programs/ARCH      recordings that compile_shapes reads
  transcripts/ARCH   more call trees and stacks whose functions the core image shall have (may be absent)`;

/** One run of another tool. */
export interface Step {
  /** Its name: `build_image`, `compile_shapes` or `generate_types`. */
  readonly tool: string;
  readonly args: readonly string[];
}

/** What a rebuild is made from. */
export interface Sources {
  readonly folder: string;
  /** Release per architecture, as `uname -r` prints it. */
  readonly releases: Readonly<Record<Arch, string>>;
  /** File of functions that core images must have. */
  readonly functions: string;
  /** Recorded programs to leave out of the shapes. */
  readonly without: readonly string[];
  /** Whether a path exists. */
  readonly exists: (path: string) => boolean;
}

/** The tools to run, in order. */
export function stepsOf({ folder, releases, functions, without, exists }: Sources): Step[] {
  const steps = ARCHES.flatMap((arch): Step[] => {
    const image = `image/data/${arch}.kimg`;
    const recordings = [`${folder}/programs/${arch}`, `${folder}/transcripts/${arch}`].filter(exists);
    const build = [
      `${folder}/facts/${arch}`,
      ...["--arch", arch, "--release", releases[arch], "--out", image, "--core", `image/core/${arch}.json`],
      ...["--functions", functions, "--recordings", ...recordings],
    ];
    const compile = [
      `${folder}/programs/${arch}`,
      ...["--image", image, "--out", `image/shapes/${arch}.json`],
      ...(without.length === 0 ? [] : ["--without", ...without]),
    ];
    return [{ tool: "build_image", args: build }, { tool: "compile_shapes", args: compile }];
  });
  return [...steps, { tool: "generate_types", args: ["--out", "types/kernel.ts"] }];
}

/** Reads `ARCH=RELEASE`; throws a sentence for anything else. */
export function parseRelease(text: string): readonly [Arch, string] {
  const [name = "", release = ""] = text.split(/=(.*)/s);
  const arch = ARCHES.find((arch) => arch === name);
  if (arch === undefined || release === "") {
    throw new Error(`Cannot read release "${text}": give ARCH=RELEASE, as in x86_64=6.1.0-56-amd64`);
  }
  return [arch, release];
}

/** The releases that are asked for, else those of the shipped images, which are made again. */
async function releasesOf(given: readonly string[]): Promise<Record<Arch, string>> {
  const named = new Map(given.map(parseRelease));
  const releases = { x86_64: "", arm64: "", i386: "" };
  for (const arch of ARCHES) releases[arch] = named.get(arch) ?? (await fullImage(arch)).release;
  return releases;
}

async function run({ tool, args }: Step): Promise<void> {
  console.log(`${tool} ${args.join(" ")}`);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL(`./${tool}.ts`, import.meta.url).pathname, ...args],
    cwd: new URL("..", import.meta.url),
  }).spawn().status;
  if (!success) {
    throw new Error(`Cannot rebuild: ${tool} failed, see above; what it should have written is unchanged`);
  }
}

/** Runs the tool with command line arguments; gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const program = new Command("rebuild")
    .description("Makes everything that is shipped of the three kernels again.")
    .argument("<folder>", "facts and recordings, see below")
    .option(
      "--release <arch=release...>",
      "release of a kernel (default: that of the image which is replaced)",
    )
    .option("--without <name...>", "recorded programs to leave out of the shapes", [])
    .addHelpText("after", EXPLANATION)
    .exitOverride();
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    return error instanceof Error && "exitCode" in error && error.exitCode === 0 ? 0 : 2;
  }
  const { release = [], without } = program.opts();
  const given = program.args[0]!;
  const functions = await Deno.makeTempFile();
  try {
    const folder = await Deno.realPath(given).catch(() => {
      throw new Error(`Cannot rebuild from "${given}": there is no such folder`);
    });
    // A behaviour needs its function in the core image, under whatever suffix the compiler gave it.
    const names = [...behaviourNames().flatMap((name) => [name, `${name}.*`]), ...firingFunctions()];
    await Deno.writeTextFile(functions, names.join("\n") + "\n");
    const releases = await releasesOf(release);
    for (const step of stepsOf({ folder, releases, functions, without, exists })) await run(step);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await Deno.remove(functions);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
