/**
 * Joins a kernel's BTF and the split BTF of its modules to one list of types.
 *
 * @module
 */
import { type BtfType, parseBtf } from "./btf.ts";
import { withReferences } from "./btf_references.ts";
import type { Input } from "./read_symbols.ts";

/**
 * Types of the kernel under their own ids, then each module's. Modules all count on from the kernel's last id, so that the ids of all but the
 * first are moved.
 */
export function joinBtf(kernel: Input, modules: readonly Input[]): (BtfType | undefined)[] {
  const base = parseBtf(kernel.bytes, kernel.path);
  const end = base.types.length;
  const types = [...base.types];
  for (const module of modules) {
    const moved = types.length - end;
    for (const type of parseBtf(module.bytes, module.path, base).types.slice(end)) {
      types.push(type && withReferences(type, (id) => id < end ? id : id + moved));
    }
  }
  return types;
}
