/**
 * Calls that change the machine: what they say to who may not, and of what is not there.
 *
 * @module
 */

import { AT_FDCWD, LOOKUP_FOLLOW } from "../fs/modes.ts";
import { fileOf } from "../fs/fdtable.ts";
import { FILE } from "../fs/fields.ts";
import { PATH_PUT } from "../fs/path_lookup.ts";
import { userString } from "../fs/names.ts";
import { USER_PATH_AT_EMPTY, withPath } from "../fs/place.ts";
import { recordedOr } from "../fs/recorded.ts";
import { CAP_SYS_ADMIN, nsCapable } from "../process/capability.ts";
import { loadUser } from "../process/user_load.ts";
import { syscall } from "./define.ts";
import { EAGAIN, EBADF, EFAULT, EINVAL, ENOENT, ENOEXEC, ENOSYS, EPERM } from "./errno.ts";

const CAP_SYS_MODULE = 16;

// Pages that not even the kernel sees take `secretmem.enable=1` at boot.
syscall("memfd_secret", ["uint"], [], (k) => recordedOr(k, -ENOSYS));

// Nothing has the header of a swap space: a machine's is there from the start.
for (const name of ["swapon", "swapoff"]) {
  syscall(name, ["ulong", "int"], [USER_PATH_AT_EMPTY, PATH_PUT], (k, path = 0, flags = 0) => {
    if (name === "swapon" && (flags & ~0x7ffff) !== 0) return recordedOr(k, -EINVAL);
    if (!nsCapable(k, CAP_SYS_ADMIN)) return recordedOr(k, -EPERM);
    return recordedOr(k, withPath(k, AT_FDCWD, path, LOOKUP_FOLLOW, () => -EINVAL));
  });
}

/** A module's image as programs hand it in: nothing here was compiled for a modeled kernel. */
syscall("init_module", ["ulong", "ulong", "ulong"], [], (k, image = 0, length = 0) => {
  if (!nsCapable(k, CAP_SYS_MODULE)) return recordedOr(k, -EPERM);
  if (length < 64) return recordedOr(k, -ENOEXEC);
  const magic = loadUser(k, image, 4, false);
  return recordedOr(k, Number.isNaN(magic) ? -EFAULT : -ENOEXEC);
});
syscall("finit_module", ["int", "ulong", "int"], [], (k, fd = 0, _args, flags = 0) => {
  if (!nsCapable(k, CAP_SYS_MODULE)) return recordedOr(k, -EPERM);
  if ((flags & ~7) !== 0) return recordedOr(k, -EINVAL);
  const file = fileOf(k, fd);
  if (file === undefined || (FILE.mode.get(k, file.address) & 1) === 0) return recordedOr(k, -EBADF);
  return recordedOr(k, -ENOEXEC);
});
syscall("delete_module", ["ulong", "uint"], [], (k, name = 0) => {
  if (!nsCapable(k, CAP_SYS_MODULE)) return recordedOr(k, -EPERM);
  const text = userString(k, name);
  if (typeof text === "number") return recordedOr(k, text);
  // What a mounted disk needs is in use.
  return recordedOr(k, k.modules.get(text) === undefined ? -ENOENT : -EAGAIN);
});
