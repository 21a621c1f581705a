/**
 * The full name of a file, out of kernel memory: what `d_path` gives.
 *
 * @module
 */

import type { Addr, CType, KernelImage } from "../image/model.ts";
import type { Kernel } from "../kernel/kernel.ts";

/** Most names of a path, so that a circle in memory ends. */
const MAX_NAMES = 128;

/** Longest name of a file. */
const MAX_NAME = 255;

interface Layout {
  readonly dentry: number;
  readonly mnt: number;
  readonly parent: number;
  readonly name: number;
  readonly root: number;
  readonly mountMnt: number;
  readonly mountParent: number;
  readonly mountpoint: number;
}

const layouts = new WeakMap<KernelImage, Layout | null>();

function layoutOf(image: KernelImage): Layout | null {
  const known = layouts.get(image);
  if (known !== undefined) return known;
  const offset = (type: string, field: string): number => {
    const found: CType | undefined = image.type(type);
    return found === undefined ? NaN : image.field(found, field)?.offset ?? NaN;
  };
  const layout: Layout = {
    dentry: offset("struct path", "dentry"),
    mnt: offset("struct path", "mnt"),
    parent: offset("struct dentry", "d_parent"),
    name: offset("struct dentry", "d_name.name"),
    root: offset("struct vfsmount", "mnt_root"),
    mountMnt: offset("struct mount", "mnt"),
    mountParent: offset("struct mount", "mnt_parent"),
    mountpoint: offset("struct mount", "mnt_mountpoint"),
  };
  const complete = Object.values(layout).every((at: number) => !Number.isNaN(at));
  layouts.set(image, complete ? layout : null);
  return complete ? layout : null;
}

/** What a `struct path` at an address leads to; empty where it leads nowhere. */
export function pathText(kernel: Kernel, path: Addr): string {
  const layout = layoutOf(kernel.image);
  if (layout === null) return "";
  const { pointerSize } = kernel.image;
  const pointer = (address: Addr): Addr => {
    const value = kernel.memory.probeReadInt(address, pointerSize, pointerSize === 8);
    return value === value ? value : 0;
  };
  let dentry = pointer(path + layout.dentry);
  let mount = pointer(path + layout.mnt) - layout.mountMnt;
  if (dentry === 0) return "";
  const names: string[] = [];
  for (let i = 0; i < MAX_NAMES; i++) {
    const parent = pointer(dentry + layout.parent);
    if (dentry === pointer(mount + layout.mountMnt + layout.root) || parent === dentry) {
      const above = pointer(mount + layout.mountParent);
      if (above === mount || above === 0) break;
      dentry = pointer(mount + layout.mountpoint);
      mount = above;
      continue;
    }
    names.push(kernel.memory.probeReadString(pointer(dentry + layout.name), MAX_NAME) ?? "");
    dentry = parent;
  }
  return `/${names.reverse().join("/")}`;
}
