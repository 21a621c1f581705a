/**
 * For tests: a kernel with a disk, and what its tracepoints tell.
 *
 * @module
 */

import { coreShapes, fullImage } from "../../../image/mod.ts";
import type { Arch } from "../../../image/model.ts";
import { Kernel } from "../../kernel.ts";
import { ShapeLibrary } from "../../shapes/library.ts";
import "../../syscalls/all.ts";
import { mountDisk, type MountedDisk } from "./mount.ts";

/** A kernel on the whole image with one disk at /mnt. */
export async function bootDisk(arch: Arch = "x86_64", options: Partial<MountedDisk> = {}): Promise<Kernel> {
  const k = new Kernel(await fullImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
  mountDisk(k, { mount: "/mnt", kind: "fixed", bytes: 64 * 2 ** 20, ...options });
  return k;
}

/** A tracepoint that was passed. */
export interface Passed {
  readonly name: string;
  readonly time: number;
  readonly comm: string;
  /** Integer fields. */
  readonly fields: Readonly<Record<string, number>>;
  /** `rwbs`, where it has one. */
  readonly rwbs: string;
}

/** Collects what tracepoints tell from now on. */
export function record(k: Kernel, ...names: string[]): Passed[] {
  const passed: Passed[] = [];
  for (const name of names) {
    k.tracepoints.register(name, (hit) => {
      const fields: Record<string, number> = {};
      let rwbs = "";
      for (const { name: field, type, offset, size } of hit.info.fields) {
        if (field === "rwbs") rwbs = hit.str(offset, size, false);
        else if (!type.includes("char")) {
          fields[field] = Number(hit.loadBig(offset, size, /^(int|long)\b/.test(type)));
        }
      }
      passed.push({ name: name.split(":")[1] ?? "", time: k.clock.now, comm: k.current.comm, fields, rwbs });
    });
  }
  return passed;
}
