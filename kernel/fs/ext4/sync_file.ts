/**
 * `fsync` on ext4: `fs/ext4/fsync.c`.
 *
 * @module
 */

import { allocBio, BIO_ENDIO } from "../../block/bio.ts";
import { SUBMIT_BIO } from "../../block/blk_core.ts";
import { IO_SCHEDULE, sleepForIo } from "../../block/io_schedule.ts";
import { REQ_OP_WRITE, REQ_PREFLUSH } from "../../block/operations.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import { FILE_CHECK_AND_ADVANCE_WB_ERR, FILE_WRITE_AND_WAIT_RANGE } from "../../mm/page_writeback.ts";
import { recordedWake } from "../../process/sleep.ts";
import type { Task } from "../../process/task.ts";
import { EINVAL } from "../../syscalls/errno.ts";
import { SYNC_INODE_METADATA } from "../fs_writeback.ts";
import { ext4Of } from "./file_system.ts";
import { JBD2_COMPLETE_TRANSACTION } from "./jbd2.ts";

behaviour("submit_bio_wait_endio", [fn("complete")], (k, address = 0) => {
  const bio = k.block.bios.get(address);
  const task = bio?.owner;
  if (bio !== undefined && task) k.scheduler.wake(task as Task);
  return Number.NaN;
});
const SUBMIT_BIO_WAIT: FunctionRef = blocking(
  "submit_bio_wait",
  [SUBMIT_BIO, BIO_ENDIO, IO_SCHEDULE],
  function* (k, address = 0) {
    const bio = k.block.bios.get(address);
    if (bio === undefined) return 0;
    bio.onEnd(fn("submit_bio_wait_endio"), k.current);
    yield* k.calls.callBlocking(SUBMIT_BIO, address);
    const recorded = recordedWake(k);
    if (recorded === recorded) k.block.hasten(Math.max(recorded, k.clock.now));
    while (!bio.done) yield* sleepForIo(k);
    return bio.error;
  },
);
/** Has a disk empty its cache: 0 or -errno. A disk without one is done at once. */
export const BLKDEV_ISSUE_FLUSH: FunctionRef = blocking(
  "blkdev_issue_flush",
  [fn("bio_init"), SUBMIT_BIO_WAIT],
  function* (k, bdev = 0) {
    const disk = k.block.disks.find((one) => one.bdev === bdev);
    if (disk === undefined) return 0;
    const bio = allocBio(k, disk, 0, REQ_OP_WRITE | REQ_PREFLUSH, 0);
    const error = yield* k.calls.callBlocking(SUBMIT_BIO_WAIT, bio.address);
    bio.free();
    return error;
  },
);

/** `f_op->fsync`: 0 or -errno. */
blocking(
  "ext4_sync_file",
  [
    FILE_WRITE_AND_WAIT_RANGE,
    fn("sync_mapping_buffers"),
    SYNC_INODE_METADATA,
    JBD2_COMPLETE_TRANSACTION,
    BLKDEV_ISSUE_FLUSH,
    FILE_CHECK_AND_ADVANCE_WB_ERR,
  ],
  function* (k, file = 0, start = 0, end = 0, datasync = 0) {
    const inode = k.vfs.files.get(file)?.inode;
    const ext4 = inode ? ext4Of(k, inode) : undefined;
    if (!inode || ext4 === undefined) return -EINVAL;
    let error = yield* k.calls.callBlocking(FILE_WRITE_AND_WAIT_RANGE, file, start, end);
    if (error !== 0) return error;
    let flush = ext4.options.barrier;
    if (ext4.journal === null) {
      k.call(fn("sync_mapping_buffers"), inode.address);
      error = yield* k.calls.callBlocking(SYNC_INODE_METADATA, inode.address, 1);
    } else {
      const known = ext4.of(inode);
      const tid = datasync !== 0 ? known.datasyncTid : known.syncTid;
      // The commit record flushes by itself.
      if (ext4.journal.committed < tid) flush = false;
      error = yield* k.calls.callBlocking(JBD2_COMPLETE_TRANSACTION, ext4.journal.address, tid);
    }
    if (flush) {
      const flushed = yield* k.calls.callBlocking(BLKDEV_ISSUE_FLUSH, ext4.disk.bdev);
      if (error === 0) error = flushed;
    }
    const told = k.call(FILE_CHECK_AND_ADVANCE_WB_ERR, file);
    return error !== 0 ? error : told;
  },
);
