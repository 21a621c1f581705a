/**
 * How kernel releases differ in what probes can see: one table, read by the code that behaves differently.
 *
 * @module
 */

/** Releases that a kernel can be made as. */
export type ReleaseName = "6.1" | "4.18" | "2.6.38";

/** What one release does its own way. Everything that isn't here is the same in all of them. */
export interface Release {
  readonly name: ReleaseName;
  /** `struct kprobe` has a `fault_handler`, called for faults in handlers. Gone in 5.14. */
  readonly faultHandler: boolean;
  /** `struct kprobe` has a `break_handler` (jprobes): an address takes one, else EEXIST. Gone in 4.19. */
  readonly breakHandler: boolean;
  /** Symbols that this release knows by another name than the image does. */
  readonly symbolNames: Readonly<Record<string, string>>;
  /** A place that can't be resolved: told apart (ENOENT), or EINVAL like everything else. */
  readonly resolveErrno: "ENOENT" | "EINVAL";
  /** Instructions refused beside the blacklist: call gates, static calls, BUG sites, compiler preambles. */
  readonly refusesSpecialSites: boolean;
  /** Registering an object twice warns once in the log. */
  readonly warnsReregistration: boolean;
  /** Where the blacklist comes from: ranges that the kernel's build collected, or a static array of names. */
  readonly blacklist: "ranges" | { readonly names: readonly string[] };
  /** A probe on an ftrace site: becomes an ftrace callback where the architecture can, or is refused. */
  readonly ftraceSites: "probed" | "refused";
  /** Probes of plain instructions become jumps where that is possible. */
  readonly optimizes: boolean;
  /** x86: calls and jumps are emulated, those through memory refused; before 5.12 all were stepped. */
  readonly emulatesBranches: boolean;
  /** A kretprobe must sit on a function's entry. */
  readonly returnsFromEntryOnly: boolean;
  /** Most bytes of private data of a kretprobe's instance; more is E2BIG. */
  readonly maxDataSize: number;
  /** What an entry handler's refusal does with the instance: gives it back, or forgets it. */
  readonly refusedInstances: "recycled" | "leaked";
  /** Instances of a kretprobe that doesn't say, by number of possible CPUs. */
  readonly defaultMaxactive: (cpus: number) => number;
  /** `%p` prints a hash of the pointer, or the pointer. */
  readonly hashesPointers: boolean;
  /** A task that met a fault of the kernel ends by a function of its own, `make_task_dead`. */
  readonly makesTasksDead: boolean;
  /** What `uname -r` says; null: what the image's build says. */
  readonly uname: string | null;
  /** Files that 6.1 has and this release not: of the tracing folder, and of debugfs' `kprobes`. */
  readonly missingFiles: { readonly tracing: readonly string[]; readonly kprobes: readonly string[] };
  /** Types of probe events' arguments that this release lacks, and `\\` where it takes no immediate values. */
  readonly missingFetch: readonly string[];
  /** Letters of the ways in which a kernel can be tainted, by bit. */
  readonly taintFlags: string;
  /** A probe on a function's entry has a flag that says so. */
  readonly marksEntries: boolean;
  /** The function that makes new tasks. */
  readonly forkFunction: string;
}

/** Largest private data of an instance of a kretprobe, in bytes, where there is a limit. */
export const KRETPROBE_MAX_DATA_SIZE = 4096;

/** The unconditional rule since 6.1; before, only of preemptible kernels. */
function twicePerCpu(cpus: number): number {
  return Math.max(10, 2 * cpus);
}

/** What kernels without full preemption did through 6.0. */
function onePerCpu(cpus: number): number {
  return cpus;
}

const V6_1: Release = {
  name: "6.1",
  faultHandler: false,
  breakHandler: false,
  symbolNames: {},
  resolveErrno: "ENOENT",
  refusesSpecialSites: true,
  warnsReregistration: true,
  blacklist: "ranges",
  ftraceSites: "probed",
  optimizes: true,
  emulatesBranches: true,
  returnsFromEntryOnly: true,
  maxDataSize: KRETPROBE_MAX_DATA_SIZE,
  refusedInstances: "recycled",
  defaultMaxactive: twicePerCpu,
  hashesPointers: true,
  makesTasksDead: true,
  uname: null,
  missingFiles: { tracing: [], kprobes: [] },
  missingFetch: [],
  taintFlags: "PFSRMBUDAWCIOELKXTN",
  marksEntries: true,
  forkFunction: "kernel_clone",
};

const V4_18: Release = {
  ...V6_1,
  name: "4.18",
  faultHandler: true,
  breakHandler: true,
  symbolNames: { kernel_clone: "_do_fork" },
  warnsReregistration: false,
  emulatesBranches: false,
  maxDataSize: Infinity,
  defaultMaxactive: onePerCpu,
  makesTasksDead: false,
  uname: "4.18.0",
  // In the order in which they came: 4.20, 5.1, 5.2, 5.7 and 5.18.
  missingFiles: { tracing: ["dynamic_events", "error_log", "set_event_notrace_pid"], kprobes: [] },
  missingFetch: ["symbol", "\\", "ustring", "symstr"],
  taintFlags: "PFSRMBUDAWCIOELKXT",
  marksEntries: false,
  forkFunction: "_do_fork",
};

const V2_6_38: Release = {
  ...V4_18,
  name: "2.6.38",
  symbolNames: { kernel_clone: "do_fork" },
  resolveErrno: "EINVAL",
  refusesSpecialSites: false,
  blacklist: {
    names: [
      "preempt_schedule",
      "native_get_debugreg",
      "irq_entries_start",
      "common_interrupt",
      "mcount",
    ],
  },
  ftraceSites: "refused",
  returnsFromEntryOnly: false,
  refusedInstances: "leaked",
  hashesPointers: false,
  uname: "2.6.38",
  missingFiles: {
    tracing: [
      ...V4_18.missingFiles.tracing,
      "synthetic_events",
      "uprobe_events",
      "uprobe_profile",
      "set_event_pid",
    ],
    kprobes: ["blacklist"],
  },
  taintFlags: "PFSRMBUDAWCI",
  forkFunction: "do_fork",
};

const RELEASES: Readonly<Record<ReleaseName, Release>> = { "6.1": V6_1, "4.18": V4_18, "2.6.38": V2_6_38 };

/** Names of all releases, newest first. */
export const RELEASE_NAMES: readonly ReleaseName[] = ["6.1", "4.18", "2.6.38"];

/**
 * The differences of one release.
 *
 * @throws {TypeError} If there is no such release in the table.
 */
export function releaseOf(name: string = "6.1"): Release {
  const found = RELEASE_NAMES.find((known) => known === name);
  if (found !== undefined) return RELEASES[found];
  throw new TypeError(
    `Cannot boot release "${name}": there are ${RELEASE_NAMES.map((known) => `"${known}"`).join(", ")}`,
  );
}

/** What `uname -r` says, of an image whose build says `built`. */
export function unameRelease(release: Release, built: string): string {
  return release.uname === null || built.startsWith(`${release.name}.`) ? built : release.uname;
}

/** A symbol's name in the image, by its name in the release; undefined where the release has no symbol of that name. */
export function imageName(release: Release, name: string): string | undefined {
  for (const [inImage, inRelease] of Object.entries(release.symbolNames)) {
    if (name === inRelease) return inImage;
    if (name === inImage) return undefined;
  }
  return name;
}

/** A symbol's name in the release, by its name in the image. */
export function releaseSymbol(release: Release, name: string): string {
  const { symbolNames } = release;
  return (Object.hasOwn(symbolNames, name) ? symbolNames[name] : undefined) ?? name;
}
