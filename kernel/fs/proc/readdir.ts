/**
 * Listing directories whose entries come and go by themselves: procfs and sysfs.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { ENOENT } from "../../syscalls/errno.ts";
import type { Inode } from "../inode.ts";
import { ACTORS, CTX_POS, dirEmit, type Emission, emitEntries } from "../readdir.ts";

/** What `proc_fill_cache` is about to hand on: its arguments are pointers to what procfs keeps for itself. */
interface Filled {
  readonly name: string | null;
  readonly inode: Inode | null;
  readonly offset: number;
}
const filled = new WeakMap<Kernel, Filled>();

/** Looks an entry of a process up, makes its dentry, and hands it on. (file, ctx, name, len, instantiate, task, ptr) */
const PROC_FILL_CACHE: FunctionRef = behaviour("proc_fill_cache", ACTORS, (k, _file, ctx = 0) => {
  const entry = filled.get(k);
  return entry !== undefined && dirEmit(k, ctx, entry.name, entry.inode, entry.offset) ? 1 : 0;
});

/** The names of a directory, those of processes last, and what they stand for. */
interface Listing {
  readonly names: readonly string[];
  /** Position of the first process. */
  readonly processes: number;
  inodeOf(name: string): Inode | null;
}

const PROCESS = /^[1-9][0-9]*$/;

function listingOf(k: Kernel, address: Addr, ctx: Addr): Listing | null {
  const file = k.vfs.files.get(address);
  const dir = file?.dentry;
  const inode = file?.inode;
  if (file === undefined || dir == null || inode?.entries == null) return null;
  if (file.listing === null || CTX_POS.get(k, ctx) === 0) {
    const more = [...inode.entries.keys()].filter((name) => inode.dynamic?.owns(name) !== true);
    file.listing = [...new Set([...inode.dynamic?.names() ?? [], ...more])];
  }
  const { listing } = file;
  const processes = listing.filter((name) => PROCESS.test(name));
  const others = listing.filter((name) => !PROCESS.test(name));
  return {
    names: [".", "..", ...others, ...processes],
    processes: 2 + others.length,
    inodeOf(name) {
      if (name === ".") return inode;
      return (name === ".." ? dir.parent : k.vfs.child(dir, name))?.inode ?? null;
    },
  };
}

function list(k: Kernel, file: Addr, ctx: Addr, emission: (listing: Listing) => Emission): number {
  const listing = listingOf(k, file, ctx);
  if (listing === null) return -ENOENT;
  emitEntries(k, file, ctx, listing.names, listing.inodeOf, emission(listing));
  return 0;
}

/** A lister that hands everything on itself. */
function plainLister(name: string, part: (listing: Listing) => Emission = () => ({})): FunctionRef {
  return behaviour(name, ACTORS, (k, file = 0, ctx = 0) => list(k, file, ctx, part));
}

/** A lister of what belongs to a process: all but `.` and `..` goes through `proc_fill_cache`. */
function processLister(name: string): FunctionRef {
  return behaviour(name, [PROC_FILL_CACHE, ...ACTORS], (k, file = 0, ctx = 0) =>
    list(k, file, ctx, () => ({
      emit(k, ctx, name, inode, offset) {
        if (name === "." || name === "..") return dirEmit(k, ctx, name, inode, offset);
        filled.set(k, { name, inode, offset });
        return k.call(PROC_FILL_CACHE, file, ctx) === 1;
      },
    })));
}

/** A lister that leaves all to another. */
function delegate(name: string, ...to: readonly FunctionRef[]): FunctionRef {
  return behaviour(name, to, (k, file = 0, ctx = 0) => {
    for (const ref of to) {
      const error = k.call(ref, file, ctx);
      if (error < 0) return error;
    }
    return 0;
  });
}

const PROC_READDIR = delegate(
  "proc_readdir",
  plainLister("proc_readdir_de", ({ processes }) => ({ upTo: processes })),
);
delegate("proc_root_readdir", PROC_READDIR, processLister("proc_pid_readdir"));
const PROC_READFD_COMMON = processLister("proc_readfd_common");
delegate("proc_readfd", PROC_READFD_COMMON);
delegate("proc_readfdinfo", PROC_READFD_COMMON);
delegate("proc_tgid_base_readdir", processLister("proc_pident_readdir"));
processLister("proc_task_readdir");
plainLister("kernfs_fop_readdir");
