/**
 * Listing ext4's directories: `fs/ext4/dir.c`.
 *
 * @module
 */

import { behaviour, fn } from "../../calls/function.ts";
import { EINVAL, ENOTDIR } from "../../syscalls/errno.ts";
import { FILE } from "../fields.ts";
import { CTX_POS, emitEntries, FILLDIR64 } from "../readdir.ts";
import { metadataBlock } from "./ext4_jbd2.ts";
import { ext4Of } from "./file_system.ts";

/** Gives the entries of a directory from the file's position on, in the order in which they lie in its blocks. */
behaviour(
  "ext4_readdir",
  [fn("ext4_bread"), fn("ext4_map_blocks"), fn("__getblk_gfp"), fn("__ext4_check_dir_entry"), FILLDIR64],
  (k, address = 0, ctx = 0) => {
    const file = k.vfs.files.get(address);
    const dir = file?.dentry;
    const inode = file?.inode;
    const entries = inode?.entries;
    if (file === undefined || !dir || !inode || !entries) return -ENOTDIR;
    const ext4 = ext4Of(k, inode);
    if (file.listing === null || CTX_POS.get(k, ctx) === 0) file.listing = [...entries.keys()];
    const names = [".", "..", ...file.listing];
    if (CTX_POS.get(k, ctx) < names.length && ext4 !== undefined) {
      const block = ext4.of(inode).blocks.get(0) ?? 0;
      metadataBlock(k, ext4.disk.bdev, block, ext4.layout.blockSize);
    }
    emitEntries(k, address, ctx, names, (name) => {
      const dentry = name === "." ? dir : name === ".." ? dir.parent : entries.get(name);
      if (!dentry?.inode) return null;
      ext4Of(k, dentry.inode)?.of(dentry.inode);
      k.call(fn("__ext4_check_dir_entry"), 0, 0, inode.address, address);
      return dentry.inode;
    });
    return 0;
  },
);

/** Moves the position of an open directory. */
behaviour("ext4_dir_llseek", [fn("generic_file_llseek_size")], (k, address = 0, offset = 0, whence = 0) => {
  const pos = whence === 1 ? FILE.pos.get(k, address) + offset : offset;
  if (whence > 1 || pos < 0) return -EINVAL;
  FILE.pos.set(k, address, pos);
  return pos;
});
behaviour("ext4_release_dir", [], () => 0);
