/**
 * Reading and writing past the page cache (`O_DIRECT`): `iomap_dio_rw`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { allocBio, type Bio, BIO_ADD_PAGE, BIO_ALLOC_BIOSET, BIO_PUT } from "../../block/bio.ts";
import { SUBMIT_BIO } from "../../block/blk_core.ts";
import { IO_SCHEDULE, sleepForIo } from "../../block/io_schedule.ts";
import { REQ_IDLE, REQ_OP_READ, REQ_OP_WRITE, REQ_SYNC } from "../../block/operations.ts";
import { PLUG_CALLS, startPlug } from "../../block/plug.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { gatherAt, scatterAt } from "../../mm/copy_iter.ts";
import { __FILEMAP_FDATAWAIT_RANGE, FILEMAP_WRITE_AND_WAIT_RANGE } from "../../mm/page_writeback.ts";
import { recordedWake } from "../../process/sleep.ts";
import { popLocals } from "../../process/stack.ts";
import type { Task } from "../../process/task.ts";
import { EFAULT, EINVAL } from "../../syscalls/errno.ts";
import { I_DIRTY_DATASYNC, I_DIRTY_SYNC } from "../backing_dev.ts";
import { advance, type Transfer, transferOf } from "../read_write.ts";
import { readOutcome } from "../shmem.ts";
import { startHandle, stopHandle } from "./ext4_jbd2.ts";
import { ext4Of } from "./file_system.ts";
import { CREATE, EXT4_MAP_BLOCKS, mapBlocks } from "./map_blocks.ts";
import { invalidateRange } from "../../mm/truncate.ts";

/** What one direct transfer waits for. */
interface Dio {
  left: number;
  error: number;
  task: Task | null;
}

const IOMAP_DIO_BIO_END_IO: FunctionRef = behaviour("iomap_dio_bio_end_io", [BIO_PUT], (k, address = 0) => {
  const bio = k.block.bios.get(address);
  const dio = bio?.owner as Dio | null | undefined;
  if (bio === undefined || !dio) return Number.NaN;
  dio.left--;
  if (bio.error !== 0) dio.error = bio.error;
  k.call(BIO_PUT, address);
  if (dio.left === 0 && dio.task !== null) k.scheduler.wake(dio.task);
  return Number.NaN;
});

/** Moves blocks between the disk and user memory: bytes, or -errno. */
const IOMAP_DIO_RW: FunctionRef = blocking(
  "iomap_dio_rw",
  [
    FILEMAP_WRITE_AND_WAIT_RANGE,
    ...PLUG_CALLS,
    EXT4_MAP_BLOCKS,
    BIO_ALLOC_BIOSET,
    BIO_ADD_PAGE,
    SUBMIT_BIO,
    IO_SCHEDULE,
  ],
  function* (k, kiocb = 0, iter = 0, write = 0) {
    const transfer = transferOf(k, kiocb, iter);
    const inode = transfer?.file.inode;
    const ext4 = inode ? ext4Of(k, inode) : undefined;
    if (transfer === undefined || !inode || ext4 === undefined) return -EINVAL;
    const { blockSize } = ext4.layout;
    const wanted = readOutcome(k)?.ret ?? transfer.count;
    const count = write !== 0 ? transfer.count : Math.max(0, Math.min(wanted, inode.size - transfer.pos));
    if (count === 0) return 0;
    const space = k.pageCache.known(inode);
    if (space !== undefined) {
      const end = transfer.pos + count - 1;
      const error = yield* k.calls.callBlocking(
        FILEMAP_WRITE_AND_WAIT_RANGE,
        space.address,
        transfer.pos,
        end,
      );
      if (error !== 0) return error;
      if (write !== 0) invalidateRange(k, space, transfer.pos, end);
    }
    const data = write === 0 ? null : gatherAt(k, transfer, 0, count);
    if (write !== 0 && data === null) return -EFAULT;
    const dio: Dio = { left: 0, error: 0, task: k.current };
    const mark = k.current.locals;
    const plug = startPlug(k);
    const first = Math.floor(transfer.pos / blockSize);
    const last = Math.ceil((transfer.pos + count) / blockSize);
    const handle = write !== 0 ? startHandle(k, inode, 16) : 0;
    let failed = 0;
    for (let logical = first; logical < last;) {
      const mapping = mapBlocks(k, handle, inode, logical, last - logical, write !== 0 ? CREATE : 0);
      if (typeof mapping === "number") {
        failed = mapping;
        break;
      }
      if (mapping.block !== 0) {
        const sector = mapping.block * (blockSize / 512);
        yield* submitRun(k, dio, ext4.disk, sector, mapping.count * blockSize, write !== 0);
      }
      logical += mapping.count;
    }
    if (write !== 0) stopHandle(k, handle);
    k.call(fn("blk_finish_plug"), plug);
    const recorded = recordedWake(k);
    if (recorded === recorded) k.block.hasten(Math.max(recorded, k.clock.now));
    while (dio.left > 0) yield* sleepForIo(k);
    dio.task = null;
    popLocals(k, mark);
    if (failed !== 0 || dio.error !== 0) return dio.error !== 0 ? dio.error : failed;
    return finish(k, transfer, kiocb, iter, count, data);
  },
);

