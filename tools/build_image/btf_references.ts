/**
 * What BTF types refer to.
 *
 * @module
 */
import type { BtfType } from "./btf.ts";

/** Whether typedefs, qualifiers and arrays lead from a type back to it, or nowhere. */
export function isCircular(types: readonly (BtfType | undefined)[], id: number): boolean {
  let at = types[id];
  for (let steps = 0; steps < types.length; steps++) {
    if (!at || at.kind === "ptr" || at.kind === "func") return false;
    if ("to" in at) at = types[at.to];
    else if (at.kind === "array") at = types[at.of];
    else return false;
  }
  return true;
}

/** Type ids that a type is made of. */
export function referencesOf(type: BtfType): number[] {
  switch (type.kind) {
    case "ptr":
    case "const":
    case "volatile":
    case "restrict":
    case "typedef":
    case "type_tag":
      return [type.to];
    case "array":
      return [type.of];
    case "struct":
    case "union":
      return type.members.map((member) => member.type);
    case "func":
      return [type.proto];
    case "func_proto":
      return [type.ret, ...type.params.map((param) => param.type)];
    default:
      return [];
  }
}

/** The same type with every type id replaced. */
export function withReferences(type: BtfType, to: (id: number) => number): BtfType {
  switch (type.kind) {
    case "ptr":
    case "const":
    case "volatile":
    case "restrict":
    case "typedef":
    case "type_tag":
      return { ...type, to: to(type.to) };
    case "array":
      return { ...type, of: to(type.of), index: 0 };
    case "struct":
    case "union":
      return { ...type, members: type.members.map((member) => ({ ...member, type: to(member.type) })) };
    case "func":
      return { ...type, proto: to(type.proto) };
    case "func_proto":
      return { ...type, ret: to(type.ret), params: type.params.map((p) => ({ ...p, type: to(p.type) })) };
    default:
      return type;
  }
}
