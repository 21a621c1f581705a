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

/** Builds whose version was recorded, by release. */
const VERSIONS: ReadonlyMap<string, string> = new Map(Object.entries<string>({
  "6.1.0-56-amd64": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
  "6.1.0-56-arm64": "#1 SMP Debian 6.1.192-2 (2026-11-16)",
  "6.1.0-50-686-pae": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-02)",
}));

const COMPILER =
  "(debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40)";

const CONSOLES: Readonly<Record<Arch, string>> = { x86_64: "ttyS0", arm64: "ttyAMA0", i386: "ttyS0" };

/** What a build calls itself; a build that is not known has no more than its release. */
export function buildInfo(image: KernelImage): BuildInfo {
  const version = VERSIONS.get(image.release) ?? "#1 SMP";
  return { version, machine: MACHINES[image.arch], preemptible: version.includes("PREEMPT") };
}

/** `uname -a`. */
export function unameText(image: KernelImage): string {
  const { version, machine } = buildInfo(image);
  return `Linux (none) ${image.release} ${version} ${machine} GNU/Linux\n`;
}

/** `/proc/version`. */
export function versionText(image: KernelImage): string {
  const compiler = VERSIONS.has(image.release) ? ` ${COMPILER}` : "";
  return `Linux version ${image.release}${compiler} ${buildInfo(image).version}\n`;
}

/** `/proc/cmdline`. */
export function cmdlineText(image: KernelImage): string {
  return `console=${CONSOLES[image.arch]} panic=-1 quiet \n`;
}
