/**
 * Options that several commands share.
 *
 * @module
 */

import type { Arch } from "../image/model.ts";
import type { MountedDisk } from "../session/mod.ts";
import { UsageError } from "./context.ts";

/** The calling conventions, as `--arch` takes them. */
export const ARCHES = ["x86_64", "arm64", "i386"] as const satisfies readonly Arch[];

/** A kernel that isn't shipped. */
export const IMAGE_OPTION = {
  kind: "text",
  name: "image",
  value: "FILE",
  summary: "Kernel image of your own",
} as const;

/** How the kernel is made. */
export const KERNEL_OPTIONS = [
  { kind: "choice", name: "arch", summary: "Kernel to model", choices: ARCHES, default: "x86_64" },
  IMAGE_OPTION,
  { kind: "integer", name: "cpus", value: "N", summary: "Number of CPUs", min: 1, max: 64, default: 2 },
  {
    kind: "integer",
    name: "seed",
    value: "S",
    summary: "Seed of everything random",
    min: 0,
    max: 4294967295,
    default: 1,
  },
  {
    kind: "text",
    name: "disk",
    value: "KIND:PATH",
    summary: "Disk (fixed, ssd, hdd) with an ext4 mounted at PATH",
  },
] as const;

/**
 * The disks that `--disk` asks for: `ssd:/data`, several with commas between them; undefined if it is not given.
 *
 * @throws {UsageError} When it is not of that form
 */
export function disksOf(text: string | undefined): readonly MountedDisk[] | undefined {
  return text?.split(",").map((disk) => {
    const [, kind = "", mount = ""] = /^([^:]*):(.*)$/.exec(disk) ?? [];
    if ((kind !== "fixed" && kind !== "ssd" && kind !== "hdd") || !/^\/./.test(mount)) {
      throw new UsageError(
        `Cannot make a disk of "${disk}": write KIND:PATH as in ssd:/data; kinds are fixed, ssd, hdd`,
      );
    }
    return { kind, mount };
  });
}

/** What drives it. */
export const WORKLOAD_OPTIONS = [
  {
    kind: "text",
    name: "replay",
    short: "r",
    value: "FILE",
    summary: "Recording of strace -f -ttt -T, text or gzip",
  },
  {
    kind: "text",
    name: "workload",
    short: "w",
    value: "NAME",
    summary: "Built-in workload, see `workloads`, or FILE.ts of your own",
  },
] as const;

/** How results are printed, and what a failing handler does. */
export const RESULT_OPTIONS = [
  {
    kind: "choice",
    name: "format",
    short: "f",
    summary: "Output format",
    choices: ["text", "json"],
    default: "text",
  },
  { kind: "flag", name: "keep-going", summary: "Go on when a handler throws" },
  { kind: "flag", name: "explain", summary: "Print the probe graph instead of running it" },
] as const;
