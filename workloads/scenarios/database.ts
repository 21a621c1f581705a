/**
 * A database on a disk: readers look rows up anywhere in a table, a writer appends to a log and makes it durable.
 *
 * @module
 */

import { mountDisk, type MountedDisk } from "../../kernel/fs/ext4/mount.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { installProgram, startProgram } from "./start_program.ts";

/** What the workload is made of. */
export interface DatabaseParameters {
  /** Threads that look rows up. */
  readonly readers: number;
  /** Rows that each of them looks up. */
  readonly reads: number;
  /** Transactions that the writer commits. */
  readonly commits: number;
  /** Blocks of 8 KiB that the table has. */
  readonly blocks: number;
}

/** Where its disk is mounted. */
const DATA = "/data";
const DISK: MountedDisk = { mount: DATA, kind: "ssd" };
/** Bytes of a block of the table. */
const BLOCK = 8192;
/** A record of the log. */
const RECORD = `${"commit ".repeat(70)}\n`;
/** Nanoseconds that the writer computes before it commits. */
const TRANSACTION = 300_000;

/** A number below `limit` for a reader's turn: anywhere, and the same in every run. */
function place(reader: number, turn: number, limit: number): number {
  let hash = Math.imul(reader + 1, 0x9e3779b1) ^ Math.imul(turn + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return (hash >>> 8) % limit;
}

function* reader(sys: Sys, number: number, { reads, blocks }: DatabaseParameters): Steps<void> {
  const table = yield* sys.open(`${DATA}/table`);
  for (let turn = 0; turn < reads; turn++) {
    yield* sys.pread(table, BLOCK, place(number, turn, blocks) * BLOCK);
  }
  yield* sys.close(table);
}

function* database(sys: Sys, parameters: DatabaseParameters): Steps<number> {
  const { readers, commits } = parameters;
  yield* startProgram(sys, "/usr/bin/database", ["database", DATA]);
  const started: number[] = [];
  for (let i = 0; i < readers; i++) {
    started.push(yield* sys.thread((thread) => reader(thread, i, parameters)));
  }
  const log = yield* sys.open(`${DATA}/log`, "O_WRONLY|O_CREAT|O_APPEND", 0o600);
  let failed = 0;
  for (let commit = 0; commit < commits; commit++) {
    yield* sys.compute(TRANSACTION);
    yield* sys.write(log, RECORD);
    if ((yield* sys.call("fdatasync", log)) !== 0) failed++;
  }
  yield* sys.close(log);
  for (const thread of started) yield* sys.join(thread);
  return failed === 0 ? 0 : 1;
}

/** Mounts a disk where the database expects one, unless the user has, and lays the table on it. */
function prepare(k: Kernel, blocks: number): void {
  installProgram(k, "/usr/bin/database", 65_536);
  if ((k.vfs.lookup(DATA)?.sb ?? k.vfs.sb) === k.vfs.sb) mountDisk(k, DISK);
  k.vfs.makePath(`${DATA}/table`, { size: blocks * BLOCK });
}

/** The workload: a table that is read at random, and a log. Its disk is an SSD unless the kernel has one at `/data`. */
export function databaseWorkload(parameters: DatabaseParameters): Workload {
  const { readers, reads, commits, blocks } = parameters;
  return programWorkload({
    name: "database",
    description:
      `${readers} threads look up ${reads} rows each in ${blocks} blocks, ${commits} transactions are committed`,
    disks: [DISK],
    prepare: (k) => prepare(k, blocks),
    programs: [{ program: (sys) => database(sys, parameters) }],
  });
}
