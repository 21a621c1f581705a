/**
 * Architectures: `archModel("arm64")` gives registers, calling convention and address space layout.
 *
 * ```ts
 * import { archModel, registerOf } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(registerOf(archModel("x86_64"), "di")?.offset, 112);
 * assertEquals(registerOf(archModel("arm64"), "lr")?.offset, 240);
 * ```
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import { ARM64 } from "./arm64.ts";
import { I386 } from "./i386.ts";
import type { ArchModel } from "./model.ts";
import { X86_64 } from "./x86_64.ts";

export type { AddressLayout, ArchModel, RegisterInfo } from "./model.ts";
export { registerNames, registerOf } from "./model.ts";
export {
  type ArgumentLayout,
  argumentLayout,
  type ArgumentOptions,
  type ArgumentWidth,
  prototypeLayout,
} from "./arguments.ts";
export { fillEntry, fillReturn, stackAfterReturn } from "./fill.ts";
export { PtRegs, type StackMemory, UNKNOWN_RETURN, unknownBit, type UnknownReader } from "./pt_regs.ts";

const MODELS: Readonly<Record<Arch, ArchModel>> = { x86_64: X86_64, arm64: ARM64, i386: I386 };

/** The model of an architecture. */
export function archModel(arch: Arch): ArchModel {
  return MODELS[arch];
}
