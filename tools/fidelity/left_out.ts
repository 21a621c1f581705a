/**
 * Shapes compiled without one program: how near the model comes to what was not recorded.
 *
 * @module
 */

import { fullImage } from "../../image/load.ts";
import type { Arch } from "../../image/model.ts";
import { ShapeLibrary } from "../../kernel/shapes/library.ts";
import { readFolder, withSituations } from "../compile_shapes/folders.ts";
import { compileShapes, type Recording } from "../compile_shapes/compile.ts";
import { encodeShapes } from "../compile_shapes/encode.ts";

const recordings = new Map<string, Promise<readonly Recording[]>>();

/** Shapes of all programs of `FOLDER/programs/ARCH` but one. */
export async function shapesWithout(folder: string, arch: Arch, name: string): Promise<ShapeLibrary> {
  const image = await fullImage(arch);
  const path = `${folder}/programs/${arch}`;
  let all = recordings.get(path);
  if (all === undefined) {
    all = withSituations(image, readFolder(path, () => true));
    recordings.set(path, all);
  }
  const others = (await all).filter((recording) => recording.name !== name);
  return ShapeLibrary.decode(encodeShapes(compileShapes(image, others).forest));
}
