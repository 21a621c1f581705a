/**
 * Makes everything that is shipped of the three kernels again: whole images, core images, shapes, declarations.
 *
 * `deno run -A tools/rebuild.ts FOLDER` takes a folder with `facts/ARCH`, `programs/ARCH` and `transcripts/ARCH`.
 *
 * @module
 */

import "../kernel/syscalls/all.ts";
import { behaviourNames } from "../kernel/calls/function.ts";

const RELEASES = { x86_64: "6.1.0-56-amd64", arm64: "6.1.0-56-arm64", i386: "6.1.0-50-686-pae" } as const;

async function tool(name: string, args: readonly string[]): Promise<void> {
  console.log(`${name} ${args.join(" ")}`);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL(`./${name}.ts`, import.meta.url).pathname, ...args],
    cwd: new URL("..", import.meta.url),
  }).spawn().status;
  if (!success) Deno.exit(1);
}

const folder = Deno.args[0];
if (folder === undefined) {
  console.error("Cannot rebuild without a folder: give one that holds facts/, programs/ and transcripts/");
  Deno.exit(2);
}
const from = await Deno.realPath(folder).catch(() => {
  console.error(`Cannot rebuild from "${folder}": there is no such folder`);
  Deno.exit(1);
});

// A behaviour needs its function in the core image, under whatever suffix the compiler gave it.
const functions = await Deno.makeTempFile();
await Deno.writeTextFile(
  functions,
  behaviourNames().flatMap((name) => [name, `${name}.*`]).join("\n") + "\n",
);
for (const [arch, release] of Object.entries(RELEASES)) {
  const image = `image/data/${arch}.kimg`;
  await tool("build_image", [
    `${from}/facts/${arch}`,
    ...["--arch", arch, "--release", release, "--out", image, "--core", `image/core/${arch}.json`],
    ...["--functions", functions, "--recordings", `${from}/programs/${arch}`, `${from}/transcripts/${arch}`],
  ]);
  // A disk's trees would be taken for those of the memory file system as long as nothing chooses by file system.
  const out = `image/shapes/${arch}.json`;
  await tool("compile_shapes", [
    `${from}/programs/${arch}`,
    "--image",
    image,
    "--out",
    out,
    "--without",
    "calls-files-ext4",
  ]);
}
await Deno.remove(functions);
await tool("generate_types", ["--out", "types/kernel.ts"]);