function* submitRun(
  k: Kernel,
  dio: Dio,
  disk: Bio["disk"],
  sector: number,
  bytes: number,
  write: boolean,
): Blocking<void> {
  for (let done = 0; done < bytes;) {
    const part = Math.min(bytes - done, 256 * 4096);
    const opf = write ? REQ_OP_WRITE | REQ_SYNC | REQ_IDLE : REQ_OP_READ;
    const bio = allocBio(k, disk, sector + done / 512, opf, Math.ceil(part / 4096));
    const page = k.pageCache.metadata(disk).page;
    for (let at = 0; at < part; at += 4096) {
      // The pages are the caller's own; the model has one page stand for them.
      bio.vecs.push({ page, offset: 0, length: Math.min(4096, part - at) });
    }
    bio.setSize(part);
    bio.onEnd(IOMAP_DIO_BIO_END_IO, dio);
    dio.left++;
    yield* k.calls.callBlocking(SUBMIT_BIO, bio.address);
    done += part;
  }
}

function finish(
  k: Kernel,
  transfer: Transfer,
  kiocb: Addr,
  iter: Addr,
  count: number,
  data: Uint8Array | null,
): number {
  const inode = transfer.file.inode;
  if (!inode) return -EINVAL;
  if (data === null) {
    if (!scatterAt(k, transfer, 0, inode.read(transfer.pos, count)) && readOutcome(k) === undefined) {
      return -EFAULT;
    }
  } else {
    const grown = transfer.pos + count > inode.size;
    inode.write(transfer.pos, data);
    if (grown) k.call(fn("__mark_inode_dirty"), inode.address, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
  }
  advance(k, kiocb, iter, count);
  return count;
}

/** Reads with `O_DIRECT`: positions and counts must be whole sectors. */
export const DIRECT_READ: FunctionRef = blocking(
  "ext4_dio_read_iter",
  [IOMAP_DIO_RW],
  function* (k, kiocb = 0, iter = 0) {
    if (misaligned(k, kiocb, iter)) return -EINVAL;
    return yield* k.calls.callBlocking(IOMAP_DIO_RW, kiocb, iter, 0);
  },
);
/** Writes with `O_DIRECT`. */
export const DIRECT_WRITE: FunctionRef = blocking(
  "ext4_dio_write_iter",
  [IOMAP_DIO_RW, __FILEMAP_FDATAWAIT_RANGE],
  function* (k, kiocb = 0, iter = 0) {
    if (misaligned(k, kiocb, iter)) return -EINVAL;
    return yield* k.calls.callBlocking(IOMAP_DIO_RW, kiocb, iter, 1);
  },
);

function misaligned(k: Kernel, kiocb: Addr, iter: Addr): boolean {
  const transfer = transferOf(k, kiocb, iter);
  if (transfer === undefined) return true;
  if (readOutcome(k) !== undefined) return false;
  return transfer.pos % 512 !== 0 ||
    transfer.ranges.some(({ base, length }) => base % 512 !== 0 || length % 512 !== 0);
}
