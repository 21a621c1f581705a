/**
 * Files: dentry and mount chains that lead from every file to the root.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { MOUNT, PATH, SUPER, VFSMOUNT } from "../../kernel/fs/fields.ts";
import { checkDentryChain, checkMountChain, checkTree } from "../../kernel/fs/testing.ts";
import type { Watch } from "./watch.ts";

/** Whatever is opened stands below its file system's root, and that in mounts that end in themselves; so does all at the end. */
export function chainsEndInThemselves(watch: Watch): void {
  const { k } = watch;
  const sound = (what: string, look: () => void): void => {
    try {
      look();
    } catch (error) {
      watch.must(false, () => `${what}: ${error instanceof Error ? error.message : error}`);
    }
  };
  const follow = (path: Addr): void => {
    const mnt = PATH.mnt.get(k, path);
    const top = checkDentryChain(k, PATH.dentry.get(k, path));
    // What is not below a directory (a pipe, a socket, a file without a name) is its own top.
    const root = SUPER.root.get(k, VFSMOUNT.sb.get(k, mnt));
    const named = top !== PATH.dentry.get(k, path);
    watch.must(!named || top === root, () => `an opened file's dentries end in ${top}, not in ${root}`);
    checkMountChain(k, mnt - MOUNT.vfsmount.at(k, 0));
  };
  watch.onEntry("vfs_open", (path) => sound("an opened file", () => follow(path)));
  watch.atEnd(() => sound("the tree", () => checkTree(k)));
}
