/**
 * Files that are no regular files: `/dev/null` and its kin, terminals, sockets, procfs, event descriptors. What the
 * model has no contents for gives what was recorded, else nothing.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, type Pending, whenDone } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { waitFor } from "../process/sleep.ts";
import { EINVAL } from "../syscalls/errno.ts";
import { mayBlock } from "../syscalls/may_block.ts";
import type { RecordedOutcome } from "../syscalls/request.ts";
import { FILE } from "./fields.ts";
import { READERS, WRITERS } from "./fileops.ts";
import { advance, type Transfer, transferOf } from "./read_write.ts";
import { scatter } from "./shmem.ts";

/** Bytes that a kind of file gives where no recording decides. */
type Source = (k: Kernel, count: number) => Uint8Array;

/** What most reads of zeros and of nothing are given. */
const ZEROS = new Uint8Array(4096);
const EMPTY = ZEROS.subarray(0, 0);
const NOTHING: Source = () => EMPTY;
const SOURCES: ReadonlyMap<string, Source> = new Map(Object.entries<Source>({
  read_zero: (_k, count) => count <= ZEROS.length ? ZEROS.subarray(0, count) : new Uint8Array(count),
  urandom_read_iter: (k, count) => randomBytes(k, count),
}));
/** Functions that are called with a buffer rather than with a control block and an iterator. */
const BUFFER = new Set([
  "read_null",
  "write_null",
  "read_zero",
]);
/** What is read and written as said here; other kinds of files have functions of their own elsewhere. */
const STREAMS = new Set([
  "read_null",
  "write_null",
  "read_zero",
  "urandom_read_iter",
  "random_write_iter",
  "tty_read",
  "tty_write",
]);
const READS = new Set(["read", "pread64", "readv", "preadv", "preadv2"]);
const WRITES = new Set(["write", "pwrite64", "writev", "pwritev", "pwritev2"]);

for (const ref of READERS) {
  if (!STREAMS.has(ref.name)) continue;
  const source = SOURCES.get(ref.name) ?? NOTHING;
  if (!BUFFER.has(ref.name)) {
    blocking(ref.name, [], (k, kiocb = 0, iter = 0) => {
      const transfer = transferOf(k, kiocb, iter);
      return transfer === undefined
        ? -EINVAL
        : whenDone(give(k, transfer, source), (ret) => advanced(k, kiocb, iter, ret));
    });
  } else {
    blocking(ref.name, [], (k, address = 0, buf = 0, count = 0) => {
      const file = k.vfs.files.get(address);
      if (file === undefined) return -EINVAL;
      return give(k, { file, pos: 0, count, ranges: [{ base: buf, length: count }] }, source);
    });
  }
}

for (const ref of WRITERS) {
  if (!STREAMS.has(ref.name)) continue;
  if (!BUFFER.has(ref.name)) {
    blocking(ref.name, [], (k, kiocb = 0, iter = 0) => {
      const transfer = transferOf(k, kiocb, iter);
      return transfer === undefined
        ? -EINVAL
        : whenDone(take(k, transfer.count), (ret) => advanced(k, kiocb, iter, ret));
    });
  } else {
    blocking(ref.name, [], (k, _file, _buf, count = 0) => take(k, count));
  }
}

behaviour("null_lseek", [], (k, address = 0) => {
  FILE.pos.set(k, address, 0);
  return 0;
});

function advanced(k: Kernel, kiocb: Addr, iter: Addr, bytes: number): number {
  if (bytes > 0) advance(k, kiocb, iter, bytes);
  return bytes;
}

function give(k: Kernel, transfer: Transfer, source: Source): Pending {
  const { request } = k.current;
  const outcome = request !== null && READS.has(request.name) ? request.recorded : undefined;
  if (request === null || outcome === undefined) {
    const bytes = source(k, transfer.count);
    scatter(k, transfer, bytes);
    return bytes.length;
  }
  if (mayBlock(k, k.current, request)) return giveLater(k, transfer, outcome);
  return giveRecorded(k, transfer, outcome);
}

function* giveLater(k: Kernel, transfer: Transfer, outcome: RecordedOutcome): Blocking<number> {
  yield* waitFor(k, () => true);
  return giveRecorded(k, transfer, outcome);
}

function giveRecorded(k: Kernel, transfer: Transfer, { data, ret }: RecordedOutcome): number {
  if (data !== undefined && ret > 0) scatter(k, transfer, data.subarray(0, ret));
  return ret;
}

function take(k: Kernel, count: number): Pending {
  const { request } = k.current;
  const outcome = request !== null && WRITES.has(request.name) ? request.recorded : undefined;
  if (request === null || outcome === undefined) return count;
  return mayBlock(k, k.current, request) ? takeLater(k, outcome.ret) : outcome.ret;
}

function* takeLater(k: Kernel, ret: number): Blocking<number> {
  yield* waitFor(k, () => true);
  return ret;
}

function randomBytes(k: Kernel, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = k.random.below(256, k.current.pid, k.current.syscalls, i);
  return bytes;
}
