/**
 * `graph`: everything that the kernel calls for a workload, as the function_graph tracer prints it.
 *
 * @module
 */

import { isGlob } from "../image/glob.ts";
import type { KernelImage } from "../image/model.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { GraphStream } from "../kernel/tracefs/graph_stream.ts";
import { command } from "./definition.ts";
import { wholeImageOf } from "./image_choice.ts";
import { disksOf, KERNEL_OPTIONS, WORKLOAD_OPTIONS } from "./kernel_options.ts";
import { didYouMean, near } from "./near.ts";

const TRACING = "/sys/kernel/tracing";
/** Virtual nanoseconds between two looks at what was traced. */
const SLICE = 1_000_000;

/** `graph`. */
export const graphCommand = command({
  name: "graph",
  place: "cli",
  summary: "Print a run's kernel calls as the function_graph tracer does",
  description:
    "The format is the kernel's with the options funcgraph-proc and nofuncgraph-overhead, so that a recording of a real " +
    "kernel can be compared line by line. Without --root, the calls below every system call are printed.",
  arguments: [],
  options: [
    ...WORKLOAD_OPTIONS,
    {
      kind: "integer",
      name: "depth",
      short: "d",
      value: "N",
      summary: "Levels of calls",
      min: 1,
      max: 1000,
      default: 24,
    },
    {
      kind: "text",
      name: "root",
      value: "GLOB",
      summary: "Functions to begin with, as set_graph_function takes them",
    },
    ...KERNEL_OPTIONS,
  ],
  examples: [
    { line: "graph --replay app.strace.gz", summary: "What a recorded program's system calls do" },
    { line: "graph -w cat --root vfs_open --depth 4", summary: "The first levels below one function" },
  ],
  async run(context, options) {
    const { bootKernel } = await import("../session/boot.ts");
    const { openWorkload } = await import("./workload.ts");
    const workload = await openWorkload(context, options);
    const image = await wholeImageOf(context, options);
    const kernel = await bootKernel({
      arch: options.arch,
      cpus: options.cpus,
      seed: options.seed,
      image,
      disks: disksOf(options.disk) ?? workload.disks ?? [],
    });
    const roots = options.root === undefined ? entryFunctions(image) : chosenFunctions(image, options.root);
    const stream = await startTracing(kernel, roots, options.depth);
    context.out.write(stream.header());
    workload.start(kernel);
    for (let until = SLICE;; until = Math.max(until, kernel.clock.now) + SLICE) {
      const { reason } = kernel.scheduler.run(until);
      context.out.write(stream.drain());
      if (reason !== "until") break;
    }
    context.out.write(stream.end());
    for (const warning of workload.report().warnings) context.out.note(warning);
  },
});

/** Turns the tracer on; the stream gives what it prints. */
async function startTracing(kernel: Kernel, roots: readonly string[], depth: number): Promise<GraphStream> {
  const { GraphStream } = await import("../kernel/tracefs/graph_stream.ts");
  const { tracefs } = kernel;
  const write = (file: string, text: string) => {
    const result = tracefs.write(`${TRACING}/${file}`, `${text}\n`);
    if (!result.ok) throw new Error(`Cannot trace: ${file} refuses "${text}": ${result.message}`);
  };
  tracefs.array.options.set("funcgraph-proc", true);
  tracefs.array.options.set("funcgraph-overhead", false);
  write("set_graph_function", roots.join(" "));
  write("max_graph_depth", String(depth));
  write("current_tracer", "function_graph");
  return new GraphStream(tracefs.array);
}

function entryFunctions(image: KernelImage): readonly string[] {
  const entries = image.syscallNames().flatMap((name) => image.syscallEntry(name) ?? []);
  return [...new Set(entries)].filter((name) => image.isTraceable(name));
}

function chosenFunctions(image: KernelImage, root: string): readonly string[] {
  if (isGlob(root) ? image.functions(root).length > 0 : image.isTraceable(root)) return [root];
  const known = image.func(root) !== undefined;
  throw new Error(
    `Cannot trace "${root}": ${
      known ? "ftrace cannot follow it" : `no such function${didYouMean(near(root, image.functions()))}`
    }`,
  );
}
