/**
 * Generates TypeScript declarations from kernel images: `deno run --allow-read --allow-write tools/generate_types.ts --help`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { isGlob } from "../image/glob.ts";
import { coreImage, fullImage, openImage } from "../image/load.ts";
import type { Arch, KernelImage } from "../image/model.ts";
import { mergeShapes } from "./generate_types/merge.ts";
import type { Shapes } from "./generate_types/model.ts";
import { renderModule } from "./generate_types/render.ts";
import { DEFAULT_GLOBS, selectFunctions, SYSCALLS } from "./generate_types/select.ts";
import { shapesOf } from "./generate_types/shapes.ts";

const HELP = `Generates TypeScript declarations from kernel images.

Usage: deno run --allow-read --allow-write tools/generate_types.ts [options]

  --arch ARCH        shipped kernel: x86_64, arm64, i386 (repeat; all three where none is given)
  --image FILE       an image file of your own instead, as tools/build_image.ts makes it (repeat)
  --glob GLOB        declare the functions that match (repeat; '*' is the whole kernel; ${SYSCALLS} is
                     every system call's entry). Where neither this nor --names is given: the functions of
                     the built-in core images; for --image, the families that people probe
  --names FILE       declare the functions listed in a file, one a line
  --tracepoint GLOB  declare the tracepoints that match (repeat; all where none is given)
  --from SPECIFIER   module that the declarations import their words from (./words.ts); for a project
                     that uses kscope: @kscope/kscope
  --out FILE         where to write (standard output where not given)
  --check            write nothing; fail if FILE is not what would be written
  --help             this text

The result is a module of interfaces: Functions, Tracepoints, KernelTypes, and one per struct and union. Probes
over it:
  import type { Functions, Tracepoints } from "./my_kernel.ts";
  const { kprobe, tracepoint } = declared<Functions, Tracepoints>();`;

/** The committed default declarations are made by these arguments. */
export const DEFAULT_OUT = "types/kernel.ts";

/** Runs the tool; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const unknown: string[] = [];
  const flags = parseArgs(args, {
    string: ["arch", "image", "glob", "names", "tracepoint", "from", "out"],
    boolean: ["help", "check"],
    collect: ["arch", "image", "glob", "tracepoint"],
    unknown: (arg) => {
      unknown.push(arg);
      return false;
    },
  });
  if (flags.help === true) {
    console.log(HELP);
    return 0;
  }
  if (unknown.length > 0) {
    console.error(`Unknown argument "${unknown[0]}"; --help lists the options.`);
    return 2;
  }
  const list = (name: string): readonly string[] => {
    const given = flags[name];
    return Array.isArray(given) ? given.map(String) : [];
  };
  const text = (name: string): string | undefined => {
    const given = flags[name];
    return typeof given === "string" && given !== "" ? given : undefined;
  };
  try {
    const images = await openImages(list("arch"), list("image"));
    const tracepoints = list("tracepoint").length > 0 ? list("tracepoint") : ["*:*"];
    const names = text("names");
    const listed = names === undefined
      ? []
      : (await Deno.readTextFile(names)).split(/\s+/).filter((n) => n !== "");
    const globs = list("glob");
    const byDefault = globs.length === 0 && names === undefined;
    const shapes = new Map<string, Shapes>();
    for (const { label, image, shipped } of images) {
      const functions = !byDefault
        ? selectFunctions(image, globs, listed)
        : shipped
        ? selectFunctions(image, [], (await coreImage(image.arch)).functions())
        : selectFunctions(image, [...DEFAULT_GLOBS, SYSCALLS], []);
      shapes.set(label, shapesOf(image, functions, tracepoints));
    }
    if ([...shapes.values()].every(({ functions }) => functions.size === 0)) {
      throw new Error(
        `Cannot generate declarations: no traceable function matches ${
          [...globs, names ?? ""].join(" ").trim()
        }`,
      );
    }
    const module = renderModule(mergeShapes(shapes), text("from") ?? "./words.ts", command(args));
    return await deliver(module, text("out"), flags.check === true);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** The command as the generated file repeats it. */
function command(args: readonly string[]): string {
  return [
    "deno run --allow-read --allow-write tools/generate_types.ts",
    ...args.filter((a) => a !== "--check"),
  ]
    .map((arg) => isGlob(arg) ? `'${arg}'` : arg).join(" ");
}

async function deliver(module: string, out: string | undefined, check: boolean): Promise<number> {
  if (out === undefined) {
    console.log(module);
    return 0;
  }
  if (check) {
    if (await Deno.readTextFile(out) === module) return 0;
    console.error(`${out} is out of date; run the command in its second line.`);
    return 1;
  }
  await Deno.writeTextFile(out, module);
  return 0;
}

/** An image to declare. `shipped`: one of those that come with kscope. */
interface Opened {
  readonly label: string;
  readonly image: KernelImage;
  readonly shipped: boolean;
}

async function openImages(arches: readonly string[], files: readonly string[]): Promise<readonly Opened[]> {
  const images: Opened[] = [];
  for (const file of files) {
    const image = await openImage(await Deno.readFile(file), file);
    const known = images.some(({ label }) => label === image.arch);
    images.push({ label: known ? `${image.arch} ${image.release}` : image.arch, image, shipped: false });
  }
  for (const arch of arches.length > 0 || files.length > 0 ? arches : ARCHES) {
    if (!ARCHES.some((known) => known === arch)) {
      throw new Error(`Unknown architecture "${arch}"; it is one of ${ARCHES.join(", ")}`);
    }
    images.push({ label: arch, image: await fullImage(arch as Arch), shipped: true });
  }
  return images;
}

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

if (import.meta.main) Deno.exit(await main(Deno.args));
