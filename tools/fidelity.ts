/**
 * Tells how near the model comes to recorded programs, caller by callee: `deno task fidelity --help`.
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import type { Arch } from "../image/model.ts";
import { ShapeLibrary } from "../kernel/shapes/library.ts";
import { parseGraph } from "./compile_shapes/graph_trees.ts";
import { compareRuns } from "./fidelity/compare.ts";
import { edgeGaps } from "./fidelity/compare.ts";
import { compareValues, type ValueRow, valuesJson, valuesText } from "./fidelity/value_report.ts";
import { compareActivity } from "./fidelity/compare_activities.ts";
import { transcriptsIn } from "./fidelity/transcripts.ts";
import { shapesWithout } from "./fidelity/left_out.ts";
import { replayTraced, shippedShapes } from "./fidelity/model_run.ts";
import { recordedPrograms } from "./fidelity/programs.ts";
import { callsText, gapsText, type Row, table } from "./fidelity/report.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];
/** System calls, missing and invented edges that are listed for each program, without `--all`. */
const LISTED = 8;

const EXPLANATION = `
FOLDER holds programs/ARCH/NAME.strace.gz (strace -f -ttt -T), NAME.graph.gz (the function_graph tracer with every
system call's entry function as a root). Each recording of system calls is replayed in the model, and the calls that the
model's kernel makes are compared with those of the real one: recall is how much of what was recorded the model does,
precision how much of what the model does was recorded. "edges" counts each caller and callee once, "weighted" by the
number of calls, "in place" compares each system call with the one in its place. --values needs NAME.args.gz too: of the arguments and results of
all calls that both sides have, the share that agrees (numbers by value, pointers by which object they point to), that
nothing in the model determines, and that is wrong.`;

/** Runs the tool with command line arguments; gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const program = new Command("fidelity")
    .description("Tells how near the model comes to recorded programs, caller by callee.")
    .argument("[folder]", "folder of recordings, see below", "../shared")
    .option("-p, --program <name...>", "programs to compare (default: all)")
    .option("-a, --arch <arch...>", `architectures: ${ARCHES.join(", ")} (default: all)`)
    .option("-s, --shapes <folder>", "folder of shapes to use in place of the shipped ones: ARCH.bin")
    .option("-w, --without-each", "compile shapes without one program at a time and compare that one")
    .option("-c, --calls", "list system calls by how far they are off")
    .option("-e, --edges", "list missing and invented edges")
    .option("-v, --values", "compare arguments and results instead, with NAME.args.gz")
    .option("-g, --activities", "compare the single activities of transcripts/ARCH/graph-NAME.txt instead")
    .option("--all", "list all of them, not only the first ones")
    .option("--json", "print everything as JSON")
    .addHelpText("after", EXPLANATION)
    .exitOverride();
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    return error instanceof Error && "exitCode" in error && error.exitCode === 0 ? 0 : 2;
  }
  const options = program.opts();
  const folder = program.args[0] ?? "../shared";
  try {
    const rows: Row[] = [];
    const valueRows: ValueRow[] = [];
    const arches = archesOf(options.arch);
    if (options.activities === true) {
      const shapes = (arch: Arch) => shapesOf(arch, options.shapes);
      rows.push(...await activityRows(folder, arches, options.program, shapes));
    }
    const programs = options.activities === true
      ? []
      : recordedPrograms(folder, arches, options.program ?? []);
    for (const one of programs) {
      const shapes = options.withoutEach === true
        ? await shapesWithout(folder, one.arch, one.name)
        : await shapesOf(one.arch, options.shapes);
      const modeled = await replayTraced(one.arch, one.strace(), shapes, one.name);
      if (options.values === true) {
        const values = await compareValues(one, modeled);
        if (values !== undefined) valueRows.push(values);
        continue;
      }
      const comparison = compareRuns(parseGraph(one.graph() ?? ""), modeled);
      if (options.withoutEach === true) console.error(`${one.arch} ${one.name}`);
      rows.push({ arch: one.arch, name: one.name, comparison });
    }
    if (options.values === true) {
      console.log(
        options.json === true ? valuesJson(valueRows) : valuesText(valueRows, options.all === true),
      );
    } else console.log(options.json === true ? json(rows) : report(rows, options));
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function activityRows(
  folder: string,
  arches: readonly Arch[],
  names: readonly string[] | undefined,
  shapes: (arch: Arch) => Promise<ShapeLibrary>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const transcript of arches.flatMap((arch) => transcriptsIn(folder, arch))) {
    const { arch, name } = transcript;
    if (names !== undefined && !names.includes(name)) continue;
    const comparison = await compareActivity(transcript, await shapes(arch));
    if (comparison !== undefined) rows.push({ arch, name, comparison });
  }
  if (rows.length > 0) return rows;
  throw new Error(`Cannot compare activities: "${folder}" has no transcripts/ARCH/graph-NAME.txt for them`);
}

async function shapesOf(arch: Arch, folder: string | undefined): Promise<ShapeLibrary> {
  if (folder === undefined) return await shippedShapes(arch);
  return ShapeLibrary.decode(Deno.readFileSync(`${folder}/${arch}.bin`));
}

function archesOf(given: readonly string[] | undefined): readonly Arch[] {
  if (given === undefined) return ARCHES;
  return given.map((name) => {
    const arch = ARCHES.find((arch) => arch === name);
    if (arch === undefined) {
      throw new Error(`Cannot compare on "${name}": there are images for ${ARCHES.join(", ")}`);
    }
    return arch;
  });
}

function report(
  rows: readonly Row[],
  options: { readonly calls?: true; readonly edges?: true; readonly all?: true },
): string {
  const limit = options.all === true ? Infinity : LISTED;
  let text = table(rows);
  for (const { arch, name, comparison } of rows) {
    const more = (options.calls === true ? callsText(comparison.calls, limit) : "") +
      (options.edges === true ? gapsText(comparison, limit) : "");
    if (more !== "") text += `\n${arch} ${name}\n${more}`;
  }
  return text.trimEnd();
}

function json(rows: readonly Row[]): string {
  return JSON.stringify(
    rows.map(({ arch, name, comparison }) => ({
      arch,
      program: name,
      edges: comparison.plain,
      weighted: comparison.weighted,
      inPlace: comparison.inPlace,
      calls: comparison.calls,
      missing: edgeGaps(comparison.recordedEdges, comparison.modeledEdges),
      invented: edgeGaps(comparison.modeledEdges, comparison.recordedEdges),
    })),
    null,
    1,
  );
}

if (import.meta.main) Deno.exit(await main(Deno.args));
