/**
 * A modeled kernel set up as the recorded machines were.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { bootKernel } from "../../session/boot.ts";
import { Mount } from "./mount.ts";
import type { Recording } from "./recordings.ts";
import { type FileTree, treeOf } from "./tree.ts";

/** Programs that a command line can start. */
const PROGRAMS = (
  "cat ls sleep mkdir rmdir sysx sh adduser su nproc uname dmesg grep head tail wc cut sort uniq awk tr"
).split(" ");

/** A statically linked program, as busybox is: an ELF header, and no program header that names an interpreter. */
const STATIC_PROGRAM = new Uint8Array(64);
STATIC_PROGRAM.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);

/** One machine. */
export class Machine {
  readonly kernel: Kernel;
  readonly tree: FileTree;
  readonly mount: Mount;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.tree = treeOf(kernel.tracefs);
    this.mount = new Mount(kernel, this.tree);
    for (const name of PROGRAMS) {
      kernel.vfs.makePath(`/bin/${name}`, { mode: 0o100755, content: STATIC_PROGRAM });
    }
    kernel.vfs.makePath("/tmp/f1", { content: new TextEncoder().encode("hello\n") });
  }

  /** Contents of a file without a system call. */
  contentOf(path: string): string | null {
    const modeled = this.tree.read(path);
    if (typeof modeled === "string") return modeled;
    const inode = this.kernel.vfs.lookup(path)?.inode;
    return inode ? new TextDecoder().decode(inode.read(0, inode.size)) : null;
  }

  /** Makes a file of 500 definitions. */
  makeMany(path: string): void {
    const lines = Array.from({ length: 500 }, (_, at) => `p:m${at} vfs_open\n`);
    this.kernel.vfs.makePath(path, { content: new TextEncoder().encode(lines.join("")) });
  }

  /** What `uname -a` prints: the kernel's own banner has it all. */
  uname(): string {
    const banner = this.contentOf("/proc/version") ?? "";
    const release = /version (\S+)/.exec(banner)?.[1] ?? "";
    const version = /#.*/.exec(banner)?.[0] ?? "";
    const machine = { x86_64: "x86_64", arm64: "aarch64", i386: "i686" }[this.kernel.archName];
    return `Linux (none) ${release} ${version} ${machine} GNU/Linux\n`;
  }

  /** What `dmesg` prints. */
  dmesg(): string {
    return this.kernel.dmesg();
  }
}

/** Boots the machine of a recording. */
export async function bootMachine(recording: Recording): Promise<Machine> {
  return new Machine(await bootKernel({ arch: recording.arch, cpus: recording.cpus, image: "whole" }));
}
