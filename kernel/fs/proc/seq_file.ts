/**
 * Reading files whose contents are made when they are read: `fs/seq_file.c`, and how procfs and sysfs get there.
 *
 * @module
 */

import { behaviour, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { EFAULT, EINVAL } from "../../syscalls/errno.ts";
import { FILE } from "../fields.ts";
import type { OpenFile } from "../file.ts";
import { advance, iterate, transferOf } from "../read_write.ts";
import { readOutcome, scatter } from "../shmem.ts";
import { nodeOf } from "./node.ts";
import { SYSTEM_SHOWS } from "./system_files.ts";
import { TASK_SHOWS } from "./task_files.ts";

/** Files of a process that one function writes: (seq_file, v). */
const PROC_SINGLE_SHOW: FunctionRef = behaviour("proc_single_show", TASK_SHOWS, (k) => {
  const show = nodeOf(reading.get(k)?.inode)?.spec.show;
  if (show !== undefined) k.call(show, NaN, NaN, NaN, NaN);
  return 0;
});
const SINGLE = new Set<FunctionRef>(TASK_SHOWS);
const reading = new WeakMap<Kernel, OpenFile>();

/** What a file says now; made anew when it is read from its start. */
function textOf(k: Kernel, file: OpenFile, pos: number): Uint8Array {
  if (file.text === null || pos === 0) {
    const node = nodeOf(file.inode);
    const text = node?.spec.text?.(k, node.task) ?? "";
    file.text = typeof text === "string" ? new TextEncoder().encode(text) : text;
    const show = node?.spec.show;
    if (show !== undefined && file.text.length > 0) {
      reading.set(k, file);
      k.call(SINGLE.has(show) ? PROC_SINGLE_SHOW : show, NaN, NaN);
    }
  }
  return file.text;
}

/** Reads on in what a file says: bytes, or -errno. In a replay the recording says what that was. */
export const SEQ_READ_ITER: FunctionRef = behaviour(
  "seq_read_iter",
  [PROC_SINGLE_SHOW, ...SYSTEM_SHOWS],
  (k, kiocb = 0, iter = 0) => {
    const transfer = transferOf(k, kiocb, iter);
    if (transfer === undefined) return -EINVAL;
    const outcome = readOutcome(k);
    if (outcome !== undefined && outcome.ret <= 0) return outcome.ret;
    const text = textOf(k, transfer.file, transfer.pos);
    const bytes = outcome?.data?.subarray(0, outcome.ret) ??
      text.subarray(transfer.pos, transfer.pos + transfer.count);
    if (!scatter(k, transfer, bytes) && outcome === undefined) return -EFAULT;
    const count = outcome?.ret ?? bytes.length;
    if (count > 0) advance(k, kiocb, iter, count);
    return count;
  },
);

/** The same for a plain buffer: (file, buf, size, ppos). */
export const SEQ_READ: FunctionRef = blocking(
  "seq_read",
  [SEQ_READ_ITER],
  (k, address = 0, buf = 0, size = 0, ppos = 0) => {
    const file = k.vfs.files.get(address);
    return file === undefined ? -EINVAL : iterate(k, SEQ_READ_ITER, file, buf, size, ppos);
  },
);

/** Fixed files of procfs hand on to their own function. */
behaviour(
  "proc_reg_read_iter",
  [SEQ_READ_ITER],
  (k, kiocb = 0, iter = 0) => k.call(SEQ_READ_ITER, kiocb, iter),
);

/** Files of sysfs read as sequences do, or in one piece. */
behaviour(
  "kernfs_fop_read_iter",
  [SEQ_READ_ITER],
  (k, kiocb = 0, iter = 0) => k.call(SEQ_READ_ITER, kiocb, iter),
);

/** Copies a piece of a task's memory: its arguments or its environment. */
function readPiece(k: Kernel, address: number, buf: number, count: number, ppos: number): number {
  const file = k.vfs.files.get(address);
  if (file === undefined) return -EINVAL;
  const outcome = readOutcome(k);
  const pos = ppos === 0 ? 0 : k.memory.load(ppos, 8, true);
  const text = outcome?.ret !== undefined && outcome.ret <= 0 ? new Uint8Array(0) : textOf(k, file, pos);
  const bytes = outcome?.data?.subarray(0, Math.max(0, outcome.ret)) ?? text.subarray(pos, pos + count);
  const ranges = [{ base: buf, length: count }];
  if (!scatter(k, { file, pos, count, ranges }, bytes) && outcome === undefined) return -EFAULT;
  const done = outcome?.ret ?? bytes.length;
  if (done > 0 && ppos !== 0) k.memory.store(ppos, 8, pos + done);
  return done;
}
for (const name of ["proc_pid_cmdline_read", "environ_read"]) {
  behaviour(name, [], (k, file = 0, buf = 0, count = 0, ppos = 0) => readPiece(k, file, buf, count, ppos));
}

/** A new name for a task. */
behaviour("comm_write", [fn("__set_task_comm")], (k, address = 0, buf = 0, count = 0) => {
  const file = k.vfs.files.get(address);
  const node = nodeOf(file?.inode);
  const length = Math.min(count, 15);
  const bytes = k.memory.readBytes(buf, length).slice();
  const taken = node?.spec.store?.(k, node.task, bytes) ?? -EINVAL;
  return taken < 0 ? taken : count;
});

/** Moves the position of a sequence: it is found again by reading from the start. */
for (const name of ["seq_lseek", "proc_reg_llseek"]) {
  behaviour(name, [], (k, address = 0, offset = 0, whence = 0) => {
    const pos = whence === 1 ? FILE.pos.get(k, address) + offset : offset;
    if (whence > 1 || pos < 0) return -EINVAL;
    FILE.pos.set(k, address, pos);
    return pos;
  });
}
