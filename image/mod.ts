/**
 * Facts of real kernels: symbols, types, text, tracepoints, system calls, and the queries over them.
 *
 * ```ts
 * import { coreImage } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const image = await coreImage("x86_64");
 * assertEquals(image.prototype("vfs_open")?.text, "int vfs_open(const struct path * path, struct file * file)");
 * ```
 *
 * @module
 */
export * from "./model.ts";
export * from "./address.ts";
export { bytesFromJson, bytesToJson } from "./base64_json.ts";
export { declaration, paramsText, typeText } from "./ctype_text.ts";
export { globMatcher, isGlob } from "./glob.ts";
export { bitField, type CShape, MAX_ELEMENTS, MAX_STRING, shapeOf } from "./c_value.ts";
export { bareType, isCharacter, unqualified } from "./ctype.ts";
export { type Compound, fieldLayout, fieldNames, sizeOf } from "./layout.ts";
export { coreImage, fullImage, openImage } from "./load.ts";
export { editDistance, nearNames } from "./near.ts";
export { coreShapes } from "./shapes.ts";
export { blacklistRange, isStaticCall, specialSite, type Unprobeable, unprobeable } from "./unprobeable.ts";
