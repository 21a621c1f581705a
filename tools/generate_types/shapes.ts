/**
 * Takes from an image what its declarations say.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { FunctionShape, Shapes, Slot } from "./model.ts";
import { fieldType } from "./tracepoint_types.ts";
import { TypeWriter } from "./words.ts";

/** The declarations of an image: these functions, the tracepoints that match, and every type they reach. */
export function shapesOf(
  image: KernelImage,
  names: Iterable<string>,
  tracepoints: readonly string[],
): Shapes {
  const writer = new TypeWriter(image);
  const functions = new Map<string, FunctionShape | undefined>();
  for (const name of names) functions.set(name, functionShape(image, name, writer));
  const records = new Map<string, readonly Slot[]>();
  for (const glob of tracepoints) {
    for (const name of image.tracepoints(glob)) {
      const info = image.tracepoint(name as `${string}:${string}`);
      if (info === undefined) continue;
      records.set(
        name,
        info.fields.flatMap((field) => {
          const type = fieldType(field, writer);
          return type === undefined ? [] : [{ name: field.name, type }];
        }),
      );
    }
  }
  // Every context has the running task.
  writer.reach("task_struct");
  return { functions, types: writer.finish(), tracepoints: records };
}

function functionShape(image: KernelImage, name: string, writer: TypeWriter): FunctionShape | undefined {
  const prototype = image.prototype(name);
  if (prototype === undefined) return undefined;
  const params = prototype.params.filter((param) => param.name !== "")
    .map((param) => ({ name: param.name, type: writer.value(param.type) }));
  return { params, ret: writer.value(prototype.ret) };
}
