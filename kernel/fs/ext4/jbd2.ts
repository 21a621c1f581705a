/**
 * The journal: `fs/jbd2`. Blocks of metadata that calls change belong to the running transaction; a kernel thread commits
 * it: first the data that it depends on, then the blocks into the log, then the commit record.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { Disk } from "../../block/gendisk.ts";
import { REQ_FUA, REQ_META, REQ_OP_WRITE, REQ_PREFLUSH, REQ_PRIO, REQ_SYNC } from "../../block/operations.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { __FILEMAP_FDATAWAIT_RANGE, WB_SYNC_ALL, writebackControl } from "../../mm/page_writeback.ts";
import { kzalloc } from "../../process/alloc.ts";
import { createKthread } from "../../process/kthread.ts";
import { field, sizeIfKnown } from "../../process/objects.ts";
import { recordedWake, sleep } from "../../process/sleep.ts";
import { popLocals } from "../../process/stack.ts";
import { type Task, TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE } from "../../process/task.ts";
import { __WAIT_ON_BUFFER, MARK_BUFFER_DIRTY, SUBMIT_BH } from "../buffer.ts";
import { BH_LOCK, BH_MAPPED, BH_UPTODATE, BufferHead } from "../buffer_head.ts";
import type { Inode } from "../inode.ts";

const JOURNAL = {
  running: field("journal_s", "j_running_transaction"),
  committing: field("journal_s", "j_committing_transaction"),
  sequence: field("journal_s", "j_transaction_sequence"),
  commitSequence: field("journal_s", "j_commit_sequence"),
  commitRequest: field("journal_s", "j_commit_request"),
  blocksize: field("journal_s", "j_blocksize"),
  head: field("journal_s", "j_head"),
  devname: field("journal_s", "j_devname"),
} as const;
const TRANSACTION = {
  journal: field("transaction_s", "t_journal"),
  tid: field("transaction_s", "t_tid"),
  updates: field("transaction_s", "t_updates.counter"),
} as const;

/** Blocks of metadata that were changed together. */
export interface Transaction {
  readonly tid: number;
  /** `struct transaction_s`; 0 where the image has none. */
  readonly address: Addr;
  /** Blocks that it changed. */
  readonly buffers: Set<BufferHead>;
  /** Files whose data has to be on the disk before. */
  readonly inodes: Set<Inode>;
}

/** Where the log lies and how it is written. */
export interface JournalOptions {
  /** First block of the log. */
  readonly first: number;
  readonly blocks: number;
  readonly blockSize: number;
  readonly barrier: boolean;
  /** Nanoseconds after which a transaction is committed by itself. */
  readonly interval: number;
}

/** One journal. */
export class Journal {
  /** `journal_t`; 0 where the image has none. */
  readonly address: Addr;
  readonly disk: Disk;
  readonly options: JournalOptions;
  /** `handle_t` that calls get: they don't overlap. */
  readonly handle: Addr;
  running: Transaction | null = null;
  committing: Transaction | null = null;
  /** The last transaction that is on the disk. */
  committed = 0;
  /** The transaction up to which someone wants them committed. */
  requested = 0;
  /** Who waits for a commit. */
  readonly waiting: Task[] = [];
  /** `jbd2/nullb0-8`, from its first wake-up on. */
  task: Task | null = null;
  /** -errno once a block of the log could not be written. */
  aborted = 0;
  readonly #k: Kernel;
  #sequence = 1;
  #head = 0;
  /** Until when the thread sleeps. */
  expires = Infinity;

  constructor(k: Kernel, disk: Disk, options: JournalOptions) {
    this.#k = k;
    this.disk = disk;
    this.options = options;
    const size = sizeIfKnown(k, "journal_s");
    this.address = size > 0 ? kzalloc(k, size) : 0;
    if (this.address !== 0) {
      JOURNAL.blocksize.set(k, this.address, options.blockSize);
      k.memory.writeString(JOURNAL.devname.at(k, this.address), `${disk.spec.name}-8`, 56);
    }
    this.handle = kzalloc(k, 64);
    journalsOf(k).push(this);
  }

