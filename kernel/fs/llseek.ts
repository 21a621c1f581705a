/**
 * Moving the position of files that leave it to the VFS.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { EINVAL, ENXIO } from "../syscalls/errno.ts";
import { FILE } from "./fields.ts";

/** Moves a file's position: the new one, or -errno. (file, offset, whence) */
export const GENERIC_FILE_LLSEEK: FunctionRef = behaviour(
  "generic_file_llseek",
  [],
  (k, address = 0, offset = 0, whence = 0) => {
    const size = k.vfs.files.get(address)?.inode?.size ?? 0;
    let pos = offset;
    if (whence === 1) pos += FILE.pos.get(k, address);
    else if (whence === 2) pos += size;
    else if (whence === 3 || whence === 4) {
      if (offset < 0 || offset >= size) return -ENXIO;
      pos = whence === 3 ? offset : size;
    } else if (whence !== 0) return -EINVAL;
    if (pos < 0) return -EINVAL;
    FILE.pos.set(k, address, pos);
    return pos;
  },
);
