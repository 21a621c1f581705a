/**
 * C spelling of types, with BTF's own names (`long unsigned int`).
 *
 * @module
 */
import type { CType, Param } from "./model.ts";

/** A type as C spells it without a name: `struct file *`, `char[16]`, `int (*)(struct file *, bool)`. */
export function typeText(type: CType): string {
  return declaration(type, "");
}

/**
 * A declaration of `name` with a type: `struct file * file`, `char comm[16]`, `void (*fn)(void *)`.
 *
 * An empty name gives the type alone. What is anonymous reads `struct {...}`.
 */
export function declaration(type: CType, name: string): string {
  switch (type.kind) {
    case "ptr":
      return pointer(type.to, "*", name);
    case "array":
      return declaration(type.of, `${name}[${type.length === 0 ? "" : type.length}]`);
    case "func_proto":
      return declaration(type.ret, `${name}(${paramsText(type.params)})`);
    case "const":
    case "volatile":
    case "restrict": {
      const to = type.to;
      if (to.kind === "ptr") return pointer(to.to, `* ${type.kind}`, name);
      if (to.kind === "array" || to.kind === "func_proto") return declaration(to, name);
      return joined(`${type.kind} ${declaration(to, "")}`, name);
    }
    case "type_tag":
      // Tags are the kernel's address space marks: user, rcu, percpu.
      return joined(`${declaration(type.to, "")} __${type.name}`, name);
    case "void":
      return joined("void", name);
    case "int":
    case "float":
    case "typedef":
      return joined(type.name, name);
    case "enum":
    case "struct":
    case "union":
      return joined(type.name === "" ? `${type.kind} {...}` : `${type.kind} ${type.name}`, name);
    case "fwd":
      return joined(`${type.union ? "union" : "struct"} ${type.name}`, name);
  }
}

/** Parameters between a prototype's parentheses; a last one of type void stands for `...`. */
export function paramsText(params: readonly Param[]): string {
  if (params.length === 0) return "void";
  return params.map((p) => p.type.kind === "void" ? "..." : declaration(p.type, p.name)).join(", ");
}

function pointer(to: CType, star: string, name: string): string {
  const target = skipQualifiers(to);
  if (target.kind === "array" || target.kind === "func_proto") {
    return declaration(target, `(${star === "*" ? `*${name}` : joined(star, name)})`);
  }
  if (name.startsWith("*")) return declaration(to, `${star}${star === "*" ? "" : " "}${name}`);
  return declaration(to, joined(star, name));
}

/** Looks through qualifiers of arrays and functions, which C hangs on their elements. */
function skipQualifiers(type: CType): CType {
  let at = type;
  while (at.kind === "const" || at.kind === "volatile" || at.kind === "restrict") at = at.to;
  return at.kind === "array" || at.kind === "func_proto" ? at : type;
}

function joined(type: string, name: string): string {
  return name === "" || name.startsWith("[") || name.startsWith(")") ? type + name : `${type} ${name}`;
}