  /** The running transaction, begun if there is none. */
  join(): Transaction {
    if (this.running !== null) return this.running;
    const k = this.#k;
    const size = sizeIfKnown(k, "transaction_s");
    const address = size > 0 ? kzalloc(k, size) : 0;
    const tid = this.#sequence++;
    if (address !== 0 && this.address !== 0) {
      TRANSACTION.tid.set(k, address, tid);
      TRANSACTION.journal.set(k, address, this.address);
      JOURNAL.running.set(k, this.address, address);
      JOURNAL.sequence.set(k, this.address, this.#sequence);
    }
    this.running = { tid, address, buffers: new Set(), inodes: new Set() };
    this.expires = k.clock.now + this.options.interval;
    const thread = this.thread();
    k.scheduler.wake(thread);
    return this.running;
  }

  /** The thread that commits. */
  thread(): Task {
    return this.task ??= createKthread(this.#k, {
      comm: `jbd2/${this.disk.spec.name}-8`.slice(0, 15),
      cpu: 0,
      bound: false,
      main: KJOURNALD2,
      data: this.address,
    });
  }

  /** The running transaction becomes the committing one. */
  lock(): Transaction | null {
    const transaction = this.running;
    this.running = null;
    this.committing = transaction;
    this.expires = Infinity;
    if (this.address !== 0 && transaction !== null) {
      JOURNAL.running.set(this.#k, this.address, 0);
      JOURNAL.committing.set(this.#k, this.address, transaction.address);
    }
    return transaction;
  }

  /** It is on the disk. */
  finish(transaction: Transaction): void {
    const k = this.#k;
    this.committing = null;
    this.committed = transaction.tid;
    if (this.address !== 0) {
      JOURNAL.committing.set(k, this.address, 0);
      JOURNAL.commitSequence.set(k, this.address, transaction.tid);
      if (transaction.address !== 0) k.slab.kfree(transaction.address);
    }
    for (const task of this.waiting.splice(0)) k.scheduler.wake(task);
  }

  /** Asks for everything up to a transaction to be committed. */
  request(tid: number): void {
    this.requested = Math.max(this.requested, tid);
    if (this.address !== 0) JOURNAL.commitRequest.set(this.#k, this.address, this.requested);
    this.#k.scheduler.wake(this.thread());
  }

  /** A buffer of the next block of the log. */
  nextBlock(): BufferHead {
    const block = this.options.first + this.#head;
    this.#head = (this.#head + 1) % Math.max(1, this.options.blocks);
    if (this.address !== 0) JOURNAL.head.set(this.#k, this.address, block);
    const buffer = new BufferHead(this.#k, this.disk, block, this.options.blockSize, null);
    buffer.set(BH_MAPPED);
    buffer.set(BH_UPTODATE);
    buffer.set(BH_LOCK);
    return buffer;
  }

  /** Number of calls that change something now, in `t_updates`. */
  count(by: number): void {
    if (this.running !== null && this.running.address !== 0) {
      TRANSACTION.updates.add(this.#k, this.running.address, by);
    }
  }
}

const journals = new WeakMap<Kernel, Journal[]>();
function journalsOf(k: Kernel): Journal[] {
  let list = journals.get(k);
  if (list === undefined) journals.set(k, list = []);
  return list;
}
/** The journal at an address; the only one where the image has no `journal_t`. */
export function journalAt(k: Kernel, address: Addr): Journal | undefined {
  const all = journalsOf(k);
  return all.find((one) => one.address === address && (address !== 0 || one.task === k.current)) ?? all[0];
}

const START_THIS_HANDLE: FunctionRef = behaviour("start_this_handle", [], (k, address = 0) => {
  const journal = journalAt(k, address);
  journal?.join();
  journal?.count(1);
  return 0;
});
/** Joins the running transaction: a handle. */
export const JBD2__JOURNAL_START: FunctionRef = behaviour(
  "jbd2__journal_start",
  [fn("kmem_cache_alloc"), START_THIS_HANDLE],
  (k, journal = 0) => {
    k.call(fn("kmem_cache_alloc"));
    k.call(START_THIS_HANDLE, journal, Number.NaN, 0xc40);
    return Number.NaN;
  },
);
/** Leaves the transaction. */
export const JBD2_JOURNAL_STOP: FunctionRef = behaviour(
  "jbd2_journal_stop",
  [fn("stop_this_handle")],
  (k) => {
    k.call(fn("stop_this_handle"));
    return 0;
  },
);
/** A block will be changed. */
export const JBD2_JOURNAL_GET_WRITE_ACCESS: FunctionRef = behaviour(
  "jbd2_journal_get_write_access",
  [fn("jbd2_journal_add_journal_head"), fn("do_get_write_access")],
  (k, handle = 0, bh = 0) => {
    k.call(fn("jbd2_journal_add_journal_head"), bh);
    k.call(fn("do_get_write_access"), handle, Number.NaN, 0);
    return 0;
  },
);
/** A block was changed: it belongs to the running transaction. */
export const JBD2_JOURNAL_DIRTY_METADATA: FunctionRef = behaviour(
  "jbd2_journal_dirty_metadata",
  [],
  (k, _handle = 0, bh = 0) => {
    const buffer = k.pageCache.buffers.get(bh);
    const journal = buffer === undefined ? undefined : journalsOf(k).find((one) => one.disk === buffer.disk);
    if (buffer !== undefined) journal?.join().buffers.add(buffer);
    return 0;
  },
);

/** Asks for a commit: 1 if one was asked for that was not on its way yet. */
const JBD2_LOG_START_COMMIT: FunctionRef = behaviour(
  "jbd2_log_start_commit",
  [fn("__jbd2_log_start_commit")],
  (k, address = 0, tid = 0) => {
    const journal = journalAt(k, address);
    k.call(fn("__jbd2_log_start_commit"), address, tid);
    if (journal === undefined || journal.requested >= tid) return 0;
    journal.request(tid);
    return 1;
  },
);
/** Waits until a transaction is on the disk: 0, or -EIO. */
const JBD2_LOG_WAIT_COMMIT: FunctionRef = blocking(
  "jbd2_log_wait_commit",
  [fn("prepare_to_wait_event"), fn("schedule"), fn("finish_wait")],
  function* (k, address = 0, tid = 0) {
    const journal = journalAt(k, address);
    if (journal === undefined) return 0;
    const recorded = recordedWake(k);
    if (recorded === recorded) k.block.hasten(Math.max(recorded, k.clock.now));
    while (journal.committed < tid) {
      journal.waiting.push(k.current);
      yield* sleep(k, {}, TASK_UNINTERRUPTIBLE);
    }
    return journal.aborted;
  },
);
/** Has a transaction committed, and waits for it: 0, or -EIO. */
export const JBD2_COMPLETE_TRANSACTION: FunctionRef = blocking(
  "jbd2_complete_transaction",
  [JBD2_LOG_START_COMMIT, JBD2_LOG_WAIT_COMMIT],
  function* (k, address = 0, tid = 0) {
    const journal = journalAt(k, address);
    if (journal === undefined || journal.committed >= tid) return journal?.aborted ?? 0;
    k.call(JBD2_LOG_START_COMMIT, address, tid);
    return yield* k.calls.callBlocking(JBD2_LOG_WAIT_COMMIT, address, tid);
  },
);

/** Writes the commit record: what came before must be on the medium first, and it itself after. */
const JOURNAL_SUBMIT_COMMIT_RECORD: FunctionRef = blocking(
  "journal_submit_commit_record",
  [SUBMIT_BH],
  function* (k, address = 0, bh = 0) {
    const flush = journalAt(k, address)?.options.barrier === true ? REQ_PREFLUSH | REQ_FUA : 0;
    yield* k.calls.callBlocking(SUBMIT_BH, REQ_OP_WRITE | REQ_SYNC | REQ_META | REQ_PRIO | flush, bh);
    return 0;
  },
);
/** Writes the data of a file that a transaction depends on. */
const JBD2_SUBMIT_INODE_DATA: FunctionRef = blocking(
  "jbd2_submit_inode_data",
  [fn("ext4_journal_submit_inode_data_buffers"), fn("ext4_writepages")],
  function* (k, inode = 0) {
    const found = k.vfs.inodes.get(inode);
    const space = found === undefined ? undefined : k.pageCache.known(found);
    if (space === undefined || space.dirty.size === 0) return 0;
    const mark = k.current.locals;
    // Only pages that have their places already: those that have none depend on no block of this transaction.
    const wbc = writebackControl(k, WB_SYNC_ALL, 0, Number.MAX_SAFE_INTEGER, 2 ** 31 - 1);
    yield* k.calls.callBlocking(fn("ext4_journal_submit_inode_data_buffers"), inode, wbc);
    popLocals(k, mark);
    return 0;
  },
);

/** Waits for the data of a file that a transaction depends on. */
const JBD2_JOURNAL_FINISH_INODE_DATA_BUFFERS: FunctionRef = blocking(
  "jbd2_journal_finish_inode_data_buffers",
  [__FILEMAP_FDATAWAIT_RANGE],
  function* (k, inode = 0) {
    const found = k.vfs.inodes.get(inode);
    const space = found === undefined ? undefined : k.pageCache.known(found);
    if (space !== undefined) {
      yield* k.calls.callBlocking(__FILEMAP_FDATAWAIT_RANGE, space.address, 0, Number.MAX_SAFE_INTEGER);
    }
    return 0;
  },
);

/** Commits the running transaction. */
const JBD2_JOURNAL_COMMIT_TRANSACTION: FunctionRef = blocking(
  "jbd2_journal_commit_transaction",
  [
    JBD2_SUBMIT_INODE_DATA,
    fn("jbd2_journal_get_descriptor_buffer"),
    fn("jbd2_journal_write_metadata_buffer"),
    SUBMIT_BH,
    JBD2_JOURNAL_FINISH_INODE_DATA_BUFFERS,
    __WAIT_ON_BUFFER,
    JOURNAL_SUBMIT_COMMIT_RECORD,
    MARK_BUFFER_DIRTY,
  ],
  function* (k, address = 0) {
    const journal = journalAt(k, address);
    const transaction = journal?.lock() ?? null;
    if (journal === undefined || transaction === null) return Number.NaN;
    for (const inode of transaction.inodes) {
      yield* k.calls.callBlocking(JBD2_SUBMIT_INODE_DATA, inode.address);
    }
    const log: BufferHead[] = [];
    const write = REQ_OP_WRITE | REQ_SYNC | REQ_META | REQ_PRIO;
    if (transaction.buffers.size > 0) {
      k.call(fn("jbd2_journal_get_descriptor_buffer"), transaction.address, 1);
      log.push(journal.nextBlock());
      for (const buffer of transaction.buffers) {
        k.call(fn("jbd2_journal_write_metadata_buffer"), transaction.address, buffer.address);
        log.push(journal.nextBlock());
      }
      for (const buffer of log) yield* k.calls.callBlocking(SUBMIT_BH, write, buffer.address);
    }
    for (const inode of transaction.inodes) {
      yield* k.calls.callBlocking(JBD2_JOURNAL_FINISH_INODE_DATA_BUFFERS, inode.address);
    }
    for (const buffer of log) yield* k.calls.callBlocking(__WAIT_ON_BUFFER, buffer.address);
    const record = journal.nextBlock();
    yield* k.calls.callBlocking(JOURNAL_SUBMIT_COMMIT_RECORD, address, record.address);
    yield* k.calls.callBlocking(__WAIT_ON_BUFFER, record.address);
    const metadata = k.pageCache.metadata(journal.disk);
    if (metadata.error !== 0) journal.aborted = metadata.error;
    for (const buffer of [...log, record]) buffer.free();
    // From now on the blocks may go to their own places.
    for (const buffer of transaction.buffers) k.call(MARK_BUFFER_DIRTY, buffer.address);
    journal.finish(transaction);
    return Number.NaN;
  },
);

/** The thread: commits when it is asked to, or when a transaction is old. */
const KJOURNALD2: FunctionRef = blocking(
  "kjournald2",
  [JBD2_JOURNAL_COMMIT_TRANSACTION, fn("schedule")],
  function* (k, address = 0) {
    for (;;) {
      const journal = journalsOf(k).find((one) => one.task === k.current) ?? journalAt(k, address);
      if (journal === undefined) return 0;
      const { running } = journal;
      if (running !== null && (journal.requested >= running.tid || k.clock.now >= journal.expires)) {
        yield* k.calls.callBlocking(JBD2_JOURNAL_COMMIT_TRANSACTION, journal.address);
      } else {
        const until = journal.expires;
        yield* sleep(k, until === Infinity ? {} : { until }, TASK_INTERRUPTIBLE);
      }
    }
  },
);
