/**
 * What programs ask of ranges of a file: `fallocate`, `fadvise`, `readahead`, `sync_file_range`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { EBADF, EFBIG, EINVAL, EOPNOTSUPP, ESPIPE } from "../syscalls/errno.ts";
import { fileOf } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { FILE_MODIFIED } from "./inode_times.ts";
import { FMODE_READ, FMODE_WRITE, S_IFIFO, S_IFREG } from "./modes.ts";
import { MAX_POS } from "./read_write.ts";
import { recordedOr } from "./recorded.ts";

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
/** `FALLOC_FL_SUPPORTED_MASK`. */
const SUPPORTED = 0x7b;
const POSIX_FADV_WILLNEED = 3;

/** Room for a range of a tmpfs file. */
const SHMEM_FALLOCATE: FunctionRef = behaviour(
  "shmem_fallocate",
  [FILE_MODIFIED],
  (k, address = 0, mode = 0, offset = 0, length = 0) => {
    const known = (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) === 0;
    const result = recordedOr(k, known ? 0 : -EOPNOTSUPP);
    const inode = k.vfs.files.get(address)?.inode;
    if (result !== 0 || !inode) return result;
    k.call(FILE_MODIFIED, address);
    const end = offset + length;
    if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) {
      if (offset < inode.size) inode.store(offset, new Uint8Array(Math.min(end, inode.size) - offset));
    } else if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && end > inode.size) inode.size = end;
    return result;
  },
);

/** Checks a range, and has the file's own function make room for it: 0 or -errno. */
const VFS_FALLOCATE: FunctionRef = behaviour(
  "vfs_fallocate",
  [SHMEM_FALLOCATE],
  (k, address = 0, mode = 0, offset = 0, length = 0) => {
    const file = k.vfs.files.get(address);
    if (offset < 0 || length <= 0) return -EINVAL;
    const hole = (mode & FALLOC_FL_PUNCH_HOLE) !== 0;
    if ((mode & ~SUPPORTED) !== 0 || hole && (mode & FALLOC_FL_KEEP_SIZE) === 0) {
      return recordedOr(k, -EOPNOTSUPP);
    }
    if (file === undefined || (FILE.mode.get(k, address) & FMODE_WRITE) === 0) return -EBADF;
    if (file.inode?.type === S_IFIFO) return -ESPIPE;
    if (offset + length > MAX_POS) return -EFBIG;
    const operation = file.ops?.fallocate;
    return operation === undefined
      ? recordedOr(k, -EOPNOTSUPP)
      : k.call(operation, address, mode, offset, length);
  },
);

/** `fallocate`. */
export const KSYS_FALLOCATE: FunctionRef = behaviour(
  "ksys_fallocate",
  [VFS_FALLOCATE],
  (k, fd = 0, mode = 0, offset = 0, length = 0) => {
    const file = fileOf(k, fd);
    return file === undefined ? -EBADF : k.call(VFS_FALLOCATE, file.address, mode, offset, length);
  },
);

/** Files without a function of their own take advice here. */
const GENERIC_FADVISE: FunctionRef = behaviour(
  "generic_fadvise",
  [],
  (k, address = 0, _offset = 0, length = 0) => {
    const file = k.vfs.files.get(address);
    if (file?.inode?.type === S_IFIFO) return -ESPIPE;
    return length < 0 ? -EINVAL : recordedOr(k, 0);
  },
);
const VFS_FADVISE: FunctionRef = behaviour(
  "vfs_fadvise",
  [GENERIC_FADVISE],
  (k, file = 0, offset = 0, length = 0, advice = 0) => k.call(GENERIC_FADVISE, file, offset, length, advice),
);

/** `fadvise64`. */
export const KSYS_FADVISE64_64: FunctionRef = behaviour(
  "ksys_fadvise64_64",
  [VFS_FADVISE],
  (k, fd = 0, offset = 0, length = 0, advice = 0) => {
    const file = fileOf(k, fd);
    return file === undefined ? -EBADF : k.call(VFS_FADVISE, file.address, offset, length, advice);
  },
);

/** `readahead`. */
export const KSYS_READAHEAD: FunctionRef = behaviour(
  "ksys_readahead",
  [VFS_FADVISE],
  (k, fd = 0, offset = 0, count = 0) => {
    const file = fileOf(k, fd);
    if (file === undefined || (FILE.mode.get(k, file.address) & FMODE_READ) === 0) return -EBADF;
    if (file.inode?.type !== S_IFREG) return -EINVAL;
    return k.call(VFS_FADVISE, file.address, offset, count, POSIX_FADV_WILLNEED);
  },
);
