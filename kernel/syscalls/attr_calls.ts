/**
 * System calls that change mode, owner and times of files.
 *
 * @module
 */

import { fn, type FunctionRef } from "../calls/function.ts";
import { CHMOD_COMMON, DO_FCHMODAT, DO_FCHOWNAT, fchmod, KSYS_FCHOWN, lowToHigh } from "../fs/chmod.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "../fs/modes.ts";
import { recorded } from "../fs/recorded.ts";
import { DO_UTIMES, TIMESPEC64, UTIME_OMIT } from "../fs/utimes.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { type ArgumentKind, syscall } from "./define.ts";
import { EFAULT, EINVAL } from "./errno.ts";

syscall(
  "chmod",
  ["ulong", "uint"],
  [DO_FCHMODAT],
  (k, filename, mode = 0) => k.call(DO_FCHMODAT, AT_FDCWD, filename, mode & 0xffff),
);
syscall(
  "fchmodat",
  ["int", "ulong", "uint"],
  [DO_FCHMODAT],
  (k, dfd, filename, mode = 0) => k.call(DO_FCHMODAT, dfd, filename, mode & 0xffff),
);
syscall("fchmod", ["uint", "uint"], [CHMOD_COMMON], (k, fd = 0, mode = 0) => fchmod(k, fd, mode & 0xffff));

const CHOWN = [DO_FCHOWNAT];
syscall(
  "fchownat",
  ["int", "ulong", "uint", "uint", "int"],
  CHOWN,
  (k, dfd, filename, user, group, flag) => k.call(DO_FCHOWNAT, dfd, filename, user, group, flag),
);
for (const [name, flag] of [["chown", 0], ["lchown", AT_SYMLINK_NOFOLLOW]] as const) {
  syscall(
    name,
    ["ulong", "uint", "uint"],
    CHOWN,
    (k, filename, user, group) => k.call(DO_FCHOWNAT, AT_FDCWD, filename, user, group, flag),
  );
  // i386's oldest calls have 16-bit ids.
  syscall(
    `${name}16`,
    ["ulong", "uint", "uint"],
    CHOWN,
    (k, filename, user = 0, group = 0) =>
      k.call(DO_FCHOWNAT, AT_FDCWD, filename, lowToHigh(user), lowToHigh(group), flag),
  );
}
syscall(
  "fchown",
  ["uint", "uint", "uint"],
  [KSYS_FCHOWN],
  (k, fd, user, group) => k.call(KSYS_FCHOWN, fd, user, group),
);
syscall(
  "fchown16",
  ["uint", "uint", "uint"],
  [KSYS_FCHOWN],
  (k, fd, user = 0, group = 0) => k.call(KSYS_FCHOWN, fd, lowToHigh(user), lowToHigh(group)),
);

/** How a call's two times lie in user memory: bytes of seconds and of the part behind, and what that counts. */
interface TimeFormat {
  readonly seconds: number;
  readonly fraction: number;
  /** Nanoseconds of one unit of the fraction; 0 where there is none. */
  readonly unit: number;
}

/** Reads both times into the stack and sets them; without a pointer it becomes now. */
function setTimes(
  k: Kernel,
  dfd: number,
  filename: number,
  user: number,
  flags: number,
  format: TimeFormat,
  get?: FunctionRef,
): number {
  if (user === 0) return k.call(DO_UTIMES, dfd, filename, 0, flags);
  const mark = k.current.locals;
  const times = pushLocal(k, 2 * TIMESPEC64);
  const each = format.seconds + format.fraction;
  let error = 0;
  let omitted = 0;
  for (let i = 0; i < 2; i++) {
    const at = user + i * each;
    const sec = loadUser(k, at, format.seconds, true);
    const part = format.fraction === 0 ? 0 : loadUser(k, at + format.seconds, format.fraction, true);
    if (get !== undefined) k.call(get, times + i * TIMESPEC64, at);
    if (Number.isNaN(sec + part)) {
      if (recorded(k) === undefined) error = -EFAULT;
      continue;
    }
    // Microseconds past a second are wrong here already.
    if (format.unit === 1000 && (part < 0 || part >= 1e6)) error = -EINVAL;
    k.memory.store(times + i * TIMESPEC64, 8, sec);
    k.memory.store(times + i * TIMESPEC64 + 8, 8, part * format.unit);
    if (format.unit === 1 && part === UTIME_OMIT) omitted++;
  }
  // Nothing to do, and nothing is looked at.
  const result = error !== 0 ? error : omitted === 2 ? 0 : k.call(DO_UTIMES, dfd, filename, times, flags);
  popLocals(k, mark);
  return result;
}

const AT: readonly ArgumentKind[] = ["int", "ulong", "ulong", "int"];
const NATIVE = (k: Kernel): number => k.image.pointerSize;
for (const [suffix, narrow] of [["", false], ["_time32", true]] as const) {
  const get = fn(narrow ? "get_old_timespec32" : "get_timespec64");
  syscall(`utimensat${suffix}`, AT, [get, DO_UTIMES], (k, dfd = 0, filename = 0, times = 0, flags = 0) => {
    const seconds = narrow ? 4 : 8;
    return setTimes(k, dfd, filename, times, flags, { seconds, fraction: seconds, unit: 1 }, get);
  });
  const micro = (k: Kernel): TimeFormat => {
    const size = narrow ? 4 : NATIVE(k);
    return { seconds: size, fraction: size, unit: 1000 };
  };
  syscall(
    `futimesat${suffix}`,
    AT.slice(0, 3),
    [DO_UTIMES],
    (k, dfd = 0, filename = 0, times = 0) => setTimes(k, dfd, filename, times, 0, micro(k)),
  );
  syscall(
    `utimes${suffix}`,
    ["ulong", "ulong"],
    [DO_UTIMES],
    (k, filename = 0, times = 0) => setTimes(k, AT_FDCWD, filename, times, 0, micro(k)),
  );
}
for (const [name, narrow] of [["utime", false], ["utime32", true]] as const) {
  syscall(name, ["ulong", "ulong"], [DO_UTIMES], (k, filename = 0, times = 0) => {
    const seconds = narrow ? 4 : NATIVE(k);
    return setTimes(k, AT_FDCWD, filename, times, 0, { seconds, fraction: 0, unit: 0 });
  });
}
