/**
 * Calls that look into another process: `kcmp`, `pidfd_getfd`.
 *
 * @module
 */

import { FD_INSTALL, fileOf, GET_UNUSED_FD_FLAGS } from "../fs/fdtable.ts";
import { FILE } from "../fs/fields.ts";
import { PIDFD } from "../fs/fileops.ts";
import { fdFile } from "../fs/files_struct.ts";
import { O_CLOEXEC } from "../fs/modes.ts";
import { mayRead } from "../fs/proc/may_read.ts";
import { recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { pidfdTask } from "../process/pidfd_file.ts";
import { TASK, type Task } from "../process/task.ts";
import { syscall } from "./define.ts";
import { EBADF, EINVAL, EPERM, ESRCH } from "./errno.ts";

const FILE_TYPE = 0;
/** What is compared by type, from `KCMP_VM` on. */
const OBJECTS: readonly ((k: Kernel, task: Task) => number)[] = [
  (_k, task) => task.mm,
  (_k, task) => task.files,
  (_k, task) => task.fs,
  (k, task) => TASK.sighand.get(k, task.address),
  () => 0,
  () => 0,
];

function compare(k: Kernel, one: Task, other: Task, type: number, index: readonly [number, number]): number {
  if (!mayRead(k, one) || !mayRead(k, other)) return -EPERM;
  let pair: readonly [number, number];
  if (type === FILE_TYPE) {
    pair = [fdFile(k, one.files, index[0]), fdFile(k, other.files, index[1])];
    if (pair[0] === 0 || pair[1] === 0) return -EBADF;
  } else {
    const objectOf = OBJECTS[type - 1];
    if (objectOf === undefined) return -EINVAL;
    pair = [objectOf(k, one), objectOf(k, other)];
  }
  return pair[0] === pair[1] ? 0 : pair[0] < pair[1] ? 1 : 2;
}

syscall("kcmp", ["int", "int", "int", "ulong", "ulong"], [], (k, a = 0, b = 0, type = 0, i = 0, j = 0) => {
  const [one, other] = [k.tasks.byPid(a), k.tasks.byPid(b)];
  if (one === undefined || other === undefined) return recordedOr(k, -ESRCH);
  return recordedOr(k, compare(k, one, other, type, [i, j]));
});

syscall(
  "pidfd_getfd",
  ["int", "int", "uint"],
  [GET_UNUSED_FD_FLAGS, FD_INSTALL],
  (k, pidfd = 0, fd = 0, flags = 0) => {
    if (flags !== 0) return recordedOr(k, -EINVAL);
    const file = fileOf(k, pidfd);
    if (file === undefined || file.ops !== PIDFD) return recordedOr(k, -EBADF);
    const task = pidfdTask(k, file.address);
    if (task === undefined || task.exitCode !== null) return recordedOr(k, -ESRCH);
    if (!mayRead(k, task)) return recordedOr(k, -EPERM);
    const wanted = fdFile(k, task.files, fd);
    if (wanted === 0) return recordedOr(k, -EBADF);
    const own = k.call(GET_UNUSED_FD_FLAGS, O_CLOEXEC);
    if (own < 0) return own;
    FILE.count.add(k, wanted, 1);
    k.call(FD_INSTALL, own, wanted);
    return own;
  },
);
