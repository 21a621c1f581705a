/**
 * How the builds call themselves: `uname` and `/proc/version`.
 *
 * @module
 */

import type { Arch, KernelImage } from "../../image/model.ts";

/** What `uname` tells of a build. */
export interface BuildInfo {
  /** `#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)` */
  readonly version: string;
  /** `x86_64`, `aarch64`, `i686` */
  readonly machine: string;
  /** Whether kernel code can be preempted, so that there is a count to show. */
  readonly preemptible: boolean;
}

const MACHINES: Readonly<Record<Arch, string>> = { x86_64: "x86_64", arm64: "aarch64", i386: "i686" };

/** A build that was recorded. */
interface RecordedBuild {
  readonly arch: Arch;
  readonly version: string;
}

/** The builds whose version was recorded, by release: all by one compiler. */
const RECORDED: ReadonlyMap<string, RecordedBuild> = new Map<string, RecordedBuild>([
  ["6.1.0-56-amd64", {
    arch: "x86_64",
    version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
  }],
  ["6.1.0-56-arm64", { arch: "arm64", version: "#1 SMP Debian 6.1.192-2 (2026-11-16)" }],
  ["6.1.0-50-686-pae", {
    arch: "i386",
    version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-02)",
  }],
]);

const COMPILER =
  "(debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40)";

/** Built with CONFIG_PREEMPTION alone. */
const PREEMPTS = ["preempt_schedule_notrace", "preempt_schedule"];

const CONSOLES: Readonly<Record<Arch, string>> = { x86_64: "ttyS0", arm64: "ttyAMA0", i386: "ttyS0" };

/** What a build calls itself; of one that was not recorded, what the image's symbols tell. */
export function buildInfo(image: KernelImage): BuildInfo {
  const machine = MACHINES[image.arch];
  const version = recorded(image)?.version;
  if (version !== undefined) return { version, machine, preemptible: version.includes("PREEMPT") };
  const model = preemptionModel(image);
  return { version: `#1 SMP${model === null ? "" : ` ${model}`}`, machine, preemptible: model !== null };
}

function recorded(image: KernelImage): RecordedBuild | undefined {
  const build = RECORDED.get(image.release);
  return build?.arch === image.arch ? build : undefined;
}

/** Only kernels that can be preempted have a function for it; those that choose when they boot (5.12 on) one that chooses. */
function preemptionModel(image: KernelImage): "PREEMPT" | "PREEMPT_DYNAMIC" | null {
  const [major = 0, minor = 0] = image.release.split(".").map(Number);
  const chooses = (major > 5 || major === 5 && minor >= 12) &&
    image.symbol("sched_dynamic_update") !== undefined;
  if (chooses) return "PREEMPT_DYNAMIC";
  return PREEMPTS.some((name) => image.symbol(name) !== undefined) ? "PREEMPT" : null;
}

/** `uname -a`. */
export function unameText(image: KernelImage): string {
  const { version, machine } = buildInfo(image);
  return `Linux (none) ${image.release} ${version} ${machine} GNU/Linux\n`;
}

/** `/proc/version`; who compiled a build is known of the recorded ones alone. */
export function versionText(image: KernelImage): string {
  const compiler = recorded(image) === undefined ? "" : `${COMPILER} `;
  return `Linux version ${image.release} ${compiler}${buildInfo(image).version}\n`;
}

/** `/proc/cmdline`. */
export function cmdlineText(image: KernelImage): string {
  return `console=${CONSOLES[image.arch]} panic=-1 quiet \n`;
}
